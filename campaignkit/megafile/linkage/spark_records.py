"""Records of a Spark table, numbered in linking order and prepared on the workers by what prepares them here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit.megafile.linkage.cleaned_records import DESCRIBING, cleaned_records
from campaignkit.megafile.linkage.prepared_records import name_forms, plain_name, prepared, turns
from campaignkit.sql import connect

if TYPE_CHECKING:
    import pyarrow as pa

#: Columns of a prepared record; a birth date is counted in days, so that two can be subtracted as on DuckDB.
PREPARED = (
    "row BIGINT, source STRING, turn INT, many BOOLEAN, first STRING, last STRING, middle STRING, suffix STRING, "
    "sex STRING, birth_date INT, birth_text STRING, birth_year INT, address_key STRING, zip5 STRING, state STRING, "
    "city STRING, phone STRING, email STRING, state_voter_id STRING, forms ARRAY<STRING>, house STRING, content BIGINT"
)

_WITHIN_PARTITION = 2**33 - 1  # the low bits of monotonically_increasing_id


def kept(frame: Any) -> Any:
    """Return a Spark table worked out once, on disk: in `spark.checkpoint.dir` where there is one, else on workers."""
    reliable = frame.sparkSession.conf.get("spark.checkpoint.dir", "")
    return frame.checkpoint() if reliable else frame.localCheckpoint()


def fetched(frame: Any) -> pl.DataFrame:
    """Return a Spark table as a Polars one."""
    table = pl.from_arrow(frame.toArrow())
    assert isinstance(table, pl.DataFrame)
    return table


def numbered(records: Any, sources: Sequence[tuple[str, bool]]) -> Any:
    """Return a Spark table's records with row: 0, 1, ... by their source's turn and record_id, however they lie."""
    from pyspark.sql import functions as f

    spark = records.sparkSession
    turn = f.broadcast(spark.createDataFrame(turns(list(sources)).select("source", "turn").to_arrow()))
    ordered = kept(records.join(turn, "source").orderBy("turn", "record_id").drop("turn"))
    at = f.monotonically_increasing_id().bitwiseAND(f.lit(_WITHIN_PARTITION))
    placed = ordered.select("*", f.spark_partition_id().alias("part"), at.alias("at"))
    sizes = fetched(placed.groupBy("part").count()).sort("part")
    starts = sizes.select("part", start=pl.col("count").cum_sum() - pl.col("count"))
    starts = f.broadcast(spark.createDataFrame(starts.to_arrow()))
    return placed.join(starts, "part").withColumn("row", f.col("at") + f.col("start")).drop("part", "at", "start")


def prepared_on_workers(records: Any, sources: Sequence[tuple[str, bool]]) -> Any:
    """Return numbered records as they are compared. The workers need this package, at this version."""
    names = [name for name in records.columns if name in {"row", "source", *DESCRIBING}]
    return records.select(*names).mapInArrow(partial(_prepared_batches, sources=list(sources)), PREPARED)


def _prepared_batches(batches: Iterator[pa.RecordBatch], sources: list[tuple[str, bool]]) -> Iterator[pa.RecordBatch]:
    wanted = ", ".join(part.split()[0] for part in PREPARED.split(", "))
    typed = (
        "(birth_date - DATE '1970-01-01')::INTEGER AS birth_date, birth_year::INTEGER AS birth_year, "
        "(content - 9223372036854775808::HUGEINT)::BIGINT AS content"
    )
    with connect() as con:
        con.execute("SET threads = 1")
        con.register("sources", turns(sources))
        for batch in batches:
            table = pl.DataFrame(pl.from_arrow(batch))
            con.register("source_record", cleaned_records(table).with_columns(record_id=table["row"]))
            names = con.sql(f"SELECT DISTINCT {plain_name('first_name')} AS name FROM source_record").pl()["name"]
            shapes = name_forms(names.drop_nulls().sort().to_list())
            con.register("shapes", shapes.group_by("name", maintain_order=True).agg(forms="form"))
            rows = con.sql(f"SELECT {wanted} FROM (SELECT * REPLACE ({typed}) FROM ({prepared('source_record')}))")
            yield from rows.to_arrow_table().to_batches()
