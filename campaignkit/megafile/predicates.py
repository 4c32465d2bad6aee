"""Predicates and features made plain SQL: DuckDB's own parser finds the names, each is replaced where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from campaignkit.errors import BadValue, ColumnNotFound, listed, nearest
from campaignkit.megafile import tables
from campaignkit.megafile.facts import AS_OF, ATTRIBUTES, FUNCTIONS, is_window
from campaignkit.sql import quote_identifier, quote_literal

if TYPE_CHECKING:
    from campaignkit.megafile.store import Megafile

_HEAD, _TAIL = "SELECT (", ")"  # in brackets, so that a comment or a semicolon in the text can't reach beyond it


@dataclass(frozen=True)
class Translated:
    """A predicate or feature as plain SQL over `p`, and the restricted facts it uses."""

    sql: str
    restricted: frozenset[str]


@dataclass(frozen=True)
class _Name:
    """A column, attribute or fact where it stands in the text (in bytes), and its SQL."""

    start: int
    length: int
    sql: str
    called: str
    arguments: tuple[str, ...] = ()


def translate(megafile: Megafile, text: str, as_of: date) -> Translated:
    """Return a predicate with its attributes and facts written out; the rest of the text stays as it was.

    Raises
    ------
    BadValue
        If it does not parse, or a fact gets the wrong arguments.
    ColumnNotFound
        If it names a column or fact that is not there.
    """
    names = list(_names(_parsed(megafile, text)))
    for name in names:
        _check_values(megafile, name)
    raw = (_HEAD + text + _TAIL).encode()
    for name in sorted(names, key=lambda name: name.start, reverse=True):
        sql = name.sql.replace(AS_OF, quote_literal(as_of)).encode()
        raw = raw[: name.start] + sql + raw[name.start + name.length :]
    return Translated(raw.decode()[len(_HEAD) : -len(_TAIL)], _restricted(megafile, names))


def _restricted(megafile: Megafile, names: list[_Name]) -> frozenset[str]:
    """Return the restricted facts among names, and those that the scores among them were made of."""
    facts = {name.called for name in names if name.called in FUNCTIONS and FUNCTIONS[name.called].restricted}
    for name in (name for name in names if name.called == "score"):
        made_of = "SELECT DISTINCT restricted FROM score WHERE name = ? AND restricted IS NOT NULL"
        facts |= {part.strip() for (row,) in megafile.sql(made_of, name.arguments).rows() for part in row.split(",")}
    return frozenset(facts)


def _check_values(megafile: Megafile, name: _Name) -> None:
    """Refuse an argument that no row has: a misspelt value would be an audience of nobody, or of all but nobody."""
    fact = FUNCTIONS.get(name.called)
    given = [argument for argument in name.arguments if not is_window(argument)]
    if fact is None or not fact.vocabulary:
        return
    for position, argument in enumerate(given):
        table, column = fact.vocabulary[min(position, len(fact.vocabulary) - 1)]
        known = megafile.values(table, column)
        if known and argument not in known:
            end = nearest(argument, known)
            raise BadValue(
                f"{name.called}({argument!r}): no {table} has the {column} {argument!r}{end} There is: {listed(known)}."
            )


def _parsed(megafile: Megafile, text: str) -> dict[str, Any]:
    """Return the syntax tree of one condition."""
    parsed = json.loads(megafile.sql("SELECT json_serialize_sql(?) AS tree", [_HEAD + text + _TAIL]).item())
    if parsed["error"] or len(parsed["statements"]) != 1:
        raise BadValue(f"{text!r} is not a condition DuckDB can read: {parsed.get('error_message', 'two statements')}.")
    query = parsed["statements"][0]["node"]
    select = query.get("select_list", [])
    beyond = query["type"] != "SELECT_NODE" or query["from_table"]["type"] != "EMPTY" or query["where_clause"]
    if beyond or len(select) != 1 or select[0].get("function_name") == "row":
        raise BadValue(f"{text!r} is not one condition.")
    for name in _functions(select[0]):
        if megafile.sql("SELECT 1 FROM duckdb_functions() WHERE function_name = ? LIMIT 1", [name]).is_empty():
            raise ColumnNotFound(name, FUNCTIONS, where="a person (among facts)")
    return select[0]


def _children(node: Any) -> Iterator[Any]:
    yield from node if isinstance(node, list) else node.values() if isinstance(node, dict) else ()


def _functions(node: Any) -> set[str]:
    """Return the functions called that are not facts."""
    own = set()
    if isinstance(node, dict) and node.get("class") == "FUNCTION" and not node["is_operator"]:
        own = {node["function_name"]} - set(FUNCTIONS)
    return own.union(*(_functions(child) for child in _children(node)))


def _names(node: Any) -> Iterator[_Name]:
    kind = node.get("class") if isinstance(node, dict) else None
    if kind == "SUBQUERY":
        raise BadValue("A predicate can't hold a query of its own; use the facts, or mf.sql.")
    if kind == "COLUMN_REF":
        yield _column(node)
    elif kind == "FUNCTION" and node["function_name"] in FUNCTIONS:
        yield _call(node)
    else:
        for child in _children(node):
            yield from _names(child)


def _column(node: dict[str, Any]) -> _Name:
    path = node["column_names"]
    name, place = path[-1], (node["query_location"], node["query_location_length"])
    if len(path) == 1 or path[:-1] in (["p"], ["person"]):
        if name in tables.columns_of("person"):
            return _Name(*place, f"p.{quote_identifier(name)}", name)
        if name in ATTRIBUTES:
            return _Name(*place, ATTRIBUTES[name].sql(), name)
    known = [*tables.columns_of("person"), *ATTRIBUTES, *(f"{called}(…)" for called in FUNCTIONS)]
    raise ColumnNotFound(".".join(path), known, where="a person")


def _call(node: dict[str, Any]) -> _Name:
    name, fact = node["function_name"], FUNCTIONS[node["function_name"]]
    expressions = [argument["expression"] for argument in node["arguments"]]
    if any(e["class"] != "CONSTANT" or e["literal"]["kind"] != "STRING" for e in expressions):
        raise BadValue(f"{name}({fact.arguments}) takes text in single quotes.")
    given = tuple(expression["literal"]["text"] for expression in expressions)
    if any(AS_OF in argument for argument in given):
        raise BadValue(f"{AS_OF!r} can't stand in an argument of {name}.")
    if not fact.least <= len(given) <= fact.most:
        raise BadValue(f"{name}({fact.arguments}) takes {fact.least} to {fact.most} arguments, not {len(given)}.")
    return _Name(node["query_location"], node["query_location_length"], fact.sql(*given), name, given)
