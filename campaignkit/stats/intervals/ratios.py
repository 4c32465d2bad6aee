"""The ratio of two rates, with an interval that holds at small counts."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Bounds, Floats

STEPS = 60  # of bisection on the logarithm of the ratio: to 1e-15 of the bracket
WIDEST = 30.0  # the bracket, ± in log ratio


def rate_ratio(k1: ArrayLike, n1: ArrayLike, k2: ArrayLike, n2: ArrayLike, confidence_level: float = 0.95) -> Bounds:
    """Return the score interval of the ratio of two independent rates, (k1/n1) / (k2/n2).

    Parameters
    ----------
    k1, n1, k2, n2 : array-like
        Positives and people in the two groups; effective counts need not be whole.
    confidence_level : float
        Confidence.

    Returns
    -------
    lower, upper : arrays of float64
        NaN where a group is empty or neither has a positive; the lower bound is 0 where k1 is 0, the upper one
        infinite where k2 is 0.

    Notes
    -----
    The ratios that Pearson's chi-squared does not reject. Unlike the interval from a normal approximation to
    the log ratio, it exists at k1 = 0 and keeps its coverage at a handful of positives.

    References
    ----------
    Koopman (1984), Biometrics 40, 513–517, section 2; Miettinen and Nurminen (1985), Statistics in Medicine 4,
    213–226, without their factor N/(N−1).

    Examples
    --------
    >>> lower, upper = rate_ratio([36], [40], [16], [80])  # Koopman's own example
    >>> round(float(lower[0]), 2), round(float(upper[0]), 2)
    (2.94, 7.15)
    """
    k1, n1, k2, n2 = np.broadcast_arrays(*(np.asarray(x, float) for x in (k1, n1, k2, n2)))
    z2 = NormalDist().inv_cdf(0.5 + confidence_level / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        center = np.log((k1 + 1e-9) / n1) - np.log((k2 + 1e-9) / n2)
        lower = _bound(k1, n1, k2, n2, z2, center, -1)
        upper = _bound(k1, n1, k2, n2, z2, center, +1)
    known = (n1 > 0) & (n2 > 0) & (k1 + k2 > 0)
    lower = np.where(k1 <= 0, 0.0, np.exp(lower))
    upper = np.where(k2 <= 0, np.inf, np.exp(upper))
    return np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def _bound(k1: Floats, n1: Floats, k2: Floats, n2: Floats, z2: float, center: Floats, side: int) -> Floats:
    """Bisect for the log ratio at which the chi-squared reaches z²."""
    inside, outside = center.copy(), center + side * WIDEST
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        within = _chi_squared(np.exp(middle), k1, n1, k2, n2) < z2
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    return (inside + outside) / 2


def _chi_squared(ratio: Floats, k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    """Return Pearson's statistic at the most likely rates with this ratio between them."""
    a = (n1 + n2) * ratio
    b = n1 * ratio + k1 + n2 + k2 * ratio
    root = np.sqrt(np.maximum(b * b - 4 * a * (k1 + k2), 0.0))
    p2 = 2 * (k1 + k2) / (b + root)  # the smaller root, without cancellation
    p1 = np.minimum(p2 * ratio, 1 - 1e-15)
    p2 = np.minimum(p2, 1 - 1e-15)
    return (k1 - n1 * p1) ** 2 / (n1 * p1 * (1 - p1)) + (k2 - n2 * p2) ** 2 / (n2 * p2 * (1 - p2))
