"""What a user may say of a person: one scalar expression, read by DuckDB's parser, checked, and written anew.

Only what was read is used: SQL is written from the checked tree, so that nothing of the text itself (a comment, a
closing bracket, a LIMIT) reaches a query. Here stands the one list of what may occur in an expression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

import duckdb

from campaignkit.errors import BadValue, listed
from campaignkit.sql import quote_literal

Node = dict[str, Any]

LONGEST = 2_000_000  # bytes of one expression: a list of 100,000 ids and more
DEEPEST = 100  # brackets and operators within each other; DuckDB's parser takes minutes from some thousands on

#: Functions that may be called: scalar, the same result every time, and blind to anything but their arguments.
FUNCTIONS = frozenset({
    # numbers
    "abs", "ceil", "ceiling", "exp", "floor", "greatest", "isfinite", "isinf", "isnan", "least", "ln", "log", "log10",
    "log2", "mod", "pow", "power", "round", "sign", "sqrt", "trunc",
    # text
    "concat", "concat_ws", "contains", "ends_with", "ilike_escape", "instr", "lcase", "left", "length", "like_escape",
    "lower", "ltrim", "not_ilike_escape", "not_like_escape", "position", "prefix", "regexp_full_match",
    "regexp_matches", "replace", "reverse", "right", "rtrim", "starts_with", "strip_accents", "strlen", "strpos",
    "substr", "substring", "suffix", "trim", "ucase", "upper",
    # dates
    "date_diff", "date_part", "date_sub", "date_trunc", "datediff", "datepart", "datesub", "datetrunc", "day",
    "dayofmonth", "dayofweek", "dayofyear", "isodow", "isoyear", "last_day", "make_date", "month", "quarter",
    "to_days", "to_months", "to_weeks", "to_years", "week", "weekofyear", "year",
    # whichever is known
    "if", "ifnull", "nullif",
    # lists, such as `sources`
    "array_contains", "array_length", "len", "list_contains", "list_has", "list_has_all", "list_has_any",
    "list_value",
    # hashes, to draw people by
    "md5", "sha256",
})  # fmt: skip

#: Operators between two values, and how each is written.
_OPERATORS = {
    **{sign: sign for sign in ("+", "-", "*", "/", "//", "%", "**", "^", "||")},
    "~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE", "~~~": "GLOB",
}  # fmt: skip
_COMPARISONS = {
    "COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM", "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
}  # fmt: skip
_CONJUNCTIONS = {"CONJUNCTION_AND": " AND ", "CONJUNCTION_OR": " OR "}

#: Types that a value may be cast to.
TYPES = frozenset({
    "BIGINT", "BOOL", "BOOLEAN", "CHAR", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "FLOAT4", "FLOAT8", "INT", "INT2",
    "INT4", "INT8", "INTEGER", "NUMERIC", "REAL", "SMALLINT", "STRING", "TEXT", "TIMESTAMP", "TINYINT", "VARCHAR",
})  # fmt: skip

_WHOLE = re.compile(r"-?[0-9][0-9_]*")
_NUMBER = re.compile(r"-?[0-9_]*\.?[0-9_]*([eE][+-]?[0-9]+)?")


def parse(text: str) -> Node:
    """Return the tree of one expression, as DuckDB's parser reads it; nothing in it is checked yet.

    Parameters
    ----------
    text : str
        The expression.

    Raises
    ------
    BadValue
        If it is no text, too long or too deep, or not exactly one expression.

    Examples
    --------
    >>> parse("age > 40")["type"]
    'COMPARE_GREATERTHAN'
    """
    if not isinstance(text, str):
        raise BadValue(f"An expression is text such as \"gave('online')\", not {text!r}.")
    if len(text) > LONGEST:
        raise BadValue(f"An expression of {len(text):,} characters is too long; make a table and use mf.universe_of.")
    if _depth(text) > DEEPEST:
        raise BadValue(f"{_shown(text)} has more than {DEEPEST} brackets within each other.")
    return _parsed(text)


def _depth(text: str) -> int:
    depth = deepest = 0
    for sign in re.findall(r"[()\[\]{}]", text):
        depth += 1 if sign in "([{" else -1
        deepest = max(deepest, depth)
    return deepest


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return a database of nothing, to read texts with."""
    return duckdb.connect(config={"threads": 1, "autoload_known_extensions": False})


