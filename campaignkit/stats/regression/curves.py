"""Columns beyond straight lines: squares and pairs to balance, and bends for a regression that may be of any shape."""

from __future__ import annotations

import numpy as np

from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.least_squares import gram
from campaignkit.stats.regression.terms import aliased

MOST_PAIRS = 45  # products of two columns; beyond, those of the numbers that vary most are taken
KNOTS = (0.2, 0.4, 0.6, 0.8)
CLIP = 4.0  # standard deviations, so that one far value does not own a square


def numeric(x: Floats) -> list[int]:
    """Return which columns have more than two values.

    Examples
    --------
    >>> numeric(np.array([[1.0, 0.0, 2.5], [1.0, 1.0, 0.1], [1.0, 0.0, 7.0]]))
    [2]
    """
    return [at for at in range(x.shape[1]) if not ((x[:, at] == x[:, at].min()) | (x[:, at] == x[:, at].max())).all()]


def squares_and_pairs(x: Floats, most: int) -> Floats:
    """Return columns with the squares of the numbers among them, and products of two, none following from others.

    Parameters
    ----------
    x : array
        The first column is 1, the others centered and scaled.
    most : int
        How many columns there may be; the first are kept.

    Examples
    --------
    >>> squares_and_pairs(np.column_stack([np.ones(5), [-2.0, -1, 0, 1, 2], [0.0, 1, 0, 1, 0]]), 10).shape
    (5, 5)
    """
    numbers = numeric(x)
    clipped = np.clip(x, -CLIP, CLIP)
    added = [clipped[:, at] ** 2 for at in numbers]
    paired = numbers if x.shape[1] * (x.shape[1] - 1) // 2 > MOST_PAIRS else list(range(1, x.shape[1]))
    pairs = [(i, j) for i in paired for j in paired if i < j][:MOST_PAIRS]
    added += [clipped[:, i] * clipped[:, j] for i, j in pairs]
    return _joined(x, added, most)


def bends(x: Floats, most: int) -> Floats:
    """Return the same with a bend at each fifth of every number: piecewise straight lines.

    Examples
    --------
    >>> x = np.column_stack([np.ones(100), np.linspace(-1.7, 1.7, 100)])
    >>> bends(x, 50).shape  # the line, its square, four bends
    (100, 7)
    """
    columns = []
    for at in numeric(x):
        knots = np.unique(np.quantile(x[:, at], KNOTS))
        columns += [np.maximum(x[:, at] - knot, 0.0) for knot in knots]
    return _joined(squares_and_pairs(x, most), columns, most)


def _joined(x: Floats, others: list[Floats], most: int) -> Floats:
    """Return columns side by side, the new ones centered and scaled, without those that follow from those before."""
    scaled = [(column - column.mean()) / column.std() for column in others if column.std() > 1e-9]
    whole = np.column_stack([x, *scaled[: max(most - x.shape[1], 0)]])
    out = aliased(gram(whole))
    out[: x.shape[1]] = False
    return np.ascontiguousarray(whole[:, ~out])
