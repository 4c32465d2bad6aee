"""Scores on Spark: the same people held out, the same numbers, the same predictions."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from campaignkit.voters import Bands, Spline, fit_score
from tests.spark.conftest import on_spark
from tests.voters.people import people

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("model", ["logit", "boosted"])
def test_the_same_numbers_from_polars_and_spark(spark: Any, model: str) -> None:
    table = people(3_000).with_columns(pl.when(pl.col("id") % 10 > 0).then("a").alias("a"))
    tables = {"polars": table, "spark": on_spark(spark, table)}
    found = {}
    for name, data in tables.items():
        score = fit_score(
            data, "y", ["a", "c", Spline("age", 1), Bands("w", [0.5, 0.9])], name="s", purpose="turnout", unit="id",
            cluster="household", weight="w", ridge=0.5, model=model, interactions=[("a", "c")],
        )  # fmt: skip
        rows = score.predict(data)
        rows = rows.collect() if name == "polars" else pl.from_arrow(rows.toArrow())
        found[name] = (score.quality.rows, score.auc, score.quality.ece, *rows.sort("id")["s"])
    assert found["polars"] == pytest.approx(found["spark"], abs=1e-9)
