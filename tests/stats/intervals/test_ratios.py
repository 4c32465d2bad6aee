"""Intervals of a ratio of rates: their edges, and how often they hold."""

import numpy as np

from campaignkit.stats.intervals.ratios import rate_ratio


def test_ratio_interval_is_where_the_score_test_stops_rejecting():
    # Nam 1995, Biometrics 51, table 3, third line: 8/15 against 4/15; and the edges
    lower, upper = rate_ratio([8, 0, 3, 0, 5], [15, 20, 20, 20, 0], [4, 5, 0, 0, 5], [15, 20, 20, 20, 10])
    assert lower[0] < 2 < upper[0]
    assert lower[1] == 0
    assert upper[1] < 1
    assert lower[2] > 0
    assert upper[2] == np.inf
    assert np.isnan([lower[3], upper[3], lower[4], upper[4]]).all()


def test_ratio_interval_covers_at_small_counts():
    rng = np.random.default_rng(5)
    k1, k2 = rng.binomial(200, 0.03, 4000), rng.binomial(2000, 0.015, 4000)
    lower, upper = rate_ratio(k1, 200, k2, 2000)
    assert 0.935 < ((lower <= 2) & (upper >= 2)).mean() < 0.97
