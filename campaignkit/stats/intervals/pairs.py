"""Matched pairs: two clusters (or people) alike, one of them drawn for the arm; only pairs tell how much they vary."""

from __future__ import annotations

import numpy as np

from campaignkit.stats.arrays import Bounds, Floats
from campaignkit.stats.intervals.clustered import leave_out
from campaignkit.stats.intervals.differences import Compared, welch
from campaignkit.stats.intervals.moments import Level


def mean_of_strata(values: Floats, share: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the mean over strata by their share of all people, its variance and its degrees of freedom.

    Parameters
    ----------
    values : array, strata along the last axis
        One number per stratum.
    share : array
        Each stratum's share of all people.

    Notes
    -----
    Strata are the draws, of the sizes in `share`: the jackknife, with Bell and McCaffrey's degrees of freedom.

    Examples
    --------
    >>> mean, variance, df = mean_of_strata(np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 0.25))
    >>> float(mean), round(float(variance), 4), round(float(df), 6)  # 5/3 over 4
    (2.5, 0.4167, 3.0)
    """
    n, total = share.size, share.sum()
    mean = (share * values).sum(axis=-1) / total
    left = leave_out(share * values, np.broadcast_to(share, values.shape))
    gradient = np.stack([np.ones_like(mean), -mean, np.zeros_like(mean)], axis=-1) / total
    variance = left.squares(gradient, gradient, np.array(float(n))) * (n - 1) / n
    return mean, variance, left.df(np.array(float(n)), np.full(mean.shape, total))


def by_pairs(
    level: Level, share: Floats, control: int, adjusted: bool, confidence_level: float = 0.95
) -> tuple[Compared, Bounds, Floats]:
    """Return each arm's difference to the control from the differences within pairs, and the ratio with its interval.

    Parameters
    ----------
    level : Level
        Arms × pairs.
    share : array
        Each pair's share of all people.
    control : int
        Which arm is the control.
    adjusted : bool
        Whether pairs' differences are adjusted for those of the covariate, by least squares.
    confidence_level : float

    References
    ----------
    Imai, King and Nall (2009), Statistical Science 24, 29–53, section 3; de Chaisemartin and Ramirez-Cuellar (2024),
    American Economic Journal: Applied Economics 16, 193–212, for why the pair is the cluster.
    """
    apart = level.value - level.value[control]
    if adjusted:
        before = level.covariate - level.covariate[control]
        with np.errstate(divide="ignore", invalid="ignore"):
            centered = before - (share * before).sum(axis=-1, keepdims=True)
            slope = (share * centered * apart).sum(axis=-1) / (share * centered**2).sum(axis=-1)
        apart = apart - np.nan_to_num(slope)[:, None] * before
    compared = welch(*mean_of_strata(apart, share), confidence_level)
    value = (share * level.value).sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 1 + compared.estimate / value[control]
        ratio = np.where(ratio > 0, ratio, np.nan)
        logs = level.value / (ratio[:, None] * value[control]) - level.value[control] / value[control]
        _, variance, df = mean_of_strata(logs, share)
        relative = welch(np.log(ratio), variance, df, confidence_level)
    return compared, (np.exp(relative.lower), np.exp(relative.upper)), ratio
