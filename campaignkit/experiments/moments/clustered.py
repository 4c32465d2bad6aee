"""Clusters, weights, ratios and forerunners: an experiment by its units' totals and their co-moments."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.errors import BadValue
from campaignkit.experiments.gifts import read_gifts, top_shares
from campaignkit.experiments.groups import Columns, Groups, Outcome, assigned, kind_of
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.moments import Moments

PARTS = ("y", "d", "p", "g")
LINEAR_PAIRS = (("y", "d"), ("y", "p"), ("d", "p"), ("y", "g"), ("d", "g"), ("y", "q"))
CROSS = ("y", "d", "p")


def read_linear(frame: nw.LazyFrame[Any], columns: Columns, control: Any) -> Groups:
    schema = frame.collect_schema()
    wide = _rows(*_with_own(frame, columns), columns, schema)
    if columns.cluster is not None:
        wide = _totals(wide, columns, _is_control(columns.arm[0], schema, control))
    measures, pairs = _wanted(columns, schema)
    keys = [f"k{i}" for i in range(len(columns.keys))]
    table = cells(wide, keys, measures, comoments=pairs).rename(dict(zip(keys, columns.keys, strict=True)))
    unassigned, table = assigned(table.rename({"n": "units"}).with_columns(n=_total("rows")), columns)
    _check_filled(table, columns)
    groups = table.select(*columns.keys, rows=pl.col("n").round().cast(pl.Int64), units="units")
    spans = columns.cluster is not None and bool(table.select((_total("others") > 0).any()).item())
    found = [_linear_outcome(table, i, columns, schema, spans) for i in range(len(columns.outcomes))]
    for i, one in enumerate(found):
        if one.kind == "money":
            gifts = read_gifts(frame, one.name, list(columns.arm), columns)
            found[i] = Outcome(
                one.name, "money", one.moments, one.rows, one.missing, one.cross, top_shares(gifts, columns)
            )
    alone = 0 if columns.cluster is None else round(table.select(_total("alone").sum()).item())
    return Groups(groups, found, unassigned, spans, alone)


def _with_own(frame: nw.LazyFrame[Any], columns: Columns) -> tuple[nw.LazyFrame[Any], str | None]:
    """Return the table, and what tells people of no known cluster apart; None where all have theirs."""
    if columns.cluster is None:
        return frame, None
    nulls = frame.select(nw.col(columns.cluster).is_null().cast(nw.Int64).sum().alias("nulls")).collect("polars")
    if not nulls.item(0, 0):
        return frame, None
    if columns.unit is not None:
        return frame, columns.unit
    return frame.with_row_index("__row", order_by=columns.cluster), "__row"


def _total(name: str) -> pl.Expr:
    return (pl.col(f"{name}_mean") * pl.col(f"{name}_n")).fill_null(0)


def _rows(frame: nw.LazyFrame[Any], own: str | None, columns: Columns, schema: nw.Schema) -> nw.LazyFrame[Any]:
    """Return the keys and, for each outcome, a row's y, d, p, g; all null where the outcome is missing."""
    known = {name: _number(name, schema) for name in columns.outcomes}
    weight = None if columns.weight is None else _number(columns.weight, schema)
    per = None if columns.per is None else _number(columns.per, schema)
    found = [nw.col(name).alias(f"k{i}") for i, name in enumerate(columns.keys)]
    found.append(nw.lit(1.0).alias("rows"))
    if columns.cluster is not None:
        unknown = nw.col(columns.cluster).is_null()
        found += [nw.col(columns.cluster).alias("c"), unknown.cast(nw.Float64).alias("alone")]
        found += [] if own is None else [nw.when(unknown).then(nw.col(own)).alias("own")]
    for name, value in (("weight", weight), ("per", per)):
        if value is not None:
            found.append((value.is_null() | (value < 0)).fill_null(True).cast(nw.Float64).alias(f"bad_{name}"))
    for i, (name, value) in enumerate(known.items()):
        found += _parts(i, value, weight, per, _number(columns.pre[name], schema) if name in columns.pre else None)
    return frame.select(*found)


def _number(name: str, schema: nw.Schema) -> nw.Expr:
    value = nw.col(name).cast(nw.Float64)
    return nw.when(~value.is_nan()).then(value) if schema[name].is_float() else value


