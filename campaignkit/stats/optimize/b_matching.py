"""Who each of many is matched with, when each has a few choices and each choice a few slots: by prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaignkit.stats.arrays import Floats, Whole

CHUNK = 40_000  # sharers who bid at once
FIRST = 14  # ties beyond twice the asks that a sharer looks at before all others
FEW = 10_000  # ties that are looked at together, however few sharers they are of
STEP = 0.001  # of the mean value of a wanted tie: what a bid raises a price by, at least
KEPT = 400_000  # ties that take part at first, padding included, and at least 20 a sharer
MOST = 40_000_000  # ties that take part at last; each takes 9 bytes
NEAR = 0.995  # of the bound: below it more ties take part


@dataclass(frozen=True)
class Matching:
    """A matching, and how good any could be.

    Attributes
    ----------
    tie : array of int64
        The ties that are matched, by their place in the arrays that were given.
    slot : array of int64
        Which of the friend's slots each has, from 0.
    value : float
        Of all matched ties, each times ``decay ** slot``.
    bound : float
        What no matching can exceed: the value of the linear program's dual at the auction's prices.
    """

    tie: Whole
    slot: Whole
    value: float
    bound: float


def match(
    start: Whole,
    friend: Whole,
    value: Floats,
    friends: int,
    asks: int,
    slots: int = 1,
    decay: float = 0.5,
    *,
    keep: int | None = None,
    step: float = STEP,
) -> Matching:
    """Match sharers with friends: each sharer at most `asks` friends, each friend at most `slots` sharers.

    Parameters
    ----------
    start : array of int64
        Where each sharer's ties begin, and at the end how many ties there are.
    friend : array of int64
        Each tie's friend, from 0; no sharer has a friend twice. A sharer's ties stand in falling order of value.
    value : array of float64
        Each tie's, above 0.
    friends : int
        How many friends there are.
    asks, slots : int
        At most so many a sharer, and a friend.
    decay : float
        What a friend's next ask is worth, as a share of the one before.
    keep : int or None
        How many of a sharer's best ties take part, never fewer than twice `asks`; the bound is over all ties. None: 20
        or more, and four times as many again until the matching is within 0.5% of its bound, all ties take part, or
        they would not fit in memory.
    step : float
        The least raise, as a share of the mean value of the ties that sharers want first. The matching is worth at most
        this times the number of asks less than the best of the ties that take part.

    Notes
    -----
    A Jacobi auction: each sharer who is short of asks bids for the ties of greatest value less price, and raises their
    prices to where the next best, the same friend's other slots included, would be as good; only sharers who are
    short are looked at in a round. Slots of one friend are worth value, value · decay, … to whoever has them, so that a
    friend's asks are counted in falling order. The bound is the dual's value at the last prices, with each sharer's
    price the value less price of the last of their asks.

    References
    ----------
    Bertsekas (1988), Annals of Operations Research 14, 105–123; Bertsekas and Castañón (1992), Computational
    Optimization and Applications 1, 277–297.

    Examples
    --------
    >>> start, friend = np.array([0, 2, 3]), np.array([0, 1, 0])
    >>> found = match(start, friend, np.array([5.0, 4.0, 3.0]), friends=2, asks=1)
    >>> found.tie.tolist(), found.value, round(found.bound, 1)
    ([1, 2], 7.0, 7.0)
    """
    rows, degree = max(len(start) - 1, 1), int(np.diff(start).max(initial=0))
    best = max(20, KEPT // rows) if keep is None else keep
    most = min(max(best, MOST // rows), degree) if keep is None else keep
    while True:
        auction = _Auction(start, friend, value, friends, asks, slots, decay, max(best, 2 * asks), step)
        auction.run()
        matching = auction.matching(start, friend, value)
        if best >= most or matching.value >= NEAR * matching.bound:
            return matching
        best = min(4 * best, most)


class _Auction:
    """Prices and holders of slots; sharers' best ties as rows, the best first, padded with value 0."""

    def __init__(
        self, start: Whole, friend: Whole, value: Floats, friends: int, asks: int, slots: int, decay: float, keep: int,
        step: float,
    ) -> None:  # fmt: skip
        degree = np.diff(start)
        self.width = max(int(min(degree.max(initial=0), keep)), asks) + 1  # a last column that is never a tie
        self.asks, self.slots, self.factor = asks, slots, decay ** np.arange(slots)
        rows = len(degree)
        self.friend = np.zeros((rows, self.width), np.int32)
        self.value = np.zeros((rows, self.width), np.float32)
        for column in range(self.width - 1):
            has = np.flatnonzero(degree > column)
            self.friend[has, column], self.value[has, column] = friend[start[has] + column], value[start[has] + column]
        wanted = self.value[:, :asks]
        self.raise_ = step * float(wanted[wanted > 0].mean(dtype=np.float64)) if wanted.any() else 1.0
        self.price = np.zeros(friends * slots)
        self.holder = np.full(friends * slots, -1, np.int64)  # place of the tie in the rows, flattened
        self.slot = np.full((rows, self.width), -1, np.int8)

    def run(self) -> None:
        """Let sharers bid until nobody who is short of asks wants any at its price."""
        short = np.flatnonzero(self.value[:, 0] > 0)
        while short.size:
            parts = np.array_split(short, -(-len(short) // CHUNK))
            short = np.unique(np.concatenate([self._round(rows) for rows in parts]))

    def gains(self, rows: Whole, columns: int | None = None) -> tuple[Floats, NDArray[np.int8], Floats]:
        """Return each tie's value less the price of its best slot, that slot, and what the friend's next best gives.

        `columns`: of the best so many ties of each sharer. None: all.
        """
        worth = self.value[rows, :columns].astype(np.float64)
        first = self.friend[rows, :columns].astype(np.int64) * self.slots
        best, slot, second = worth - self.price[first], np.zeros(worth.shape, np.int8), np.full(worth.shape, -np.inf)
        for number in range(1, self.slots):
            other = worth * self.factor[number] - self.price[first + number]
            better = other > best
            np.maximum(second, np.minimum(best, other), out=second)
            np.maximum(best, other, out=best)
            slot[better] = number
        best[worth <= 0] = -np.inf
        return best, slot, second

    def _round(self, rows: Whole) -> Whole:
        """Let some sharers bid at once, and return those who are short afterwards and may want more."""
        bids, columns = [], min(self.width, max(2 * self.asks + FIRST, FEW // max(rows.size, 1)))
        while rows.size:
            bid, rows = self._bids(rows, columns)
            bids.append(bid)
            columns = min(self.width, 3 * columns)
        return self._settle(*(np.concatenate(parts) for parts in zip(*bids, strict=True)))

    def _bids(self, rows: Whole, columns: int) -> tuple[tuple[Whole, Whole, Whole, Whole, Floats], Whole]:
        """Return what sharers bid whose best so many ties are all that matter, and the others."""
        gain, slot, second = self.gains(rows, columns)
        held = self.slot[rows, :columns] >= 0
        gain[held] = -np.inf
        missing = self.asks - (self.slot[rows] >= 0).sum(axis=1)
        order = np.argpartition(-gain, self.asks, axis=1)[:, : self.asks + 1]
        order = np.take_along_axis(order, np.argsort(-np.take_along_axis(gain, order, 1), axis=1, kind="stable"), 1)
        best = np.take_along_axis(gain, order, 1)
        left = np.maximum(np.take_along_axis(best, missing[:, None], 1), 0.0)  # what the next best would give
        # values fall along a row and prices are at least 0, so that a tie beyond gains at most the next value
        known = np.full(len(rows), True) if columns == self.width else left[:, 0] >= self.value[rows, columns]
        row, rank = np.nonzero((np.arange(self.asks + 1) < missing[:, None]) & (best > 0) & known[:, None])
        column = order[row, rank]
        number = slot[row, column].astype(np.int64)
        target = self.friend[rows[row], column].astype(np.int64) * self.slots + number
        above = np.maximum(left[row, 0], second[row, column])
        bid = self.price[target] + best[row, rank] - above + self.raise_
        return (rows[row], rows[row] * self.width + column, target, number, bid), rows[~known]

    def _settle(self, sharer: Whole, tie: Whole, target: Whole, number: Whole, bid: Floats) -> Whole:
        """Give each slot to its highest bidder; return who lost a slot, or did not get it."""
        order = np.lexsort((bid, target))
        last = np.append(target[order][1:] != target[order][:-1], True) if len(order) else np.zeros(0, bool)
        won, lost = order[last], order[~last]
        before = self.holder[target[won]]
        ousted = before[before >= 0]
        self.slot.ravel()[ousted] = -1
        self.slot.ravel()[tie[won]] = number[won]
        self.holder[target[won]], self.price[target[won]] = tie[won], bid[won]
        return np.concatenate([sharer[lost], ousted // self.width])

    def matching(self, start: Whole, friend: Whole, value: Floats) -> Matching:
        """Return what is held at the end, and the dual's value over all ties."""
        row, column = np.nonzero(self.slot >= 0)
        tie = start[row] + column
        number = self.slot[row, column].astype(np.int64)
        total = float(value[tie] @ self.factor[number])
        return Matching(tie, number, total, self._bound(start, friend, value))

    def _bound(self, start: Whole, friend: Whole, value: Floats) -> float:
        """Return asks · (sharers' prices) + slots' prices + what ties bring beyond both."""
        rows, total = len(start) - 1, float(self.price.sum())
        for first in range(0, rows, CHUNK):
            last = min(first + CHUNK, rows)
            gain = self.gains(np.arange(first, last))[0]
            own = np.maximum(-np.partition(-gain, self.asks - 1, axis=1)[:, self.asks - 1], 0.0)
            ties = slice(int(start[first]), int(start[last]))
            each = np.repeat(own, np.diff(start[first : last + 1]))
            best = np.full(len(each), -np.inf)
            for number in range(self.slots):
                offered = value[ties] * self.factor[number] - self.price[friend[ties] * self.slots + number]
                best = np.maximum(best, offered)
            total += float(self.asks * own.sum() + np.maximum(best - each, 0.0).sum())
        return total


def greedy(
    start: Whole, friend: Whole, value: Floats, friends: int, asks: int, slots: int = 1, decay: float = 0.5
) -> float:
    """Return the value of always taking the best tie that is left: to show what prices add.

    Parameters
    ----------
    start, friend, value, friends, asks, slots, decay
        As for `match`.

    Examples
    --------
    >>> greedy(np.array([0, 2, 3]), np.array([0, 1, 0]), np.array([5.0, 4.0, 3.0]), friends=2, asks=1)
    5.0
    """
    sharer = np.repeat(np.arange(len(start) - 1), np.diff(start)).tolist()
    left, taken, total = [asks] * (len(start) - 1), [0] * friends, 0.0
    worth, other = value.tolist(), friend.tolist()
    order = np.argsort(-value, kind="stable").tolist()
    for turn in range(slots):
        rest = []
        for tie in order:
            one, two = sharer[tie], other[tie]
            if left[one] and taken[two] == turn:
                left[one] -= 1
                taken[two] += 1
                total += worth[tie] * decay**turn
            else:
                rest.append(tie)
        order = rest
    return total
