"""A table of counts, or people one row each, as cells: how many voters have each combination of attributes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.errors import BadValue, NotEnoughData, listed
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.tables import Roles, open_roles

Level = Any  # a value of a column; None: unknown
WEIGHT = "weight"


@dataclass(frozen=True)
class FrameCells:
    """A frame's cells.

    Attributes
    ----------
    by : tuple of str
        The attributes.
    table : polars.DataFrame
        One row per cell: the attributes, and ``voters``, how many it stands for.
    """

    by: tuple[str, ...]
    table: pl.DataFrame

    @property
    def voters(self) -> Floats:
        """How many voters each cell stands for."""
        return self.table["voters"].to_numpy()

    @cached_property
    def levels(self) -> dict[str, tuple[Level, ...]]:
        """Each attribute's values, in order, unknown (None) last."""
        return {name: levels_of(self.table[name]) for name in self.by}

    @cached_property
    def codes(self) -> Whole:
        """Each cell's level of each attribute: cells × attributes."""
        columns = [codes_of(self.table, [name], [(level,) for level in self.levels[name]], "frame") for name in self.by]
        return np.stack(columns, axis=1)

    def margin(self, *names: str) -> dict[tuple[Level, ...], float]:
        """Return how many voters have each combination of some attributes."""
        table = self.table.group_by(*names, maintain_order=True).agg(pl.col("voters").sum())
        return {tuple(row[:-1]): float(row[-1]) for row in table.iter_rows()}


def read_frame(frame: object, by: Sequence[str], frame_weight: str | None = None) -> FrameCells:
    """Reduce a poststratification frame to cells, in one pass where it lies.

    Parameters
    ----------
    frame : table
        A table of counts, or people one row each, such as a universe.
    by : sequence of str
        Attributes: columns, and of a universe facts.
    frame_weight : str or None
        How many voters a row stands for: a column, or of a universe a fact such as ``score('turnout')``. None: each
        row counts 1.

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        A weight is null, NaN or negative, or a column plays two parts.
    NotEnoughData
        No row, or none that counts.

    Examples
    --------
    >>> counts = pl.DataFrame({"sex": ["F", "M", "F"], "region": ["W", "W", "E"], "people": [30, 20, 50]})
    >>> read_frame(counts, ["sex"], "people").table.rows()
    [('F', 80.0), ('M', 20.0)]
    """
    opened = open_roles(frame, Roles(by=tuple(by), weight=frame_weight))
    if frame_weight is None:
        table = cells(opened.frame, by).select(*by, voters=pl.col("n").cast(pl.Float64))
    else:
        keyed = opened.lazy().select(*by, nw.col(frame_weight).cast(nw.Float64).alias(_unused(by)))
        table = cells(keyed, by, _unused(by)).rename(
            {f"{_unused(by)}_{end}": f"_{end}" for end in ("n", "min", "mean")}
        )
        if bad := int(table.select(((pl.col("n") > pl.col("_n")) | (pl.col("_min") < 0)).sum()).item()):
            raise BadValue(
                f"frame_weight: {frame_weight!r} is null, NaN or negative in {bad:,} cells of the frame; put 0 where "
                "a row should not count, or leave such rows out of the frame."
            )
        table = table.select(*by, voters=pl.col("n") * pl.col("_mean"))
    table = table.filter(pl.col("voters") > 0)
    if table.is_empty():
        raise NotEnoughData("The frame has no voters.")
    return FrameCells(tuple(by), as_texts(table, by))


def _unused(by: Sequence[str]) -> str:
    name = WEIGHT
    while name in by:
        name += "_"
    return name


def as_texts(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return a table whose categories and enums among some columns are texts; refuse decimals that make no levels."""
    for name in by:
        if table[name].dtype.is_nested():
            raise BadValue(f"Column {name!r} is {table[name].dtype}; texts, whole numbers or booleans were expected.")
    kinds = [name for name in by if table[name].dtype in (pl.Categorical, pl.Enum)]
    return table.with_columns(pl.col(kinds).cast(pl.String)) if kinds else table


def levels_of(column: pl.Series) -> tuple[Level, ...]:
    """Return a column's values in order, None last.

    Examples
    --------
    >>> levels_of(pl.Series(["b", None, "a"]))
    ('a', 'b', None)
    """
    return tuple(column.unique().sort(nulls_last=True).to_list())


def codes_of(table: pl.DataFrame, names: Sequence[str], known: Sequence[tuple[Level, ...]], where: str) -> Whole:
    """Return which of the known combinations of some columns' values each row has.

    Raises
    ------
    BadValue
        A row has none of them; the error says which, and how many rows.

    Examples
    --------
    >>> codes_of(pl.DataFrame({"sex": ["M", "F"]}), ["sex"], [("F",), ("M",)], "frame").tolist()
    [1, 0]
    """
    present = table.group_by(*names, maintain_order=True).len("_rows")
    place = {levels: at for at, levels in enumerate(known)}
    rows = [(row[:-1], row[-1]) for row in present.iter_rows()]
    if unknown := [(levels, n) for levels, n in rows if levels not in place]:
        raise BadValue(
            f"{' × '.join(names)}: the sample has {in_words([levels for levels, _ in unknown])} in "
            f"{sum(n for _, n in unknown):,} rows, which the {where} does not have; it has {in_words(known)}. Recode "
            "them, or leave these rows out."
        )
    at = pl.Series("_at", [place[levels] for levels, _ in rows], dtype=pl.Int64)
    joined = table.select(names).join(
        present.select(names).with_columns(at), on=list(names), how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["_at"].to_numpy()


def in_words(combinations: Iterable[tuple[Level, ...]]) -> str:
    """Return levels, or combinations of levels, for a sentence.

    Examples
    --------
    >>> in_words([("F",), (None,), ("M", "West")])
    "'F', unknown (null), 'M' × 'West'"
    """
    single = (["unknown (null)" if level is None else repr(level) for level in levels] for levels in combinations)
    return listed([" × ".join(levels) for levels in single])
