"""Areas' estimates drawn toward what areas like them show: a normal model of areas and of their errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Floats

GRID = 40  # settings of the areas' standard deviation


def area_draws(
    estimate: ArrayLike, variance: ArrayLike, features: ArrayLike, prior_sd: ArrayLike, scale: float, draws: int,
    seed: int,
) -> Floats:  # fmt: skip
    """Return draws of areas' true values: draws × areas.

    Parameters
    ----------
    estimate, variance : array-like
        Each area's estimate and its error's variance; an infinite variance where there is none.
    features : array-like, areas × columns
        What areas are like, with a column of ones.
    prior_sd : array-like
        Each column's coefficient's standard deviation beforehand.
    scale : float
        Of the half-normal prior of the areas' standard deviation about what their features say.
    draws, seed : int

    Notes
    -----
    estimate is normal(value, variance), value normal(features @ coefficients, τ²). τ is integrated on a grid; given it
    all is normal.

    References
    ----------
    Fay and Herriot (1979), Journal of the American Statistical Association 74, 269–277; Rao and Molina (2015), Small
    Area Estimation, section 10.3.

    Examples
    --------
    >>> found = area_draws([0.0, 1.0, 9.0], [0.01, 0.01, np.inf], np.ones((3, 1)), [5.0], 0.5, 4000, 0)
    >>> found.mean(axis=0).round(1).tolist()  # the third is unknown but for the others
    [0.0, 1.0, 0.5]
    """
    y, v = np.asarray(estimate, float), np.asarray(variance, float)
    x, known = np.asarray(features, float), np.isfinite(v)
    prior = np.diag(1 / np.asarray(prior_sd, float) ** 2)
    tau = scale * np.geomspace(0.01, 5.0, GRID)
    log_weight, fits = np.empty(GRID), []
    for at, t in enumerate(tau):
        w = 1 / (v[known] + t**2)
        precision = x[known].T @ (w[:, None] * x[known]) + prior
        mean = np.linalg.solve(precision, x[known].T @ (w * y[known]))
        off = y[known] - x[known] @ mean
        log_weight[at] = (
            np.log(w).sum() - np.linalg.slogdet(precision)[1] - w @ off**2 - mean @ prior @ mean - (t / scale) ** 2
        ) / 2 + np.log(t)
        fits.append((mean, np.linalg.cholesky(precision)))
    weight = np.exp(log_weight - log_weight.max())
    rng = np.random.default_rng([seed, 2])
    at = rng.choice(GRID, draws, p=weight / weight.sum())
    noise = rng.standard_normal((draws, x.shape[1]))
    beta = np.stack([fits[g][0] + np.linalg.solve(fits[g][1].T, z) for g, z in zip(at, noise, strict=True)])
    expected, spread = beta @ x.T, (tau[at] ** 2)[:, None]
    gain = spread / (spread + v)
    middle = expected + np.where(known, gain * (np.where(known, y, 0.0) - expected), 0.0)
    return middle + np.sqrt(spread * (1 - gain)) * rng.standard_normal(middle.shape)
