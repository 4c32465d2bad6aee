"""Tails against exact sums and scipy."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import hypergeom

from campaignkit.stats.intervals import hypergeometric as tails
from campaignkit.stats.intervals.hypergeometric import hypergeometric_upper, hypergeometric_z


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
