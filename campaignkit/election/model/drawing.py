"""Elections drawn in batches, under conditions, and counted along the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from scipy.special import expit

from campaignkit.election.model.race import Race
from campaignkit.errors import NotEnoughData
from campaignkit.stats.arrays import Floats
from campaignkit.stats.prediction.gaussian_mixture import BATCH

SAMPLED = 50_000  # draws behind conditional intervals


@dataclass(frozen=True)
class Conditions:
    """The conditions elections are drawn under.

    Attributes
    ----------
    bounds : mapping of int to (float, float)
        By unit: bounds of its logit; draws are made within them.
    where : polars.Expr or None
        On the columns of `Simulation.draws`; draws for which it is false are thrown away.
    words : tuple of str
        The same in words.
    """

    bounds: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    where: pl.Expr | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """What is kept of the elections drawn.

    Attributes
    ----------
    table : polars.DataFrame
        As in `Simulation`.
    votes : array
        Electoral votes in each election that meets the conditions.
    weight : array or None
        Of each of these elections; None: all are equal.
    """

    table: pl.DataFrame
    votes: np.ndarray
    weight: Floats | None


def draw(race: Race, n: int, seed: int, level: float, conditions: Conditions) -> Drawn:
    """Return elections drawn under conditions.

    Raises
    ------
    NotEnoughData
        No election meets the conditions.
    """
    if not conditions.words:
        counts, won_by_unit = _count(race, n, seed)
        return Drawn(_table(race, level, [], won_by_unit / n), counts, None)
    votes, counts, masses, sampled = race.votes.astype(np.float32), [], [], []
    won_by_unit, total, step = np.zeros(len(race.units)), 0.0, max(1, n // SAMPLED)
    for drawn, weight in batches(race, n, seed, conditions):
        won = (drawn > 0).astype(np.float32)
        counts.append((won @ votes).astype(np.int16))
        mass = np.ones(len(won), np.float32) if weight is None else weight
        won_by_unit += mass @ won
        total += float(mass.sum())
        if weight is not None:
            masses.append(weight)
        sampled.append((drawn[::step], mass[::step]))
    if not counts or total <= 0:
        raise NotEnoughData(f"None of {n:,} elections meets the condition: {' and '.join(conditions.words)}.")
    table = _table(race, level, sampled, won_by_unit / total)
    return Drawn(table, np.concatenate(counts), np.concatenate(masses) if masses else None)


def _count(race: Race, n: int, seed: int) -> tuple[np.ndarray, Floats]:
    """Return the electoral votes of n elections without conditions, and how many of them each unit is won in.

    A deviation above minus the mean is a logit above 0; not adding the mean saves a pass over the draws.
    """
    votes, ones = race.votes.astype(np.float32), np.ones(BATCH, np.float32)
    space = np.empty((BATCH, len(race.units)), np.float32)
    counts, won_by_unit, at = np.empty(n, np.int16), np.zeros(len(race.units)), 0
    for mean, deviations in race.mixture.deviations(n, seed, BATCH):
        size = len(deviations)
        won = np.greater(deviations, -mean, out=space[:size], casting="unsafe")
        counts[at : at + size] = won @ votes
        won_by_unit += ones[:size] @ won
        at += size
    return counts, won_by_unit


def _table(race: Race, level: float, sampled: list[tuple[Floats, Floats]], chance: Floats) -> pl.DataFrame:
    columns = {"state": race.units, "electoral_votes": race.votes, **_intervals(race, level, sampled)}
    return pl.DataFrame(columns | {"chance": chance})


def frame(race: Race, drawn: Floats, weight: Floats | None) -> pl.DataFrame:
    """Return draws as columns."""
    won = (drawn > 0).astype(np.float32)
    columns = {
        "electoral_votes": (won @ race.votes.astype(np.float32)).astype(np.int16),
        "national_share": expit(drawn @ race.national.astype(np.float32) + np.float32(race.national_offset)),
        "weight": np.ones(len(drawn)) if weight is None else weight,
    }
    shares = expit(drawn)
    return pl.DataFrame(columns | {name: shares[:, at] for at, name in enumerate(race.units)})


def batches(race: Race, n: int, seed: int, conditions: Conditions) -> Iterator[tuple[Floats, Floats | None]]:
    """Yield elections that meet conditions: logits, and weights where they were drawn within bounds."""
    for drawn, weight in race.batches(n, seed, conditions.bounds):
        if conditions.where is None:
            yield drawn, weight
            continue
        fits = frame(race, drawn, weight).select(conditions.where.fill_null(False).alias("fits"))["fits"].to_numpy()
        if fits.any():
            yield drawn[fits], None if weight is None else weight[fits]


def _intervals(race: Race, level: float, sampled: list[tuple[Floats, Floats]]) -> dict[str, Floats]:
    """Return shares of mean logits, and intervals: of the mixture itself, or of weighted draws under conditions."""
    points = {"lower": (1 - level) / 2, "upper": (1 + level) / 2}
    if not sampled:
        ends = {name: expit(race.mixture.quantile(p)) for name, p in points.items()}
        return {"estimate": expit(race.mixture.overall_mean()), **ends}
    x, weight = (np.concatenate(part) for part in zip(*sampled, strict=True))
    order = np.argsort(x, axis=0)
    below = np.cumsum(weight[order], axis=0) / weight.sum()
    at = {name: np.minimum((below < p).sum(axis=0), len(x) - 1) for name, p in points.items()}
    ordered = np.take_along_axis(x, order, axis=0)
    ends = {name: expit(ordered[place, np.arange(x.shape[1])].astype(float)) for name, place in at.items()}
    return {"estimate": expit(np.average(x, axis=0, weights=weight)), **ends}
