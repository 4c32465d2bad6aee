"""Donors' questions on Spark: the same answers, and a sentence on how many rows were fetched."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from campaignkit import donors, sample
from campaignkit.errors import BadValue
from tests.engines import assert_equal
from tests.spark.conftest import on_spark

pytestmark = pytest.mark.spark


def joined() -> tuple[pl.DataFrame, pl.DataFrame]:
    drawn = sample.draw("quick_donate", 4_000, seed=1)
    gifts = drawn["gifts"].with_columns(pl.col("day").cast(pl.Int32).cast(pl.Date))
    return drawn.table, gifts


def test_lift_reads_a_row_a_person(spark: Any) -> None:
    people, _ = joined()

    def asked(data: Any) -> Any:
        return donors.estimate_lift(
            data, "quick_donate", "gifts_after", ["age", "gifts_before"], unit="person",
            estimators=["difference", "regression", "ipw", "aipw"],
        )  # fmt: skip

    found, expected = asked(on_spark(spark, people)), asked(people)
    assert_equal({"lift": found.table}, {"lift": expected.table}, tolerance=1e-6)
    assert f"{people.height:,} rows of 5 columns were fetched from Spark." in found.warnings
    assert not any("Spark" in warning for warning in expected.warnings)


def offers() -> pl.DataFrame:
    """Return people who were offered or not, in blocks, with what has few values beside it."""
    people, _ = joined()
    rows = np.arange(people.height)
    return people.with_columns(
        older=pl.col("age") > 50,
        gave=pl.when(pl.col("gifts_before") > 0).then(pl.col("gifts_before").clip(upper_bound=3)),
        weight=pl.Series(np.where(rows % 3, 1.0, 0.5)),
        block=pl.Series(rows % 60),
        pair=pl.Series(rows // 2),
    ).select("person", "offered", "quick_donate", "gifts_after", "older", "gave", "weight", "block", "pair")


@pytest.mark.parametrize(
    ("roles", "keys"),
    [
        ({"unit": "person"}, []),
        ({"unit": "person", "covariates": ["older", "gave"], "weight": "weight"}, ["older", "gave", "weight"]),
        ({"unit": "person", "cluster": "block", "weight": "weight"}, ["block", "weight"]),
        ({"unit": "person", "cluster": "home"}, 5),
        ({"unit": "pair", "covariates": ["older"]}, 5),
        ({"unit": "gap"}, 4),
    ],
    ids=["independent", "covariates", "clusters", "some without a cluster", "a unit twice", "a unit unknown"],
)
def test_an_offer_is_counted_on_spark(spark: Any, roles: dict[str, Any], keys: list[str] | int) -> None:
    people = offers().with_columns(
        home=pl.when(pl.col("block") > 20).then("block"),
        gap=pl.when(pl.col("person") != pl.col("person").min()).then("person"),
    )

    def asked(data: Any) -> Any:
        return donors.encouragement(data, "offered", "quick_donate", "gifts_after", **roles)

    found, expected = asked(on_spark(spark, people)), asked(people)
    assert_equal({"offer": found.table}, {"offer": expected.table}, tolerance=1e-12)
    assert (found.f, *found.wald) == pytest.approx((expected.f, *expected.wald), rel=1e-12)
    if isinstance(keys, int):
        read = f"{people.height:,} rows of {keys} columns"
    else:
        columns = ["offered", "quick_donate", "gifts_after", *keys]
        read = f"{people.select(columns).n_unique():,} combinations of {len(columns)} columns"
    assert found.warnings == (*expected.warnings, f"{read} were fetched from Spark.")


@pytest.mark.parametrize("column", ["offered", "quick_donate", "gifts_after"])
def test_an_offer_with_gaps_is_refused_as_elsewhere(spark: Any, column: str) -> None:
    people = offers().with_columns(pl.when(pl.col("person") % 9 > 0).then(column).alias(column))
    said = []
    for data in (people, on_spark(spark, people)):
        with pytest.raises(BadValue, match="is null") as refused:
            donors.encouragement(data, "offered", "quick_donate", "gifts_after", unit="person")
        said.append(str(refused.value))
    assert said[0] == said[1]


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
