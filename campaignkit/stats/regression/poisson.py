"""Regression with a log link by Poisson quasi-likelihood: for gifts, which multiply, and of which most are 0."""

from __future__ import annotations

from functools import partial

import numpy as np

from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.least_squares import chunks
from campaignkit.stats.regression.logit import newton

HIGHEST = 50.0  # of a linear predictor, so that a step that overshoots stays a number


def fit_poisson(x: Floats, y: Floats, weight: Floats, start: Floats | None = None) -> tuple[Floats, bool]:
    """Return the coefficients of log E[y] = x beta, and whether they were reached.

    Parameters
    ----------
    x : array
        Covariates; the first column is 1.
    y : array
        0 or more; it need not be whole, nor vary as a Poisson count does.
    weight : array
    start : array or None
        Where to begin. None: at the mean.

    References
    ----------
    Gourieroux, Monfort and Trognon (1984), Econometrica 52, 681–700; Santos Silva and Tenreyro (2006), Review of
    Economics and Statistics 88, 641–658, section III.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [0.0, 0.0, 1.0, 1.0]])
    >>> beta, reached = fit_poisson(x, np.array([0.0, 4.0, 5.0, 7.0]), np.ones(4))
    >>> np.exp(beta).round(3).tolist(), reached  # the first mean, and the ratio of the two
    ([2.0, 3.0], True)
    """
    if start is None:
        start = np.zeros(x.shape[1])
        start[0] = np.log(max(float(weight @ y / weight.sum()), 1e-300))
    scale = max(float(weight @ y / weight.sum()), 1e-300)  # so that "near" means the same for cents and millions
    start = start - np.log(scale) * (np.arange(len(start)) == 0)
    beta, _, reached = newton(partial(_at, x, y / scale, weight), start)
    beta[0] += np.log(scale)
    return beta, reached


def means(x: Floats, beta: Floats) -> Floats:
    """Return exp(x beta)."""
    return np.exp(np.minimum(x @ beta, HIGHEST))


def _at(x: Floats, y: Floats, weight: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
    """Return the loss, the score and the information at beta, in one pass."""
    loss, score, information = 0.0, np.zeros(len(beta)), np.zeros((len(beta), len(beta)))
    for rows in chunks(*x.shape):
        part, w = x[rows], weight[rows]
        eta = np.minimum(part @ beta, HIGHEST)
        mu = np.exp(eta)
        loss += float(w @ (mu - y[rows] * eta))
        score += part.T @ (w * (y[rows] - mu))
        information += part.T @ (part * (w * mu)[:, None])
    return loss, score, information
