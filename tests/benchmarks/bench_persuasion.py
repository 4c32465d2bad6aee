"""Who a call moves, learned and judged on a million rows, beside scikit-learn on the rows: CPU, wall and peak memory.

    python -m tests.benchmarks.bench_persuasion --rows 1_000_000

Each side runs in its own process with one thread for linear algebra, on data drawn there anew from one seed; the drawing
is not timed. Ten categorical features, arms at random. `ours` is `fit_persuasion` as it stands: ten folds by hash, nine
fits, each with its penalty found, the Qini with its interval, tenths with theirs. `transformation` is scikit-learn's
LogisticRegression of the transformed class on a sparse one-hot matrix (which is made within the time, as it is part of
the task), with the same nine fits; it finds no penalty and judges nothing. `once` is one of these fits, of all rows, and
`two models` one fit in each arm. `unequal` is `ours` where one in four is treated, so that it learns doubly robust, and
`two models unequal` is its peer, fitted once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import polars as pl

LEVELS = (2, 5, 6, 2, 3, 5, 5, 2, 4, 8)
FEATURES = [f"f{at}" for at in range(len(LEVELS))]


def draw(rows: int, share: float) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, levels, rows) for levels in LEVELS]
    called = rng.random(rows) < share
    effect = 0.02 + 0.03 * (codes[0] == 1) - 0.02 * (codes[1] > 2) + 0.02 * (codes[4] == 0)
    base = 0.3 + 0.1 * (codes[2] < 2) + 0.05 * (codes[7] == 1)
    yes = rng.random(rows) < base + effect * called
    texts = {name: pl.Series(code.astype(str)) for name, code in zip(FEATURES, codes, strict=True)}
    return pl.DataFrame({"person": np.arange(rows), "called": called, "votes": yes, "planted": effect, **texts})


def ours(table: pl.DataFrame) -> np.ndarray:
    from campaignkit import voters

    found = voters.fit_persuasion(table, "called", "votes", FEATURES, control=False, unit="person")
    return found.predict(table).select("persuasion").collect()["persuasion"].to_numpy()


def _matrix(table: pl.DataFrame):
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(drop="first").fit_transform(table.select(FEATURES).to_numpy())


def transformation(table: pl.DataFrame) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    x, agree = _matrix(table), (table["called"] == table["votes"]).to_numpy()
    fold, judged = np.arange(table.height) % 10, np.empty(table.height)
    for one in range(2, 10):
        model = LogisticRegression(max_iter=200).fit(x[fold < one], agree[fold < one])
        judged[fold == one] = 2 * model.predict_proba(x[fold == one])[:, 1] - 1
    return 2 * LogisticRegression(max_iter=200).fit(x, agree).predict_proba(x)[:, 1] - 1


def once(table: pl.DataFrame) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    x, t, y = _matrix(table), table["called"].to_numpy(), table["votes"].to_numpy()
    return 2 * LogisticRegression(max_iter=200).fit(x, t == y).predict_proba(x)[:, 1] - 1


def two_models(table: pl.DataFrame) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    x, t, y = _matrix(table), table["called"].to_numpy(), table["votes"].to_numpy()
    with_it, without = (LogisticRegression(max_iter=200).fit(x[arm], y[arm]).predict_proba(x)[:, 1] for arm in (t, ~t))
    return with_it - without


SIDES = {
    "ours": (ours, 0.5), "transformation": (transformation, 0.5), "once": (once, 0.5),
    "two models": (two_models, 0.5),
    "unequal": (ours, 0.25), "two models unequal": (two_models, 0.25),
}  # fmt: skip


def run_side(side: str, rows: int) -> None:
    from scipy.stats import spearmanr

    call, share = SIDES[side]
    table = draw(rows, share)
    drawn = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter(), time.process_time()
    score = call(table)
    taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "drawn": drawn}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(taken | {"MiB": peak, "rank": float(spearmanr(score, table["planted"])[0])}))


def spawn(side: str, rows: int) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks.bench_persuasion", "--side", side, "--rows", str(rows)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1") | {"CAMPAIGNKIT_PROGRESS": "0"}
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | one).stdout
    return json.loads(out.splitlines()[-1])


def compare(rows: int) -> None:
    found = {}
    for side in SIDES:
        one = found[side] = spawn(side, rows)
        print(
            f"{rows:>9,} rows  {side:18}  cpu {one['cpu']:6.2f} s  wall {one['wall']:6.2f} s  peak {one['MiB']:5.0f} MiB "
            f"(of which the data {one['drawn']:4.0f})  rank correlation with the planted {one['rank']:.3f}", flush=True,
        )  # fmt: skip
    mine, peer = found["ours"], found["transformation"]
    print(
        f"nine fits, their penalties and judging take {mine['cpu'] / peer['cpu']:.2f} of the CPU of scikit-learn's nine fits"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        run_side(arguments.side, arguments.rows)
    else:
        compare(arguments.rows)


if __name__ == "__main__":
    main()
