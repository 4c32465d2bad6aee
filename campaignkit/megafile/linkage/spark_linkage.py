"""Linking on Spark, source after source: the rules' statements as Spark SQL, pairs scored by Splink's Spark backend.

Records, rules' links and scored pairs stay on the cluster; `decisions` reads the candidates that the model could not
rule out, and pairs within a source, which are fetched and counted.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit.megafile.linkage import decisions
from campaignkit.megafile.linkage.components import components
from campaignkit.megafile.linkage.link_sources import (
    BY_MODEL,
    LEAST_TELLING,
    TELLING_RECORDS,
    WHY,
    LinkageSettings,
    existing_rows,
    own_records,
    unlinked_records,
)
from campaignkit.megafile.linkage.model import Model, Odds, quiet
from campaignkit.megafile.linkage.prepared_records import comparable
from campaignkit.megafile.linkage.rules import rule_links, same_within
from campaignkit.megafile.linkage.scored_pairs import (
    WEAKEST,
    block_keys,
    from_prior,
    loose_blocks,
    met_blocks,
    odds_of,
)
from campaignkit.megafile.linkage.spark_functions import register_functions
from campaignkit.megafile.linkage.spark_records import fetched, kept
from campaignkit.spark import to_spark
from campaignkit.sql import connect

if TYPE_CHECKING:
    from splink import Linker

_LINK = "record_id BIGINT, person_id BIGINT, matched_by STRING, match_probability DOUBLE"
_GROUP = "record_id BIGINT, root BIGINT, matched_by STRING, match_probability DOUBLE"
_EDGE = {"place": pl.Int32, "a": pl.Int64, "b": pl.Int64, "matched_by": pl.String, "match_probability": pl.Float64}
_VIEWS = ("prepared", "comparable", "link", "unlinked", "existing_record", "left_key", "right_key", "own_source")

#: As a condition of `existing_rows`.
_NOT_TAKEN = (
    "AND NOT EXISTS (SELECT 1 FROM work_link taken WHERE taken.incoming AND taken.person_id = work_prepared.person_id)"
)


@dataclass
class SparkLinkage:
    """Linking under way.

    Attributes
    ----------
    spark : SparkSession
    settings : LinkageSettings
        With the model that is fitted, or None.
    prepared : Spark DataFrame
        Records as they are compared, of all sources.
    existing : Spark DataFrame or None
        Those of sources that are linked, with their person_id.
    links : list of Spark DataFrame
        record_id, person_id, matched_by, match_probability of these, a source each.
    rows_fetched : int
        How many rows the driver has read so far.
    """

    spark: Any
    settings: LinkageSettings
    prepared: Any
    existing: Any = None
    links: list[Any] = field(default_factory=list)
    rows_fetched: int = 0

    def view(self, name: str, query: str) -> None:
        """Give a statement of DuckDB's a name for others to speak of."""
        self.spark.sql(to_spark(query)).createOrReplaceTempView(name)

    def rows(self, query: str) -> Any:
        """Return what a statement of DuckDB's finds, worked out once."""
        return kept(self.spark.sql(to_spark(query)))

    def number(self, query: str) -> int:
        """Return the one number a statement gives; 0 for null."""
        return self.spark.sql(to_spark(query)).collect()[0][0] or 0

    def fetch(self, frame: Any) -> pl.DataFrame:
        """Return a Spark table's rows, and count them."""
        table = fetched(frame)
        self.rows_fetched += table.height
        return table

    def sent(self, table: pl.DataFrame, schema: str) -> Any:
        """Return a table of this process on Spark."""
        return self.spark.createDataFrame(table.to_arrow(compat_level=pl.CompatLevel.oldest()), schema=schema)


def link_on_spark(prepared: Any, sources: Sequence[tuple[str, bool]], settings: LinkageSettings) -> SparkLinkage:
    """Link prepared records, source after source, as `link_sources` does; a person's id is their first row plus 1.

    Parameters
    ----------
    prepared : Spark DataFrame
        As `spark_records` makes them, kept.
    sources : sequence of (str, bool)
        Sources in linking order, and whether each holds at most one record of a person.
    settings : LinkageSettings
        With a fitted model, or None.
    """
    linkage = SparkLinkage(prepared.sparkSession, settings, prepared)
    register_functions(linkage.spark)
    try:
        for turn, (source, one_per_person) in enumerate(sources):
            _link_source(linkage, turn, source, one_per_person)
    finally:
        for name in (*(f"work_{view}" for view in _VIEWS), "rooted"):
            linkage.spark.catalog.dropTempView(name)
    return linkage


