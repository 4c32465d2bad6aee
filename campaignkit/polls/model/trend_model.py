"""Where each kind of people stands on each day: a logit with walks for everyone and each level, and house effects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from scipy.special import expit

from campaignkit.errors import BadValue
from campaignkit.polls.model.day_counts import DayCounts
from campaignkit.polls.model.frames import FrameCells, Level, in_words
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.scaled_logit import ScaledLogit, Scales, fit_scaled, sine_columns
from campaignkit.stats.regression.separable_design import Block, Design

INTERCEPT_SD, LEVEL_SD, EVENT_SD, FLAT_SD = 5.0, 1.5, 0.5, 100.0
INTERACTION, STREAM, WALK, DRIFT = 0.3, 0.1, 0.03, 0.03  # half-normal priors of standard deviations; walks': a day
SINES = 6


@dataclass(frozen=True)
class Attributes:
    """The levels of each attribute, of the interviews and of the frame alike.

    Attributes
    ----------
    by : tuple of str
    levels : list of tuple
        Each attribute's levels.
    """

    by: tuple[str, ...]
    levels: list[tuple[Level, ...]]

    @property
    def groups(self) -> list[tuple[str, Level]]:
        """All levels, attribute by attribute."""
        return [(name, level) for name, levels in zip(self.by, self.levels, strict=True) for level in levels]

    def codes(self, table: pl.DataFrame) -> Whole:
        """Return rows × attributes."""
        places = [{level: at for at, level in enumerate(levels)} for levels in self.levels]
        columns = [[place[value] for value in table[name]] for name, place in zip(self.by, places, strict=True)]
        return np.array(columns, dtype=np.int64).reshape(len(self.by), table.height).T

    def indicators(self, codes: Whole) -> Floats:
        """Return rows × groups: who is in which."""
        each = [np.eye(len(levels))[codes[:, at]] for at, levels in enumerate(self.levels)]
        return np.concatenate([np.empty((len(codes), 0)), *each], axis=1)

    def crossed(self, codes: Whole) -> Floats:
        """Return rows × combinations of two levels of different attributes."""
        pairs = [np.eye(len(self.levels[a]) * len(self.levels[b]))[codes[:, a] * len(self.levels[b]) + codes[:, b]]
                 for a, b in combinations(range(len(self.by)), 2)]  # fmt: skip
        return np.concatenate([np.empty((len(codes), 0)), *pairs], axis=1)


def attributes_of(counts: DayCounts, frame: FrameCells) -> Attributes:
    """Return the frame's levels; refuse a level of the interviews that it lacks.

    Raises
    ------
    BadValue
        The interviews have a level that the frame does not have.
    """
    for name in counts.by:
        known = frame.levels[name]
        unknown = [(level,) for level in counts.units[name].unique().to_list() if level not in known]
        if unknown:
            places = counts.units.select(
                pl.col(name).is_in([level for (level,) in unknown], nulls_equal=True)
            ).to_series()
            asked = int(counts.n[places.to_numpy()].sum())
            raise BadValue(
                f"{name}: {asked:,} interviews have {in_words(unknown)}, which the frame does not have; it has "
                f"{in_words((level,) for level in known)}. Recode them, or leave these interviews out."
            )
    return Attributes(counts.by, [frame.levels[name] for name in counts.by])


def static_columns(attributes: Attributes, codes: Whole, streams: Floats) -> Floats:
    """Return the columns that do not change: intercept, levels, combinations of two, streams."""
    intercept = np.ones((len(codes), 1))
    return np.concatenate([intercept, attributes.indicators(codes), attributes.crossed(codes), streams], axis=1)


def step_columns(offsets: Floats, event: float | None) -> Floats:
    """Return days × columns of everyone's walk: a step at each day, as long as the gap's root, and at an event."""
    steps = (np.arange(len(offsets))[:, None] >= np.arange(1, len(offsets))) * np.sqrt(np.diff(offsets))
    return steps if event is None else np.concatenate([(offsets >= event)[:, None] * 1.0, steps], axis=1)


@dataclass(frozen=True)
class TrendModel:
    """The fitted model, and how to ask it of a frame.

    Attributes
    ----------
    counts : DayCounts
    frame : FrameCells
    attributes : Attributes
    event : float or None
        The first day after a known event, in days from the first.
    fit : ScaledLogit
    """

    counts: DayCounts
    frame: FrameCells
    attributes: Attributes
    event: float | None
    fit: ScaledLogit

    @property
    def streams(self) -> slice:
        """Where the streams' effects are."""
        first = 1 + len(self.attributes.groups)
        end = static_count(self.attributes, len(self.counts.streams))
        return slice(max(end - len(self.counts.streams), first), end)

    def frame_groups(self) -> Floats:
        """Return groups × cells: each cell's share of the group; everyone first."""
        inside = self.attributes.indicators(self.frame_codes())
        weight = np.concatenate([np.ones((len(inside), 1)), inside], axis=1) * self.frame.voters[:, None]
        return (weight / weight.sum(axis=0)).T

    def frame_codes(self) -> Whole:
        """Return the frame's cells × attributes."""
        return self.attributes.codes(self.frame.table)

    def shares(self, draws: Floats) -> Floats:
        """Return the outcome's share, groups × days × draws, as the middle of all streams would hear it."""
        codes, groups = self.frame_codes(), self.frame_groups()
        middle = np.full((len(codes), len(self.counts.streams)), 1 / len(self.counts.streams))
        design = build(self.attributes, codes, middle, self.counts.offsets, self.event)
        parts = [draws[at] for at in design.places]
        still = design.blocks[0].unit @ parts[0]
        of_level = parts[-1].reshape(len(self.attributes.groups), -1, draws.shape[1])
        shares = np.empty((len(groups), len(self.counts.days), draws.shape[1]))
        for day in range(len(self.counts.days)):
            eta = still + design.blocks[1].day[day] @ parts[1]
            eta += design.blocks[2].unit @ np.einsum("s,gsr->gr", design.blocks[2].day[day], of_level)
            shares[:, day] = groups @ expit(eta)
        return shares


