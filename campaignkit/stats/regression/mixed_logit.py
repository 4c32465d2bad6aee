"""A binomial logit with crossed random intercepts: Laplace's marginal likelihood with its exact gradient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.least_squares import solve_definite
from campaignkit.stats.regression.logit import newton
from campaignkit.stats.regression.terms import Terms

KEPT_FROM_ZERO = 1.0  # the power of a standard deviation by which its prior falls toward 0
FLOOR, CEILING = np.log(1e-3), np.log(5.0)  # of a log standard deviation


@dataclass(frozen=True)
class Data:
    """Counts by cell, and which coefficients share a standard deviation.

    Attributes
    ----------
    terms : Terms
        The columns.
    n, k : array of float64
        Each cell's trials and successes; need not be whole.
    group : array of int, one a column
        Which standard deviation the column's coefficient has; −1: one that is given.
    given : array of float64, one a column
        That standard deviation, where `group` is −1.
    scale : array of float64, one a standard deviation
        Of its prior, which is a half-normal's density times the standard deviation.
    """

    terms: Terms
    n: Floats
    k: Floats
    group: Whole
    given: Floats
    scale: Floats

    @cached_property
    def packed(self) -> Terms:
        """The same columns in fewer terms."""
        return self.terms.packed()

    def precision(self, log_sd: Floats) -> Floats:
        """Return each coefficient's prior precision."""
        own = np.exp(-2 * log_sd)[np.maximum(self.group, 0)] if len(log_sd) else np.ones(len(self.group))
        return np.where(self.group >= 0, own, 1 / self.given**2)


@dataclass(frozen=True)
class Laplace:
    """The coefficients' normal approximation at given standard deviations.

    Attributes
    ----------
    log_sd, beta : array
        Log standard deviations; the coefficients' mode.
    precision : array
        Of the coefficients: X′WX and the priors'.
    log_density : float
        Of `log_sd`, up to a constant: Laplace's marginal likelihood times the prior, with the log's Jacobian.
    """

    log_sd: Floats
    beta: Floats
    precision: Floats
    log_density: float


