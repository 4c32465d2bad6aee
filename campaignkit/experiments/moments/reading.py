"""A table of people → moments of every arm, in one group-by; clusters first become one row each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import narwhals as nw

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments.moments.clustered import read_clustered
from campaignkit.experiments.moments.counts import refuse_counts_as_weights
from campaignkit.experiments.moments.groups import Design, Groups
from campaignkit.experiments.moments.independent import PROBE, read_independent
from campaignkit.tables import as_lazy, check_numbers, open_columns, unit_of


def read(data: Any, design: Design, control: Any = None) -> Groups:
    """Reduce a table to its groups; `control` is needed only where clusters may span arms."""
    checked = design.roles.unit if design.roles.cluster is None else None
    design = replace(design, roles=replace(design.roles, unit=unit_of(data, design.roles.unit)))
    frame = open_columns(data, design.names).frame
    check_numbers(frame, *design.roles.outcomes, argument="outcome")
    numbers = [*design.covariates.values(), *(name for name in (design.roles.weight, design.denominator) if name)]
    check_numbers(frame, *numbers, argument="covariate, weight or denominator")
    if design.counts is not None:
        check_numbers(frame, *design.counts.names, argument="trials, successes or totals")
    frame = as_lazy(frame.select(design.names))
    if design.roles.weight is not None:
        first = frame.select(design.roles.weight).head(PROBE).collect("polars").to_native()
        refuse_counts_as_weights(first[design.roles.weight], design.roles.weight)
    if checked is not None:  # a universe has each person once
        _check_units(frame, checked)
    groups = read_independent(frame, design) if design.independent else read_clustered(frame, design, control)
    if groups.table.is_empty():
        raise NotEnoughData("No row has an arm.")
    return groups


def _check_units(frame: nw.LazyFrame[Any], unit: str) -> None:
    counts = frame.select(
        rows=nw.len(), units=nw.col(unit).n_unique(), nulls=nw.col(unit).is_null().cast(nw.Int64).sum()
    )
    rows, units, nulls = counts.collect("polars").to_native().row(0)
    if nulls:
        raise BadValue(f"unit: {unit!r} is null in {nulls:,} rows; say who they are, or leave unit out.")
    if units < rows:
        raise BadValue(
            f"unit: {rows:,} rows hold {units:,} different {unit!r}; one row per unit was expected. Add up each unit's "
            f"rows before the call, or, where a unit's rows are people of their own, pass cluster={unit!r}."
        )
