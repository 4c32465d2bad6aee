"""How much more of one group than of everyone uses each of several things, from a weighted survey."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Floats

DRAWS = 20_000


@dataclass(frozen=True)
class LogIndexes:
    """The logarithm of each thing's index, 0 where the group is as everyone is.

    Attributes
    ----------
    log_index : array of float64
        −inf where nobody of the group uses it, NaN where nobody does.
    covariance : array of float64
        0 in the rows of those that are not finite.
    """

    log_index: Floats
    covariance: Floats

    @property
    def std_error(self) -> Floats:
        """The standard errors of the logarithms."""
        return np.sqrt(np.diag(self.covariance))


def log_indexes(uses: ArrayLike, target: ArrayLike, weight: ArrayLike) -> LogIndexes:
    """Return the log of each thing's share among the group over its share among everyone.

    Parameters
    ----------
    uses : array-like, people × things
        1 where a person uses a thing, else 0.
    target : array-like
        1 where a person is of the group, else 0.
    weight : array-like
        How many people each stands for.

    Notes
    -----
    The covariance is that of the linearised logarithms, people being independent:
    w(tu/Σwtu − t/Σwt − u/Σwu + 1/Σw) for each person.

    References
    ----------
    Binder (1983), International Statistical Review 51, 279–292, section 4.

    Examples
    --------
    >>> uses = np.array([[1], [1], [0], [0]] * 50)
    >>> found = log_indexes(uses, [1, 0, 0, 0] * 50, np.ones(200))
    >>> found.log_index.round(3).tolist()
    [0.693]
    """
    u, t, w = np.asarray(uses, float), np.asarray(target, float), np.asarray(weight, float)
    both, use, group, all_ = (w * t) @ u, w @ u, w @ t, w.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(both / group) - np.log(use / all_)
        z = w[:, None] * (t[:, None] * u / both - (t / group)[:, None] - u / use + 1 / all_)
    z[:, ~np.isfinite(value)] = 0.0
    return LogIndexes(value, z.T @ z * (len(t) / max(len(t) - 1, 1)))


def simultaneous(covariance: Floats, confidence_level: float, seed: int = 0) -> tuple[float, Floats]:
    """Return the half-width, in standard errors, of a band that covers all of several normal estimates at once.

    Parameters
    ----------
    covariance : array of float64
    confidence_level : float
        The chance that the band covers all.
    seed : int
        Of the draws.

    Returns
    -------
    float, array
        The half-width, and the sorted draws of the largest absolute z, for p-values by `exceeds`.

    References
    ----------
    Hothorn, Bretz and Westfall (2008), Biometrical Journal 50, 346–363.

    Examples
    --------
    >>> 2.3 < simultaneous(np.eye(3), 0.95)[0] < 2.5
    True
    """
    error = np.sqrt(np.diag(covariance))
    known = error > 0
    if not known.any():
        return np.nan, np.zeros(0)
    correlation = covariance[np.ix_(known, known)] / np.outer(error[known], error[known])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    draws = np.random.default_rng(seed).normal(size=(DRAWS, int(known.sum()))) @ root.T
    largest = np.sort(np.abs(draws).max(axis=1))
    return float(np.quantile(largest, confidence_level)), largest


def exceeds(z: Floats, largest: Floats) -> Floats:
    """Return the chance that the largest of the draws is at least each absolute z.

    Examples
    --------
    >>> exceeds(np.array([0.5, 3.0]), np.array([1.0, 2.0, 4.0])).round(2).tolist()
    [1.0, 0.33]
    """
    return 1 - np.searchsorted(largest, np.abs(z), side="left") / max(len(largest), 1)
