"""People whose outcome follows a known logit, in households that share a leaning."""

from __future__ import annotations

import numpy as np
import polars as pl


def people(n: int = 6_000, seed: int = 0, shared: float = 1.0) -> pl.DataFrame:
    """Return n people: id, household (of three), a, b, c, age, w, y."""
    rng = np.random.default_rng(seed)
    household = np.arange(n) // 3
    table = pl.DataFrame({
        "id": np.arange(n), "household": household, "a": rng.choice(list("xyz"), n, p=[0.5, 0.3, 0.2]),
        "b": rng.choice(["p", "q"], n, p=[0.6, 0.4]), "c": rng.integers(0, 4, n), "age": rng.integers(18, 90, n),
        "w": rng.random(n) + 0.2,
    })  # fmt: skip
    leaning = rng.normal(size=household.max() + 1)[household] * shared
    eta = -0.5 + 0.5 * (table["a"] == "y") - 0.3 * (table["b"] == "q") + 0.2 * table["c"] + leaning
    return table.with_columns(y=pl.Series(rng.random(n) < 1 / (1 + np.exp(-eta.to_numpy()))))
