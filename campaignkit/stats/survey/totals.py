"""Totals and ratios of a stratified sample whose rows stand for more people than themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.estimate import Estimate


@dataclass(frozen=True)
class Totals:
    """Weighted totals of several quantities, with what they vary by together.

    Attributes
    ----------
    total : array of float64
    covariance : array of float64, quantities × quantities
    """

    total: Floats
    covariance: Floats

    def estimate(self, at: int, confidence_level: float = 0.95) -> Estimate:
        """Return one total with its interval, normal on the log scale, so that it stays above 0."""
        return self.product({at: 1.0}, confidence_level)

    def product(self, powers: dict[int, float], confidence_level: float = 0.95) -> Estimate:
        """Return a product of powers of totals, such as a ratio: powers 1 and −1.

        Parameters
        ----------
        powers : dict of int to float
            The power of each total that takes part.
        confidence_level : float

        Returns
        -------
        Estimate
            By the delta method on the log scale; a total of 0 gives 0 or infinity, with no error known (NaN).

        Examples
        --------
        >>> totals = Totals(np.array([200.0, 100.0]), np.array([[100.0, 40.0], [40.0, 25.0]]))
        >>> ratio = totals.product({0: 1, 1: -1})
        >>> round(ratio.value, 2), round(ratio.std_error, 3)
        (2.0, 0.063)
        """
        gradient = np.zeros(len(self.total))
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(np.prod([self.total[at] ** power for at, power in powers.items()]))
            for at, power in powers.items():
                gradient[at] = power / self.total[at]
            error = float(np.sqrt(gradient @ self.covariance @ gradient))
        half = float(ndtri(0.5 + confidence_level / 2)) * error
        return Estimate(value, value * error, value * np.exp(-half), value * np.exp(half), np.nan)


def stratified_totals(values: ArrayLike, weight: ArrayLike, strata: ArrayLike) -> Totals:
    """Return weighted totals of a sample drawn within strata.

    Parameters
    ----------
    values : array-like, rows × quantities
    weight : array-like
        How many people each row stands for.
    strata : array-like of int
        Each row's stratum, from 0. A stratum of one row adds no variance.

    Notes
    -----
    The variance is that of a sample with replacement within strata: n/(n − 1) Σ (z − z̄)(z − z̄)ᵀ of the weighted
    values z, added over strata.

    References
    ----------
    Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, section 3.7 and result 5.5.1.

    Examples
    --------
    >>> found = stratified_totals([[1.0], [3.0], [2.0]], [10, 10, 5], [0, 0, 0])
    >>> found.total.tolist(), found.covariance.round(1).tolist()
    ([50.0], [[400.0]])
    """
    z = np.asarray(values, float) * np.asarray(weight, float)[:, None]
    stratum = np.asarray(strata, np.int64)
    n = np.bincount(stratum).astype(float)
    means = np.stack([np.bincount(stratum, column) / np.maximum(n, 1) for column in z.T], axis=1)
    centered = (z - means[stratum]) * np.sqrt(n / np.maximum(n - 1, 1))[stratum][:, None]
    return Totals(z.sum(axis=0), centered.T @ centered)
