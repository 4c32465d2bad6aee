"""The cell model's columns: an intercept for everyone, for each level, each requested pair, and what areas are like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.polls.model.frames import FrameCells, Level, as_texts, in_words, levels_of
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.mixed_logit import Data
from campaignkit.stats.regression.terms import Term, Terms, join_codes
from campaignkit.tables import open_columns

INTERCEPT_SD, FEATURE_SD = 5.0, 1.0  # of the priors, on the logit scale; features are standardised
LEVELS_SD, PAIRS_SD = 0.5, 0.3  # scales of the half-normal priors of levels' and pairs' standard deviations


@dataclass(frozen=True)
class Features:
    """What areas are like.

    Attributes
    ----------
    numbers : dict of str to array
        Each numeric feature, standardised over areas.
    kinds : dict of str to (array of int, tuple)
        Each feature of text: each area's level, and the levels.
    """

    numbers: dict[str, Floats]
    kinds: dict[str, tuple[Whole, tuple[Level, ...]]]

    def matrix(self) -> Floats:
        """Return the numeric features and an indicator for each level of the others: areas × columns."""
        dummies = [np.eye(len(levels))[code] for code, levels in self.kinds.values()]
        return np.hstack([*(values[:, None] for values in self.numbers.values()), *dummies])


def read_features(data: object, area: str, levels: Sequence[Level]) -> Features:
    """Read one row per area: numbers are standardised, texts and booleans kept as levels.

    Raises
    ------
    BadValue
        An area of the frame is missing or there twice, or a feature is null.

    Examples
    --------
    >>> table = pl.DataFrame({"state": ["OH", "PA"], "share": [0.4, 0.6]})
    >>> read_features(table, "state", ("OH", "PA")).numbers["share"].tolist()
    [-1.0, 1.0]
    """
    opened = open_columns(data, [area], where="area_features")
    names = opened.frame.collect_schema().names()
    features = [name for name in names if name != area]
    if not features:
        raise BadValue(f"area_features has no column beside {area!r}.")
    table = as_texts(open_columns(data, [area, *features]).collect([area, *features]), [area, *features])
    have = table[area].to_list()
    if lacking := [level for level in levels if level not in have]:
        raise BadValue(f"area_features has no row for {in_words([(level,) for level in lacking])}.")
    if len(set(have)) < len(have):
        raise BadValue(f"area_features has a value of {area!r} twice; one row per area was expected.")
    ordered = table[[have.index(level) for level in levels]]
    if gaps := [name for name in features if _unknown(ordered[name])]:
        raise BadValue(f"area_features: {gaps[0]!r} is null or NaN for some areas of the frame.")
    numeric = [name for name in features if ordered[name].dtype.is_numeric()]
    return Features({name: _standard(ordered[name]) for name in numeric},
                    {name: _kind(ordered[name]) for name in features if name not in numeric})  # fmt: skip


def _unknown(column: pl.Series) -> bool:
    return bool(column.null_count()) or (column.dtype.is_float() and not bool(column.is_finite().all()))


def _standard(column: pl.Series) -> Floats:
    values = column.cast(pl.Float64).to_numpy()
    return (values - values.mean()) / (values.std() or 1.0)


def _kind(column: pl.Series) -> tuple[Whole, tuple[Level, ...]]:
    levels = levels_of(column)
    return np.array([levels.index(value) for value in column.to_list()]), levels


@dataclass(frozen=True)
class Effect:
    """One term of the model: what it is called, its levels, and for each cell of any table its level.

    Attributes
    ----------
    name : str
    labels : tuple of str
        Its columns.
    attributes : tuple of int
        The attributes whose levels together are the term's.
    sizes : tuple of int
        How many levels each has.
    basis : array
        What each combination puts into the term's columns.
    random : bool
        Whether its coefficients share a standard deviation that is learned.
    scale : float
        Of that deviation's half-normal prior, or the standard deviation that is given.
    """

    name: str
    labels: tuple[str, ...]
    attributes: tuple[int, ...]
    sizes: tuple[int, ...]
    basis: Floats
    random: bool
    scale: float

    def term(self, codes: Whole) -> Term:
        """Return the term for some cells."""
        if not self.attributes:
            return Term(np.zeros(len(codes), np.int64), self.basis)
        return Term(join_codes([codes[:, at] for at in self.attributes], self.sizes), self.basis)


def effects_of(
    frame: FrameCells, area: str | None, features: Features | None, interactions: Sequence[tuple[str, str]]
) -> list[Effect]:
    """Return the model's terms."""
    effects = [Effect("intercept", ("intercept",), (), (), np.ones((1, 1)), False, INTERCEPT_SD)]
    sizes = [len(frame.levels[name]) for name in frame.by]
    for at, name in enumerate(frame.by):
        labels = tuple(_text(level) for level in frame.levels[name])
        effects.append(Effect(name, labels, (at,), (sizes[at],), np.eye(sizes[at]), True, LEVELS_SD))
    for first, second in interactions:
        at, to = frame.by.index(first), frame.by.index(second)
        labels = tuple(f"{_text(a)} × {_text(b)}" for a in frame.levels[first] for b in frame.levels[second])
        pair = (sizes[at], sizes[to])
        effects.append(Effect(f"{first} × {second}", labels, (at, to), pair, np.eye(len(labels)), True, PAIRS_SD))
    if features is not None and area is not None:
        at = frame.by.index(area)
        for name, values in features.numbers.items():
            effects.append(
                Effect(name, (f"{name} (by 1 sd)",), (at,), (sizes[at],), values[:, None], False, FEATURE_SD)
            )
        for name, (code, levels) in features.kinds.items():
            labels = tuple(_text(level) for level in levels)
            effects.append(Effect(name, labels, (at,), (sizes[at],), np.eye(len(levels))[code], True, LEVELS_SD))
    return effects


def _text(level: Any) -> str:
    return "unknown" if level is None else str(level)


def model_data(effects: Sequence[Effect], codes: Whole, n: Floats, k: Floats) -> Data:
    """Return the model for some cells."""
    group, given, scale = [], [], []
    for effect in effects:
        columns = effect.basis.shape[1]
        group += [len(scale) if effect.random else -1] * columns
        given += [effect.scale] * columns
        scale += [effect.scale] if effect.random else []
    terms = Terms(tuple(effect.term(codes) for effect in effects))
    return Data(terms, n, k, np.array(group), np.array(given), np.array(scale))
