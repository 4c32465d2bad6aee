"""Do several groups' effects differ by more than chance, where some groups are small and some have no events?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from campaignkit.stats.arrays import Floats

PRIOR_EVENTS = 1.0  # events at the pooled rate that each group is taken to have had beside its own


class Heterogeneity(NamedTuple):
    """Welch's test that several means are the same."""

    statistic: float
    df: float
    df_within: float
    p_value: float


def welch_heterogeneity(estimate: ArrayLike, variance: ArrayLike, df: ArrayLike) -> Heterogeneity:
    """Test whether several estimates, each with a variance of few degrees of freedom, are all the same.

    Parameters
    ----------
    estimate, variance, df : array-like
        One an estimate; variances above 0.

    Returns
    -------
    Heterogeneity
        `statistic` is an F with `df` and `df_within` degrees of freedom.

    Notes
    -----
    Cochran's Q takes the variances for known: with twenty groups of eight people it says that they differ in three
    of ten experiments where nothing differs. Welch's correction for their being estimated is of the first order, and
    with many groups of a few people still too small (9% with 60 groups of eight); with one degree of freedom fewer
    in each group it stays at or below 5%.

    References
    ----------
    Welch (1951), Biometrika 38, 330–336, equations 28–30; James (1951), Biometrika 38, 324–329.

    Examples
    --------
    >>> found = welch_heterogeneity([1.0, 1.2, 3.0], [0.2, 0.3, 0.25], [20, 15, 18])
    >>> round(found.statistic, 2), round(found.df_within, 1), round(found.p_value, 3)
    (4.92, 31.9, 0.014)
    """
    d, v, f = (np.asarray(x, float) for x in (estimate, variance, df))
    k, weight = len(d), 1 / v
    share = weight / weight.sum()
    between = float(weight @ (d - share @ d) ** 2) / (k - 1)
    unsure = float(((1 - share) ** 2 / np.maximum(f - 1, 0.5)).sum())
    statistic = between / (1 + 2 * (k - 2) / (k**2 - 1) * unsure)
    within = (k**2 - 1) / (3 * max(unsure, 1e-12))
    return Heterogeneity(statistic, k - 1, within, float(fdtrc(k - 1, within, statistic)))


def score_variance(events: ArrayLike, n: ArrayLike, pooled: ArrayLike) -> Floats:
    """Return the variance of each group's rate, the rate drawn toward the pooled one by the weight of one event.

    A group without events has no variance of its own, which would make it infinitely sure of a rate of 0.

    Parameters
    ----------
    events, n : array-like
        Counts of each group.
    pooled : array-like
        The rate of all groups together.

    Notes
    -----
    p (1 − p) / n at p = (events + 1) / (n + 1 / pooled): what the score test of the pooled rate would use, as far as
    the group itself has little to say. NaN where nobody of any group has an event.

    Examples
    --------
    >>> score_variance([0, 10], [200, 200], 0.02).round(6).tolist()
    [2e-05, 0.00021]
    """
    events, n, pooled = (np.asarray(x, float) for x in (events, n, pooled))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (events + PRIOR_EVENTS) / (n + PRIOR_EVENTS / pooled)
        return np.where(pooled > 0, rate * (1 - rate) / n, np.nan)
