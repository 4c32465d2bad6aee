"""An offer at random moves who joins; who joins moves the outcome. What joining did, to those the offer moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.causal.comparison import Mean, Means, variance
from campaignkit.stats.intervals.clustered import MANY
from campaignkit.stats.intervals.estimate import Estimate, interval
from campaignkit.stats.regression.clustered import cluster_sums
from campaignkit.stats.regression.least_squares import gram, solve


@dataclass(frozen=True)
class Offer:
    """Rows of an experiment whose offer not everyone took.

    Attributes
    ----------
    y, joined, offered : array
        The outcome, and 0 or 1.
    x : array
        Covariates; the first column is 1.
    weight : array
    cluster : array of int64 or None
    df : float
        Of Student's t.
    """

    y: Floats
    joined: Floats
    offered: Floats
    x: Floats
    weight: Floats
    cluster: Whole | None
    df: float

    def residuals(self, values: Floats) -> Floats:
        """Return what least squares on the covariates leaves of an array."""
        return values - self.x @ solve(gram(self.x, self.weight), self.x.T @ (self.weight * values))


@dataclass(frozen=True)
class OfferEffects:
    """What an offer did.

    Attributes
    ----------
    first, intention : Estimate
        Of the offer on joining, and on the outcome.
    late : Estimate
        Of joining on the outcome, with Wald's interval.
    bounds : (float, float)
        Anderson and Rubin's interval, right however little the offer moved; infinite where it moved too little.
    f : float
        The first stage's robust F.
    means : Means
        Those moved: the mean outcome had they joined, and had they not.
    df : float
        Of Student's t: of clusters that are few or unequal, Bell and McCaffrey's.
    """

    first: Estimate
    intention: Estimate
    late: Estimate
    bounds: tuple[float, float]
    f: float
    means: Means
    df: float


def effects_of_offer(o: Offer, confidence_level: float = 0.95) -> OfferEffects:
    """Return the effect of an offer, and of joining for those it moved.

    Two-stage least squares with one instrument; without covariates Wald's ratio.

    References
    ----------
    Imbens and Angrist (1994), Econometrica 62, 467–475, theorem 1; Angrist, Imbens and Rubin (1996), JASA 91,
    444–455; Abadie (2002), JASA 97, 284–292, lemma 2.1, for the means of those moved; Anderson and Rubin (1949), Annals
    of Mathematical Statistics 20, 46–63, for the interval.
    """
    z, y, d = (o.residuals(values) for values in (o.offered, o.y, o.joined))
    total = float(o.weight @ z**2)
    lever = o.weight * z / total
    first, intention = float(lever @ d), float(lever @ y)
    of_first, of_intention = lever * (d - first * z), lever * (y - intention * z)
    lost = o.x.shape[1] + 1
    (var_first, covariance, var_intention), df = _variances(o, of_first, of_intention, lost)
    slope = intention / first if first else np.nan
    wald = (var_intention - 2 * slope * covariance + slope**2 * var_first) / first**2 if first else np.nan
    critical = float(stdtrit(df, 0.5 + confidence_level / 2)) ** 2
    return OfferEffects(
        interval(first, np.sqrt(var_first), df, confidence_level),
        interval(intention, np.sqrt(var_intention), df, confidence_level),
        interval(slope, np.sqrt(max(wald, 0.0)), df, confidence_level),
        anderson_rubin(first, intention, var_first, var_intention, covariance, critical),
        first**2 / var_first if var_first > 0 else np.inf,
        Means(_moved(o, z, o.joined), _moved(o, z, 1 - o.joined), lost),
        df,
    )


def _variances(o: Offer, first: Floats, intention: Floats, lost: int) -> tuple[tuple[float, float, float], float]:
    """Return the variance of the first stage, its covariance with the intention, that one's variance, and their df.

    Where clusters are few or unequal by the jackknife over them: see `stats.regression.clustered`.
    """
    if o.cluster is not None:
        x = np.column_stack([o.offered, o.x])
        sums = cluster_sums(x, np.column_stack([o.joined, o.y]), o.weight, o.cluster)
        if sums is not None and (df := sums.df(0)) < 2 * MANY:
            spread = sums.covariance(0)
            return (float(spread[0, 0]), float(spread[0, 1]), float(spread[1, 1])), df
    of_first, of_intention = (variance(part, o.cluster, lost) for part in (first, intention))
    both = variance(first + intention, o.cluster, lost)
    return (of_first, (both - of_first - of_intention) / 2, of_intention), o.df


def anderson_rubin(
    first: float, intention: float, var_first: float, var_intention: float, covariance: float, critical: float
) -> tuple[float, float]:
    """Return the slopes at which the offer has no significant effect on outcome − slope · joining.

    Examples
    --------
    >>> low, high = anderson_rubin(0.2, 2.0, 1e-4, 0.04, 0.0, 3.84)
    >>> round(low, 2), round(high, 2)
    (7.89, 12.3)
    >>> anderson_rubin(0.01, 2.0, 1e-4, 0.04, 0.0, 3.84)
    (-inf, inf)
    """
    a = first**2 - critical * var_first
    b = -2 * (first * intention - critical * covariance)
    c = intention**2 - critical * var_intention
    inside = b * b - 4 * a * c
    if a <= 0 or inside < 0:
        return -np.inf, np.inf
    root = np.sqrt(inside)
    return float((-b - root) / (2 * a)), float((-b + root) / (2 * a))


def _moved(o: Offer, z: Floats, taken: Floats) -> Mean:
    """Return the mean outcome under `taken` of those the offer moves."""
    y, d = o.residuals(o.y * taken), o.residuals(taken)
    lever = o.weight * z
    total = float(lever @ d)
    value = float(lever @ y) / total if total else np.nan
    return Mean(value, lever * (y - value * d) / total if total else np.full(len(y), np.nan))


def wald_test(z: Floats, x: Floats, weight: Floats) -> tuple[float, int]:
    """Return the robust Wald statistic that covariates say nothing of an offer, and its degrees of freedom."""
    a = gram(x, weight)
    beta = solve(a, x.T @ (weight * z))
    score = x * (weight * (z - x @ beta))[:, None]
    inverse = solve(a, np.eye(len(a)))
    spread = inverse @ (score.T @ score) @ inverse
    return float(beta[1:] @ solve(spread[1:, 1:], beta[1:])), x.shape[1] - 1
