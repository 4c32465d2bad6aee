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

MANY = 40.0  # degrees of freedom of an arm's clusters, from which the usual errors hold
MOST_SHARE = 0.999  # of an arm's weight in one cluster, beyond which nothing is left to compare it with


@dataclass(frozen=True)
class Comparison:
    """Rows of treated and others.

    Attributes
    ----------
    x : array, one row per person
        Covariates; the first column is 1, the others are centered and scaled.
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


def contrast(
    means: Means, cluster: Whole | None, df: float, high: float = 1.0, low: float = 1.0
) -> tuple[float, float]:
    """Return the standard error of mean_treated / high − mean_control / low, and its degrees of freedom.

    Parameters
    ----------
    means : Means
    cluster : array of int64 or None
    df : float
        What to take where there are no clusters.
    high, low : float

    Notes
    -----
    Where an arm rests on fewer than `MANY` clusters, each one's influence is divided by 1 − its share of the rows
    there: the jackknife, exact for weighted means and nearly so for the others, with Bell and McCaffrey's degrees of
    freedom. With more, CR1 and `df`, from which it then differs by a percent or two.

    References
    ----------
    MacKinnon, Nielsen and Webb (2023), Journal of Applied Econometrics 38, 671–694; Pustejovsky and Tipton (2018),
    Journal of Business & Economic Statistics 36, 672–683.
    """
    parts = (means.mean_treated.influence / high, -means.mean_control.influence / low)
    plain = float(np.sqrt(variance(parts[0] + parts[1], cluster, means.rows_lost)))
    if cluster is None:
        return plain, df
    arms = [cluster_shares(side.weight, cluster) for side in (means.mean_treated, means.mean_control)]
    if min(arm.df for arm in arms) >= MANY:
        return plain, df
    left = [
        np.bincount(cluster, part) / (1 - np.minimum(a.share, MOST_SHARE)) for part, a in zip(parts, arms, strict=True)
    ]
    groups, rows = len(left[0]), len(cluster)
    factor = (groups - 1) / groups * (rows - 1) / max(rows - max(means.rows_lost, 1), 1)
    total = left[0] + left[1]
    return float(np.sqrt(factor * (total @ total))), _joint_df(left, arms)


def _joint_df(left: list[Floats], arms: list[Shares]) -> float:
    """Return Satterthwaite's degrees of freedom of two arms; the fewer where some cluster is in both."""
    if ((arms[0].share > 0) & (arms[1].share > 0)).any():
        return max(min(arm.df for arm in arms), 1.0)
    squares = [float(residual @ residual) for residual in left]
    return max(sum(squares) ** 2 / max(sum(v**2 / a.df for v, a in zip(squares, arms, strict=True)), 1e-300), 1.0)


@dataclass(frozen=True)
class Shares:
    """How much of an arm each cluster holds, and the degrees of freedom that this leaves."""

    share: Floats
    df: float


def cluster_shares(weight: Floats | None, cluster: Whole) -> Shares:
    """Return each cluster's share of an arm's rows (those of any weight), and Bell and McCaffrey's degrees of freedom.

    Examples
    --------
    >>> found = cluster_shares(np.ones(12), np.repeat(np.arange(6), 2))
    >>> found.share.round(3).tolist()[:2], round(found.df, 6)
    ([0.167, 0.167], 5.0)
    """
    weight = np.ones(len(cluster)) if weight is None else (weight != 0).astype(float)
    share = np.bincount(cluster, weight) / weight.sum()
    own = np.bincount(cluster, weight**2) / weight.sum() ** 2  # the variance of a cluster's sum were rows independent
    factor = 1 / (1 - np.minimum(share, MOST_SHARE))
    a, b, whole = share * factor, own * factor, own.sum()
    diagonal = own * factor**2
    shared = -2 * a * b + whole * a**2
    squares = diagonal @ diagonal + 2 * diagonal @ shared
    squares += 2 * (a @ a) * (b @ b) + 2 * (a @ b) ** 2 + whole**2 * (a @ a) ** 2 - 4 * whole * (a @ a) * (a @ b)
    return Shares(share, float((diagonal + shared).sum() ** 2 / squares) if squares > 0 else 1.0)


def difference(means: Means, cluster: Whole | None, df: float, confidence_level: float = 0.95) -> Estimate:
    """Return the mean with the treatment minus the mean without it."""
    error, df = contrast(means, cluster, df)
    return interval(means.mean_treated.value - means.mean_control.value, error, df, confidence_level)


def ratio(means: Means, cluster: Whole | None, df: float, confidence_level: float = 0.95) -> Estimate | None:
    """Return the mean with the treatment over the mean without it; None unless both are above 0.

    The interval is symmetric on the logarithm.
    """
    high, low = means.mean_treated.value, means.mean_control.value
    if not (high > 0 and low > 0):
        return None
    error, df = contrast(means, cluster, df, high, low)
    return exponential(interval(float(np.log(high / low)), error, df, confidence_level))


def exponential(log_ratio: Estimate) -> Estimate:
    """Return the ratio of an estimated logarithm, its interval and test those of the logarithm."""
    with np.errstate(over="ignore"):  # an interval without an end
        value, lower, upper = np.exp([log_ratio.value, log_ratio.lower, log_ratio.upper]).tolist()
    return Estimate(value, value * log_ratio.std_error, lower, upper, log_ratio.p_value)


def effective_size(weight: Floats | None) -> float | None:
    """Return how many equally weighted rows would say as much: (Σw)² / Σw² (Kish 1965, section 11.7)."""
    if weight is None or not (weight != 0).any():
        return None
    return float(weight.sum() ** 2 / (weight @ weight))
