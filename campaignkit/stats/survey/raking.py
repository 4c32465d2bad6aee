"""Raking on cells: weights whose margins are the population's, and errors that know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Floats, Whole

SWEEPS = 1_000
CLOSE = 1e-12  # the largest gap of a margin's share after which sweeps end


@dataclass(frozen=True)
class Raked:
    """Raked cells.

    Attributes
    ----------
    total : array of float64
        Each cell's weight, all adding up to 1.
    sweeps : int
    gap : float
        The largest difference between a margin's share and the one wanted.
    """

    total: Floats
    sweeps: int
    gap: float


def rake_cells(
    codes: Sequence[Whole], base: ArrayLike, targets: Sequence[Floats], bounds: tuple[Floats, Floats] | None = None
) -> Raked:
    """Rake cells by iterative proportional fitting.

    Parameters
    ----------
    codes : sequence of array of int
        For each margin each cell's level, from 0.
    base : array-like
        The weights' sum in each cell, before.
    targets : sequence of array
        For each margin each level's share of the population; each margin's add up to 1.
    bounds : (array, array) or None
        The least and most that each cell may weigh, on the scale where all add up to 1. Each sweep ends by trimming to
        them; what the margins then still miss by is `Raked.gap`. None: no bounds.

    References
    ----------
    Deming and Stephan (1940), Annals of Mathematical Statistics 11, 427–444; Deville, Särndal and Sautory (1993),
    Journal of the American Statistical Association 88, 1013–1020.

    Examples
    --------
    >>> codes, wanted = [np.array([0, 0, 1]), np.array([0, 1, 1])], [np.array([0.5, 0.5]), np.array([0.4, 0.6])]
    >>> found = rake_cells(codes, [2, 1, 1], wanted)
    >>> found.total.round(3).tolist()
    [0.4, 0.1, 0.5]
    """  # fmt: skip
    total = np.asarray(base, float) / np.sum(base)
    gap, sweeps, before = np.inf, 0, np.inf
    for sweeps in range(1, SWEEPS + 1):
        for code, target in zip(codes, targets, strict=True):
            have = np.bincount(code, total, len(target))
            total = total * np.divide(target, have, out=np.ones(len(target)), where=have > 0)[code]
        if bounds is not None:
            total = _trimmed(total, *bounds)
        gap = largest_gap(codes, total, targets)
        if gap < CLOSE or (bounds is not None and before - gap < CLOSE and sweeps > 20):
            break
        before = gap
    return Raked(total, sweeps, gap)


def largest_gap(codes: Sequence[Whole], total: Floats, targets: Sequence[Floats]) -> float:
    """Return the largest difference between a margin's share and the one wanted."""
    return max(
        float(np.abs(np.bincount(code, total, len(target)) - target).max())
        for code, target in zip(codes, targets, strict=True)
    )


def _trimmed(total: Floats, lower: Floats, upper: Floats) -> Floats:
    """Return the weights within bounds, scaled so that they still add up to 1 (by bisection)."""
    low, high = 0.0, 1.0
    while np.clip(total * high, lower, upper).sum() < 1 and high < 1e9:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(total * middle, lower, upper).sum() < 1 else (low, middle)
    return np.clip(total * high, lower, upper)


def design_effect(weight: ArrayLike) -> float:
    """Return Kish's design effect of unequal weights: n Σw² / (Σw)².

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7.

    Examples
    --------
    >>> design_effect([1, 1, 1, 1]), round(design_effect([1, 1, 4]), 2)
    (1.0, 1.5)
    """
    w = np.asarray(weight, float)
    return float(len(w) * (w**2).sum() / w.sum() ** 2)


@dataclass(frozen=True)
class Calibration:
    """What linearised errors of raked weights need: which margins rows belong to, and their weights before.

    Attributes
    ----------
    codes : tuple of array of int
        For each margin each row's level.
    levels : tuple of int
        How many levels each margin has.
    design : array of float64
        Each row's design weight.
    weight : array of float64
        Each row's raked weight.
    """

    codes: tuple[Whole, ...]
    levels: tuple[int, ...]
    design: Floats
    weight: Floats

    @cached_property
    def _inverse(self) -> Floats:
        """The pseudoinverse of X′DX, of margins' dummies and design weights."""
        blocks = [
            [
                np.bincount(a * width + b, self.design, height * width).reshape(height, width)
                for b, width in zip(self.codes, self.levels, strict=True)
            ]
            for a, height in zip(self.codes, self.levels, strict=True)
        ]
        return np.linalg.pinv(np.block(blocks), rcond=1e-12, hermitian=True)

    def std_error(self, influence: Floats) -> float:
        """Return the standard error of an estimate, given what each row adds to it for each unit of its weight.

        Parameters
        ----------
        influence : array of float64
            Of a mean: (y − mean) / Σw, and 0 outside the group whose mean it is.

        Notes
        -----
        The influence is replaced by its residual of the regression, with design weights, on the margins' dummies: what
        the margins explain does not vary once they are fixed.

        References
        ----------
        Deville and Särndal (1992), Journal of the American Statistical Association 87, 376–382, section 3; as in R's
        ``survey::calibrate`` with ``calfun="raking"``.

        Examples
        --------
        >>> half = np.repeat([0, 1], 50)
        >>> raked = Calibration((half,), (2,), np.ones(100), np.ones(100))
        >>> round(raked.std_error((half - 0.5) / 100), 6)  # the margin itself is known
        0.0
        """
        score = np.concatenate(
            [
                np.bincount(code, self.design * influence, many)
                for code, many in zip(self.codes, self.levels, strict=True)
            ]
        )
        starts = np.concatenate([[0], np.cumsum(self.levels)[:-1]])
        beta = self._inverse @ score
        fitted = sum(beta[start + code] for start, code in zip(starts, self.codes, strict=True))
        z = self.weight * (influence - fitted)
        n = len(z)
        return float(np.sqrt(((z - z.mean()) ** 2).sum() * n / max(n - 1, 1)))
