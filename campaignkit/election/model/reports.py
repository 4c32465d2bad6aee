"""The tables of a forecast: states, the nation, house effects, each poll's weight, scales."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import expit, ndtri

from campaignkit.election.data import electoral_votes
from campaignkit.election.model.fitting import Fit
from campaignkit.election.model.settings import Settings
from campaignkit.stats.arrays import Floats
from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture
from campaignkit.stats.regression.linear_gaussian import leave_groups_out
from campaignkit.stats.regression.variance_components import Variances, posterior, posterior_mean, rotate

AT_HALF = 0.25  # one logit as a share of the vote, at 50%


def state_table(fit: Fit, year: int, level: float) -> pl.DataFrame:
    """Return each state's share, interval and chance."""
    counts = fit.polls.table.group_by("state").agg(pl.len().cast(pl.Int64).alias("polls"))
    votes = electoral_votes(year).select("state", "state_name", "electoral_votes")
    table = votes.join(counts, on="state", how="left", maintain_order="left").with_columns(pl.col("polls").fill_null(0))
    return table.with_columns(
        **shares(fit.posterior.mixture, level), prior_share=pl.Series(expit(fit.election.prior.mean))
    )


def shares(mixture: GaussianMixture, level: float) -> dict[str, pl.Series]:
    """Return the share at the mean logit, its interval and the chance of a majority, for each dimension of logits."""
    tail = (1 - level) / 2
    columns = {"estimate": mixture.overall_mean(), "lower": mixture.quantile(tail), "upper": mixture.quantile(1 - tail)}
    series = {name: pl.Series(name, expit(values)) for name, values in columns.items()}
    return series | {"chance": pl.Series("chance", 1 - mixture.cdf(0.0))}


def national_logit(fit: Fit) -> GaussianMixture:
    """Return the national vote's logit."""
    prior = fit.election.prior
    return fit.posterior.mixture.linear(prior.national[None], prior.national_offset)


def house_effects(fit: Fit, settings: Settings, level: float) -> pl.DataFrame:
    """Return how far each pollster leans toward the Democrat, as a share of the vote at 50%.

    Polls alone cannot show the mean of all houses; a house is compared with the others and shrunk toward 0.
    """
    arrays = fit.election.arrays
    if not arrays.houses or not settings.house_sd:
        schema = {"pollster": pl.String, "n": pl.Int64} | dict.fromkeys(("estimate", "lower", "upper"), pl.Float64)
        return pl.DataFrame(schema=schema)
    seen = _polled_mean(fit, settings)
    z = (arrays.house[:, None] == np.arange(len(arrays.houses))).astype(float)
    solved = np.linalg.solve(arrays.noise, np.column_stack([z, arrays.y - arrays.design @ seen.overall_mean()]))
    pull = z.T @ fit.election.solved
    mean = settings.house_sd**2 * (z.T @ solved[:, -1])
    variance = settings.house_sd**2 * (
        1 - settings.house_sd**2 * (np.einsum("np,np->p", z, solved[:, :-1])
                                    - np.einsum("pi,ij,pj->p", pull, seen.overall_covariance(), pull))
    )  # fmt: skip
    half = ndtri((1 + level) / 2) * np.sqrt(np.maximum(variance, 0))
    columns = {"estimate": mean, "lower": mean - half, "upper": mean + half}
    counted = {"pollster": arrays.houses, "n": z.sum(axis=0).astype(int)}
    scaled = {name: values * AT_HALF for name, values in columns.items()}
    return pl.DataFrame(counted | scaled).sort("n", "pollster", descending=[True, False])


def _polled_mean(fit: Fit, settings: Settings) -> GaussianMixture:
    """Return what the polls measure: the states' logits plus the errors that polls share."""
    v = settings.grid()
    both = Variances(np.hypot(v.swing, v.own), np.hypot(v.national, v.shared), 0 * v.own, 0 * v.shared)
    return posterior(fit.election.rotated, both, fit.weight, fit.election.prior.turnout, 1).mixture


def poll_weights(fit: Fit, direction: Floats) -> pl.DataFrame:
    """Return how the forecast of `direction` @ logits moves with each poll, and how far each has moved it.

    `weight` is how much the forecast's logit rises when the poll's rises by 1; `moved` is a share at 50%: the weight
    times the poll's distance from the prior.
    """
    arrays, prior = fit.election.arrays, fit.election.prior
    weight = fit.election.solved @ (fit.posterior.response.T @ direction)
    moved = weight * (arrays.y - arrays.design @ prior.mean) * AT_HALF
    named = ["state", "pollster", "start_date", "end_date", "sample_size", "share"]
    table = fit.polls.table.select(named).with_columns(weight=pl.Series(weight), moved=pl.Series(moved))
    return table.sort(pl.col("weight").abs(), descending=True, maintain_order=True)


def without_each(fit: Fit, settings: Settings) -> pl.DataFrame:
    """Return, for each pollster, the national forecast without it and the state it moves most."""
    arrays, prior = fit.election.arrays, fit.election.prior
    groups = [arrays.house == at for at in range(len(arrays.houses))]
    states = electoral_votes(2012)["state"]
    whole, nation = expit(fit.posterior.mixture.overall_mean()), expit(national_logit(fit).overall_mean()[0])
    rows = []
    for name, group, seen in zip(
        arrays.houses, groups, leave_groups_out(arrays.noise, arrays.design, arrays.y, groups), strict=True
    ):
        left = posterior_mean(rotate(prior.covariance, prior.mean, *seen), settings.grid(), fit.weight)
        share = float(expit(prior.national @ left + prior.national_offset))
        change = expit(left) - whole
        most = int(np.abs(change).argmax())
        rows.append((name, int(group.sum()), share, share - nation, states[most], float(change[most])))
    names = ["pollster", "n", "national_share", "national_change", "state", "state_change"]
    return pl.DataFrame(rows, schema=names, orient="row").sort(
        pl.col("national_change").abs(), descending=True, maintain_order=True
    )


def scale_table(fit: Fit, settings: Settings) -> pl.DataFrame:
    """Return each scale's posterior mean and, where it was learned, its standard deviation (in logits)."""
    grid = settings.grid()
    rows = []
    for name, values in (("swing_sd", grid.swing), ("shared_bias_sd", grid.shared), ("state_bias_sd", grid.own)):
        mean = float(fit.weight @ values)
        sd = float(np.sqrt(max(fit.weight @ (values - mean) ** 2, 0.0)))
        rows.append((name, name in settings.learned, mean, sd))
    return pl.DataFrame(rows, schema=["scale", "learned", "estimate", "std_error"], orient="row")
