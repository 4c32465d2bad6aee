"""A vector seen through observations that share an error with it: many settings of the variances at once.

x is normal(m, swing² C + national² 11′); what is observed is x + b, b normal(0, own² C + shared² 11′), with some
precision. In a basis that turns C to the identity and the precision to a diagonal every covariance is a diagonal and
one outer product, so that a thousand settings cost what one costs otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaignkit.stats.arrays import Floats, Mask
from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture

NEGLIGIBLE = 1e-9  # of the largest precision: a direction that was not observed
LEAST = 1e-6  # of the largest weight: settings below it are left out


@dataclass(frozen=True)
class Variances:
    """Standard deviations, one element per setting.

    Attributes
    ----------
    swing, national : array
        Of x: by C, and shared by all elements.
    own, shared : array
        Of the observations' common error: by C, and shared by all elements.
    """

    swing: Floats
    national: Floats
    own: Floats
    shared: Floats


@dataclass(frozen=True)
class Rotated:
    """A vector and its observations in the basis where the covariance is 1 and the precision diagonal.

    Attributes
    ----------
    basis : array, shape (d, d)
        x = basis @ rotated x, and C = basis @ basis′.
    mean, ones : array, shape (d,)
        m and a vector of ones, rotated.
    observed, variance : array, shape (k,)
        What was observed, and the variance of its noise, for the directions of which anything was.
    seen : array of bool, shape (d,)
        Which these are.
    """

    basis: Floats
    mean: Floats
    ones: Floats
    observed: Floats
    variance: Floats
    seen: Mask


def rotate(covariance: Floats, mean: Floats, information: Floats, score: Floats) -> Rotated:
    """Return a vector and its observations in the basis that makes both diagonal.

    Parameters
    ----------
    covariance, mean : array
        C and m.
    information, score : array
        What the observations say; see `stats.regression.linear_gaussian`.

    Examples
    --------
    >>> rotated = rotate(np.eye(2), np.zeros(2), np.diag([4.0, 0.0]), np.array([4.0, 0.0]))
    >>> rotated.variance, rotated.seen.sum()
    (array([0.25]), np.int64(1))
    """
    factor = np.linalg.cholesky(covariance)
    precision, turn = np.linalg.eigh(factor.T @ information @ factor)
    basis = factor @ turn
    seen = precision > NEGLIGIBLE * max(precision[-1], 1.0)
    back = np.linalg.solve(basis, np.column_stack([mean, np.ones(len(mean))]))
    observed = (basis.T @ score)[seen] / precision[seen]
    return Rotated(basis, back[:, 0], back[:, 1], observed, 1 / precision[seen], seen)


def _log_normal(r: Floats, ones: Floats, diagonal: Floats, common: Floats) -> Floats:
    """Return log normal densities of r under diag(diagonal[g]) + common[g] ones ones′, one for each setting g."""
    scaled = ones / diagonal
    inflated = 1 + common * (scaled @ ones)
    square = (r**2 / diagonal).sum(axis=1) - common * (scaled @ r) ** 2 / inflated
    return -0.5 * (np.log(2 * np.pi * diagonal).sum(axis=1) + np.log(inflated) + square)


def log_predictive(rotated: Rotated, truth: Floats, v: Variances) -> Floats:
    """Return the log density of the true x given the observations, for each setting of the variances.

    By Bayes: the prior's density of the truth, times the observations' given it, over the observations' own.

    References
    ----------
    Gneiting & Raftery (2007), Journal of the American Statistical Association 102, 359–378, section 7, for the
    predictive density as a score of parameters.
    """
    x, k = np.linalg.solve(rotated.basis, truth), rotated.seen
    swing, own = (v.swing**2)[:, None], (v.own**2)[:, None] + rotated.variance
    prior = _log_normal(x - rotated.mean, rotated.ones, np.broadcast_to(swing, (len(swing), len(x))), v.national**2)
    given = _log_normal(rotated.observed - x[k], rotated.ones[k], own, v.shared**2)
    free = _log_normal(rotated.observed - rotated.mean[k], rotated.ones[k], swing + own, v.national**2 + v.shared**2)
    turned = np.linalg.slogdet(rotated.basis)[1]
    return prior + given - free - turned


def _gains(rotated: Rotated, v: Variances) -> tuple[Floats, Floats]:
    """Return the prior covariances, and how x moves with each observed direction, rotated, for each setting."""
    z, k = rotated.ones, rotated.seen
    prior = (v.swing**2)[:, None, None] * np.eye(len(z)) + (v.national**2)[:, None, None] * np.outer(z, z)
    diagonal = (v.swing**2 + v.own**2)[:, None] + rotated.variance
    common, scaled = v.national**2 + v.shared**2, z[k] / diagonal
    shrink = common / (1 + common * (scaled @ z[k]))
    across = prior[:, :, k]
    projected = (across @ scaled[:, :, None]) * shrink[:, None, None]
    return prior, across / diagonal[:, None, :] - projected * scaled[:, None, :]


def posterior_mean(rotated: Rotated, v: Variances, weight: Floats) -> Floats:
    """Return the posterior mean of x alone, without any covariance: for many sets of observations.

    Examples
    --------
    >>> none, one = np.zeros(1), np.ones(1)
    >>> rotated = rotate(np.eye(1), np.zeros(1), np.array([[1.0]]), np.array([2.0]))
    >>> posterior_mean(rotated, Variances(one, none, none, none), one)
    array([1.])
    """
    k, z = rotated.seen, rotated.ones
    off = rotated.observed - rotated.mean[k]
    diagonal = (v.swing**2 + v.own**2)[:, None] + rotated.variance
    common, scaled = v.national**2 + v.shared**2, z[k] / diagonal
    shared = common / (1 + common * (scaled @ z[k])) * (scaled @ off)
    solved = off / diagonal - scaled * shared[:, None]
    moved = np.zeros(len(z))
    moved[k] = (weight * v.swing**2) @ solved
    moved += z * float((weight * v.national**2) @ (solved @ z[k]))
    return rotated.basis @ (rotated.mean + moved)


@dataclass(frozen=True)
class Posterior:
    """What is known of x once the settings are weighed.

    Attributes
    ----------
    mixture : GaussianMixture
        Of x, settings of like spread merged.
    response : array, shape (d, d)
        How the mean moves with the observations' `score`.
    """

    mixture: GaussianMixture
    response: Floats


def posterior(rotated: Rotated, v: Variances, weight: Floats, direction: Floats, components: int = 8) -> Posterior:
    """Return the posterior of x, settings merged to a few Gaussians by how spread `direction` @ x is.

    Merging keeps the mean and covariance exactly, and of the tails what matters for that direction.

    Parameters
    ----------
    rotated : Rotated
        The vector and its observations.
    v : Variances
        The settings.
    weight : array
        Of each setting; they sum to 1.
    direction : array, shape (d,)
        Such as the states' parts of the national vote.
    components : int
        At most so many Gaussians.

    Examples
    --------
    >>> rotated = rotate(np.eye(1), np.zeros(1), np.array([[1.0]]), np.array([2.0]))
    >>> none, one = np.zeros(1), np.ones(1)
    >>> posterior(rotated, Variances(one, none, none, none), one, one).mixture.mean
    array([[1.]])
    """
    keep = weight > LEAST * weight.max()
    v = Variances(*(sd[keep] for sd in (v.swing, v.national, v.own, v.shared)))
    weight = weight[keep] / weight[keep].sum()
    prior, gain = _gains(rotated, v)
    k, basis = rotated.seen, rotated.basis
    mean = rotated.mean + gain @ (rotated.observed - rotated.mean[k])
    covariance = prior - gain @ prior[:, k, :]
    whole = GaussianMixture(weight, mean, covariance).merged(direction @ basis, components)
    turned = GaussianMixture(whole.weight, whole.mean @ basis.T, basis @ whole.covariance @ basis.T)
    return Posterior(turned, basis @ (np.tensordot(weight, gain, 1) * rotated.variance) @ basis[:, k].T)
