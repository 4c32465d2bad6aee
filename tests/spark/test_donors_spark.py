"""Donors' questions on Spark: the same answers, and a sentence on how many rows were fetched."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from campaignkit import donors, sample
from tests.engines import assert_equal
from tests.spark.conftest import on_spark

pytestmark = pytest.mark.spark


def joined() -> tuple[pl.DataFrame, pl.DataFrame]:
    drawn = sample.draw("quick_donate", 4_000, seed=1)
    gifts = drawn["gifts"].with_columns(pl.col("day").cast(pl.Int32).cast(pl.Date))
    return drawn.table, gifts


def test_encouragement_and_lift(spark: Any) -> None:
    people, _ = joined()
    on_cluster = on_spark(spark, people)

    def asked(data: Any) -> tuple[Any, Any]:
        return (
            donors.encouragement(data, "offered", "quick_donate", "gifts_after", unit="person"),
            donors.estimate_lift(
                data, "quick_donate", "gifts_after", ["age", "gifts_before"], unit="person",
                estimators=["difference", "regression", "ipw", "aipw"],
            ),
        )  # fmt: skip

    found, expected = asked(on_cluster), asked(people)
    tables = [{"offer": offer.table, "lift": lift.table} for offer, lift in (found, expected)]
    assert_equal(*tables, tolerance=1e-6)
    assert f"{people.height:,} rows of 4 columns were fetched from Spark." in found[0].warnings
    assert f"{people.height:,} rows of 5 columns were fetched from Spark." in found[1].warnings
    assert not any("Spark" in warning for answer in expected for warning in answer.warnings)


@pytest.mark.parametrize("period", ["week", "month"])
def test_gifts_are_summed_on_spark(spark: Any, period: str) -> None:
    people, gifts = joined()
    start = {"week": "2012-01-16", "month": "2012-02-01"}[period]

    def asked(people: Any, gifts: Any) -> Any:
        return donors.event_study(
            people, gifts, unit="person", enrolled_on="enrolled_on", gift_date="day", amount="amount", start=start,
            end="2012-09-30", period=period,
        )  # fmt: skip

    found, expected = asked(on_spark(spark, people), on_spark(spark, gifts)), asked(people, gifts)
    assert_equal({"events": found.table}, {"events": expected.table}, tolerance=1e-6)
    (said,) = [warning for warning in found.warnings if warning.endswith(f"{period} were fetched from Spark.")]
    assert int(said.split()[0].replace(",", "")) < gifts.height
    assert f"{people.height:,} people with 2 columns were fetched from Spark." in found.warnings


def contest() -> pl.DataFrame:
    return sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table


@pytest.mark.parametrize("holdout", [0.5, None])
def test_segments_are_counted_on_spark(spark: Any, holdout: float | None) -> None:
    people = contest()
    by = ["region", "sex", "age_band"]

    def asked(data: Any) -> Any:
        return donors.discover_segments(data, "entered", by, unit="person", holdout=holdout, max_depth=2)

    found, expected = asked(on_spark(spark, people)), asked(people)
    assert_equal({"segments": found.table}, {"segments": expected.table})
    cells = people.select(*by, "entered").n_unique()
    assert cells <= found.rows_fetched <= 2 * cells
    assert found.summary() == f"{expected.summary()} {found.rows_fetched:,} rows were fetched from Spark."


def test_clustered_rows_are_fetched_whole(spark: Any) -> None:
    people = contest().with_columns(household=pl.Series(np.arange(20_000) // 3))

    def asked(data: Any) -> Any:
        return donors.discover_segments(data, "entered", ["region", "sex"], cluster="household", max_depth=2)

    found, expected = asked(on_spark(spark, people)), asked(people)
    assert_equal({"segments": found.table}, {"segments": expected.table})
    assert found.rows_fetched == 20_000
