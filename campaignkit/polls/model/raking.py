"""A sample read, its respondents' levels found, and raked cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.polls.model.frames import as_texts
from campaignkit.polls.model.targets import Margin
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.survey.raking import rake_cells
from campaignkit.tables import Roles, check_numbers, open_columns, open_roles, require_ids, weights


@dataclass(frozen=True)
class Sample:
    """A sample as it was read.

    Attributes
    ----------
    data : object
        The table, as it was given.
    ids : polars.DataFrame
        The unit's column, or ``row``: one row per respondent.
    unit : str or None
    design : array of float64
        Design weights, averaging 1.
    codes : tuple of array of int
        For each margin each respondent's level.
    heights : tuple of int
        How many levels each margin has.
    """

    data: object
    ids: pl.DataFrame
    unit: str | None
    design: Floats
    codes: tuple[Whole, ...]
    heights: tuple[int, ...]

    def answers(self, outcome: str, by: Sequence[str]) -> tuple[pl.DataFrame, Floats]:
        """Return the columns of `by` and the outcome (NaN: none), respondents in their order."""
        names = [outcome, *by]
        opened = open_columns(self.data, [*names, *([] if self.unit is None else [self.unit])])
        check_numbers(opened.frame, outcome, argument="outcome")
        table = opened.collect(list(dict.fromkeys([*names, *([] if self.unit is None else [self.unit])])))
        if self.unit is not None:
            table = self.ids.join(table, on=self.unit, how="left", maintain_order="left")
        return as_texts(table, by), table[outcome].cast(pl.Float64).fill_null(np.nan).to_numpy()


def read_sample(data: object, margins: Sequence[Margin], weight: str | None, unit: str | None) -> Sample:
    """Read a sample for raking.

    Raises
    ------
    BadValue
        A weight is no number of at least 0, a unit is null or there twice, or levels differ from the target's.
    NotEnoughData
        There are no rows.
    """
    names = tuple(dict.fromkeys(name for margin in margins for name in margin.names))
    opened = open_roles(data, Roles(by=names, weight=weight, unit=unit))
    require_ids(opened, [] if unit is None else [unit])
    table = opened.collect(Roles(by=names, weight=weight, unit=unit).names)
    if table.is_empty():
        raise NotEnoughData("The sample has no rows.")
    design = np.ones(table.height) if weight is None else weights(table[weight])
    if not (design > 0).all():
        raise BadValue(f"weight: column {weight!r} is 0 in {int((design == 0).sum()):,} rows; leave these rows out.")
    table = as_texts(table, names)
    if unit is not None and (bad := int(table[unit].is_duplicated().sum()) + table[unit].null_count()):
        raise BadValue(
            f"unit: column {unit!r} is null or there twice in {bad:,} rows; one row per respondent was expected."
        )
    ids = pl.DataFrame({"row": np.arange(table.height)}) if unit is None else table.select(unit)
    return Sample(
        data, ids, unit, design / design.mean(), tuple(margin.codes(table) for margin in margins),
        tuple(len(margin.levels) for margin in margins),
    )  # fmt: skip


def rake_sample(
    sample: Sample, margins: Sequence[Margin], low: float = 0.0, high: float = np.inf
) -> tuple[Floats, float]:
    """Return respondents' raked weights, averaging 1, and by how much a margin still misses.

    Respondents of one combination of levels and one design weight are raked as one cell.
    """
    keys = (
        [*sample.codes]
        if low == 0 and high == np.inf
        else [*sample.codes, np.unique(sample.design, return_inverse=True)[1]]
    )
    packed = np.ravel_multi_index(tuple(keys), tuple(int(key.max()) + 1 for key in keys))
    _, first, cell = np.unique(packed, return_index=True, return_inverse=True)
    n = len(sample.design)
    base = np.bincount(cell, sample.design)
    size = np.bincount(cell) / n
    bounds = None if len(keys) == len(sample.codes) else (low * size, high * size)
    raked = rake_cells([code[first] for code in sample.codes], base, [margin.shares for margin in margins], bounds)
    return sample.design * (raked.total / base)[cell] * n, raked.gap


def margin_table(sample: Sample, margins: Sequence[Margin], weight: Floats) -> pl.DataFrame:
    """Return the margins before and after, beside what was wanted."""
    parts = []
    for margin, codes in zip(margins, sample.codes, strict=True):
        count, before, after = (
            np.bincount(codes, w, len(margin.levels)) for w in (np.ones(len(codes)), sample.design, weight)
        )
        levels = [
            None if level == (None,) else " × ".join("unknown" if x is None else str(x) for x in level)
            for level in margin.levels
        ]
        parts.append(
            pl.DataFrame(
                {"margin": [margin.label] * len(levels), "level": levels, "n": count.astype(int),
                 "before_share": before / before.sum(),
                 "after_share": after / after.sum(), "wanted_share": margin.shares},
                schema_overrides={"level": pl.String},
            )
        )  # fmt: skip
    return pl.concat(parts)
