"""A table of people → moments of every arm, in one group-by; clusters first become one row each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import narwhals as nw

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments.groups import Columns, Groups
from campaignkit.experiments.linear import read_linear
from campaignkit.experiments.plain import read_plain
from campaignkit.tables import check_numbers, open_columns, unit_of


def read(data: Any, columns: Columns, control: Any = None) -> Groups:
    """Reduce a table to its groups; `control` is needed only where clusters may span arms."""
    checked = columns.unit if columns.cluster is None else None
    columns = replace(columns, unit=unit_of(data, columns.unit))
    frame = open_columns(data, columns.named).frame
    check_numbers(frame, *columns.outcomes, argument="outcome")
    numbers = [*columns.pre.values(), *(one for one in (columns.weight, columns.per) if one)]
    check_numbers(frame, *numbers, argument="pre, weight or per")
    _check_roles(columns)
    if not isinstance(frame, nw.LazyFrame) and not frame.implementation.is_polars():
        frame = frame.select(columns.named).lazy("polars")
    frame = frame.lazy()
    if checked is not None:  # a universe has each person once
        _check_units(frame, checked)
    found = read_plain(frame, columns) if columns.plain else read_linear(frame, columns, control)
    if found.table.is_empty():
        raise NotEnoughData("No row has an arm.")
    return found


def _check_roles(columns: Columns) -> None:
    taken = dict.fromkeys((*columns.arm, *columns.strata), "arm or strata")
    for name in (*columns.outcomes, *columns.pre.values()):
        if name in taken:
            raise BadValue(f"Column {name!r} is both {taken[name]} and outcome or pre; each column has one role.")


def _check_units(frame: nw.LazyFrame[Any], unit: str) -> None:
    found = frame.select(
        rows=nw.len(), units=nw.col(unit).n_unique(), nulls=nw.col(unit).is_null().cast(nw.Int64).sum()
    )
    rows, units, nulls = found.collect("polars").to_native().row(0)
    if nulls:
        raise BadValue(f"unit: {unit!r} is null in {nulls:,} rows; say who they are, or leave unit out.")
    if units < rows:
        raise BadValue(
            f"unit: {rows:,} rows hold {units:,} different {unit!r}; one row a unit was expected. Add up each unit's "
            f"rows before the call, or, where a unit's rows are people of their own, pass cluster={unit!r}."
        )
