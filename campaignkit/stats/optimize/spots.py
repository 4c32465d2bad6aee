"""Which spots to buy under a budget, when each is worth the same however many are bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Floats, Whole


@dataclass(frozen=True)
class Limit:
    """Least and most dollars of groups of cells.

    Attributes
    ----------
    group : array of int64
        Each cell's group, from 0; −1: none of them.
    least, most : array of float64
        Dollars of each group.
    """

    group: Whole
    least: Floats
    most: Floats


@dataclass(frozen=True)
class Purchase:
    """What is bought.

    Attributes
    ----------
    amount : array of float64
        Of each cell.
    price : float
        What the last dollar buys: the budget's dual value; 0 where money is left.
    group_prices : list of array of float64
        The same of each limit's groups: above 0 where another dollar for the group would add, below 0 where it must
        spend more than it is worth.
    """

    amount: Floats
    price: float
    group_prices: list[Floats]

    def reduced_value(self, value: Floats, cost: Floats, limits: Sequence[Limit] = ()) -> Floats:
        """Return what a unit of each cell is worth beyond what its dollars would buy elsewhere.

        At an optimum nobody's is above 0 who could have more, and nobody's is below 0 who has some.
        """
        price = np.full(len(cost), self.price)
        for limit, own in zip(limits, self.group_prices, strict=True):
            price += np.where(limit.group >= 0, np.append(own, 0.0)[limit.group], 0.0)
        return value - price * cost


def buy(
    value: ArrayLike,
    cost: ArrayLike,
    most: ArrayLike,
    budget: float,
    limits: Sequence[Limit] = (),
    *,
    whole: bool = False,
) -> Purchase:
    """Return the purchase of greatest value.

    Parameters
    ----------
    value, cost : array-like
        Of one unit of each cell; cost above 0.
    most : array-like
        Units there are of each.
    budget : float
        Dollars.
    limits : sequence of Limit
        None: the budget alone limits.
    whole : bool
        Whether only whole units can be had: those of the fractional optimum, rounded down, and what is left spent on
        the next best that fits.

    Raises
    ------
    ValueError
        No purchase satisfies the limits.

    Notes
    -----
    One budget makes it a fractional knapsack, whose optimum takes cells in the order of value per dollar; with limits
    it is a linear program, by HiGHS.

    References
    ----------
    Dantzig (1957), Operations Research 5, 266–277.

    Examples
    --------
    >>> bought = buy([10, 9, 1], [5, 3, 1], [2, 2, 9], 11)
    >>> bought.amount.tolist(), bought.price
    ([1.0, 2.0, 0.0], 2.0)
    >>> buy([10, 9, 1], [5, 3, 1], [2, 2, 9], 9, whole=True).amount.tolist()
    [0.0, 2.0, 3.0]
    """
    v, c, m = (np.asarray(x, float) for x in (value, cost, most))
    bought = _by_ratio(v, c, m, budget) if not limits else _by_linear_program(v, c, m, budget, limits)
    if not whole:
        return bought
    ratio = bought.reduced_value(v, c, limits) / c
    return Purchase(_whole(bought.amount, v, ratio, c, m, budget, limits), bought.price, bought.group_prices)


def _by_ratio(value: Floats, cost: Floats, most: Floats, budget: float) -> Purchase:
    worth = np.flatnonzero((value > 0) & (most > 0))
    order = worth[np.argsort(-value[worth] / cost[worth], kind="stable")]
    spent = np.cumsum(cost[order] * most[order])
    amount = np.zeros(len(value))
    last = int(np.searchsorted(spent, budget, side="right"))
    amount[order[:last]] = most[order[:last]]
    if last == len(order):
        return Purchase(amount, 0.0, [])
    margin = order[last]
    left = budget - (spent[last - 1] if last else 0.0)
    amount[margin] = left / cost[margin]
    return Purchase(amount, float(value[margin] / cost[margin]), [])


def _by_linear_program(value: Floats, cost: Floats, most: Floats, budget: float, limits: Sequence[Limit]) -> Purchase:
    from scipy import sparse
    from scipy.optimize import linprog

    rows, bounds, owners = [cost[None, :]], [float(budget)], []
    for at, limit in enumerate(limits):
        for group in range(len(limit.most)):
            row = np.where(limit.group == group, cost, 0.0)[None, :]
            for sign, bound in ((1.0, limit.most[group]), (-1.0, -limit.least[group])):
                if (np.isfinite(bound) and bound != 0.0) or (sign > 0 and bound == 0.0):
                    rows.append(sign * row)
                    bounds.append(float(bound))
                    owners.append((at, group, sign))
    matrix = sparse.csr_array(np.concatenate(rows))
    box = np.stack([np.zeros(len(value)), most], axis=1)
    solution = linprog(-value, A_ub=matrix, b_ub=bounds, bounds=box, method="highs")
    if solution.status != 0:
        raise ValueError(f"no purchase satisfies the limits: {solution.message}")
    dual = -np.asarray(solution.ineqlin.marginals)
    prices = [np.zeros(len(limit.most)) for limit in limits]
    for (at, group, sign), price in zip(owners, dual[1:], strict=True):
        prices[at][group] += sign * price
    return Purchase(np.maximum(solution.x, 0.0), float(dual[0]), prices)


def _whole(
    amount: Floats, value: Floats, ratio: Floats, cost: Floats, most: Floats, budget: float, limits: Sequence[Limit]
) -> Floats:
    """Round down, then spend what is left in the order of reduced value a dollar, within the limits."""
    whole = np.floor(amount + 1e-9)
    left = budget - float(whole @ cost)
    rooms = [limit.most - _spent(limit, whole, cost) for limit in limits]
    short = [limit.least - _spent(limit, whole, cost) for limit in limits]
    lacking = np.zeros(len(cost), bool)
    for limit, lack in zip(limits, short, strict=True):
        lacking |= np.where(limit.group >= 0, np.append(lack, 0.0)[limit.group], 0.0) > 1e-9
    order = np.lexsort((-ratio, ~lacking))
    order = order[(value[order] > 0) & (whole[order] < most[order])]
    at = 0
    while at < len(order):
        fits = np.flatnonzero(cost[order[at:]] <= left)
        if not fits.size:
            break
        at += int(fits[0])
        cell = int(order[at])
        own = [room[limit.group[cell]] for limit, room in zip(limits, rooms, strict=True) if limit.group[cell] >= 0]
        units = min(most[cell] - whole[cell], np.floor(min([left, *own]) / cost[cell] + 1e-9))
        if units > 0:
            whole[cell] += units
            left -= units * cost[cell]
            for limit, room in zip(limits, rooms, strict=True):
                if limit.group[cell] >= 0:
                    room[limit.group[cell]] -= units * cost[cell]
        at += 1
    return whole


def _spent(limit: Limit, amount: Floats, cost: Floats) -> Floats:
    member = limit.group >= 0
    return np.bincount(limit.group[member], (amount * cost)[member], len(limit.most)).astype(float)
