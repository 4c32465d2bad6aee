"""A table → cells: how many rows have each combination of features, outcome and whatever else is asked, in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import duckdb
import narwhals as nw
import polars as pl

from campaignkit.cells import cells
from campaignkit.checks import check_columns, check_numbers, open_table
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.sql import HASH_DIGITS, canonical_ids, hashed_shares, quote_identifier, quote_literal
from campaignkit.voters.features import Asked, resolve
from campaignkit.voters.packing import packed_counts

Frame = nw.LazyFrame[Any]


@dataclass(frozen=True)
class Read:
    """A table reduced.

    Attributes
    ----------
    asked : Asked
        The features, their kinds known.
    cells : polars.DataFrame
        One row a combination: ``f0``, ``f1`` … (the features' keys), the keys that were asked for, ``n`` (rows), and,
        where there are weights, ``w`` and ``ww`` (their sum and sum of squares; otherwise both are n).
    """

    asked: Asked
    cells: pl.DataFrame


def read(frame: Frame, asked: Asked, keys: Mapping[str, nw.Expr], weight: str | None = None) -> Read:
    """Reduce a table to cells.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        As `opened` returns it.
    asked : Asked
        The features.
    keys : mapping of str to expression
        What else cells are told apart by, as ``{"y": nw.col("voted")}``. Their names must not be f0, f1 …
    weight : str or None
        A column of weights, not negative. None: every row counts 1.

    Raises
    ------
    NotEnoughData
        The table has no rows.
    BadValue
        A weight is null, negative or not a number; or a feature's type makes no levels.
    """
    asked = resolve(frame, asked)
    keyed = frame.select(
        *features_keys(frame, asked), *(key.alias(name) for name, key in keys.items()), *_weight(weight)
    )
    by = [*(f"f{i}" for i in range(len(asked.features))), *keys]
    if weight is None:  # counts are exact without `cells`, which would also sort
        table = packed_counts(keyed, by[: len(asked.features)], list(keys))
        if table is None:
            table = keyed.group_by(*by).agg(nw.len().cast(nw.Int64).alias("n")).collect("polars").to_native()
        table = table.with_columns(w=pl.col("n").cast(pl.Float64), ww=pl.col("n").cast(pl.Float64))
    else:
        table = cells(keyed, by, "weight")
    if table.is_empty():
        raise NotEnoughData("The table has no rows.")
    if weight is None:
        return Read(asked, table)
    if table.filter((pl.col("weight_n") < pl.col("n")) | (pl.col("weight_min") < 0)).height:
        raise BadValue(
            f"weight: column {weight!r} is null, NaN or negative in some rows; say 0 where a row is not to count."
        )
    total = pl.col("weight_mean") * pl.col("n")
    squares = pl.col("weight_ss") + pl.col("weight_mean") * total
    return Read(asked, table.select(*by, "n", w=total, ww=squares))


def features_keys(frame: Frame, asked: Asked) -> list[nw.Expr]:
    """Return the features' keys as f0, f1 …"""
    schema = frame.collect_schema()
    return [feature.key(schema[feature.name]).alias(f"f{i}") for i, feature in enumerate(asked.features)]


def _weight(weight: str | None) -> list[nw.Expr]:
    return [] if weight is None else [nw.col(weight).cast(nw.Float64).alias("weight")]


def opened(data: Any, *names: str) -> tuple[Frame, frozenset[str]]:
    """Return a table as a lazy frame, and what in the named columns may not serve soliciting.

    Of what has ``.features()``, as a universe does, names may also be facts such as ``gifts('90d')``. What is
    restricted is known of a universe, and guessed from names that begin with ``fec_``.
    """
    frame = open_table(data)
    features, translated = getattr(data, "features", None), getattr(data, "translated", None)
    available = frame.collect_schema().names()
    facts = [name for name in names if name not in available]
    restricted = set(getattr(data, "restricted", ())) | {name for name in names if name.lower().startswith("fec_")}
    if callable(features) and facts:
        always = ("person_id", "household_id")
        wanted = {name: name if name in facts else quote_identifier(name) for name in names if name not in always}
        frame = open_table(features(wanted))
        if callable(translated):
            restricted |= {one for name in facts for one in translated(name).restricted}
    check_columns(frame, *names)
    return as_lazy(frame), frozenset(restricted)


def as_lazy(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> Frame:
    """Return a table as a lazy one: of its engine, or of Polars where it is in memory."""
    if isinstance(frame, nw.DataFrame) and not frame.implementation.is_polars():
        frame = nw.from_native(frame.to_polars())
    return frame.lazy()


def yes_or_no(frame: Frame, column: str, argument: str = "outcome") -> nw.Expr:
    """Return a column of booleans or 0/1 as true, false or null (NaN is null).

    Raises
    ------
    BadValue
        It is of another type.
    """
    dtype = frame.collect_schema()[column]
    if dtype == nw.Boolean:
        return nw.col(column)
    check_numbers(frame, column, argument=argument)
    return (
        nw.when(nw.col(column).cast(nw.Float64) == 1)
        .then(nw.lit(True))
        .when(nw.col(column).cast(nw.Float64) == 0)
        .then(nw.lit(False))
    )


def with_shares(frame: Frame, ids: Sequence[str], salt: str, name: str = "__share") -> Frame:
    """Return the frame with a number in [0, 1) for each row: 52 bits of the sha256 of its id's text and the salt.

    Parameters
    ----------
    frame : narwhals.LazyFrame
    ids : sequence of str
        The columns of ids, the first that is not null counting: cluster before unit. None: row position, which only a
        frame in memory has.
    salt : str
    name : str
        The new column.

    Notes
    -----
    As `sql.hashed_shares`, on DuckDB and Spark by their own sha256; no row leaves either.
    """
    native = frame.to_native()
    if isinstance(native, duckdb.DuckDBPyRelation):
        texts = ", ".join(_duckdb_text(frame, one) for one in ids)
        digits = f"left(sha256(coalesce({texts}) || {quote_literal('|' + salt)}), {HASH_DIGITS})"
        share = f"('0x' || {digits})::BIGINT / {16**HASH_DIGITS}.0::DOUBLE"
        return nw.from_native(native.project(f"*, {share} AS {quote_identifier(name)}"))
    if isinstance(native, pl.LazyFrame):
        return nw.from_native(_polars_shares(native, ids, salt, name))
    return nw.from_native(_spark_shares(native, ids, salt, name))


def _duckdb_text(frame: Frame, column: str) -> str:
    quoted = quote_identifier(column)
    return f"{quoted}::BIGINT::VARCHAR" if frame.collect_schema()[column].is_float() else f"{quoted}::VARCHAR"


def _polars_shares(native: pl.LazyFrame, ids: Sequence[str], salt: str, name: str) -> pl.LazyFrame:
    def share(columns: Sequence[pl.Series]) -> pl.Series:
        texts = [canonical_ids(column) for column in columns]
        text = pl.select(pl.coalesce(texts)).to_series()
        hashed = hashed_shares(text.fill_null(""), salt)
        return pl.select(pl.when(text.is_not_null()).then(hashed)).to_series()

    if not ids:
        return native.with_row_index("__row").pipe(_polars_shares, ["__row"], salt, name)
    return native.with_columns(
        pl.map_batches(list(ids), share, return_dtype=pl.Float64, is_elementwise=True).alias(name)
    )


def _spark_shares(native: Any, ids: Sequence[str], salt: str, name: str) -> Any:
    f = import_module("pyspark.sql.functions")  # is there where the frame is Spark's
    schema = dict(native.dtypes)
    texts = [
        f.col(one).cast("bigint" if schema[one] in ("double", "float") else schema[one]).cast("string") for one in ids
    ]
    digits = f.substring(f.sha2(f.concat(f.coalesce(*texts), f.lit("|" + salt)), 256), 1, HASH_DIGITS)
    return native.withColumn(name, f.conv(digits, 16, 10).cast("double") / float(16**HASH_DIGITS))
