"""Effects of a program that people join at different times, from sums by group and period.

Every effect is a sum of group means, so that all of them, and how they vary together, follow from each group's counts,
its sums by period, and the cross-products of one person's periods. Rows never need to be laid out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import f as f_distribution

from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.clustered import MANY
from campaignkit.stats.regression.least_squares import solve

MOST_LEFT_OUT = 1_000  # clusters, beyond which the few that joined are not worth as many fits


@dataclass(frozen=True)
class Panel:
    """People by the period in which they joined, and what they gave in each.

    Attributes
    ----------
    periods : int
        Groups 0 to periods − 1 joined in that period, group `periods` later, group `periods` + 1 never.
    joined : array of int
        Each person's group.
    cluster : array of int
        Each person's cluster, from 0.
    person, period : array of int
    amount : array
        What somebody gave in a period; all else is 0. Each pair at most once.
    """

    periods: int
    joined: NDArray[np.int64]
    cluster: NDArray[np.int64]
    person: NDArray[np.int64]
    period: NDArray[np.int64]
    amount: Floats

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return self.periods + 2

    def features(self) -> Any:
        """Return clusters × (group, period) sums, sparse; the last of each group's columns is its count."""
        width = self.periods + 1
        row = np.concatenate([self.cluster[self.person], self.cluster])
        column = np.concatenate([self.joined[self.person] * width + self.period, self.joined * width + self.periods])
        value = np.concatenate([self.amount, np.ones(len(self.joined))])
        shape = (int(self.cluster.max(initial=-1)) + 1, self.groups * width)
        return sparse.csr_array((value, (row, column)), shape=shape)

    def joined_clusters(self) -> float:
        """Return how many clusters of one size would tell as much as those of the people who joined."""
        sizes = np.bincount(self.cluster[self.joined < self.periods]).astype(float)
        return float(sizes.sum() ** 2 / max(sizes @ sizes, 1.0))

    def dense(self) -> Floats:
        """Return people × periods."""
        table = np.zeros((len(self.joined), self.periods))
        table[self.person, self.period] = self.amount
        return table


@dataclass(frozen=True)
class Cell:
    """One group in one period: who it is compared with, and since when."""

    group: int
    period: int
    base: int
    controls: NDArray[np.int64]  # groups

    @property
    def event(self) -> int:
        """Periods since joining."""
        return self.period - self.group


def cells_of(
    counts: NDArray[np.int64], periods: int, anticipation: int, control: str, window: tuple[int, int]
) -> list[Cell]:
    """Return the group-periods that can be compared, as Callaway and Sant'Anna define them.

    The base is the last period before anticipation could begin, for all of a group's periods (their "universal"
    base). Controls had not joined, nor begun to anticipate, by the period or the base, whichever is later; never-joined
    only with control="never".
    """
    numbers, cells = np.arange(periods + 2), []
    for group in range(periods):
        base = group - 1 - anticipation
        if base < 0 or not counts[group]:
            continue
        for period in range(max(group + window[0], 0), min(group + window[1] + 1, periods)):
            reach = max(period, base) + anticipation
            allowed = numbers == periods + 1 if control == "never" else numbers > reach
            allowed = allowed & (numbers != group) & (counts > 0)
            if allowed.any() and period != base:
                cells.append(Cell(group, period, base, numbers[allowed]))
    return cells


@dataclass(frozen=True)
class Effects:
    """Effects with their covariance.

    Attributes
    ----------
    cells : array
        ATT(g, t) of each cell, and their standard errors in `cell_errors`.
    events : list of int
        Periods since joining that are averaged.
    by_event : array
        Averages over groups by their size.
    covariance : array
        Of `by_event`, the overall effect and the level, in this order.
    overall, level : float
        The mean effect over all groups' periods since joining, by group size; and what those groups gave then.
    groups_by_event : list of int
        How many groups each average has.
    """

    cells: Floats
    cell_errors: Floats
    events: list[int]
    by_event: Floats
    covariance: Floats
    overall: float
    level: float
    groups_by_event: list[int]


