"""A rate card and an order, laid on the panel's cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit.errors import BadValue, listed, nearest
from campaignkit.stats.arrays import Floats
from campaignkit.stats.optimize.spots import Limit
from campaignkit.tables import check_numbers, open_columns

if TYPE_CHECKING:
    from campaignkit.outreach.audiences import Audiences


@dataclass(frozen=True)
class Avails:
    """What can be bought.

    Attributes
    ----------
    cost : array of float64
        Of a spot, by the panel's cells; infinite where there is none.
    spots : array of float64
        Left, by the panel's cells, at most the panel's days.
    unrated : polars.DataFrame
        Avails of which the panel knows nothing: no person of it ever watched the network in that market, or the
        network at that daypart. They cannot be planned.
    capped : int
        Cells with more spots left than the panel has days; more than that cannot be told apart.
    """

    cost: Floats
    spots: Floats
    unrated: pl.DataFrame
    capped: int


def read_avails(audiences: Audiences, avails: object, cost: str, spots: str) -> Avails:
    """Return a rate card by cells.

    Raises
    ------
    BadValue
        A cost is null or not above 0, spots left are negative or null, a cell stands twice, or a market is not the
        panel's.
    """
    table = open_columns(avails, [*audiences.by, cost, spots], "avails").collect([*audiences.by, cost, spots])
    check_numbers(table, cost, spots, argument="avails")
    table = table.with_columns(pl.col(cost, spots).cast(pl.Float64))
    _refuse(
        table, (pl.col(cost) > 0) & pl.col(cost).is_finite(), audiences.by, f"{cost} null, not finite or not above 0"
    )
    _refuse(table, (pl.col(spots) >= 0) & pl.col(spots).is_finite(), audiences.by, f"{spots} null or below 0")
    at = placed(audiences, table, "avails")
    rated = at.filter(pl.col("__cell").is_not_null())
    cells, days = audiences.table.height, audiences.days
    price, left = np.full(cells, np.inf), np.zeros(cells)
    cell = rated["__cell"].to_numpy()
    price[cell], left[cell] = rated[cost].to_numpy(), np.floor(rated[spots].to_numpy())
    unrated = at.filter(pl.col("__cell").is_null()).drop("__cell")
    return Avails(price, np.minimum(left, days), unrated, int((left > days).sum()))


def read_order(audiences: Audiences, order: object, spots: str) -> Floats:
    """Return an order's spots by cells.

    Raises
    ------
    BadValue
        Spots are negative or more than the panel has days, a cell stands twice, or the panel knows nothing of one.
    """
    table = open_columns(order, [*audiences.by, spots], "baseline").collect([*audiences.by, spots])
    check_numbers(table, spots, argument="baseline")
    table = table.with_columns(pl.col(spots).cast(pl.Float64))
    between = pl.col(spots).is_between(0, audiences.days)
    _refuse(table, between, audiences.by, f"{spots} null, below 0 or above the panel's {audiences.days} days")
    at = placed(audiences, table.filter(pl.col(spots) > 0), "baseline")
    unknown = at.filter(pl.col("__cell").is_null())
    if unknown.height:
        raise BadValue(
            f"baseline: the panel has no data on {unknown.height:,} cells, such as {_spoken(unknown, audiences.by)}."
        )
    spots_of_cell = np.zeros(audiences.table.height)
    spots_of_cell[at["__cell"].to_numpy()] = at[spots].to_numpy()
    return spots_of_cell


def placed(audiences: Audiences, table: pl.DataFrame, where: str) -> pl.DataFrame:
    """Return a table with each row's cell of the panel, null where it has none."""
    by, cells = audiences.by, audiences.cells
    table = table.with_columns(pl.col(name).cast(cells.schema[name], strict=False) for name in by)
    if audiences.market is not None:
        known = cells[audiences.market].unique().sort().to_list()
        for market in set(table[audiences.market]) - set(known):
            raise BadValue(
                f"{where} has the market {market!r}{nearest(str(market), map(str, known))} Nobody in the panel "
                f"lives there; its markets: {listed(map(str, known))}."
            )
    if twice := table.select(by).is_duplicated().sum():
        raise BadValue(f"{where}: {twice:,} rows repeat a cell; add them up to one row per cell.")
    return table.join(
        cells.with_row_index("__cell"), on=by, how="left", nulls_equal=True, maintain_order="left"
    ).select(*table.columns, "__cell")


def limits(
    audiences: Audiences, bounds: Mapping[str, Mapping[Any, tuple[float | None, float | None]]] | None
) -> list[Limit]:
    """Return bounds in dollars on groups of cells, by column and value."""
    bounded = []
    for column, groups in (bounds or {}).items():
        if column not in audiences.by:
            raise BadValue(
                f"bounds names {column!r}{nearest(column, audiences.by)} A cell has: {listed(audiences.by)}."
            )
        values = audiences.cells[column]
        group = np.full(len(values), -1)
        for at, (value, pair) in enumerate(groups.items()):
            member = (values == value).fill_null(False).to_numpy()
            if not member.any():
                raise BadValue(f"bounds[{column!r}] names {value!r}{nearest(str(value), map(str, values.unique()))}")
            low, high = pair
            if (low or 0.0) < 0 or (high is not None and high < (low or 0.0)):
                raise BadValue(f"bounds[{column!r}][{value!r}] is {pair!r}; minimum and maximum dollars were expected.")
            group[member] = at
        ends = [groups[value] for value in groups]
        least, most = [low or 0.0 for low, _ in ends], [np.inf if high is None else high for _, high in ends]
        bounded.append(Limit(group, np.array(least, float), np.array(most, float)))
    return bounded


def _refuse(table: pl.DataFrame, good: pl.Expr, by: Sequence[str], what: str) -> None:
    bad = table.filter(~good.fill_null(False))
    if bad.height:
        raise BadValue(f"{bad.height:,} cells have {what}, such as {_spoken(bad, by)}.")


def _spoken(rows: pl.DataFrame, by: Sequence[str]) -> str:
    return ", ".join(map(str, rows.select(by).row(0)))
