"""Tables that lie on Spark: which do, how many rows were read from one, and DuckDB's statements in Spark's SQL."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from campaignkit.tables import open_table


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
