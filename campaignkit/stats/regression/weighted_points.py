"""A density of a few log standard deviations, of which the mode and curvature are known, as weighted points.

Toward 0 such a density falls as an exponential does, so that a normal's tail would leave a single far point all weight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logit, ndtri
from scipy.stats import qmc

from campaignkit.stats.arrays import Floats

REACH = 1.5  # standard deviations from the mode at which each direction's two spreads are taken
NARROWEST, WIDEST = 0.4, 3.0  # of a side's spread, beside that of the curvature
LOGISTIC = 0.644  # scale of the logistic whose density falls at REACH as a standard normal's does


@dataclass(frozen=True)
class Directions:
    """Where a density falls to, in the eigenvectors of its curvature.

    Attributes
    ----------
    mode : array
    basis : array
        Columns: the eigenvectors, times the standard deviations that the curvature gives.
    below, above : array
        The spread on each side of the mode, in these units; below is toward 0.
    """

    mode: Floats
    basis: Floats
    below: Floats
    above: Floats


def directions(mode: Floats, hessian: Floats, drop: Callable[[Floats], float]) -> Directions:
    """Return the two spreads of each direction.

    Parameters
    ----------
    mode, hessian : array
        Hessian of minus the log density.
    drop : function
        From a point to the log density's fall from the mode.

    Examples
    --------
    >>> found = directions(np.zeros(1), np.eye(1), lambda x: float(x[0] ** 2 / 2 if x[0] > 0 else x[0] ** 2 / 8))
    >>> found.below.round(2).tolist(), found.above.round(2).tolist()
    ([2.0], [1.0])
    """
    values, vectors = np.linalg.eigh(hessian)
    largest = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(values))]
    basis = vectors * np.sign(largest) / np.sqrt(np.maximum(values, 0.05))
    sides = []
    for sign in (-1, 1):
        falls = np.array([drop(mode + sign * REACH * column) for column in basis.T])
        sides.append(np.clip(REACH / np.sqrt(np.maximum(2 * falls, 1e-12)), NARROWEST, WIDEST))
    return Directions(mode, basis, *sides)


def points(where: Directions, count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Return points by Sobol's sequence, and each one's log density as a proposal, up to a constant.

    In each direction the proposal is a normal's half above the mode and a logistic's below, joined.

    Parameters
    ----------
    where : Directions
    count : int
        A power of two.
    seed : int
        Of the sequence's scrambling.

    References
    ----------
    Geweke (1989), Econometrica 57, 1317–1339, for split proposals and importance weights.

    Examples
    --------
    >>> x, density = points(Directions(np.zeros(1), np.eye(1), np.full(1, 2.0), np.ones(1)), 64)
    >>> round(float((x < 0).mean()), 1)  # two thirds of the mass lie on the wider side
    0.7
    """
    u = np.clip(qmc.Sobol(len(where.mode), rng=np.random.default_rng(seed)).random(count), 1e-6, 1 - 1e-6)
    scale = LOGISTIC * where.below
    heights = 1 / (2 * scale), np.sqrt(2 / np.pi) / where.above
    mass = heights[1] / (heights[0] + heights[1])  # below, where the halves meet at one height
    low = logit(np.minimum(u / mass, 1.0) / 2)
    high = ndtri(np.maximum(0.5 + (u - mass) / (2 * (1 - mass)), 0.5))
    z = np.where(u < mass, scale * low, where.above * high)
    density = np.where(u < mass, low - 2 * np.log1p(np.exp(low)) + np.log(4), -(high**2) / 2)
    return where.mode + z @ where.basis.T, density.sum(axis=1)


def effective(weight: Floats) -> float:
    """Return how many equal points the weighted ones are worth: (Σw)² / Σw²."""
    return float(weight.sum() ** 2 / (weight**2).sum())
