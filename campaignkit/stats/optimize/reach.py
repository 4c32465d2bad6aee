"""Who spots reach: of panel persons, the chance to see them; and what no plan can exceed."""

from __future__ import annotations

from typing import Any

import numpy as np

from campaignkit.stats.arrays import Floats
from campaignkit.stats.optimize.spots import buy


def falling(base: Floats, times: Floats, most: int) -> Floats:
    """Return base (base − 1) … of so many factors, none below 0.

    Examples
    --------
    >>> falling(np.array([5.0, 1.0]), np.array([2, 2]), 2).tolist()
    [20.0, 0.0]
    """
    product = np.ones(np.broadcast(base, times).shape)
    for step in range(most):
        product *= np.where(step < times, np.maximum(base - step, 0.0), 1.0)
    return product


def reached(days_watched: Any, spots: Floats, days: int, times: int = 1) -> Floats:
    """Return each person's chance to see a plan's spots at least so many times.

    Parameters
    ----------
    days_watched : scipy sparse array, persons × cells
        On how many of the panel's days each person watched a cell.
    spots : array of float64
        Whole spots of each cell, at most `days`.
    days : int
        Days of the panel.
    times : int
        How often a person must see the ad.

    Notes
    -----
    Of a cell watched on v of D days, x spots on x different days are missed with the chance (D − v)ₓ / (D)ₓ, falling
    factorials: the only unbiased estimate of (1 − p)ˣ from D days. Cells multiply, as who watches what is the person's
    own; persons are not averaged before that, so heavy viewers stay heavy.

    References
    ----------
    Goodman (1949), Annals of Mathematical Statistics 20, 572–579, for the unbiased estimate.

    Examples
    --------
    >>> from scipy import sparse
    >>> watched = sparse.csr_array(np.array([[7.0, 0.0], [7.0, 14.0], [0.0, 0.0]]))
    >>> reached(watched, np.array([1.0, 1.0]), 14).tolist()
    [0.5, 1.0, 0.0]
    >>> reached(watched, np.array([1.0, 1.0]), 14, times=2).tolist()
    [0.0, 0.5, 0.0]
    """
    bought = np.flatnonzero(spots > 0)
    part, most = days_watched[:, bought].tocsc(), int(spots.max(initial=0))
    x = np.repeat(spots[bought], np.diff(part.indptr))
    whole = falling(np.full(len(bought), float(days)), spots[bought], most).repeat(np.diff(part.indptr))
    if times == 1:
        with np.errstate(divide="ignore"):
            missed = np.log(falling(days - part.data, x, most) / whole)
        return 1 - np.exp(np.bincount(part.indices, missed, part.shape[0]))
    return 1 - _seen_fewer(part, x, whole, days, times).sum(axis=1)


def _seen_fewer(part: Any, x: Floats, whole: Floats, days: int, times: int) -> Floats:
    """Return each person's chances of seeing exactly 0, 1, … of the spots, below `times`."""
    most = int(x.max(initial=0))
    chances, ways = [], np.ones(len(x))
    for seen in range(times):
        both = falling(part.data, np.full(len(x), seen), seen) * falling(
            days - part.data, np.maximum(x - seen, 0), most
        )
        chances.append(np.where(seen <= x, ways * both / whole, 0.0))
        ways = ways * (x - seen) / (seen + 1)
    state = np.zeros((part.shape[0], times))
    state[:, 0] = 1.0
    for cell in range(part.shape[1]):
        rows = slice(part.indptr[cell], part.indptr[cell + 1])
        persons, before = part.indices[rows], state[part.indices[rows]]
        after = np.zeros_like(before)
        for seen in range(times):
            after[:, seen:] += before[:, : times - seen] * chances[seen][rows, None]
        state[persons] = after
    return state


def independent_reach(rate: Floats, spots: Floats, people: float) -> float:
    """Return how many would be reached if everyone watched everything alike: to show how far off that is.

    Examples
    --------
    >>> round(independent_reach(np.array([0.1, 0.2]), np.array([5.0, 5.0]), 1000.0), 1)
    776.9
    """
    return float(people * (1 - np.exp(-(rate @ spots))))


def reach_bound(hit: Any, people: Floats, cost: Floats, most: Floats, budget: float, spots: Floats) -> float:
    """Return what no plan of the budget can exceed, in the model of `stats.optimize.reach_spots` with ``times=1``.

    Notes
    -----
    Reach is concave in the spots, fractions of spots included; so no plan reaches more than a given one does plus the
    most that its gradient allows (the Frank–Wolfe gap).

    References
    ----------
    Jaggi (2013), Proceedings of the 30th International Conference on Machine Learning, 427–435.

    Examples
    --------
    >>> from scipy import sparse
    >>> from campaignkit.stats.optimize.reach_spots import buy_reach
    >>> hit = sparse.csc_array(np.array([[0.04, 0.02], [0.0, 0.04]]))
    >>> plan = buy_reach(hit, np.ones(2), np.ones(2), np.full(2, 8.0), 8.0)
    >>> round(plan.value, 3), round(reach_bound(hit, np.ones(2), np.ones(2), np.full(2, 8.0), 8.0, plan.spots), 3)
    (0.428, 0.428)
    """
    logs = hit.copy()
    logs.data = -np.log1p(-hit.data)
    left = people * np.exp(-(logs @ spots))
    gradient = logs.T @ left
    best = buy(gradient, cost, most, budget).amount
    return float((people - left).sum() + gradient @ (best - spots))
