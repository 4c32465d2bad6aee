"""Regressions with few clusters, against leaving each out and fitting anew, and against residuals' full covariance."""

import numpy as np
import pytest

from campaignkit.stats.intervals.clustered import leave_out
from campaignkit.stats.regression import clustered
from campaignkit.stats.regression.clustered import cluster_sums


def drawn(seed=0):
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(7), [3, 12, 5, 8, 4, 30, 6])
    x = np.column_stack([np.ones(68), cluster % 2, rng.normal(size=68)])
    return x, rng.normal(size=(68, 2)), rng.uniform(0.5, 2, 68), cluster


def fit(x, y, w):
    return np.linalg.solve((x * w[:, None]).T @ x, (x * w[:, None]).T @ y)


def test_each_cluster_left_out_is_a_fit_without_it():
    x, y, w, cluster = drawn()
    sums = cluster_sums(x, y, w, cluster)
    assert sums.beta == pytest.approx(fit(x, y, w), rel=1e-9)
    for g in range(7):
        out = cluster != g
        assert sums.moved[g] + sums.beta == pytest.approx(fit(x[out], y[out], w[out]), rel=1e-8)


def test_df_is_that_of_the_residuals_full_covariance():
    x, y, w, cluster = drawn(1)
    w = np.ones_like(w)
    sums = cluster_sums(x, y, w, cluster)
    hat = x @ np.linalg.inv(x.T @ x) @ x.T
    rows = []
    for g in range(7):
        own = cluster == g
        lever = np.linalg.inv(x.T @ x - x[own].T @ x[own])[1] @ x[own].T
        rows.append(lever @ (np.eye(68) - hat)[own])
    spread = np.array(rows) @ np.array(rows).T
    assert sums.df(1) == pytest.approx(np.trace(spread) ** 2 / (spread**2).sum(), rel=1e-8)


def test_one_column_is_the_mean_of_clusters():
    _, y, _, cluster = drawn(2)
    ones = np.ones((68, 1))
    sums = cluster_sums(ones, y[:, :1], np.ones(68), cluster)
    total, size = np.bincount(cluster, y[:, 0]), np.bincount(cluster).astype(float)
    left, n = leave_out(total, size), 7.0
    gradient = np.array([1.0, -total.sum() / size.sum(), 0.0]) / size.mean()
    assert sums.covariance(0)[0, 0] == pytest.approx(left.squares(gradient, gradient, n) * 6 / 7 / 49, rel=1e-9)
    assert sums.df(0) == pytest.approx(float(left.df(n, size.sum())), rel=1e-9)


def test_too_many_clusters_are_left_to_others(monkeypatch):
    monkeypatch.setattr(clustered, "MOST_NUMBERS", 10)
    assert cluster_sums(*drawn()) is None
