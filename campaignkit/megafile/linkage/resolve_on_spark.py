"""A Spark table of records in, the same with person ids out: checked, numbered, prepared, linked where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from campaignkit.megafile.linkage.cleaned_records import check_keys
from campaignkit.megafile.linkage.comparisons import FREQUENCIES
from campaignkit.megafile.linkage.link_sources import LinkageSettings, scratch_database
from campaignkit.megafile.linkage.model import Model, fit, frequency, values_held
from campaignkit.megafile.linkage.prepared_records import comparable
from campaignkit.megafile.linkage.spark_linkage import SparkLinkage, link_on_spark
from campaignkit.megafile.linkage.spark_records import fetched, kept, numbered, prepared_on_workers
from campaignkit.megafile.working_tables import create
from campaignkit.spark import to_spark
from campaignkit.sql import connect

FITTED_ON = 1_000_000  # records; of more, so many are drawn

_OF_EACH = 1_000_000  # what a record's hash is held against


def counted(records: Any) -> pl.DataFrame:
    """Return how many records each source has, by name: source, records; refuse those without a key of their own."""
    from pyspark.sql import functions as f

    source, key = f.col("source").cast("string").alias("source"), f.col("record_id")
    counts = fetched(
        records.groupBy(source).agg(
            f.count("*").alias("records"), f.count(key).alias("known"), f.countDistinct(key).alias("keys")
        )
    )
    nameless = int(counts.filter(pl.col("source").is_null())["records"].sum())
    missing = {"source": nameless, "record_id": int((counts["records"] - counts["known"]).sum())}
    check_keys(missing, int((counts["known"] - counts["keys"]).sum()))
    return counts.select("source", "records").sort("source")


def resolved(records: Any, sources: Sequence[tuple[str, bool]], settings: LinkageSettings) -> tuple[Any, SparkLinkage]:
    """Return the records' people as a Spark table, one row per record, and the linkage with its model and counts."""
    rows = numbered(records.withColumn("source", records["source"].cast("string")), sources)
    prepared = kept(prepared_on_workers(rows, sources))
    read = 0
    if settings.model is True:
        model, read = fit_on_spark(prepared, settings.seed)
    elif isinstance(settings.model, Model):  # its odds by source were met with other records
        model = settings.model
    else:
        model = None
    if model is not None:
        model = replace(model, against_existing={}, within_source={})
    linkage = link_on_spark(prepared, sources, replace(settings, model=model))
    linkage.rows_fetched += read
    links = linkage.links[0]
    for more in linkage.links[1:]:
        links = links.unionByName(more)
    mapping = rows.withColumnRenamed("record_id", "key").join(links.withColumnRenamed("record_id", "row"), "row")
    columns = ["source", "key AS record_id", "person_id", "matched_by", "match_probability"]
    return kept(mapping.selectExpr(*columns)), linkage


def fit_on_spark(prepared: Any, seed: int) -> tuple[Model, int]:
    """Return a model fitted here, on all prepared records or a random `FITTED_ON`, and how many rows were read.

    Records are drawn alone, so that of each kind of pair the same share remains; what is counted by record, how common
    values are and how many household members a record has, is counted on Spark or scaled up.
    """
    from pyspark.sql import functions as f

    records = prepared.count()
    share = min(FITTED_ON / max(records, 1), 1.0)
    drawn = f.pmod(f.xxhash64("row", f.lit(seed)), f.lit(_OF_EACH)) < int(share * _OF_EACH)
    sample = fetched((prepared if share == 1 else prepared.where(drawn)).orderBy("row"))
    with connect() as con:
        con.register("sampled", sample)
        as_date = "DATE '1970-01-01' + birth_date AS birth_date"
        create(con, "work_prepared", f"SELECT * REPLACE ({as_date}), NULL::BIGINT AS person_id FROM sampled")
        create(con, "work_comparable", comparable("work_prepared"), view=True)
        with scratch_database(con):
            model = fit(con, "work_comparable", seed)
    if share == 1:
        return model, sample.height
    prepared.createOrReplaceTempView("work_prepared")
    held = {
        name: fetched(prepared.sparkSession.sql(to_spark(values_held("work_prepared", name)))) for name in FREQUENCIES
    }
    prepared.sparkSession.catalog.dropTempView("work_prepared")
    per_record = model.household_members_per_record * records / max(sample.height, 1)
    frequencies = {name: frequency(name, table) for name, table in held.items()}
    model = replace(model, frequencies=frequencies, household_members_per_record=per_record)
    return model, sample.height + sum(table.height for table in held.values())


def summed_up(mapping: Any) -> tuple[pl.DataFrame, int]:
    """Return source, matched_by, records, expected_wrong of linked records, and how many people they are."""
    from pyspark.sql import functions as f

    wrong = f.coalesce(f.sum(1 - f.col("match_probability")), f.lit(0.0)).alias("expected_wrong")
    table = fetched(mapping.groupBy("source", "matched_by").agg(f.count("*").alias("records"), wrong))
    return table.sort("source", "matched_by"), mapping.select("person_id").distinct().count()
