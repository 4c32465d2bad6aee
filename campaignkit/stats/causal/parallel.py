"""An event study whose groups may not have moved alike: what its past could have shown, and what then is left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.special import ndtri
from scipy.stats import f as f_distribution
from scipy.stats import ncf

from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.least_squares import solve


class Bounds(NamedTuple):
    """An interval of an average effect that allows for groups moving apart."""

    lower: float
    upper: float


def pretest_power(slope: float, events: Floats, base: int, covariance: Floats, clusters: int) -> float:
    """Return how often a joint test of the past, at 5%, would notice a trend of a given slope.

    Parameters
    ----------
    slope : float
        How much further apart the groups move each period, in the outcome's unit.
    events : array
        The periods since joining of the estimates before the base.
    base : int
        The base period, at which the trend is 0.
    covariance : array
        Of those estimates.
    clusters : int
        How many independent people (or clusters) they rest on.

    Examples
    --------
    >>> round(pretest_power(1.0, np.array([-3, -2]), -1, np.eye(2), 200), 2)
    0.5
    """
    q = len(events)
    trend = slope * (np.asarray(events, float) - base)
    within = max(clusters - q, 1)
    apart = max(float(trend @ solve(covariance, trend)), 1e-9)  # scipy's answer for exactly 0 is none
    return float(ncf.sf(f_distribution.isf(0.05, q, within), q, within, apart))


def detectable_slope(events: Floats, base: int, covariance: Floats, clusters: int, power: float = 0.8) -> float:
    """Return the slope of a trend that a joint test of the past would notice in `power` of all studies.

    References
    ----------
    Roth (2022), American Economic Review: Insights 4, 305–322, section II.

    Examples
    --------
    >>> round(detectable_slope(np.array([-3, -2]), -1, np.eye(2), 200), 2)
    1.4
    """
    low, high = 0.0, float(np.sqrt(np.diag(covariance).max()))
    while pretest_power(high, events, base, covariance, clusters) < power:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if pretest_power(middle, events, base, covariance, clusters) < power else (low, middle)
        )
    return high


def relative_magnitudes(
    before: Floats, after: Floats, weights: Floats, covariance: Floats, times: float = 1.0, alpha: float = 0.05
) -> Bounds:
    """Return an interval of an average effect if groups move apart after joining at most as much as they did before.

    Parameters
    ----------
    before, after : array
        Estimates by period, consecutive, without the base, which lies between them.
    weights : array
        How much each period after counts in the average.
    covariance : array
        Of `before` and `after` together.
    times : float
        From one period to the next groups move apart by at most so many times the largest such step before joining.
    alpha : float
        One minus the confidence.

    Notes
    -----
    Given the largest step before, the worst bias is a linear program: the average of what steps of that size add up
    to. Each step in turn is taken for the largest, its sign known, with the standard error of average ± worst bias;
    whichever truly is the largest, its interval is among these, and their union is the answer. It is wider than the
    paper's conditional test, and simpler.

    References
    ----------
    Rambachan and Roth (2023), Review of Economic Studies 90, 2555–2591, section 2.4.1, restriction Δ^RM.

    Examples
    --------
    >>> found = relative_magnitudes(np.array([0.0, 0.1]), np.array([1.0, 1.0]), np.array([0.5, 0.5]), np.eye(4) * 0.01)
    >>> bool(found.lower < 0.9 < 1.1 < found.upper)
    True
    """
    reach = times * worst_step(len(after), weights)
    steps = _steps(len(before))
    average = np.concatenate([np.zeros(len(before)), weights])
    estimates = np.concatenate([before, after])
    critical = -float(ndtri(alpha / 2))
    ends = []
    for step in steps:
        whole = np.concatenate([step, np.zeros(len(after))])
        for sign in (1.0, -1.0):
            for side in (1.0, -1.0):
                at = average + side * sign * reach * whole
                ends.append((side, float(at @ estimates + side * critical * np.sqrt(at @ covariance @ at))))
    plain = float(average @ estimates)
    error = critical * float(np.sqrt(average @ covariance @ average))
    lower = min(plain - error, *(end for side, end in ends if side < 0))
    return Bounds(lower, max(plain + error, *(end for side, end in ends if side > 0)))


def _steps(periods: int) -> Floats:
    """Return what takes estimates before the base to their steps from one period to the next, the base's 0 the last."""
    steps = np.zeros((periods, periods))
    steps[np.arange(periods), np.arange(periods)] = -1.0
    steps[np.arange(periods - 1), np.arange(1, periods)] = 1.0
    return steps


def worst_step(periods: int, weights: Floats) -> float:
    """Return the largest average that paths from 0 with steps of at most 1 can have, by linear programming.

    Examples
    --------
    >>> worst_step(3, np.full(3, 1 / 3))  # 1, 2, 3
    2.0
    """
    total = np.tril(np.ones((periods, periods)))
    solution = linprog(-(weights @ total), bounds=[(-1, 1)] * periods, method="highs")
    return round(float(-solution.fun), 12)
