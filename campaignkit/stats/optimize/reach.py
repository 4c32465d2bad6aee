"""Who spots reach: of panel persons, the chance to see them; and the spots that reach most under a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from campaignkit.stats.arrays import Floats, Mask
from campaignkit.stats.optimize.spots import Limit, buy


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


STEP = 0.3  # of the money left, what one round of `buy_reach` looks at
INSIDE = 2048  # cells among which it looks for the best, at first


@dataclass(frozen=True)
class ReachPlan:
    """Spots bought for reach.

    Attributes
    ----------
    spots : array of float64
    value : float
        What the plan's own model says it reaches: not a promise.
    gain : array of float64
        What one more spot of each cell would add.
    price : float
        What the last dollar bought.
    """

    spots: Floats
    value: float
    gain: Floats
    price: float


def buy_reach(
    hit: Any,
    people: Floats,
    cost: Floats,
    most: Floats,
    budget: float,
    limits: Sequence[Limit] = (),
    *,
    times: int = 1,
) -> ReachPlan:
    """Return whole spots that reach most, each bought where the next dollar adds most.

    Parameters
    ----------
    hit : scipy sparse array, persons × cells
        Each person's chance to see a spot, below 1.
    people : array of float64
        How many people of the target each person stands for.
    cost, most : array of float64
        Dollars of a spot, and spots left, of each cell.
    budget : float
    limits : sequence of Limit
        Least and most dollars of groups; each group's least is spent first.
    times : int
        How often a person must see the ad to count whole; each time before counts 1/times.

    Notes
    -----
    In rounds: a threshold is set where the best cells would cost a part of what is left; of these, spots are bought as
    long as they still add that much a dollar, reckoned anew before each. The gain of a spot never grows as others are
    bought, so nothing above the threshold is missed (decreasing-threshold greedy).

    References
    ----------
    Nemhauser, Wolsey and Fisher (1978), Mathematical Programming 14, 265–294; Badanidiyuru and Vondrák (2014),
    Proceedings of the 25th ACM-SIAM Symposium on Discrete Algorithms, 1497–1514.

    Examples
    --------
    >>> from scipy import sparse
    >>> hit = sparse.csc_array(np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 0.4]]))
    >>> buy_reach(hit, np.array([10.0, 10.0]), np.ones(3), np.ones(3), 2.0).spots.tolist()
    [1.0, 0.0, 1.0]
    """
    queue = _Queue(hit.tocsc(), people, cost, most, limits, times)
    spent = 0.0
    for limit in limits:
        for group in np.flatnonzero(limit.least > 0):
            already = float((queue.spots * cost)[limit.group == group].sum())
            spent += queue.spend(min(limit.least[group] - already, budget - spent), limit.group == group)
    queue.spend(budget - spent, np.ones(len(cost), bool))
    value = float(people.sum() - (queue.state * (1 - np.arange(times) / times)).sum())
    return ReachPlan(queue.spots, value, queue.hit.T @ queue.open / times, queue.price / times)


class _Queue:
    """Cells by gain a dollar, with what persons have seen so far."""

    def __init__(self, hit: Any, people: Floats, cost: Floats, most: Floats, limits: Sequence[Limit], times: int):
        self.hit, self.cost, self.most, self.limits = hit, cost, most, limits
        self.spots, self.price = np.zeros(len(cost)), 0.0
        self.state = np.zeros((len(people), times))  # people who have seen it 0, 1, … times, below `times`
        self.state[:, 0] = people
        self.open = self.state[:, 0] if times == 1 else self.state.sum(axis=1)
        self.rooms = [limit.most.copy() for limit in limits]

    def spend(self, budget: float, allowed: Any) -> float:
        """Buy until nothing that adds fits, and return what was spent."""
        left, cheapest = budget, float(self.cost[allowed].min(initial=np.inf))
        best = _Best(self, np.flatnonzero(allowed), budget)
        while left >= cheapest:
            cells, ratio = best.head(left)
            spent = self._round(cells, ratio, left)
            if not spent > 0:
                break
            left -= spent
        return budget - left

    def _round(self, cells: Any, ratio: Floats, budget: float) -> float:
        """Buy of the cells at the head of the queue whatever still adds as much a dollar as the last of them did."""
        spent, least = 0.0, float(ratio.min(initial=np.inf)) * (1 - 1e-12)
        for cell in cells.tolist():
            rows = slice(self.hit.indptr[cell], self.hit.indptr[cell + 1])
            persons, chance = self.hit.indices[rows], self.hit.data[rows]
            cost = float(self.cost[cell])
            while self.spots[cell] < self.most[cell] and spent + cost <= budget and self._has_room(cell):
                now = float(self.open[persons] @ chance) / cost
                if now < least:
                    break
                self._take(cell, persons, chance)
                spent, self.price = spent + cost, now
        return spent

    def fits(self, cells: Any, budget: float) -> Mask:
        """Return which cells have a spot left that the budget and every group's room are enough for."""
        cost = self.cost[cells]
        affordable = (self.spots[cells] < self.most[cells]) & (cost <= budget)
        for limit, room in zip(self.limits, self.rooms, strict=True):
            affordable &= np.append(room, np.inf)[limit.group[cells]] >= cost
        return affordable

    def _has_room(self, cell: int) -> bool:
        if not self.limits:
            return True
        own = zip(self.limits, self.rooms, strict=True)
        return all(limit.group[cell] < 0 or room[limit.group[cell]] >= self.cost[cell] for limit, room in own)

    def _take(self, cell: int, persons: Any, chance: Floats) -> None:
        self.spots[cell] += 1
        if self.state.shape[1] == 1:
            self.open[persons] *= 1 - chance
        else:
            before = self.state[persons]
            after = before * (1 - chance[:, None])
            after[:, 1:] += before[:, :-1] * chance[:, None]
            self.state[persons], self.open[persons] = after, after.sum(axis=1)
        for limit, room in zip(self.limits, self.rooms, strict=True):
            if limit.group[cell] >= 0:
                room[limit.group[cell]] -= self.cost[cell]


