"""Confidence intervals for a rate and for a mean, from sufficient statistics."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Bounds


def wilson(successes: ArrayLike, n: ArrayLike, confidence_level: float = 0.95) -> Bounds:
    """Return the Wilson score interval of a rate.

    Parameters
    ----------
    successes, n : array-like
        Counts; where n is 0 the bounds are NaN.
    confidence_level : float
        Confidence.

    Returns
    -------
    lower, upper : arrays of float64
        Shares between 0 and 1.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22, 209–212; recommended by Brown, Cai and
    DasGupta (2001), Statistical Science 16, 101–133, section 4.1.1.

    Examples
    --------
    >>> lower, upper = wilson([8], [10])
    >>> round(float(lower[0]), 4), round(float(upper[0]), 4)
    (0.4902, 0.9433)
    """
    k, n = np.asarray(successes, float), np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return wilson_at(k / n, n, NormalDist().inv_cdf(0.5 + confidence_level / 2))


def wilson_at(rate: ArrayLike, n: ArrayLike, z: ArrayLike) -> Bounds:
    """Return the Wilson score interval of rates, `z` standard errors wide on each side; n need not be whole."""
    rate, n, z = (np.asarray(values, float) for values in (rate, n, z))
    with np.errstate(divide="ignore", invalid="ignore"):
        center = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
        return np.where(n > 0, np.clip(center - half, 0, 1), np.nan), np.where(
            n > 0, np.clip(center + half, 0, 1), np.nan
        )


def mean_interval(mean: ArrayLike, sum_of_squares: ArrayLike, n: ArrayLike, confidence_level: float = 0.95) -> Bounds:
    """Return Student's t interval of a mean.

    Parameters
    ----------
    mean, sum_of_squares, n : array-like
        The mean, the centered sum of squares and the count; where n is below 2 the bounds are NaN.
    confidence_level : float
        Confidence.

    Returns
    -------
    lower, upper : arrays of float64
        In the unit of the mean.

    Examples
    --------
    >>> lower, upper = mean_interval([10.0], [90.0], [10])
    >>> round(float(lower[0]), 4), round(float(upper[0]), 4)
    (7.7378, 12.2622)
    """
    from scipy.special import stdtrit

    mean, ss, n = (np.asarray(values, float) for values in (mean, sum_of_squares, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        half = stdtrit(n - 1, 0.5 + confidence_level / 2) * np.sqrt(ss / (n - 1) / n)
    half = np.where(n > 1, half, np.nan)
    return mean - half, mean + half