def effects(panel: Panel, cells: Sequence[Cell]) -> Effects:
    """Return all effects from sums by group and period.

    Notes
    -----
    Errors are from influences, CR1. Where those who joined tell as much as fewer than 40 clusters of one size, all is
    computed anew without each cluster (the jackknife, CR3), if no group vanishes with one.

    References
    ----------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225, 200–230: ATT(g, t) with not-yet-treated controls,
    equation 2.4 without covariates; aggregations, section 3.1.1 and table 1; influence functions, section 4.
    """
    width = panel.periods + 1
    features = panel.features()
    totals = np.asarray(features.sum(axis=0)).reshape(panel.groups, width)
    counts = totals[:, -1]
    loads = np.zeros((len(cells), panel.groups * width))
    values = np.empty(len(cells))
    for at, cell in enumerate(cells):
        values[at] = _load(loads[at].reshape(panel.groups, width), cell, totals)
    spread = (features.T @ features).tocsr()
    clusters = features.shape[0]
    factor = clusters / max(clusters - 1, 1)
    cell_errors = np.sqrt(factor * np.maximum(np.einsum("ij,ji->i", loads, spread @ loads.T), 0))
    summed = _aggregate(cells, values, counts, totals, width)
    combined = summed.weights @ loads + summed.own
    covariance = factor * (combined @ (spread @ combined.T))
    if panel.joined_clusters() < MANY and clusters <= MOST_LEFT_OUT:
        left = _left_out(features, cells, totals)
        if np.isfinite(left).all():
            off = left - np.append(values, summed.values)
            jackknife = (clusters - 1) / clusters * (off.T @ off)
            cell_errors = np.sqrt(np.diag(jackknife)[: len(cells)])
            covariance = jackknife[len(cells) :, len(cells) :]
    return Effects(
        values, cell_errors, summed.events, summed.values[:-2], covariance, float(summed.values[-2]),
        float(summed.values[-1]), summed.groups,
    )  # fmt: skip


def _left_out(features: Any, cells: Sequence[Cell], totals: Floats) -> Floats:
    """Return the cells' effects and their averages without each cluster; NaN where a group is gone with it."""
    rows, load = [], np.empty_like(totals)
    with np.errstate(divide="ignore", invalid="ignore"):
        for cluster in range(features.shape[0]):
            rest = totals - features[[cluster]].toarray().reshape(totals.shape)
            values = np.array([_load(load, cell, rest) for cell in cells])
            rows.append(np.append(values, _aggregate(cells, values, rest[:, -1], rest, totals.shape[1]).values))
    return np.array(rows)


def _load(load: Floats, cell: Cell, totals: Floats) -> float:
    """Fill in how a cell's effect depends on every sum, and on who is in which group; return the effect."""
    g, t, b, controls = cell.group, cell.period, cell.base, cell.controls
    mine, theirs = totals[g, -1], totals[controls, -1].sum()
    own = (totals[g, t] - totals[g, b]) / mine
    other = (totals[controls, t].sum() - totals[controls, b].sum()) / theirs
    load[g, t], load[g, b], load[g, -1] = 1 / mine, -1 / mine, -own / mine
    load[controls, t], load[controls, b], load[controls, -1] = -1 / theirs, 1 / theirs, other / theirs
    return float(own - other)


@dataclass(frozen=True)
class _Sums:
    events: list[int]
    values: Floats
    weights: Floats  # aggregate × cell
    own: Floats  # aggregate × feature: what sizes of groups, themselves estimated, add
    groups: list[int]


def _aggregate(cells: Sequence[Cell], values: Floats, counts: Floats, totals: Floats, width: int) -> _Sums:
    events = sorted({cell.event for cell in cells})
    size = np.array([counts[cell.group] for cell in cells])
    event = np.array([cell.event for cell in cells])
    picks = [event == since_event for since_event in events] + [event >= 0]
    weights = np.array([np.where(pick, size, 0) / max(size[pick].sum(), 1) for pick in picks])
    aggregates = weights @ values
    own = np.zeros((len(picks) + 1, len(counts) * width))
    for at, pick in enumerate(picks):
        for cell, value in ((cells[i], values[i]) for i in np.flatnonzero(pick)):
            own[at, cell.group * width + width - 1] += (value - aggregates[at]) / max(size[pick].sum(), 1)
    after = [cells[i] for i in np.flatnonzero(picks[-1])]
    people = max(size[picks[-1]].sum(), 1)
    level = sum(totals[cell.group, cell.period] for cell in after) / people
    for cell in after:
        own[-1, cell.group * width + cell.period] += 1 / people
        own[-1, cell.group * width + width - 1] -= level / people
    weights = np.vstack([weights, np.zeros(len(cells))])
    groups = [int(pick.sum()) for pick in picks[:-1]]
    return _Sums(events, np.append(aggregates, level), weights, own, groups)


