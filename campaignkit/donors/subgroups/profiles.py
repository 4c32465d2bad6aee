"""Who each host appeals to, and whether the people invited to them were alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.stats import chi2

from campaignkit.stats.arrays import Floats

DRAWS = 2000
APART = 1e-3  # the p-value, over all hosts and columns, below which invitations were not alike
NOTABLE = 0.03  # and the least Cramér's V: at a million people the smallest difference is beyond chance


def similarity(cells: pl.DataFrame, host: str, by: Sequence[str], like: object, seed: int) -> dict[object, Floats]:
    """Return draws of the correlation of each host's appeal profile with that of `like`.

    A profile has one number for each value of each column: the outcome among people with it less that among the
    host's other people (log odds of entering; or ratings, in standard deviations). Its noise is taken off by
    shrinking each host's numbers by as much as they vary by chance.
    """
    profiles = _profiles(cells, host, by)
    rng = np.random.default_rng(seed)
    wide = {
        name: part.select("column", "value", "appeal", "error", "n")
        for (name,), part in profiles.group_by(host, maintain_order=True)
    }
    if like not in wide:
        return {}
    correlations = {}
    for name, part in wide.items():
        both = part.join(wide[like], on=["column", "value"], nulls_equal=True, suffix="_like")
        both = both.filter(pl.all_horizontal(pl.col("error", "error_like").is_finite()))
        if both.height >= 3:
            weight = np.sqrt(both["n"].to_numpy() * both["n_like"].to_numpy())
            mine, theirs = (_drawn(both[f"appeal{s}"], both[f"error{s}"], rng) for s in ("", "_like"))
            correlations[name] = _correlation(mine, theirs, weight)
    return correlations


def _profiles(cells: pl.DataFrame, host: str, by: Sequence[str]) -> pl.DataFrame:
    parts = []
    whole = cells.group_by(host).agg(N=pl.col("n").sum(), S=pl.col("s").sum(), Q=pl.col("q").sum())
    for column in by:
        grouped = cells.group_by(host, column).agg(pl.col("n", "s", "q").sum())
        value = pl.col(column).cast(pl.String).alias("value")
        parts.append(grouped.select(host, value, "n", "s", "q", column=pl.lit(column)))
    table = pl.concat(parts).join(whole, on=host, nulls_equal=True).filter(pl.col("N") > pl.col("n"))
    binary = bool((cells["q"] == cells["s"]).all())
    return table.with_columns(_entry_appeal() if binary else _rating_appeal()).sort(host, "column", "value")


def _entry_appeal() -> list[pl.Expr]:
    yes, no = pl.col("s") + 0.5, pl.col("n") - pl.col("s") + 0.5
    yes2, no2 = pl.col("S") - pl.col("s") + 0.5, pl.col("N") - pl.col("n") - pl.col("S") + pl.col("s") + 0.5
    error = (1 / yes + 1 / no + 1 / yes2 + 1 / no2).sqrt()
    return [((yes / no).log() - (yes2 / no2).log()).alias("appeal"), error.alias("error")]


def _rating_appeal() -> list[pl.Expr]:
    rest = pl.col("N") - pl.col("n")
    spread = (pl.col("Q") / pl.col("N") - (pl.col("S") / pl.col("N")) ** 2).sqrt()
    appeal = (pl.col("s") / pl.col("n") - (pl.col("S") - pl.col("s")) / rest) / spread
    return [appeal.alias("appeal"), (1 / pl.col("n") + 1 / rest).sqrt().alias("error")]


def _drawn(appeal: pl.Series, error: pl.Series, rng: np.random.Generator) -> Floats:
    """Draw a profile from what is known of it: normal, shrunk to 0 by its signal's share of its variance."""
    x, variance = appeal.to_numpy(), error.to_numpy() ** 2
    signal = max(float(np.mean(x**2 - variance)), 1e-4)
    share = signal / (signal + variance)
    return x * share + rng.normal(size=(DRAWS, len(x))) * np.sqrt(share * variance)


def _correlation(a: Floats, b: Floats, weight: Floats) -> Floats:
    weight = weight / weight.sum()
    a, b = (x - (x @ weight)[:, None] for x in (a, b))
    return (a * b) @ weight / np.sqrt((a**2 @ weight) * (b**2 @ weight))


def invited_apart(cells: pl.DataFrame, host: str, by: Sequence[str]) -> dict[object, list[str]]:
    """Return, for each host, the columns in which its people differ from those invited to the others.

    A chi-squared test of each host against all others in each column, Bonferroni over both, with Cramér's V of at
    least 0.03. Only the columns of `by` are looked at: a difference in another would not be seen.
    """
    hosts = cells[host].unique(maintain_order=True).to_list()
    differing: dict[object, list[str]] = {name: [] for name in hosts}
    for column in by:
        counts = cells.group_by(host, column).agg(pl.col("n").sum()).pivot(host, index=column, values="n").fill_null(0)
        table = counts.drop(column).to_numpy().astype(float)
        names = counts.drop(column).columns
        for name in hosts:
            p, v = _independence(table, names.index(str(name)))
            if p * len(hosts) * len(by) < APART and v >= NOTABLE:
                differing[name].append(column)
    return differing


def _independence(table: Floats, column: int) -> tuple[float, float]:
    mine = table[:, column]
    pair = np.stack([mine, table.sum(axis=1) - mine], axis=1)
    pair = pair[pair.sum(axis=1) > 0]
    expected = pair.sum(axis=1, keepdims=True) * pair.sum(axis=0) / pair.sum()
    if len(pair) < 2 or (expected.sum(axis=0) == 0).any():
        return 1.0, 0.0
    statistic = float(((pair - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, len(pair) - 1)), float(np.sqrt(statistic / pair.sum()))