def _link_source(linkage: SparkLinkage, turn: int, source: str, one_per_person: bool) -> None:
    from pyspark.sql import functions as f

    incoming = linkage.prepared.where(f.col("turn") == turn).withColumn("person_id", f.lit(None).cast("bigint"))
    existing = linkage.existing
    (incoming if existing is None else existing.unionByName(incoming)).createOrReplaceTempView("work_prepared")
    linkage.view("work_comparable", comparable("work_prepared"))
    links = _Links(linkage)
    groups = linkage.spark.createDataFrame([], _GROUP)
    if existing is not None:
        for rule in linkage.settings.rules:
            links.add(linkage.rows(rule_links(source, rule, one_per_person)).drop("incoming"))
        if isinstance(linkage.settings.model, Model):
            links.add(_linked_by_model(linkage, source, one_per_person, linkage.settings.model))
    if not one_per_person:
        follow, groups = _joined_within(linkage, source, links.all)
        links.add(follow)
    _admit_the_rest(linkage, incoming, links, groups)


class _Links:
    """The links of the source whose turn it is: the view work_link."""

    def __init__(self, linkage: SparkLinkage) -> None:
        self.all = linkage.spark.createDataFrame([], _LINK)
        self._show()

    def add(self, found: Any) -> None:
        if not found.isEmpty():
            self.all = self.all.unionByName(found)
            self._show()

    def _show(self) -> None:
        self.all.selectExpr("*", "true AS incoming").createOrReplaceTempView("work_link")


def _linked_by_model(linkage: SparkLinkage, source: str, one_per_person: bool, model: Model) -> Any:
    """Return links of what no rule linked to the people who are likely enough to be them."""
    from pyspark.sql import functions as f

    unlinked = linkage.rows(unlinked_records(source))
    unlinked.createOrReplaceTempView("work_unlinked")
    rows = linkage.rows(existing_rows(_NOT_TAKEN if one_per_person else "")).select("row")
    existing = kept(linkage.spark.table("work_comparable").join(rows, "row", "semi"))
    existing.createOrReplaceTempView("work_existing_record")
    if source not in model.against_existing:
        people = linkage.number("SELECT count(DISTINCT person_id) FROM work_existing_record")
        people = people or linkage.number("SELECT count(DISTINCT person_id) FROM work_prepared")
        linkage.view("work_left_key", block_keys(model, "work_unlinked"))
        linkage.view("work_right_key", block_keys(model, "work_existing_record"))
        loose = loose_blocks(linkage.number, "work_left_key", "work_right_key")
        model.against_existing[source] = Odds(people, None, loose)
    odds = model.against_existing[source]
    pairs = _scored(linkage, model, unlinked, existing, odds)
    found = pairs.join(existing.select(f.col("row").alias("row_r"), "person_id"), "row_r")
    found = found.groupBy(f.col("row_l").alias("record_id"), "person_id").agg(f.max("odds").alias("odds"))
    telling = linkage.spark.sql(to_spark(TELLING_RECORDS)).withColumn("telling", f.lit(True))
    candidates = linkage.fetch(found.join(telling, "record_id", "left")).sort("record_id", "person_id")
    if odds.rate is None:
        records = unlinked.count()
        share = decisions.share_standing(
            *_telling(candidates, telling.count(), records), one_per_person, (records, odds.people)
        )
        odds = model.against_existing[source] = replace(odds, rate=share)
    candidates = candidates.drop("telling")
    chosen = decisions.choose(candidates, odds.rate or 0.0, linkage.settings.threshold, one_per_person)
    by_model = pl.lit(BY_MODEL).alias("matched_by")
    return linkage.sent(chosen.select("record_id", "person_id", by_model, "match_probability"), _LINK)


def _telling(candidates: pl.DataFrame, telling: int, records: int) -> tuple[pl.DataFrame, int]:
    """As `link_sources._telling`."""
    if telling < LEAST_TELLING:
        return candidates.drop("telling"), records
    return candidates.filter("telling").drop("telling"), telling


def _scored(linkage: SparkLinkage, model: Model, left: Any, right: Any | None, odds: Odds) -> Any:
    """Return row_l, row_r, odds of the pairs between two Spark tables, or within one, as `score_candidates` does."""
    if not odds.people or not model.settings["comparisons"]:
        return linkage.spark.createDataFrame([], "row_l BIGINT, row_r BIGINT, odds DOUBLE")
    prior = from_prior(model, odds.people)
    with quiet(), _open_linker(linkage.spark, left, model) as linker:
        tables = [linker._db_api.register(table) for table in (left, right) if table is not None]
        predict = linker.inference.predict_within if right is None else linker.inference.predict_between
        predicted = predict(
            *tables,
            blocking_rules_to_generate_predictions=[to_spark(met.condition()) for met in met_blocks(model, odds.loose)],
            threshold_match_weight=WEAKEST - prior,
            warning_mode="never",
        ).physical_name
        return linkage.rows(odds_of(model, f"SELECT *, {prior} AS prior FROM {predicted}"))


