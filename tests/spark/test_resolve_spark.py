"""resolve on Spark: who is one person, by what and how probably, as DuckDB says of the same records."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from campaignkit.errors import BadValue
from campaignkit.megafile import SparkResolution, resolve
from campaignkit.megafile.linkage import resolve_on_spark
from campaignkit.megafile.linkage.spark_records import kept, numbered, prepared_on_workers
from tests.megafile.test_resolve import town
from tests.spark.conftest import on_spark

pytestmark = pytest.mark.spark

SOURCES = {"voters": True, "supporters": False}


def in_order(records: pl.DataFrame) -> pl.DataFrame:
    """Return records as Spark numbers them: by their source's turn and record_id."""
    return records.sort(pl.col("source").replace_strict({"voters": 0, "supporters": 1}), "record_id")


def repeated(households: int) -> pl.DataFrame:
    """Return a town whose supporters' list has every tenth twice."""
    records = town(households)
    twice = records.filter((pl.col("source") == "supporters") & (pl.col("record_id").cast(pl.Int64) % 10 == 0))
    return in_order(pl.concat([records, twice.with_columns(pl.col("record_id") + "-again", phone=pl.lit(None))]))


def assert_same_people(found: SparkResolution, expected: pl.DataFrame) -> None:
    mapping = pl.DataFrame(pl.from_arrow(found.records.toArrow()))
    assert mapping.columns == expected.columns
    both = expected.join(mapping, on=["source", "record_id"], suffix="_spark")
    assert mapping.height == both.height == expected.height
    people = [both[name].n_unique() for name in ("person_id", "person_id_spark")]
    assert people[0] == people[1] == both.select("person_id", "person_id_spark").n_unique() == found.people
    assert both["matched_by"].eq_missing(both["matched_by_spark"]).all()
    apart = (both["match_probability"] - both["match_probability_spark"]).abs().max()
    assert apart is None or apart <= 1e-6


def test_the_rules_link_as_on_duckdb(spark: Any) -> None:
    records = repeated(200)
    expected = resolve(records, one_per_person=SOURCES, model=False, progress=False)
    found = resolve(
        on_spark(spark, records.sample(fraction=1, shuffle=True, seed=1)), one_per_person=SOURCES, model=False,
        progress=False,
    )  # fmt: skip
    assert isinstance(found, SparkResolution)
    assert_same_people(found, expected.table)
    assert found.summary() == f"{expected.summary()} {found.rows_fetched:,} rows were fetched from Spark."
    assert found.table["records"].sum() == records.height


@pytest.mark.slow
@pytest.mark.parametrize("both_once", [True, False])
def test_five_thousand_records_link_as_on_duckdb(spark: Any, both_once: bool) -> None:
    records = repeated(1_800)
    sources = {"voters": True, "supporters": both_once}
    expected = resolve(records, one_per_person=sources, progress=False)
    shuffled = on_spark(spark, records.sample(fraction=1, shuffle=True, seed=1))
    found = resolve(shuffled, one_per_person=sources, progress=False)
    assert expected.model is not None
    assert found.model is not None
    assert found.model.to_json() == expected.model.to_json()
    assert (expected.table["matched_by"] == "model").sum() > 100
    assert_same_people(found, expected.table)
    assert found.rows_fetched < 2.5 * records.height


def test_of_many_records_a_sample_is_fitted(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    records = in_order(town(800))
    sources = list(SOURCES.items())
    prepared = kept(prepared_on_workers(numbered(on_spark(spark, records), sources), sources))
    whole, read = resolve_on_spark.fit_on_spark(prepared, 0)
    assert read == records.height
    monkeypatch.setattr(resolve_on_spark, "FITTED_ON", records.height // 2)
    half, _ = resolve_on_spark.fit_on_spark(prepared, 0)
    for name, values in whole.frequencies.items():
        assert half.frequencies[name].equals(values), name  # counted on Spark, of all records
    assert half.household_members_per_record == pytest.approx(whole.household_members_per_record, rel=0.25)


def test_what_cannot_be_linked_is_refused(spark: Any) -> None:
    records = on_spark(spark, town(20))
    with pytest.raises(BadValue, match=r"which source links first.*'supporters': True, 'voters': True"):
        resolve(records, progress=False)
    with pytest.raises(BadValue, match="lacks 'supporters'"):
        resolve(records, one_per_person={"voters": True}, progress=False)
    with pytest.raises(BadValue, match="repeat a record_id"):
        resolve(records.unionByName(records.limit(1)), one_per_person=SOURCES, progress=False)
    nameless = records.limit(1).selectExpr("source", "cast(null as string) AS record_id")
    missing = records.unionByName(nameless, allowMissingColumns=True)
    with pytest.raises(BadValue, match="1 records have no record_id"):
        resolve(missing, one_per_person=SOURCES, progress=False)
