"""How small an effect a test of given size would show, how large it must be, and when to stop testing and send."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

MOST = 200  # doublings in search of a bracket


def power(
    effect: float,
    variance: float,
    n_control: float,
    n_arm: float,
    alpha: float = 0.05,
    variance_arm: float | None = None,
) -> float:
    """Return the chance that Welch's two-sided test shows an effect.

    Parameters
    ----------
    effect : float
        The true difference of the two means.
    variance : float
        Of one unit of the control.
    n_control, n_arm : float
        Units.
    alpha : float
        Of the test.
    variance_arm : float, optional
        Of one unit of the other arm. None: as in the control.

    Examples
    --------
    >>> round(power(0.5, 1.0, 64, 64), 3)
    0.801
    """
    from scipy.stats import nct, t

    a, b = variance / n_control, (variance if variance_arm is None else variance_arm) / n_arm
    scale, df = sqrt(a + b), (a + b) ** 2 / (a**2 / (n_control - 1) + b**2 / (n_arm - 1))
    critical = t.isf(alpha / 2, df)
    shifted = nct(df, effect / scale)
    below = np.nan_to_num(shifted.cdf(-critical))  # NaN where it is too small for a number
    return float(below + shifted.sf(critical))


def first_reaching(wanted: float, power_at: Callable[[float], float], low: float, start: float, most: float) -> float:
    """Return the least effect (or size) from `low` to `most` whose power is what is wanted; NaN where none has it.

    Parameters
    ----------
    wanted : float
        The power.
    power_at : callable
        From an effect (or size) to a power; it must rise.
    low, start, most : float
        Where to begin, a first guess above it, and the largest to look at.
    """
    high = min(start, most)
    for _ in range(MOST):
        if power_at(high) >= wanted:
            if power_at(low) >= wanted:
                return low
            return float(brentq(lambda x: power_at(x) - wanted, low, high, xtol=1e-14, rtol=1e-13))
        if high >= most:
            break
        high = min(2 * high, most)
    return float("nan")


def best_of(arms: int) -> float:
    """Return the mean of the largest of `arms` independent standard normal numbers.

    Examples
    --------
    >>> round(best_of(2), 6), round(best_of(3), 6)
    (0.56419, 0.846284)
    """
    u = (np.arange(200_000) + 0.5) / 200_000
    return 1 / sqrt(np.pi) if arms == 2 else float(np.mean(ndtri(u ** (1 / arms))))


def best_size(population: float, sd: float, prior_sd: float, arms: int = 2) -> float:
    """Return how many people an arm to test on before sending the winner to the rest.

    Notes
    -----
    Maximises (N − K n) · E[largest posterior mean]; its first-order condition 2 K σ² n² + 3 K s² n − s² N = 0 has this
    root. For two arms it is Feit & Berman's equation 10.

    References
    ----------
    Feit & Berman (2019), Test & Roll: profit-maximizing A/B tests, Marketing Science 38(6), 1038–1058, section 3.2.

    Examples
    --------
    >>> round(best_size(100_000, (0.68 * 0.32) ** 0.5, 0.03))  # their website example
    2284
    """
    ratio = (sd / prior_sd) ** 2
    return (-3 * arms * ratio + sqrt(9 * arms**2 * ratio**2 + 8 * arms * ratio * population)) / (4 * arms)


def roll_value(n: float, population: float, mean: float, sd: float, prior_sd: float, arms: int = 2) -> float:
    """Return the expected total when `n` an arm are tested and the best-looking arm is sent to the rest."""
    lead = best_of(arms) * prior_sd**2 / sqrt(prior_sd**2 + sd**2 / n) if n > 0 else 0.0
    return population * mean + (population - arms * n) * lead
