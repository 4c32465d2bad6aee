"""discover_segments beside pysubgroup: CPU, wall and peak memory; then the full call, and ten million rows.

    python -m tests.benchmarks.bench_segments [--rows 1_000_000] [--large 10_000_000] [--repeats 1]

The task both do: the top 20 of all conjunctions of up to three conditions on twelve columns by weighted relative
accuracy, of at least 500 people. pysubgroup runs its exhaustive searches (DFS and Apriori on bitsets; its GpGrowth
with --growth). Both get columns of categories, which suit them best. Each side runs in its own process, from a table
in memory; loading it is not timed, but is in the memory at the start, which is printed. `rows` have their household
and id with them, which only the full call reads. The large runs read a Parquet file, since twelve columns of text
for ten million people do not fit in 2 GiB.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from tests.benchmarks.measure import measured, medians

SEED = 1
BY = ["region", "sex", "age_band", "race", "education", "income_band", "urbanicity", "homeowner", "interest"]
BY += ["magazine", "car", "precinct_type"]
LEAST = 500


def make(rows: int, file: Path) -> None:
    from campaignkit import sample

    parts = []
    for first in range(0, rows, 1_000_000):
        size = min(1_000_000, rows - first)
        rng = np.random.default_rng(first)
        table = sample.draw("contest", size, seed=first + SEED, appeal=2.6, share=None, rate=0.05).table
        extra = {"magazine": 10, "car": 6, "precinct_type": 4}
        table = table.with_columns(
            pl.col("person", "household") + first, pl.col("homeowner").cast(pl.String),
            *(pl.Series(name, rng.integers(0, n, size)).cast(pl.String) for name, n in extra.items()),
        )  # fmt: skip
        parts.append(file.with_name(f"{file.stem}.{first}.parquet"))
        table.select("person", "household", "entered", *BY).write_parquet(parts[-1])
    pl.scan_parquet(parts).sink_parquet(file, row_group_size=250_000)
    for part in parts:
        part.unlink()


def ours(file: Path, *, lazy: bool, full: bool) -> Callable[[], dict]:
    from campaignkit.donors import discover_segments

    table = pl.scan_parquet(file) if lazy else pl.read_parquet(file).with_columns(pl.col(BY).cast(pl.Categorical))
    same = {"rank": "wracc", "distinct": False, "holdout": None}
    options = {"unit": "person", "cluster": "household"} if full else same

    def call() -> dict:
        found = discover_segments(table, "entered", BY, min_size=LEAST, **options)
        return {
            "scores": found.table["wracc"].to_list(),
            "searched": found.searched,
            "first": found.table["segment"][0],
        }

    return call


def unclustered(file: Path) -> Callable[[], dict]:
    from campaignkit.donors import discover_segments

    def call() -> dict:
        found = discover_segments(pl.scan_parquet(file), "entered", BY, unit="person", min_size=LEAST)
        return {"searched": found.searched, "first": found.table["segment"][0]}

    return call


def theirs(file: Path, algorithm: str) -> Callable[[], dict]:
    import pysubgroup as ps

    table = pl.read_parquet(file, columns=["entered", *BY]).with_columns(pl.col(BY).cast(pl.Categorical)).to_pandas()

    def call() -> dict:
        task = ps.SubgroupDiscoveryTask(
            table, ps.BinaryTarget("entered", True), [ps.EqualitySelector(c, v) for c in BY for v in table[c].cat.categories],
            result_set_size=20, depth=3, qf=ps.WRAccQF(), constraints=[ps.MinSupportConstraint(LEAST)],
        )  # fmt: skip
        found = getattr(ps, algorithm)().execute(task)
        return {"scores": sorted((score for score, *_ in found.results), reverse=True)}

    return call


SIDES: dict[str, Callable[[Path], Callable[[], dict]]] = {
    "ours": lambda file: ours(file, lazy=False, full=False),
    "pysubgroup DFS": lambda file: theirs(file, "DFS"),
    "pysubgroup Apriori": lambda file: theirs(file, "Apriori"),
    "pysubgroup GpGrowth": lambda file: theirs(file, "GpGrowth"),
    "full call, households": lambda file: ours(file, lazy=False, full=True),
    "large, same task": lambda file: ours(file, lazy=True, full=False),
    "large, full call": unclustered,
    "large, full, households": lambda file: ours(file, lazy=True, full=True),
}


def side(name: str, file: str) -> Callable[[], dict]:
    """Return one side's call, after a small one: what only the first call of a process costs."""
    SIDES[name](Path(file).with_name("small.parquet"))()
    return SIDES[name](Path(file))


def spawn(name: str, file: Path, repeats: int) -> dict:
    return medians([measured("tests.benchmarks.bench_segments", "side", name, str(file)) for _ in range(repeats)])


def show(name: str, run: dict, best: float | None = None) -> None:
    ratio = "" if best is None else f"  {run['cpu'] / best:6.1f} × ours"
    segments = f"  {run['searched']:,} segments; first: {run['first']}" if "searched" in run else ""
    print(
        f"  {name:24} {run['cpu']:7.2f} CPU s {run['wall']:7.2f} s wall  peak {run['MiB']:6.0f} MiB "
        f"(before the call {run['start']:5.0f}){ratio}{segments}",
        flush=True,
    )


def main(rows: int, large: int, repeats: int, growth: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "people.parquet"
        make(20_000, file.with_name("small.parquet"))
        make(rows, file)
        print(f"{rows:,} rows × {len(BY)} columns, depth 3, at least {LEAST} people; median of {repeats}")
        mine = spawn("ours", file, repeats)
        show("ours", mine)
        for name in ("pysubgroup DFS", "pysubgroup Apriori", *(["pysubgroup GpGrowth"] if growth else [])):
            run = spawn(name, file, repeats)
            show(name, run, mine["cpu"])
            off = max(abs(a - b) for a, b in zip(mine["scores"], run["scores"], strict=True))
            print(f"    largest difference of the 20 scores: {off:.1e}")
        show("full call, households", spawn("full call, households", file, repeats))
        if large:
            file.unlink()
            make(large, file)
            print(f"{large:,} rows, from a Parquet file")
            for name in ("large, same task", "large, full call", "large, full, households"):
                show(name, spawn(name, file, repeats))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_segments")
    parser.add_argument("--rows", type=lambda text: int(text.replace("_", "")), default=1_000_000)
    parser.add_argument("--large", type=lambda text: int(text.replace("_", "")), default=10_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--growth", action="store_true")
    given = parser.parse_args()
    main(given.rows, given.large, given.repeats, given.growth)
