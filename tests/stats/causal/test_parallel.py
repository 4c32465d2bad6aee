"""Event studies whose groups drift apart: the pre-test's power, and bounds that cover what plain intervals miss."""

import numpy as np
import pytest

from campaignkit.stats.causal.parallel import detectable_slope, pretest_power, relative_magnitudes, worst_step


def test_power_is_its_size_without_a_trend_and_grows_with_it():
    before, spread = np.arange(-5, -1), 0.01 * (np.eye(4) * 0.5 + 0.5)
    powers = [pretest_power(slope, before, -1, spread, 500) for slope in (0.0, 0.03, 0.1)]
    assert powers[0] == pytest.approx(0.05, abs=1e-3)
    assert powers[0] < powers[1] < 0.5 < powers[2]
    slope = detectable_slope(before, -1, spread, 500)
    assert pretest_power(slope, before, -1, spread, 500) == pytest.approx(0.8, abs=1e-6)


def test_power_is_what_a_simulation_shows():
    from campaignkit.stats.causal.staggered import joint_test

    rng, spread = np.random.default_rng(0), 0.01 * (np.eye(4) * 0.5 + 0.5)
    trend = 0.05 * np.array([-4.0, -3, -2, -1])
    drawn = rng.multivariate_normal(trend, spread, 2000)
    noticed = np.mean([joint_test(row, spread, 10_000)[1] < 0.05 for row in drawn])
    assert noticed == pytest.approx(pretest_power(0.05, np.arange(-5, -1), -1, spread, 10_000), abs=0.03)


def test_the_worst_path_is_a_straight_one():
    assert worst_step(4, np.array([0.0, 0.0, 0.0, 1.0])) == 4.0
    assert worst_step(2, np.array([0.5, 0.5])) == 1.5


@pytest.mark.parametrize("slope", [0.0, 0.05])
def test_bounds_cover_under_a_trend_where_plain_intervals_do_not(slope):
    rng, spread, weights = np.random.default_rng(1), 0.01 * (np.eye(9) * 0.5 + 0.5), np.full(5, 0.2)
    trend = slope * np.array([-4.0, -3, -2, -1, 1, 2, 3, 4, 5])
    drawn = rng.multivariate_normal(trend, spread, 300)
    error = np.sqrt(weights @ spread[4:, 4:] @ weights)
    found = [relative_magnitudes(row[:4], row[4:], weights, spread) for row in drawn]
    assert np.mean([b.lower <= 0 <= b.upper for b in found]) >= 0.95
    plain = np.mean(np.abs(drawn[:, 4:] @ weights) < 1.96 * error)
    assert plain > 0.9 if slope == 0 else plain < 0.8
