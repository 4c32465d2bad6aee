"""How good forecasts of shares and of winners were, and whether they missed by as much as they said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit, ndtr, ndtri

from campaignkit.stats.arrays import Floats
from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture

STEPS = 200  # of the integral over shares
LEAST = 1e-12


def brier(chance: Floats, happened: Floats) -> float:
    """Return the mean squared error of chances.

    References
    ----------
    Brier (1950), Monthly Weather Review 78, 1–3.

    Examples
    --------
    >>> round(brier(np.array([0.8, 0.1]), np.array([1.0, 0.0])), 6)
    0.025
    """
    return float(np.mean((chance - happened) ** 2))


def log_score(chance: Floats, happened: Floats) -> float:
    """Return the mean of −log of the chance given to what happened; 0 is best.

    Examples
    --------
    >>> round(log_score(np.array([0.5]), np.array([1.0])), 3)
    0.693
    """
    given = np.where(happened > 0, chance, 1 - chance)
    return float(-np.mean(np.log(np.maximum(given, LEAST))))


def share_crps(mixture: GaussianMixture, share: Floats) -> Floats:
    """Return the continuous ranked probability score of shares, whose logits are a mixture of Gaussians.

    References
    ----------
    Gneiting & Raftery (2007), Journal of the American Statistical Association 102, 359–378.

    Examples
    --------
    >>> narrow = GaussianMixture(np.ones(1), np.zeros((1, 1)), np.full((1, 1, 1), 1e-4))
    >>> bool(share_crps(narrow, np.array([0.52]))[0] < 0.02)
    True
    """
    x = (np.arange(STEPS) + 0.5) / STEPS
    at = logit(x)
    z = (at[:, None, None] - mixture.mean) / mixture.sd
    off = np.einsum("k,xkd->xd", mixture.weight, ndtr(z)) - (x[:, None] >= share)
    return (off**2).mean(axis=0)


def normal_scores(mixture: GaussianMixture, x: Floats) -> Floats:
    """Return each row's and dimension's probability of less than x, as standard normals: 0 is the median.

    Examples
    --------
    >>> standard = GaussianMixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)))
    >>> normal_scores(standard, np.array([[-1.0], [2.0]])).ravel().round(6).tolist()
    [-1.0, 2.0]
    """
    below = np.zeros(x.shape)
    for weight, mean, sd in zip(mixture.weight, mixture.mean, mixture.sd, strict=True):
        below += weight * ndtr((x - mean) / sd)
    return ndtri(np.clip(below, LEAST, 1 - LEAST))


@dataclass(frozen=True)
class Surprise:
    """How far off a forecast was, and how far off outcomes drawn from it are.

    Attributes
    ----------
    each, drawn_each : float, array
        The mean squared normal score of all dimensions: of what happened, and of each draw.
    whole, drawn_whole : float, array
        The absolute normal score of one weighted sum of them.
    """

    each: float
    drawn_each: Floats
    whole: float
    drawn_whole: Floats


def surprise(mixture: GaussianMixture, direction: Floats, truth: Floats, draws: int, seed: int) -> Surprise:
    """Return how far off a forecast was, beside outcomes drawn from the forecast itself.

    States miss together: one election has few independent errors, and how much the mean square of their scores may
    differ from 1 is what the draws tell.

    Parameters
    ----------
    mixture : GaussianMixture
        The forecast.
    direction : array, shape (d,)
        The weights of the sum, such as the states' parts of the national vote.
    truth : array, shape (d,)
        What happened.
    draws, seed : int
        Outcomes drawn, and their seed.

    References
    ----------
    Gelman, Meng & Stern (1996), Statistica Sinica 6, 733–760. Dawid (1984), Journal of the Royal Statistical Society A
    147, 278–292.

    Examples
    --------
    >>> standard = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    >>> found = surprise(standard, np.array([0.5, 0.5]), np.array([3.0, 3.0]), 500, seed=1)
    >>> round(found.each, 6), bool((found.drawn_each < found.each).all())
    (9.0, True)
    """
    drawn = np.concatenate(list(mixture.draws(draws, seed))).astype(float)
    order = np.random.default_rng(seed).permutation(draws)  # draws come Gaussian after Gaussian
    x = np.vstack([truth, drawn[order]])
    each = (normal_scores(mixture, x) ** 2).mean(axis=1)
    whole = np.abs(normal_scores(mixture.linear(direction[None]), (x @ direction)[:, None]))[:, 0]
    return Surprise(float(each[0]), each[1:], float(whole[0]), whole[1:])


def two_sided(observed: float, expected: Floats) -> float:
    """Return how often draws are at least as extreme as what was seen, on either side.

    Examples
    --------
    >>> two_sided(5.0, np.arange(10.0))
    1.0
    """
    above, below = (expected >= observed).mean(), (expected <= observed).mean()
    return float(min(1.0, 2 * min(above, below) + 1 / len(expected)))
