"""The columns of a table of cells: how they are named and ordered, and read back from their names."""

from __future__ import annotations

from collections.abc import Sequence

from campaignkit.errors import BadValue, listed

MEASURE_FIELDS = ("n", "null", "nan", "mean", "ss", "min", "max")
PAIR_FIELDS = ("n", "mean_1", "mean_2", "ss_1", "ss_2", "css")
COUNTS = ("n", "null", "nan")


def column_order(by: Sequence[str], measures: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return the names of the answer's columns, in its order."""
    numbers = [f"{name}_{field}" for name in measures for field in MEASURE_FIELDS]
    numbers += [f"{a}_{b}_{field}" for a, b in pairs for field in PAIR_FIELDS]
    return [*by, "n", *numbers]


def check_names_differ(names: Sequence[str]) -> None:
    """Refuse an answer with two columns of one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadValue(f"The answer would have two columns named {twice[0]!r}; rename a column before the call.")


def read_columns(columns: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the keys, the measures and the pairs' joined names, from the order of a cells table's columns."""
    start = columns.index("n") if "n" in columns else len(columns)
    keys, rest, measures, pairs = columns[:start], columns[start + 1 :], [], []
    while rest:
        name = rest[0].removesuffix("_n")
        is_measure = rest[: len(MEASURE_FIELDS)] == [f"{name}_{field}" for field in MEASURE_FIELDS]
        fields = MEASURE_FIELDS if is_measure else PAIR_FIELDS
        if rest[: len(fields)] != [f"{name}_{field}" for field in fields]:
            break
        (measures if is_measure else pairs).append(name)
        rest = rest[len(fields) :]
    if rest or start == len(columns):
        raise BadValue(f"tables: these columns are not as cells() makes them: {listed(rest or columns)}.")
    return keys, measures, pairs
