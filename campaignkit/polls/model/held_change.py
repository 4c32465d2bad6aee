"""The change in cross-sections after an event, with the electorate's composition held as it was before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit

from campaignkit.polls.model.day_counts import DayCounts
from campaignkit.polls.model.frames import levels_of
from campaignkit.polls.model.trend_model import (
    EVENT_SD,
    INTERACTION,
    INTERCEPT_SD,
    LEVEL_SD,
    STREAM,
    Attributes,
    static_columns,
)  # fmt: skip
from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.regression.scaled_logit import Scales, fit_scaled
from campaignkit.stats.regression.separable_design import Block, Design

DRAWS = 400


@dataclass(frozen=True)
class HeldChange:
    """The change of the outcome's share, and its error."""

    estimate: float
    std_error: float


def composition(counts: DayCounts, by: list[str], after: Mask) -> pl.DataFrame:
    """Return how many interviews before the event are of each combination of some attributes: ``voters``."""
    asked = counts.units.with_columns(voters=pl.Series(counts.n[:, ~after].sum(axis=1)))
    return asked.group_by(by, maintain_order=True).agg(pl.col("voters").sum()).filter(pl.col("voters") > 0)


def held_change(
    counts: DayCounts, by: list[str], cells: pl.DataFrame, apart: list[str], after: Mask, seed: int
) -> HeldChange:
    """Estimate the change with the composition of some cells.

    Parameters
    ----------
    counts : DayCounts
    by : list of str
        What is held: attributes of `counts`.
    cells : polars.DataFrame
        The composition: the columns of `by`, and ``voters``.
    apart : list of str
        Attributes whose combinations may change each in its own way; shrunk toward the common change.
    after : array of bool
        Which days are after the event.
    seed : int
    """
    attributes = Attributes(tuple(by), [levels_of(pl.concat([counts.units[name], cells[name]])) for name in by])
    codes, wanted = attributes.codes(counts.units), attributes.codes(cells)
    n, k = (
        np.stack([part[:, ~after].sum(axis=1), part[:, after].sum(axis=1)], axis=1) for part in (counts.n, counts.k)
    )
    changes = [_changes(attributes, rows, apart) for rows in (codes, wanted)]
    streams = np.eye(len(counts.streams))[counts.stream_codes]
    still = static_columns(attributes, codes, streams)
    design = Design([Block(still, np.ones((2, 1))), Block(changes[0], np.array([[0.0], [1.0]]))])
    levels, cells_apart = len(attributes.groups), changes[0].shape[1] - 1
    crossed = still.shape[1] - 1 - levels - len(counts.streams)
    of = [-1] * (1 + levels) + [0] * crossed + [1] * len(counts.streams) + [-1] + [2] * cells_apart
    fixed = np.full(len(of), LEVEL_SD)
    fixed[0], fixed[still.shape[1]] = INTERCEPT_SD, EVENT_SD
    scales = Scales(np.array(of), fixed, np.array([INTERACTION, STREAM, INTERACTION]))
    fit = fit_scaled(design, n, k, scales)
    middle = np.full((len(wanted), len(counts.streams)), 1 / len(counts.streams))
    draws = fit.draws(DRAWS, np.random.default_rng(seed))
    eta = static_columns(attributes, wanted, middle) @ draws[: still.shape[1]]
    weight = cells["voters"].to_numpy() / cells["voters"].sum()
    change = weight @ (expit(eta + changes[1] @ draws[still.shape[1] :]) - expit(eta))
    return HeldChange(float(change.mean()), float(change.std()))


def _changes(attributes: Attributes, codes: Whole, apart: list[str]) -> Floats:
    """Return the columns of the change: everyone's, and one for each combination of what may change apart."""
    cell = np.zeros(len(codes), dtype=np.int64)
    count = 1
    for name in apart:
        at = attributes.by.index(name)
        cell, count = cell * len(attributes.levels[at]) + codes[:, at], count * len(attributes.levels[at])
    own = np.eye(count)[cell] if apart else np.empty((len(codes), 0))
    return np.concatenate([np.ones((len(codes), 1)), own], axis=1)
