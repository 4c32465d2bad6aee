"""Elections drawn: the same as the exact forecast, conditions, tipping points, ties, districts, Arrow."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from campaignkit import election
from campaignkit.election.model.race import NEEDED, Race
from campaignkit.election.simulate import simulate
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture
from campaignkit.stats.prediction.pivotal import tipping_points
from campaignkit.stats.prediction.truncated_draws import truncated_draws


def test_drawn_chances_are_the_exact_ones(odds, drawn):
    off = drawn.table["chance"].to_numpy() - odds.table["chance"].to_numpy()
    assert np.abs(off).max() < 4 * 0.5 / np.sqrt(drawn.n)
    assert drawn.table["estimate"].to_list() == pytest.approx(odds.table["estimate"].to_list())
    assert odds.simulate(20_000, seed=1).votes.tolist() == drawn.votes.tolist()
    assert odds.simulate(20_000, seed=2).votes.tolist() != drawn.votes.tolist()


def test_draws_as_arrow_are_the_same_elections(drawn):
    table = pl.from_arrow(drawn.draws().read_all())
    assert table["electoral_votes"].to_list() == drawn.votes.tolist()
    assert table["OH"].gt(0.5).mean() == pytest.approx(drawn.table.filter(state="OH")["chance"].item(), abs=1e-6)
    assert table["national_share"].is_between(0.3, 0.7).all()


def test_given_is_what_is_left_of_the_draws(drawn):
    fits = pl.from_arrow(drawn.draws().read_all()).filter(pl.col("OH") < 0.5)
    lost = drawn.given("OH", won=False)
    kept = fits["electoral_votes"].ge(NEEDED).mean()
    assert lost.win_probability == pytest.approx(kept, abs=4 * np.sqrt(kept * (1 - kept) / fits.height))
    assert lost.table.filter(state="OH")["chance"].item() == 0
    assert "if Ohio is lost" in lost.summary()
    thrown = drawn.given(where=pl.col("OH") < 0.5)
    assert thrown.win_probability == pytest.approx(kept)
    assert thrown.effective_n == fits.height


def test_a_rare_condition_keeps_its_draws(drawn):
    rare = drawn.given("CA", "NY", won=False)
    assert len(rare.votes) == drawn.n
    assert rare.effective_n > 500
    assert rare.win_probability < 0.05
    few = drawn.given(where=pl.col("electoral_votes") > 450)
    assert "too few" in few.summary()
    assert "if electoral_votes > 450" in few.summary()
    with pytest.raises(NotEnoughData):
        drawn.given(where=pl.col("electoral_votes") > 540)


def test_conditions_add_up_and_contradict(drawn):
    both = drawn.given("OH", won=True).given("FL", share=(None, 0.49))
    assert both.table.filter(state="FL")["upper"].item() <= 0.49
    assert both.table.filter(state="OH")["chance"].item() == pytest.approx(1, abs=1e-12)
    with pytest.raises(BadValue, match="contradict"):
        drawn.given("OH", won=True).given("OH", won=False)
    for wrong in ({}, {"won": True, "share": (0.4, 0.5)}):
        with pytest.raises(BadValue):
            drawn.given("OH", **wrong)
    with pytest.raises(BadValue, match="did you mean 'Ohio'"):
        drawn.given("Ohoi", won=True)
    with pytest.raises(BadValue, match="districts"):
        drawn.given("NE-2", won=True)


def test_weights_of_truncated_draws_are_probabilities():
    two = GaussianMixture(np.array([0.5, 0.5]), np.array([[0.0, 0.0], [1.0, 0.5]]),
                          np.array([[[1.0, 0.8], [0.8, 1.0]], [[2.0, -0.5], [-0.5, 1.0]]]))  # fmt: skip
    parts = list(truncated_draws(two, {0: (1.5, np.inf), 1: (-np.inf, 0.0)}, 40_000, seed=1))
    weight = np.concatenate([w for _, w in parts])
    exact = np.mean([
        multivariate_normal(mean * [-1, 1], cov * [[1, -1], [-1, 1]]).cdf([-1.5, 0.0])
        for mean, cov in zip(two.mean, two.covariance, strict=True)
    ])  # fmt: skip
    assert weight.mean() == pytest.approx(exact, rel=0.02)
    x = np.concatenate([x for x, _ in parts])
    assert (x[:, 0] > 1.5).all()
    assert (x[:, 1] < 0).all()


def brute_tipping(x: np.ndarray, votes: np.ndarray) -> int:
    total = votes[x > 0].sum()
    for order, won in ((np.argsort(-x), total >= NEEDED), (np.argsort(x), votes.sum() - total >= NEEDED)):
        if won:
            return int(order[np.searchsorted(np.cumsum(votes[order]), NEEDED)])
    return -1


def test_tipping_points_are_those_counted_one_by_one(drawn):
    x, _ = next(drawn.batches())
    votes = drawn.race.votes
    assert tipping_points(x[:500], votes, NEEDED).tolist() == [brute_tipping(row, votes) for row in x[:500]]
    assert drawn.tipping["tipping_share"].sum() == pytest.approx(1 - drawn.tie_probability, abs=1e-9)
    assert drawn.closest["closest_share"].sum() == pytest.approx(1)


def race_of(votes: list[int], mean: list[float], sd: float) -> Race:
    names = ["OH", "FL", "VA"][: len(votes)]
    mixture = GaussianMixture(np.ones(1), np.array([mean]), sd**2 * np.eye(len(votes))[None])
    return Race(names, names, np.array(votes), mixture, np.full(len(votes), 1 / len(votes)), 0.0)


def test_a_tie_is_nobodys():
    found = simulate(race_of([269, 269], [5.0, -5.0], 0.1), dt.date(2012, 11, 6),
                     dt.date(2012, 11, 1), 1_000)  # fmt: skip
    assert found.tie_probability == 1
    assert found.win_probability == 0
    assert found.tipping["tipping_share"].sum() == 0
    assert "nobody does in 100.0%" in found.summary()


def test_states_that_are_independent_win_as_the_normal_says():
    day = dt.date(2012, 11, 6)
    found = simulate(race_of([200, 200, 138], [0.1, -0.2, 0.3], 0.5), day, day, 100_000, seed=3)
    exact = ndtr(np.array([0.2, -0.4, 0.6]))
    assert found.table["chance"].to_numpy() == pytest.approx(exact, abs=0.008)


def test_maine_and_nebraska_by_district(odds):
    found = odds.simulate(20_000, seed=1, districts=True)
    assert found.race.votes.sum() == 538
    votes = dict(found.table.select("state", "electoral_votes").iter_rows())
    assert (votes["NE"], votes["NE-2"], votes["ME"]) == (2, 1, 2)
    chance = dict(found.table.select("state", "chance").iter_rows())
    assert chance["NE"] < 0.05 < chance["NE-2"] < 0.9
    assert found.given("NE-2", won=True).win_probability > found.win_probability
    lacking = election.districts().filter(pl.col("district") != "NE-2")
    with pytest.raises(BadValue, match="3 districts"):
        odds.simulate(100, districts=lacking)
    with pytest.raises(BadValue, match="only ME and NE"):
        odds.simulate(100, districts=election.districts().with_columns(state=pl.lit("OH")))


def test_it_shows_itself(drawn):
    assert drawn.chart().to_dict()["description"] == drawn.summary()
    assert "Tile map" in drawn.map().to_dict()["description"]
    assert drawn._repr_html_()
    for wrong in ({"n": 0}, {"seed": -1}):
        with pytest.raises(BadValue):
            simulate(drawn.race, drawn.on, drawn.as_of, **({"n": 10} | wrong))