def static_count(attributes: Attributes, streams: int) -> int:
    """Return how many columns do not change with the day."""
    sizes = [len(levels) for levels in attributes.levels]
    return 1 + sum(sizes) + sum(a * b for a, b in combinations(sizes, 2)) + streams


def build(attributes: Attributes, codes: Whole, streams: Floats, offsets: Floats, event: float | None) -> Design:
    """Return the design of rows (units, or cells of a frame) × days: what stays, everyone's walk, each level's."""
    still = Block(static_columns(attributes, codes, streams), np.ones((len(offsets), 1)))
    together = Block(np.ones((len(codes), 1)), step_columns(offsets, event))
    return Design([still, together, Block(attributes.indicators(codes), sine_columns(offsets, SINES))])


def scales_of(attributes: Attributes, streams: int, days: int, event: float | None, drifting: Sequence[int]) -> Scales:
    """Return the priors: one standard deviation for combinations, streams, steps, and one for the drift of each level.

    `drifting` is which scale each column of the last block has, from 0; -1: none, it is flat.
    """
    levels = len(attributes.groups)
    crossed = static_count(attributes, streams) - 1 - levels - streams
    known = 0 if event is None else 1
    of = [-1] * (1 + levels) + [0] * crossed + [1] * streams + [-1] * known + [2] * (days - 1)
    fixed = [INTERCEPT_SD] + [LEVEL_SD] * (len(of) - 1) + [FLAT_SD] * len(drifting)
    fixed[1 + levels + crossed + streams : len(of) - (days - 1)] = [EVENT_SD] * known
    drift = np.asarray(drifting, dtype=np.int64)
    prior = [INTERACTION, STREAM, WALK] + [DRIFT] * (int(drift.max(initial=-1)) + 1)
    return Scales(
        np.concatenate([of, np.where(drift < 0, -1, drift + 3)]).astype(np.int64), np.array(fixed), np.array(prior)
    )


def fit_trends(counts: DayCounts, frame: FrameCells, event: dt.date | None) -> TrendModel:
    """Fit the model to interviews of at least two days."""
    attributes = attributes_of(counts, frame)
    at = None if event is None else float((event - counts.days[0]).days)
    streams = np.eye(len(counts.streams))[counts.stream_codes]
    design = build(attributes, attributes.codes(counts.units), streams, counts.offsets, at)
    drifting = np.repeat(np.arange(len(attributes.groups)), SINES)
    scales = scales_of(attributes, len(counts.streams), len(counts.days), at, drifting.tolist())
    return TrendModel(counts, frame, attributes, at, fit_scaled(design, counts.n, counts.k, scales))
