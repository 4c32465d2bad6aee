"""Drawn histories of elections and their polls, with the scales that made them; as the model has it, or not."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit, logit

from campaignkit.election.data import results as real_results
from campaignkit.election.model.states import Prior, Results, election_day, places, prior_of, read_results

FIRST = 1976  # of which the real result is the start


@dataclass(frozen=True)
class Truth:
    """How a history is drawn."""

    swing: float = 0.2
    national: float = 0.2
    shared: float = 0.06
    own: float = 0.06
    house: float = 0.06
    noise: float = 0.04
    drift: float = 0.0115
    tails: int | None = None  # degrees of freedom of the polls' shared errors; None: normal


@dataclass(frozen=True)
class History:
    polls: pl.DataFrame
    results: pl.DataFrame
    past: Results


def draw_history(seed: int, polled: list[int], truth: Truth = Truth(), polls: int = 400, days: int = 21) -> History:
    """Draw elections every four years up to the last polled one, and the polls of those that are."""
    rng = np.random.default_rng([seed, 18])
    real = real_results().filter(year=FIRST)
    turnout = read_results(real).turnout[FIRST]
    past = Results({FIRST: read_results(real).share[FIRST]}, {FIRST: turnout})
    tables = []
    for year in range(FIRST + 4, max(polled) + 1, 4):
        prior = prior_of(past, year)
        factor = np.linalg.cholesky(prior.covariance)
        theta = prior.mean + truth.swing * factor @ rng.standard_normal(51) + truth.national * rng.standard_normal()
        theta += (rng.normal(0, truth.national) - prior.turnout @ theta) * 0.5  # parties come back
        past = Results(past.share | {year: expit(theta)}, past.turnout | {year: turnout})
        if year in polled:
            tables.append(draw_polls(rng, year, theta, prior, factor, truth, polls, days))
    rows = [
        {"year": year, "state": state, "dem": share, "rep": 1 - share, "total_votes": 1e8 * turnout[at]}
        for year in past.years
        for at, (state, share) in enumerate(zip(places()["state"], past.share[year], strict=True))
    ]
    return History(pl.concat(tables), pl.DataFrame(rows), past)


def draw_polls(
    rng: np.random.Generator,
    year: int,
    theta: np.ndarray,
    prior: Prior,
    factor: np.ndarray,
    truth: Truth,
    n: int,
    days: int,
) -> pl.DataFrame:
    left = rng.integers(0, days, n)
    step = truth.drift * factor / np.sqrt(prior.turnout @ prior.covariance @ prior.turnout)
    walk = np.vstack([np.zeros(51), np.cumsum(rng.standard_normal((days, 51)) @ step.T, axis=0)])
    tail = np.sqrt((truth.tails - 2) / rng.chisquare(truth.tails, 2)) if truth.tails else np.ones(2)
    bias = truth.shared * tail[0] * rng.standard_normal() + truth.own * tail[1] * factor @ rng.standard_normal(51)
    houses = truth.house * rng.standard_normal(30)
    close = np.exp(-np.abs(theta) / 0.25)
    state = rng.choice(51, n, p=close / close.sum())
    national, house = rng.random(n) < 0.25, rng.integers(0, 30, n)
    level = theta + walk[left] + bias
    shares = expit(level)
    mean = np.where(national, logit(shares @ prior.turnout), level[np.arange(n), state])
    p = expit(mean + houses[house] + truth.noise * rng.standard_normal(n))
    size = rng.integers(500, 1500, n)
    dem = 100 * rng.binomial(size, p) / size
    end = [election_day(year) - dt.timedelta(days=int(day)) for day in left]
    names = places()["state"].to_list()
    return pl.DataFrame(
        {"state": ["US" if nation else names[at] for nation, at in zip(national, state, strict=True)],
         "pollster": [f"House {at}" for at in house], "start_date": end, "end_date": end, "sample_size": size,
         "dem": dem, "rep": 100 - dem}
    ).filter((pl.col("dem") > 0) & (pl.col("rep") > 0))  # fmt: skip
