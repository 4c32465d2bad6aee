"""From counts to evidence: rates, lifts with intervals, z, p-values and gains over parents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from campaignkit.donors.subgroups.cubes import parents
from campaignkit.donors.subgroups.split_sample import Counts, SplitSample
from campaignkit.stats.arrays import Bounds, Floats, Mask, Whole
from campaignkit.stats.intervals.hypergeometric import hypergeometric_upper, hypergeometric_z
from campaignkit.stats.intervals.ratios import rate_ratio

RANKS = ("z", "lower", "lift", "wracc", "dollars")


def p_values(counts: Counts) -> Floats:
    """Return the chance of so many positives, or more, were the segment a random draw of everyone."""
    return hypergeometric_upper(*_effective(counts))


def z_scores(counts: Counts) -> Floats:
    """Return how many standard deviations a segment's positives are above such a draw's."""
    return hypergeometric_z(*_effective(counts))


def _effective(counts: Counts) -> tuple[Floats, Floats, Floats, Floats]:
    """Return counts divided by the design effect (Rao & Scott 1992): what as many independent people would say."""
    deff = counts.deff
    return counts.wy / deff, counts.w / deff, counts.total_wy / deff, counts.total_w / deff


def rates(counts: Counts) -> Floats:
    """Return the share with the outcome; NaN in an empty segment."""
    return _divided(counts.wy, counts.w)


def lifts(counts: Counts) -> Floats:
    """Return the rate over that of all others; NaN where these are nobody or have no positive."""
    others = _divided(counts.total_wy - counts.wy, counts.total_w - counts.w)
    return _divided(rates(counts), np.where(others > 1e-12, others, 0.0))


def lift_bounds(counts: Counts, level: float) -> Bounds:
    """Return the score interval of the lift."""
    k, n, positives, total = _effective(counts)
    lower, upper = rate_ratio(k, n, np.maximum(positives - k, 0), total - n, level)
    return np.where(np.isnan(lifts(counts)), np.nan, lower), np.where(np.isfinite(upper), upper, np.nan)


def weighted_relative_accuracy(counts: Counts) -> Floats:
    """Return the segment's share of people times its rate's distance from everyone's."""
    return counts.w / counts.total_w * (rates(counts) - counts.total_wy / counts.total_w)


def ranks(counts: Counts, rank: str, level: float) -> Floats:
    """Return what segments are ranked by."""
    if rank == "z":
        return z_scores(counts)
    if rank == "lower":
        return np.nan_to_num(lift_bounds(counts, level)[0], nan=-1.0)
    if rank == "lift":
        return np.nan_to_num(lifts(counts), nan=-1.0)
    if rank == "wracc":
        return weighted_relative_accuracy(counts)
    assert counts.dollars is not None
    return counts.dollars / counts.w


def _divided(over: Floats, under: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(under) > 0, over / under, np.nan)


# --- gains over parents ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gains:
    """Each segment against the rest of the parent that is hardest to beat.

    Attributes
    ----------
    parent : array of int64
        Its row among the segments; -1: everyone.
    gain : array of float64
        The segment's rate over that of the parent's other people; NaN where there are none, or none positive.
    p_value : array of float64
        The largest over all parents, and over everyone: small only where the segment beats each of them.
    """

    parent: Whole
    gain: Floats
    p_value: Floats


def gains(items: NDArray[np.int32], counts: Counts, against_all: Floats) -> Gains:
    """Return every segment's gain over its parents, from all segments at once."""
    hardest = np.full(len(items), -1, np.int64)
    p_value = np.full(len(items), -1.0)
    for drop in range(items.shape[1]):
        parent = parents(items, drop)
        p = np.where(parent == -1, against_all, -1.0)
        inner = np.flatnonzero(parent >= 0)
        p[inner] = within(counts, inner, parent[inner])
        harder = p > p_value
        hardest[harder], p_value[harder] = parent[harder], p[harder]
    inner = hardest >= 0
    w = np.where(inner, counts.w[hardest], counts.total_w)
    wy = np.where(inner, counts.wy[hardest], counts.total_wy)
    others = _divided(wy - counts.wy, w - counts.w)
    gain = _divided(rates(counts), np.where(others > 1e-12, others, 0.0))
    return Gains(hardest, gain, np.maximum(p_value, against_all))


def within(counts: Counts, rows: Whole, parent: Whole) -> Floats:
    """Return the chance that a random draw from the parent would do as well, at the segment's design effect."""
    deff = counts.deff[rows]
    return hypergeometric_upper(
        counts.wy[rows] / deff, counts.w[rows] / deff, counts.wy[parent] / deff, counts.w[parent] / deff
    )


# --- dollars --------------------------------------------------------------------------------------------


def dollars_a_head(sample: SplitSample, masks: list[Mask], level: float) -> tuple[Floats, Floats, Floats]:
    """Return the mean amount in given sets of rows and Student's t bounds, by clusters where there are any."""
    means = np.array([_mean_amount(sample, mask, level) for mask in masks]).reshape(-1, 3)
    return means[:, 0], means[:, 1], means[:, 2]


def _mean_amount(sample: SplitSample, mask: Mask, level: float) -> tuple[float, float, float]:
    assert sample.amount is not None
    amount = sample.amount[mask]
    weight = np.ones(len(amount)) if sample.mass is None else sample.mass[mask]
    if not weight.sum():
        return np.nan, np.nan, np.nan
    mean = float((weight * amount).sum() / weight.sum())
    off = weight * (amount - mean)
    if sample.cluster is not None:
        _, group = np.unique(sample.cluster[mask], return_inverse=True)
        off = np.bincount(group, off)
    if len(off) < 2:
        return mean, np.nan, np.nan
    error = np.sqrt((off**2).sum() * len(off) / (len(off) - 1)) / weight.sum()
    reach = float(stdtrit(len(off) - 1, 0.5 + level / 2) * error)
    return mean, mean - reach, mean + reach