def _at(terms: Terms, n: Floats, k: Floats, penalty: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
    eta = terms.eta(beta)
    p = expit(eta)
    information = terms.gram(n * p * (1 - p))
    information[np.diag_indices_from(information)] += penalty
    loss = float(n @ np.logaddexp(0, eta) - k @ eta + penalty @ beta**2 / 2)
    return loss, terms.score(k - n * p) - penalty * beta, information


def laplace_at(data: Data, log_sd: Floats, start: Floats | None = None) -> Laplace:
    """Return the normal approximation at given log standard deviations.

    Parameters
    ----------
    data : Data
    log_sd : array
    start : array or None
        Coefficients to begin from. None: 0.

    Notes
    -----
    Without the Jacobian the mode lies at a standard deviation of 0 for variables of few levels. By a half-normal prior
    alone a standard deviation is as good as 0 in some samples although it is not, and intervals are far too narrow;
    times the standard deviation it keeps away from 0 and leaves what the data tell.

    References
    ----------
    Tierney and Kadane (1986), Journal of the American Statistical Association 81, 82–86; Gelman (2006), Bayesian
    Analysis 1, 515–534, for half-normal priors of standard deviations; Chung, Rabe-Hesketh, Dorie, Gelman and Liu
    (2013), Psychometrika 78, 685–709, for priors that avoid 0.
    """
    penalty = data.precision(log_sd)
    beta = np.zeros(data.terms.columns) if start is None else start
    beta, information, _ = newton(partial(_at, data.packed, data.n, data.k, penalty), beta, solve_definite)
    eta = data.packed.eta(beta)
    likelihood = float(data.k @ eta - data.n @ np.logaddexp(0, eta))
    prior = float(np.sum((1 + KEPT_FROM_ZERO) * log_sd - np.exp(2 * log_sd) / (2 * data.scale**2)))
    determinants = float(np.log(penalty).sum() - np.linalg.slogdet(information)[1])
    density = likelihood - float(penalty @ beta**2) / 2 + determinants / 2 + prior
    return Laplace(log_sd, beta, information, density)


def gradient(data: Data, fit: Laplace) -> Floats:
    """Return the exact gradient of `Laplace.log_density`.

    The determinant moves with the standard deviations through the mode too, which is its third part: the weights' slope
    at each cell, times the cell's leverage, times how the mode moves.

    Examples
    --------
    >>> from campaignkit.stats.regression.terms import Term
    >>> terms = Terms((Term(np.zeros(4, int), np.ones((1, 1))), Term(np.arange(4), np.eye(4))))
    >>> group, k = np.array([-1, 0, 0, 0, 0]), np.array([10.0, 20, 25, 40])
    >>> data = Data(terms, np.full(4, 50.0), k, group, np.full(5, 5.0), np.ones(1))
    >>> at = np.array([-0.5])
    >>> up, down = (laplace_at(data, at + step).log_density for step in (1e-4, -1e-4))
    >>> abs(gradient(data, laplace_at(data, at))[0] - (up - down) / 2e-4) < 1e-6
    np.True_
    """  # fmt: skip
    penalty = data.precision(fit.log_sd)
    covariance = np.asarray(np.linalg.inv(fit.precision), float)
    p = expit(data.packed.eta(fit.beta))
    slope = data.n * p * (1 - p) * (1 - 2 * p)
    moved = covariance @ data.packed.score(slope * leverage(data.packed, covariance))
    each = penalty * (fit.beta**2 + np.diag(covariance) - moved * fit.beta) - 1
    inside = data.group >= 0
    sums = np.bincount(data.group[inside], each[inside], len(fit.log_sd))
    return sums - np.exp(2 * fit.log_sd) / data.scale**2 + 1 + KEPT_FROM_ZERO


def leverage(terms: Terms, covariance: Floats) -> Floats:
    """Return x′ covariance x for each cell.

    Examples
    --------
    >>> from campaignkit.stats.regression.terms import Term
    >>> terms = Terms((Term(np.zeros(2, int), np.ones((1, 1))), Term(np.arange(2), np.eye(2))))
    >>> leverage(terms, np.diag([1.0, 2.0, 3.0])).tolist()
    [3.0, 4.0]
    """
    total = np.zeros(terms.rows)
    parts = terms.slices
    for i, term in enumerate(terms.terms):
        own = term.basis @ covariance[parts[i], parts[i]]
        total += (own * term.basis).sum(axis=1)[term.codes]
        for j, other in enumerate(terms.terms[:i]):
            total += 2 * (term.basis @ covariance[parts[i], parts[j]] @ other.basis.T)[term.codes, other.codes]
    return total


def fit_mode(data: Data, start: Floats | None = None) -> Laplace:
    """Return the approximation at the mode of the log standard deviations.

    Parameters
    ----------
    data : Data
    start : array or None
        Log standard deviations to begin from. None: of a quarter of their priors' scale.

    References
    ----------
    Bates, Mächler, Bolker and Walker (2015), Journal of Statistical Software 67 (1), for the likelihood of crossed
    random intercepts.
    """
    latest = laplace_at(data, np.log(data.scale / 4) if start is None else start)
    if not len(data.scale):
        return latest

    def minus(log_sd: Floats) -> tuple[float, Floats]:
        nonlocal latest
        latest = laplace_at(data, log_sd, latest.beta)
        return -latest.log_density, -gradient(data, latest)

    box = [(FLOOR, CEILING)] * len(data.scale)
    optimum = minimize(
        minus, latest.log_sd, jac=True, method="L-BFGS-B", bounds=box, options={"ftol": 1e-9, "gtol": 1e-3}
    )
    return laplace_at(data, optimum.x, latest.beta)


def curvature(data: Data, mode: Laplace, step: float = 0.05) -> Floats:
    """Return the Hessian of minus the log density, by differences of its gradient."""
    moves = step * np.eye(len(mode.log_sd))
    rows = [
        gradient(data, laplace_at(data, mode.log_sd - move, mode.beta))
        - gradient(data, laplace_at(data, mode.log_sd + move, mode.beta))
        for move in moves
    ]
    hessian = np.array(rows).reshape(len(moves), len(moves)) / (2 * step)
    return (hessian + hessian.T) / 2
