"""Draws of every group's share: cells' chances added up by how many voters each cell stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.special import expit, logit

from campaignkit.polls.model.effects import Effect
from campaignkit.polls.model.frames import FrameCells, Level
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.terms import Terms, join_codes

BLOCK = 100  # draws at a time
SHIFTS = 3  # Newton's steps to areas' shares


@dataclass(frozen=True)
class Groups:
    """What estimates are wanted of.

    Attributes
    ----------
    table : polars.DataFrame
        One row per group: ``attribute``, ``level`` (text; null: unknown), ``voters``.
    columns : tuple of tuple of int
        For each attribute, which of the frame's make it.
    sizes : tuple of int
        How many levels each of the frame's attributes has.
    keys : tuple of array of int
        For each attribute its groups' levels, packed, in the table's order.
    """

    table: pl.DataFrame
    columns: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    keys: tuple[Whole, ...]

    def places(self, codes: Whole) -> Whole:
        """Return each cell's group of each attribute, −1 where the frame has none: attributes × cells."""
        rows, first = [], 0
        for columns, keys in zip(self.columns, self.keys, strict=True):
            packed = _packed(codes, columns, self.sizes)
            at = np.minimum(np.searchsorted(keys, packed), len(keys) - 1)
            rows.append(np.where(keys[at] == packed, first + at, -1))
            first += len(keys)
        return np.stack(rows)


def groups_of(frame: FrameCells, wanted: Sequence[tuple[str, ...]]) -> Groups:
    """Return the groups of some attributes, or of combinations; the empty one is everyone."""
    sizes = tuple(len(frame.levels[name]) for name in frame.by)
    columns = tuple(tuple(frame.by.index(name) for name in names) for names in wanted)
    parts, known = [], []
    for names, places in zip(wanted, columns, strict=True):
        keys, first, code = np.unique(_packed(frame.codes, places, sizes), return_index=True, return_inverse=True)
        levels = [_label([frame.levels[name][frame.codes[row, at]] for name, at in zip(names, places, strict=True)])
                  for row in first]  # fmt: skip
        parts.append(pl.DataFrame(
            {"attribute": [" × ".join(names) or "everyone"] * len(keys), "level": levels,
             "voters": np.bincount(code, frame.voters)},
            schema_overrides={"level": pl.String},
        ))  # fmt: skip
        known.append(keys)
    return Groups(pl.concat(parts), columns, sizes, tuple(known))


def _packed(codes: Whole, columns: Sequence[int], sizes: Sequence[int]) -> Whole:
    if not columns:
        return np.zeros(len(codes), np.int64)
    return join_codes([codes[:, at] for at in columns], [sizes[at] for at in columns])


def _label(levels: Sequence[Level]) -> str | None:
    if not levels:
        return "everyone"
    return None if list(levels) == [None] else " × ".join("unknown" if x is None else str(x) for x in levels)


@dataclass(frozen=True)
class Poststratification:
    """A frame's cells and the model's columns for them.

    Attributes
    ----------
    frame : FrameCells
    effects : tuple of Effect
    """

    frame: FrameCells
    effects: tuple[Effect, ...]

    @cached_property
    def terms(self) -> Terms:
        """The columns."""
        return Terms(tuple(effect.term(self.frame.codes) for effect in self.effects)).packed()

    def logits(self, draws: Floats) -> Floats:
        """Return each cell's logit in some draws: cells × draws."""
        total = np.zeros((self.terms.rows, len(draws)))
        for term, part in zip(self.terms.terms, self.terms.slices, strict=True):
            total += (term.basis @ draws[:, part].T)[term.codes]
        return total

    def mean(self, draws: Floats) -> Floats:
        """Return each cell's mean chance over draws."""
        return sum(expit(self.logits(part)).sum(axis=1) for part in _blocks(draws)) / len(draws)

    def shares(self, groups: Groups, draws: Floats, areas: tuple[Whole, Floats] | None = None) -> Floats:
        """Return each group's share in each draw: draws × groups.

        Parameters
        ----------
        groups : Groups
        draws : array
            Of the coefficients.
        areas : (array of int, array) or None
            Each cell's area, and each area's share in each draw (draws × areas): in every draw the logits of an area's
            cells are shifted alike until it has that share. None: as the model has it.
        """
        total = _sums(groups.places(self.frame.codes), self.frame.voters, groups.table.height)
        parts = []
        for first in range(0, len(draws), BLOCK):
            rows = slice(first, first + BLOCK)
            eta = self.logits(draws[rows])
            parts.append(
                total @ (expit(eta) if areas is None else _shifted(eta, self.frame.voters, areas[0], areas[1][rows]))
            )
        return np.hstack(parts).T


def _blocks(draws: Floats) -> list[Floats]:
    return [draws[first : first + BLOCK] for first in range(0, len(draws), BLOCK)]


def _sums(rows: Whole, voters: Floats, height: int) -> csr_array:
    """Return the matrix that takes cells' chances to groups' shares."""
    cells = np.tile(np.arange(rows.shape[1]), len(rows))
    weight = np.tile(voters, len(rows))
    matrix = csr_array((weight, (rows.ravel(), cells)), shape=(height, rows.shape[1]))
    return csr_array(matrix / np.asarray(matrix.sum(axis=1)).reshape(-1, 1))


def _shifted(eta: Floats, voters: Floats, area: Whole, wanted: Floats) -> Floats:
    """Return cells' chances with each area's logits moved alike to the share that is wanted in each draw."""
    total = _sums(area[None], voters, wanted.shape[1])
    goal = logit(wanted.T)
    p = expit(eta)
    for _ in range(SHIFTS):
        have = total @ p
        slope = (total @ (p * (1 - p))) / (have * (1 - have))
        eta = eta + ((goal - logit(have)) / slope)[area]
        p = expit(eta)
    return p
