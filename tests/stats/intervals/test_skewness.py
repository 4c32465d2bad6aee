"""Means of a few skewed gifts: where Hall's interval holds, and that what does not hold is told apart."""

import numpy as np
import pytest
from scipy.stats import lognorm

from campaignkit.stats.intervals.differences import hall
from campaignkit.stats.intervals.moments import Moments
from campaignkit.stats.intervals.skewness import TOO_SKEWED, influence_skewness, lognormal_skewness


@pytest.mark.parametrize("s", [0.5, 1.5])
def test_lognormals_skewness_is_scipys(s):
    assert lognormal_skewness(s**2, 1) == pytest.approx(float(lognorm(s).stats("s")), rel=1e-9)


@pytest.mark.parametrize(("s", "n", "warned"), [(0.5, 60, False), (0.5, 300, False), (1.5, 30, True), (1.5, 300, True)])
def test_heavy_gifts_are_told_from_gentle_ones(s, n, warned):
    logs = np.random.default_rng(0).normal(0, s, (500, n))
    found = lognormal_skewness(logs.var(axis=1, ddof=1), n) > TOO_SKEWED
    assert found.mean() >= 0.95 if warned else found.mean() <= 0.05


def test_hall_among_givers_covers_more_than_the_logarithms_delta():
    rng = np.random.default_rng(1)
    gifts = np.exp(rng.normal(0, 1.5, (2000, 30)))
    y = np.concatenate([gifts, np.zeros((2000, 70))], axis=1)
    x = np.stack([y, np.ones_like(y), np.zeros_like(y), y > 0], axis=-1)
    off = x - x.mean(axis=1, keepdims=True)
    m = Moments(
        np.full(2000, 100.0), x.mean(axis=1), np.einsum("rui,ruj->rij", off, off), (off[..., 0] ** 3).sum(axis=1)
    )
    mean, variance = m.among_nonzero()
    assert m.among_nonzero_cumulant() == pytest.approx(
        ((gifts - gifts.mean(axis=1, keepdims=True)) ** 3).sum(axis=1) / 30**2 / 30, rel=1e-9
    )
    lower, upper = hall(mean, np.sqrt(variance / 100), m.among_nonzero_cumulant(), 29)
    inside = ((lower <= np.exp(1.125)) & (np.exp(1.125) <= upper)).mean()
    assert 0.87 < inside < 0.93


def test_influences_skewness_falls_with_the_square_root():
    rng = np.random.default_rng(2)
    few, many = (influence_skewness(rng.exponential(1, n) - 1) for n in (100, 10_000))
    assert few > 3 * many
