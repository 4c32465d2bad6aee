"""Doubly robust means: a model of the outcome mended by a model of the treatment, each judged on rows it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from campaignkit.stats.arrays import Floats
from campaignkit.stats.causal.comparison import Comparison, Mean, Means, arm_mean
from campaignkit.stats.causal.weighting import odds
from campaignkit.stats.regression.least_squares import gram, solve
from campaignkit.stats.regression.logit import Logit, fit_without_each

FEW = 50_000  # rows that one thread learns from faster than several
LEAST_P = 1e-6  # boosted trees may say 0 or 1, which no weight survives


@dataclass(frozen=True)
class Nuisances:
    """What two models say of each row, neither having seen its fold.

    Attributes
    ----------
    eta : array
        Logit of the chance of treatment.
    mean_control, mean_treated : array or None
        Expected outcome in either arm; `mean_treated` is None where only the treated are the target.
    """

    eta: Floats
    mean_control: Floats
    mean_treated: Floats | None


def linear_nuisances(c: Comparison, whole: Logit) -> Nuisances:
    """Return the logit's and least squares' predictions; folds are left out by subtracting their sums."""
    betas = fit_without_each(c.x, c.treated.astype(float), c.weight, c.folds, whole)
    eta = _by_fold(c, betas)
    mean_control = _by_fold(c, _least_squares_without_each(c, False))
    return Nuisances(eta, mean_control, _by_fold(c, _least_squares_without_each(c, True)) if c.everyone else None)


def _by_fold(c: Comparison, betas: Sequence[Floats]) -> Floats:
    return np.concatenate([c.x[fold] @ beta for fold, beta in zip(c.folds, betas, strict=True)])


def _least_squares_without_each(c: Comparison, treated: bool) -> list[Floats]:
    squares, products = [], []
    for fold in c.folds:
        rows = np.flatnonzero(c.arm(treated)[fold])
        x, y, w = c.x[fold][rows], c.y[fold][rows], c.weight[fold][rows]
        squares.append(gram(x, w))
        products.append(x.T @ (w * y))
    a, b = sum(squares), sum(products)
    return [solve(a - own, b - mine) for own, mine in zip(squares, products, strict=True)]


def learned_nuisances(c: Comparison, outcome: Any, treatment: Any) -> Nuisances:
    """Return the predictions of any learners with scikit-learn's ``fit`` and ``predict`` (``predict_proba``).

    Parameters
    ----------
    c : Comparison
    outcome, treatment : estimator
        Cloned and fitted anew for every fold, on one thread where rows are few: on a busy machine threads that wait
        for each other made 90 seconds of 6.
    """
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    with threadpool_limits(1 if len(c.y) < FEW else None, user_api="openmp"):
        return _learned(c, outcome, treatment)


def _learned(c: Comparison, outcome: Any, treatment: Any) -> Nuisances:
    from sklearn.base import clone

    x = c.x[:, 1:]
    p, mean_control, mean_treated = (np.empty(len(c.y)) for _ in range(3))
    for fold in c.folds:
        out = np.ones(len(c.y), bool)
        out[fold] = False
        model = clone(treatment).fit(x[out], c.treated[out], sample_weight=c.weight[out])
        p[fold] = model.predict_proba(x[fold])[:, 1]
        for arm, into in ((False, mean_control), (True, mean_treated)) if c.everyone else ((False, mean_control),):
            rows = out & c.arm(arm)
            into[fold] = clone(outcome).fit(x[rows], c.y[rows], sample_weight=c.weight[rows]).predict(x[fold])
    return Nuisances(logit(np.clip(p, LEAST_P, 1 - LEAST_P)), mean_control, mean_treated if c.everyone else None)


def doubly_robust(c: Comparison, nuisances: Nuisances) -> Means:
    """Return the augmented inverse-propensity means.

    The errors take the two models as known, which their product's smallness allows; both must be fitted on other
    rows, or errors are too small.

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), JASA 89, 846–866; Chernozhukov et al. (2018), Econometrics Journal 21, C1–C68,
    sections 3 and 5.1.
    """
    mean_control = _mended(c, nuisances.eta, nuisances.mean_control, False)
    if nuisances.mean_treated is None:
        return Means(arm_mean(c, True), mean_control)
    return Means(_mended(c, nuisances.eta, nuisances.mean_treated, True), mean_control)


def _mended(c: Comparison, eta: Floats, expected: Floats, treated: bool) -> Mean:
    v, _ = odds(c, eta, treated)
    weight = c.weight * c.arm(treated) * v
    total = c.target.sum()
    mended = c.target * expected + weight * (c.y - expected)
    value = float(mended.sum() / total)
    return Mean(value, (mended - c.target * value) / total, weight)


def propensity_scores(nuisances: Nuisances) -> Floats:
    """Return each row's chance of treatment."""
    return expit(nuisances.eta)
