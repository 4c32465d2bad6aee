"""Voter-file polls of 2016, each judged by a score fitted on the others: who of those interviewed later voted."""

import polars as pl
import pytest

from campaignkit import voters
from tests.real.published import published

TEN = "Ten (definitely will vote)"
FEW = ["One (definitely will NOT vote)", "Two", "Three", "Four", "Five"]


@pytest.fixture(scope="module")
def interviews() -> pl.DataFrame:
    table = pl.read_parquet(published("polls/siena_2016.parquet"))
    likely, scale = pl.col("likely"), pl.col("scale")
    low = likely.is_in(["Not very likely", "Not at all likely"]) | scale.is_in(FEW).fill_null(False)
    firm = likely.str.starts_with("Already voted") | ((likely == "Almost certain") & (scale == TEN).fill_null(False))
    return table.with_columns(low=low, firm=firm & ~low)


@pytest.fixture(scope="module")
def found(interviews) -> voters.LikelyVoters:
    return voters.likely_voters(interviews, "file_vt16", score="turnout_score", firm="firm", low="low", poll="poll_id")


def test_history_and_self_report_together_foretell_who_voted(found):
    rows = {row["way"]: row for row in found.table.iter_rows(named=True)}
    print(found.table)
    both, raw = rows["score and self-report"], rows["score as it is"]
    assert both["auc"] >= 0.855
    assert both["brier"] <= 0.088
    assert both["largest_gap"] <= 0.045
    assert raw["auc"] == pytest.approx(0.843, abs=0.005)
    assert raw["brier"] == pytest.approx(0.107, abs=0.005)
    assert rows["score alone, refitted"]["brier"] == pytest.approx(0.093, abs=0.003)


def test_who_answers_votes_more_than_the_score_says(found):
    rows = {row["way"]: row for row in found.table.iter_rows(named=True)}
    raw = rows["score as it is"]
    assert raw["predicted_rate"] == pytest.approx(0.79, abs=0.02)
    assert raw["voted_rate"] == pytest.approx(0.864, abs=0.005)
