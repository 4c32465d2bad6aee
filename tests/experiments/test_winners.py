"""winners: the best is not as good as it looked, and says so."""

import numpy as np
import polars as pl
import pytest

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments import winners
from campaignkit.stats.intervals.hierarchy import gamma_hierarchy, normal_hierarchy


def mailed(arms=10, n=3000, rates=None, seed=0):
    rng = np.random.default_rng(seed)
    rates = np.full(arms, 0.01) if rates is None else np.asarray(rates)
    arm = np.repeat(np.arange(len(rates)), n)
    return pl.DataFrame({"arm": [f"e{i:02}" for i in arm], "gave": rng.random(arm.size) < rates[arm]})


def test_shrinking_pulls_the_winner_to_the_mean():
    found = winners(mailed(), "arm", "gave")
    best = found.table.row(0, named=True)
    assert found.table["level"].mean() < best["estimate"] < best["level"]
    assert found.luck > 0.5


@pytest.mark.slow
def test_the_shrunk_lead_is_the_held_out_lead():
    """Over 60 tests whose arms differ by a fifth; the raw lead is two to three times too large."""
    rng = np.random.default_rng(5)
    raw, shrunk, true = [], [], []
    for seed in range(60):
        rates = 0.01 * np.exp(rng.normal(0, 0.2, 10))
        found = winners(mailed(rates=rates, seed=seed), "arm", "gave")
        order = [int(arm[1:]) for arm in found.table["arm"]]
        raw.append(found.lead)
        shrunk.append(found.shrunk_lead)
        true.append(rates[order[0]] - rates[order[1:]].mean())
    error = np.std(np.array(shrunk) - np.array(true)) / np.sqrt(len(true))
    assert abs(np.mean(shrunk) - np.mean(true)) < 3 * error
    assert np.mean(raw) > 1.5 * np.mean(true)


def test_probabilities_add_up_and_losses_are_ordered():
    found = winners(mailed(rates=[0.01, 0.012, 0.02]), "arm", "gave", recipients=1_000_000)
    assert found.table["probability_best"].sum() == pytest.approx(1.0)
    assert found.table["expected_loss"].is_sorted()
    assert (found.table["expected_loss"] >= 0).all()
    assert found.table["loss_in_all"].to_list() == pytest.approx((found.table["expected_loss"] * 1e6).to_list())
    assert "1,000,000" in found.summary()


def test_a_large_lead_is_left_alone():
    found = winners(mailed(arms=3, n=100_000, rates=[0.01, 0.01, 0.03]), "arm", "gave")
    assert found.luck < 0.05
    assert found.table["probability_best"][0] > 0.999


def test_past_tests_sharpen_the_spread():
    table = mailed(arms=3, n=2000, rates=[0.01, 0.012, 0.014], seed=2)
    alike = pl.DataFrame({"test": ["t"] * 40, "estimate": [0.02] * 40, "std_error": [0.0002] * 40})
    rng = np.random.default_rng(0)
    apart = alike.with_columns(estimate=pl.Series(0.02 * np.exp(rng.normal(0, 0.6, 40))))
    spreads = [winners(table, "arm", "gave", past=past).spread for past in (alike, None, apart)]
    assert spreads[0] < spreads[1]
    assert spreads[0] < spreads[2]
    assert spreads[2] / 0.012 == pytest.approx(0.65, abs=0.2)


def test_money_one_large_gift_is_mostly_luck():
    rng = np.random.default_rng(0)
    gift = np.where(rng.random(20_000) < 0.01, 25.0, 0.0)
    gift[0] = 2500.0
    table = pl.DataFrame({"arm": np.repeat(["a", "b", "c", "d", "e"], 4000), "gift": gift})
    found = winners(table, "arm", "gift")
    assert found.table["arm"][0] == "a"
    assert found.luck > 0.6


def test_a_mean_may_be_negative():
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"arm": np.repeat(["a", "b", "c"], 500), "shift": rng.normal(-0.1, 1, 1500)})
    assert winners(table, "arm", "shift").table["kind"].to_list() == ["mean"] * 3


def test_same_seed_same_answer():
    a, b = (winners(mailed(), "arm", "gave", seed=4).table for _ in range(2))
    assert a.equals(b)


def test_errors_are_clear():
    with pytest.raises(NotEnoughData, match="Only one arm"):
        winners(mailed(arms=1), "arm", "gave")
    with pytest.raises(NotEnoughData, match="same for everybody"):
        winners(mailed().with_columns(gave=pl.lit(False)), "arm", "gave")
    past = pl.DataFrame({"test": ["a"], "estimate": [0.1], "std_error": [0.0]})
    with pytest.raises(BadValue, match="std_error is not above 0"):
        winners(mailed(), "arm", "gave", past=past)


def test_chart_and_page():
    found = winners(mailed(), "arm", "gave")
    assert found.chart().to_dict()["description"] == found.summary()
    assert "<table" in found._repr_html_()


def test_the_normal_hierarchy_is_gelmans_schools():
    """Eight schools with a wide prior: BDA3, table 5.3, medians 10, 8, 7, 8, 5, 6, 10, 8 (means within 1.5)."""
    y = [28, 8, -3, 7, -1, 1, 18, 12]
    found = normal_hierarchy(y, np.square([15.0, 10, 16, 11, 9, 11, 10, 18]), scale=25.0)
    assert np.abs(found.mean - [11, 8, 6, 8, 5, 6, 10, 8]).max() < 1.5


def test_draws_have_the_means_they_should():
    found = gamma_hierarchy([0.01, 0.012, 0.03], [1000.0, 2000.0, 1500.0], 0.3)
    assert found.draws.mean(axis=0) == pytest.approx(found.mean, rel=0.02)
    assert found.draws.std(axis=0) == pytest.approx(found.sd, rel=0.05)


def test_a_lead_that_is_noise_is_not_the_best_at_ninety_per_cent():
    sure = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        table = pl.DataFrame({"arm": np.repeat(["a", "b"], 4000), "gave": rng.random(8000) < 0.05})
        found = winners(table, "arm", "gave", seed=seed)
        sure += found.table["probability_best"][0] >= 0.9
        assert found.no_difference > 0.05
    assert sure <= 1
