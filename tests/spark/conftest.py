"""One Spark session for all of Spark's tests: two worker processes, shuffles and all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    pyspark_sql = pytest.importorskip("pyspark.sql")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers import this package
    session = (
        pyspark_sql.SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


def on_spark(spark: Any, table: pl.DataFrame) -> Any:
    """Return a table on Spark, in three pieces; unsigned numbers, which Spark lacks, as signed ones."""
    signed = table.with_columns(cs.unsigned_integer().cast(pl.Int64))
    return spark.createDataFrame(signed.to_arrow(compat_level=pl.CompatLevel.oldest())).repartition(3)
