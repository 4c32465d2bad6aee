"""How good forecasts of shares and of winners were, and whether they missed by as much as they said."""

from __future__ import annotations

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
    """Return each dimension's probability of less than x, as standard normals: 0 is the median."""
    return ndtri(np.clip(mixture.cdf(x), LEAST, 1 - LEAST))


def surprise(mixture: GaussianMixture, truth: Floats, draws: int, seed: int) -> tuple[float, Floats]:
    """Return the mean squared normal score of what happened, and the same of outcomes drawn from the forecast itself.

    States miss together: one election has few independent errors, and how much this mean may differ from 1 is what the
    draws tell.

    References
    ----------
    Gelman, Meng & Stern (1996), Statistica Sinica 6, 733–760. Dawid (1984), Journal of the Royal Statistical Society A
    147, 278–292.

    Examples
    --------
    >>> standard = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    >>> observed, expected = surprise(standard, np.array([3.0, 3.0]), 500, seed=1)
    >>> round(observed, 6), bool((expected < observed).all())
    (9.0, True)
    """
    drawn = np.concatenate(list(mixture.draws(draws, seed))).astype(float)
    cumulative = np.zeros(drawn.shape)
    for weight, mean, sd in zip(mixture.weight, mixture.mean, mixture.sd, strict=True):
        cumulative += weight * ndtr((drawn - mean) / sd)
    expected = (ndtri(np.clip(cumulative, LEAST, 1 - LEAST)) ** 2).mean(axis=1)
    order = np.random.default_rng(seed).permutation(draws)  # draws come Gaussian after Gaussian
    return float((normal_scores(mixture, truth) ** 2).mean()), expected[order]


def two_sided(observed: float, expected: Floats) -> float:
    """Return how often draws are at least as extreme as what was seen, on either side.

    Examples
    --------
    >>> two_sided(5.0, np.arange(10.0))
    1.0
    """
    above, below = (expected >= observed).mean(), (expected <= observed).mean()
    return float(min(1.0, 2 * min(above, below) + 1 / len(expected)))
