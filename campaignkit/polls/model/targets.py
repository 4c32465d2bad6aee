"""What a raked sample's margins are to be: of mappings, or of a frame's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.polls.model.frames import Level, codes_of, in_words, read_frame
from campaignkit.stats.arrays import Floats, Whole

TOLERANCE = 0.02  # by which margins' totals may differ: published shares are rounded


@dataclass(frozen=True)
class Margin:
    """One margin.

    Attributes
    ----------
    names : tuple of str
        Its column, or the columns whose combinations it is about.
    levels : tuple of tuple
        The values, or combinations of values.
    shares : array of float64
        Each one's share of the population, adding up to 1.
    total : float
        What the shares were made of.
    """

    names: tuple[str, ...]
    levels: tuple[tuple[Level, ...], ...]
    shares: Floats
    total: float

    @property
    def label(self) -> str:
        """The columns, as a table names them."""
        return " × ".join(self.names)

    def codes(self, table: pl.DataFrame) -> Whole:
        """Return each row's level.

        Raises
        ------
        BadValue
            The sample has a level that the target does not have, or lacks one that it has.
        """
        codes = codes_of(table, self.names, self.levels, "target")
        absent = np.bincount(codes, minlength=len(self.levels)) == 0
        if absent.any():
            lacking = [self.levels[at] for at in np.flatnonzero(absent)]
            raise BadValue(
                f"{self.label}: the target has {in_words(lacking)}, {self.shares[absent].sum():.2%} of the population, "
                "of which the sample has nobody. Join such levels to others, in the sample and in the target."
            )
        return codes


def read_targets(targets: object, by: Iterable[Any] | str | None, frame_weight: str | None) -> list[Margin]:
    """Return the margins that are wanted.

    Raises
    ------
    BadValue
        A margin is no mapping of levels to numbers of at least 0, or margins' totals differ by more than 2%.

    Examples
    --------
    >>> [margin.label for margin in read_targets({"sex": {"F": 52, "M": 48}}, None, None)]
    ['sex']
    """
    if isinstance(targets, Mapping):
        if by is not None or frame_weight is not None:
            raise BadValue("by and frame_weight are of a frame; targets is a mapping, which names its margins itself.")
        margins = [_from_mapping(names, shares) for names, shares in targets.items()]
    else:
        margins = _from_frame(targets, by, frame_weight)
    if not margins:
        raise BadValue("targets names no margin; {'sex': {'F': 52, 'M': 48}}, or a frame with by=, was expected.")
    totals = [margin.total for margin in margins]
    if max(totals) > (1 + TOLERANCE) * min(totals):
        differ = ", ".join(f"{margin.label} {margin.total:,.6g}" for margin in margins)
        raise BadValue(
            f"The targets' totals differ: {differ}. Give all as shares, or all as counts of the same people."
        )
    return margins


def _from_mapping(names: Any, wanted: Any) -> Margin:
    columns = margin_names([names])[0]
    if not isinstance(wanted, Mapping) or not wanted:
        raise BadValue(
            f"targets: {names!r} has {wanted!r}; a mapping from each level to its count or share was expected."
        )
    counts = {level if isinstance(names, tuple) else (level,): count for level, count in wanted.items()}
    if odd := [levels for levels in counts if not isinstance(levels, tuple) or len(levels) != len(columns)]:
        raise BadValue(f"targets: {names!r} has the level {odd[0]!r}; one of {len(columns)} values was expected.")
    return _margin(columns, counts)


def _from_frame(frame: object, by: Iterable[Any] | str | None, frame_weight: str | None) -> list[Margin]:
    if by is None:
        raise BadValue(
            "targets is a frame; name the margins that are wanted of it, as by=['sex', ('race', 'education')]."
        )
    margins = margin_names([by] if isinstance(by, str) else list(by))
    cells = read_frame(frame, list(dict.fromkeys(name for names in margins for name in names)), frame_weight)
    return [_margin(names, cells.margin(*names)) for names in margins]


def margin_names(margins: Sequence[Any]) -> list[tuple[str, ...]]:
    """Return each margin's columns: a name, or a tuple of names.

    Examples
    --------
    >>> margin_names(["sex", ("race", "education")])
    [('sex',), ('race', 'education')]
    """
    columns = [margin if isinstance(margin, tuple) else (margin,) for margin in margins]
    for names in columns:
        if not names or len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
            raise BadValue(f"{names!r} is no margin; a column, or a tuple of different columns, was expected.")
    if len(set(columns)) < len(columns):
        raise BadValue("A margin is named twice; name it once.")
    return columns


def _margin(names: tuple[str, ...], counts: Mapping[tuple[Level, ...], Any]) -> Margin:
    for levels, count in counts.items():
        number = isinstance(count, int | float | np.number) and not isinstance(count, bool)
        if not number or not np.isfinite(count) or count < 0:
            raise BadValue(
                f"targets: {' × '.join(names)} wants {count!r} of {in_words([levels])}; 0 or more was expected."
            )
    wanted = {levels: float(count) for levels, count in counts.items() if count > 0}
    if not wanted:
        raise BadValue(f"targets: {' × '.join(names)} wants 0 of every level.")
    values = np.array(list(wanted.values()))
    return Margin(names, tuple(wanted), values / values.sum(), float(values.sum()))
