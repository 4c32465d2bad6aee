"""Looking every day: intervals that hold at all looks at once, however many and whenever one stops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw

from campaignkit.stats.arrays import Floats


class ConfidenceSequence(NamedTuple):
    """An interval and a p-value for each look."""

    lower: Floats
    upper: Floats
    p_value: Floats


def tuned(n: float, alpha: float = 0.05) -> float:
    """Return rho², the tuning parameter with which the sequence is narrowest once `n` units are in.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2021), Time-uniform central limit theory and asymptotic
    confidence sequences, appendix on choosing rho: rho² = (−W₋₁(−α² / e) − 1) / n.

    Examples
    --------
    >>> round(tuned(1000) * 1000, 2)
    8.21
    """
    return float(-lambertw(-(alpha**2) * np.exp(-1), -1).real - 1) / n


def width(n: ArrayLike, rho2: float, alpha: float = 0.05) -> Floats:
    """Return how many standard errors the sequence is wide on each side when `n` units are in.

    Examples
    --------
    >>> width([100, 1000, 10_000], tuned(1000)).round(2).tolist()
    [3.82, 3.04, 3.25]
    """
    x = np.asarray(n, float) * rho2
    with np.errstate(divide="ignore"):
        return np.sqrt((x + 1) / x * np.log((x + 1) / alpha**2))


def confidence_sequence(
    estimate: ArrayLike, std_error: ArrayLike, n: ArrayLike, rho2: float, alpha: float = 0.05
) -> ConfidenceSequence:
    """Return the asymptotic confidence sequence of an estimate at each of many looks.

    Parameters
    ----------
    estimate, std_error : array-like
        Estimates and their standard errors, looks along the last axis. NaN: too early to say.
    n : array-like
        Units that are in at each look.
    rho2 : float
        The tuning parameter, chosen before looking; see `tuned`.
    alpha : float
        The chance, over all looks together, that an interval misses.

    Returns
    -------
    ConfidenceSequence
        `p_value` at each look is the least of the looks up to then: rejecting once it is below alpha errs no more
        often than alpha, whenever one stops.

    Notes
    -----
    Theorem 2.2 of the paper: mean ± sd · sqrt(2 (n rho² + 1) / (n² rho²) · log(sqrt(n rho² + 1) / alpha)), written
    with std_error = sd / sqrt(n). Asymptotic: it needs a first look with enough units for their mean to be normal.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2021), as for `tuned`, theorem 2.2; the p-value inverts it.

    Examples
    --------
    >>> found = confidence_sequence([0.5, 0.4], [0.2, 0.1], [100, 400], tuned(400))
    >>> found.p_value.round(4).tolist()
    [0.2137, 0.0024]
    """
    estimate, std_error, n = (np.asarray(x, float) for x in (estimate, std_error, n))
    half = width(n, rho2, alpha) * std_error
    x = n * rho2
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.minimum(np.sqrt(x + 1) * np.exp(-((estimate / std_error) ** 2) / 2 * x / (x + 1)), 1.0)
    least = np.minimum.accumulate(np.where(np.isnan(p), np.inf, p), axis=-1)
    return ConfidenceSequence(estimate - half, estimate + half, np.where(np.isinf(least), np.nan, least))
