"""How sure a mean is when its clusters are few, or one of them holds most of the people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from campaignkit.stats.arrays import Floats

FEW_CLUSTERS = 20.0  # effective clusters below which an answer says how few it rests on
MANY = 40.0  # degrees of freedom from which the usual variance and n − 1 are within a percent or two of the jackknife's


@dataclass(frozen=True)
class LeaveOut:
    """Sums over clusters of their totals, each multiplied by how much the rest would gain in weight without it.

    With d a cluster's size and D that of all, x are its totals times D / (D − d): the mean of the others differs from
    that of all by −(y − mean · d) / D times just this.

    Attributes
    ----------
    mean : array, one axis more than there are groups
        Of (y, d, forerunner), so multiplied.
    ss : array, two axes more
        Their centered products.
    fourth : array
        Σ over clusters of (d D / (D − d))⁴.
    """

    mean: Floats
    ss: Floats
    fourth: Floats

    def pick(self, *where: Any) -> LeaveOut:
        """Return some of the groups."""
        return LeaveOut(self.mean[where], self.ss[where], self.fourth[where])

    def squares(self, one: Floats, two: Floats, n: Floats) -> Floats:
        """Return Σ over clusters of (one · x)(two · x)."""
        centered = np.einsum("...i,...ij,...j->...", one, self.ss, two)
        return centered + n * (one * self.mean).sum(axis=-1) * (two * self.mean).sum(axis=-1)

    def df(self, n: Floats, total: Floats) -> Floats:
        """Return the degrees of freedom of the variance of Σy / Σd, with `n` clusters of `total` size."""
        first, second = n * self.mean[..., 1], self.ss[..., 1, 1] + n * self.mean[..., 1] ** 2
        return satterthwaite_df(first, second, self.fourth, total)


def satterthwaite_df(first: ArrayLike, second: ArrayLike, fourth: ArrayLike, total: ArrayLike) -> Floats:
    """Return the Bell–McCaffrey degrees of freedom of the jackknife variance of a mean of clusters.

    Parameters
    ----------
    first, second, fourth : array-like
        Σ v, Σ v² and Σ v⁴ over clusters, v = d D / (D − d).
    total : array-like
        D, the size of all clusters together.

    Returns
    -------
    array
        G − 1 with G clusters of one size, fewer where they are not.

    Notes
    -----
    The variance is Σ (D e / (D − d))² / D², e = y − mean · d. Were people independent with one variance, e would have
    covariances d δ − d d' / D; the mean of the sum of squares, squared, over half its variance is
    (Σ v)² / (Σ v² + ((Σ v²)² − Σ v⁴) / D²).

    References
    ----------
    Bell and McCaffrey (2002), Survey Methodology 28, 169–181; Pustejovsky and Tipton (2018), Journal of Business &
    Economic Statistics 36, 672–683, section 3.2.

    Examples
    --------
    >>> v = 10 * 100 / (100 - 10)  # ten clusters of ten
    >>> round(float(satterthwaite_df(10 * v, 10 * v**2, 10 * v**4, 100)), 6)
    9.0
    """
    first, second, fourth, total = (np.asarray(x, float) for x in (first, second, fourth, total))
    with np.errstate(divide="ignore", invalid="ignore"):
        return first**2 / (second + (second**2 - fourth) / total**2)


def shared_df(one: tuple[Floats, Floats, Floats], two: tuple[Floats, Floats, Floats], both: Floats) -> Floats:
    """Return the degrees of freedom of a difference of two means over the same clusters.

    Parameters
    ----------
    one, two : (Σ v, Σ v², D)
        Of either mean's clusters, v as for `satterthwaite_df`.
    both : array
        Σ over clusters of v of the one times v of the other.

    Examples
    --------
    >>> v = 10 * 100 / (100 - 10)
    >>> round(float(shared_df((10 * v, 10 * v**2, 100.0), (10 * v, 10 * v**2, 100.0), 10 * v * v)), 6)
    9.0
    """
    (a, aa, first), (b, bb, second) = one, two
    with np.errstate(divide="ignore", invalid="ignore"):
        sum_, squares = a / first**2 + b / second**2, aa / first**4 + bb / second**4 + 2 * both / (first * second) ** 2
        return np.maximum(sum_**2 / squares - 1, 1.0)


def leave_out(y: Floats, d: Floats, p: Floats | None = None) -> LeaveOut:
    """Return the sums of one group from its clusters' totals.

    Parameters
    ----------
    y, d : array, clusters along the last axis
        What is averaged, and what it is divided by.
    p : array or None
        The forerunner. None: 0.

    Examples
    --------
    >>> found = leave_out(np.array([3.0, 5.0, 4.0]), np.array([10.0, 10.0, 10.0]))
    >>> found.mean.round(2).tolist()
    [6.0, 15.0, 0.0]
    """
    total = d.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        factor = np.where(d < total, total / (total - d), np.nan)
    x = np.stack([y, d, np.zeros_like(d) if p is None else p], axis=-1) * factor[..., None]
    mean = x.mean(axis=-2)
    off = x - mean[..., None, :]
    return LeaveOut(mean, np.einsum("...ui,...uj->...ij", off, off), (x[..., 1] ** 4).sum(axis=-1))
