"""Means, ratios of means and their variances, from first and second moments of many groups at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.clustered import MANY, LeaveOut

Y, D, P, G = range(4)  # what is averaged, what it is divided by, its covariate, how many are not zero


class Level(NamedTuple):
    """Each group's ratio of means, and what the mean of its linearised unit values varies by."""

    value: Floats
    covariate: Floats  # the same ratio of the covariate
    variance: Floats  # of one unit's value; of the level once divided by n
    covariance: Floats  # with the forerunner's
    covariate_variance: Floats


@dataclass(frozen=True)
class Moments:
    """Units' first and second moments; arrays of any shape, one entry per group of units.

    Attributes
    ----------
    n : array
        Units: rows, or clusters.
    mean : array, one axis more
        Of y, d, p, g: a unit's total of the outcome, of what it is divided by (1 for a row), of the covariate,
        and of those with an outcome that is not zero. What is not there has mean 0 (d: 1).
    ss : array, two axes more
        Σ (x − mean)(z − mean) of each two of them.
    cube : array
        Σ (y − mean)³; NaN where it is not known.
    left : LeaveOut or None
        What each cluster's being left out would change: where they are few or unequal, variances are the jackknife's.
        None: units are alike.
    """

    n: Floats
    mean: Floats
    ss: Floats
    cube: Floats
    left: LeaveOut | None = None

    def pick(self, *where: Any) -> Moments:
        """Return some of the groups."""
        left = None if self.left is None else self.left.pick(*where)
        return Moments(*(x[where] for x in (self.n, self.mean, self.ss, self.cube)), left)

    def df(self) -> Floats:
        """Return the degrees of freedom of the level's variance: n − 1, or fewer where clusters differ in size."""
        few = self._left_df()
        return self.n - 1 if few is None else np.where(few < MANY, few, self.n - 1)

    def _left_df(self) -> Floats | None:
        return None if self.left is None else self.left.df(self.n, self.n * self.mean[..., D])

    def over(self, axis: int, *, running: bool = False) -> Moments:
        """Return groups put together along an axis: all of them, or (running) each with those before it.

        Chan, Golub & LeVeque (1983): ss = Σ ss_i + Σ n_i (mean_i − c)(mean_i − c)' − n (mean − c)(mean − c)', with
        c the mean of all, so that nothing cancels.
        """
        add = (lambda x: np.cumsum(x, axis)) if running else (lambda x: np.sum(x, axis))
        n = self.n[..., None]
        whole = np.sum(self.n, axis, keepdims=True)
        center = np.sum(n * self.mean, axis, keepdims=True) / np.maximum(whole, 1e-300)[..., None]
        off = np.where(n > 0, self.mean - center, 0.0)
        found, first = add(self.n), add(n * off)
        shift = first / np.maximum(found, 1e-300)[..., None]
        second = add(self.ss + n[..., None] * off[..., :, None] * off[..., None, :])
        ss = second - found[..., None, None] * shift[..., :, None] * shift[..., None, :]
        y, third = off[..., Y], np.where(self.n > 0, self.cube, 0.0)
        raw = add(third + 3 * y * self.ss[..., Y, Y] + self.n * y**3)
        s = shift[..., Y]
        cube = raw - 3 * s * second[..., Y, Y] + 2 * found * s**3
        mean = shift + (center if running else np.squeeze(center, axis))
        return Moments(found, mean, ss, cube)

    def steadied(self, events: float) -> Moments:
        """Return groups whose variances are drawn toward those of all of them along axis 0.

        Parameters
        ----------
        events : float
            How many units that are not zero a group must have for its own variance to count one half.

        Notes
        -----
        A small group that has had few gifts so far is taken to vary little just when its mean is low by luck. Of groups
        of one size the variance of a difference stays as it is.
        """
        n, own = self.n[..., None, None], (self.n * self.mean[..., G])[..., None, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            pooled = self.ss.sum(axis=0) / n.sum(axis=0)
            ss = n * (own * self.ss / n + events * pooled) / (own + events)
        return Moments(self.n, self.mean, np.where(n > 0, ss, self.ss), self.cube, self.left)

    def level(self) -> Level:
        """Return y / d and p / d, and their units' variances by the delta method.

        Deng, Knoblich & Lu (2018), Applying the delta method in metric analytics, section 3.1; divisor n − 1. Of
        clusters that differ in size, the jackknife's: MacKinnon, Nielsen & Webb (2023), Journal of Applied
        Econometrics 38, 671–694, CR3 about the estimate. With clusters of one size both are the same.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            d = self.mean[..., D]
            value, covariate = self.mean[..., Y] / d, self.mean[..., P] / d
            a, b = self._gradient(Y, value), self._gradient(P, covariate)
        return Level(value, covariate, *(self._spread(*pair) for pair in ((a, a), (a, b), (b, b))))

    def gradients(self, level: Level) -> tuple[Floats, Floats]:
        """Return what takes a unit's (y, d, p, g) to its linearised value of y / d, and of p / d."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._gradient(Y, level.value), self._gradient(P, level.covariate)

    def nonzero(self) -> tuple[Floats, Floats]:
        """Return g / d, the share that is not zero, and the variance of one unit's value of it."""
        return self._ratio(G, D)

    def among_nonzero(self) -> tuple[Floats, Floats]:
        """Return y / g, the mean of those that are not zero, and the variance of one unit's value of it."""
        return self._ratio(Y, G)

    def among_nonzero_cumulant(self) -> Floats:
        """Return the third cumulant of the mean of those that are not zero: their third central moment over n²."""
        with np.errstate(divide="ignore", invalid="ignore"):
            y, count = self.mean[..., Y], self.n * self.mean[..., G]
            square = self.ss[..., Y, Y] + self.n * y**2
            mean, third = self.n * y / count, self.cube + 3 * y * square - 2 * self.n * y**3
            return (third - 3 * mean * square + 2 * count * mean**3) / count**3

    def third_cumulant(self) -> Floats:
        """Return the third cumulant of the level: Σ (y − mean)³ / n³ / d³, the outcome's tail taken for the ratio's."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.cube / self.n**3 / self.mean[..., D] ** 3

    def _ratio(self, over: int, under: int) -> tuple[Floats, Floats]:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = self.mean[..., over] / self.mean[..., under]
            gradient = np.zeros_like(self.mean)
            gradient[..., over] = 1 / self.mean[..., under]
            gradient[..., under] -= value / self.mean[..., under]
            return value, self._product(gradient, gradient)

    def _gradient(self, over: int, value: Floats) -> Floats:
        gradient = np.zeros_like(self.mean)
        gradient[..., over] = 1 / self.mean[..., D]
        gradient[..., D] = -value / self.mean[..., D]
        return gradient

    def _spread(self, a: Floats, b: Floats) -> Floats:
        usual, few = self._product(a, b), self._left_df()
        if self.left is None or few is None:
            return usual
        with np.errstate(divide="ignore", invalid="ignore"):
            jackknife = self.left.squares(a[..., :G], b[..., :G], self.n) * (self.n - 1) / self.n**2
        return np.where(few < MANY, jackknife, usual)

    def _product(self, a: Floats, b: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.einsum("...i,...ij,...j->...", a, self.ss, b) / (self.n - 1)
