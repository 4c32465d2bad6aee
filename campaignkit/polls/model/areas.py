"""Each area by its own interviews, the cell model assisting, and drawn toward what areas like it show."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from campaignkit.polls.model.effects import Features
from campaignkit.polls.model.frames import FrameCells
from campaignkit.polls.model.responses import Responses
from campaignkit.stats.arrays import Floats
from campaignkit.stats.survey.area_shrinkage import area_draws

AREAS_SD = 0.25  # scale of the half-normal prior of areas' standard deviation about their features, logit
KINDS_SD = 0.5  # of the coefficient of each kind of area


def shrunk_areas(
    frame: FrameCells, responses: Responses, cell_mean: Floats, area: str, features: Features, design_effect: float,
    draws: int, seed: int,
) -> Floats:  # fmt: skip
    """Return draws of each area's share: draws × areas.

    Parameters
    ----------
    frame : FrameCells
    responses : Responses
        Without clusters.
    cell_mean : array
        Each of the frame's cells' chance by the cell model.
    area : str
        The areas' attribute.
    features : Features
    design_effect : float
        Of the clusters of interviews.
    draws, seed : int

    Notes
    -----
    An area's estimate is the model's, poststratified, plus the weighted mean of its own interviews' residuals (the
    generalised regression estimator), on the logit scale by its slope there.

    References
    ----------
    Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, section 6.4; Fay and Herriot (1979), Journal
    of the American Statistical Association 74, 269–277.
    """
    at, height = frame.by.index(area), len(frame.levels[area])
    voters = np.bincount(frame.codes[:, at], frame.voters, height)
    model = np.bincount(frame.codes[:, at], frame.voters * cell_mean, height) / voters
    sizes = [len(frame.levels[name]) for name in frame.by]
    chance = np.full(int(np.prod(sizes)), np.nan)
    chance[np.ravel_multi_index(tuple(frame.codes.T), sizes)] = cell_mean
    p = chance[np.ravel_multi_index(tuple(responses.codes.T), sizes)]
    place = responses.codes[:, at]
    p = np.where(np.isnan(p), model[place], p)  # interviews of combinations that the frame has no voters of
    w = np.bincount(place, responses.w, height)
    off = np.bincount(place, responses.wy - responses.w * p, height)
    noise = np.bincount(place, responses.ww * p * (1 - p), height)
    slope = model * (1 - model)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = logit(model) + off / w / slope
        variance = np.where(w > 0, noise * design_effect / w**2 / slope**2, np.inf)
    kinds = sum(len(levels) for _, levels in features.kinds.values())
    x = np.hstack([np.ones((height, 1)), features.matrix()])
    prior = [5.0, *[1.0] * len(features.numbers), *[KINDS_SD] * kinds]
    return expit(area_draws(np.where(w > 0, estimate, 0.0), variance, x, prior, AREAS_SD, draws, seed))
