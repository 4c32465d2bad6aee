"""An election as the model sees it, and the evidence of earlier elections about the scales."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import logit

from campaignkit.election.model.poll_table import PollArrays, poll_arrays
from campaignkit.election.model.settings import Settings
from campaignkit.election.model.states import Prior, Results, prior_of
from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.linear_gaussian import reduce_observations
from campaignkit.stats.regression.variance_components import Rotated, log_predictive, rotate

REMEMBERED = 4  # last elections used even without polls: they still show how states swing


@dataclass(frozen=True)
class Election:
    """One election, before its result is known.

    Attributes
    ----------
    prior : Prior
        What was known before any poll.
    arrays : PollArrays
        The polls.
    solved : array
        D⁻¹ A of the polls; see `stats.regression.linear_gaussian`.
    rotated : Rotated
        Prior and polls in the basis where changing the scales is cheap.
    """

    prior: Prior
    arrays: PollArrays
    solved: Floats
    rotated: Rotated


def election_of(
    polls: pl.DataFrame,
    results: Results,
    on: dt.date,
    settings: Settings,
    states: Any = None,
    fundamentals: Floats | None = None,
) -> Election:
    """Return an election from its polls and the results before it."""
    prior = prior_of(
        results, on.year, states, fundamentals,
        unit_national=settings.unit_national, national_by_turnout=settings.national_by_turnout,
    )  # fmt: skip
    arrays = poll_arrays(polls, prior, on, settings)
    seen = reduce_observations(arrays.noise, arrays.design, arrays.y)
    return Election(prior, arrays, seen.solved, rotate(prior.covariance, prior.mean, seen.information, seen.score))


def evidence(election: Election, truth: Floats, settings: Settings) -> Floats:
    """Return the log density of an election's result given its polls, for each setting of the scales."""
    return log_predictive(election.rotated, np.asarray(logit(truth)), settings.grid())


def weights(logs: list[Floats], settings: Settings) -> Floats:
    """Return each setting's posterior weight: an even prior times the likelihood of earlier elections' results.

    With `integrate` False the likeliest setting has all the weight; of several equally likely ones, the one in the
    middle when sorted by their biases.

    Examples
    --------
    >>> weights([np.array([0.0, np.log(3.0)])], Settings()).round(2)
    array([0.25, 0.75])
    """
    total = np.sum(logs, axis=0) if logs else np.zeros(settings.grid().swing.size)
    if not settings.integrate and logs:
        grid = settings.grid()
        tied = np.flatnonzero(total > total.max() - 1e-6)
        middle = tied[np.argsort(grid.shared[tied] + grid.own[tied], kind="stable")[len(tied) // 2]]
        return (np.arange(len(total)) == middle).astype(float)
    weight = np.exp(total - total.max())
    return weight / weight.sum()


def past_elections(results: Results, year: int, polled: set[int]) -> list[int]:
    """Return the earlier elections that the scales are learned from: those with polls, and the last few.

    Examples
    --------
    >>> past = Results({1996: np.ones(51), 2000: np.ones(51), 2004: np.ones(51)}, {})
    >>> past_elections(past, 2008, {2000})
    [2000, 2004]
    """
    known = [past for past in results.before(year) if results.before(past)]
    return sorted(past for at, past in enumerate(known) if at < REMEMBERED or past in polled)
