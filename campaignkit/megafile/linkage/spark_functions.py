"""What DuckDB's statements call that Spark lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from campaignkit.sql import connect

if TYPE_CHECKING:
    import pyarrow as pa

#: By Spark's name, as `spark.to_spark` writes it: DuckDB's function and what it returns.
FUNCTIONS = {
    "jarowinkler_similarity": ("jaro_winkler_similarity", "double"),
    "damerau_levenshtein": ("damerau_levenshtein", "bigint"),
}


def register_functions(spark: Any) -> None:
    """Have DuckDB compare texts for Spark, so that two are as alike on one engine as on the other."""
    from pyspark.sql.functions import arrow_udf

    for name, (function, returns) in FUNCTIONS.items():
        spark.udf.register(name, arrow_udf(_by_duckdb(function), returns))


def _by_duckdb(function: str) -> Callable[[pa.Array, pa.Array], pa.Array]:
    import pyarrow

    def compared(left: pyarrow.Array, right: pyarrow.Array) -> pyarrow.Array:
        pairs = pyarrow.table({"a": left, "b": right})
        with connect() as con:
            con.execute("SET threads = 1")
            con.register("pairs", pairs)
            answer = con.sql(f"SELECT {function}(a, b) AS answer FROM pairs").to_arrow_table()
        return answer["answer"].combine_chunks()

    compared.__annotations__ = {"left": pyarrow.Array, "right": pyarrow.Array, "return": pyarrow.Array}
    return compared