@lru_cache(maxsize=256)
def _parsed(text: str) -> Node:
    """Return the tree, read twice: a bracket of the text's own can't close round and square ones alike."""
    try:
        with _parser().cursor() as cursor:
            answer = cursor.execute(
                "SELECT json_serialize_sql(?), json_serialize_sql(?)", [f"SELECT ({text})", f"SELECT [{text}]"]
            ).fetchone()
        rounded, squared = (json.loads(tree) for tree in answer or ())
    except (duckdb.Error, UnicodeError, RecursionError) as error:
        raise BadValue(f"{_shown(text)} is not a condition DuckDB can read: {_cause(error)}.") from None
    if rounded["error"] or len(rounded["statements"]) != 1:
        reason = rounded.get("error_message", "two statements")
        raise BadValue(f"{_shown(text)} is not a condition DuckDB can read: {reason}.")
    _only(rounded, text)
    listed_values = _only(squared, text) if not squared["error"] and len(squared["statements"]) == 1 else {}
    if listed_values.get("function_name") != "list_value" or len(listed_values["arguments"]) != 1:
        raise BadValue(f"{_shown(text)} is not one condition.")
    return listed_values["arguments"][0]["expression"]


def _only(parsed: Node, text: str) -> Node:
    """Return the one expression of a query that selects nothing else and from nowhere."""
    query = parsed["statements"][0]["node"]
    select = query.get("select_list", [])
    beyond = query["type"] != "SELECT_NODE" or query["from_table"]["type"] != "EMPTY" or query["where_clause"]
    rest = ("modifiers", "group_expressions", "having", "qualify", "sample")
    beyond = beyond or query["cte_map"]["map"] or any(query.get(part) for part in rest)
    if beyond or len(select) != 1 or select[0].get("function_name") == "row" or select[0].get("alias"):
        raise BadValue(f"{_shown(text)} is not one condition.")
    return select[0]


def _cause(error: Exception) -> str:
    return "it is too deep" if isinstance(error, RecursionError) else str(error).splitlines()[0]


def _shown(text: str, most: int = 200) -> str:
    """Return a text as an error quotes it."""
    return repr(text if len(text) <= most else text[:most] + "…")


def is_known(function: str) -> bool:
    """Return whether DuckDB has a function of this name, allowed here or not.

    Examples
    --------
    >>> is_known("read_csv"), is_known("gaave")
    (True, False)
    """
    with _parser().cursor() as cursor:
        query = "SELECT count(*) FROM duckdb_functions() WHERE lower(function_name) = lower(?)"
        counted = cursor.execute(query, [function]).fetchone()
    return bool(counted and counted[0])


def children(node: Node) -> Iterator[Node]:
    """Yield the expressions right within one.

    Examples
    --------
    >>> [child["class"] for child in children(parse("age > 40"))]
    ['COLUMN_REF', 'CONSTANT']
    """
    kind = node["class"]
    if kind in ("CONJUNCTION", "OPERATOR"):
        yield from node["children"]
    elif kind == "COMPARISON":
        yield from (node["left"], node["right"])
    elif kind == "BETWEEN":
        yield from (node["input"], node["lower"], node["upper"])
    elif kind == "CASE":
        for check in node["case_checks"]:
            yield from (check["when_expr"], check["then_expr"])
        yield node["else_expr"]
    elif kind == "CAST":
        yield node["child"]
    elif kind == "FUNCTION":
        yield from (argument["expression"] for argument in node["arguments"])


def walk(node: Node) -> Iterator[Node]:
    """Yield an expression and all within it.

    Examples
    --------
    >>> sorted({one["class"] for one in walk(parse("not (age > 40)"))})
    ['COLUMN_REF', 'COMPARISON', 'CONSTANT', 'OPERATOR']
    """
    yield node
    for child in children(node):
        yield from walk(child)


def write(node: Node, named: Callable[[Node], str | None], depth: int = 0) -> str:
    """Return an expression as SQL, written from its tree.

    Parameters
    ----------
    node : dict
        What `parse` returned.
    named : callable
        From a column or a call to the SQL that stands for it; None: not a name of ours.
    depth : int
        How deep `node` stands.

    Raises
    ------
    BadValue
        If something in it may not stand in an expression.

    Examples
    --------
    >>> write(parse("age between 40 and 49 or not (sex='F') -- them\\n"), lambda node: "p." + node["column_names"][0]
    ...       if node["class"] == "COLUMN_REF" else None)
    "(p.age BETWEEN 40 AND 49) OR (NOT (p.sex = 'F'))"
    """
    if depth > DEEPEST:
        raise BadValue(f"An expression may be {DEEPEST} levels deep; this one is deeper.")
    if (sql := named(node)) is not None:
        return sql

    def part(child: Node) -> str:
        text = write(child, named, depth + 1)
        return text if _stands_alone(child, text) else f"({text})"

    writer = _WRITERS.get(node["class"])
    if writer is None:
        raise BadValue(_refused(node))
    return writer(node, part)


def _stands_alone(node: Node, text: str) -> bool:
    if node["class"] == "CONSTANT":
        return not text.startswith("-")
    return node["class"] == "COLUMN_REF" or (node["class"] == "FUNCTION" and not node["is_operator"])


