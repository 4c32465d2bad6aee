"""Learners of effects: against scikit-learn on the same folds, and a dense likelihood."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from campaignkit.stats.causal import effect_learners as learners
from campaignkit.stats.causal.effect_learners import class_transformation, doubly_robust, empirical_bayes_ridge
from campaignkit.stats.prediction.uplift import Outcomes, average_effect
from campaignkit.stats.regression.terms import Term, Terms


def trial(seed, n=3000, share=0.5):
    rng = np.random.default_rng(seed)
    group, area_ = rng.integers(0, 4, n), rng.integers(0, 3, n)
    parts = [np.vstack([np.zeros(k - 1), np.eye(k - 1)]) for k in (4, 3)]
    terms = Terms((Term(np.zeros(n, int), np.ones((1, 1))), Term(group, parts[0]), Term(area_, parts[1])))
    treated = rng.random(n) < share
    yes = rng.random(n) < 0.3 + 0.1 * (area_ == 1) + 0.06 * group * treated
    return terms, Outcomes(treated, yes, np.ones(n), np.ones(n)), np.arange(n) % 5, group


def test_class_transformation_is_scikit_learns():
    terms, of, _, _ = trial(1)
    found = class_transformation(terms, of, ridge=3.0)
    weight = np.where(of.treated, 0.5 / of.treated.mean(), 0.5 / (1 - of.treated.mean()))
    model = LogisticRegression(C=1 / 3.0, tol=1e-10, max_iter=1000)
    model.fit(terms.matrix()[:, 1:], of.treated == of.yes, sample_weight=weight)
    assert found.beta == pytest.approx(np.r_[model.intercept_, model.coef_[0]], abs=1e-6)


def test_doubly_robust_is_scikit_learns_on_the_same_folds():
    terms, of, fold, _ = trial(2, share=0.25)
    x, y, t = terms.matrix(), of.yes.astype(float), of.treated
    guess = np.empty(len(y))
    for one in range(5):
        own, others = fold == one, fold != one
        chance, expected = t[others].mean(), {}
        for arm in (True, False):
            rows = others & (t == arm)
            spread, centered = y[rows].var(), y[rows] - y[rows].mean()
            ridge = empirical_bayes_ridge(x[rows].T @ x[rows] / spread, x[rows].T @ centered / spread)
            expected[arm] = Ridge(ridge * spread).fit(x[rows][:, 1:], y[rows]).predict(x[own][:, 1:])
        left = np.where(t[own], (y[own] - expected[True]) / chance, -(y[own] - expected[False]) / (1 - chance))
        guess[own] = expected[True] - expected[False] + left
    assert learners.pseudo_outcomes(terms, of, fold) == pytest.approx(guess, abs=1e-9)
    last = Ridge(2.0 * guess.var()).fit(x[:, 1:], guess)
    assert doubly_robust(terms, of, fold, ridge=2.0).beta == pytest.approx(np.r_[last.intercept_, last.coef_], abs=1e-8)


def test_the_likeliest_penalty_is_the_likelihoods():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 6))
    y = x @ rng.normal(0, 0.4, 6) + rng.normal(size=80)
    x, y = x - x.mean(axis=0), y - y.mean()
    design = np.column_stack([np.ones(80), x])
    found = empirical_bayes_ridge(design.T @ design, design.T @ y)
    grid = learners.GRID * np.linalg.eigvalsh(x.T @ x).mean()

    def log_likelihood(ridge):
        covariance = np.eye(80) + x @ x.T / ridge
        return -np.linalg.slogdet(covariance)[1] - y @ np.linalg.solve(covariance, y)

    assert found == pytest.approx(max(grid, key=log_likelihood))


def test_unequal_arms_do_not_pass_for_effects():
    terms, _, fold, group = trial(4, n=40_000)
    rng = np.random.default_rng(4)
    treated = rng.random(40_000) < 0.2
    yes = rng.random(40_000) < 0.15 + 0.2 * group + 0.03 * (3 - group) * treated  # who supports us is moved least
    of = Outcomes(treated, yes, np.ones(40_000), np.ones(40_000))
    for found in (doubly_robust(terms, of, fold), class_transformation(terms, of)):
        means = [terms.eta(found.beta)[group == one].mean() for one in range(4)]
        assert means == sorted(means, reverse=True)


def test_propensities_that_follow_a_feature_are_weighted_out():
    terms, of, fold, group = trial(5, n=20_000)
    rng = np.random.default_rng(5)
    treated = rng.random(20_000) < np.array([0.2, 0.4, 0.6, 0.8])[group]
    yes = rng.random(20_000) < 0.2 + 0.15 * group
    of = Outcomes(treated, yes, np.ones(20_000), np.ones(20_000))
    assert learners.covariate_balance_p_value(terms, of) < 1e-6
    assert average_effect(of).value > 0.1
    even = average_effect(of.reweighted(learners.inverse_propensity_weights(terms, of, fold)))
    assert even.lower < 0 < even.upper


def test_arms_by_lot_rarely_differ():
    p = [learners.covariate_balance_p_value(*trial(seed, n=500)[:2]) for seed in range(300)]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.1


def test_arms_drawn_within_clusters_do_not_differ():
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        terms, of, _, _ = trial(seed, n=800)
        cluster = np.repeat(np.arange(100), 8)
        treated = np.concatenate([rng.permutation(8) < 2 for _ in range(100)])
        p.append(learners.covariate_balance_p_value(terms, Outcomes(treated, of.yes, of.weight, of.squares, cluster)))
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.1
