"""An estimate with its Student-t interval and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and interval."""

    value: float
    error: float
    lower: float
    upper: float
    p_value: float


def interval(value: float, error: float, df: float, level: float = 0.95, null: float = 0.0) -> Estimate:
    """Return Student's t interval, and the p-value of `null`."""
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    p = float(2 * stdtr(df, -abs(value - null) / error)) if error > 0 else np.nan
    return Estimate(value, error, value - half, value + half, p)
