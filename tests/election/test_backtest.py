"""Past elections from earlier ones alone: scores as defined, a check that passes the model and not its rivals."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from campaignkit import election
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture
from campaignkit.stats.prediction.scoring import share_crps, surprise, two_sided
from tests.election.worlds import Truth, draw_history

POLLED = [2000, 2004, 2008, 2012]


@pytest.fixture(scope="module")
def history():
    return draw_history(1, POLLED, Truth(shared=0.12), polls=200)


@pytest.fixture(scope="module")
def found(history):
    return election.backtest(history.polls, history.results, horizons=(0, 10))


@pytest.mark.slow
def test_one_row_an_election_and_horizon_with_scores_as_defined(history, found):
    assert found.table.select("year", "days_left").rows() == [(y, d) for d in (0, 10) for y in POLLED]
    row = found.table.row(3, named=True)
    states = found.states.filter(year=2012, days_left=0)
    won = states["share"] > 0.5
    assert row["brier"] == pytest.approx(((states["chance"] - won.cast(pl.Float64)) ** 2).mean())
    assert row["rmse"] == pytest.approx(((states["estimate"] - states["share"]) ** 2).mean() ** 0.5)
    inside = states["share"].is_between(states["lower"], states["upper"])
    assert row["cover_share"] == pytest.approx(inside.mean())
    assert states["share"].to_numpy() == pytest.approx(history.past.share[2012])


def test_it_is_the_forecast_that_would_have_been_made(history, found):
    past = history.polls.filter(pl.col("end_date").dt.year() < 2008)
    polls = history.polls.filter(pl.col("end_date").dt.year() == 2008)
    then = election.forecast(
        polls, history.results.filter(pl.col("year") < 2008), on="2008-11-04", as_of="2008-10-25", history=past
    )
    ours = found.states.filter(year=2008, days_left=10)
    assert ours["chance"].to_list() == pytest.approx(then.table["chance"].to_list(), abs=1e-9)


def test_the_check_rejects_a_forecast_without_poll_error(history, found):
    assert found.check["passed"].all()
    none = election.Settings(shared_bias_sd=0.0, state_bias_sd=0.0)
    certain = election.backtest(history.polls, history.results, settings=none)
    assert not certain.check["passed"].item()
    assert "missed by more than the model says they should" in certain.summary()
    assert certain.table["cover_share"].mean() < found.table["cover_share"].mean()


def test_crps_is_the_mean_absolute_difference_of_draws():
    mixture = GaussianMixture(np.array([0.4, 0.6]), np.array([[0.1], [-0.2]]), np.array([[[0.02]], [[0.09]]]))
    x = expit(np.concatenate(list(mixture.draws(40_000, seed=1)))[:, 0].astype(float))
    y = 0.53
    half = np.random.default_rng(0).permutation(x)
    expected = np.abs(x - y).mean() - 0.5 * np.abs(x - half).mean()
    assert share_crps(mixture, np.array([y]))[0] == pytest.approx(expected, abs=0.001)


def test_surprise_is_as_expected_where_the_forecast_is_right():
    rng = np.random.default_rng(3)
    half = rng.normal(size=(20, 20))
    mixture = GaussianMixture(np.ones(1), np.zeros((1, 20)), (half @ half.T)[None])
    factor = np.linalg.cholesky(mixture.covariance[0])
    weights, p = np.full(20, 0.05), []
    for seed in range(200):
        found = surprise(mixture, weights, factor @ rng.standard_normal(20), 500, seed)
        p.append(two_sided(found.each, found.drawn_each))
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.06)


def test_what_cannot_be_tested_is_refused(history):
    with pytest.raises(BadValue, match="1996 has no polls"):
        election.backtest(history.polls, history.results, years=[1996])
    with pytest.raises(NotEnoughData):
        election.backtest(history.polls.head(0), history.results)
    with pytest.raises(BadValue, match="horizons"):
        election.backtest(history.polls, history.results, horizons=(-1,))


def test_it_shows_itself(found):
    assert "plain average" in found.summary()
    assert found.chart().to_dict()["description"] == found.summary()
    assert found.calibration["n"].sum() == found.states.height
