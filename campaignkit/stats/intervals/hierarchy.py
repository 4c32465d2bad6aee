"""Several arms of one test as a sample from one distribution: how far each estimate is luck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from campaignkit.stats.arrays import Floats

SPREADS = np.geomspace(0.003, 30.0, 201)  # grid of the arms' standard deviation, in units of `scale`
RELATIVE = np.geomspace(0.003, 3.0, 121)  # grid of the arms' coefficient of variation
STEPS = np.linspace(-5.0, 5.0, 41)  # of the mean's logarithm, in units of what it may be off by


@dataclass(frozen=True)
class Hierarchy:
    """The joint posterior of the arms' true values.

    Attributes
    ----------
    mean, sd : array
        Of each arm's value.
    spread : float
        The posterior mean of the arms' standard deviation.
    draws : array, one row per draw, one column per arm
        From the joint posterior.
    no_difference : float
        The probability that all arms are the same, of which one half was given beforehand.
    """

    mean: Floats
    sd: Floats
    spread: float
    draws: Floats
    no_difference: float


def normal_hierarchy(
    estimate: ArrayLike,
    variance: ArrayLike,
    scale: float,
    *,
    past: Sequence[tuple[ArrayLike, ArrayLike]] = (),
    draws: int = 20_000,
    seed: int = 0,
) -> Hierarchy:
    """Return what is known of several true values, of which `estimate` are noisy and which have a common spread.

    Parameters
    ----------
    estimate, variance : array-like
        One a value; variances above 0, taken as known.
    scale : float
        What is a usual spread between values, in their unit: its prior is half-Cauchy(scale).
    past : sequence of (estimate, variance)
        Earlier tests, in the same unit, whose values had the same spread about a mean of their own.
    draws, seed : int
        For the joint posterior.

    Returns
    -------
    Hierarchy

    Notes
    -----
    estimate_i is normal(value_i, variance_i), value_i normal(m, s²), m flat. Given s everything is conjugate; s is
    integrated on a grid, so that not knowing s is part of what is not known. With s estimated and then taken for
    known (plug-in empirical Bayes) the winner's probability of being best is overstated, or all are equal when the
    estimate is 0.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4; Gelman (2006), Bayesian Analysis 1, 515–534,
    section 5.2, for the half-Cauchy.

    Examples
    --------
    >>> found = normal_hierarchy([1.0, 1.2, 1.1, 3.0], [0.25] * 4, scale=0.5)
    >>> bool(found.mean[3] < 3.0), bool(found.mean[0] > 1.0)
    (True, True)
    """
    y, v = np.asarray(estimate, float), np.asarray(variance, float)
    spread = SPREADS * scale
    log = sum((_evidence(np.asarray(a, float), np.asarray(b, float), spread) for a, b in past), _evidence(y, v, spread))
    weight = _normalized(log + _half_cauchy(SPREADS))
    center, precision = _center(y, v, spread)
    keep = spread[:, None] ** 2 / (spread[:, None] ** 2 + v)  # of each value's own estimate
    conditional = keep * y + (1 - keep) * center[:, None]
    variance_ = keep * v + (1 - keep) ** 2 / precision[:, None]
    mean = weight @ conditional
    sd = np.sqrt(weight @ (variance_ + (conditional - mean) ** 2))
    rng = np.random.default_rng(seed)
    at = rng.choice(len(spread), draws, p=weight)
    m = center[at] + rng.standard_normal(draws) / np.sqrt(precision[at])
    drawn = keep[at] * y + (1 - keep[at]) * m[:, None] + np.sqrt(keep[at] * v) * rng.standard_normal((draws, y.size))
    none = _no_difference(_evidence(y, v, spread), _half_cauchy(SPREADS))
    return Hierarchy(mean, sd, float(weight @ spread), drawn, none)


def _no_difference(log_likelihood: Floats, log_prior: Floats) -> float:
    """Return the posterior probability of the least spread, as likely beforehand as all others together.

    Kass & Raftery (1995), Journal of the American Statistical Association 90, 773–795, section 3.
    """
    some = float(_summed((log_likelihood + np.log(_normalized(log_prior)))[None])[0])
    return float(1 / (1 + np.exp(np.clip(some - log_likelihood[0], -700, 700))))


def _half_cauchy(spread: Floats) -> Floats:
    """Return the prior's logarithm at each point of a grid that is even in its own."""
    return np.log(spread / (1 + spread**2))


def _normalized(log: Floats) -> Floats:
    weight = np.exp(log - log.max())
    return weight / weight.sum()


