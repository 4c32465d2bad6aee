"""Tails, intervals, corrections and shrinkage against exact sums, scipy, statsmodels and published numbers."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import hypergeom
from statsmodels.stats.multitest import multipletests

from campaignkit.stats.intervals import hypergeometric as tails
from campaignkit.stats.intervals.hypergeometric import hypergeometric_upper, hypergeometric_z
from campaignkit.stats.intervals.multiplicity import benjamini_hochberg, holm
from campaignkit.stats.intervals.ratios import rate_ratio
from campaignkit.stats.intervals.shrinkage import shrunk_means, shrunk_rates


def by_fractions(k, n, positives, total):
    ways = sum(comb(positives, x) * comb(total - positives, n - x) for x in range(k, min(n, positives) + 1))
    return float(Fraction(ways, comb(total, n)))


def test_every_table_of_nine_people_is_exact():
    tables = [(k, n, p, 9) for n in range(10) for p in range(10) for k in range(max(0, n + p - 9), min(n, p) + 1)]
    found = hypergeometric_upper(*np.array(tables).T)
    assert found == pytest.approx([by_fractions(*table) for table in tables], rel=1e-12)


@pytest.mark.parametrize("total", [300, 5_000, 100_000])
def test_upper_tail_is_scipys(total):
    rng = np.random.default_rng(total)
    positives, n = rng.integers(1, total, (2, 800))
    spread = np.sqrt(n * positives / total)
    low, high = np.maximum(0, n + positives - total), np.minimum(n, positives)
    k = np.clip(np.rint(n * positives / total + spread * rng.uniform(-3, 6, 800)), low, high).astype(int)
    theirs = hypergeom.sf(k - 1, total, positives, n)
    seen = theirs > 1e-250
    assert hypergeometric_upper(k, n, positives, total)[seen] == pytest.approx(theirs[seen], rel=2e-5)


def test_the_saddlepoint_takes_over_smoothly(monkeypatch):
    n, k = 25_000, np.arange(1250, 1600, 7)
    large = hypergeometric_upper(k, n, 50_000, 1_000_000)
    monkeypatch.setattr(tails, "EXACT_UP_TO", 1e9)
    assert hypergeometric_upper(k, n, 50_000, 1_000_000) == pytest.approx(large, rel=2e-5)


def test_the_tail_far_out_is_not_the_normal_one():
    # ten where one is expected: the normal tail is 1e-19, the truth 1e-7
    assert hypergeometric_upper(10, 200, 500, 100_000) == pytest.approx(hypergeom.sf(9, 100_000, 500, 200), rel=1e-8)
    assert hypergeometric_upper(10, 200, 500, 100_000) > 1e-8
    assert hypergeometric_z(10, 200, 500, 100_000) == pytest.approx(9.0, abs=0.1)


def test_effective_counts_lie_between_the_whole_ones():
    between = hypergeometric_upper([5, 5.5, 6], 40, 100, 1000)
    assert between[0] > between[1] > between[2]


def test_corrections_are_statsmodels():
    p = np.random.default_rng(1).beta(0.4, 3, 500)
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-15)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-15)
    assert benjamini_hochberg([]).size == holm([]).size == 0


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


def test_shrinkage_leans_as_far_as_data_are_thin():
    found = shrunk_rates([50, 52, 48, 5, 0], [1000, 1000, 1000, 20, 0])
    thin = found.draws[:, 3].mean()
    assert 0.05 < thin < 0.20  # between the others' 5% and its own 25%
    assert (np.diff(found.own_share[[0, 3, 4]]) < 0).all()
    assert found.own_share[4] < 0.25


def test_shrinkage_of_means_with_much_data_is_the_means():
    found = shrunk_means([1.0, 2.0, 3.0], [0.01, 0.01, 0.01], scale=1.0)
    assert found.draws.mean(axis=0) == pytest.approx([1, 2, 3], abs=0.01)
