"""How unlike the nights before is the latest one: what was left out is foretold by the rest, and missed by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import f, t

from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.least_squares import solve
from campaignkit.stats.regression.logit import Logit, fit_logit

RIDGE = 1.0
INDEPENDENT = 4  # contrasts of a night that are taken to tell of its nights' spread independently
SMALLEST_SPREAD = 0.1  # of log counts from night to night, however alike the few nights seen were


@dataclass(frozen=True)
class Surprise:
    """By contrast: how far the latest night is from what the others foretell, and its error.

    Attributes
    ----------
    estimate, std_error : array
        In shares; the error holds sampling, the forecast's own error, and how much nights differ beyond both.
    p_value : array
        Two-sided, by t; the spread of nights beyond chance is one for all contrasts.
    """

    estimate: Floats
    std_error: Floats
    p_value: Floats


@dataclass(frozen=True)
class Foretold:
    """One night's cells beside what the others foretell of them."""

    x: Floats
    n: Floats
    gap: Floats  # with the outcome, less expected
    p: Floats
    covariance: Floats

    def contrast(self, weight: Floats) -> tuple[Floats, Floats]:
        """Return contrasts of the gaps (contrasts × cells) and their variances."""
        spread = weight**2 @ (self.n * self.p * (1 - self.p))
        gradient = (weight * (self.n * self.p * (1 - self.p))) @ self.x
        return weight @ self.gap, spread + np.einsum("ci,ij,cj->c", gradient, self.covariance, gradient)


def foretell(x: Floats, n: Floats, k: Floats, night: Whole) -> list[Foretold]:
    """Leave one night out after the other, and foretell it from the others; the latest is left out of all.

    Parameters
    ----------
    x : array, cells × columns
        The first column is 1.
    n, k : array
        Interviews of each cell, and those with the outcome.
    night : array of int
        Each cell's night, 0 to the latest.

    Returns
    -------
    list of Foretold
        Night by night, the latest last.

    Examples
    --------
    >>> x, night = np.ones((4, 1)), np.arange(4)
    >>> last = foretell(x, np.full(4, 100.0), np.array([50.0, 52.0, 48.0, 70.0]), night)[-1]
    >>> float(last.gap.round(0)[0])
    20.0
    """
    latest, start = int(night.max()), None
    nights = []
    for left_out in [latest, *range(latest)]:
        kept = (night != left_out) & (night != latest)
        fit = _fit(x[kept], n[kept], k[kept], start)
        start = fit.beta
        own = night == left_out
        p = 1 / (1 + np.exp(-x[own] @ fit.beta))
        covariance = solve(fit.information, np.eye(x.shape[1]))
        nights.append(Foretold(x[own], n[own], k[own] - n[own] * p, p, covariance))
    return [*nights[1:], nights[0]]


def _fit(x: Floats, n: Floats, k: Floats, start: Floats | None) -> Logit:
    return fit_logit(x, k / n, n, np.zeros(x.shape[1]) if start is None else start, RIDGE)


def surprise(nights: list[Foretold], weights: list[Floats]) -> Surprise:
    """Hold the latest night's contrasts against those of the nights before.

    Parameters
    ----------
    nights : list of Foretold
        The latest last.
    weights : list of array, contrasts × cells
        Of each night. A contrast without weight on the latest night has no p-value.

    References
    ----------
    McCullagh and Nelder (1989), Generalized Linear Models, sections 4.5 and 9.2: variance beyond the binomial, by
    Pearson's statistic; here of nights that had no part in their own fit.
    """
    seen = [night.contrast(weight) for night, weight in zip(nights, weights, strict=True)]
    z = np.array([np.where(v > 0, value**2 / np.maximum(v, 1e-300), np.nan) for value, v in seen[:-1]])
    beyond = max(float(np.nanmean(z)), 1.0) if np.isfinite(z).any() else 1.0
    free = max((len(nights) - 2) * min(z.shape[-1], INDEPENDENT), 1)
    value, variance = seen[-1]
    error = np.sqrt(variance * beyond)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(error > 0, 2 * t.sf(np.abs(value / error), free), np.nan)
    return Surprise(value, error, p)


def unlike_counts(counts: Floats) -> Floats:
    """Return the p-value of each stream's latest count beside its earlier ones, and where they were heading.

    Parameters
    ----------
    counts : array, streams × nights

    Examples
    --------
    >>> unlike_counts(np.array([[100.0, 110, 95, 105, 90, 30], [100, 110, 95, 105, 90, 101]])).round(3).tolist()
    [0.012, 0.693]
    """
    logs, nights = np.log(counts + 0.5), counts.shape[1] - 1
    at = np.arange(nights + 1) - (nights - 1) / 2
    line = np.column_stack([np.ones(nights), at[:-1]])
    fit, *_ = np.linalg.lstsq(line, logs[:, :-1].T, rcond=None)
    free = nights - 2
    scatter = np.sqrt(((logs[:, :-1].T - line @ fit) ** 2).sum(axis=0) / free)
    spread = np.maximum(scatter, np.sqrt(SMALLEST_SPREAD**2 + 1 / np.maximum(counts[:, :-1].mean(axis=1), 1)))
    ahead = np.sqrt(1 + 1 / nights + at[-1] ** 2 / (at[:-1] ** 2).sum())
    return 2 * t.sf(np.abs(logs[:, -1] - fit[0] - fit[1] * at[-1]) / (spread * ahead), free)


def unlike_mix(counts: Floats) -> float:
    """Return the p-value of the latest night's mix of levels beside the earlier nights', and where they were heading.

    Pearson's statistic of each night beside a line through the shares of the others; the latest one's over the mean of
    the earlier ones', by F, since that mean is of few nights.

    Parameters
    ----------
    counts : array, levels × nights

    Examples
    --------
    >>> women, men = [50.0, 55, 48, 52, 51, 47, 53, 50, 49], [50, 45, 52, 48, 49, 53, 47, 50, 51]
    >>> unlike_mix(np.array([women, men])) > 0.5, unlike_mix(np.array([[*women[:-1], 150], men])) < 0.05
    (True, True)
    """
    counts = counts[counts[:, :-1].sum(axis=1) > 0]
    earlier = np.flatnonzero(counts[:, :-1].sum(axis=0))
    if len(counts) < 2 or len(earlier) < 4 or not counts[:, -1].sum():
        return float("nan")
    free = len(counts) - 1
    each = np.array([_pearson(counts, at, earlier[earlier != at]) for at in earlier])
    beyond = max(float(each.mean()) / free, 1.0)
    return float(f.sf(_pearson(counts, -1, earlier) / free / beyond, free, free * (len(earlier) - 2)))


def _pearson(counts: Floats, at: int, others: Whole) -> float:
    """Return Pearson's statistic of one night's counts beside a line through the other nights' shares."""
    own, total = counts[:, at], counts[:, others].sum(axis=0)
    nights = np.arange(counts.shape[1])
    away = nights[others] - (total @ nights[others]) / total.sum()
    ahead = nights[at] - (total @ nights[others]) / total.sum()
    line = 1 / total.sum() + away * ahead / (total @ away**2)  # of each interview, in the share that is foretold
    pooled = counts[:, others].sum(axis=1) + own
    n = own.sum()
    spread = n * pooled / pooled.sum() * (1 + n * (line**2 @ total))
    kept = pooled > 0
    return float(((own - n * (counts[:, others] @ line))[kept] ** 2 / spread[kept]).sum())
