"""Whether a group moved apart from the rest: a test that does not shrink what it tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr

from campaignkit.polls.model.day_counts import DayCounts
from campaignkit.polls.model.trend_model import TrendModel, scales_of, static_columns, step_columns
from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.scaled_logit import fit_scaled
from campaignkit.stats.regression.separable_design import Block, Design


@dataclass(frozen=True)
class Movements:
    """Each group's movement beside the rest's, on the logit scale, with its error and p-value; null: not to be told."""

    estimate: Floats
    std_error: Floats
    p_value: Floats


def movements(model: TrendModel, counts: DayCounts) -> Movements:
    """Test each level's movement from the first of the days to the last, or at the event where one is known.

    Parameters
    ----------
    model : TrendModel
        Its scales of all but the levels' drifts are kept.
    counts : DayCounts
        The interviews of the days to be tested.

    Notes
    -----
    The levels' drifts are refitted as straight lines (or steps at the event) without a prior. A group's contrast is its
    mean drift less that of the rest, cells weighted by voters · p(1 − p): 0 where everyone moves alike on the logit
    scale, though those near one half then move by more points. Its error is V A V: the sampling error of a penalized
    estimate. The posterior of the shrunk drifts is far too timid for a test.
    """
    attributes, offsets = model.attributes, counts.offsets
    at = None if model.event is None else model.event - (counts.days[0] - model.counts.days[0]).days
    moved: Floats = offsets / offsets[-1] if at is None else (offsets >= at).astype(float)
    codes, streams = attributes.codes(counts.units), np.eye(len(counts.streams))[counts.stream_codes]
    steps = Block(np.ones((len(codes), 1)), step_columns(offsets, at))
    still = Block(static_columns(attributes, codes, streams), np.ones((len(offsets), 1)))
    design = Design([still, steps, Block(attributes.indicators(codes), moved[:, None])])
    scales = scales_of(attributes, len(counts.streams), len(offsets), at, [-1] * len(attributes.groups))
    fit = fit_scaled(design, counts.n, counts.k, scales, model.fit.sd[:3])
    covariance = fit.covariance()
    drift = design.places[2]
    spread = (covariance @ fit.information @ covariance)[drift, drift]
    asked = (counts.n.sum(axis=1) @ attributes.indicators(codes)) > 0
    contrast, known = contrasts(model, asked)
    error = np.sqrt(np.maximum(np.einsum("gi,ij,gj->g", contrast, spread, contrast), 0))
    estimate = contrast @ fit.beta[drift]
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(known, 2 * ndtr(-np.abs(estimate / error)), np.nan)
    return Movements(np.where(known, estimate, np.nan), np.where(known, error, np.nan), p)


def contrasts(model: TrendModel, asked: np.ndarray) -> tuple[Floats, np.ndarray]:
    """Return each group's contrast with the rest, groups × levels, and whether there is one."""
    inside = model.attributes.indicators(model.frame_codes())
    static = model.fit.beta[: model.streams.stop]
    middle = np.full((len(inside), len(model.counts.streams)), 1 / len(model.counts.streams))
    p = expit(static_columns(model.attributes, model.frame_codes(), middle) @ static)
    weight = model.frame.voters * p * (1 - p)
    of, rest = inside * weight[:, None], (1 - inside) * weight[:, None]
    known = asked & (of.sum(axis=0) > 0) & (rest.sum(axis=0) > 0)
    with np.errstate(invalid="ignore"):
        contrast = (of / of.sum(axis=0)).T @ inside - (rest / rest.sum(axis=0)).T @ inside
    return np.where(known[:, None], contrast, 0.0), known
