"""Clusters, weights, denominators and covariates: an experiment by its units' totals and their co-moments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.errors import BadValue
from campaignkit.experiments.moments.gifts import log_variances, read_gifts, top_shares
from campaignkit.experiments.moments.groups import Design, Groups, Outcome, assigned, kind_of
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.clustered import MANY, LeaveOut
from campaignkit.stats.intervals.moments import Moments

PARTS = ("y", "d", "p", "g")
PAIRS = (("y", "d"), ("y", "p"), ("d", "p"), ("y", "g"), ("d", "g"), ("y", "q"))
LEFT = {"u": "y", "v": "d", "r": "p"}  # totals times what leaving out their cluster would change
LEFT_FIELDS = ("css", "mean_1", "mean_2", "ss_1", "ss_2")
LEFT_PAIRS = (("u", "v"), ("u", "r"), ("v", "r"))
CROSS = ("y", "d", "p")


def read_clustered(frame: nw.LazyFrame[Any], design: Design, control: Any) -> Groups:
    schema = frame.collect_schema()
    wide = _rows(*_with_own(frame, design), design, schema)
    if design.roles.cluster is not None:
        wide = _totals(wide, design, _is_control(design.roles.arms[0], schema, control))
    measures, pairs = _wanted(design, schema)
    keys = [f"k{i}" for i in range(len(design.keys))]
    table = cells(wide, keys, measures, comoments=pairs).rename(dict(zip(keys, design.keys, strict=True)))
    unassigned, table = assigned(table.rename({"n": "units"}).with_columns(n=_total("rows")), design)
    _check_filled(table, design)
    groups = table.select(*design.keys, rows=pl.col("n").round().cast(pl.Int64), units="units")
    spans = design.roles.cluster is not None and bool(table.select((_total("others") > 0).any()).item())
    outcomes = [_outcome(table, i, design, schema, spans) for i in range(len(design.roles.outcomes))]
    for i, outcome in enumerate(outcomes):
        if outcome.kind == "money":
            gifts = read_gifts(frame, outcome.name, list(design.roles.arms), design)
            shares, logs = top_shares(gifts, design), log_variances(gifts, design)
            outcomes[i] = replace(outcome, top_share=shares, log_variance=logs)
    alone = 0 if design.roles.cluster is None else round(table.select(_total("alone").sum()).item())
    return Groups(groups, outcomes, unassigned, spans, alone)


def _with_own(frame: nw.LazyFrame[Any], design: Design) -> tuple[nw.LazyFrame[Any], str | None]:
    """Return the table, and what tells people of no known cluster apart; None where all have theirs."""
    if design.roles.cluster is None:
        return frame, None
    nulls = frame.select(nw.col(design.roles.cluster).is_null().cast(nw.Int64).sum().alias("nulls")).collect("polars")
    if not nulls.item(0, 0):
        return frame, None
    if design.roles.unit is not None:
        return frame, design.roles.unit
    return frame.with_row_index("__row", order_by=design.roles.cluster), "__row"


def _total(name: str) -> pl.Expr:
    return (pl.col(f"{name}_mean") * pl.col(f"{name}_n")).fill_null(0)


def _rows(frame: nw.LazyFrame[Any], own: str | None, design: Design, schema: nw.Schema) -> nw.LazyFrame[Any]:
    """Return the keys and, for each outcome, a row's y, d, p, g; all null where the outcome is missing."""
    known = {name: _number(name, schema) for name in design.roles.outcomes}
    weight = None if design.roles.weight is None else _number(design.roles.weight, schema)
    denominator = None if design.denominator is None else _number(design.denominator, schema)
    columns = [nw.col(name).alias(f"k{i}") for i, name in enumerate(design.keys)]
    columns.append(nw.lit(1.0).alias("rows"))
    if design.roles.cluster is not None:
        unknown = nw.col(design.roles.cluster).is_null()
        columns += [nw.col(design.roles.cluster).alias("c"), unknown.cast(nw.Float64).alias("alone")]
        columns += [] if own is None else [nw.when(unknown).then(nw.col(own)).alias("own")]
    for name, value in (("weight", weight), ("denominator", denominator)):
        if value is not None:
            columns.append((value.is_null() | (value < 0)).fill_null(True).cast(nw.Float64).alias(f"bad_{name}"))
    for i, (name, value) in enumerate(known.items()):
        columns += _parts(
            i,
            value,
            weight,
            denominator,
            _number(design.covariates[name], schema) if name in design.covariates else None,
        )
    return frame.select(*columns)


