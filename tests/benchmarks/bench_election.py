"""The forecast of 1,161 polls, 66,000 and 6.6 million elections beside the random numbers alone, sixty refits.

    python -m tests.benchmarks.bench_election

Each contender runs in its own process with one thread, warmed by one call. `fit` is `forecast` on the 1,161 public polls of
2012 (of 1,175; four have no size, the rest are doubles or districts), reading and learning of scales from four earlier
results included. `elections` is `Forecast.simulate`: draws, electoral votes, chances and intervals; `numbers` draws as many
standard normals in float32 by the same generator, 51 an election, and does nothing with them. `tipping`, `given` and `slope`
are what is asked of 66,000 elections: who tips them, what if Ohio is lost, and how the chance of winning moves with each
state's mean. `refits` forecasts twelve drawn elections of 1,200 polls each at five horizons, every one from those before it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import numpy as np

from tests.benchmarks.measure import FIGURES, measured, turn_about

ME = "tests.benchmarks.bench_election"
SEED = 1
BATCH = 16_384
POLLED = list(range(1984, 2029, 4))  # twelve


def _odds():
    from campaignkit import election

    polls, results = election.polls_2012(), election.results()
    return election.forecast(polls, results, on="2012-11-06", as_of="2012-11-06")


def fit() -> Callable[[], dict]:
    _odds()
    return lambda: {"polls": _odds().fit.polls.table.height}


def elections(n: str) -> Callable[[], dict]:
    odds = _odds()
    odds.simulate(1_000)
    return lambda: {"won": odds.simulate(int(n), seed=SEED).win_probability}


def numbers(n: str) -> Callable[[], None]:
    def call() -> None:
        rng, left = np.random.default_rng(SEED), int(n)
        while left > 0:
            rng.standard_normal((min(BATCH, left), 51), dtype=np.float32)
            left -= BATCH

    if int(n) < 1_000_000:
        call()
    return call


def tipping() -> Callable[[], None]:
    drawn = _odds().simulate(66_000, seed=SEED)
    return lambda: (drawn.tipping, None)[1]


def given() -> Callable[[], None]:
    drawn = _odds().simulate(66_000, seed=SEED)
    return lambda: (drawn.given("OH", won=False), None)[1]


def slope() -> Callable[[], None]:
    from campaignkit.election.model.winning import Winning

    drawn = _odds().simulate(66_000, seed=SEED)
    winning = Winning(drawn.race, drawn.n, drawn.seed, drawn.race.states)
    return lambda: (winning.slope(np.zeros(51)), None)[1]


def plan() -> Callable[[], None]:
    from campaignkit import election

    drawn = _odds().simulate(66_000, seed=SEED)
    response = {"effect": 0.004, "std_error": 0.001, "scale": 5.0}
    return lambda: (election.allocate(drawn, 30.0, responses=response), None)[1]


def refits() -> Callable[[], dict]:
    from campaignkit import election
    from tests.election.worlds import draw_history

    history = draw_history(SEED, POLLED, polls=1_200, days=150)
    horizons = (0, 14, 30, 60, 90)
    return lambda: {"refits": election.backtest(history.polls, history.results, horizons=horizons).table.height}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="processes for each side")
    given_ = parser.parse_args()
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ[threads] = "1"  # the contenders' processes inherit it
    for name in ("fit", "tipping", "given", "slope", "plan"):
        run = turn_about(ME, [name], given_.repeats)[name]
        print(f"{name:12}" + "".join(f"  {what} {run[what]:8.3f} {unit}" for what, unit in FIGURES.items()))
    for n in (66_000, 6_600_000):
        runs = turn_about(ME, ["elections", "numbers"], given_.repeats if n < 1_000_000 else 3, str(n))
        for name, run in runs.items():
            print(f"{n:9,} {name:9}" + "".join(f"  {what} {run[what]:8.3f} {unit}" for what, unit in FIGURES.items()))
        print(f"{n:9,} elections over numbers: {runs['elections']['cpu'] / runs['numbers']['cpu']:.2f} in CPU seconds")
    run = measured(ME, "refits")
    print(f"{run['refits']} refits" + "".join(f"  {what} {run[what]:8.3f} {unit}" for what, unit in FIGURES.items()))


if __name__ == "__main__":
    main()
