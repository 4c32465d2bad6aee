"""What only the gifts themselves tell: how many of each amount, and how few of them hold most of the dollars."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.experiments.moments.groups import Design, Outcome, design_of, fill_nonzero
from campaignkit.stats.intervals.moments import Moments


def read_gifts(frame: nw.LazyFrame[Any], name: str, keys: list[str], design: Design) -> pl.DataFrame:
    """Return how many gifts of each amount (to three digits) each group holds: only rows with a gift are read."""
    amount = nw.col(name).cast(nw.Float64)
    step = nw.lit(10.0) ** ((amount.log(10) + 1e-9).floor() - 2)  # log10(1000) is 2.999… on some engines
    rounded = ((amount / step + 0.5).floor() * step).alias("__amount")
    given = frame.filter((amount > 0) & ~amount.is_nan()).with_columns(rounded)
    table = cells(given, [*keys, "__amount"]).rename({"__amount": "amount"})
    return table.filter(pl.all_horizontal(pl.lit(True), *(pl.col(x).is_not_null() for x in design.roles.arms)))


def gifts_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], name: str) -> pl.DataFrame:
    """Return how many gifts of each amount (to three digits) a table holds: amount, n."""
    return read_gifts(frame.lazy(), name, [], design_of((), (name,)))


def counted_gifts(table: pl.DataFrame, name: str, design: Design) -> pl.DataFrame:
    amount = pl.col(name).cast(pl.Float64).alias("amount")
    gifts = table.select(*design.keys, amount, "n").filter((pl.col("amount") > 0) & pl.col("amount").is_not_nan())
    return gifts.group_by([*design.keys, "amount"]).agg(pl.col("n").sum())


def with_gifts(outcome: Outcome, gifts: pl.DataFrame, groups: pl.DataFrame, design: Design) -> Outcome:
    """Add what only the gifts themselves tell: how many, their third moment, and how top-heavy they are."""
    counts = gifts.group_by(design.keys).agg(
        givers=pl.col("n").sum(), third=(pl.col("n") * pl.col("amount") ** 3).sum()
    )
    counts = groups.join(counts, on=design.keys, how="left", nulls_equal=True)
    givers, third = (counts[x].fill_null(0).to_numpy().astype(float) for x in ("givers", "third"))
    m = outcome.moments
    with np.errstate(divide="ignore", invalid="ignore"):
        fill_nonzero(m.mean, m.ss, m.n, np.where(m.n > 0, givers / m.n, 0.0))
    y = m.mean[:, 0]
    cube = third - 3 * y * (m.ss[:, 0, 0] + m.n * y**2) + 2 * m.n * y**3
    shares = top_shares(gifts, design)
    return Outcome(
        outcome.name, "money", Moments(m.n, m.mean, m.ss, cube), outcome.rows, outcome.missing, None, shares,
        log_variances(gifts, design),
    )  # fmt: skip


def log_variances(gifts: pl.DataFrame, design: Design) -> dict[Any, float]:
    """Return, by arm, the variance of the gifts' natural logarithms; none where there are fewer than two."""
    arm, n, log = list(design.roles.arms), pl.col("n"), pl.col("amount").log()
    sums = gifts.group_by(arm).agg(n=n.sum(), first=(n * log).sum(), second=(n * log**2).sum()).filter(n > 1)
    variance = (pl.col("second") - pl.col("first") ** 2 / n) / (n - 1)
    rows = sums.select(*arm, variance.clip(0).alias("variance")).rows()
    return {row[:-1] if len(arm) > 1 else row[0]: row[-1] for row in rows}


def top_shares(gifts: pl.DataFrame, design: Design) -> dict[Any, float]:
    """Return, by arm, the share of the dollars that came in the largest 1% of the gifts (one gift at least)."""
    arm = list(design.roles.arms)
    gifts = gifts.sort("amount", descending=True)
    keys = gifts.select(arm).rows()
    n, amount = gifts["n"].to_numpy(), gifts["amount"].to_numpy()
    shares = {}
    for key in set(keys):
        own = np.array([name == key for name in keys])
        most = max(1, int(np.ceil(n[own].sum() / 100)))
        taken = np.clip(most - (np.cumsum(n[own]) - n[own]), 0, n[own])
        shares[key if len(arm) > 1 else key[0]] = float(taken @ amount[own] / (n[own] @ amount[own]))
    return shares