def _center(y: Floats, v: Floats, spread: Floats) -> tuple[Floats, Floats]:
    w = 1 / (v + spread[:, None] ** 2)
    return (w * y).sum(axis=1) / w.sum(axis=1), w.sum(axis=1)


def _evidence(y: Floats, v: Floats, spread: Floats) -> Floats:
    """Return the log likelihood of each spread, the mean integrated out."""
    w = 1 / (v + spread[:, None] ** 2)
    center, precision = _center(y, v, spread)
    return (np.log(w).sum(axis=1) - np.log(precision) - (w * (y - center[:, None]) ** 2).sum(axis=1)) / 2


def gamma_hierarchy(
    level: ArrayLike,
    exposure: ArrayLike,
    scale: float,
    *,
    past: Sequence[tuple[ArrayLike, ArrayLike]] = (),
    draws: int = 20_000,
    seed: int = 0,
) -> Hierarchy:
    """Return what is known of several true rates (or dollars each), whose noise grows with their level.

    Parameters
    ----------
    level : array-like
        Estimates, 0 or more.
    exposure : array-like
        The variance of an estimate is its true value over this: for gifts among n people, n.
    scale : float
        What is a usual spread between true values, as a share of their mean: its prior is half-Cauchy(scale).
    past : sequence of (level, exposure)
        Earlier tests, in any unit, whose true values had the same spread as a share of their own mean.
    draws, seed : int
        For the joint posterior.

    Returns
    -------
    Hierarchy
        `spread` is in the unit of `level`.

    Notes
    -----
    level · exposure is Poisson(value · exposure) (as a quasi-likelihood where it is not whole), values are gamma with
    mean m and coefficient of variation c, log m flat. Given (m, c) the posterior is gamma; both are integrated on a
    grid. Unlike a normal prior the gamma is skewed as real levels are (twice as good is as common as half as good),
    so that a true star is not pulled down among the rest.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., sections 2.6 and 5.1; McCullagh & Nelder (1989),
    Generalized Linear Models, section 9.2, for the quasi-likelihood.

    Examples
    --------
    >>> found = gamma_hierarchy([0.010, 0.012, 0.011, 0.030], [1000] * 4, scale=0.3)
    >>> bool(found.mean[3] < 0.03), bool(found.mean[0] > 0.01)
    (True, True)
    """
    e = np.asarray(exposure, float)
    k = np.asarray(level, float) * e
    log_c = _half_cauchy(RELATIVE / scale)
    for events, exposed in past:
        before = np.asarray(exposed, float)
        log_c = log_c + _summed(_gamma_evidence(np.asarray(events, float) * before, before)[0])
    grids, m = _gamma_evidence(k, e)
    weight = _normalized(grids + log_c[:, None])
    shape = np.broadcast_to(1 / RELATIVE[:, None] ** 2, m.shape).ravel()
    m, weight = m.ravel(), weight.ravel()
    top, bottom = shape[:, None] + k, (shape / m)[:, None] + e
    mean = weight @ (top / bottom)
    sd = np.sqrt(weight @ (top * (top + 1) / bottom**2) - mean**2)
    rng = np.random.default_rng(seed)
    at = rng.choice(len(weight), draws, p=weight)
    none = _no_difference(_summed(grids), _half_cauchy(RELATIVE / scale))
    return Hierarchy(mean, sd, float(weight @ (m / np.sqrt(shape))), rng.gamma(top[at], 1 / bottom[at]), none)


def _gamma_evidence(k: Floats, e: Floats) -> tuple[Floats, Floats]:
    """Return the log likelihood of each coefficient of variation (rows) and mean (columns), and those means."""
    off = np.sqrt(1 / max(k.sum(), 0.5) + RELATIVE**2 / k.size)
    m = max(k.sum(), 0.5) / e.sum() * np.exp(off[:, None] * STEPS)
    shape = 1 / RELATIVE[:, None, None] ** 2
    rate = shape / m[..., None]
    # Γ(shape + k) rate^shape / (Γ(shape) (rate + e)^(shape + k)), with the large terms taken together
    log = gammaln(shape + k) - gammaln(shape) - k * np.log(shape) + k * np.log(m[..., None])
    log = log - (shape + k) * np.log1p(e / rate)
    return log.sum(axis=-1) + np.log(off)[:, None], m


def _summed(log: Floats) -> Floats:
    top = log.max(axis=1, keepdims=True)
    return np.log(np.exp(log - top).sum(axis=1)) + top[:, 0]
