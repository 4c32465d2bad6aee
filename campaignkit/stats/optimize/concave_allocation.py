"""A budget spread over uses whose returns diminish: the plan at which no dollar would do more elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaignkit.stats.arrays import Floats

STEPS = 64


@dataclass(frozen=True)
class Allocation:
    """A plan.

    Attributes
    ----------
    spend : array
        Of each use.
    price : float
        What one more unit of the budget would bring: the multiplier of the budget. 0 where it is not used up.
    marginal : array
        What one more unit would bring in each use.
    """

    spend: Floats
    price: float
    marginal: Floats

    @property
    def bound_price(self) -> Floats:
        """What moving a binding bound by one unit would bring (below 0 for a floor); 0 where none binds."""
        off = self.marginal - self.price
        return np.where(np.abs(off) > 1e-6 * max(self.price, 1e-300), off, 0.0)


def returns(slope: Floats, scale: Floats, spend: Floats) -> Floats:
    """Return what is brought by spending: slope · scale · log(1 + spend / scale).

    The first unit brings `slope`; once `scale` is spent the next brings half of it.

    Examples
    --------
    >>> returns(np.array([2.0]), np.array([100.0]), np.array([100.0])).round(2)
    array([138.63])
    """
    return slope * scale * np.log1p(spend / scale)


def marginal_returns(slope: Floats, scale: Floats, spend: Floats) -> Floats:
    """Return what the next unit brings.

    Examples
    --------
    >>> marginal_returns(np.array([2.0]), np.array([100.0]), np.array([100.0]))
    array([1.])
    """
    return slope / (1 + spend / scale)


def allocate_concave(slope: Floats, scale: Floats, budget: float, lower: Floats, upper: Floats) -> Allocation:
    """Return the best plan: what is spent is bounded, sums to the budget at most, and returns diminish.

    Parameters
    ----------
    slope, scale : array
        As for `returns`; a slope of 0 or less gets its floor.
    budget : float
        At least the sum of `lower`.
    lower, upper : array
        Bounds of what is spent; upper may be infinite.

    Notes
    -----
    By the Karush–Kuhn–Tucker conditions every use between its bounds has the same marginal return, the budget's price;
    the price is found by bisection.

    References
    ----------
    Boyd & Vandenberghe (2004), Convex Optimization, section 5.5.3 and example 5.2 (water-filling).

    Examples
    --------
    >>> plan = allocate_concave(np.array([2.0, 1.0]), np.array([1.0, 1.0]), 1.0, np.zeros(2), np.full(2, np.inf))
    >>> plan.spend.round(6), round(plan.price, 6)
    (array([1., 0.]), 1.0)
    """
    useful = slope > 0

    def plan(price: float) -> Floats:
        wanted = np.where(useful, scale * (slope / price - 1), 0.0)
        return np.clip(wanted, lower, upper)

    most = np.where(useful, upper, lower)
    if not useful.any() or most.sum() <= budget:
        spend = np.where(useful, upper, lower)
        return Allocation(spend, 0.0, marginal_returns(slope, scale, spend))
    low, high = np.log(slope[useful].max()) - 60.0, np.log(slope[useful].max()) + 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if plan(np.exp(middle)).sum() > budget else (low, middle)
    price = float(np.exp(high))
    spend = plan(price)
    free = (spend > lower) & (spend < upper)
    if free.any():
        spend[free] += (budget - spend.sum()) * scale[free] / scale[free].sum()  # bisection's last crumb
    return Allocation(spend, price, marginal_returns(slope, scale, spend))


def allocate_whole(slope: Floats, scale: Floats, cost: Floats, budget: float, lower: Floats, upper: Floats) -> Floats:
    """Return the best plan in whole units, each at its cost: always the unit that brings most for its cost.

    With equal costs this is the optimum, as returns diminish.

    Parameters
    ----------
    slope, scale : array
        By unit.
    cost : array
        Of a unit.
    budget : float
        For all units together.
    lower, upper : array
        Bounds of the number of units.

    Returns
    -------
    array
        Units of each use.

    References
    ----------
    Fox (1966), Management Science 13, 210–216.

    Examples
    --------
    >>> one = np.ones(2)
    >>> allocate_whole(np.array([2.0, 1.5]), one, one, 3, np.zeros(2), np.full(2, 9.0))
    array([2., 1.])
    """
    units = np.ceil(lower)
    left = budget - float(units @ cost)
    while True:
        gain = returns(slope, scale, units + 1) - returns(slope, scale, units)
        open_ = (units + 1 <= upper) & (cost <= left + 1e-9) & (gain > 0)
        if not open_.any():
            return units
        best = int(np.where(open_, gain / cost, -np.inf).argmax())
        units[best] += 1
        left -= float(cost[best])
