"""A table → cells: how many rows have each combination of features, outcome and whatever else is asked, in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import polars as pl

from campaignkit.cells import cells
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.voters.model.features import FeatureSpec, resolve
from campaignkit.voters.model.packed_counts import packed_counts


def count_cells(
    frame: nw.LazyFrame[Any], spec: FeatureSpec, keys: Mapping[str, nw.Expr], weight: str | None = None
) -> tuple[FeatureSpec, pl.DataFrame]:
    """Reduce a table to cells.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        Of any engine.
    spec : FeatureSpec
        The features.
    keys : mapping of str to expression
        What else cells are told apart by, as ``{"y": nw.col("voted")}``. Their names must not be f0, f1 …
    weight : str or None
        A column of weights, not negative. None: every row counts 1.

    Returns
    -------
    spec : FeatureSpec
        The features, their kinds known.
    cells : polars.DataFrame
        One row per combination: ``f0``, ``f1`` … (the features' keys), the keys that were asked for, ``n`` (rows),
        ``w`` and ``ww`` (the weights' sum and sum of squares; without weights both are n).

    Raises
    ------
    NotEnoughData
        The table has no rows.
    BadValue
        A weight is null, negative or not a number; or a feature's type makes no levels.
    """
    spec = resolve(frame, spec)
    keyed = frame.select(
        *features_keys(frame, spec), *(key.alias(name) for name, key in keys.items()), *_weight(weight)
    )
    by = [*(f"f{i}" for i in range(len(spec.features))), *keys]
    if weight is None:  # counts are exact without `cells`, which would also sort
        table = packed_counts(keyed, by[: len(spec.features)], list(keys))
        if table is None:
            table = keyed.group_by(*by).agg(nw.len().cast(nw.Int64).alias("n")).collect("polars").to_native()
        table = table.with_columns(w=pl.col("n").cast(pl.Float64), ww=pl.col("n").cast(pl.Float64))
    else:
        table = cells(keyed, by, "weight")
    if table.is_empty():
        raise NotEnoughData("The table has no rows.")
    if weight is None:
        return spec, table
    if table.filter((pl.col("weight_n") < pl.col("n")) | (pl.col("weight_min") < 0)).height:
        raise BadValue(
            f"weight: column {weight!r} is null, NaN or negative in some rows; put 0 where a row should not count."
        )
    total = pl.col("weight_mean") * pl.col("n")
    squares = pl.col("weight_ss") + pl.col("weight_mean") * total
    return spec, table.select(*by, "n", w=total, ww=squares)


def features_keys(frame: nw.LazyFrame[Any], spec: FeatureSpec) -> list[nw.Expr]:
    """Return the features' keys as f0, f1 …"""
    schema = frame.collect_schema()
    return [feature.key(schema[feature.name]).alias(f"f{i}") for i, feature in enumerate(spec.features)]


def _weight(weight: str | None) -> list[nw.Expr]:
    return [] if weight is None else [nw.col(weight).cast(nw.Float64).alias("weight")]
