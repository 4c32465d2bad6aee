"""What exposure does where rows share who exposes them, and talk: means weighted by the chance of each exposure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.regression.least_squares import solve


@dataclass(frozen=True)
class Contrast:
    """The mean under one exposure less the mean under another.

    Attributes
    ----------
    estimate, exposed, unexposed : float
    influence : array of float64
        What each row adds to the estimate's error; 0 for rows with neither exposure.
    """

    estimate: float
    exposed: float
    unexposed: float
    influence: Floats

    def ratio(self, other: Contrast) -> Contrast:
        """Return this difference divided by another's of the same rows: what those did who were moved."""
        value = self.estimate / other.estimate
        influence = (self.influence - value * other.influence) / other.estimate
        return Contrast(value, np.nan, np.nan, influence)


def contrast(y: Floats, exposed: Mask, chance: Floats, unexposed: Mask, other_chance: Floats) -> Contrast:
    """Return Hájek's difference between two exposures.

    Parameters
    ----------
    y : array
    exposed, unexposed : array of bool
        Who had which exposure.
    chance, other_chance : array
        How likely each row was to have the one, and the other; above 0 for all rows.

    Notes
    -----
    Each mean is weighted by one over the chance of the exposure that the row had. Where the chance is alike for all it
    is the difference of the plain means. Influences are raised by n / (n − 1) in variance within each exposure.

    References
    ----------
    Aronow and Samii (2017), Annals of Applied Statistics 11, 1912–1947, section 5.

    Examples
    --------
    >>> y, half = np.array([1.0, 2.0, 4.0, 6.0]), np.full(4, 0.5)
    >>> asked = np.array([False, False, True, True])
    >>> contrast(y, asked, half, ~asked, half).estimate
    3.5
    """
    influence, means = np.zeros(len(y)), []
    for sign, mask, chances in ((1.0, exposed, chance), (-1.0, unexposed, other_chance)):
        n = int(mask.sum())
        weight = 1 / chances[mask]
        mean = float(weight @ y[mask] / weight.sum())
        influence[mask] += sign * weight * (y[mask] - mean) / weight.sum() * np.sqrt(n / max(n - 1, 1))
        means.append(mean)
    return Contrast(means[0] - means[1], means[0], means[1], influence)


def independent_variance(influence: Floats) -> float:
    """Return the variance where every row had a coin of its own."""
    return float(influence @ influence)


def shared_variance(influence: Floats, row: Whole, sharer: Whole) -> float:
    """Return the variance where coins were of sharers, and rows that share a sharer are alike by it.

    Parameters
    ----------
    influence : array
        By row.
    row, sharer : array of int
        One entry per row and sharer who was to be asked about it, each once.

    Notes
    -----
    The sum of products of influences over all pairs of rows with a common sharer, once for each they share: Σ over
    sharers of (Σ influence)², and each row with itself once, also a row of no sharer. Never below the variance of
    independent rows.

    References
    ----------
    Aronow and Samii (2017), Annals of Applied Statistics 11, section 5; Aronow, Samii and Assenova (2015), Political
    Analysis 23, 564–577, for sums over pairs without an N × N matrix.

    Examples
    --------
    >>> shared_variance(np.array([1.0, 1.0, -1.0]), np.array([0, 1, 2]), np.array([0, 0, 1]))
    5.0
    """
    own = influence**2
    together = np.bincount(sharer, influence[row]) ** 2
    sharers = np.bincount(row, minlength=len(influence))
    return float(max(together.sum() - ((sharers - 1) * own).sum(), own.sum()))


@dataclass(frozen=True)
class Spillover:
    """What it does to a row that all its neighbors are asked about, against none.

    Attributes
    ----------
    estimate, std_error : float
    rows : int
        Rows with a neighbor who had a coin.
    """

    estimate: float
    std_error: float
    rows: int


def spillover(y: Floats, asked: Mask, chance: float, one: Whole, two: Whole, degree: Floats) -> Spillover:
    """Return what it does to a row that its neighbors are asked about, every row having had its own coin.

    Parameters
    ----------
    y : array
    asked : array of bool
    chance : float
        Of being asked about.
    one, two : array of int
        Ties between rows, each in both directions.
    degree : array
        How many neighbors each row has, those without a coin included.

    Notes
    -----
    Least squares on the row's own coin and on the share of its neighbors who were asked about, less what their coins'
    chance would have it, beside the share who had a coin: recentered so, the exposure is chance alone. Errors are over
    coins: each coin's score is what it moves in all rows that it reaches. That effects rise with the share in a
    straight line is assumed.

    References
    ----------
    Borusyak and Hull (2023), Econometrica 91, 2155–2185, for the recentered exposure; Adão, Kolesár and Morales (2019),
    Quarterly Journal of Economics 134, 1949–2010, for errors over shocks.
    """
    coin = asked - chance
    n, weight = len(y), 1 / np.maximum(degree, 1.0)
    reached = weight * np.bincount(one, coin[two], n)
    with_coin = weight * np.bincount(one, minlength=n)
    controls = np.stack([np.ones(n), with_coin], axis=1)
    columns = np.stack([coin, reached, y], axis=1)
    columns = columns - controls @ solve(controls.T @ controls, controls.T @ columns)
    x, left = columns[:, :2], columns[:, 2]
    gram = x.T @ x
    beta = solve(gram, x.T @ left)
    error = left - x @ beta
    scores = coin[:, None] * np.stack([error, np.bincount(two, (weight * error)[one], n)], axis=1)
    inverse = np.linalg.inv(gram)
    variance = (inverse @ (scores.T @ scores) @ inverse)[1, 1]
    return Spillover(float(beta[1]), float(np.sqrt(variance)), int((with_coin > 0).sum()))
