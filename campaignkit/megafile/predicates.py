"""Predicates and features made plain SQL: read as one expression, each name in it checked and put in its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from campaignkit.errors import BadValue, ColumnNotFound, listed, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.expressions import grammar as expressions
from campaignkit.megafile.expressions.grammar import Node, walk
from campaignkit.megafile.expressions.known_values import unmatched
from campaignkit.megafile.facts import AS_OF, Fact, is_window
from campaignkit.megafile.known_facts import KnownFacts, known_facts
from campaignkit.restrictions import UNTRACED
from campaignkit.sql import quote_identifier, quote_literal

_SHEET = "mf.facts lists them all, mf.fact_sheet('a word') searches them."

#: Columns that say who somebody is: compared with values, they are a list of people from who knows where.
_IDENTIFYING = frozenset({"person_id", "household_id", "state_voter_id", "van_id", "phone", "email"})

#: SQL of a name that needs no brackets beside an operator.
_WHOLE = re.compile(r'p\."|\(SELECT |EXISTS \(|coalesce\(|list_contains\(')


@dataclass(frozen=True)
class Translated:
    """A predicate or feature as plain SQL over `p`.

    Attributes
    ----------
    sql : str
    restricted : frozenset of str
        What it uses that may not serve soliciting.
    unmatched : tuple of str
        For each value that it compares a column with and that nobody has: a sentence with the nearest.
    warnings : tuple of str
        What its scores are to be used with care for, such as ranking no better than chance.
    columns : frozenset of str
        The columns and attributes that it names.
    """

    sql: str
    restricted: frozenset[str]
    unmatched: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset()


def translate(megafile: Connection, text: str, as_of: date | str) -> Translated:
    """Return an expression about a person as SQL, written anew from what DuckDB's parser read.

    `as_of` is a date, or SQL for one, such as a column that has a date for each row.

    Raises
    ------
    BadValue
        If it is not one expression, holds what may not stand in one (see `expressions`), or a fact gets the wrong
        arguments.
    ColumnNotFound
        If it names a column or fact that is not there.
    """
    tree, facts = expressions.parse(text), known_facts(megafile)
    for node in walk(tree):
        if node["class"] == "FUNCTION" and node["function_name"] in facts.functions:
            name = node["function_name"]
            _check_values(megafile, name, facts.functions[name], _arguments(node, facts.functions[name]))
    day = as_of if isinstance(as_of, str) else quote_literal(as_of)

    def named(node: Node) -> str | None:
        sql = _name(node, facts)
        if sql is None:
            return None
        sql = sql.replace(AS_OF, day)
        return sql if _WHOLE.match(sql) else f"({sql})"

    sql = expressions.write(tree, named)
    restricted, warnings = _restricted(megafile, tree, facts)
    return Translated(sql, restricted, unmatched(megafile, tree), warnings, _columns_named(tree))


def named_features(features: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Return expressions by the column name each gets.

    Examples
    --------
    >>> named_features(["age", "gifts('90d')", "voted_in('2008-11-04')"])
    {'age': 'age', 'gifts_90d': "gifts('90d')", 'voted_in_2008_11_04': "voted_in('2008-11-04')"}
    """
    if isinstance(features, str):
        raise BadValue(f"Pass a list of features: [{features!r}].")
    if isinstance(features, Mapping):
        return dict(features)
    listed = list(features)
    named = {re.sub(r"\W+", "_", text).strip("_"): text for text in listed}
    if len(named) < len(set(listed)):
        raise BadValue("Two features would have one name; pass a mapping of names to features.")
    return named


def _name(node: Node, facts: KnownFacts) -> str | None:
    """Return the SQL of a column, attribute or fact; None: it is neither."""
    if node["class"] == "COLUMN_REF":
        return _column(node, facts)
    if node["class"] != "FUNCTION" or node["is_operator"]:
        return None
    name = node["function_name"]
    if name in facts.functions:
        return facts.functions[name].sql(*_arguments(node, facts.functions[name]))
    if name not in expressions.FUNCTIONS and not expressions.is_known(name):
        raise ColumnNotFound(name, facts.functions, where="a person (among facts)", see=_SHEET)
    return None