def _number(name: str, schema: nw.Schema) -> nw.Expr:
    value = nw.col(name).cast(nw.Float64)
    return nw.when(~value.is_nan()).then(value) if schema[name].is_float() else value


def _parts(
    i: int, value: nw.Expr, weight: nw.Expr | None, denominator: nw.Expr | None, covariate: nw.Expr | None
) -> list[nw.Expr]:
    known = ~value.is_null()
    times = (lambda x: x) if weight is None else (lambda x: x * weight)
    unit = nw.lit(1.0)
    parts = {
        "y": times(value),
        "d": times(unit if denominator is None else denominator),
        "g": times((value != 0).cast(nw.Float64)),
        "low": value,
        "high": value,
        "present": unit,
    }
    if covariate is not None:
        parts |= {"p": times(covariate), "unfilled": covariate.is_null().cast(nw.Float64)}
    return [
        *(nw.when(known).then(x).alias(f"{part}{i}") for part, x in parts.items()),
        (~known).cast(nw.Float64).alias(f"missing{i}"),
        (nw.when(known).then(times(value) * times(value))).alias(f"q{i}"),
    ]


def _is_control(arm: str, schema: nw.Schema, control: Any) -> nw.Expr:
    column = nw.col("k0")
    if control is not None:
        return column == nw.lit(control)
    return column.str.to_lowercase() == "control" if schema[arm] == nw.String else column == nw.lit(0)


def _totals(wide: nw.LazyFrame[Any], design: Design, is_control: nw.Expr) -> nw.LazyFrame[Any]:
    """Return one row per cluster and group; beside it the totals of the same cluster's control, for those that span."""
    names = wide.collect_schema().names()
    cluster = [name for name in ("c", "own") if name in names]
    keys = [f"k{i}" for i in range(len(design.roles.arms) + len(design.roles.by))]
    if design.sequence is not None:  # a cluster is whole from its first day on
        day = f"k{len(keys)}"
        wide = wide.with_columns(nw.col(day).min().over(*cluster).alias(day))
        keys.append(day)
    numbers = [name for name in names if name not in (*keys, *cluster)]
    sums = [nw.col(x).min().alias(x) if x.startswith("low") else nw.col(x).max().alias(x) if x.startswith("high")
            else nw.col(x).sum().alias(x) for x in numbers]  # fmt: skip
    totals = wide.group_by(*cluster, *keys).agg(*sums)
    for i in range(len(design.roles.outcomes)):
        here = nw.col(f"present{i}") > 0  # some engines' sum of nothing is null, others' 0
        parts = [x for x in (*PARTS, "unfilled") if f"{x}{i}" in names]
        totals = totals.with_columns(*(nw.when(here).then(nw.col(f"{x}{i}")).alias(f"{x}{i}") for x in parts))
        totals = totals.with_columns((nw.col(f"y{i}") * nw.col(f"y{i}")).alias(f"q{i}"))
    if jackknifed(design):
        totals = _left_out(totals, design, keys)
        names = totals.collect_schema().names()
    of_control = [
        f"{x}{i}" for i in range(len(design.roles.outcomes)) for x in _cross_names(design) if f"{x}{i}" in names
    ]
    of_it = [nw.when(is_control).then(nw.col(x)).alias(f"of_{x}") for x in of_control]
    here = nw.when(~nw.col("k0").is_null()).then(nw.col("rows")).alias("assigned")
    totals = totals.with_columns(*of_it, here)
    strata = keys[len(design.roles.arms) : len(design.roles.arms) + len(design.roles.by)]
    within = (*cluster, *strata)
    shared = [nw.col(f"of_{x}").sum().over(*within).alias(f"control_{x}") for x in of_control]
    inside, whole = nw.col("assigned").sum().over(*within), nw.col("assigned").sum().over(*cluster)
    astray = [(whole - inside).alias("astray")] if strata and design.nested else []
    return totals.with_columns(*shared, (inside - nw.col("assigned")).alias("others"), *astray)


