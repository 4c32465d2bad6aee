"""Means of few and of unequal clusters: the jackknife's variance and its degrees of freedom, against brute force."""

import numpy as np
import pytest

from campaignkit.stats.intervals.clustered import leave_out, satterthwaite_df, shared_df
from campaignkit.stats.intervals.moments import Moments

SIZES = np.array([3.0, 50.0, 7.0, 12.0, 1.0, 9.0])


def moments(y, d):
    x = np.stack([y, d, np.zeros_like(y), np.zeros_like(y)], axis=-1)
    off = x - x.mean(axis=0)
    return Moments(np.array(float(len(y))), x.mean(axis=0), off.T @ off, np.array(0.0), leave_out(y, d))


def test_variance_is_the_jackknifes():
    y = SIZES * 0.4 + np.random.default_rng(0).normal(size=6) * np.sqrt(SIZES)
    level = moments(y, SIZES).level()
    left = np.array([(y.sum() - y[i]) / (SIZES.sum() - SIZES[i]) for i in range(6)])
    assert level.variance / 6 == pytest.approx(5 / 6 * ((left - level.value) ** 2).sum(), rel=1e-12)


def test_equal_clusters_have_the_usual_variance_and_df():
    y, d = np.random.default_rng(1).normal(size=8), np.full(8, 20.0)
    m = moments(y, d)
    assert m.level().variance == pytest.approx(np.var(y / 20, ddof=1), rel=1e-12)
    assert m.df() == pytest.approx(7.0)


def test_df_is_bell_and_mccaffreys():
    d, total = SIZES, SIZES.sum()
    factor = total / (total - d)
    covariance = (np.diag(d) - np.outer(d, d) / total) * np.outer(factor, factor)
    v = d * factor
    expected = np.trace(covariance) ** 2 / (covariance**2).sum()
    assert satterthwaite_df(v.sum(), v @ v, (v**4).sum(), total) == pytest.approx(expected, rel=1e-12)
    assert expected < 2.5  # one cluster of six holds three fifths


def test_shared_clusters_of_one_size_have_one_less():
    v = np.full(12, 5.0 * 60 / 55)
    sums = (v.sum(), v @ v, 60.0)
    assert shared_df(sums, sums, v @ v) == pytest.approx(11.0)


@pytest.mark.parametrize("world", ["lognormal", "one huge"])
def test_intervals_of_unequal_clusters_cover(world):
    from scipy.special import stdtrit

    rng, inside = np.random.default_rng(3), 0
    for _ in range(600):
        estimates, variances, dfs = [], [], []
        for _ in range(2):
            d = np.round(np.exp(rng.normal(3.5, 1, 10))) + 1 if world == "lognormal" else np.r_[2000.0, np.full(19, 50)]
            y = d * rng.normal(0, 0.3, len(d)) + rng.normal(size=len(d)) * np.sqrt(d)
            m = moments(y, d)
            level = m.level()
            estimates.append(level.value), variances.append(level.variance / m.n), dfs.append(m.df())
        v, df = np.array(variances), np.array(dfs)
        half = stdtrit(v.sum() ** 2 / (v**2 / df).sum(), 0.975) * np.sqrt(v.sum())
        inside += abs(estimates[0] - estimates[1]) < half
    assert inside / 600 >= 0.93  # with CR1 and the number of clusters less one: .90 and .42


def test_variances_of_arms_of_one_size_stay_and_small_arms_lean_on_the_large():
    ss = np.zeros((2, 4, 4))
    ss[:, 0, 0] = [20.0, 4.0]
    mean = np.zeros((2, 4))
    mean[:, 3] = 0.02
    even = Moments(np.array([1000.0, 1000.0]), mean, ss, np.zeros(2)).steadied(30)
    assert even.ss[:, 0, 0].sum() == pytest.approx(24.0)
    odd = Moments(np.array([10_000.0, 1000.0]), mean, np.where(ss > 0, ss * [[[10.0]], [[1.0]]], 0), np.zeros(2))
    assert odd.steadied(30).ss[1, 0, 0] > 2 * odd.ss[1, 0, 0]
