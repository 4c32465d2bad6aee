"""How much more a panel's counts vary than independent events: what of it is left once coarser totals are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from campaignkit.outreach.model.panel import Panel
from campaignkit.stats.arrays import Floats, Whole


class Parts:
    """What each person watches of some groups of cells, beside all that the person watches of a larger group.

    Parameters
    ----------
    panel : Panel
    group : array of int64
        Each cell's group, from 0.
    network : array of int64
        Each cell's network, from 0. A group that is one of several of a network is a part of it, any other a part
        of all that the person watches.
    """

    def __init__(self, panel: Panel, group: Whole, network: Whole):
        self.panel, self.network = panel, network
        days, whole = _grouped(panel, group), _wholes(panel, group, network)
        totals = _grouped(panel, whole)
        size = days.shape[1]
        above = np.zeros(size, np.int64)
        above[group] = whole
        self.person = np.repeat(np.arange(panel.size), np.diff(days.indptr))
        self.group, self.days, self.size = days.indices, days.data, size
        self.all_days = _looked_up(totals, self.person, above[self.group])
        self.above, self.totals = above, totals
        self.there = np.zeros((len(panel.markets), size))
        self.there[panel.cell_market, group] = 1.0
        self.owner = np.zeros(size, np.int64)
        self.owner[group] = network

    def dispersion(self, weight: Floats) -> Floats:
        """Return each group's variance over its mean, pooled within a network.

        Parameters
        ----------
        weight : array of float64
            How many each person stands for.

        Notes
        -----
        Σ (xᵢ − s Xᵢ)² over Σ xᵢ: x of the group, X of the larger one, s the group's share of it. A level's factors are
        fitted to what coarser levels leave, and heavy viewers, or lovers of a network, move both alike. The variance
        of x itself would count them again at every level, and each would be shrunk too far.
        """
        w, x, whole = weight[self.person], self.days, self.all_days
        sums, squares, products = (
            np.bincount(self.group, part, self.size) for part in (w * x, w**2 * x**2, w**2 * x * whole)
        )
        share = sums / np.maximum(self._over_markets(weight), 1e-300)
        spread = np.maximum(squares - 2 * share * products + share**2 * self._over_markets(weight, squared=True), 0.0)
        above, below = np.bincount(self.owner, spread), np.bincount(self.owner, sums)
        pooled = above.sum() / max(below.sum(), 1e-300)
        ratio = np.where(above > 0, above / np.maximum(below, 1e-300), pooled if pooled > 0 else 1.0)
        return ratio[self.owner]

    def _over_markets(self, weight: Floats, *, squared: bool = False) -> Floats:
        """Return the sum of the larger group's days, or of their squares, in the markets where each group is."""
        totals = self.totals
        person = np.repeat(np.arange(self.panel.size), np.diff(totals.indptr))
        values = weight[person] * totals.data
        markets, wholes = len(self.panel.markets), totals.shape[1]
        place = self.panel.market[person] * wholes + totals.indices
        sums = np.bincount(place, values**2 if squared else values, markets * wholes).reshape(markets, wholes)
        return (self.there * sums[:, self.above]).sum(axis=0)


def _wholes(panel: Panel, group: Whole, network: Whole) -> Whole:
    """Return of which larger group each cell's group is a part: 0 of all, else 1 + its network."""
    pair = panel.cell_market * (network.max(initial=0) + 1) + network
    several = np.zeros(pair.max(initial=0) + 1, bool)
    first = np.full(len(several), -1)
    first[pair] = group
    several[pair[group != first[pair]]] = True
    crossing = np.zeros(group.max(initial=0) + 1, bool)  # groups of more than one network
    owner = np.zeros(len(crossing), np.int64)
    owner[group] = network
    crossing[group[owner[group] != network]] = True
    return np.where(several[pair] & ~crossing[group], network + 1, 0)


def _grouped(panel: Panel, group: Whole) -> Any:
    """Return persons' days by groups of cells."""
    from scipy import sparse

    size = int(group.max(initial=0)) + 1
    member = sparse.csr_array((np.ones(len(group)), (np.arange(len(group)), group)), shape=(len(group), size))
    days = sparse.csr_array(panel.watched @ member)
    days.sort_indices()
    return days


def _looked_up(totals: Any, person: Whole, column: Whole) -> Floats:
    """Return entries of a sorted sparse array, all of which there are."""
    owner = np.repeat(np.arange(totals.shape[0]), np.diff(totals.indptr))
    known = owner * totals.shape[1] + totals.indices
    return totals.data[np.searchsorted(known, person * totals.shape[1] + column)]
