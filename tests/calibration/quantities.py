"""Worlds that return a flat dict of quantities, as the runner wants them and as a table of means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

Draw = Callable[[int], dict[str, Any]]


def worlds(draws: Mapping[str, Draw], most: int) -> dict[str, tuple[Draw, int]]:
    """Return worlds for the runner, numpy's numbers as Python's, for JSON."""
    plain = lambda draw: lambda seed: {name: np.asarray(value).item() for name, value in draw(seed).items()}  # noqa: E731
    return {name: (plain(draw), most) for name, draw in draws.items()}


def table(rows: pl.DataFrame, draws: Mapping[str, Draw], about: str) -> str:
    """Return a section a world: what it is, and each quantity's mean over the repeats that have it."""
    parts = [about]
    for world, draw in draws.items():
        part = rows.filter(pl.col("world") == world)
        if part.is_empty():
            continue
        parts.append(
            f"\n## {world}\n\n{draw.__doc__} {part.height:,} repeats.\n\n| quantity | mean | ± |\n|---|---|---|"
        )
        for name in part.columns:
            values = part[name].drop_nulls()
            if name not in ("world", "seed") and not values.is_empty():
                numbers = values.cast(pl.Float64)
                parts.append(
                    f"| {name} | {numbers.mean():.4f} | {float(numbers.std() or 0) / len(numbers) ** 0.5:.4f} |"
                )
    return "\n".join(parts) + "\n"
