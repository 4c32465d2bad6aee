"""Predicted chances moved so that they add up to what is known: one shift of the log odds for each group."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from campaignkit.stats.arrays import Floats, Whole

FURTHEST = 40.0  # log odds; a shift beyond would make everybody certain
CLOSE = 1e-9  # people, or
CLOSEST = 1e-14  # of the total, where doubles hold no more
STEPS = 60


def logit_shifts(eta: Floats, n: Floats, group: Whole, totals: Floats) -> Floats:
    """Return for each group what to add to the log odds so that the chances add up to its total.

    Parameters
    ----------
    eta : array
        Log odds, one a cell.
    n : array
        Each cell's people.
    group : array of int
        The cell's group, from 0.
    totals : array
        What each group is to add up to: above 0 and below its people.

    Notes
    -----
    Newton's steps, kept inside a bracket that halves where they leave it: the sum rises with the shift, so there is one
    answer.

    References
    ----------
    Ghitza and Gelman (2013), American Journal of Political Science 57, 762–776, appendix; Hanretty, Lauderdale and
    Vivyan (2018), Political Science Research and Methods 6, 571–591, for the logit shift.

    Examples
    --------
    >>> eta, one = np.zeros(4), np.ones(4)
    >>> shift = logit_shifts(eta, one, np.array([0, 0, 1, 1]), np.array([0.5, 1.5]))
    >>> expit(shift).round(6).tolist()
    [0.25, 0.75]
    """
    size = len(totals)
    lower, upper, shift = np.full(size, -FURTHEST), np.full(size, FURTHEST), np.zeros(size)
    for _ in range(STEPS):
        p = expit(eta + shift[group])
        gap = np.bincount(group, n * p, size) - totals
        if np.all(np.abs(gap) <= np.maximum(CLOSE, CLOSEST * totals)):
            break
        lower, upper = np.where(gap < 0, shift, lower), np.where(gap > 0, shift, upper)
        slope = np.bincount(group, n * p * (1 - p), size)
        step = shift - gap / np.maximum(slope, 1e-300)
        shift = np.where((step > lower) & (step < upper), step, (lower + upper) / 2)
    return shift