def jackknifed(design: Design) -> bool:
    """Return whether variances are the jackknife's over clusters; not day by day, where sizes grow."""
    return design.roles.cluster is not None and design.sequence is None


def _left_out(totals: nw.LazyFrame[Any], design: Design, keys: list[str]) -> nw.LazyFrame[Any]:
    """Return each cluster's totals also times D / (D − d), d its size and D its group's; null where it is alone.

    In groups of many clusters of about one size the factor is left at 1, as `Moments` then takes the usual variance.
    """
    names = totals.collect_schema().names()
    for i in range(len(design.roles.outcomes)):
        own, whole = nw.col(f"d{i}"), nw.col(f"d{i}").sum().over(*keys)
        squares = (own * own).sum().over(*keys)
        many = whole * whole > (MANY + 2) * squares
        factor = nw.when(many).then(nw.lit(1.0)).otherwise(nw.when(whole > own).then(whole / (whole - own)))
        left = {new: old for new, old in LEFT.items() if f"{old}{i}" in names}
        totals = totals.with_columns(factor.alias("factor"))
        totals = totals.with_columns(
            *((nw.col(f"{old}{i}") * nw.col("factor")).alias(f"{new}{i}") for new, old in left.items())
        )
        square = nw.col(f"v{i}") * nw.col(f"v{i}")
        totals = totals.with_columns((square * square).alias(f"f{i}")).drop("factor")
    return totals


def _cross_names(design: Design) -> tuple[str, ...]:
    return tuple(LEFT) if jackknifed(design) else CROSS


def _wanted(design: Design, schema: nw.Schema) -> tuple[list[str], list[tuple[str, str]]]:
    measures = ["rows", *(["alone", "others"] if design.roles.cluster else [])]
    measures += ["astray"] if design.roles.cluster and design.roles.by and design.nested else []
    measures += [f"bad_{name}" for name, column in _divisors(design) if column is not None]
    pairs = []
    for i, name in enumerate(design.roles.outcomes):
        skewed = design.denominator is None
        parts = ["y", "d", *(["p"] if name in design.covariates else []), *(["g", "q"] if skewed else [])]
        measures += [
            f"{x}{i}" for x in (*parts[: parts.index("q") if skewed else None], "low", "high", "missing", "present")
        ]
        measures += [f"unfilled{i}"] if name in design.covariates else []
        pairs += [(f"{a}{i}", f"{b}{i}") for a, b in PAIRS if a in parts and b in parts]
        if jackknifed(design):
            left = [new for new, old in LEFT.items() if old in parts]
            measures.append(f"f{i}")
            pairs += [(f"{a}{i}", f"{b}{i}") for a, b in LEFT_PAIRS if a in left and b in left]
        if design.roles.cluster is not None:
            cross = [x for x in _cross_names(design) if LEFT.get(x, x) in parts]
            pairs += [(f"{a}{i}", f"control_{b}{i}") for a in cross for b in cross]
    return measures, pairs


def _divisors(design: Design) -> tuple[tuple[str, str | None], ...]:
    return ("weight", design.roles.weight), ("denominator", design.denominator)


def _check_filled(table: pl.DataFrame, design: Design) -> None:
    def count(name: str) -> int:
        return round(table.select(_total(name).sum()).item())

    if "astray_n" in table.columns and count("astray"):
        raise BadValue(f"strata: some {design.roles.cluster!r} has people in two strata; a cluster lies within one.")
    for name, column in _divisors(design):
        if column is not None and (bad := count(f"bad_{name}")):
            raise BadValue(f"{name}: {column!r} is null or negative in {bad:,} rows; numbers from 0 on were expected.")
    for i, name in enumerate(design.roles.outcomes):
        if name in design.covariates and (gaps := count(f"unfilled{i}")):
            raise BadValue(
                f"covariate: {design.covariates[name]!r} is null in {gaps:,} rows with an outcome; fill it before "
                "the call, with 0 where nothing came before."
            )