@contextmanager
def _open_linker(spark: Any, table: Any, model: Model) -> Generator[Linker]:
    """As `model.open_linker`, by Splink's Spark backend."""
    from splink import Linker, SparkAPI

    api = SparkAPI(spark_session=spark, break_lineage_method="persist", register_udfs_automatically=False)
    linker = Linker(api.register(table), _spark_settings(model.settings), log_level=None, validate_settings=False)
    for name, known in model.frequencies.items():
        frequencies = spark.createDataFrame(known.to_arrow(compat_level=pl.CompatLevel.oldest()))
        linker.table_management.register_term_frequency_lookup(api.register(frequencies), name)
    try:
        yield linker
    finally:
        for name in list(api._intermediate_table_cache.data):
            spark.catalog.dropTempView(name)


def _spark_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return Splink's settings with every condition as Spark reads it."""
    comparisons = [
        fitted
        | {
            "comparison_levels": [
                level | {"sql_condition": condition if condition == "ELSE" else to_spark(condition)}
                for level in fitted["comparison_levels"]
                for condition in [level["sql_condition"]]
            ]
        }
        for fitted in settings["comparisons"]
    ]
    return settings | {"comparisons": comparisons, "sql_dialect": "spark"}


def _joined_within(linkage: SparkLinkage, source: str, links: Any) -> tuple[Any, Any]:
    """Return the links and new groups of a source that may have many records of a person."""
    edges = pl.DataFrame(schema=_EDGE)
    for place, rule in enumerate(linkage.settings.rules):
        same = linkage.fetch(linkage.spark.sql(to_spark(same_within(source, rule))))
        edges.extend(same.select(pl.lit(place).alias("place"), pl.all()).cast(_EDGE))  # ty: ignore
    with connect() as con:
        if isinstance(linkage.settings.model, Model):
            con.register("work_edge", edges.clone())
            roots = components(con, "SELECT a, b FROM work_edge")
            scored = _scored_within(linkage, source, roots, linkage.settings.model)
            last = pl.lit(len(linkage.settings.rules)).alias("place")
            edges.extend(scored.select(last, pl.all()).cast(_EDGE))  # ty: ignore
        con.register("work_edge", edges)
        roots, why = components(con, "SELECT a, b FROM work_edge"), con.sql(WHY).pl()
    touched = linkage.sent(roots.select("record_id"), "record_id BIGINT")
    linked = linkage.fetch(links.join(touched, "record_id", "semi"))
    follow, groups = decisions.within_source(roots, why, linked.select("record_id", "person_id"))
    order = ["record_id", "person_id", "matched_by", "match_probability"]
    return linkage.sent(follow.select(order), _LINK), linkage.sent(groups, _GROUP)


def _scored_within(linkage: SparkLinkage, source: str, roots: pl.DataFrame, model: Model) -> pl.DataFrame:
    """As `link_sources._score_within`; `roots` are what the rules joined."""
    from pyspark.sql import functions as f

    linkage.sent(roots, "record_id BIGINT, root BIGINT").createOrReplaceTempView("rooted")
    own = linkage.rows(own_records(source))
    own.createOrReplaceTempView("work_own_source")
    records = own.count()
    if source not in model.within_source:
        linkage.view("work_left_key", block_keys(model, "work_own_source"))
        loose = loose_blocks(linkage.number, "work_left_key", "work_left_key")
        model.within_source[source] = Odds(max(records, 1), None, loose)
    odds = model.within_source[source]
    ends = [f.least("row_l", "row_r").alias("a"), f.greatest("row_l", "row_r").alias("b")]
    scored = _scored(linkage, model, own, None, odds).groupBy(*ends).agg(f.max("odds").alias("odds"))
    pairs = linkage.fetch(scored).sort("a", "b")
    if odds.rate is None:
        odds = model.within_source[source] = replace(odds, rate=decisions.partners(pairs, records))
    links = decisions.likely(pairs, odds.rate or 0.0, linkage.settings.threshold)
    return links.select("a", "b", pl.lit(BY_MODEL).alias("matched_by"), "match_probability")


def _admit_the_rest(linkage: SparkLinkage, incoming: Any, links: _Links, groups: Any) -> None:
    """Make each incoming without a link, or group of them, a new person; from here on all incoming records stand."""
    alone = incoming.select(incoming["row"].alias("record_id")).join(links.all, "record_id", "anti")
    alone = alone.join(groups, "record_id", "left").selectExpr(
        "record_id", "coalesce(root, record_id) + 1 AS person_id",
        "CASE WHEN record_id <> root THEN matched_by END AS matched_by",
        "CASE WHEN record_id <> root THEN match_probability END AS match_probability",
    )  # fmt: skip
    settled = kept(links.all.unionByName(alone))
    linkage.links.append(settled)
    people = settled.selectExpr("record_id AS row", "person_id")
    admitted = kept(incoming.drop("person_id").join(people, "row"))
    linkage.existing = admitted if linkage.existing is None else linkage.existing.unionByName(admitted)
