"""What is to be reduced: the keys, the columns of numbers and the sides of pairs, checked and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from campaignkit.cells.columns import check_names_differ, column_order
from campaignkit.checks import column_names
from campaignkit.errors import BadValue
from campaignkit.tables import check_columns, check_numbers, open_table

NESTED = (nw.List, nw.Array, nw.Struct, nw.Map)
EXACT_SUMS = (nw.Boolean, nw.Int8, nw.Int16, nw.Int32, nw.UInt8, nw.UInt16, nw.UInt32)


@dataclass(frozen=True)
class Value:
    """One Float64 column to be reduced: a measure, or one side of a pair on the pair's complete rows."""

    id: str
    count: str  # the column of the reduced table that has its n
    measure: bool
    exact: bool  # a plain sum of it is exact, up to 2**53
    yes_or_no: bool  # its count and sum say all


@dataclass(frozen=True)
class Plan:
    """What one call asks for, and the plain names that it has within the query."""

    by: list[str]
    measures: list[str]
    pairs: list[tuple[str, str]]
    schema: nw.Schema

    @property
    def keys(self) -> list[str]:
        """The keys within the query."""
        return [f"k{position}" for position in range(len(self.by))]

    @property
    def names(self) -> list[str]:
        """The answer's columns."""
        return column_order(self.by, self.measures, self.pairs)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of numbers, and the plain names they have within the query, whatever theirs are."""
        names = dict.fromkeys([*self.measures, *(side for pair in self.pairs for side in pair)])
        return {name: f"x{position}" for position, name in enumerate(names)}

    @property
    def sides(self) -> dict[str, tuple[str, str]]:
        """Each side of each pair: the column that it is, and the other, which must have a value too."""
        both = [(f"p{i}", self.columns[a], self.columns[b]) for i, (a, b) in enumerate(self.pairs)]
        return {f"{id_}_{side}": pair for id_, a, b in both for side, pair in ((1, (a, b)), (2, (b, a)))}

    @property
    def values(self) -> list[Value]:
        """What is reduced: the measures, then the sides of the pairs, two by two."""
        kinds = {column: self.schema[name] for name, column in self.columns.items()}
        told = {column: (kind in EXACT_SUMS, kind == nw.Boolean) for column, kind in kinds.items()}
        wholes = [self.columns[name] for name in self.measures]
        return [
            *(Value(column, f"{column}_n", True, *told[column]) for column in wholes),
            *(Value(id_, f"{id_[:-2]}_n", False, *told[side[0]]) for id_, side in self.sides.items()),
        ]

    def is_float(self, column: str) -> bool:
        """Whether a column of numbers, by its name within the query, may hold NaN and infinities."""
        dtypes = {self.columns[name]: self.schema[name] for name in self.columns}
        return dtypes[column].is_float()


def prepare(data: Any, by: Any, measures: Any, comoments: Any) -> tuple[nw.LazyFrame[Any], Plan]:
    """Check the arguments and return the table, lazily, with what is asked of it."""
    by, measures, pairs = column_names(by, "by"), column_names(measures, "measures"), _pairs(comoments)
    numbers = list(dict.fromkeys([*measures, *(side for pair in pairs for side in pair)]))
    frame = open_table(data)
    check_columns(frame, *by, *numbers)
    frame = _lazy(frame, list(dict.fromkeys(by + numbers)))
    check_numbers(frame, *measures)
    check_numbers(frame, *numbers, argument="comoments")
    plan = Plan(by, measures, pairs, frame.collect_schema())
    for name in by:
        if isinstance(plan.schema[name], NESTED):
            raise BadValue(f"by: column {name!r} is nested ({plan.schema[name]}); group by a part of it.")
    check_names_differ(plan.names)
    return frame, plan


def _pairs(comoments: Any) -> list[tuple[str, str]]:
    pairs = []
    for pair in comoments:
        if isinstance(pair, str) or len(names := column_names(pair, "a pair of comoments")) != 2:
            raise BadValue(f"comoments holds {pair!r}; pairs of columns were expected, as in [('before', 'after')].")
        pairs.append((names[0], names[1]))
    return pairs


def _lazy(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], needed: list[str]) -> nw.LazyFrame[Any]:
    if isinstance(frame, nw.LazyFrame) or frame.implementation.is_polars() or not needed:
        return frame.lazy()
    try:
        return frame.select(needed).lazy("polars")
    except (TypeError, ValueError) as error:  # Arrow's errors are of these
        raise BadValue(f"A column holds values of several types; give it one. ({error})") from error