class _Best:
    """The cells that add most a dollar now, found among those that added most when all were last looked at.

    Gains only fall, so a cell outside never adds more than it did then: what the best inside add now is the best of all
    as long as it is above that.
    """

    def __init__(self, queue: _Queue, allowed: Any, budget: float):
        self.queue, self.allowed = queue, allowed
        self._look(budget, INSIDE)

    def _look(self, budget: float, number: int) -> None:
        queue, self.number = self.queue, number
        ratio = (queue.hit.T @ queue.open)[self.allowed] / queue.cost[self.allowed]
        useful = queue.fits(self.allowed, budget) & (ratio > 0)  # who does not fit now never will
        self.allowed, ratio = self.allowed[useful], ratio[useful]
        self.whole = number >= len(ratio)
        order = np.arange(len(ratio)) if self.whole else np.argpartition(-ratio, number)
        self.outside = -np.inf if self.whole else float(ratio[order[number]])
        self.cells = np.sort(self.allowed[order[:number]])
        self.hit = queue.hit[:, self.cells].T

    def head(self, budget: float) -> tuple[Any, Floats]:
        """Return the cells with most gain a dollar, to the cost of a part of the budget, and their gains."""
        again = 1
        while True:
            ratio = (self.hit @ self.queue.open) / self.queue.cost[self.cells]
            at = np.flatnonzero(self.queue.fits(self.cells, budget) & (ratio > 0))
            at = at[np.argsort(-ratio[at], kind="stable")]
            part = int(np.searchsorted(np.cumsum(self.queue.cost[self.cells[at]]), STEP * budget)) + 1
            if self.whole or (part <= len(at) and ratio[at[part - 1]] > self.outside):
                return self.cells[at[:part]], ratio[at[:part]]
            self._look(budget, again * self.number)
            again = 2


def reach_bound(hit: Any, people: Floats, cost: Floats, most: Floats, budget: float, spots: Floats) -> float:
    """Return what no plan of the budget can exceed, in the model of `buy_reach` with ``times=1``.

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
