"""How each planted effect came out: counts that add up over batches."""

from __future__ import annotations

import polars as pl

SCHEMA = {"effect": pl.String, "group": pl.String, "quantity": pl.String, "n": pl.Int64, "total": pl.Float64}


def cells(table: pl.DataFrame, effect: str, value: str, by: list[str]) -> pl.DataFrame:
    """Return n and the total of `value` for each group; groups are written ``name=value, …``."""
    label = pl.concat_str([pl.lit(f"{name}=") + pl.col(name).cast(pl.String) for name in by], separator=", ")
    grouped = table.group_by(by).agg(n=pl.len().cast(pl.Int64), total=pl.col(value).cast(pl.Float64).sum())
    return grouped.select(
        effect=pl.lit(effect),
        group=label if by else pl.lit("all"),
        quantity=pl.lit(value),
        n="n",
        total="total",
    ).sort("group")


def total(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Add up the batches; `came_out` is the mean."""
    names = ["effect", "group", "quantity"]
    summed = pl.concat(parts).group_by(names).agg(pl.col("n", "total").sum()).sort(names)
    return summed.with_columns(came_out=pl.col("total") / pl.col("n"))
