"""The spots that reach most people under a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from campaignkit.stats.arrays import Floats, Mask
from campaignkit.stats.optimize.spots import Limit

STEP = 0.3  # of the money left, what one round of `buy_reach` looks at
INSIDE = 2048  # cells among which it looks for the best, at first
NEAR, MANY = 1024, 500  # cells that take part in exchanges beside those bought; how many may be bought at most
PART, NOISE = 0.3, 0.3  # of the cells bought, at most so many give up a spot; how much chance has a say in which
PATIENCE, FEW = 4, 300  # exchanges in vain before it stops; more where this number over the cells bought is more


@dataclass(frozen=True)
class ReachPlan:
    """Spots bought for reach.

    Attributes
    ----------
    spots : array of float64
    value : float
        What was to be as large as can be, by the plan's own model: not a promise.
    reached : float
        People who see the ad at least `times`, by the same model.
    gain : array of float64
        What one more spot of each cell would add.
    price : float
        What the last dollar bought.
    """

    spots: Floats
    value: float
    reached: float
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
    bought, so nothing above the threshold is missed (decreasing-threshold greedy). Where one showing counts and
    few cells are bought, spots are then exchanged: some of those that add least a dollar are given up, at random, and
    the money is spent anew, until that has reached no more people several times in a row (destroy and repair). Where
    many are bought, one spot is a small part of the money, and the order alone comes as near.

    References
    ----------
    Nemhauser, Wolsey and Fisher (1978), Mathematical Programming 14, 265–294; Badanidiyuru and Vondrák (2014),
    Proceedings of the 25th ACM-SIAM Symposium on Discrete Algorithms, 1497–1514; Shaw (1998), Principles and Practice
    of Constraint Programming, 417–431, for exchanges.

    Examples
    --------
    >>> from scipy import sparse
    >>> hit = sparse.csc_array(np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 0.4]]))
    >>> buy_reach(hit, np.array([10.0, 10.0]), np.ones(3), np.ones(3), 2.0).spots.tolist()
    [1.0, 0.0, 1.0]
    """
    queue = _Queue(hit.tocsc(), people, cost, most, limits, times)
    queue.fill(budget)
    if times == 1 and (queue.spots > 0).sum() <= MANY:
        _exchange(queue, budget)
    value = float(people.sum() - (queue.state * (1 - np.arange(times) / times)).sum())
    reached = float(people.sum() - queue.state.sum())
    return ReachPlan(queue.spots, value, reached, queue.hit.T @ queue.open / times, queue.price / times)


def _exchange(queue: _Queue, budget: float) -> None:
    """Give up spots that add little a dollar, spend the money anew, and keep what reaches more.

    Only cells that are bought, and those that add most a dollar now, take part.
    """
    ratio = np.where(queue.spots > 0, np.inf, (queue.hit.T @ queue.open) / queue.cost)
    near = np.sort(np.argsort(-ratio, kind="stable")[: NEAR + int((queue.spots > 0).sum())])
    part, rng, in_vain = queue.among(near), np.random.default_rng(0), 0
    patience = max(PATIENCE, FEW // max(int((part.spots > 0).sum()), 10))
    while in_vain < patience:
        bought = np.flatnonzero(part.spots > 0)
        worth = part.loss(bought) / part.cost[bought] * rng.lognormal(0, NOISE, len(bought))
        given_up = bought[np.argsort(worth)[: 1 + int(PART * rng.random() * len(bought))]]
        before, missed = part.copy(), part.open.sum()
        part.give_up(given_up)
        part.fill(budget)
        in_vain += 1
        if part.open.sum() < missed * (1 - 1e-12):
            in_vain = 0
        else:
            part.restore(before)
    queue.spots[near] = part.spots
    queue.price, queue.open = part.price, part.open
    queue.state = part.state


class _Queue:
    """Cells by gain a dollar, with what persons have seen so far."""

    def __init__(self, hit: Any, people: Floats, cost: Floats, most: Floats, limits: Sequence[Limit], times: int):
        self.hit, self.cost, self.most, self.limits = hit, cost, most, limits
        self.spots, self.price = np.zeros(len(cost)), 0.0
        self.state = np.zeros((len(people), times))  # people who have seen it 0, 1, … times, below `times`
        self.state[:, 0] = people
        self.open = self.state[:, 0] if times == 1 else self.state.sum(axis=1)
        self.rooms = [limit.most.copy() for limit in limits]

    def among(self, cells: Any) -> _Queue:
        """Return the queue of some cells, which are all that are bought, with what has been seen so far."""
        limits = [Limit(limit.group[cells], limit.least, limit.most) for limit in self.limits]
        part = _Queue(self.hit[:, cells], self.open, self.cost[cells], self.most[cells], limits, self.state.shape[1])
        part.restore((self.spots[cells], self.price, self.state.copy(), [room.copy() for room in self.rooms]))
        return part

    def copy(self) -> tuple[Any, ...]:
        """Return what is bought and seen, for `restore`."""
        return self.spots.copy(), self.price, self.state.copy(), [room.copy() for room in self.rooms]

    def restore(self, before: tuple[Any, ...]) -> None:
        """Go back to what was bought and seen when `copy` was taken, once only; of one showing."""
        self.spots, self.price, self.state, self.rooms = before
        self.open = self.state[:, 0]

    def loss(self, cells: Any) -> Floats:
        """Return how many fewer are reached without one of each cell's spots, of one showing."""
        part = self.hit[:, cells]
        part.data = part.data / (1 - part.data)
        return part.T @ self.open

    def give_up(self, cells: Any) -> None:
        """Return one of each cell's spots, of one showing."""
        self.spots[cells] -= 1
        part = self.hit[:, cells]
        self.open *= np.exp(-np.bincount(part.indices, np.log1p(-part.data), len(self.open)))
        for limit, room in zip(self.limits, self.rooms, strict=True):
            member = cells[limit.group[cells] >= 0]
            np.add.at(room, limit.group[member], self.cost[member])

    def fill(self, budget: float) -> None:
        """Spend what is left of the budget, each group's least first."""
        spent = float(self.spots @ self.cost)
        for limit in self.limits:
            for group in np.flatnonzero(limit.least > 0):
                already = float((self.spots * self.cost)[limit.group == group].sum())
                spent += self.spend(min(limit.least[group] - already, budget - spent), limit.group == group)
        self.spend(budget - spent, np.ones(len(self.cost), bool))

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
