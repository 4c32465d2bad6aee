"""Counts of many cells, each thin: shrunk level by level, from what many cells share to the cell itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Bounds, Floats, Whole


@dataclass(frozen=True)
class Level:
    """Cells that share a factor.

    Attributes
    ----------
    group : array of int64
        Each cell's group, from 0.
    dispersion : array of float64
        Each group's variance of a count over its mean: 1 for independent events, more where one person gives several.
    """

    group: Whole
    dispersion: Floats


@dataclass(frozen=True)
class ShrunkCounts:
    """Each cell's expected count, given all cells.

    Attributes
    ----------
    mean : array of float64
        The count to be expected of the cell.
    shape : array of float64
        How well it is known: the shape of a gamma distribution around it, the inverse of its squared relative error;
        infinite where nothing varies.
    own_share : array of float64
        How much of the last level's factor comes from the cell's own count: 0 to 1.
    """

    mean: Floats
    shape: Floats
    own_share: Floats

    def bounds(self, confidence_level: float = 0.95) -> Bounds:
        """Return the interval of the expected counts.

        Examples
        --------
        >>> level = Level(np.arange(4), np.ones(4))
        >>> found = shrunk_counts([1, 30, 4, 9], [11.0] * 4, [level])
        >>> lower, upper = found.bounds()
        >>> bool((lower < found.mean).all() and (found.mean < upper).all())
        True
        """
        return gamma_bounds(self.mean, self.shape, confidence_level)


def shrunk_counts(count: ArrayLike, expected: ArrayLike, levels: Sequence[Level]) -> ShrunkCounts:
    """Return the expected count of each cell: the given expectation times a factor of each level, shrunk toward 1.

    Parameters
    ----------
    count : array-like
        What was counted in each cell, weighted or not.
    expected : array-like
        What was to be expected before any level, at least 0.
    levels : sequence of Level
        From coarse to fine. Each is fitted to what those before it leave.

    Returns
    -------
    ShrunkCounts

    Notes
    -----
    In a group with count y, expectation E and dispersion φ, a gamma prior with mean 1 and variance ω gives the factor
    (y/φ + 1/ω) / (E/φ + 1/ω). ω is what the groups' squared residuals, weighted by 1/φE, hold beyond φE, less what
    coarser levels have fitted; where that is nothing, the level is left out. The factors' errors are added up.

    References
    ----------
    Clayton and Kaldor (1987), Biometrics 43, 671–681, section 3.

    Examples
    --------
    >>> level = Level(np.arange(3), np.ones(3))
    >>> shrunk_counts([10, 10, 40], [20.0, 20.0, 20.0], [level]).mean.round(1).tolist()
    [11.0, 11.0, 38.0]
    """
    y, mean = np.asarray(count, float), np.array(expected, float)
    error, own_share = np.zeros(len(mean)), np.zeros(len(mean))
    fitted: list[tuple[Whole, float]] = []  # of each level before, how many numbers it took from the counts
    for level in levels:
        size = len(level.dispersion)
        seen = np.bincount(level.group, y, size) / level.dispersion
        e = np.bincount(level.group, mean, size) / level.dispersion
        gone = sum(numbers for before, numbers in fitted if _within(level.group, before, size))
        spread = _spread(seen, e, gone)
        if not spread > 0:
            own_share[:] = 0
            continue
        shape = seen + 1 / spread
        mean *= (shape / (e + 1 / spread))[level.group]
        error += (1 / shape)[level.group]
        taken = e / (e + 1 / spread)
        own_share = taken[level.group]
        fitted.append((level.group, float(taken.sum())))
    with np.errstate(divide="ignore"):
        return ShrunkCounts(mean, 1 / error, own_share)


def _within(group: Whole, before: Whole, size: int) -> bool:
    """Return whether each group lies within one group of a level before."""
    parent = np.empty(size, np.int64)
    parent[group] = before
    return bool((parent[group] == before).all())


def _spread(seen: Floats, expected: Floats, fitted: float) -> float:
    """Return ω by moments: the squared residuals, weighted by the inverse of their variance without it.

    `fitted` is how many numbers coarser levels took from the same counts: so much of the residuals is gone.
    """
    known = expected > 1e-12
    y, e = seen[known], expected[known]
    free = 1 - fitted / max(len(y), 1)
    if free <= 0:
        return 0.0
    return float((((y - e) ** 2 / e).sum() - free * len(y)) / max(free * e.sum(), 1e-300))


def gamma_bounds(mean: Floats, shape: Floats, confidence_level: float = 0.95) -> Bounds:
    """Return the interval of gamma distributions with these means and shapes.

    Examples
    --------
    >>> [round(float(end[0]), 2) for end in gamma_bounds(np.array([10.0]), np.array([100.0]))]
    [8.14, 12.05]
    """
    from scipy.special import gammaincinv

    tail = (1 - confidence_level) / 2
    k = np.minimum(shape, 1e9)
    return mean * gammaincinv(k, tail) / k, mean * gammaincinv(k, 1 - tail) / k
