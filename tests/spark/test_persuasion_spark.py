"""Persuasion on Spark: the same folds, the same Qini, the same predictions."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from campaignkit.voters import Bands, fit_persuasion
from tests.spark.conftest import on_spark
from tests.voters.test_persuasion import calls

pytestmark = pytest.mark.spark


def test_the_same_ranking_from_polars_and_spark(spark: Any) -> None:
    table = calls(3_000, size=2)
    found = {}
    for name, data in {"polars": table, "spark": on_spark(spark, table)}.items():
        one = fit_persuasion(
            data, "called", "supports", ["sex", "income", Bands("age", [30, 65])], control=False, unit="person",
            cluster="home",
        )  # fmt: skip
        rows = one.predict(data)
        rows = rows.collect() if name == "polars" else pl.from_arrow(rows.toArrow())
        found[name] = (one.qini.value, one.qini.std_error, one.average.value, *rows.sort("person")["persuasion"])
    assert found["polars"] == pytest.approx(found["spark"], abs=1e-9)
