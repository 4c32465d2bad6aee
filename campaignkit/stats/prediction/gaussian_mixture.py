"""A few Gaussians, each with its probability: what normal forecasts become when their scales are not known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import get_blas_funcs
from scipy.special import ndtr, ndtri

from campaignkit.stats.arrays import Floats

BATCH = 1_024  # draws at a time: what the processor's cache holds
FAST, STEPS = 10, 90  # to a quantile: by Newton's method alone, and at most
SETTLED = 1e-12  # of a probability
SQRT_2_PI = np.sqrt(2 * np.pi)


@dataclass(frozen=True)
class GaussianMixture:
    """Gaussians in d dimensions with their weights.

    Attributes
    ----------
    weight : array, shape (k,)
        They sum to 1.
    mean : array, shape (k, d)
    covariance : array, shape (k, d, d)
    """

    weight: Floats
    mean: Floats
    covariance: Floats

    @property
    def sd(self) -> Floats:
        """Each Gaussian's standard deviations, shape (k, d)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    def overall_mean(self) -> Floats:
        """Return the mixture's mean.

        Examples
        --------
        >>> GaussianMixture(np.array([0.5, 0.5]), np.array([[0.0], [2.0]]), np.ones((2, 1, 1))).overall_mean()
        array([1.])
        """
        return self.weight @ self.mean

    def overall_covariance(self) -> Floats:
        """Return the mixture's covariance: within the Gaussians, and between their means.

        Examples
        --------
        >>> GaussianMixture(np.array([0.5, 0.5]), np.array([[0.0], [2.0]]), np.ones((2, 1, 1))).overall_covariance()
        array([[2.]])
        """
        off = self.mean - self.overall_mean()
        return np.tensordot(self.weight, self.covariance, 1) + (off.T * self.weight) @ off

    def linear(self, matrix: Floats, offset: Floats | float = 0.0) -> GaussianMixture:
        """Return the mixture of `matrix` @ x + `offset`.

        Examples
        --------
        >>> two = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
        >>> two.linear(np.array([[0.5, 0.5]])).covariance
        array([[[0.5]]])
        """
        return GaussianMixture(self.weight, self.mean @ matrix.T + offset, matrix @ self.covariance @ matrix.T)

    def cdf(self, value: Floats | float) -> Floats:
        """Return each dimension's probability of being at most `value` (one for each dimension, or one for all).

        Examples
        --------
        >>> GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None]).cdf(0.0)
        array([0.5, 0.5])
        """
        return self.weight @ ndtr((value - self.mean) / self.sd)

    def quantile(self, probability: float) -> Floats:
        """Return each dimension's quantile, by Newton's method, with bisections where that is slow.

        Examples
        --------
        >>> GaussianMixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1))).quantile(0.975).round(3)
        array([1.96])
        """
        sd = self.sd
        ends = self.mean + ndtri(probability) * sd
        low, high = ends.min(axis=0), ends.max(axis=0)
        middle = (low + high) / 2
        for at in range(STEPS):
            z = (middle - self.mean) / sd
            off = self.weight @ ndtr(z) - probability
            open_ = np.abs(off) > SETTLED
            if not open_.any():
                break
            low, high = np.where(off < 0, middle, low), np.where(off < 0, high, middle)
            density = self.weight @ (np.exp(-(z**2) / 2) / sd) / SQRT_2_PI
            step = middle - off / np.maximum(density, SETTLED)
            step = np.where((step > low) & (step < high) & (at < FAST or at % 2 > 0), step, (low + high) / 2)
            middle = np.where(open_, step, middle)
        return middle

    def merged(self, direction: Floats, components: int) -> GaussianMixture:
        """Return at most `components` Gaussians of like weight, those alike in the spread of `direction` @ x merged.

        The overall mean and covariance stay as they are.

        Examples
        --------
        >>> four = GaussianMixture(np.full(4, 0.25), np.zeros((4, 1)), np.array([1.0, 9.0, 1.0, 9.0]).reshape(4, 1, 1))
        >>> four.merged(np.ones(1), 2).covariance.ravel()
        array([1., 9.])
        """
        spread = np.einsum("i,kij,j->k", direction, self.covariance, direction)
        order = np.argsort(spread, kind="stable")
        middle = np.cumsum(self.weight[order]) - self.weight[order] / 2
        group = np.minimum((middle * components).astype(int), components - 1)
        parts = []
        for at in np.unique(group):
            index = order[group == at]
            total = self.weight[index].sum()
            part = GaussianMixture(self.weight[index] / total, self.mean[index], self.covariance[index])
            parts.append((total, part.overall_mean(), part.overall_covariance()))
        weight, mean, covariance = (np.array(column) for column in zip(*parts, strict=True))
        return GaussianMixture(weight / weight.sum(), mean, covariance)

    def counts(self, n: int) -> list[int]:
        """Return how many of n draws fall to each Gaussian: in proportion, by largest remainders.

        Examples
        --------
        >>> GaussianMixture(np.array([0.3, 0.7]), np.zeros((2, 1)), np.ones((2, 1, 1))).counts(11)
        [3, 8]
        """
        exact = self.weight * n
        whole = np.floor(exact).astype(int)
        whole[np.argsort(whole - exact, kind="stable")[: n - whole.sum()]] += 1
        return whole.tolist()

    def deviations(self, n: int, seed: int, batch: int = BATCH) -> Iterator[tuple[Floats, Floats]]:
        """Yield n draws in batches, Gaussian after Gaussian, each as a mean and deviations from it, in float32.

        Examples
        --------
        >>> standard = GaussianMixture(np.ones(1), np.zeros((1, 3)), np.eye(3)[None])
        >>> [(mean.shape, off.shape) for mean, off in standard.deviations(1_500, seed=1)]
        [((3,), (1024, 3)), ((3,), (476, 3))]
        """
        rng, multiply = np.random.default_rng(seed), get_blas_funcs("trmm", dtype=np.float32)
        for count, mean, covariance in zip(self.counts(n), self.mean, self.covariance, strict=True):
            factor, center = np.asfortranarray(np.linalg.cholesky(covariance), np.float32), mean.astype(np.float32)
            for start in range(0, count, batch):
                z = rng.standard_normal((min(batch, count - start), len(mean)), dtype=np.float32)
                yield center, multiply(1.0, factor, z.T, lower=1, overwrite_b=1).T  # in place: half of a product's work

    def draws(self, n: int, seed: int, batch: int = BATCH) -> Iterator[Floats]:
        """Yield n draws in batches, Gaussian after Gaussian, as float32.

        Examples
        --------
        >>> standard = GaussianMixture(np.ones(1), np.zeros((1, 3)), np.eye(3)[None])
        >>> [drawn.shape for drawn in standard.draws(1_500, seed=1)]
        [(1024, 3), (476, 3)]
        """
        for center, drawn in self.deviations(n, seed, batch):
            drawn += center
            yield drawn

    def log_density(self, x: Floats) -> float:
        """Return the joint log density at a point.

        Examples
        --------
        >>> standard = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
        >>> round(standard.log_density(np.zeros(2)), 4)
        -1.8379
        """
        logs = []
        for mean, covariance in zip(self.mean, self.covariance, strict=True):
            factor = np.linalg.cholesky(covariance)
            z = np.linalg.solve(factor, x - mean)
            logs.append(-0.5 * z @ z - np.log(np.diag(factor)).sum() - len(x) / 2 * np.log(2 * np.pi))
        return float(np.logaddexp.reduce(np.log(self.weight) + np.array(logs)))

    def crps(self, y: Floats) -> Floats:
        """Return each dimension's continuous ranked probability score at y: 0 is best.

        References
        ----------
        Grimit, Gneiting, Berrocal & Johnson (2006), Quarterly Journal of the Royal Meteorological Society 132,
        2925–2942.

        Examples
        --------
        >>> GaussianMixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1))).crps(np.zeros(1)).round(4)
        array([0.2337])
        """
        between = np.sqrt(self.sd[:, None] ** 2 + self.sd[None] ** 2)
        pairs = _absolute(self.mean[:, None] - self.mean[None], between)
        spread = np.einsum("j,k,jkd->d", self.weight, self.weight, pairs)
        return self.weight @ _absolute(y - self.mean, self.sd) - spread / 2


def _absolute(mean: Floats, sd: Floats) -> Floats:
    """Return the expected absolute value of a normal."""
    z = mean / sd
    return mean * (2 * ndtr(z) - 1) + 2 * sd * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