def _outcome(table: pl.DataFrame, i: int, design: Design, schema: nw.Schema, spans: bool) -> Outcome:
    name = design.roles.outcomes[i]
    n = table[f"y{i}_n"].to_numpy().astype(float)
    mean, products = np.zeros((*n.shape, 4)), np.zeros((*n.shape, 4, 4))
    mean[:, 1] = 1.0
    for j, part in enumerate(PARTS):
        if f"{part}{i}_mean" in table.columns:
            mean[:, j] = table[f"{part}{i}_mean"].fill_null(0).to_numpy()
            products[:, j, j] = table[f"{part}{i}_ss"].fill_null(0).to_numpy()
    for a, b in PAIRS[:-1]:
        if (field_ := f"{a}{i}_{b}{i}_css") in table.columns:
            j, k = PARTS.index(a), PARTS.index(b)
            products[:, j, k] = products[:, k, j] = table[field_].fill_null(0).to_numpy()
    cube = np.full_like(n, np.nan)
    if (field_ := f"y{i}_q{i}_css") in table.columns:
        cube = table[field_].fill_null(0).to_numpy() - 2 * mean[:, 0] * products[:, 0, 0]
    kind = _kind(table, i, design, schema, n, mean)
    rows, missing = (
        np.rint(table.select(_total(f"{x}{i}")).to_series().to_numpy()).astype(int) for x in ("present", "missing")
    )
    cross = _cross(table, i, _cross_names(design)) if spans else None
    left = _left(table, i) if jackknifed(design) else None
    return Outcome(name, kind, Moments(n, mean, products, cube, left), rows, missing, cross)


def _left(table: pl.DataFrame, i: int) -> LeaveOut:
    """Return what leaving out each cluster would change; pairs of columns hold the means and squares of each, too."""
    mean, ss, order = np.zeros((table.height, 3)), np.zeros((table.height, 3, 3)), list(LEFT)
    for a, b in LEFT_PAIRS:
        pair = f"{a}{i}_{b}{i}"
        if f"{pair}_css" in table.columns:
            fields = {name: table[f"{pair}_{name}"].fill_null(np.nan).to_numpy() for name in LEFT_FIELDS}
            j, k = order.index(a), order.index(b)
            ss[:, j, k] = ss[:, k, j] = fields["css"]
            for at, own in ((j, "1"), (k, "2")):
                mean[:, at], ss[:, at, at] = fields[f"mean_{own}"], fields[f"ss_{own}"]
    return LeaveOut(mean, ss, table.select(_total(f"f{i}")).to_series().to_numpy())


def _kind(table: pl.DataFrame, i: int, design: Design, schema: nw.Schema, n: Floats, mean: Floats) -> str:
    if design.kind is not None:
        return design.kind
    if design.denominator is not None:
        return "mean"
    if schema[design.roles.outcomes[i]] == nw.Boolean:
        return "rate"
    total, nonzero = float(np.sum(n * mean[:, 0])), float(np.sum(n * mean[:, 3]))
    return kind_of(table[f"low{i}_min"].min(), table[f"high{i}_max"].max(), total, nonzero)


def _cross(table: pl.DataFrame, i: int, names: tuple[str, ...]) -> Floats:
    """Return Σ x z' over clusters, of the group's (y, d, p) and the control's in the same clusters."""
    cross = np.zeros((table.height, 3, 3))
    for a, x in enumerate(names):
        for b, z in enumerate(names):
            pair = f"{x}{i}_control_{z}{i}"
            if f"{pair}_css" in table.columns:
                value = pl.col(f"{pair}_css") + pl.col(f"{pair}_n") * pl.col(f"{pair}_mean_1") * pl.col(
                    f"{pair}_mean_2"
                )
                cross[:, a, b] = table.select(value.fill_null(0)).to_series().to_numpy()
    return cross
