"""Draws of a Gaussian mixture within bounds, none of them thrown away: each with its importance weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.special import ndtr, ndtri

from campaignkit.stats.arrays import Floats
from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture


def truncated_draws(
    mixture: GaussianMixture, bounds: Mapping[int, tuple[float, float]], n: int, seed: int, batch: int = 16_384
) -> Iterator[tuple[Floats, Floats]]:
    """Yield draws within bounds of some dimensions, and their weights, in batches.

    Bounded dimensions are drawn first, one after the other, each from its normal given those before it, cut to its
    bounds; a draw's weight is the product of the probabilities of these cuts. The mean weight is the probability of
    the bounds.

    Parameters
    ----------
    mixture : GaussianMixture
        What is drawn from.
    bounds : mapping of int to (float, float)
        By dimension: lower and upper; infinities are fine.
    n, seed : int
        How many draws, and of which seed.
    batch : int
        At most so many at a time.

    References
    ----------
    Geweke (1991), Hajivassiliou & McFadden (1998), Econometrica 66, 863–896 (the GHK simulator).

    Examples
    --------
    >>> standard = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    >>> x, weight = next(truncated_draws(standard, {0: (3.0, np.inf)}, 100, seed=1))
    >>> bool((x[:, 0] > 3).all()), weight[0].round(5)
    (True, np.float64(0.00135))
    """
    rng = np.random.default_rng(seed)
    first = list(bounds)
    order = np.array([*first, *(at for at in range(mixture.mean.shape[1]) if at not in bounds)], dtype=int)
    back = np.argsort(order)
    for count, mean, covariance in zip(mixture.counts(n), mixture.mean, mixture.covariance, strict=True):
        factor = np.linalg.cholesky(covariance[np.ix_(order, order)])
        for start in range(0, count, batch):
            z = rng.standard_normal((min(batch, count - start), len(order)))
            weight = np.ones(len(z))
            for at, dimension in enumerate(first):
                center = mean[dimension] + z[:, :at] @ factor[at, :at]
                low, high = ((end - center) / factor[at, at] for end in bounds[dimension])
                z[:, at], inside = _cut(low, high, rng.random(len(z)))
                weight *= inside
            yield (mean[order] + z @ factor.T)[:, back].astype(np.float32), weight


def _cut(low: Floats, high: Floats, uniform: Floats) -> tuple[Floats, Floats]:
    """Return standard normals between bounds, and the probability of being there; precise in both tails."""
    flip = low > 0
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    below, above = ndtr(a), ndtr(b)
    drawn = np.clip(ndtri(below + uniform * (above - below)), a, b)
    return np.where(flip, -drawn, drawn), above - below
