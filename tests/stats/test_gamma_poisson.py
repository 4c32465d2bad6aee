"""Shrunk counts: variances and means that were planted come back."""

import numpy as np

from campaignkit.stats.intervals.gamma_poisson import Level, shrunk_counts


def test_the_planted_spread_comes_back_as_the_share_of_ones_own_count():
    rng = np.random.default_rng(0)
    cells, spread, expected = 4000, 0.09, 40.0
    count = rng.poisson(expected * rng.gamma(1 / spread, spread, cells))
    found = shrunk_counts(count, np.full(cells, expected), [Level(np.arange(cells), np.ones(cells))])
    assert abs(found.own_share[0] - expected / (expected + 1 / spread)) < 0.03


def test_numbers_that_coarser_levels_took_are_not_missed():
    rng = np.random.default_rng(1)
    pair = np.repeat(np.arange(2000), 2)
    rate = rng.gamma(2, 1 / 2, 2000)[pair] * rng.gamma(25, 1 / 25, 4000)
    count = rng.poisson(60 * rate)
    levels = [Level(pair, np.ones(2000)), Level(np.arange(4000), np.ones(4000))]
    found = shrunk_counts(count, np.full(4000, 60.0), levels)
    assert found.own_share.mean() > 0.5
    wrong = [
        np.mean((x - 60 * rate) ** 2) for x in (found.mean, shrunk_counts(count, np.full(4000, 60.0), levels[:1]).mean)
    ]
    assert wrong[0] < wrong[1]


def test_intervals_cover_what_was_planted():
    rng = np.random.default_rng(2)
    group = np.arange(3000) // 30
    truth = 20 * rng.gamma(5, 1 / 5, 100)[group] * rng.gamma(10, 1 / 10, 3000)
    levels = [Level(group, np.ones(100)), Level(np.arange(3000), np.ones(3000))]
    found = shrunk_counts(rng.poisson(truth), np.full(3000, 20.0), levels)
    lower, upper = found.bounds()
    assert 0.92 < np.mean((lower <= truth) & (truth <= upper)) < 0.98


def test_where_nothing_varies_everything_is_what_was_expected():
    rng = np.random.default_rng(3)
    found = shrunk_counts(rng.binomial(40, 0.5, 500), np.full(500, 20.0), [Level(np.arange(500), np.ones(500))])
    assert np.allclose(found.mean, 20)
    assert np.isinf(found.shape).all()
