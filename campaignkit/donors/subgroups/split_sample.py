"""Some of the people: their counts in every conjunction, or in a given set of rows, and how far clusters widen them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from campaignkit.donors.subgroups.attributes import Attribute
from campaignkit.donors.subgroups.cubes import Conjunctions, Table, search
from campaignkit.donors.subgroups.reading import Rows
from campaignkit.errors import BadValue
from campaignkit.stats.arrays import Floats, Mask, Whole

PAIRS = 50_000_000  # of rows that share a cluster; at 12 columns they fill 1.5 GB and take a minute


@dataclass(frozen=True)
class Counts:
    """What the evidence about segments is computed from; arrays with one entry per segment.

    Attributes
    ----------
    n, k : arrays of int64
        People, and those of them with the outcome.
    w, wy : arrays of float64
        The same, weighted (weights average 1).
    deff : array of float64
        The design effect: how many times wider than that of `w` independent people the segment's score varies.
    total_w, total_wy : float
        Of everyone in this half.
    dollars : array of float64, or None
        The weighted sum of the amount.
    """

    n: Whole
    k: Whole
    w: Floats
    wy: Floats
    deff: Floats
    total_w: float
    total_wy: float
    dollars: Floats | None = None

    def pick(self, rows: NDArray[np.integer]) -> Counts:
        """Return those of some segments."""
        dollars = None if self.dollars is None else self.dollars[rows]
        w, wy, deff = (attribute[rows] for attribute in (self.w, self.wy, self.deff))
        return Counts(self.n[rows], self.k[rows], w, wy, deff, self.total_w, self.total_wy, dollars)


@dataclass(frozen=True)
class SplitSample:
    """Some of the rows. Clusters of one row each are no clusters."""

    attributes: list[Attribute]
    outcome: Mask
    weight: Floats | None
    amount: Floats | None
    cluster: Whole | None  # numbered from 0

    @cached_property
    def rows(self) -> int:
        """How many rows."""
        return len(self.outcome)

    @cached_property
    def mass(self) -> Floats | None:
        """The weights, averaging 1."""
        return None if self.weight is None else self.weight * (self.rows / self.weight.sum())

    @cached_property
    def total_w(self) -> float:
        """The sum of the weights."""
        return float(self.rows)

    @cached_property
    def total_wy(self) -> float:
        """The sum of the weights of those with the outcome."""
        return float(self.outcome.sum() if self.mass is None else self.mass[self.outcome].sum())

    @cached_property
    def rate(self) -> float:
        """The share with the outcome."""
        return self.total_wy / self.total_w

    @property
    def robust(self) -> bool:
        """Whether clusters or weights make the plain exact test wrong."""
        return self.cluster is not None or self.mass is not None

    @cached_property
    def score(self) -> Floats:
        """Each row's weighted distance from the rate; it adds up to 0."""
        distance = self.outcome.astype(np.float64) - self.rate
        return distance if self.mass is None else distance * self.mass

    @cached_property
    def by_cluster(self) -> Floats:
        """Each cluster's score."""
        return self.score if self.cluster is None else np.bincount(self.cluster, self.score).astype(np.float64)

    def mask(self, items: Sequence[int]) -> Mask:
        """Return the rows where all of these conditions hold (numbered through the attributes' values)."""
        mask = np.ones(self.rows, bool)
        offsets = np.cumsum([0, *(attribute.values for attribute in self.attributes)])
        for item in items:
            if item >= 0:
                column = int(np.searchsorted(offsets, item, side="right")) - 1
                mask &= self.attributes[column].codes == item - offsets[column]
        return mask

    # --- every conjunction ------------------------------------------------------------------------------

    def search(self, depth: int, least: int, *, dollars: bool) -> tuple[NDArray[np.int32], Counts]:
        """Return all conjunctions of at least so many people, and their counts."""
        mass, yes = self.mass, self.outcome
        rows = [None, *([] if mass is None else [mass])]
        rows += [self.amount if mass is None else self.amount * mass] if dollars and self.amount is not None else []
        positives = [None, *([] if mass is None else [mass[yes]])]
        codes = [attribute.codes for attribute in self.attributes]
        tables = [self._table(codes, rows), self._table([attribute[yes] for attribute in codes], positives)]
        if self.robust:
            tables += self._variance_tables()
        conjunctions = search(tables, [attribute.values for attribute in self.attributes], depth, least)
        return conjunctions.items, self._counts(conjunctions, len(rows), len(positives))

    def _table(self, codes: Sequence[NDArray[np.unsignedinteger]], weights: list[Floats | None]) -> Table:
        return Table(codes, [attribute.values + 1 for attribute in self.attributes], weights)

    def _variance_tables(self) -> list[Table]:
        """Return what a segment's variance adds up: squares and cross products by row, products by pair."""
        codes = [attribute.codes for attribute in self.attributes]
        score = self.score
        if self.cluster is None:
            return [self._table(codes, [score**2])]
        codes, score, cluster = _merged(codes, score, self.cluster)
        rows = self._table(codes, [score**2, score * self.by_cluster[cluster]])
        left, right = _pairs(cluster)
        shared = [
            np.where(attribute[left] == attribute[right], attribute[left], a.values).astype(attribute.dtype)
            for attribute, a in zip(codes, self.attributes, strict=True)
        ]
        return [rows, self._table(shared, [score[left] * score[right]])]

    def _counts(self, conjunctions: Conjunctions, rows: int, positives: int) -> Counts:
        sums = conjunctions.sums
        n, k = sums[0].astype(np.int64), sums[rows].astype(np.int64)
        w, wy = (n.astype(float), k.astype(float)) if self.mass is None else (sums[1], sums[rows + 1])
        dollars = sums[rows - 1] if rows == 2 + (self.mass is not None) else None
        deff = np.ones(len(n))
        if self.robust:
            rest = sums[rows + positives :]
            squares, crossed = (rest[0], rest[0]) if self.cluster is None else (rest[0] + 2 * rest[2], rest[1])
            deff = self._design_effect(n, w, wy, squares, crossed)
        return Counts(n, k, w, wy, deff, self.total_w, self.total_wy, dollars)

    def _design_effect(self, n: Whole, w: Floats, wy: Floats, squares: Floats, crossed: Floats) -> Floats:
        """Return the score's variance over clusters by what it would be for `w` independent people.

        With e a row's score, E its cluster's and π the segment's share, the segment's score Σe has the influence
        A − πE in each cluster (A: the cluster's score within the segment); the variance is the sum of squares.
        """
        share = w / self.total_w
        variance = squares - 2 * share * crossed + share**2 * (self.by_cluster**2).sum()
        alone = (1 - 2 * share) * self._binomial(w, wy) + share**2 * self._binomial(self.total_w, self.total_wy)
        with np.errstate(divide="ignore", invalid="ignore"):
            effect = np.where(alone > 0, variance / alone, 1.0)
        return np.maximum(effect, w / np.maximum(n, 1))  # never more people than there are

    def _binomial(self, w, wy):
        return (1 - self.rate) ** 2 * wy + self.rate**2 * (w - wy)

    # --- given rows -------------------------------------------------------------------------------------

    def count(self, masks: Sequence[Mask]) -> Counts:
        """Return the counts of given sets of rows."""
        counts = np.array([self._count(mask) for mask in masks]).reshape(-1, 5)
        n, k = counts[:, 0].astype(np.int64), counts[:, 1].astype(np.int64)
        return Counts(n, k, counts[:, 2], counts[:, 3], counts[:, 4], self.total_w, self.total_wy)

    def _count(self, mask: Mask) -> tuple[float, float, float, float, float]:
        yes = mask & self.outcome
        n, k = int(mask.sum()), int(yes.sum())
        if not self.robust:
            return n, k, n, k, 1.0
        w, wy = (n, k) if self.mass is None else (self.mass[mask].sum(), self.mass[yes].sum())
        within = self.score * mask
        if self.cluster is None:
            squares, crossed = (within**2).sum(), (within**2).sum()
        else:
            by_cluster = np.bincount(self.cluster, within, len(self.by_cluster))
            squares, crossed = (by_cluster**2).sum(), (by_cluster * self.by_cluster).sum()
        arrays = (np.array([float(x)]) for x in (n, w, wy, squares, crossed))
        return n, k, w, wy, float(self._design_effect(*arrays)[0])


