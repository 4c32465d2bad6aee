"""Several things of one kind, each seen a little: an estimate leans on the others as far as its own data are thin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from campaignkit.stats.arrays import Floats

POINTS = 601  # of the grid on which likelihoods are held
MEANS = 61  # of the prior's mean
SPREADS = np.geomspace(0.02, 3.0, 31)  # of the prior's standard deviation
USUAL_SPREAD = 0.5  # the median of the half-Cauchy prior on it


@dataclass(frozen=True)
class Shrunk:
    """What is known of each thing, its own data and the others' taken together.

    Attributes
    ----------
    draws : array of float64, one row per draw, one column per thing
        Draws from the joint posterior, in the outcome's own unit.
    own_share : array of float64
        How much of each thing's posterior comes from its own data: 0 where it has none, near 1 where it has much.
        One minus the posterior's variance over that of a thing not yet seen, on the scale of the prior.
    """

    draws: Floats
    own_share: Floats


def shrunk_rates(positives: ArrayLike, n: ArrayLike, draws: int = 4000, seed: int = 0) -> Shrunk:
    """Return posteriors of several rates whose log odds are a sample from one normal distribution.

    Parameters
    ----------
    positives, n : array-like
        Counts of each thing; n may be 0.
    draws : int
        How many draws.
    seed : int
        For `numpy.random.default_rng`.

    Returns
    -------
    Shrunk
        `draws` are rates.

    Notes
    -----
    Positives are binomial; the log odds are normal(m, s), m flat, s half-Cauchy(0.5). Likelihoods are held on a
    grid and integrated there, m and s included: nothing is approximated as normal, so a thing with no positive
    keeps its skew, and what is not known of s with few things is in the intervals.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., sections 5.1–5.4; Gelman (2006), Bayesian Analysis 1,
    515–534, section 5.2, for the half-Cauchy.

    Examples
    --------
    >>> found = shrunk_rates([100, 100, 100, 3], [1000, 1000, 1000, 10])
    >>> found.draws.mean(axis=0).round(2).tolist()
    [0.1, 0.1, 0.1, 0.11]
    >>> found.own_share.round(1).tolist()[0] > found.own_share.round(1).tolist()[3]
    True
    """
    k, n = np.asarray(positives, float), np.asarray(n, float)
    pooled = (k.sum() + 0.5) / (n.sum() + 1)
    center = np.log(pooled / (1 - pooled))
    grid = center + np.linspace(-6, 6, POINTS)
    likelihood = k[:, None] * -np.logaddexp(0, -grid) + (n - k)[:, None] * -np.logaddexp(0, grid)
    posterior = _posterior(likelihood, grid, draws, seed)
    return Shrunk(expit(posterior.draws), posterior.own_share)


def shrunk_means(mean: ArrayLike, error: ArrayLike, scale: float, draws: int = 4000, seed: int = 0) -> Shrunk:
    """Return posteriors of several means that are a sample from one normal distribution.

    Parameters
    ----------
    mean, error : array-like
        Each thing's mean and its standard error; an infinite error where it has no data.
    scale : float
        What counts as a usual difference between things, in the means' unit, such as the outcome's standard
        deviation; the prior on their spread is half-Cauchy(0.5 · scale).
    draws, seed : int
        As for `shrunk_rates`.

    Returns
    -------
    Shrunk
        `draws` are in the means' unit.

    Examples
    --------
    >>> found = shrunk_means([3.0, 4.0, 3.5], [0.1, 0.1, np.inf], scale=1.0)
    >>> found.draws.mean(axis=0).round(1).tolist()
    [3.0, 4.0, 3.5]
    """
    mean, error = np.asarray(mean, float), np.asarray(error, float)
    seen = np.isfinite(error)
    center = float(np.mean(mean[seen])) if seen.any() else 0.0
    grid = np.linspace(-6, 6, 4 * POINTS - 3)
    with np.errstate(invalid="ignore"):
        off = (np.where(seen, mean - center, 0.0)[:, None] / scale - grid) / np.maximum(error / scale, 0.005)[:, None]
    posterior = _posterior(np.where(seen[:, None], -(off**2) / 2, 0.0), grid, draws, seed)
    return Shrunk(center + scale * posterior.draws, posterior.own_share)


def _posterior(log_likelihood: Floats, grid: Floats, draws: int, seed: int) -> Shrunk:
    """Integrate over the prior's mean and spread on a grid, then draw: first these two, then each thing given them."""
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    means = np.linspace(grid[0] * 0.5 + grid[-1] * 0.5 - 3, grid[0] * 0.5 + grid[-1] * 0.5 + 3, MEANS)
    mean, spread = (x.ravel() for x in np.meshgrid(means, SPREADS))
    step = grid[1] - grid[0]
    prior = np.exp(-(((grid - mean[:, None]) / np.maximum(spread, step)[:, None]) ** 2) / 2)
    prior /= prior.sum(axis=1, keepdims=True)
    evidence = np.log(likelihood @ prior.T + 1e-300).sum(axis=0)
    evidence += np.log(spread / (1 + (spread / USUAL_SPREAD) ** 2))  # half-Cauchy, on a grid even in its logarithm
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    rng = np.random.default_rng(seed)
    chosen, counts = np.unique(rng.choice(len(weight), draws, p=weight), return_counts=True)
    drawn = np.concatenate(
        [_draw(likelihood * prior[at], grid, count, rng) for at, count in zip(chosen, counts, strict=True)]
    )
    new = weight @ (spread**2 + mean**2) - (weight @ mean) ** 2
    return Shrunk(drawn[rng.permutation(draws)], np.clip(1 - drawn.var(axis=0) / new, 0, 1))


def _draw(density: Floats, grid: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Draw each row's value from its density on the grid, spread evenly within a step."""
    cumulated = density.cumsum(axis=1)
    cumulated /= cumulated[:, -1:]
    step = grid[1] - grid[0]
    at = np.stack([np.searchsorted(row, rng.random(count)) for row in cumulated], axis=1)
    return grid[np.minimum(at, len(grid) - 1)] + step * (rng.random(at.shape) - 0.5)
