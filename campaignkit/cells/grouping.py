"""The one group-by, in the engine: what is added up for each value, and centered where one pass is not enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import polars as pl

from campaignkit.cells.planning import Plan, Value
from campaignkit.progress import shown

SPLITTER = float(2**27 + 1)  # Dekker's, for 53-bit numbers
LARGEST = 1e150  # squares of larger numbers overflow


def reduce(frame: nw.LazyFrame[Any], plan: Plan, far: Sequence[str] = ()) -> pl.DataFrame:
    """Return the one group-by's answer; values in `far` are taken as deviations from the group's mean."""
    keys = [_key(name, plan.schema[name]).alias(key) for name, key in zip(plan.by, plan.keys, strict=True)]
    if plan.columns:
        frame = _with_numbers(frame, plan, keys)
        frame = _with_deviations(frame, plan, far)
    elif keys:
        frame = frame.select(*keys)
    aggregates = [nw.len().alias("n")]
    for column in plan.columns.values():
        aggregates += _counts(column, plan.is_float(column))
    for value in plan.values:
        aggregates += _moments(value, value.id in far)
    for pair in range(len(plan.pairs)):
        one, two = (_source(f"p{pair}_{side}", far) for side in (1, 2))
        aggregates += [
            nw.col(one).count().alias(f"p{pair}_n"),
            nw.cov(one, two, ddof=0).alias(f"p{pair}_cov"),
        ]
    table = frame.group_by(*plan.keys).agg(*aggregates) if keys else frame.select(*aggregates)
    with shown("cells", "reducing the rows to groups"):
        return _with_what_follows(table.collect("polars").to_native(), plan)


def _with_what_follows(table: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Add the variance, least and most of yes and no, which their count and sum say, exactly."""
    added = []
    for value in plan.values:
        if value.yes_or_no:
            n, yes = (pl.col(name).cast(pl.Float64) for name in (value.count, f"{value.id}_lead"))
            of = {"var": yes * (n - yes) / n**2, "min": yes >= n, "max": yes > 0}
            added += [pl.when(n > 0).then(x.cast(pl.Float64)).alias(f"{value.id}_{name}") for name, x in of.items()]
    return table.with_columns(added)


def _key(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    # Engines differ in the order and type of these; Unknown is what Narwhals has no name for, as DuckDB's UUID.
    as_text = isinstance(dtype, nw.Categorical | nw.Enum | nw.Unknown)
    return nw.col(name).cast(nw.String) if as_text else nw.col(name)


def _source(id_: str, far: Sequence[str]) -> str:
    return f"{id_}_off" if id_ in far else id_


def _with_numbers(frame: nw.LazyFrame[Any], plan: Plan, keys: list[nw.Expr]) -> nw.LazyFrame[Any]:
    """Keep keys and numbers; of floats both as they are and, to be squared, without NaN, infinite and hugest."""
    floats = [column for column in plan.columns.values() if plan.is_float(column)]
    given = {name: f"{column}_given" if column in floats else column for name, column in plan.columns.items()}
    frame = frame.select(*keys, *(nw.col(name).cast(nw.Float64).alias(alias) for name, alias in given.items()))
    fine = {column: nw.col(f"{column}_given").is_between(-LARGEST, LARGEST) for column in floats}
    if fine:
        frame = frame.with_columns(
            *(nw.when(is_fine).then(nw.col(f"{c}_given")).alias(c) for c, is_fine in fine.items())
        )
    sides = [
        nw.when(~nw.col(other).is_null()).then(nw.col(column)).alias(id_) for id_, (column, other) in plan.sides.items()
    ]
    return frame.with_columns(*sides) if sides else frame


def _with_deviations(frame: nw.LazyFrame[Any], plan: Plan, far: Sequence[str]) -> nw.LazyFrame[Any]:
    """Add deviations from the group's mean for the values in `far`, and the leading bits of what is summed."""
    if far:
        centers = [nw.col(id_).mean() for id_ in far]
        over = [center.over(*plan.keys) if plan.by else center for center in centers]
        frame = frame.with_columns(*(x.alias(f"{id_}_center") for id_, x in zip(far, over, strict=True)))
        frame = frame.with_columns(*((nw.col(x) - nw.col(f"{x}_center")).alias(f"{x}_off") for x in far))
    leads = [_leading(_source(v.id, far)).alias(f"{v.id}_lead") for v in plan.values if not v.exact]
    return frame.with_columns(*leads) if leads else frame


def _leading(column: str) -> nw.Expr:
    big = nw.col(column) * SPLITTER
    return big - (big - nw.col(column))


def _counts(column: str, is_float: bool) -> list[nw.Expr]:
    counts = [nw.col(column).count().alias(f"{column}_n")]
    if is_float:
        given = nw.col(f"{column}_given")
        counts.append(given.count().alias(f"{column}_given"))
        counts.append(nw.when(given.is_nan()).then(given).count().alias(f"{column}_nan"))
    return counts


def _moments(value: Value, centered: bool) -> list[nw.Expr]:
    source = nw.col(f"{value.id}_off" if centered else value.id)
    lead = source if value.exact else nw.col(f"{value.id}_lead")
    if value.yes_or_no:
        return [lead.sum().alias(f"{value.id}_lead")]
    moments = [source.var(ddof=0).alias(f"{value.id}_var"), lead.sum().alias(f"{value.id}_lead")]
    if not value.exact:
        moments.append((source - lead).sum().alias(f"{value.id}_rest"))
    if centered:
        moments.append(nw.col(f"{value.id}_center").min().alias(f"{value.id}_center"))
    if value.measure:
        whole = nw.col(value.id)
        moments += [whole.min().alias(f"{value.id}_min"), whole.max().alias(f"{value.id}_max")]
    return moments
