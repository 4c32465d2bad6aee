"""Errors of lifts with few or unequal clusters: the jackknife of weighted means, and its degrees of freedom."""

import numpy as np
import pytest

from campaignkit.stats.causal.comparison import Comparison, cluster_shares, contrast, difference, difference_in_means
from campaignkit.stats.intervals.clustered import leave_out


def drawn(sizes, rng, effect=0.0):
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    treated = (np.arange(len(sizes)) % 2 == 0)[cluster]
    y = rng.normal(0, 0.3, len(sizes))[cluster] + rng.normal(size=len(cluster)) + effect * treated
    return Comparison(np.ones((len(y), 1)), y, treated, np.ones(len(y)), cluster, ())


def test_difference_in_means_has_the_jackknifes_error_and_df():
    c = drawn([3, 40, 5, 8, 20, 9, 4, 6], np.random.default_rng(0))
    error, df = contrast(difference_in_means(c), c.cluster, np.nan)
    parts = []
    for arm in (True, False):
        rows = c.arm(arm)
        total = np.bincount(c.cluster[rows], c.y[rows], 8)[np.unique(c.cluster[rows])]
        size = np.bincount(c.cluster[rows], minlength=8)[np.unique(c.cluster[rows])].astype(float)
        left = np.array([(total.sum() - a) / (size.sum() - b) for a, b in zip(total, size, strict=True)])
        parts.append((((left - total.sum() / size.sum()) ** 2).sum(), leave_out(total, size).df(4.0, size.sum())))
    assert error**2 == pytest.approx(7 / 8 * sum(v for v, _ in parts), rel=1e-9)
    expected = sum(v for v, _ in parts) ** 2 / sum(v**2 / f for v, f in parts)
    assert df == pytest.approx(float(expected), rel=1e-6)


def test_rows_without_clusters_keep_their_error():
    c = drawn([1] * 60, np.random.default_rng(1))
    means = difference_in_means(c)
    error, df = contrast(means, None, 17.0)
    assert df == 17.0
    assert error**2 == pytest.approx(
        60 / 59 * sum((m.influence**2).sum() for m in (means.mean_treated, means.mean_control))
    )


def test_one_huge_cluster_leaves_few_degrees_of_freedom():
    assert cluster_shares(np.ones(2950), np.repeat(np.arange(20), [2000] + [50] * 19)).df < 2


def test_intervals_of_unequal_clusters_cover():
    rng, inside = np.random.default_rng(2), 0
    for _ in range(400):
        sizes = (np.exp(rng.normal(2.5, 1, 20)) + 1).astype(int)
        c = drawn(sizes, rng)
        found = difference(difference_in_means(c), c.cluster, 9.0)
        inside += found.lower <= 0 <= found.upper
    assert inside / 400 >= 0.93
