"""Nearest neighbours on the logit of the propensity, with replacement, and errors that know that it was estimated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaignkit.stats.arrays import Floats
from campaignkit.stats.causal.comparison import Comparison, Mean, Means, arm_mean
from campaignkit.stats.regression.least_squares import solve
from campaignkit.stats.regression.logit import Logit

SEVERAL = 5  # clusters' worth of neighbours on each side
NEAR = 4  # neighbours of the same arm that tell how much outcomes vary at one propensity


def nearest_neighbours(c: Comparison, logit: Logit) -> Means:
    """Give everyone of the target the outcome of whoever in the other arm has the nearest propensity.

    Neighbours that are equally near share. One neighbour each, with replacement.

    Notes
    -----
    A match's influence is written as in Abadie and Imbens (2012): the target's expected outcome at its propensity
    about the mean, and each neighbour's own deviation as often as it was used; the expected outcome is the mean of
    `NEAR` neighbours in the same arm. To it comes E[±cov(x, y | p)]' times the logit's influence, which gives their
    2016 correction for the estimated propensity (theorems 1 and 2: −c'I⁻¹c, and for the treated +d'I⁻¹d) in a form
    that also sums within clusters.

    References
    ----------
    Abadie and Imbens (2016), Econometrica 84, 781–807, theorems 1 and 2; Abadie and Imbens (2012), JASA 107,
    833–843; Abadie and Imbens (2006), Econometrica 74, 235–267.
    """
    mean_control = _matched(c, logit, False)
    return Means(_matched(c, logit, True) if c.everyone else arm_mean(c, True), mean_control)


@dataclass(frozen=True)
class _Neighbours:
    """One arm's rows in order of their logit, equal logits together."""

    order: NDArray[np.intp]  # rows by logit
    logit: Floats  # distinct
    first: NDArray[np.intp]  # where each distinct logit begins in `order`
    size: NDArray[np.intp]  # how many rows have it

    def nearest(self, logit: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the one or two nearest distinct logits (by number) of each; twice the same where there is one."""
        right = np.clip(np.searchsorted(self.logit, logit), 0, len(self.logit) - 1)
        left = np.maximum(right - 1, 0)
        off_left, off_right = np.abs(logit - self.logit[left]), np.abs(self.logit[right] - logit)
        return np.where(off_left <= off_right, left, right), np.where(off_right <= off_left, right, left)


def _neighbours(eta: Floats, arm: NDArray[np.bool_]) -> _Neighbours:
    rows = np.flatnonzero(arm)
    order = rows[np.argsort(eta[rows], kind="stable")]
    distinct, first, size = np.unique(eta[order].round(12), return_index=True, return_counts=True)
    return _Neighbours(order, distinct, first, size)


def _matched(c: Comparison, logit: Logit, treated: bool) -> Mean:
    arm = c.arm(treated)
    near = _neighbours(logit.eta, arm)
    lone = c.target * ~arm  # who needs a neighbour
    seekers = np.flatnonzero(lone)
    one, other = near.nearest(logit.eta[seekers].round(12))
    y, w = c.y[near.order], c.weight[near.order]
    weight_of, mean_of = (np.add.reduceat(value, near.first) for value in (w, w * y))
    mean_of = mean_of / weight_of
    imputed = (mean_of[one] + mean_of[other]) / 2
    total = c.target.sum()
    value = float((lone[seekers] @ imputed + (c.target * arm) @ c.y) / total)
    used = (np.bincount(at, lone[seekers], len(near.logit)) / 2 for at in (one, other))
    share = np.repeat(sum(used) / weight_of, near.size) * w
    weight = c.target * arm
    weight[near.order] += share
    return Mean(value, _influence(c, logit, near, seekers, one, weight, value, treated) / total, weight)


def _influence(
    c: Comparison, logit: Logit, near: _Neighbours, seekers: NDArray[np.intp], matched: NDArray[np.intp],
    weight: Floats, value: float, treated: bool,
) -> Floats:  # fmt: skip
    y = c.y[near.order]
    half = _half_width(c, near)
    others, smooth = _local_means(y, half)
    influence = np.zeros(len(c.y))
    deviation = (y - others) * np.sqrt(2 * half / (2 * half + 1))
    influence[near.order] = weight[near.order] * deviation + c.target[near.order] * (smooth - value)
    influence[seekers] = c.target[seekers] * (smooth[near.first[matched]] - value)
    pull = solve(logit.information, _covariance(c, logit, near, matched, seekers, treated))
    return influence + (c.x @ pull) * c.weight * (c.treated - logit.p)


def _half_width(c: Comparison, near: _Neighbours) -> int:
    """Return how many neighbours on each side to average; of clusters many, as their own tell nothing new."""
    if c.cluster is None:
        return NEAR // 2
    largest = int(np.bincount(c.cluster[near.order]).max())
    return max(min(SEVERAL * largest, len(near.order) // 8), NEAR // 2)


def _local_means(y: Floats, half: int) -> tuple[Floats, Floats]:
    """Return the mean of each row's neighbours in order, without it and with it."""
    width = min(2 * half + 1, len(y))
    sums = np.concatenate([[0.0], np.cumsum(y)])
    start = np.clip(np.arange(len(y)) - half, 0, max(len(y) - width, 0))
    window = sums[start + width] - sums[start]
    return (window - y) / max(width - 1, 1), window / width


def _covariance(
    c: Comparison, logit: Logit, near: _Neighbours, matched: NDArray[np.intp], seekers: NDArray[np.intp], treated: bool
) -> Floats:
    """Return the sum over the target of what the estimated propensity moves the matched mean by, per coefficient.

    cov(x, y | p) in the arm comes from each row and the next in order. For the mean without the treatment it counts
    p of everyone, which is everyone treated; for the mean with it, of everyone, −(1 − p).
    """
    x, y = c.x[near.order], c.y[near.order]
    if len(y) < 2:
        return np.zeros(c.x.shape[1])
    pairs = np.diff(x, axis=0) * np.diff(y)[:, None] / 2
    at = np.minimum(near.first[matched], len(y) - 2)
    counted = np.bincount(at, c.weight[seekers], len(y) - 1)  # those of the other arm stand for p, or for 1 − p
    return (-1.0 if treated else 1.0) * (counted @ pairs)
