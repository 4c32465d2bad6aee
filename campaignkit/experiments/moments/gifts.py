"""What only the gifts themselves tell: how many of each amount, and how few of them hold most of the dollars."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.experiments.groups import Columns, Outcome, fill_nonzero
from campaignkit.stats.intervals.moments import Moments


def read_gifts(frame: nw.LazyFrame[Any], name: str, keys: list[str], columns: Columns) -> pl.DataFrame:
    """Return how many gifts of each amount (to three digits) each group holds: only rows with a gift are read."""
    amount = nw.col(name).cast(nw.Float64)
    step = nw.lit(10.0) ** ((amount.log(10) + 1e-9).floor() - 2)  # log10(1000) is 2.999… on some engines
    rounded = ((amount / step + 0.5).floor() * step).alias("__amount")
    given = frame.filter((amount > 0) & ~amount.is_nan()).with_columns(rounded)
    table = cells(given, [*keys, "__amount"]).rename({"__amount": "amount"})
    return table.filter(pl.all_horizontal(pl.lit(True), *(pl.col(x).is_not_null() for x in columns.arm)))


def gifts_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], name: str) -> pl.DataFrame:
    """Return how many gifts of each amount (to three digits) a table holds: amount, n."""
    return read_gifts(frame.lazy(), name, [], Columns((), (name,)))


def counted_gifts(table: pl.DataFrame, name: str, columns: Columns) -> pl.DataFrame:
    amount = pl.col(name).cast(pl.Float64).alias("amount")
    gifts = table.select(*columns.keys, amount, "n").filter((pl.col("amount") > 0) & pl.col("amount").is_not_nan())
    return gifts.group_by([*columns.keys, "amount"]).agg(pl.col("n").sum())


def with_gifts(one: Outcome, gifts: pl.DataFrame, groups: pl.DataFrame, columns: Columns) -> Outcome:
    """Add what only the gifts themselves tell: how many, their third moment, and how top-heavy they are."""
    found = gifts.group_by(columns.keys).agg(
        givers=pl.col("n").sum(), third=(pl.col("n") * pl.col("amount") ** 3).sum()
    )
    found = groups.join(found, on=columns.keys, how="left", nulls_equal=True)
    givers, third = (found[x].fill_null(0).to_numpy().astype(float) for x in ("givers", "third"))
    m = one.moments
    with np.errstate(divide="ignore", invalid="ignore"):
        fill_nonzero(m.mean, m.ss, m.n, np.where(m.n > 0, givers / m.n, 0.0))
    y = m.mean[:, 0]
    cube = third - 3 * y * (m.ss[:, 0, 0] + m.n * y**2) + 2 * m.n * y**3
    shares = top_shares(gifts, columns)
    return Outcome(one.name, "money", Moments(m.n, m.mean, m.ss, cube), one.rows, one.missing, None, shares)


def top_shares(gifts: pl.DataFrame, columns: Columns) -> dict[Any, float]:
    """Return, by arm, the share of the dollars that came in the largest 1% of the gifts (one gift at least)."""
    arm = list(columns.arm)
    gifts = gifts.sort("amount", descending=True)
    keys = gifts.select(arm).rows()
    n, amount = gifts["n"].to_numpy(), gifts["amount"].to_numpy()
    found = {}
    for key in set(keys):
        own = np.array([one == key for one in keys])
        most = max(1, int(np.ceil(n[own].sum() / 100)))
        taken = np.clip(most - (np.cumsum(n[own]) - n[own]), 0, n[own])
        found[key if len(arm) > 1 else key[0]] = float(taken @ amount[own] / (n[own] @ amount[own]))
    return found