def _parts(i: int, value: nw.Expr, weight: nw.Expr | None, per: nw.Expr | None, pre: nw.Expr | None) -> list[nw.Expr]:
    known = ~value.is_null()
    times = (lambda x: x) if weight is None else (lambda x: x * weight)
    one = nw.lit(1.0)
    found = {
        "y": times(value),
        "d": times(one if per is None else per),
        "g": times((value != 0).cast(nw.Float64)),
        "low": value,
        "high": value,
        "present": one,
    }
    if pre is not None:
        found |= {"p": times(pre), "unfilled": pre.is_null().cast(nw.Float64)}
    return [
        *(nw.when(known).then(x).alias(f"{part}{i}") for part, x in found.items()),
        (~known).cast(nw.Float64).alias(f"missing{i}"),
        (nw.when(known).then(times(value) * times(value))).alias(f"q{i}"),
    ]


def _is_control(arm: str, schema: nw.Schema, control: Any) -> nw.Expr:
    column = nw.col("k0")
    if control is not None:
        return column == nw.lit(control)
    return column.str.to_lowercase() == "control" if schema[arm] == nw.String else column == nw.lit(0)


def _totals(wide: nw.LazyFrame[Any], columns: Columns, is_control: nw.Expr) -> nw.LazyFrame[Any]:
    """Return one row a cluster and group; beside it the totals of the same cluster's control, for those that span."""
    names = wide.collect_schema().names()
    cluster = [name for name in ("c", "own") if name in names]
    keys = [f"k{i}" for i in range(len(columns.arm) + len(columns.strata))]
    if columns.sequence is not None:  # a cluster is whole from its first day on
        day = f"k{len(keys)}"
        wide = wide.with_columns(nw.col(day).min().over(*cluster).alias(day))
        keys.append(day)
    numbers = [name for name in names if name not in (*keys, *cluster)]
    sums = [nw.col(x).min().alias(x) if x.startswith("low") else nw.col(x).max().alias(x) if x.startswith("high")
            else nw.col(x).sum().alias(x) for x in numbers]  # fmt: skip
    totals = wide.group_by(*cluster, *keys).agg(*sums)
    for i in range(len(columns.outcomes)):
        here = nw.col(f"present{i}") > 0  # some engines' sum of nothing is null, others' 0
        parts = [x for x in (*PARTS, "unfilled") if f"{x}{i}" in names]
        totals = totals.with_columns(*(nw.when(here).then(nw.col(f"{x}{i}")).alias(f"{x}{i}") for x in parts))
        totals = totals.with_columns((nw.col(f"y{i}") * nw.col(f"y{i}")).alias(f"q{i}"))
    of_control = [f"{x}{i}" for i in range(len(columns.outcomes)) for x in CROSS if f"{x}{i}" in names]
    of_it = [nw.when(is_control).then(nw.col(x)).alias(f"of_{x}") for x in of_control]
    here = nw.when(~nw.col("k0").is_null()).then(nw.col("rows")).alias("assigned")
    totals = totals.with_columns(*of_it, here)
    strata = keys[len(columns.arm) : len(columns.arm) + len(columns.strata)]
    within = (*cluster, *strata)
    shared = [nw.col(f"of_{x}").sum().over(*within).alias(f"control_{x}") for x in of_control]
    inside, whole = nw.col("assigned").sum().over(*within), nw.col("assigned").sum().over(*cluster)
    astray = [(whole - inside).alias("astray")] if strata and columns.nested else []
    return totals.with_columns(*shared, (inside - nw.col("assigned")).alias("others"), *astray)


def _wanted(columns: Columns, schema: nw.Schema) -> tuple[list[str], list[tuple[str, str]]]:
    measures = ["rows", *(["alone", "others"] if columns.cluster else [])]
    measures += ["astray"] if columns.cluster and columns.strata and columns.nested else []
    measures += [f"bad_{name}" for name in ("weight", "per") if getattr(columns, name) is not None]
    pairs = []
    for i, name in enumerate(columns.outcomes):
        skewed = columns.per is None
        parts = ["y", "d", *(["p"] if name in columns.pre else []), *(["g", "q"] if skewed else [])]
        measures += [
            f"{x}{i}" for x in (*parts[: parts.index("q") if skewed else None], "low", "high", "missing", "present")
        ]
        measures += [f"unfilled{i}"] if name in columns.pre else []
        pairs += [(f"{a}{i}", f"{b}{i}") for a, b in LINEAR_PAIRS if a in parts and b in parts]
        if columns.cluster is not None:
            cross = [x for x in CROSS if x in parts]
            pairs += [(f"{a}{i}", f"control_{b}{i}") for a in cross for b in cross]
    return measures, pairs


