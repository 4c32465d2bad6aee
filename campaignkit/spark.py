"""Tables that lie on Spark: which do, their rows counted there, how many were read, and DuckDB's SQL in Spark's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.tables import BATCH, open_table

TIMES = "__times"  # of counted rows: how often each comes


def is_spark(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> bool:
    """Return whether a frame's rows lie on Spark."""
    return frame.implementation.is_pyspark() or frame.implementation.is_pyspark_connect()


def fetch_note(data: object, rows: int, what: str = "rows") -> list[str]:
    """Return a sentence on how many rows were read from a Spark table; nothing where the table is another's.

    Examples
    --------
    >>> import polars as pl
    >>> fetch_note(pl.DataFrame({"age": [40]}), 1)
    []
    """
    return [f"{rows:,} {what} were fetched from Spark."] if is_spark(open_table(data)) else []


def is_key(frame: nw.LazyFrame[Any], column: str) -> bool:
    """Return whether a column is never null and has another value in each row, counted where the rows lie.

    Examples
    --------
    >>> import polars as pl
    >>> people = nw.from_native(pl.LazyFrame({"id": [1, 2], "home": [7, 7], "gap": [1, None]}))
    >>> [is_key(people, name) for name in ("id", "home", "gap")]
    [True, False, False]
    """
    value = nw.col(column)
    counts = frame.select(nw.len().alias("rows"), value.count().alias("known"), value.n_unique().alias("values"))
    return len(set(counts.collect("polars").to_native().row(0))) == 1


def counted_rows(frame: nw.LazyFrame[Any], keys: Sequence[str]) -> pl.DataFrame:
    """Return the rows that differ in some columns, sorted, with how often each comes, counted where the rows lie.

    Examples
    --------
    >>> import polars as pl
    >>> counted_rows(nw.from_native(pl.LazyFrame({"age": [40, None, 40]})), ["age"]).rows()
    [(None, 1), (40, 2)]
    """
    return frame.group_by(*keys).agg(nw.len().alias(TIMES)).collect("polars").to_native().sort(keys)


def repeated(counted: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield counted rows as many times as each comes, in batches of about `BATCH`.

    Examples
    --------
    >>> import polars as pl
    >>> [batch["age"].to_list() for batch in repeated(pl.DataFrame({"age": [None, 40], TIMES: [1, 2]}))]
    [[None, 40, 40]]
    """
    total = counted[TIMES].cum_sum()
    for _, part in counted.group_by((total - 1) // BATCH, maintain_order=True):
        yield part.drop(TIMES)[np.repeat(np.arange(part.height), part[TIMES].to_numpy())]


def to_spark(query: str) -> str:
    """Return a statement of DuckDB's in Spark's SQL; numbers with a fraction stay doubles.

    Examples
    --------
    >>> to_spark("SELECT * EXCLUDE (a), 0.5 AS half, list_has_any(b, c) AS any FROM t")
    'SELECT * EXCEPT (a), CAST(0.5 AS DOUBLE) AS half, ARRAYS_OVERLAP(b, c) AS any FROM t'
    """
    import sqlglot
    from sqlglot import expressions as e

    def changed(node: Any) -> Any:
        if isinstance(node, e.ArrayOverlaps):
            return e.Anonymous(this="ARRAYS_OVERLAP", expressions=[node.this, node.expression])
        if isinstance(node, e.Anonymous) and node.name.lower() == "hash":
            return e.Anonymous(this="XXHASH64", expressions=[part.copy() for part in node.expressions])
        if isinstance(node, e.Literal) and not node.is_string and not node.is_int:
            return e.Cast(this=node.copy(), to=e.DataType.build("double"))
        return node

    return sqlglot.parse_one(query, read="duckdb").transform(changed).sql("spark")
