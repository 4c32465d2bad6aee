"""An estimate with its Student-t interval and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from campaignkit.stats.arrays import Bounds, Floats


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and interval."""

    value: float
    std_error: float
    lower: float
    upper: float
    p_value: float


def interval(value: float, std_error: float, df: float, confidence_level: float = 0.95, null: float = 0.0) -> Estimate:
    """Return Student's t interval, and the p-value of `null`."""
    half = float(stdtrit(df, 0.5 + confidence_level / 2)) * std_error
    p = float(2 * stdtr(df, -abs(value - null) / std_error)) if std_error > 0 else np.nan
    return Estimate(value, std_error, value - half, value + half, p)


def equal_tailed(draws: Floats, confidence_level: float = 0.95) -> Bounds:
    """Return the equal-tailed interval of draws, along their first axis.

    Examples
    --------
    >>> lower, upper = equal_tailed(np.arange(101.0), 0.9)
    >>> round(float(lower)), round(float(upper))
    (5, 95)
    """
    lower, upper = np.quantile(draws, [0.5 - confidence_level / 2, 0.5 + confidence_level / 2], axis=0)
    return lower, upper
