"""The cell model fitted: standard deviations integrated over, coefficients drawn; and what clusters cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import expit

from campaignkit.polls.model.effects import Effect, model_data
from campaignkit.polls.model.responses import Responses
from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.mixed_logit import Data, Laplace, curvature, fit_mode, laplace_at
from campaignkit.stats.regression.weighted_points import directions, effective, points

POINTS = 32  # settings of the standard deviations
PASSES = 2  # a first fit takes part of what clusters share for what their areas do


@dataclass(frozen=True)
class CellModel:
    """A fitted model.

    Attributes
    ----------
    effects : tuple of Effect
    draws : array of float64
        Coefficients: draws × columns.
    sd : array of float64
        Standard deviations of the terms that have one: settings × terms.
    weight : array of float64
        Each setting's, adding up to 1.
    effective_points : float
        How many equal ones the settings are worth.
    design_effect : float
        By which the interviews' worth was divided for their clusters.
    """

    effects: tuple[Effect, ...]
    draws: Floats
    sd: Floats
    weight: Floats
    effective_points: float
    design_effect: float


def fit_cells(effects: Sequence[Effect], responses: Responses, draws: int, seed: int) -> CellModel:
    """Fit the model to interviews."""
    deff, start, merged = 1.0, None, responses.without_clusters()
    for _ in range(0 if responses.cluster is None else PASSES):
        mode = fit_mode(_data(effects, merged, deff), start)
        deff, start = cluster_effect(effects, responses, mode), mode.log_sd
    data = _data(effects, merged, deff)
    fits, weight = _integrated(data, fit_mode(data, start), seed)
    beta = _drawn(fits, weight, draws, np.random.default_rng([seed, 1]))
    sd = np.exp(np.stack([fit.log_sd for fit in fits]))
    return CellModel(tuple(effects), beta, sd, weight, effective(weight), deff)


def _data(effects: Sequence[Effect], responses: Responses, design_effect: float) -> Data:
    n = responses.effective_n / design_effect
    return model_data(effects, responses.codes, n, n * responses.rate)


def cluster_effect(effects: Sequence[Effect], responses: Responses, mode: Laplace) -> float:
    """Return the design effect of clusters: their residuals' squares over what independent ones would have.

    References
    ----------
    Kish (1965), Survey Sampling, section 8.2; Rao and Scott (1992), Biometrics 48, 577–585.
    """
    data = _data(effects, responses, 1.0)
    p = expit(data.packed.eta(mode.beta))
    off = np.bincount(responses.cluster, responses.wy - responses.w * p)  # ty: ignore
    return max(float((off**2).sum() / (responses.ww * p * (1 - p)).sum()), 1.0)


def _integrated(data: Data, mode: Laplace, seed: int) -> tuple[list[Laplace], Floats]:
    where = directions(
        mode.log_sd, curvature(data, mode), lambda x: mode.log_density - laplace_at(data, x, mode.beta).log_density
    )
    x, log_proposal = points(where, POINTS, seed)
    fits = [laplace_at(data, at, mode.beta) for at in x]
    log_weight = np.array([fit.log_density for fit in fits]) - log_proposal
    weight = np.exp(log_weight - log_weight.max())
    return fits, weight / weight.sum()


def _drawn(fits: Sequence[Laplace], weight: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Return coefficients drawn from the mixture, as many from each setting as its weight says."""
    edges = np.concatenate([[0.0], np.cumsum(weight)])
    counts = np.diff(np.floor(edges * draws + rng.random())).astype(int)
    counts[int(np.argmax(weight))] += draws - counts.sum()
    parts = []
    for fit, count in zip(fits, counts, strict=True):
        if count:
            factor = np.linalg.cholesky(fit.precision)
            noise = solve_triangular(factor.T, rng.standard_normal((len(fit.beta), count)), lower=False)
            parts.append(fit.beta + noise.T)
    return np.concatenate(parts)
