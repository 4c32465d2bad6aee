"""Differences of two means: Welch's test, and intervals put together from those of the two (for skewed outcomes)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from campaignkit.stats.arrays import Bounds, Floats
from campaignkit.stats.intervals.rates import wilson_at

STEPS = 24  # of false position for a p-value
CLOSE = 1e-9
FARTHEST = 37.0  # standard errors: p = 1e-300
LEAST_P = 1e-300
FARTHEST_T = 1e6  # of a few degrees of freedom t's tail is so long that its quantiles leave the numbers
NEARLY_SYMMETRIC = 1e-4  # a skewness below which Hall's transformation is Student's t to 1e-4 of a standard error


class Compared(NamedTuple):
    """A difference with its interval and two-sided p-value."""

    estimate: Floats
    std_error: Floats
    lower: Floats
    upper: Floats
    p_value: Floats


def satterthwaite(*parts: tuple[ArrayLike, ArrayLike]) -> Floats:
    """Return the degrees of freedom of a sum of variances (Satterthwaite 1946).

    Parameters
    ----------
    *parts : (variance, df)
        Estimated variances and their degrees of freedom.
    """
    pairs = [(np.asarray(v, float), np.asarray(df, float)) for v, df in parts]
    with np.errstate(divide="ignore", invalid="ignore"):
        return sum(v for v, _ in pairs) ** 2 / sum(v**2 / df for v, df in pairs)


def welch(estimate: ArrayLike, variance: ArrayLike, df: ArrayLike, confidence_level: float = 0.95) -> Compared:
    """Return Student's t interval and p-value of an estimate with a variance of `df` degrees of freedom.

    Where the variance is 0 or unknown, std_error and what hangs on it are NaN: nothing varied, so nothing is known.

    Examples
    --------
    >>> found = welch(2.0, 1.0, 10.0)
    >>> round(float(found.p_value), 4), round(float(found.lower), 3)
    (0.0734, -0.228)
    """
    estimate, variance, df = (np.asarray(x, float) for x in (estimate, variance, df))
    with np.errstate(divide="ignore", invalid="ignore"):
        std_error = np.sqrt(np.where(variance > 0, variance, np.nan))
        half = t_quantile(df, 1 - confidence_level) * std_error
        p = 2 * stdtr(df, -np.abs(estimate / std_error))
    return Compared(estimate, std_error, estimate - half, estimate + half, p)


def t_quantile(df: ArrayLike, alpha: ArrayLike) -> Floats:
    """Return how many standard errors Student's t interval is wide on each side, a million at most.

    Parameters
    ----------
    df, alpha : array-like
        Degrees of freedom, and one minus the confidence.

    Examples
    --------
    >>> t_quantile([10, 2], 0.05).round(3).tolist(), float(t_quantile(2, 1e-300))
    ([2.228, 4.303], 1000000.0)
    """
    quantile = -stdtrit(np.asarray(df, float), np.asarray(alpha, float) / 2)
    return np.where(np.isnan(df), np.nan, np.where(np.isfinite(quantile), np.minimum(quantile, FARTHEST_T), FARTHEST_T))


def hall(mean: ArrayLike, std_error: ArrayLike, cumulant: ArrayLike, df: ArrayLike, alpha: ArrayLike = 0.05) -> Bounds:
    """Return the interval of a skewed mean by Hall's transformation of Student's t.

    Parameters
    ----------
    mean, std_error, cumulant, df : array-like
        The mean, its standard error, its third cumulant (for n independent values: their third central moment
        divided by n²) and the degrees of freedom of its variance.
    alpha : array-like
        One minus the confidence.

    Notes
    -----
    With t = (mean − μ) / se, se the standard error, and γ = cumulant / se³, the transformed t + γt²/3 + γ²t³/27 + γ/6
    is symmetric to one order more than t is, increasing, and inverted in closed form. For its coverage on gifts see
    `book/calibration/experiments.md`.

    References
    ----------
    Hall (1992), Journal of the Royal Statistical Society B 54, 221–228, section 2; Johnson (1978), Journal of the
    American Statistical Association 73, 536–544, whose second-order transformation this completes.

    Examples
    --------
    >>> lower, upper = hall(1.0, 0.3, 0.01, 999)  # further up than down
    >>> round(float(lower), 2), round(float(upper), 2)
    (0.53, 1.9)
    """
    mean, std_error, cumulant, df, alpha = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (mean, std_error, cumulant, df, alpha))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = np.nan_to_num(cumulant / std_error**3)
        z = t_quantile(df, alpha)
        return mean - std_error * _untransformed(z, skew), mean - std_error * _untransformed(-z, skew)


def _untransformed(z: Floats, skew: Floats) -> Floats:
    g = np.where(np.abs(skew) < NEARLY_SYMMETRIC, 1.0, skew)
    return np.where(np.abs(skew) < NEARLY_SYMMETRIC, z, 3 / g * (np.cbrt(1 + g * (z - g / 6)) - 1))


def mover(one: Floats, of_one: Bounds, two: Floats, of_two: Bounds, correlation: ArrayLike = 0.0) -> Bounds:
    """Return the interval of ``one − two`` from an interval of each: the method of variance estimates recovery.

    References
    ----------
    Zou & Donner (2008), Statistics in Medicine 27, 1693–1702, equation 5; Newcombe (1998), Statistics in Medicine
    17, 873–890, method 10, is its case for two rates.

    Examples
    --------
    >>> lower, upper = mover(0.70, (0.58, 0.80), 0.50, (0.40, 0.60))
    >>> round(float(lower), 3), round(float(upper), 3)
    (0.044, 0.341)
    """
    (l1, u1), (l2, u2) = of_one, of_two
    down, up, lean = (one - l1, u2 - two), (u1 - one, two - l2), 2 * np.asarray(correlation, float)
    with np.errstate(invalid="ignore"):
        shared = [np.where(lean == 0, 0.0, lean * a * b) for a, b in (down, up)]
        lower, upper = (
            np.sqrt(np.maximum(a * a + b * b - x, 0.0)) for (a, b), x in zip((down, up), shared, strict=True)
        )
    return one - two - lower, one - two + upper


def mover_ratio(one: Floats, of_one: Bounds, two: Floats, of_two: Bounds) -> Bounds:
    """Return the interval of ``one / two`` (neither below 0) from an interval of each, the two being independent.

    The lower end is 0 where nothing sets one, the upper infinite; both are NaN where both numbers are 0.

    References
    ----------
    Donner & Zou (2012), Statistical Methods in Medical Research 21, 347–359, equations 9 and 10.

    Examples
    --------
    >>> from campaignkit.stats.intervals.rates import wilson
    >>> lower, upper = mover_ratio(np.array(36 / 40), wilson(36, 40), np.array(16 / 80), wilson(16, 80))
    >>> round(float(lower), 2), round(float(upper), 2)  # Koopman's score interval is 2.94 to 7.15
    (2.9, 7.11)
    """
    (l1, u1), (l2, u2) = of_one, of_two
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        both = one * two
        below, above = u2 * (2 * two - u2), l2 * (2 * two - l2)
        low, high = l1 * (2 * one - l1), u1 * (2 * one - u1)
        lower = low / (both + np.sqrt(np.maximum(both**2 - low * below, 0.0)))  # the root, free of cancellation
        upper = (both + np.sqrt(np.maximum(both**2 - high * above, 0.0))) / above
    unknown = ((one == 0) & (two == 0)) | ~np.isfinite(l1 + u1 + l2 + u2)
    upper = np.where(above > 0, upper, np.inf)
    return np.where(unknown, np.nan, np.where(one == 0, 0.0, lower)), np.where(unknown, np.nan, upper)


def inverted(bounds: Callable[[Floats], Bounds], shape: tuple[int, ...]) -> Floats:
    """Return the p-values of no difference: the alpha at which an interval that grows as alpha falls reaches 0.

    Parameters
    ----------
    bounds : callable
        Takes an array of alphas and returns the lower and upper ends.
    shape : tuple of int
        Of the answer.

    Notes
    -----
    False position with the Illinois rule (Dowell & Jarratt 1971, BIT 11, 168–174) on z = Φ⁻¹(1 − alpha / 2), in which
    the ends are nearly straight. p-values below 1e-300 are given as that,
    and some above 0.8 as 1, since skewed intervals do not shrink to a point.
    """

    def gap(z: Floats) -> Floats:  # above 0 where 0 is outside
        lower, upper = bounds(2 * ndtr(-z))
        return np.maximum(lower, -upper)

    low, high = np.full(shape, 1e-9), np.full(shape, FARTHEST)
    at_low, at_high = gap(low), gap(high)
    inside, never = ~(at_low > 0), at_high > 0  # everywhere: p is 1; nowhere: p is 0
    unknown = ~np.isfinite(at_low) | ~np.isfinite(at_high)
    side, scale = np.zeros(shape), np.abs(at_low) + np.abs(at_high)  # which end moved last; the gap's unit
    for _ in range(STEPS):
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(at_low - at_high > 0, low + (high - low) * at_low / (at_low - at_high), low)
        middle = gap(z)
        above = middle > 0
        at_high = np.where(above, np.where(side > 0, at_high / 2, at_high), middle)
        at_low = np.where(above, middle, np.where(side < 0, at_low / 2, at_low))
        low, high, side = np.where(above, z, low), np.where(above, high, z), np.where(above, 1, -1)
        if np.all(unknown | inside | never | (high - low < CLOSE) | (np.minimum(at_low, -at_high) < 1e-14 * scale)):
            break
    p = np.where(
        inside, 1.0, np.where(never, LEAST_P, 2 * ndtr(-np.where(np.abs(at_low) < np.abs(at_high), low, high)))
    )
    return np.where(unknown, np.nan, p)


def score_limits(rate: Floats, n: Floats, alpha: ArrayLike) -> Bounds:
    """Return Wilson's interval of rates from n (effective) people, for an array of alphas.

    Examples
    --------
    >>> lower, upper = score_limits(np.array([0.8]), np.array([10.0]), 0.05)
    >>> round(float(lower[0]), 4), round(float(upper[0]), 4)
    (0.4902, 0.9433)
    """
    return wilson_at(rate, n, -ndtri(np.asarray(alpha, float) / 2))
