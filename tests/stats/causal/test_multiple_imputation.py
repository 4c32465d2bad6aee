"""Gaps are filled by values that people have, as the outcome and the others foretell, and the answers put together."""

import numpy as np
import pytest
from scipy.stats import t as student

from campaignkit.stats.causal import multiple_imputation
from campaignkit.stats.causal.comparison import Comparison, difference, ratio
from campaignkit.stats.causal.multiple_imputation import IMPUTATIONS, fillings, pooled, pooled_difference, pooled_ratio
from campaignkit.stats.causal.weighting import regression


def comparison(n: int = 800, seed: int = 0) -> Comparison:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    treated = rng.random(n) < 0.4
    y = 20 + x[:, 1:] @ [3.0, 2.0, 1.0] + 2 * treated + rng.normal(size=n)
    return Comparison(x, y, treated, np.ones(n), None, (slice(0, n),))


def gaps(c: Comparison, share: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(len(c.y)) < share


def test_gaps_are_filled_with_values_that_somebody_has_near_what_they_were():
    c, gap = comparison(), gaps(comparison(), 0.3)
    filled = fillings(c, {1: gap}, [], 0)
    assert len(filled) == IMPUTATIONS
    for one in filled:
        assert np.isin(one.x[gap, 1], c.x[~gap, 1]).all()
        assert np.array_equal(one.x[~gap], c.x[~gap])
        assert np.corrcoef(one.x[gap, 1], c.x[gap, 1])[0, 1] > 0.5  # the outcome tells much of it
    assert len({tuple(one.x[gap, 1]) for one in filled}) == IMPUTATIONS


def test_several_covariates_with_gaps_are_filled_by_turns_and_alike_by_seed():
    c = comparison()
    holes = {1: gaps(c, 0.3), 2: gaps(c, 0.2, 2)}
    one, same, other = (fillings(c, holes, [], seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a.x, b.x) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0].x, other[0].x)
    effects = [regression(filled) for filled in one]
    whole = regression(c)
    assert np.mean([m.mean_treated.value - m.mean_control.value for m in effects]) == pytest.approx(
        whole.mean_treated.value - whole.mean_control.value, abs=0.2
    )


def test_answers_are_put_together_by_rubins_rules():
    values, errors, m = [1.0, 1.4, 1.8], [0.5, 0.6, 0.4], 3
    found = pooled(values, errors, [1e9] * 3, 0.9)
    within, between = np.mean(np.square(errors)), np.var(values, ddof=1)
    total = within + (1 + 1 / m) * between
    df = (m - 1) * (1 + within / ((1 + 1 / m) * between)) ** 2  # Rubin (1987), where the data's own are endless
    half = student.ppf(0.95, df) * np.sqrt(total)
    assert (found.value, found.std_error) == pytest.approx((1.4, np.sqrt(total)))
    assert (found.lower, found.upper) == pytest.approx((1.4 - half, 1.4 + half), rel=1e-6)


def test_one_filling_is_its_own_answer():
    means = regression(comparison())
    assert pooled_difference([means], None, 300.0) == difference(means, None, 300.0)
    assert pooled_ratio([means], None, 300.0) == ratio(means, None, 300.0)


def test_clusters_are_drawn_whole(monkeypatch):
    """A bootstrap of rows would take a cluster's people for as many who tell each their own."""
    drawn, coefficients = [], multiple_imputation._coefficients

    def kept(x, y, weight):
        drawn.append(weight)
        return coefficients(x, y, weight)

    monkeypatch.setattr(multiple_imputation, "_coefficients", kept)
    c = comparison(200)
    cluster = np.repeat(np.arange(20), 10)
    gap = gaps(c, 0.3)
    fillings(Comparison(c.x, c.y, c.treated, c.weight, cluster, c.folds), {1: gap}, [], 0)
    times = drawn[1]
    assert all(len(set(times[cluster[~gap] == own])) == 1 for own in range(20))
