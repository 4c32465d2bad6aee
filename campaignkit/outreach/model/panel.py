"""A viewing panel as arrays: who watched which cell on how many days, who each person stands for, who is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.splits import canonical_ids, split_keys
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.tables import check_numbers, open_columns, weights

EVERYWHERE = "everywhere"  # the market's name where there is one only
ID, MARKET, WEIGHT, DAYS, TARGET = "__id", "__market", "__weight", "__days", "__target"


@dataclass(frozen=True)
class Viewed:
    """What the arguments of `audiences` say of a viewing table.

    Attributes
    ----------
    by : list of str
        Columns of a cell besides the market, the network first.
    unit, exposures : str
    market, weight, date : str or None
    days : int or None
    """

    by: list[str]
    unit: str
    market: str | None
    weight: str | None
    exposures: str | None
    date: str | None
    days: int | None


@dataclass(frozen=True)
class Panel:
    """A panel.

    Attributes
    ----------
    watched : scipy sparse array, persons × cells
        Days on which each person watched each cell.
    cells : polars.DataFrame
        Market and `by` of each cell.
    markets : list of str
        Names of strata; a person is in one.
    market, cell_market : array of int64
        Each person's and each cell's.
    weight : array of float64
        How many adults each person stands for.
    target : array of float64
        1 where a person is wanted, 0 where not; or the votes to be expected of the person.
    days : int
    key : array of int64
        A hash of each person's id, for folds.
    """

    watched: Any
    cells: pl.DataFrame
    markets: list[str]
    market: Whole
    cell_market: Whole
    weight: Floats
    target: Floats
    days: int
    key: Whole

    @cached_property
    def by_cell(self) -> Any:
        """The same days, ordered by cell."""
        return self.watched.tocsc()

    @cached_property
    def size(self) -> int:
        """Persons."""
        return len(self.weight)

    def inside(self, value: Floats) -> Floats:
        """Return the sum of a number of persons in each market."""
        return np.bincount(self.market, value, len(self.markets)).astype(float)

    def folds(self, folds: int, seed: int) -> Whole:
        """Return each person's fold: by hash, even within each market and among its targets."""
        mixed = (self.key ^ np.int64(seed * 2654435761 % 2**59)) * np.int64(6364136223846793005)
        order = np.lexsort((mixed, self.target > 0, self.market))
        assigned = np.empty(self.size, np.int64)
        assigned[order] = np.arange(self.size) % folds
        return assigned


def read_panel(viewing: object, members: object, target: object, columns: Viewed, wanted: tuple[Any, Any]) -> Panel:
    """Return a panel of a viewing table, and of the table of its members where there is one.

    Parameters
    ----------
    viewing, members, target : table
        As for `audiences`; members may be None, and the target a column's name.
    columns : Viewed
    wanted : tuple
        `score` and `threshold`.
    """
    seen, days = _records(viewing, columns)
    people = _people(viewing if members is None else members, columns, target if isinstance(target, str) else None)
    strangers = seen.join(people, on=ID, how="anti")
    if strangers.height:
        raise BadValue(
            f"{strangers[ID].n_unique():,} people in viewing, such as {strangers[ID][0]!r}, are not in panel."
        )
    values = _target(people, target, columns.unit, *wanted)
    markets = people[MARKET].unique().sort().to_list()
    code = {name: at for at, name in enumerate(markets)}
    people = people.with_row_index("__row")
    seen = seen.join(people.select(ID, "__row", MARKET), on=ID)
    cells = _cells(seen, columns.by)
    at = seen.join(cells.with_row_index("__cell"), on=[MARKET, *columns.by], nulls_equal=True)
    keys = split_keys(people[ID], "panel")
    return Panel(
        _sparse(at, people.height, cells.height), cells, markets, people[MARKET].replace_strict(code).to_numpy(),
        cells[MARKET].replace_strict(code).to_numpy(), people[WEIGHT].to_numpy(), values, days, keys,
    )  # fmt: skip


def _sparse(at: pl.DataFrame, persons: int, cells: int) -> Any:
    from scipy import sparse

    place = (at["__row"].to_numpy(), at["__cell"].to_numpy())
    return sparse.csr_array((at[DAYS].to_numpy().astype(float), place), shape=(persons, cells))


