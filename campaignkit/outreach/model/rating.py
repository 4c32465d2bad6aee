"""Panel counts to audiences of cells: everyone else's audience, shrunk, times the target's index, shrunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from campaignkit.outreach.model.dispersion import Parts
from campaignkit.outreach.model.panel import MARKET, Panel
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.intervals.gamma_poisson import Level, ShrunkCounts, shrunk_counts


@dataclass(frozen=True)
class Counts:
    """Weighted days of viewing of each cell: by the target, and by everyone else.

    A score counts as the share of a person that is wanted, the largest score being all of the person.
    """

    target: Floats
    others: Floats

    def __sub__(self, part: Counts) -> Counts:
        return Counts(self.target - part.target, self.others - part.others)


@dataclass(frozen=True)
class Rated:
    """Audiences of cells, in weighted days of viewing over the panel's time."""

    target: ShrunkCounts
    others: ShrunkCounts
    index: ShrunkCounts

    @property
    def shape(self) -> Floats:
        """How well the target's audience is known: both errors added."""
        with np.errstate(divide="ignore"):
            return 1 / (1 / self.others.shape + 1 / self.index.shape)


class Rater:
    """A panel with what does not change from fold to fold: levels and their dispersions."""

    def __init__(self, panel: Panel, by: Sequence[str]):
        self.panel, self.by = panel, list(by)
        self.share = panel.target / panel.target.max()

    def counts(self, persons: Whole | None = None) -> Counts:
        """Return the counts of some persons, or of all."""
        part = self.panel.watched if persons is None else self.panel.watched[persons]
        chosen = slice(None) if persons is None else persons
        weight, share = self.panel.weight[chosen], self.share[chosen]
        return Counts(part.T @ (weight * share), part.T @ (weight * (1 - share)))

    def rate(self, counts: Counts) -> Rated:
        """Return the audiences that these counts speak for."""
        cell_market = self.panel.cell_market
        cells = np.bincount(cell_market, minlength=len(self.panel.markets))
        per_market = lambda values: np.bincount(cell_market, values, len(cells))  # noqa: E731 - three lines need it
        target, others = per_market(counts.target), per_market(counts.others)
        if not others.sum() > 0:
            target_counts = shrunk_counts(counts.target, (target / cells)[cell_market], self.levels(True))
            target_counts = self._with_market(target_counts, self.share)
            nobody = ShrunkCounts(
                np.zeros(len(cell_market)), np.full(len(cell_market), np.inf), target_counts.own_share
            )
            return Rated(target_counts, nobody, target_counts)
        rest = shrunk_counts(counts.others, (others / cells)[cell_market], self.levels(False))
        rest = self._with_market(rest, 1 - self.share)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(others > 0, target / others, 0.0)[cell_market]
        index = shrunk_counts(counts.target, rest.mean * ratio, self.levels(True))
        index = self._with_market(index, self.share)
        return Rated(index, rest, index)

    def _with_market(self, index: ShrunkCounts, share: Floats) -> ShrunkCounts:
        """Add to the cells' errors that of their market's total, which is taken as it is."""
        days = self._days * self.panel.weight * share
        total, squares = self.panel.inside(days), self.panel.inside(days**2)
        persons = np.maximum(self.panel.inside((share > 0).astype(float)), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.where(total > 0, (squares - total**2 / persons) / total**2, 0.0)
            return replace(index, shape=1 / (1 / index.shape + error[self.panel.cell_market]))

    @cached_property
    def _days(self) -> Floats:
        return self.panel.watched.sum(axis=1)

    def levels(self, of_target: bool) -> list[Level]:
        """Return the levels from coarse to fine, with the dispersion of the target's viewing or of the others'."""
        return self._target_levels if of_target else self._other_levels

    @cached_property
    def _target_levels(self) -> list[Level]:
        return self._dispersed(self.share)

    @cached_property
    def _other_levels(self) -> list[Level]:
        return self._dispersed(1 - self.share)

    def _dispersed(self, share: Floats) -> list[Level]:
        weight = self.panel.weight * share
        return [Level(group, part.dispersion(weight)) for group, part in zip(self._groups, self._parts, strict=True)]

    @cached_property
    def _parts(self) -> list[Parts]:
        network = self._codes([self.by[0]])
        return [Parts(self.panel, group, network) for group in self._groups]

    @cached_property
    def _groups(self) -> list[Whole]:
        """Networks, dayparts; networks in a market, networks at a daypart; cells."""
        names, cells = self.by, self.panel.cells
        several = len(self.panel.markets) > 1
        wanted = [[name] for name in names] + ([[names[0], MARKET]] if several else [])
        wanted += [[names[0], name] for name in names[1:]] if several or len(names) > 2 else []
        groups = [self._codes(part) for part in wanted]
        coarse = [group for group in groups if group.max(initial=0) + 1 < cells.height]
        return [*coarse, np.arange(cells.height)]

    def _codes(self, names: list[str]) -> Whole:
        """Return each cell's group by the values of some columns, from 0."""
        return self.panel.cells.select(pl.struct(names).rank("dense")).to_series().to_numpy().astype(np.int64) - 1
