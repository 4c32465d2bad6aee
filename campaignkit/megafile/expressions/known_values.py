"""Values that nobody has: a text compared with a column of few values is held against them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from campaignkit.errors import listed, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.expressions.grammar import Node, walk
from campaignkit.megafile.facts import CONSUMER
from campaignkit.vocabulary import AGE_LABELS

#: Values of a column above which it has no vocabulary.
MOST = 20_000

#: Columns whose values are anything.
_FREE = frozenset({
    "first_name", "middle_name", "last_name", "address", "unit", "phone", "email", "state_voter_id", "van_id",
})  # fmt: skip

_EQUALITIES = ("COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_DISTINCT_FROM", "COMPARE_NOT_DISTINCT_FROM")
_PATTERNS = {"~~": 0, "!~~": 0, "~~*": re.IGNORECASE, "!~~*": re.IGNORECASE}


def known_values(megafile: Connection, column: str) -> Sequence[str]:
    """Return the values of one of person's columns or attributes, in order; none where it may hold anything.

    Examples
    --------
    >>> import campaignkit as ck
    >>> mf = ck.sample.megafile()
    >>> known_values(mf, "sex"), known_values(mf, "last_name")
    (['F', 'M'], [])
    """
    if column == "age_band":
        return AGE_LABELS
    if column in CONSUMER:
        return megafile.values("consumer", column) if schema.columns_of("consumer")[column] == "VARCHAR" else []
    if own := megafile.own_values(column, most=MOST):
        return own
    if column in _FREE or schema.columns_of("person").get(column) != "VARCHAR":
        return []
    return megafile.values("person", column, most=MOST)


def unmatched(megafile: Connection, tree: Node) -> tuple[str, ...]:
    """Return a sentence for each text in an expression that is compared with a column and that nobody has there."""
    sentences = {}
    for column, literal, matches in _compared(tree):
        known = known_values(megafile, column)
        if known and not (literal in known if matches is None else any(map(matches.fullmatch, known))):
            end = nearest(literal, known)
            sentences[column, literal] = f"{column} = {literal!r}: nobody has that{end} There is: {listed(known)}."
    return tuple(sentences.values())


def _compared(tree: Node) -> Iterator[tuple[str, str, re.Pattern[str] | None]]:
    """Yield each column, the text that it is compared with and, where that is a pattern, what it matches."""
    for node in walk(tree):
        if node["class"] == "COMPARISON" and node["type"] in _EQUALITIES:
            sides = [node["left"], node["right"]]
        elif node["type"] in ("COMPARE_IN", "COMPARE_NOT_IN"):
            sides = node["children"]
        elif node["class"] == "FUNCTION" and node["function_name"] in ("contains", *_PATTERNS):
            sides = _sides(node)
        else:
            continue
        columns = [side["column_names"][-1] for side in sides if side["class"] == "COLUMN_REF"]
        texts = [side["literal"]["text"] for side in sides if _is_text(side)]
        if len(columns) == 1:
            flags = _PATTERNS.get(node.get("function_name", ""))
            yield from ((columns[0], text, None if flags is None else _pattern(text, flags)) for text in texts)


def _sides(node: Node) -> list[Node]:
    """Return what a LIKE compares; or ``column in ['a', 'b']``, which the parser reads as a call, as an IN would."""
    sides = [argument["expression"] for argument in node["arguments"]]
    if node["function_name"] in _PATTERNS:
        return sides if all(side["literal"]["text"].count("%") <= 2 for side in sides if _is_text(side)) else []
    if not sides or sides[0].get("function_name") != "list_value":
        return []
    return [*(argument["expression"] for argument in sides[0]["arguments"]), *sides[1:]]


def _is_text(node: Node) -> bool:
    return node["class"] == "CONSTANT" and node["literal"]["kind"] == "STRING"


def _pattern(like: str, flags: int) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(sign) or re.escape(sign) for sign in like), flags | re.DOTALL)
