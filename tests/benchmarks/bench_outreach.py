"""115,200 cells and a panel of 20,000: audiences, plans with their promise, and scipy's linear program beside ours.

    python -m tests.benchmarks.bench_outreach

Each contender runs in its own process with one thread. Twenty made-up markets of 120 networks and 48 half-hours, 2.1 million
rows of viewing. `audiences` reads and shrinks them. `impressions` and `reach` are `buy_plan` at 200 target rating points' cost
or so, promise included. `ours` is the plan for impressions alone, in fractions of spots; `peer` the same linear program by
scipy's HiGHS, whole: one row for the budget and a bound for each cell, without its presolve, which takes minutes on so wide a
row. `value` must agree. `reduced` is the largest reduced value, over the largest value of a spot, that any cell has on the
wrong side: 0 at an optimum.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from tests.benchmarks.measure import FIGURES, measured, turn_about

ME = "tests.benchmarks.bench_outreach"
SEED = 19
MARKETS, NETWORKS, PANEL, BUDGET = 20, 120, 20_000, 40_000.0


def draw(folder: Path) -> None:
    """Write a drawn market's tables."""
    from campaignkit.sample import television as tv

    rng = np.random.default_rng(SEED)
    names = tuple(f"market {at + 1:02d}" for at in range(MARKETS))
    world = replace(tv.television(rng, 60_000, MARKETS, NETWORKS), markets=names)
    people, viewing = world.panel(rng, PANEL)
    adults, targets = world.rates()
    avails = tv.rate_card(rng, world.cells(), adults).with_columns(targets=pl.Series(targets))
    for name, table in {"people": people, "viewing": viewing, "avails": avails}.items():
        table.write_parquet(folder / f"{name}.parquet")


def _audiences(folder: str):
    from campaignkit import outreach

    people, viewing = (pl.read_parquet(f"{folder}/{name}.parquet") for name in ("people", "viewing"))
    return lambda: outreach.audiences(
        viewing, "target", ["network", "half_hour"], unit="person", weight="weight", market="market", exposures="days",
        days=14, panel=people,
    )  # fmt: skip


def audiences(folder: str) -> Callable[[], dict]:
    call = _audiences(folder)
    return lambda: {"cells": call().table.height}


def _plan(folder: str, goal: str) -> Callable[[], dict]:
    from campaignkit import outreach

    found, avails = _audiences(folder)(), pl.read_parquet(f"{folder}/avails.parquet")
    return lambda: {"spots": outreach.buy_plan(found, avails, BUDGET, goal=goal).spots.sum()}


def impressions(folder: str) -> Callable[[], dict]:
    return _plan(folder, "impressions")


def reach(folder: str) -> Callable[[], dict]:
    return _plan(folder, "reach")


def _program(folder: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    avails = pl.read_parquet(f"{folder}/avails.parquet")
    return avails["targets"].to_numpy(), avails["cost"].to_numpy(), avails["spots"].to_numpy().astype(float)


def ours(folder: str) -> Callable[[], dict]:
    from campaignkit.stats.optimize.spots import buy

    value, cost, most = _program(folder)

    def call() -> dict:
        found = buy(value, cost, most, BUDGET)
        reduced = found.reduced_value(value, cost)
        wrong = max(reduced[found.amount < most].max(), -reduced[found.amount > 0].min())
        return {"value": float(found.amount @ value), "reduced": max(float(wrong), 0.0) / float(value.max())}

    return call


def peer(folder: str) -> Callable[[], dict]:
    from scipy import sparse
    from scipy.optimize import linprog

    value, cost, most = _program(folder)
    box = np.stack([np.zeros(len(most)), most], axis=1)
    rows, quick = sparse.csr_array(cost[None, :]), {"presolve": False}
    return lambda: {
        "value": -linprog(-value, A_ub=rows, b_ub=[BUDGET], bounds=box, method="highs", options=quick).fun,
        "reduced": None,
    }


def main() -> None:
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ[threads] = "1"  # the contenders' processes inherit it
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
        for name in ("audiences", "impressions", "reach"):
            run = measured(ME, name, folder)
            print(f"{name:12}" + "".join(f"  {what} {run[what]:8.3f} {unit}" for what, unit in FIGURES.items()))
        for name, run in turn_about(ME, ["ours", "peer"], 3, folder).items():
            told = "".join(f"  {what} {run[what]:8.3f} {unit}" for what, unit in FIGURES.items())
            print(f"{name:12}{told}  value {run['value']:,.1f}  reduced {run['reduced']}")


if __name__ == "__main__":
    main()
