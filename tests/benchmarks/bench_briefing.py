"""A fortnight of drawn nights: `campaignkit night` end to end, by step, and a night on which nothing came.

python -m tests.benchmarks.bench_briefing --people 130_000 --nights 14

All steps are asked for but television. The first night is the build's own; each later one brings the supporters' list
whole, the day's gifts and some of Ohio's counties. "quiet" is the same call again, when nothing came. Memory is the most
that the process and its children (the refresh runs in one) held during the step, looked at fifty times a second.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import polars as pl

import campaignkit as ck
from tests.briefing import campaign

SEED = 2012
EVERY = 0.02
runner = import_module("campaignkit.briefing.night")  # the package's own name `night` is the function
MORE = """
pdf = true
[scores]
recipes = ["volunteers"]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=130_000)
    parser.add_argument("--nights", type=int, default=14)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, peaks = Path(name), {}
        campaign.build(folder, given.people)
        path = folder / "campaign.toml"
        path.write_text(path.read_text() + MORE + campaign.FORECAST)
        runner.STEPS = tuple(replace(step, run=watched(step, peaks)) for step in runner.STEPS)
        tables = [one(path, 0, peaks)]
        for number in range(1, given.nights + 1):
            campaign.add_night(folder, folder, number)
            tables.append(one(path, number, peaks))
        tables.append(one(path, given.nights + 1, peaks))
    report(pl.concat(tables), given.people)


def watched(step, peaks: dict[str, float]):
    """Return a step's function that also notes the memory it took."""

    def run(tonight):
        with peak(peaks, step.name):
            return step.run(tonight)

    return run


@contextmanager
def peak(peaks: dict[str, float], name: str) -> Generator[None]:
    """Note the most that this process and its children held meanwhile, in MiB."""
    done, most = threading.Event(), [held()]

    def look() -> None:
        while not done.wait(EVERY):
            most[0] = max(most[0], held())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        peaks[name] = max(most[0], held())


def held() -> float:
    """Return what this process and its children hold now, in MiB."""
    own, pages = Path("/proc/self"), 0
    children = [pid for task in own.glob("task/*/children") for pid in task.read_text().split()]
    for process in [own, *(Path("/proc") / pid for pid in children)]:
        try:
            pages += int((process / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue  # it has ended
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def one(path: Path, number: int, peaks: dict[str, float]) -> pl.DataFrame:
    peaks.clear()
    done = ck.briefing.night(path, progress=False)
    memory = [peaks.get(step) for step in done.table["step"]]
    return done.table.with_columns(MiB=pl.Series(memory, dtype=pl.Float64), night=number, code=done.code)


def report(rows: pl.DataFrame, people: int) -> None:
    """Print the figures of each night by step."""
    print(f"{people:,} people; night 0 is the first page, the last one a night on which nothing came")
    for figure, digits in (("seconds", 1), ("cpu_seconds", 1), ("MiB", 0)):
        print(f"\n{figure.replace('cpu_seconds', 'CPU seconds')}")
        steps = rows["step"].unique(maintain_order=True).to_list()
        print("night " + "".join(f"{step:>11}" for step in [*steps, "most" if figure == "MiB" else "all"]))
        for number in rows["night"].unique(maintain_order=True):
            own = rows.filter(night=number)
            whole = own[figure].max() if figure == "MiB" else own[figure].sum()
            cells = ["" if value is None else f"{value:,.{digits}f}" for value in [*own[figure], whole]]
            print(f"{number:5} " + "".join(f"{cell:>11}" for cell in cells))
    codes = rows.group_by("night", maintain_order=True).first()["code"].to_list()
    print(f"\nexit codes: {codes}")


if __name__ == "__main__":
    main()
