"""The New York Times Upshot/Siena poll of Florida, September 2016, by its own weights: Clinton 41, Trump 40."""

import polars as pl
import pytest

from campaignkit import polls
from tests.real.published import published


@pytest.fixture(scope="module")
def florida() -> pl.DataFrame:
    table = pl.read_parquet(published("polls/siena_2016.parquet")).filter(poll_id="Florida September")
    answers = {
        f"{name}_{ways}": pl.col(f"vt_pres_{ways}").str.contains(name)
        for name in ("Clinton", "Trump")
        for ways in (2, 4)
    }
    return table.with_columns(**answers)


def lead(weights: polls.Weights, ways: int) -> float:
    ours, theirs = (weights.estimate(f"{name}_{ways}")["estimate"].item() for name in ("Clinton", "Trump"))
    return ours - theirs


def test_clintons_lead_of_one_by_the_polls_own_weights(florida):
    weights = polls.rake(florida, florida, by=["gender", "file_party"], frame_weight="lvweight", weight="lvweight")
    assert florida.height == 867
    assert (weights.weights["weight"] / florida["lvweight"] - 1 / florida["lvweight"].mean()).abs().max() < 1e-6
    assert round(100 * lead(weights, 4)) == 1
    assert abs(lead(weights, 2)) < 0.01  # published as 43 to 43


def test_the_error_of_the_lead_is_that_of_a_sample_of_its_size(florida):
    weights = polls.rake(florida, florida, by=["gender", "file_party"], frame_weight="lvweight", weight="lvweight")
    error = weights.estimate("Clinton_4")["std_error"].item()
    assert 0.012 < error < 0.025
