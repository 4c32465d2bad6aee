"""A drawn sample of 30,000 with five margins, whose respondents are not as the population is."""

from __future__ import annotations

import numpy as np
import polars as pl

LEVELS = {"sex": 2, "age": 6, "education": 5, "race": 4, "state": 51}


def draw(n: int = 30_000, seed: int = 17) -> tuple[pl.DataFrame, dict[str, dict[str, float]]]:
    """Return a sample with design weights and an outcome, and the population's margins."""
    rng = np.random.default_rng(seed)
    have = {name: rng.dirichlet(np.full(k, 8.0)) for name, k in LEVELS.items()}
    want = {name: rng.dirichlet(have[name] * 40 * k) for name, k in LEVELS.items()}
    codes = {name: rng.choice(k, n, p=have[name]) for name, k in LEVELS.items()}
    effects = {name: rng.normal(0, 0.5, k) for name, k in LEVELS.items()}
    eta = sum(effects[name][codes[name]] for name in LEVELS)
    design = np.exp(rng.normal(0, 0.4, n) + 0.3 * (codes["age"] == 2))
    table = pl.DataFrame(
        {"unit": np.arange(n), **{name: [f"{name}{c:02d}" for c in codes[name]] for name in LEVELS},
         "design": design.round(6), "ours": (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int),
         "age_years": (20 + 10 * codes["age"] + rng.integers(0, 10, n))}
    )  # fmt: skip
    targets = {name: {f"{name}{c:02d}": float(p) for c, p in enumerate(want[name])} for name in LEVELS}
    return table, targets