def split_samples(rows: Rows) -> tuple[SplitSample, SplitSample | None]:
    """Return the half that searches and the half that confirms; None: all search."""
    if rows.held_out is None:
        return _sample(rows, None), None
    return _sample(rows, ~rows.held_out), _sample(rows, rows.held_out)


def _sample(rows: Rows, part: Mask | None) -> SplitSample:
    if part is None:
        return SplitSample(rows.attributes, rows.outcome, rows.weight, rows.amount, _numbered(rows.cluster))
    attributes = [attribute.pick(part) for attribute in rows.attributes]
    weight, amount = (None if x is None else x[part] for x in (rows.weight, rows.amount))
    cluster = None if rows.cluster is None else _numbered(rows.cluster[part])
    return SplitSample(attributes, rows.outcome[part], weight, amount, cluster)


def _numbered(cluster: Whole | None) -> Whole | None:
    if cluster is None:
        return None
    known, numbers = np.unique(cluster, return_inverse=True)
    return None if len(known) == len(cluster) else numbers


def _merged(
    codes: list[NDArray[np.unsignedinteger]], score: Floats, cluster: Whole
) -> tuple[list[NDArray[np.unsignedinteger]], Floats, Whole]:
    """Sort rows by cluster, and make one of those in a cluster that agree in every column (a donor's many gifts)."""
    order = np.lexsort([*codes, cluster]) if _pair_count(cluster) > 4 * len(score) else np.argsort(cluster)
    codes, score, cluster = [attribute[order] for attribute in codes], score[order], cluster[order]
    fresh = np.ones(len(score), bool)
    fresh[1:] = cluster[1:] != cluster[:-1]
    for attribute in codes:
        fresh[1:] |= attribute[1:] != attribute[:-1]
    starts = np.flatnonzero(fresh)
    return [attribute[starts] for attribute in codes], np.add.reduceat(score, starts), cluster[starts]


def _pair_count(cluster: Whole) -> int:
    sizes = np.bincount(cluster).astype(float)
    return int((sizes * (sizes - 1) / 2).sum())


def _pairs(cluster: Whole) -> tuple[Whole, Whole]:
    """Return all pairs of rows in one cluster, of rows sorted by cluster."""
    pairs = _pair_count(cluster)
    if pairs > PAIRS:
        raise BadValue(
            f"cluster: rows within clusters make {pairs:,} pairs, too many to weigh; give smaller clusters "
            "(a household, not a county)."
        )
    left: list[Whole] = []
    right: list[Whole] = []
    first = np.arange(len(cluster))
    for lag in range(1, len(cluster)):
        first = first[first + lag < len(cluster)]
        first = first[cluster[first] == cluster[first + lag]]
        if not len(first):
            break
        left.append(first)
        right.append(first + lag)
    none = np.array([], np.int64)
    return np.concatenate([none, *left]), np.concatenate([none, *right])