def _check_filled(table: pl.DataFrame, columns: Columns) -> None:
    def count(name: str) -> int:
        return round(table.select(_total(name).sum()).item())

    if "astray_n" in table.columns and count("astray"):
        raise BadValue(f"strata: some {columns.cluster!r} has people in two strata; a cluster lies within one.")
    for name in ("weight", "per"):
        column = getattr(columns, name)
        if column is not None and (bad := count(f"bad_{name}")):
            raise BadValue(f"{name}: {column!r} is null or negative in {bad:,} rows; numbers from 0 on were expected.")
    for i, name in enumerate(columns.outcomes):
        if name in columns.pre and (gaps := count(f"unfilled{i}")):
            raise BadValue(
                f"pre: {columns.pre[name]!r} is null in {gaps:,} rows with an outcome; fill it before the call, "
                "with 0 where nothing came before."
            )


def _linear_outcome(table: pl.DataFrame, i: int, columns: Columns, schema: nw.Schema, spans: bool) -> Outcome:
    name = columns.outcomes[i]
    n = table[f"y{i}_n"].to_numpy().astype(float)
    mean, products = np.zeros((*n.shape, 4)), np.zeros((*n.shape, 4, 4))
    mean[:, 1] = 1.0
    for j, part in enumerate(PARTS):
        if f"{part}{i}_mean" in table.columns:
            mean[:, j] = table[f"{part}{i}_mean"].fill_null(0).to_numpy()
            products[:, j, j] = table[f"{part}{i}_ss"].fill_null(0).to_numpy()
    for a, b in LINEAR_PAIRS[:-1]:
        if (field_ := f"{a}{i}_{b}{i}_css") in table.columns:
            j, k = PARTS.index(a), PARTS.index(b)
            products[:, j, k] = products[:, k, j] = table[field_].fill_null(0).to_numpy()
    cube = np.full_like(n, np.nan)
    if (field_ := f"y{i}_q{i}_css") in table.columns:
        cube = table[field_].fill_null(0).to_numpy() - 2 * mean[:, 0] * products[:, 0, 0]
    kind = _linear_kind(table, i, columns, schema, n, mean)
    rows, missing = (
        np.rint(table.select(_total(f"{x}{i}")).to_series().to_numpy()).astype(int) for x in ("present", "missing")
    )
    cross = _cross(table, i) if spans else None
    return Outcome(name, kind, Moments(n, mean, products, cube), rows, missing, cross)


def _linear_kind(table: pl.DataFrame, i: int, columns: Columns, schema: nw.Schema, n: Floats, mean: Floats) -> str:
    if columns.kind is not None:
        return columns.kind
    if columns.per is not None:
        return "mean"
    if schema[columns.outcomes[i]] == nw.Boolean:
        return "rate"
    total, nonzero = float(np.sum(n * mean[:, 0])), float(np.sum(n * mean[:, 3]))
    return kind_of(table[f"low{i}_min"].min(), table[f"high{i}_max"].max(), total, nonzero)


def _cross(table: pl.DataFrame, i: int) -> Floats:
    """Return Σ x z' over clusters, of the group's (y, d, p) and the control's in the same clusters."""
    found = np.zeros((table.height, 3, 3))
    for a, x in enumerate(CROSS):
        for b, z in enumerate(CROSS):
            pair = f"{x}{i}_control_{z}{i}"
            if f"{pair}_css" in table.columns:
                value = pl.col(f"{pair}_css") + pl.col(f"{pair}_n") * pl.col(f"{pair}_mean_1") * pl.col(
                    f"{pair}_mean_2"
                )
                found[:, a, b] = table.select(value.fill_null(0)).to_series().to_numpy()
    return found
