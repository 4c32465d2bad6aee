"""Rows that are units and count 1 each: an experiment in one group-by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaignkit.cells import cells
from campaignkit.errors import BadValue
from campaignkit.experiments.moments.counts import cells_of_counts
from campaignkit.experiments.moments.gifts import counted_gifts, read_gifts, with_gifts
from campaignkit.experiments.moments.groups import Design, Groups, Outcome, assigned, fill_nonzero, kind_of
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.moments import Moments

MOST_KEYS = 6  # outcomes that are made part of the group's key; each may double the number of groups
PROBE = 10_000  # rows that tell which outcomes have few values
MOST_VALUES, MOST_NONZERO = 50, 0.1


def read_independent(frame: nw.LazyFrame[Any], design: Design) -> Groups:
    """Outcomes of few values become part of the key: counting them costs less than adding them up, and tells more."""
    counted, table = _cells(frame, design)
    unassigned, table = assigned(table, design)
    groups = table.group_by(design.keys).agg(rows=pl.col("n").sum(), units=pl.col("n").sum()).sort(design.keys)
    numbered = table.select(design.keys).join(
        groups.select(design.keys).with_row_index("at"),
        on=design.keys,
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    place = numbered["at"].to_numpy()
    outcomes = []
    for name in design.roles.outcomes:
        part = _counted(table, name) if name in counted else _summed(table, name)
        outcome = _outcome(part, place, groups.height, name, design)
        if outcome.kind == "money" and design.counts is None:
            few = name in counted
            gifts = counted_gifts(table, name, design) if few else read_gifts(frame, name, design.keys, design)
            outcome = with_gifts(outcome, gifts, groups, design)
        outcomes.append(outcome)
    return Groups(groups, outcomes, unassigned, False)


def _cells(frame: nw.LazyFrame[Any], design: Design) -> tuple[list[str], pl.DataFrame]:
    """Return the outcomes that are part of the key, and the table of cells."""
    if design.counts is not None:
        table, counted = cells_of_counts(frame, design.keys, design.counts)
        return [design.counts.outcome] if counted else [], table
    counted = _few_valued(frame, design)
    added = [name for name in design.roles.outcomes if name not in counted]
    return counted, cells(frame, [*design.keys, *counted], added)


def _few_valued(frame: nw.LazyFrame[Any], design: Design) -> list[str]:
    """Return the yes/no outcomes, and those of which the first rows say that few differ from 0, as gifts do.

    Should later rows be otherwise, the answer is the same and takes longer.
    """
    schema = frame.collect_schema()
    few = [name for name in design.roles.outcomes if schema[name] == nw.Boolean]
    others = [name for name in design.roles.outcomes if name not in few]
    if others and len(few) < MOST_KEYS:
        first = frame.select(others).head(PROBE).collect("polars").to_native()
        few += [name for name in others if _is_few(first[name].cast(pl.Float64).drop_nulls())]
    return few[:MOST_KEYS]


def _is_few(values: pl.Series) -> bool:
    return values.len() > 0 and (values.n_unique() <= MOST_VALUES or (values != 0).mean() <= MOST_NONZERO)  # ty: ignore


@dataclass(frozen=True)
class _Part:
    """One outcome's numbers in each row of the table of cells."""

    n: Floats
    missing: Floats
    mean: Floats
    ss: Floats
    low: float | None
    high: float | None


def _counted(table: pl.DataFrame, name: str) -> _Part:
    rows, value = table["n"].to_numpy().astype(float), table[name].cast(pl.Float64).to_numpy()
    if np.isinf(value).any():
        raise BadValue(f"Column {name!r} holds values that are infinite; make them null before the call.")
    known = ~np.isnan(value)
    n = np.where(known, rows, 0.0)
    seen = value[known]
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (None, None)
    return _Part(n, rows - n, np.where(known, value, 0.0), np.zeros_like(n), low, high)


def _summed(table: pl.DataFrame, name: str) -> _Part:
    columns = (f"{name}_{field}" for field in ("n", "null", "nan", "mean", "ss"))
    n, null, nan, mean, ss = (table[x].cast(pl.Float64).to_numpy() for x in columns)
    low, high = table[f"{name}_min"].min(), table[f"{name}_max"].max()
    return _Part(n, null + nan, np.where(n > 0, mean, 0.0), np.where(n > 0, ss, 0.0), low, high)  # ty: ignore


def _outcome(part: _Part, place: NDArray[Any], size: int, name: str, design: Design) -> Outcome:
    n, y, ss = _merged(part, place, size)
    mean, products = np.zeros((size, 4)), np.zeros((size, 4, 4))
    mean[:, 0], mean[:, 1], products[:, 0, 0] = y, 1.0, ss
    kind = design.kind or kind_of(part.low, part.high, float(np.sum(n * y)), float(np.sum(ss + n * y**2)))
    cube = n * y * (1 - y) * (1 - 2 * y) if kind == "rate" else np.full_like(n, np.nan)
    if kind == "rate":
        fill_nonzero(mean, products, n, y)
    missing = np.bincount(place, part.missing, size)
    return Outcome(name, kind, Moments(n, mean, products, cube), n.astype(int), missing.astype(int))


def _merged(part: _Part, place: NDArray[Any], size: int) -> tuple[Floats, Floats, Floats]:
    """Return each group's n, mean and ss from those of its parts, by Chan's formula about a mean near all of theirs."""
    n = np.bincount(place, part.n, size).astype(float)
    if len(place) == size:  # each part is a group: leave it exactly as it is
        order = np.argsort(place)
        return n, part.mean[order], part.ss[order]
    center = np.bincount(place, part.n * part.mean, size) / np.maximum(n, 1)
    off = part.mean - center[place]
    shift = np.bincount(place, part.n * off, size) / np.maximum(n, 1)
    ss = np.bincount(place, part.ss + part.n * off**2, size) - n * shift**2
    return n, center + shift, np.maximum(ss, 0.0)
