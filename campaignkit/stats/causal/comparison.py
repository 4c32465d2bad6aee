"""Two groups and what to compare them on, as arrays; and a mean with every row's influence on it.

Every estimator of a lift gives the mean outcome with and without the treatment over one target population, and how
much each row moved either. Differences, ratios, clusters and survey weights then need one formula, not one apiece.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.intervals.estimate import Estimate, interval


@dataclass(frozen=True)
class Comparison:
    """Rows of treated and others.

    Attributes
    ----------
    x : array, one row a person
        Covariates; the first column is 1, the others are centred and scaled.
    y : array
        The outcome.
    treated : array of bool
    weight : array
        Survey weights; 1 where there are none.
    cluster : array of int64 or None
        Who was drawn together, numbered from 0. None: each for themselves.
    folds : tuple of slice
        Rows come sorted by fold, so that a fold is a slice.
    everyone : bool
        Whether the target is everyone (ATE). False: the treated (ATT).
    """

    x: Floats
    y: Floats
    treated: Mask
    weight: Floats
    cluster: Whole | None
    folds: tuple[slice, ...]
    everyone: bool = False

    @cached_property
    def target(self) -> Floats:
        """How much each row counts in the target population."""
        return self.weight if self.everyone else self.weight * self.treated

    def arm(self, treated: bool) -> Mask:
        """Return who is in one arm."""
        return self.treated if treated else ~self.treated

    def with_outcome(self, y: Floats, columns: NDArray[np.intp]) -> Comparison:
        """Return the same rows with another outcome and some of the covariates."""
        return replace(self, y=y, x=np.ascontiguousarray(self.x[:, columns]))


@dataclass(frozen=True)
class Mean:
    """A mean over the target population.

    Attributes
    ----------
    value : float
    influence : array
        What each row added to the estimate's error; they add up to about 0, and their squares to its variance.
    weight : array or None
        How much each row of the arm counted, the survey weight included. None: this estimator weighs no rows.
    """

    value: float
    influence: Floats
    weight: Floats | None = None


@dataclass(frozen=True)
class Means:
    """What one estimator found: the mean outcome with the treatment and without."""

    mean_treated: Mean
    mean_control: Mean
    rows_lost: int = 0  # coefficients spent: variances are multiplied by (n − 1) / (n − rows_lost)


def arm_mean(c: Comparison, treated: bool) -> Mean:
    """Return an arm's own mean."""
    weight = c.weight * c.arm(treated)
    total = weight.sum()
    value = float(weight @ c.y / total)
    return Mean(value, weight * (c.y - value) / total, weight)


def difference_in_means(c: Comparison) -> Means:
    """Compare the two arms as they are."""
    return Means(arm_mean(c, True), arm_mean(c, False))


def variance(influence: Floats, cluster: Whole | None, rows_lost: int = 0) -> float:
    """Return an estimate's variance from each row's influence, summed within clusters.

    Parameters
    ----------
    influence : array
        One a row.
    cluster : array of int64 or None
        Numbered from 0. None: each row for itself.
    rows_lost : int
        Coefficients of a regression, for its usual small-sample factor (n − 1) / (n − k); 0: none.

    Notes
    -----
    With G clusters the sum of squares is multiplied by G / (G − 1): CR1, or HC1 without clusters.

    Examples
    --------
    >>> influence = np.array([0.5, -0.5, 0.25, -0.25])
    >>> round(variance(influence, None), 4), round(variance(influence, np.array([0, 0, 1, 1])), 4)
    (0.8333, 0.0)
    """
    sums = influence if cluster is None else np.bincount(cluster, influence)
    groups = len(sums)
    factor = groups / max(groups - 1, 1)
    if rows_lost:
        factor *= (len(influence) - 1) / max(len(influence) - rows_lost, 1)
    return float(factor * (sums @ sums))


def degrees_of_freedom(c: Comparison) -> float:
    """Return the fewer of the two arms' clusters (or rows), less one."""
    sizes = []
    for arm in (True, False):
        rows = c.arm(arm)
        sizes.append(int(rows.sum()) if c.cluster is None else len(np.unique(c.cluster[rows])))
    return max(min(sizes) - 1, 1)


def difference(means: Means, cluster: Whole | None, df: float, confidence_level: float = 0.95) -> Estimate:
    """Return the mean with the treatment minus the mean without it."""
    influence = means.mean_treated.influence - means.mean_control.influence
    error = np.sqrt(variance(influence, cluster, means.rows_lost))
    return interval(means.mean_treated.value - means.mean_control.value, float(error), df, confidence_level)


def ratio(means: Means, cluster: Whole | None, df: float, confidence_level: float = 0.95) -> Estimate | None:
    """Return the mean with the treatment over the mean without it; None unless both are above 0.

    The interval is symmetric on the logarithm.
    """
    high, low = means.mean_treated.value, means.mean_control.value
    if not (high > 0 and low > 0):
        return None
    influence = means.mean_treated.influence / high - means.mean_control.influence / low
    error = float(np.sqrt(variance(influence, cluster, means.rows_lost)))
    log_ratio = interval(float(np.log(high / low)), error, df, confidence_level)
    with np.errstate(over="ignore"):  # an interval without an end
        value, lower, upper = np.exp([log_ratio.value, log_ratio.lower, log_ratio.upper]).tolist()
    return Estimate(value, value * error, lower, upper, log_ratio.p_value)


def effective_size(weight: Floats | None) -> float | None:
    """Return how many equally weighted rows would say as much: (Σw)² / Σw² (Kish 1965, section 11.7)."""
    if weight is None or not (weight != 0).any():
        return None
    return float(weight.sum() ** 2 / (weight @ weight))
