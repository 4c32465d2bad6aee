"""cells, analyze, fit_score, rake, mrp and trends give the same, to the last count, of Spark as of Polars."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from campaignkit import sample
from campaignkit.polls import mrp, trends
from tests.engines import answers, assert_equal, campaign
from tests.spark.conftest import on_spark

pytestmark = pytest.mark.spark


def test_spark_gives_the_same(spark: Any) -> None:
    assert_equal(answers(on_spark(spark, campaign())), answers(campaign()))


def test_polls_take_spark_tables(spark: Any) -> None:
    drawn = sample.draw("polls", 3_000, seed=2, days=12, event=None)
    interviews, frame = drawn["interviews"], drawn["frame"]

    def asked(interviews: Any, frame: Any) -> dict[str, pl.DataFrame]:
        groups = mrp(interviews, "supports", ["sex", "race"], frame, frame_weight="n")
        moved = trends(
            interviews, "supports", ["sex", "race"], "asked_on", stream="stream", frame=frame, frame_weight="n"
        )
        return {"mrp": groups.table, "trends": moved.table}

    assert_equal(asked(on_spark(spark, interviews), on_spark(spark, frame)), asked(interviews, frame), tolerance=1e-6)
