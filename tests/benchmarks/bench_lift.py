"""AIPW beside DoubleML with the same learners and folds, and the whole report: CPU, wall and peak memory.

    python -m tests.benchmarks.bench_lift --rows 1_000_000 --peer-rows 200_000

Each side runs in its own process with one thread for linear algebra, on data drawn there anew from one seed; the
drawing is not timed. `aipw` and `doubleml` get the same matrix and the same folds, ready: the cross-fit AIPW (ATT) with
a logit and least squares, the peer's being scikit-learn's LogisticRegression (no penalty) and LinearRegression.
`table` is `aipw` from the table on, with its checks, scaling and folds by hash. `report` is `estimate_lift` as it
stands: seven estimators, balance, overlap, trimming, a placebo and sensitivity.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import warnings

import numpy as np
import polars as pl

SEED = 0
COVARIATES = [f"x{at}" for at in range(30)]


def draw(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(rows, 30))
    slope = np.linspace(0.4, -0.2, 30)
    joined = rng.random(rows) < 1 / (1 + np.exp(1.5 - x @ slope))
    gifts = 30 + x @ slope[::-1] * 5 + 4 * joined + rng.normal(0, 10, rows)
    columns = {"person": np.arange(rows), "joined": joined, "gifts": gifts, "mail": 5 + x[:, 0] + rng.normal(size=rows)}
    return pl.DataFrame(columns | {name: x[:, at] for at, name in enumerate(COVARIATES)})


def comparison(table: pl.DataFrame):
    from campaignkit.donors.observational.observational_data import observational_data, roles_of

    return observational_data(table, roles_of("joined", "gifts", COVARIATES, unit="person")).comparison


def aipw(c) -> tuple[float, float]:
    from campaignkit.donors.observational.estimators import Run
    from campaignkit.stats.causal.comparison import difference

    found = difference(Run(c, ["aipw"], 0).means["aipw"], None, 1e9)
    return found.value, found.std_error


def from_table(table: pl.DataFrame) -> tuple[float, float]:
    return aipw(comparison(table))


def report(table: pl.DataFrame) -> tuple[float, float]:
    from campaignkit import donors

    found = donors.estimate_lift(table, "joined", "gifts", COVARIATES, placebo={"mail": []}, unit="person")
    row = found.table.filter(pl.col("estimator") == "aipw").row(0, named=True)
    return row["estimate"], row["std_error"]


def doubleml(c) -> tuple[float, float]:
    warnings.simplefilter("ignore")
    from doubleml import DoubleMLData, DoubleMLIRM
    from sklearn.linear_model import LinearRegression, LogisticRegression

    data = DoubleMLData.from_arrays(c.x[:, 1:], c.y, c.treated.astype(int))
    learner = LogisticRegression(C=np.inf, max_iter=1000)
    model = DoubleMLIRM(data, LinearRegression(), learner, n_folds=5, score="ATTE", draw_sample_splitting=False)
    rows = np.arange(len(c.y))
    model.set_sample_splitting([[(np.r_[0 : f.start, f.stop : len(rows)], rows[f]) for f in c.folds]])
    model.fit()
    return float(model.coef[0]), float(model.se[0])


SIDES = {"aipw": aipw, "table": from_table, "report": report, "doubleml": doubleml}


def run_side(side: str, rows: int) -> None:
    table = draw(rows)
    given = comparison(table) if side in ("aipw", "doubleml") else table
    drawn = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter(), time.process_time()
    estimate, error = SIDES[side](given)
    taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "drawn": drawn}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(taken | {"MiB": peak, "estimate": estimate, "error": error}))


def spawn(side: str, rows: int) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks.bench_lift", "--side", side, "--rows", str(rows)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1") | {"CAMPAIGNKIT_PROGRESS": "0"}
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | one).stdout
    return json.loads(out.splitlines()[-1])


def compare(rows: int, peer_rows: int) -> None:
    runs = [(side, size) for size in dict.fromkeys((peer_rows, rows)) for side in SIDES]
    found = {}
    for side, size in runs:
        if side == "doubleml" and size > peer_rows:
            continue
        one = found[side, size] = spawn(side, size)
        print(
            f"{size:>9,} rows × 30  {side:8}  cpu {one['cpu']:7.2f} s  wall {one['wall']:7.2f} s  peak {one['MiB']:6.0f} MiB "
            f"(of which the data {one['drawn']:5.0f})  estimate {one['estimate']:.6f} ± {one['error']:.6f}", flush=True,
        )  # fmt: skip
    mine, theirs = found["aipw", peer_rows], found["doubleml", peer_rows]
    print(
        f"at {peer_rows:,} rows AIPW takes 1/{theirs['cpu'] / mine['cpu']:.1f} of DoubleML's CPU and "
        f"1/{theirs['wall'] / mine['wall']:.1f} of its wall time; estimates differ by {abs(mine['estimate'] - theirs['estimate']):.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=200_000, help="rows at which DoubleML runs too")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        run_side(arguments.side, arguments.rows)
    else:
        compare(arguments.rows, arguments.peer_rows)


if __name__ == "__main__":
    main()
