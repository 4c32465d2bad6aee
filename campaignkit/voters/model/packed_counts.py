"""Counting on DuckDB with a row's features packed into one whole number: half the price of grouping by ten texts."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.sql import quote_literal

SAMPLED = 50_000  # rows that tell which values there are; others are counted apart
MOST_VALUES = 200
MOST_CODES = 2**62


def packed_counts(keyed: nw.LazyFrame[Any], features: list[str], keys: list[str]) -> pl.DataFrame | None:
    """Count a table's rows by features and keys, if it lies in DuckDB and its first rows show few values.

    Parameters
    ----------
    keyed : narwhals.LazyFrame
        Columns `features`, as text, booleans or whole numbers, and `keys`.

    Returns
    -------
    polars.DataFrame or None
        As a plain group-by would: features, keys, ``n``. None where it would not pay.

    Notes
    -----
    A value that the first rows do not show makes the number null; rows with one are grouped as they are, in a second
    pass that only they take.
    """
    native = keyed.to_native()
    if not isinstance(native, duckdb.DuckDBPyRelation) or len(features) < 2:
        return None
    if any(dtype.is_float() or dtype == nw.Unknown for dtype in keyed.select(features).collect_schema().values()):
        return None
    values = _values(native, features)
    sizes = [len(known) + 1 for known in values]
    if max(sizes) > MOST_VALUES or math.prod(sizes) > MOST_CODES:
        return None
    packed = _packed(features, values)
    beside = ", ".join(["", *keys])
    counted = native.aggregate(f"{packed} AS packed{beside}, count(*) AS n").pl()
    counts = _unpacked(counted.filter(pl.col("packed").is_not_null()), features, values, keys)
    if counted["packed"].is_null().any():
        named = f"{', '.join(features)}{beside}"
        rest = native.filter(f"{packed} IS NULL").aggregate(f"{named}, count(*) AS n").pl()
        counts = pl.concat([counts.cast(dict(rest.schema)), rest])
    return counts.with_columns(pl.col("n").cast(pl.Int64))


def _values(native: duckdb.DuckDBPyRelation, features: list[str]) -> list[list[Any]]:
    """Return each feature's values among the first rows, null left out."""
    known = "list_sort(list(DISTINCT {0}) FILTER (WHERE {0} IS NOT NULL)) AS {0}"
    lists = ", ".join(known.format(name) for name in features)
    row = native.limit(SAMPLED).aggregate(lists).pl()
    return [[] if row[name][0] is None else row[name][0].to_list() for name in features]


def _packed(features: list[str], values: list[list[Any]]) -> str:
    """Return SQL: one number for a row's values, 0 standing for null; null where a value is not among the known."""
    whole = "0"
    for name, known in zip(features, values, strict=True):
        pairs = ", ".join(f"{quote_literal(value)}: {at}::BIGINT" for at, value in enumerate(known, 1))
        position = f"MAP {{{pairs}}}[{name}]" if known else "NULL"
        whole = f"({whole} * {len(known) + 1} + CASE WHEN {name} IS NULL THEN 0 ELSE {position} END)"
    return f"{whole}::BIGINT"


def _unpacked(counted: pl.DataFrame, features: list[str], values: list[list[Any]], keys: list[str]) -> pl.DataFrame:
    rest = counted["packed"].to_numpy().astype(np.int64)
    columns: dict[str, pl.Series] = {}
    for name, known in zip(reversed(features), reversed(values), strict=True):
        rest, at = np.divmod(rest, len(known) + 1)
        columns[name] = pl.Series(name, [None, *known]).gather(at)
    return pl.DataFrame([columns[name] for name in features]).with_columns(counted.select(*keys, "n"))