def _refused(node: Node) -> str:
    kind = node["class"]
    if kind == "SUBQUERY":
        return "A predicate can't hold a query of its own; use the facts, or mf.sql."
    what = {
        "WINDOW": "a window function", "STAR": "a star", "LAMBDA": "a lambda", "PARAMETER": "a parameter",
        "POSITIONAL_REFERENCE": "a position", "COLLATE": "a collation", "DEFAULT": "DEFAULT",
    }.get(kind, f"a {kind.lower().replace('_', ' ')}")  # fmt: skip
    return f"An expression about a person can't hold {what}; compare columns and facts with values."


Part = Callable[[Node], str]


def _constant(node: Node, part: Part) -> str:
    kind, text = node["literal"]["kind"], node["literal"]["text"]
    if kind == "STRING":
        if "\0" in text:
            raise BadValue("A text in an expression can't hold a null character.")
        return quote_literal(text)
    if kind == "NULL_LITERAL":
        return "NULL"
    if kind == "BOOLEAN":
        return "true" if text == "true" else "false"
    if (kind == "INTEGER" and _WHOLE.fullmatch(text)) or (kind == "NUMERIC" and _NUMBER.fullmatch(text)):
        return text
    raise BadValue(f"A value in an expression is a number, a text in single quotes, true, false or null, not {text!r}.")


def _comparison(node: Node, part: Part) -> str:
    if (sign := _COMPARISONS.get(node["type"])) is None:
        raise BadValue(_refused(node))
    return f"{part(node['left'])} {sign} {part(node['right'])}"


def _conjunction(node: Node, part: Part) -> str:
    return _CONJUNCTIONS[node["type"]].join(part(child) for child in node["children"])


def _between(node: Node, part: Part) -> str:
    return f"{part(node['input'])} BETWEEN {part(node['lower'])} AND {part(node['upper'])}"


def _operator(node: Node, part: Part) -> str:
    first, *others = (part(child) for child in node["children"])
    kind = node["type"]
    if kind == "OPERATOR_NOT":
        return f"NOT {first}"
    if kind in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"):
        return f"{first} IS {'NOT ' if 'NOT' in kind else ''}NULL"
    if kind in ("COMPARE_IN", "COMPARE_NOT_IN") and others:
        return f"{first} {'NOT ' if 'NOT' in kind else ''}IN ({', '.join(others)})"
    if kind == "OPERATOR_COALESCE":
        return f"coalesce({', '.join([first, *others])})"
    raise BadValue(f"An expression about a person can't hold {kind.lower().replace('_', ' ')}.")


def _case(node: Node, part: Part) -> str:
    checks = (f"WHEN {part(check['when_expr'])} THEN {part(check['then_expr'])}" for check in node["case_checks"])
    return f"CASE {' '.join(checks)} ELSE {part(node['else_expr'])} END"


def _cast(node: Node, part: Part) -> str:
    kind = node["type_expr"]
    name = str(kind.get("type_name", "")).upper()
    if kind["class"] != "TYPE" or kind["schema"] or kind["catalog"] or name not in TYPES:
        raise BadValue(f"A value can't be cast to {name or 'that'} here; to one of: {listed(sorted(TYPES), most=30)}.")
    sizes = [child.get("literal", {}) for child in kind["children"]]
    if any(size.get("kind") != "INTEGER" or not _WHOLE.fullmatch(size["text"]) for size in sizes):
        raise BadValue(f"The sizes of {name} are whole numbers.")
    sized = f"{name}({', '.join(size['text'] for size in sizes)})" if sizes else name
    if name == "DATE" and not node["try_cast"] and node["child"].get("literal", {}).get("kind") == "STRING":
        return f"DATE {part(node['child'])}"
    return f"{'TRY_' if node['try_cast'] else ''}CAST({part(node['child'])} AS {sized})"


def _function(node: Node, part: Part) -> str:
    name, arguments = node["function_name"], node["arguments"]
    odd = node["distinct"] or node["filter"] or node["order_bys"].get("orders") or node["export_state"]
    if odd or node["schema"] or node["catalog"] or any(argument["name"] for argument in arguments):
        raise BadValue(f"{name}: a function is called here by its plain name and with plain arguments.")
    parts = [part(argument["expression"]) for argument in arguments]
    if node["is_operator"] and name in _OPERATORS and len(parts) == 2:
        return f"{parts[0]} {_OPERATORS[name]} {parts[1]}"
    if node["is_operator"] and name in ("-", "+") and len(parts) == 1:
        return f"{name}{parts[0]}"
    if name not in FUNCTIONS:
        kind = "operator" if node["is_operator"] else "function"
        raise BadValue(f"The {kind} {name!r} can't stand in an expression about a person; allowed: facts, and "
                       f"{listed(sorted(FUNCTIONS), most=200)}.")  # fmt: skip
    return f"{name}({', '.join(parts)})"


_WRITERS: dict[str, Callable[[Node, Part], str]] = {
    "CONSTANT": _constant, "COMPARISON": _comparison, "CONJUNCTION": _conjunction, "BETWEEN": _between,
    "OPERATOR": _operator, "CASE": _case, "CAST": _cast, "FUNCTION": _function,
}  # fmt: skip
