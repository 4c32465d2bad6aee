"""When a few large gifts decide: how skewed a mean is, and whether its interval can be relied on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Floats

TOO_SKEWED = 0.75  # the skewness of a mean above which 95% intervals hold in fewer than 93 of 100 cases


def lognormal_skewness(log_variance: ArrayLike, n: ArrayLike) -> Floats:
    """Return the skewness of the mean of n amounts whose logarithms have this variance, were they log-normal.

    Parameters
    ----------
    log_variance, n : array-like
        The variance of the amounts' natural logarithms, and how many there are.

    Returns
    -------
    array
        (e^s² + 2) √(e^s² − 1) / √n.

    Notes
    -----
    The sample's own skewness cannot be above √n and says least where it matters most: of 30 log-normal amounts with
    s = 1.5 it is 3 where the truth is 33. With Hall's interval, means of log-normal amounts at s = 1.5 are covered in
    89% (n = 30), 92% (300) and 93% (3,000) of cases, at s = 0.5 in 95% from n = 30 on; the line of `TOO_SKEWED` lies
    between.

    References
    ----------
    Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, chapter 14, equation 14.9a.

    Examples
    --------
    >>> lognormal_skewness([0.25, 2.25], [30, 300]).round(2).tolist()
    [0.32, 1.93]
    """
    spread, n = np.exp(np.minimum(np.asarray(log_variance, float), 50.0)), np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (spread + 2) * np.sqrt(np.maximum(spread - 1, 0.0)) / np.sqrt(n)


def influence_skewness(influence: Floats) -> float:
    """Return the skewness of an estimate from what each row (or cluster) added to its error.

    Examples
    --------
    >>> round(influence_skewness(np.array([-1.0, -1.0, -1.0, 3.0])), 3)
    0.577
    """
    square = float((influence**2).sum())
    return float((influence**3).sum() / square**1.5) if square > 0 else 0.0