def _column(node: Node, facts: KnownFacts) -> str:
    path = node["column_names"]
    name = path[-1]
    if len(path) == 1 or path[:-1] in (["p"], ["person"]):
        if name in schema.columns_of("person"):
            return f"p.{quote_identifier(name)}"
        if name in facts.attributes:
            return facts.attributes[name].sql()
    known = [*schema.columns_of("person"), *facts.attributes, *(f"{called}(…)" for called in facts.functions)]
    raise ColumnNotFound(".".join(path), known, where="a person", see=_SHEET)


def _arguments(node: Node, fact: Fact) -> tuple[str, ...]:
    """Return a fact's arguments."""
    name = node["function_name"]
    given = [argument["expression"] for argument in node["arguments"]]
    if any(constant["class"] != "CONSTANT" or constant["literal"]["kind"] != "STRING" for constant in given):
        raise BadValue(f"{name}({fact.arguments}) takes text in single quotes.")
    texts = tuple(constant["literal"]["text"] for constant in given)
    if any(AS_OF in text or "\0" in text for text in texts):
        raise BadValue(f"{AS_OF!r} and null characters can't stand in an argument of {name}.")
    odd = node["distinct"] or node["filter"] or node["order_bys"].get("orders") or node["schema"] or node["catalog"]
    if odd or any(argument["name"] for argument in node["arguments"]):
        raise BadValue(f"{name}({fact.arguments}) takes nothing but its arguments.")
    if not fact.least <= len(texts) <= fact.most:
        raise BadValue(f"{name}({fact.arguments}) takes {fact.least} to {fact.most} arguments, not {len(texts)}.")
    return texts


def _check_values(megafile: Connection, name: str, fact: Fact, arguments: tuple[str, ...]) -> None:
    """Refuse an argument that no row has: a misspelt value would be an audience of nobody, or of all but nobody."""
    given = [argument for argument in arguments if not is_window(argument)]
    if not fact.vocabulary:
        return
    for position, argument in enumerate(given):
        table, column = fact.vocabulary[min(position, len(fact.vocabulary) - 1)]
        known = megafile.values(table, column)
        if known and argument not in known:
            end = nearest(argument, known)
            raise BadValue(
                f"{name}({argument!r}): no {table} has the {column} {argument!r}{end} There is: {listed(known)}."
            )


def _columns_named(tree: Node) -> frozenset[str]:
    return frozenset(node["column_names"][-1] for node in walk(tree) if node["class"] == "COLUMN_REF")


def _restricted(
    megafile: Connection, tree: Node, known: KnownFacts
) -> tuple[frozenset[str], tuple[str, ...]]:  # fmt: skip
    """Return what may not serve soliciting, of facts, scores, tags and ids written out, and what its scores warn of."""
    calls = [node for node in walk(tree) if node["class"] == "FUNCTION" and node["function_name"] in known.functions]
    facts = {node["function_name"] for node in calls if known.functions[node["function_name"]].restricted}
    facts |= {name for name in _columns_named(tree) if name in known.attributes and known.attributes[name].restricted}
    facts = facts.union(*(known.barred.get(name, ()) for name in facts))
    if any(_names_people(node) for node in walk(tree)):
        facts.add(UNTRACED)
    warnings: list[str] = []
    for table, warning_of in (("score", "warning"), ("tag", "NULL")):
        function = {"score": "score", "tag": "tagged"}[table]
        texts = (_arguments(n, known.functions[function]) for n in calls if n["function_name"] == function)
        for name in dict.fromkeys(texts):
            query = f"SELECT DISTINCT restricted, {warning_of} AS warning FROM {table} WHERE name = ?"
            for made_of, warning in megafile.sql(query, name).rows():
                facts |= {part.strip() for part in (made_of or "").split(",")} - {""}
                warnings += [f"score('{name[0]}') {warning}"] if warning else []
    return frozenset(facts), tuple(warnings)


def _names_people(node: Node) -> bool:
    """Return whether a comparison picks people by id."""
    compares = node["class"] in ("COMPARISON", "BETWEEN") or node["type"] in ("COMPARE_IN", "COMPARE_NOT_IN")
    if not compares and node.get("function_name") not in ("contains", "list_contains", "array_contains"):
        return False
    within = list(walk(node))
    columns = any(part["class"] == "COLUMN_REF" and part["column_names"][-1] in _IDENTIFYING for part in within)
    return columns and any(part["class"] == "CONSTANT" for part in within)
