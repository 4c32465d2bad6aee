"""What a step leaves for the page: sentences, numbers, tables with the query behind them, charts, checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

LEVELS = ("well", "warning", "stop")  # of a check: nothing, look at it, not to be trusted
DIGITS = 6  # to which numbers are kept: the last bits of a sum depend on the order in which threads came


@dataclass(frozen=True)
class Figure:
    """One number at the head of a section: what, its text, what is to be said beside it, the table that it is from."""

    label: str
    text: str
    note: str
    table: str


@dataclass(frozen=True)
class Table:
    """A table of the appendix, with the query or call that made it.

    `kinds` says by column how numbers are written: "rate", "points", "money", "count", "change" (of a count or of
    dollars), "number".
    """

    name: str
    title: str
    query: str
    columns: Sequence[str]
    kinds: Mapping[str, str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Chart:
    """An SVG, and what it shows for those who cannot see it."""

    title: str
    description: str
    svg: str


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: the number, its past range, and what to do."""

    level: str
    what: str
    number: str
    past: str
    to_do: str


@dataclass(frozen=True)
class Part:
    """What one step leaves."""

    title: str = ""
    sentences: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    checks: Sequence[Check] = ()
    changes: Sequence[str] = ()  # since the last page; their numbers are those of the second table
    kept: Mapping[str, Any] = field(default_factory=dict)  # what the next night compares with

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it.

        Examples
        --------
        >>> Part("Polls", ["All quiet."]).to_dict()["sentences"]
        ['All quiet.']
        """
        return _plain(asdict(self))


def table_of(
    name: str, title: str, query: str, frame: pl.DataFrame, kinds: Mapping[str, str] | None = None, most: int = 40
) -> Table:
    """Return a frame's first rows as a table of the page.

    Examples
    --------
    >>> made = table_of("regions", "Donors by region", "SELECT …", pl.DataFrame({"region": ["West"], "share": [1 / 3]}))
    >>> made.rows, made.kinds
    ([['West', 0.333333]], {'share': 'rate'})
    """
    rows = [[_plain(value) for value in row] for row in frame.head(most).iter_rows()]
    known = {column: kind for column in frame.columns if (kind := _kind(column, frame.schema[column]))}
    return Table(name, title, query, frame.columns, known | dict(kinds or {}), rows)


def _kind(column: str, dtype: pl.DataType) -> str | None:
    if not dtype.is_numeric():
        return None
    words = set(column.split("_"))
    if words & {"rate", "share", "chance", "estimate", "lower", "upper", "probability"}:
        return "rate"
    if "id" in words or "year" in words:
        return None
    return "count" if dtype.is_integer() else "number"


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, numbers to six digits."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
