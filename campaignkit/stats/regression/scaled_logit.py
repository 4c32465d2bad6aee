"""A logit on counts whose coefficients are normal, with standard deviations that the data choose.

The likelihood is replaced by its quadratic at the mode; on it the marginal likelihood of the standard deviations is
exact, with its gradient. The mode of their logarithms, with the Jacobian, keeps those that few coefficients tell from
collapsing to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack, solve_triangular
from scipy.special import expit

from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.separable_design import Design

FIRST_STEPS, ROUNDS = 5, 3
NARROWEST = 1e-4  # below which a standard deviation is as good as zero


@dataclass(frozen=True)
class Scales:
    """How far coefficients may be from 0.

    Attributes
    ----------
    of : array of int
        Each column's scale; below 0: its standard deviation is fixed.
    fixed : array
        Each column's standard deviation where it is fixed.
    prior : array
        Each scale's half-normal prior: its standard deviation.
    """

    of: Whole
    fixed: Floats
    prior: Floats

    def precision(self, sd: Floats) -> Floats:
        """Return each column's prior precision."""
        return np.where(self.of < 0, self.fixed, np.append(sd, 1.0)[self.of]) ** -2.0


@dataclass(frozen=True)
class ScaledLogit:
    """A fitted model.

    Attributes
    ----------
    beta : array
        Coefficients at the mode.
    information : array
        X'WX there, without the prior.
    precision : array
        Each column's prior precision.
    sd : array
        The scales.
    """

    beta: Floats
    information: Floats
    precision: Floats
    sd: Floats

    def covariance(self) -> Floats:
        """Return the coefficients' posterior covariance, given the scales."""
        return _inverse(self.information + np.diag(self.precision))[0]

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """Return coefficients drawn from the posterior, columns × n."""
        lower = np.linalg.cholesky(self.information + np.diag(self.precision))
        noise = rng.standard_normal((len(self.beta), n))
        return self.beta[:, None] + solve_triangular(lower, noise, lower=True, trans=1)


def fit_scaled(design: Design, n: Floats, k: Floats, scales: Scales, sd: Floats | None = None) -> ScaledLogit:
    """Fit the model.

    Parameters
    ----------
    design : Design
        The columns, the first of which is the intercept.
    n, k : array, units × days
        How many were asked, and how many of them have the outcome.
    scales : Scales
    sd : array or None
        The scales, where they are known. None: they are chosen.

    References
    ----------
    Breslow and Clayton (1993), Journal of the American Statistical Association 88, 9–25.

    Examples
    --------
    >>> from campaignkit.stats.regression.separable_design import Block
    >>> design = Design([Block(np.ones((4, 1)), np.ones((1, 1))), Block(np.eye(4), np.ones((1, 1)))])
    >>> n, k = np.full((4, 1), 100.0), np.array([[40.0], [60.0], [45.0], [55.0]])
    >>> scales = Scales(np.array([-1, 0, 0, 0, 0]), np.full(5, 5.0), np.array([1.0]))
    >>> fit = fit_scaled(design, n, k, scales)
    >>> bool(0.1 < fit.sd[0] < 0.6), bool(abs(fit.beta[1]) < np.log(60 / 40))
    (True, True)
    """
    beta = np.zeros(design.columns)
    beta[0] = np.log((k.sum() + 0.5) / (n.sum() - k.sum() + 0.5))
    log_sd = np.log(scales.prior / 3 if sd is None else sd)
    for _ in range(FIRST_STEPS):
        information, right = _quadratic(design, n, k, beta)
        beta = _mode(information, right, scales.precision(np.exp(log_sd)))
    for _ in range(ROUNDS if sd is None else 1):
        information, right = _quadratic(design, n, k, beta)
        if sd is None:
            log_sd = _choose(information, right, scales, log_sd)
        beta = _mode(information, right, scales.precision(np.exp(log_sd)))
    chosen = np.exp(log_sd)
    return ScaledLogit(beta, information, scales.precision(chosen), chosen)


def _quadratic(design: Design, n: Floats, k: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """Return X'WX and X'Wz at beta, z being the working response."""
    p = expit(design.eta(beta))
    information = design.gram(n * p * (1 - p))
    return information, information @ beta + design.score(k - n * p)


def _mode(information: Floats, right: Floats, precision: Floats) -> Floats:
    lower = np.linalg.cholesky(information + np.diag(precision))
    return solve_triangular(lower, solve_triangular(lower, right, lower=True), lower=True, trans=1)


def _inverse(matrix: Floats) -> tuple[Floats, float]:
    """Return a positive definite matrix's inverse and its log determinant."""
    lower, bad = lapack.dpotrf(matrix, lower=1)  # ty: ignore
    if bad:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    half, _ = lapack.dpotri(lower, lower=1)  # ty: ignore
    return np.tril(half) + np.tril(half, -1).T, 2 * float(np.log(np.diag(lower)).sum())


def _choose(information: Floats, right: Floats, scales: Scales, start: Floats) -> Floats:
    """Return the log standard deviations at the mode of their marginal posterior."""
    from scipy.optimize import minimize  # slow to import

    if not len(start):
        return start
    bounds = [(np.log(NARROWEST), np.log(10.0))] * len(start)
    at = lambda log_sd: _loss(information, right, scales, log_sd)  # noqa: E731
    return minimize(at, np.maximum(start, np.log(NARROWEST)), jac=True, method="L-BFGS-B", bounds=bounds).x


def _loss(information: Floats, right: Floats, scales: Scales, log_sd: Floats) -> tuple[float, Floats]:
    """Return minus the log marginal posterior of the log standard deviations, and its gradient."""
    sd = np.exp(log_sd)
    precision = scales.precision(sd)
    covariance, log_det = _inverse(information + np.diag(precision))
    beta = covariance @ right
    log_marginal = (np.log(precision).sum() - log_det + right @ beta) / 2
    log_prior = (log_sd - sd**2 / (2 * scales.prior**2)).sum()  # half-normal, and the Jacobian
    free = scales.of >= 0
    each = precision * (np.diag(covariance) + beta**2) - 1
    gradient = np.bincount(scales.of[free], each[free], len(sd)) + 1 - sd**2 / scales.prior**2
    return -float(log_marginal + log_prior), -gradient


def sine_columns(days: Sequence[float] | Floats, count: int) -> Floats:
    """Return the first Karhunen–Loève columns of a walk that starts at 0 on the first day, a step of sd 1 a day.

    Examples
    --------
    >>> columns = sine_columns(np.arange(30.0), 200)
    >>> (columns**2).sum(axis=1)[[0, 10, 29]].round(1).tolist()  # the walk's variance
    [0.0, 10.0, 29.0]
    """
    at = np.asarray(days, float) - days[0]
    length = max(float(at[-1]), 1.0)
    frequency = (np.arange(count) + 0.5) * np.pi
    return np.sqrt(2 * length) * np.sin(np.outer(at / length, frequency)) / frequency
