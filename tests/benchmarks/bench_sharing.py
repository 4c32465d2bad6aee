"""Asks for 600,000 sharers along 12 million ties, beside greedy and HiGHS; what 12 million asks did.

    python -m tests.benchmarks.bench_sharing [SHARERS]

Each contender runs in its own process with one thread; ties are drawn before the clock starts, and what they take is in the
memory at the start. `asks` is `friend_asks` (reading, codes, auction, holdout and the bound), one slot a friend; `slots` three
with a second ask worth half; `greedy` always takes the best tie that is left, on arrays that are ready. `program` is HiGHS on
3,000 sharers, with `match` on the same. `effect` is `sharing_effect` on as many asks as there are ties, one table of friends.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import numpy as np
import polars as pl

from tests.benchmarks.measure import FIGURES, measured

ME = "tests.benchmarks.bench_sharing"
SEED, SMALL, EACH = 1, 3_000, 20  # EACH: ties a sharer
FULL = 600_000


def ties(sharers: int) -> pl.DataFrame:
    rng = np.random.default_rng(SEED)
    degree = 1 + rng.poisson(rng.gamma(1.5, (EACH - 1) / 1.5, sharers))
    friends = 5 * sharers
    gain = 0.04 * np.exp(rng.normal(0, 0.6, friends))
    friend = rng.integers(0, friends, int(degree.sum()))
    strength = rng.beta(2, 3, len(friend)).astype(np.float32)
    sharer = np.repeat(np.arange(sharers) + friends, degree)
    return pl.DataFrame({"sharer": sharer, "friend": friend, "gain": gain[friend], "strength": strength})


def _asks(sharers: str, slots: int) -> Callable[[], dict]:
    from campaignkit import outreach

    def call() -> dict:
        found = outreach.friend_asks(table, "gain", strength="strength", sharers_per_friend=slots)
        return {"asks": found.table.height, "optimality": found.optimality}

    table = ties(int(sharers))
    return call


def asks(sharers: str) -> Callable[[], dict]:
    return _asks(sharers, 1)


def slots(sharers: str) -> Callable[[], dict]:
    return _asks(sharers, 3)


def arrays(sharers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = ties(sharers).with_columns(worth=pl.col("gain") * pl.col("strength"))
    table = table.unique(["sharer", "friend"]).sort("sharer", "worth", descending=[False, True])
    sharer = table["sharer"].to_numpy() - 5 * sharers
    return np.searchsorted(sharer, np.arange(sharers + 1)), table["friend"].to_numpy(), table["worth"].to_numpy()


def greedy(sharers: str) -> Callable[[], dict]:
    from campaignkit.stats.optimize.b_matching import greedy as take

    start, friend, value = arrays(int(sharers))
    return lambda: {"value": take(start, friend, value, 5 * int(sharers), 5)}


def match(sharers: str) -> Callable[[], dict]:
    from campaignkit.stats.optimize.b_matching import match as auction

    start, friend, value = arrays(int(sharers))

    def call() -> dict:
        found = auction(start, friend, value, 5 * int(sharers), 5)
        return {"value": found.value, "optimality": found.value / found.bound}

    return call


def program(sharers: str) -> Callable[[], dict]:
    from scipy import sparse
    from scipy.optimize import linprog

    start, friend, value = arrays(int(sharers))
    n, sharer = len(friend), np.repeat(np.arange(int(sharers)), np.diff(start))
    rows = sparse.vstack([sparse.csr_array((np.ones(n), (who, np.arange(n)))) for who in (sharer, friend)])
    most = np.concatenate([np.full(int(sharers), 5.0), np.ones(rows.shape[0] - int(sharers))])
    return lambda: {"value": -linprog(-value, A_ub=rows, b_ub=most, bounds=(0, 1), method="highs").fun}


def effect(count: str) -> Callable[[], dict]:
    from campaignkit import outreach

    rng, n = np.random.default_rng(SEED), int(count)
    planned = pl.DataFrame({"sharer": np.arange(n) // 5 + n, "friend": np.arange(n), "held_out": rng.random(n) < 0.1})
    friends = pl.DataFrame(
        {"friend": np.arange(n), "voted": rng.random(n) < 0.5 + 0.02 * ~planned["held_out"].to_numpy()}
    )

    def call() -> dict:
        found = outreach.sharing_effect(planned, friends, "voted").row()
        return {"estimate": found["estimate"], "std_error": found["std_error"]}

    return call


def told(name: str, run: dict) -> None:
    figures = "  ".join(f"{what} {run[what]:.2f} {unit}" for what, unit in FIGURES.items())
    rest = "  ".join(f"{what} {value:,.5g}" for what, value in run.items() if what not in (*FIGURES, "start"))
    print(f"{name:10} {figures} ({run['start']:.0f} at the start)  {rest}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog=f"python -m {ME}", description=__doc__)
    parser.add_argument("sharers", nargs="?", type=int, default=FULL)
    sharers = parser.parse_args().sharers
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    for contender in ("match", "program", "greedy"):
        told(contender, measured(ME, contender, str(SMALL)))
    for contender in ("asks", "slots", "greedy"):
        told(contender, measured(ME, contender, str(sharers)))
    told("effect", measured(ME, "effect", str(EACH * sharers)))


if __name__ == "__main__":
    main()
