"""Estimators of a lift that do not take outcomes for straight lines: a log link, squares and pairs, and bends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from campaignkit.stats.arrays import Floats, Mask
from campaignkit.stats.causal.comparison import Comparison, Mean, Means, arm_mean
from campaignkit.stats.causal.crossfit import Nuisances
from campaignkit.stats.causal.effect_learners import empirical_bayes_ridge
from campaignkit.stats.causal.weighting import entropy_balancing
from campaignkit.stats.regression.curves import bends, squares_and_pairs
from campaignkit.stats.regression.least_squares import gram, solve
from campaignkit.stats.regression.logit import fit_logit
from campaignkit.stats.regression.poisson import fit_poisson, means

MOST_ROWS = 20_000  # rows that splines are fitted on, evenly spread
ROWS_A_COLUMN = 10  # rows of the smaller arm for each column of squares, pairs and bends
SKEWED = 2.0  # the skewness (an exponential's) above which an outcome that is never negative is taken to multiply


def multiplies(y: Floats) -> bool:
    """Return whether an outcome is never negative and skewed or mostly 0, as gifts are: a log link is tried then.

    Examples
    --------
    >>> multiplies(np.array([0.0, 0, 0, 5, 10, 25, 1000])), multiplies(np.linspace(1, 2, 50))
    (True, False)
    """
    if y.min() < 0 or np.array_equal(y, y.astype(bool)):
        return False
    off = y - y.mean()
    return bool((off**3).mean() > SKEWED * (off**2).mean() ** 1.5 or 0 < (y > 0).mean() < 0.5)


def imputation_log(c: Comparison) -> Means | None:
    """Impute what the target would have given from a regression with a log link within each arm; None: no fit."""
    without = _imputed(c, False)
    with_it = _imputed(c, True) if c.everyone else arm_mean(c, True)
    return None if without is None or with_it is None else Means(with_it, without, c.x.shape[1])


def _imputed(c: Comparison, treated: bool) -> Mean | None:
    weight = c.weight * c.arm(treated)
    rows = weight > 0
    beta, reached = fit_poisson(c.x[rows], c.y[rows], weight[rows])
    if not reached:
        return None
    fitted, total = means(c.x, beta), c.target.sum()
    value = float(c.target @ fitted / total)
    lever = weight * (c.x @ solve(gram(c.x, weight * fitted), c.x.T @ (c.target * fitted))) / total
    return Mean(value, c.target * (fitted - value) / total + lever * (c.y - fitted), lever)


def log_nuisances(c: Comparison, eta: Floats) -> Nuisances | None:
    """Return cross-fitted expectations with a log link, beside a propensity that is at hand; None: no fit."""
    control, treated = _each_fold(c, False), _each_fold(c, True) if c.everyone else None
    if control is None or (c.everyone and treated is None):
        return None
    return Nuisances(eta, control, treated)


def _each_fold(c: Comparison, treated: bool) -> Floats | None:
    expected, start = np.empty(len(c.y)), None
    for fold in c.folds:
        rows = c.arm(treated).copy()
        rows[fold] = False
        start, reached = fit_poisson(c.x[rows], c.y[rows], c.weight[rows], start)
        if not reached:
            return None
        expected[fold] = means(c.x[fold], start)
    return expected


def entropy_squares(c: Comparison) -> Means | None:
    """Balance the numbers' squares and all pairs' products too; None: no weights can."""
    return entropy_balancing(curved(c, squares_and_pairs))


def curved(c: Comparison, columns: Callable[[Floats, int], Floats] = bends) -> Comparison:
    """Return the same rows with more columns, as many as the smaller arm can bear."""
    smaller = int(min(c.treated.sum(), (~c.treated).sum()))
    return replace(c, x=columns(c.x, max(smaller // ROWS_A_COLUMN, c.x.shape[1])))


def bent_nuisances(c: Comparison) -> Nuisances:
    """Return cross-fitted ridge regressions on bends, squares and pairs, their penalties the likeliest.

    An outcome that multiplies is modelled on the line nonetheless: bends follow an exponential where there are data.
    """
    b = curved(c)
    eta, without, with_it = (np.empty(len(c.y)) for _ in range(3))
    for fold in c.folds:
        rows = np.ones(len(c.y), bool)
        rows[fold] = False
        rows = _thinned(rows)
        eta[fold] = b.x[fold] @ _ridge_logit(b.x[rows], c.treated[rows].astype(float), c.weight[rows])
        for arm, into in ((False, without), (True, with_it)) if c.everyone else ((False, without),):
            own = rows & c.arm(arm)
            into[fold] = b.x[fold] @ _ridge_line(b.x[own], c.y[own], c.weight[own])
    return Nuisances(eta, without, with_it if c.everyone else None)


def _thinned(rows: Mask) -> Mask:
    """Return so many of the rows at most, evenly spread."""
    chosen = np.flatnonzero(rows)
    thin = np.zeros(len(rows), bool)
    thin[chosen[:: max(len(chosen) // MOST_ROWS, 1)]] = True
    return thin


def _ridge_line(x: Floats, y: Floats, weight: Floats) -> Floats:
    mean = float(weight @ y / weight.sum())
    spread = max(float(weight @ (y - mean) ** 2 / weight.sum()), 1e-12)
    a, b = gram(x, weight), x.T @ (weight * y)
    ridge = spread * empirical_bayes_ridge(a / spread, (b - mean * a[0]) / spread)
    return solve(a + ridge * np.diag(np.r_[0.0, np.ones(len(a) - 1)]), b)


def _ridge_logit(x: Floats, t: Floats, weight: Floats) -> Floats:
    p = float(weight @ t / weight.sum())
    ridge = empirical_bayes_ridge(gram(x, weight * p * (1 - p)), x.T @ (weight * (t - p)))
    return fit_logit(x, t, weight, ridge=ridge).beta