def _records(viewing: object, columns: Viewed) -> tuple[pl.DataFrame, int]:
    """Return days watched by person and cell, and the panel's days."""
    extra = [name for name in (columns.exposures, columns.date) if name is not None]
    keys = [columns.unit, *columns.by]
    frame = open_columns(viewing, [*keys, *extra], "viewing").lazy()
    frame = frame.filter(~nw.all_horizontal(*(nw.col(name).is_null() for name in columns.by), ignore_nulls=False))
    if columns.exposures is not None:
        check_numbers(frame, columns.exposures, argument="exposures")
        total = nw.col(columns.exposures).cast(nw.Float64).sum()
    else:
        total = nw.len() if columns.date is None else nw.col(columns.date).n_unique()
    table = frame.group_by(*keys).agg(total.alias(DAYS)).collect("polars").to_native()
    table = table.with_columns(canonical_ids(table[columns.unit]).alias(ID), pl.col(DAYS).cast(pl.Float64))
    days = columns.days
    if days is None:
        days = int(frame.select(nw.col(str(columns.date)).n_unique()).collect("polars").item(0, 0))
    odd = table.filter(pl.col(DAYS).is_null() | ~pl.col(DAYS).is_between(0, days))
    if odd.height:
        raise BadValue(
            f"viewing: {odd.height:,} people and cells have exposures that are null, below 0 or above the panel's "
            f"{days} days, such as {odd[DAYS][0]!r}. An exposure is a day on which the person watched the cell."
        )
    if table[ID].null_count():
        raise BadValue(f"viewing: {columns.unit!r} is null in some rows.")
    return table.filter(pl.col(DAYS) > 0).select(ID, *columns.by, DAYS), days


def _people(members: object, columns: Viewed, target: str | None) -> pl.DataFrame:
    """Return one row per person: id, market, weight, and the target's column where it is one."""
    named = [name for name in (columns.market, columns.weight, target) if name is not None]
    table = open_columns(members, [columns.unit, *dict.fromkeys(named)], "panel").collect(
        [columns.unit, *dict.fromkeys(named)]
    )
    market = pl.lit(EVERYWHERE) if columns.market is None else pl.col(columns.market).cast(pl.String)
    weight = pl.lit(1.0) if columns.weight is None else pl.Series(weights(table[columns.weight]))
    wanted = [] if target is None else [pl.col(target).cast(pl.Float64).alias(TARGET)]
    people = table.select(
        canonical_ids(table[columns.unit]).alias(ID), market.alias(MARKET), weight.alias(WEIGHT), *wanted
    )
    people = people.unique(maintain_order=True)
    if twice := people[ID].is_duplicated().sum():
        raise BadValue(f"panel: {twice:,} rows disagree with another of the same person on market, weight or target.")
    if people[ID].null_count() or people[MARKET].null_count():
        raise BadValue("panel: a person's id or market is null in some rows.")
    return people.sort(ID)


def _target(people: pl.DataFrame, target: Any, unit: str, score: str | None, threshold: float | None) -> Floats:
    """Return how much each person is wanted."""
    check_scalar(threshold, "threshold", typ=float, optional=True)
    if isinstance(target, str):
        values = people[TARGET].fill_nan(None)
    else:
        names = [unit, *([] if score is None else [score])]
        table = open_columns(target, names, "target").collect(names)
        value = pl.lit(1.0) if score is None else pl.col(score).cast(pl.Float64)
        wanted = table.select(canonical_ids(table[unit]).alias(ID), value.alias(TARGET)).drop_nulls(ID)
        if wanted[ID].is_duplicated().any():
            raise BadValue("target has several rows for some people; pass one row per person.")
        values = people.join(wanted, on=ID, how="left", maintain_order="left")[TARGET]
    if threshold is not None:
        values = (values >= threshold).cast(pl.Float64)
    target_score = values.fill_null(0.0).to_numpy()
    if not np.isfinite(target_score).all() or (target_score < 0).any():
        raise BadValue(
            f"target: {(~(target_score >= 0)).sum():,} scores are below 0 or not finite; "
            "give people you don't want to reach a 0."
        )
    if not (target_score > 0).any():
        raise NotEnoughData("Nobody in the panel is in the target, so no plan can be judged.")
    return target_score


def _cells(seen: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return the cells: in each market every network seen there, with every daypart that the network has anywhere."""
    networks = seen.select(MARKET, by[0]).unique()
    kinds = seen.select(by).unique()
    return networks.join(kinds, on=by[0], nulls_equal=True).select(MARKET, *by).sort(MARKET, *by)
