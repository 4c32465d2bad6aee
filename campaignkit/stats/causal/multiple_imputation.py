"""Gaps in covariates filled several times from what is known, and the several answers put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.causal.comparison import Comparison, Means, contrast, exponential
from campaignkit.stats.intervals.estimate import Estimate, interval
from campaignkit.stats.regression.least_squares import gram, solve

IMPUTATIONS = 10
BURN_IN, THIN = 5, 2  # rounds before the first filling, and from one to the next, where several covariates have gaps
DONORS = 5  # nearest predicted values, of which one is drawn
MOST_ROWS = 20_000  # rows that models of gaps are fitted on, and whose values are taken
RIDGE = 1e-5  # of a column's sum of squares


def fillings(c: Comparison, gaps: dict[int, Mask], others: Sequence[Floats], seed: int) -> list[Comparison]:
    """Return the comparison several times, its gaps filled by values of people predicted to be alike.

    Each covariate with gaps is regressed in turn on the other covariates, the treatment, the outcome (and their
    product), on a bootstrap of rows or clusters; whoever lacks it gets the value of one of the five people
    whose predicted values are nearest (predictive mean matching), so that only values that somebody has occur.

    Parameters
    ----------
    c : Comparison
        Its gaps filled in any way.
    gaps : dict of int to array of bool
        By position in `c.x`, the rows in which that covariate is unknown.
    others : sequence of arrays
        Numbers that predict too, such as placebo outcomes.
    seed : int

    References
    ----------
    van Buuren (2018), Flexible Imputation of Missing Data, algorithms 3.3 and 4.3; Leyrat et al. (2019), Statistical
    Methods in Medical Research 28, 3–19, for the outcome in the model and estimates, not propensities, put together.
    """
    rng = np.random.default_rng(seed)
    x, outside = c.x.copy(), _outside(c, others)
    wait, apart = (BURN_IN, THIN) if len(gaps) > 1 else (1, 1)
    filled = []
    for turn in range(1, wait + apart * (IMPUTATIONS - 1) + 1):
        for at, gap in sorted(gaps.items(), key=lambda item: item[1].sum()):
            x[gap, at] = _drawn(np.column_stack([np.delete(x, at, axis=1), outside]), x[:, at], gap, c.cluster, rng)
        if turn >= wait and (turn - wait) % apart == 0:
            filled.append(replace(c, x=x.copy()))
    return filled


def _outside(c: Comparison, others: Sequence[Floats]) -> Floats:
    """Return treatment, outcomes and their products with it, outcomes centered and scaled."""
    t, columns = c.treated.astype(float), [c.treated.astype(float)]
    for values in (c.y, *others):
        scaled = (values - values.mean()) / max(float(values.std()), 1e-300)
        columns += [scaled, t * scaled]
    return np.column_stack(columns)


def _drawn(z: Floats, values: Floats, gap: Mask, cluster: Whole | None, rng: np.random.Generator) -> Floats:
    """Return a value for each gap, taken from one of those whose predicted values are nearest."""
    known = np.flatnonzero(~gap)
    known = known[:: max(len(known) // MOST_ROWS, 1)]
    x, y = z[known], values[known]
    here = np.arange(len(known)) if cluster is None else np.unique(cluster[known], return_inverse=True)[1]
    groups = int(here.max()) + 1
    times = np.bincount(rng.integers(groups, size=groups), minlength=groups)[here].astype(float)
    predicted, wanted = x @ _coefficients(x, y, np.ones(len(y))), z[gap] @ _coefficients(x, y, times)
    order = np.argsort(predicted, kind="stable")
    nearest = _nearest(predicted[order], wanted)
    return y[order][nearest[np.arange(len(wanted)), rng.integers(nearest.shape[1], size=len(wanted))]]


def _coefficients(x: Floats, y: Floats, weight: Floats) -> Floats:
    a = gram(x, weight)
    return solve(a + RIDGE * np.diag(np.diag(a) + 1), x.T @ (weight * y))


def _nearest(ascending: Floats, wanted: Floats) -> Whole:
    """Return the positions of the `DONORS` numbers nearest to each wanted one."""
    donors = min(DONORS, len(ascending))
    first = np.clip(np.searchsorted(ascending, wanted) - donors, 0, max(len(ascending) - 2 * donors, 0))
    window = first[:, None] + np.arange(min(2 * donors, len(ascending)))
    far = np.abs(ascending[window] - wanted[:, None])
    return np.take_along_axis(window, np.argpartition(far, donors - 1, axis=1)[:, :donors], axis=1)


def pooled_difference(by_filling: Sequence[Means], cluster: Whole | None, df: float, level: float = 0.95) -> Estimate:
    """Return `comparison.difference`, put together over fillings."""
    errors, dfs = zip(*(contrast(means, cluster, df) for means in by_filling), strict=True)
    return pooled([means.mean_treated.value - means.mean_control.value for means in by_filling], errors, dfs, level)


def pooled_ratio(by_filling: Sequence[Means], cluster: Whole | None, df: float, level: float = 0.95) -> Estimate | None:
    """Return `comparison.ratio`, put together over fillings on the logarithm; None where one has none."""
    sides = [(means.mean_treated.value, means.mean_control.value) for means in by_filling]
    if min(map(min, sides)) <= 0:
        return None
    errors, dfs = zip(
        *(contrast(filling, cluster, df, *side) for filling, side in zip(by_filling, sides, strict=True)), strict=True
    )
    return exponential(pooled([float(np.log(high / low)) for high, low in sides], errors, dfs, level))


def pooled(values: Sequence[float], errors: Sequence[float], dfs: Sequence[float], level: float = 0.95) -> Estimate:
    """Put the estimates of several fillings together by Rubin's rules.

    Parameters
    ----------
    values, errors, dfs : sequences of float
        Each filling's estimate, standard error and degrees of freedom.
    level : float
        Confidence level.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys, section 3.1; Barnard and Rubin (1999), Biometrika 86,
    948–955, for the degrees of freedom.

    Examples
    --------
    >>> both = pooled([1.0, 2.0], [0.5, 0.5], [100.0, 100.0])
    >>> both.value, both.std_error
    (1.5, 1.0)
    """
    times, df = len(values), float(np.mean(dfs))
    if times == 1:
        return interval(values[0], errors[0], df, level)
    between = (1 + 1 / times) * float(np.var(values, ddof=1))
    total = float(np.mean(np.square(errors))) + between
    if between > 0:
        share = between / total
        known = (df + 1) / (df + 3) * df * (1 - share)
        df = max(1 / (share**2 / (times - 1) + 1 / max(known, 1e-9)), 1.0)
    return interval(float(np.mean(values)), float(np.sqrt(total)), df, level)