def effects_with_covariates(panel: Panel, cells: Sequence[Cell], x: Floats) -> Effects:
    """Return the same, with what the controls' change would have been for people with the group's covariates.

    Least squares of the change on the covariates among the controls of each cell, evaluated at the group's means.

    Parameters
    ----------
    panel : Panel
    cells : sequence of Cell
    x : array
        People × covariates; the first column is 1.

    References
    ----------
    Callaway and Sant'Anna (2021), equation 2.3, the outcome-regression estimand; Heckman, Ichimura and Todd (1997).
    """
    given, counts = panel.dense(), np.bincount(panel.joined, minlength=panel.groups).astype(float)
    totals = np.zeros((panel.groups, panel.periods + 1))
    np.add.at(totals, panel.joined, np.column_stack([given, np.ones(len(given))]))
    summed_shape = _aggregate(cells, np.zeros(len(cells)), counts, totals, panel.periods + 1)
    values, errors = np.empty(len(cells)), np.empty(len(cells))
    influence = np.zeros((len(summed_shape.events) + 2, len(given)))
    for at, cell in enumerate(cells):
        values[at], own = _adjusted(panel, given, cell, x)
        sums = np.bincount(panel.cluster, own)
        errors[at] = np.sqrt(len(sums) / max(len(sums) - 1, 1) * (sums @ sums))
        for row in np.flatnonzero(summed_shape.weights[:, at]):
            influence[row] += summed_shape.weights[row, at] * own
    summed = _aggregate(cells, values, counts, totals, panel.periods + 1)
    own_part = summed.own.reshape(len(influence), panel.groups, -1)
    influence += own_part[:, panel.joined, -1]
    influence[-1] += np.einsum("np,np->n", own_part[-1][panel.joined, :-1], given)
    clusters = np.array([np.bincount(panel.cluster, row) for row in influence])
    covariance = clusters @ clusters.T * (clusters.shape[1] / max(clusters.shape[1] - 1, 1))
    return Effects(
        values, errors, summed.events, summed.values[:-2], covariance, float(summed.values[-2]),
        float(summed.values[-1]), summed.groups,
    )  # fmt: skip


def _adjusted(panel: Panel, given: Floats, cell: Cell, x: Floats) -> tuple[float, Floats]:
    change = given[:, cell.period] - given[:, cell.base]
    mine = np.flatnonzero(panel.joined == cell.group)
    theirs = np.flatnonzero(np.isin(panel.joined, cell.controls))
    a, at = x[theirs].T @ x[theirs], x[mine].mean(axis=0)
    beta = solve(a, x[theirs].T @ change[theirs])
    own = change[mine] - x[mine] @ beta
    value = float(own.mean())
    influence = np.zeros(len(x))
    influence[mine] = (own - value) / len(mine)
    influence[theirs] -= (x[theirs] @ solve(a, at)) * (change[theirs] - x[theirs] @ beta)
    return value, influence


def joint_test(values: Floats, covariance: Floats, clusters: int) -> tuple[float, float]:
    """Return Hotelling's F that all of several estimates are 0, and its p-value.

    Parameters
    ----------
    values, covariance : array
        The estimates.
    clusters : int
        How many independent people (or clusters) they rest on.

    Examples
    --------
    >>> f, p = joint_test(np.array([1.0, -2.0]), np.eye(2), 100)
    >>> round(f, 3), round(p, 3)
    (2.475, 0.089)
    """
    q = len(values)
    wald = float(values @ solve(covariance, values))
    f = wald * max(clusters - q, 1) / (q * max(clusters - 1, 1))
    return f, float(f_distribution.sf(f, q, max(clusters - q, 1)))
