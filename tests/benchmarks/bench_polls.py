"""Raking 30,000 interviews and MRP of 5,000 on a frame of 12,000 cells, beside R's survey and lme4; growth to 300,000.

    python -m tests.benchmarks.bench_polls

Each of our contenders runs in its own process with one thread, warmed by one call. `rake` is `polls.rake` with design
weights and five margins (2, 6, 5, 4 and 51 levels), margins within 1e-9 of what is wanted. R's `survey::rake` and lme4's
`glmer` run where Rscript and the packages are installed (Debian's r-cran-survey, r-cran-lme4); theirs are CPU seconds of
the call alone, the data read. `glmer` fits the five crossed intercepts and no more: no integration over the standard
deviations, no poststratification and no intervals, all of which `mrp` has. `grows` is `mrp` from 3,000 to 300,000
interviews on the same frame.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from tests.benchmarks.measure import FIGURES, turn_about
from tests.reference.mrp import tables as mrp_tables
from tests.reference.rake import tables as rake_tables

ME = "tests.benchmarks.bench_polls"
SEED = 17
SCRIPTS = Path(__file__).parents[1] / "reference"
BY = ["race", "age", "education", "sex"]


def rake() -> Callable[[], dict]:
    from campaignkit import polls
    from tests.polls.samples import draw

    table, targets = draw(30_000, SEED)
    polls.rake(table, targets, weight="design")
    return lambda: {"gap": polls.rake(table, targets, weight="design").largest_gap}


def mrp(n: str) -> Callable[[], dict]:
    from campaignkit import polls
    from tests.polls.worlds import draw

    world = draw(SEED, int(n))
    frame = world.frame.drop("chance")

    def call() -> dict:
        found = polls.mrp(world.responses, "ours", BY, frame, area="state", frame_weight="people")
        return {"groups": found.table.height}

    call()
    return call


def in_r(script: str, what: str, *tables: pl.DataFrame) -> float | None:
    """Return the CPU seconds that an R script prints of its fit; None where R or the package is not there."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/{at}.csv" for at in range(len(tables))]
        for table, file in zip(tables, files, strict=True):
            table.write_csv(file)
        run = subprocess.run(
            ["Rscript", str(SCRIPTS / script), *files, folder], capture_output=True, text=True, check=False
        )
    seconds = re.search(rf"{what} CPU seconds ([\d.]+)", run.stdout)
    return float(seconds.group(1)) if seconds else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="processes for each side")
    given = parser.parse_args()
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ[threads] = "1"  # the contenders' processes inherit it
    run = turn_about(ME, ["rake"], given.repeats)["rake"]
    print("rake     30,000" + _figures(run) + f"  largest gap {run['gap']:.0e}", flush=True)
    _print_r("survey::rake, 30,000 interviews", in_r("rake.R", "rake", *rake_tables(30_000, SEED)))
    for n in (3_000, 5_000, 30_000, 300_000):
        run = turn_about(ME, ["mrp"], given.repeats, str(n))["mrp"]
        print(f"mrp     {n:7,}" + _figures(run), flush=True)
    _print_r("lme4::glmer, 5,000 interviews, the fit alone", in_r("mrp.R", "glmer", *mrp_tables(SEED)))


def _figures(run: dict) -> str:
    return "".join(f"  {what} {run[what]:8.3f} {unit}" for what, unit in FIGURES.items())


def _print_r(name: str, seconds: float | None) -> None:
    print(f"{name}: " + ("not installed" if seconds is None else f"cpu {seconds:.3f} s"), flush=True)


if __name__ == "__main__":
    main()
