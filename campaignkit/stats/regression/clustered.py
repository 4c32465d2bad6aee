"""Regressions whose rows come in clusters: each cluster left out in turn, from its cross-products alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.least_squares import solve

MOST_NUMBERS = 20_000_000  # clusters × columns², above which leaving out each would take too much memory


@dataclass(frozen=True)
class ClusterSums:
    """Each cluster's cross-products: all that leaving it out needs.

    Attributes
    ----------
    gram : array, clusters × columns × columns
        X'WX of its rows.
    product : array, clusters × columns × outcomes
        X'Wy of its rows.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    >>> y = np.array([[1.0], [2.0], [3.0], [4.0], [6.0], [8.0]])
    >>> sums = cluster_sums(x, y, np.ones(6), np.arange(6))
    >>> sums.beta[:, 0].round(2).tolist(), round(float(sums.covariance(1)[0, 0]), 3), round(sums.df(1), 2)
    ([2.0, 4.0], 2.083, 4.0)
    """

    gram: Floats
    product: Floats

    @cached_property
    def beta(self) -> Floats:
        """The coefficients of all clusters together, columns × outcomes."""
        return solve(self.gram.sum(axis=0), self.product.sum(axis=0))

    @cached_property
    def _inverse(self) -> Floats:
        """The inverse of X'WX without each cluster; directions that only it had count as none."""
        return np.linalg.pinv(self.gram.sum(axis=0) - self.gram, rcond=1e-10, hermitian=True)

    @cached_property
    def moved(self) -> Floats:
        """How far leaving out each cluster moves the coefficients: clusters × columns × outcomes."""
        return self._inverse @ (self.product.sum(axis=0) - self.product) - self.beta

    def covariance(self, column: int) -> Floats:
        """Return how a column's coefficients vary, outcomes × outcomes: the jackknife about the estimate.

        References
        ----------
        MacKinnon, Nielsen and Webb (2023), Journal of Applied Econometrics 38, 671–694, equation 11 (CR3).
        """
        moved, groups = self.moved[:, column], len(self.gram)
        return (groups - 1) / groups * (moved.T @ moved)

    def df(self, column: int) -> float:
        """Return the degrees of freedom of a coefficient's variance were rows independent (Bell and McCaffrey 2002).

        References
        ----------
        Pustejovsky and Tipton (2018), Journal of Business & Economic Statistics 36, 672–683, section 3.2; Hansen
        (2025), Jackknife standard errors for clustered regression, section 6, for the jackknife's.
        """
        lever = self._inverse[:, :, column]
        across = np.einsum("gij,gj->gi", self.gram, lever)
        own = (lever * across).sum(axis=1)
        whole = np.linalg.eigh(self.gram.sum(axis=0))
        root = whole.eigenvectors / np.sqrt(np.maximum(whole.eigenvalues, whole.eigenvalues[-1] * 1e-12))
        shared = across @ root
        diagonal = own - (shared**2).sum(axis=1)
        squares = diagonal @ diagonal + ((shared.T @ shared) ** 2).sum() - ((shared**2).sum(axis=1) ** 2).sum()
        return float(np.clip(diagonal.sum() ** 2 / squares, 1.0, max(len(own) - 1, 1)))


def cluster_sums(x: Floats, y: Floats, weight: Floats, cluster: Whole) -> ClusterSums | None:
    """Return each cluster's cross-products; None where clusters are so many that it would not matter.

    Parameters
    ----------
    x : array, rows × columns
    y : array, rows × outcomes
    weight : array
    cluster : array of int
        Numbered from 0.
    """
    groups, k = int(cluster.max()) + 1, x.shape[1]
    if groups * k * k > MOST_NUMBERS:
        return None
    order = np.argsort(cluster, kind="stable")
    first = np.searchsorted(cluster[order], np.arange(groups))
    xs, weighted = x[order], (x * weight[:, None])[order]
    gram = np.stack([np.add.reduceat(xs * weighted[:, [i]], first, axis=0) for i in range(k)], axis=1)
    product = np.stack(
        [np.add.reduceat(weighted * y[order, i, None], first, axis=0) for i in range(y.shape[1])], axis=2
    )
    return ClusterSums(gram, product)
