"""Raked cells, errors by residuals, areas drawn together, and points of a split normal."""

import numpy as np
import pytest

from campaignkit.stats.regression.weighted_points import directions, effective, points
from campaignkit.stats.survey.area_shrinkage import area_draws
from campaignkit.stats.survey.raking import Calibration, design_effect, largest_gap, rake_cells


def margins(rng, levels=(3, 4, 6), cells=200):
    codes = [rng.integers(0, k, cells) for k in levels]
    truth = rng.gamma(2, 1, cells)
    targets = [np.bincount(code, truth, k) / truth.sum() for code, k in zip(codes, levels, strict=True)]
    return codes, rng.gamma(2, 1, cells), targets


def test_margins_hold_and_ratios_are_products_of_factors():
    codes, base, targets = margins(np.random.default_rng(1))
    raked = rake_cells(codes, base, targets)
    assert largest_gap(codes, raked.total, targets) < 1e-11
    dummies = np.hstack([np.eye(len(target))[code] for code, target in zip(codes, targets, strict=True)])
    log_ratio = np.log(raked.total / base)
    fitted = dummies @ np.linalg.lstsq(dummies, log_ratio, rcond=None)[0]
    assert np.abs(log_ratio - fitted).max() < 1e-9


def test_bounds_hold_in_every_cell():
    codes, base, targets = margins(np.random.default_rng(2))
    size = np.full(len(base), 1 / len(base))
    raked = rake_cells(codes, base, targets, (0.3 * size, 3 * size))
    assert (raked.total >= 0.3 * size - 1e-12).all()
    assert (raked.total <= 3 * size + 1e-12).all()
    assert raked.total.sum() == pytest.approx(1)


def test_errors_are_of_residuals():
    rng = np.random.default_rng(3)
    codes, levels = [rng.integers(0, k, 400) for k in (3, 5)], (3, 5)
    design, weight, influence = rng.gamma(3, 1, 400), rng.gamma(3, 1, 400), rng.normal(size=400)
    dummies = np.hstack([np.eye(k)[code] for code, k in zip(codes, levels, strict=True)])
    root = np.sqrt(design)[:, None]
    beta = np.linalg.lstsq(root * dummies, root[:, 0] * influence, rcond=None)[0]
    z = weight * (influence - dummies @ beta)
    by_hand = np.sqrt(400 / 399 * ((z - z.mean()) ** 2).sum())
    assert Calibration(tuple(codes), levels, design, weight).std_error(influence) == pytest.approx(by_hand, rel=1e-9)


def test_errors_are_those_of_repeated_samples():
    rng, estimates, errors = np.random.default_rng(4), [], []
    shares = np.array([0.5, 0.3, 0.2])
    for _ in range(300):
        group = rng.choice(3, 500, p=[0.3, 0.3, 0.4])
        y = (rng.random(500) < np.array([0.2, 0.5, 0.8])[group]).astype(float)
        weight = rake_cells([group], np.ones(500), [shares]).total * 500
        mean = weight @ y / weight.sum()
        estimates.append(mean)
        errors.append(Calibration((group,), (3,), np.ones(500), weight).std_error((y - mean) / weight.sum()))
    assert np.mean(errors) / np.std(estimates) == pytest.approx(1, abs=0.12)


def test_equal_weights_cost_nothing():
    assert design_effect(np.full(9, 2.0)) == pytest.approx(1)


def test_areas_drawn_together_are_covered():
    rng, covered = np.random.default_rng(5), []
    for seed in range(60):
        x = np.column_stack([np.ones(30), rng.normal(size=30)])
        truth = x @ [0.1, 0.4] + rng.normal(0, 0.2, 30)
        variance = rng.uniform(0.005, 0.2, 30)
        estimate = truth + rng.normal(0, np.sqrt(variance))
        variance[:3] = np.inf
        drawn = area_draws(estimate, variance, x, [5.0, 1.0], 0.25, 500, seed)
        lower, upper = np.quantile(drawn, [0.05, 0.95], axis=0)
        covered.append((lower < truth) & (truth < upper))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.03)
    assert np.mean([c[:3] for c in covered]) == pytest.approx(0.9, abs=0.06)


def test_weighted_points_give_the_moments_of_a_skewed_density():
    def log_density(x):  # log of a gamma variable with shape 3, each, turned
        turned = np.array([x[0] + x[1], x[0] - x[1]])
        return float((3 * turned - np.exp(turned)).sum())

    mode, hessian = np.array([np.log(3), 0.0]), 6 * np.eye(2)
    where = directions(mode, hessian, lambda x: log_density(mode) - log_density(x))
    x, proposal = points(where, 256)
    weight = np.exp([log_density(at) for at in x] - proposal)
    weight /= weight.sum()
    assert effective(weight) > 150
    assert weight @ x[:, 0] == pytest.approx(0.9228, abs=0.02)  # digamma(3)
