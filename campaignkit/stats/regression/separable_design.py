"""Columns that are products of what a unit is and when it was asked: their cross-products without a row a unit and day.

Units (kinds of people asked by one stream) × days hold counts. A block's columns are all products of a column of
units and a column of days, so that X'WX, X'r and X·beta come from products of small matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from campaignkit.stats.arrays import Floats


@dataclass(frozen=True)
class Block:
    """Columns of the same kind.

    Attributes
    ----------
    unit : array, units × a
    day : array, days × b
        The block's columns are the a · b products, those of one unit column next to each other.
    """

    unit: Floats
    day: Floats

    @property
    def columns(self) -> int:
        """How many."""
        return self.unit.shape[1] * self.day.shape[1]


@dataclass(frozen=True)
class Design:
    """Blocks side by side.

    Examples
    --------
    >>> design = Design([Block(np.ones((2, 1)), np.ones((3, 1))), Block(np.eye(2), np.arange(3.0)[:, None])])
    >>> design.eta(np.array([1.0, 0.1, 0.2])).round(2).tolist()
    [[1.0, 1.1, 1.2], [1.0, 1.2, 1.4]]
    >>> design.gram(np.ones((2, 3))).tolist()
    [[6.0, 3.0, 3.0], [3.0, 5.0, 0.0], [3.0, 0.0, 5.0]]
    """

    blocks: Sequence[Block]

    @cached_property
    def places(self) -> list[slice]:
        """Where each block's columns are."""
        ends = np.cumsum([block.columns for block in self.blocks])
        return [slice(int(end - block.columns), int(end)) for end, block in zip(ends, self.blocks, strict=True)]

    @property
    def columns(self) -> int:
        """How many."""
        return self.places[-1].stop

    def eta(self, beta: Floats) -> Floats:
        """Return X·beta, units × days."""
        parts = zip(self.blocks, self.places, strict=True)
        return sum(block.unit @ beta[at].reshape(-1, block.day.shape[1]) @ block.day.T for block, at in parts)  # ty: ignore

    def score(self, rows: Floats) -> Floats:
        """Return X'r of what each unit and day has."""
        return np.concatenate([(block.unit.T @ rows @ block.day).ravel() for block in self.blocks])

    def gram(self, weight: Floats) -> Floats:
        """Return X'WX for the weights of units × days."""
        total = np.empty((self.columns, self.columns))
        for i, (first, rows) in enumerate(zip(self.blocks, self.places, strict=True)):
            for second, columns in zip(self.blocks[: i + 1], self.places[: i + 1], strict=True):
                total[rows, columns] = _products(first, second, weight)
                total[columns, rows] = total[rows, columns].T
        return total


def _products(first: Block, second: Block, weight: Floats) -> Floats:
    """Return the cross-products of two blocks: over days first, then over units, the narrower one's columns spread."""
    if first.unit.shape[1] < second.unit.shape[1]:
        return _products(second, first, weight).T
    a, b, c, d = first.unit.shape[1], first.day.shape[1], second.unit.shape[1], second.day.shape[1]
    over_days = weight @ (first.day[:, :, None] * second.day[:, None, :]).reshape(-1, b * d)
    spread = (second.unit[:, :, None] * over_days[:, None, :]).reshape(-1, c * b * d)
    return (first.unit.T @ spread).reshape(a, c, b, d).transpose(0, 2, 1, 3).reshape(a * b, c * d)
