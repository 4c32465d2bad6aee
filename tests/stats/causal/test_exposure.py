"""Means by exposure: plain differences, weights by chance, pairs that share a sharer, and shares of neighbors."""

import numpy as np
import pytest

from campaignkit.stats.causal.exposure import contrast, independent_variance, shared_variance, spillover


def test_with_one_chance_for_all_it_is_the_difference_of_means_with_welchs_error():
    rng = np.random.default_rng(0)
    y, asked = rng.normal(size=300), rng.random(300) < 0.3
    found = contrast(y, asked, np.full(300, 0.3), ~asked, np.full(300, 0.7))
    assert found.estimate == pytest.approx(y[asked].mean() - y[~asked].mean())
    welch = y[asked].var(ddof=1) / asked.sum() + y[~asked].var(ddof=1) / (~asked).sum()
    assert independent_variance(found.influence) == pytest.approx(welch)


def test_shared_variance_is_the_sum_over_pairs_with_a_common_sharer():
    rng = np.random.default_rng(1)
    influence = np.abs(rng.normal(size=30))
    pair = np.unique(rng.integers(0, 30, 60) * 8 + rng.integers(0, 8, 60))
    row, sharer = pair // 8, pair % 8
    member = np.zeros((30, 8))
    member[row, sharer] = 1
    common = member @ member.T
    np.fill_diagonal(common, 1)
    assert set(range(30)) - set(row)  # a row of no sharer counts with itself
    assert shared_variance(influence, row, sharer) == pytest.approx(influence @ common @ influence)


def test_a_ratio_carries_the_error_of_both():
    rng = np.random.default_rng(2)
    asked = rng.random(4_000) < 0.5
    reached = rng.random(4_000) < np.where(asked, 0.7, 0.1)
    y = 0.5 * reached + rng.normal(size=4_000)
    half = np.full(4_000, 0.5)
    late = contrast(y, asked, half, ~asked, half).ratio(contrast(reached * 1.0, asked, half, ~asked, half))
    assert abs(late.estimate - 0.5) < 4 * np.sqrt(independent_variance(late.influence))
    assert np.sqrt(independent_variance(late.influence)) == pytest.approx(0.0527, abs=0.004)


def ring(n, reach=3):
    one = np.repeat(np.arange(n), 2 * reach)
    steps = np.tile(np.array([*range(-reach, 0), *range(1, reach + 1)]), n)
    return one, (one + steps) % n


def test_spillover_is_found_with_an_error_that_is_right():
    n, errors, said = 600, [], []
    one, two = ring(n)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        asked = rng.random(n) < 0.5
        place = np.repeat(rng.normal(size=n // 20), 20)  # neighbors are alike
        share = np.bincount(one, asked[two], n) / 6
        y = place + 0.2 * asked + 0.4 * share + rng.normal(size=n)
        found = spillover(y, asked, 0.5, one, two, np.full(n, 6.0))
        errors.append(found.estimate - 0.4)
        said.append(found.std_error)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(60)
    assert np.mean(said) == pytest.approx(np.std(errors), rel=0.3)
