"""The one split of people: sha256 of an id's text and a seed, alike on every engine.

An id is its decimal digits or its text, whatever the engine's type was. Where a cluster is null, the row stands for
itself under its unit's id. A key is the hash's first 60 bits (two of ten million ids share one once in 20,000 tables);
a share is its first 52, which a Float64 holds exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.progress import shown
from campaignkit.sql import connect, quote_identifier, quote_literal
from campaignkit.stats.arrays import Floats, Whole

KEY_DIGITS, SHARE_DIGITS = 15, 13  # hex digits of a sha256
SHARE = "__share"


def canonical_ids(ids: pl.Series) -> pl.Series:
    """Return ids as canonical text: decimal digits or the text itself, whatever the engine's type was.

    Raises
    ------
    BadValue
        If they are of another type, or numbers with a fraction.

    Examples
    --------
    >>> import polars as pl
    >>> canonical_ids(pl.Series("id", [12.0, None])).to_list()  # as pandas holds whole numbers beside nulls
    ['12', None]
    """
    if ids.dtype.is_float():
        whole = ids.fill_nan(None).cast(pl.Int64, strict=False)
        if (whole.cast(pl.Float64) != ids.fill_nan(None)).any():
            raise BadValue(f"{ids.name!r} holds fractions; ids are whole numbers or text.")
        return whole.cast(pl.String)
    if ids.dtype.is_nested():
        raise BadValue(f"{ids.name!r} is {ids.dtype}; ids are whole numbers or text.")
    return ids.cast(pl.String)


def split_keys(texts: pl.Series, seed: object) -> Whole:
    """Return each text's key: the first 60 bits of the sha256 of ``text|seed``; nulls get that of an empty text.

    Examples
    --------
    >>> import polars as pl
    >>> split_keys(pl.Series(["12", "13"]), "june").tolist()
    [239883794258872046, 523252649980020263]
    """
    with connect() as con, shown("ids", f"hashing {len(texts):,} of them", con):
        con.register("texts", pl.DataFrame({"row": range(len(texts)), "t": texts.fill_null("")}))
        digits = f"left(sha256(t || '|' || ?), {KEY_DIGITS})"
        query = f"SELECT ('0x' || {digits})::BIGINT AS key FROM texts ORDER BY row"
        return np.asarray(con.execute(query, [str(seed)]).fetchnumpy()["key"], np.int64)


def shares_of(keys: Whole) -> Floats:
    """Return the share in [0, 1) that a key stands for.

    Examples
    --------
    >>> shares_of(split_keys(pl.Series(["12", "13"]), "june")).round(6).tolist()
    [0.208066, 0.453849]
    """
    return (keys >> 4 * (KEY_DIGITS - SHARE_DIGITS)) / 16.0**SHARE_DIGITS


def id_texts(table: pl.DataFrame, ids: Sequence[str], first: int = 0) -> pl.Series:
    """Return what each row is split by: its cluster's id, its unit's where that is null, or its position.

    Parameters
    ----------
    table : polars.DataFrame
    ids : sequence of str
        Columns, the first that is not null counting.
    first : int
        The position of the table's first row.

    Examples
    --------
    >>> id_texts(pl.DataFrame({"home": [7, None], "id": [1, 2]}), ["home", "id"]).to_list()
    ['7', 'unit 2']
    """
    texts = [canonical_ids(table[name]) for name in ids]
    texts[1:] = ["unit " + text for text in texts[1:]]
    rows = "row " + pl.Series(np.arange(first, first + table.height)).cast(pl.String)
    return pl.select(pl.coalesce([*texts, rows])).to_series()


def with_shares(frame: nw.LazyFrame[Any], ids: Sequence[str], seed: object, name: str = SHARE) -> nw.LazyFrame[Any]:
    """Return the frame with each row's share in [0, 1), reckoned where the rows lie; null where it has no id.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        Of DuckDB, Polars or Spark.
    ids : sequence of str
        Columns, the first that is not null counting: cluster before unit. None: row position, which only a frame in
        memory has (see `tables.require_ids`).
    seed : object
    name : str
        The new column.
    """
    native = frame.to_native()
    if isinstance(native, duckdb.DuckDBPyRelation):
        return nw.from_native(_on_duckdb(frame, native, ids, str(seed), name))
    if isinstance(native, pl.LazyFrame):
        return nw.from_native(_on_polars(native, ids, str(seed), name))
    return nw.from_native(_on_spark(native, ids, str(seed), name))


def _on_duckdb(frame: nw.LazyFrame[Any], native: Any, ids: Sequence[str], seed: str, name: str) -> Any:
    schema = frame.collect_schema()
    texts = []
    for column in ids:
        text = quote_identifier(column) + ("::BIGINT" if schema[column].is_float() else "") + "::VARCHAR"
        texts.append(f"'unit ' || {text}" if texts else text)
    digits = f"left(sha256(coalesce({', '.join(texts)}) || {quote_literal('|' + seed)}), {SHARE_DIGITS})"
    share = f"('0x' || {digits})::BIGINT / {16**SHARE_DIGITS}.0::DOUBLE"
    return native.project(f"*, {share} AS {quote_identifier(name)}")


def _on_polars(native: pl.LazyFrame, ids: Sequence[str], seed: str, name: str) -> pl.LazyFrame:
    def share(columns: Sequence[pl.Series]) -> pl.Series:
        table = pl.DataFrame(columns)
        known = pl.select(pl.any_horizontal([column.is_not_null() for column in columns])).to_series()
        shares = pl.Series(shares_of(split_keys(id_texts(table, table.columns), seed)))
        return pl.select(pl.when(known).then(shares)).to_series()

    if not ids:
        return native.with_row_index("__row").pipe(_on_polars, ["__row"], seed, name)
    return native.with_columns(
        pl.map_batches(list(ids), share, return_dtype=pl.Float64, is_elementwise=True).alias(name)
    )


def _on_spark(native: Any, ids: Sequence[str], seed: str, name: str) -> Any:
    f = import_module("pyspark.sql.functions")  # is there where the frame is Spark's
    schema, texts = dict(native.dtypes), []
    for column in ids:
        kind = "bigint" if schema[column] in ("double", "float") else schema[column]
        text = f.col(column).cast(kind).cast("string")
        texts.append(f.concat(f.lit("unit "), text) if texts else text)
    digits = f.substring(f.sha2(f.concat(f.coalesce(*texts), f.lit("|" + seed)), 256), 1, SHARE_DIGITS)
    return native.withColumn(name, f.conv(digits, 16, 10).cast("double") / float(16**SHARE_DIGITS))
