"""Qini and the learners: against scikit-uplift's definition, scikit-learn on the same folds, and a dense likelihood."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from campaignkit.stats.causal import learners
from campaignkit.stats.causal.learners import doubly_robust, likeliest_ridge, transformed
from campaignkit.stats.prediction.uplift import Outcomes, average_effect, effects, gains, mean_qini, qini
from campaignkit.stats.regression.terms import Term, Terms


def drawn(seed, n, levels, share):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, levels, n) / levels
    treated = rng.random(n) < share
    return score, Outcomes(treated, rng.random(n) < 0.2 + 0.3 * score * treated, np.ones(n), np.ones(n))


def curve(score, treated, yes):
    """Radcliffe's curve, person by person, with scikit-uplift's conventions."""
    points, n_t, n_c, y_t, y_c = [(0, 0.0)], 0, 0, 0, 0
    order = sorted(range(len(score)), key=lambda i: -score[i])
    for at, i in enumerate(order):
        n_t, y_t = n_t + treated[i], y_t + (treated[i] and yes[i])
        n_c, y_c = n_c + (not treated[i]), y_c + (not treated[i] and yes[i])
        if at + 1 == len(order) or score[order[at + 1]] != score[i]:
            points.append((at + 1, y_t - (y_c * n_t / n_c if n_c else 0)))
    return points


def area(points):
    return sum((x - w) * (q + r) / 2 for (w, r), (x, q) in pairwise(points))


def by_hand(score, of):
    treated, yes = of.treated.tolist(), of.yes.tolist()
    actual = curve(score.tolist(), treated, yes)
    best = curve([y * t - y * (1 - t) for t, y in zip(treated, yes, strict=True)], treated, yes)
    line = area([(0, 0), actual[-1]])
    return (area(actual) - line) / (area(best) - line)


# what scikit-uplift 0.5.1 says of `drawn`
SCIKIT_UPLIFT = [
    ((1, 200, 5, 0.5), 0.12147024534503269),
    ((2, 500, 7, 0.2), 0.1511447555087689),
    ((3, 1000, 1000, 0.5), 0.13420069408990096),
    ((4, 1000, 3, 0.8), 0.08703191571965786),
]


def test_qini_is_scikit_uplifts_of_every_world():
    for world, value in SCIKIT_UPLIFT:
        score, of = drawn(*world)
        assert qini(score, of)[0] == pytest.approx(value, rel=1e-12)
        assert by_hand(score, of) == pytest.approx(value, rel=1e-12)


def test_qini_of_cells_is_that_of_rows():
    score, of = drawn(5, 3000, 6, 0.4)
    keys = np.stack([score, of.treated, of.yes])
    cells, counts = np.unique(keys, axis=1, return_counts=True)
    small = Outcomes(cells[1] > 0, cells[2] > 0, counts.astype(float), counts.astype(float))
    one, two = (mean_qini(s, o, np.zeros(len(s), int)) for s, o in ((score, of), (cells[0], small)))
    assert (one.value, one.error) == pytest.approx((two.value, two.error), rel=1e-10)


def test_qini_moves_as_its_derivative_says():
    score, of = drawn(6, 400, 12, 0.5)
    value, gradient = qini(score, of)
    for at in range(0, 400, 37):
        more = of.weight.copy()
        more[at] += 1e-6
        moved = (qini(score, Outcomes(of.treated, of.yes, more, more))[0] - value) / 1e-6
        assert gradient[at] == pytest.approx(moved, rel=1e-4, abs=1e-8)
    assert gradient @ of.weight == pytest.approx(0, abs=1e-12)


def test_qini_errors_are_the_bootstraps():
    score, of = drawn(7, 1500, 10, 0.5)
    rng = np.random.default_rng(0)
    again = [
        qini(score[rows], Outcomes(of.treated[rows], of.yes[rows], of.weight, of.weight))[0]
        for rows in (rng.integers(0, 1500, 1500) for _ in range(600))
    ]
    assert mean_qini(score, of, np.zeros(1500, int)).error == pytest.approx(np.std(again), rel=0.1)


def test_clusters_count_as_one_draw():
    score, of = drawn(8, 2000, 10, 0.5)
    four = np.repeat(np.arange(2000), 4)
    ones = np.ones(8000)
    copied = Outcomes(of.treated[four], of.yes[four], ones, ones, four)
    single, together = mean_qini(score, of, np.arange(2000) % 5), mean_qini(score[four], copied, four % 5)
    assert together.value == pytest.approx(single.value)
    assert together.error == pytest.approx(single.error, rel=1e-3)
    parts = effects((score * 2).astype(int), score, of), effects((score[four] * 2).astype(int), score[four], copied)
    assert parts[1].lower == pytest.approx(parts[0].lower, abs=1e-3)
    assert average_effect(copied).error == pytest.approx(average_effect(of).error, rel=1e-3)


def test_gains_end_at_the_average_effect():
    score, of = drawn(9, 2000, 2000, 0.3)
    found = gains(score, of, np.zeros(2000, int))
    assert found[-1, 1] == pytest.approx(average_effect(of).value)
    assert found[0].tolist() == [0, 0]


# --- learners ---------------------------------------------------------------------------------------------


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
    found = transformed(terms, of, ridge=3.0)
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
            spread, centred = y[rows].var(), y[rows] - y[rows].mean()
            ridge = likeliest_ridge(x[rows].T @ x[rows] / spread, x[rows].T @ centred / spread)
            expected[arm] = Ridge(ridge * spread).fit(x[rows][:, 1:], y[rows]).predict(x[own][:, 1:])
        left = np.where(t[own], (y[own] - expected[True]) / chance, -(y[own] - expected[False]) / (1 - chance))
        guess[own] = expected[True] - expected[False] + left
    assert learners.guesses(terms, of, fold) == pytest.approx(guess, abs=1e-9)
    last = Ridge(2.0 * guess.var()).fit(x[:, 1:], guess)
    assert doubly_robust(terms, of, fold, ridge=2.0).beta == pytest.approx(np.r_[last.intercept_, last.coef_], abs=1e-8)


def test_the_likeliest_penalty_is_the_likelihoods():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(80, 6))
    y = x @ rng.normal(0, 0.4, 6) + rng.normal(size=80)
    x, y = x - x.mean(axis=0), y - y.mean()
    design = np.column_stack([np.ones(80), x])
    found = likeliest_ridge(design.T @ design, design.T @ y)
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
    for found in (doubly_robust(terms, of, fold), transformed(terms, of)):
        means = [terms.eta(found.beta)[group == one].mean() for one in range(4)]
        assert means == sorted(means, reverse=True)


def test_chances_that_follow_a_feature_are_evened():
    terms, of, fold, group = trial(5, n=20_000)
    rng = np.random.default_rng(5)
    treated = rng.random(20_000) < np.array([0.2, 0.4, 0.6, 0.8])[group]
    yes = rng.random(20_000) < 0.2 + 0.15 * group
    of = Outcomes(treated, yes, np.ones(20_000), np.ones(20_000))
    assert learners.arms_differ(terms, of) < 1e-6
    assert average_effect(of).value > 0.1
    even = average_effect(of.times(learners.evening(terms, of, fold)))
    assert even.lower < 0 < even.upper


def test_arms_by_lot_rarely_differ():
    p = [learners.arms_differ(*trial(seed, n=500)[:2]) for seed in range(300)]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.1


def test_arms_drawn_within_clusters_do_not_differ():
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        terms, of, _, _ = trial(seed, n=800)
        cluster = np.repeat(np.arange(100), 8)
        treated = np.concatenate([rng.permutation(8) < 2 for _ in range(100)])
        p.append(learners.arms_differ(terms, Outcomes(treated, of.yes, of.weight, of.squares, cluster)))
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.1
