"""A fortnight of drawn nights: `campaignkit night` end to end, by step, and a night on which nothing came.

python -m tests.benchmarks.bench_briefing --people 130_000 --nights 14

All steps are asked for but television. The first night is the build's own; each later one brings the supporters' list
whole, the day's gifts and some of Ohio's counties. "quiet" is the same call again, when nothing came.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

import polars as pl

import campaignkit as ck
from tests.briefing import campaign

SEED = 2012
MORE = """
pdf = true
[scores]
recipes = ["volunteers"]
[forecast]
on = 2012-11-06
[money]
budget = 2_000_000
effect = 0.02
std_error = 0.008
scale = 2.0
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=130_000)
    parser.add_argument("--nights", type=int, default=14)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        campaign.build(folder, given.people)
        path = folder / "campaign.toml"
        path.write_text(path.read_text() + MORE)
        tables = [one(path, 0)]
        for number in range(1, given.nights + 1):
            campaign.add_night(folder, folder, number)
            tables.append(one(path, number))
        tables.append(one(path, -1))
    rows = pl.concat(tables)
    report(rows, given.people)


def one(path: Path, number: int) -> pl.DataFrame:
    done = ck.briefing.night(path, progress=False)
    return done.table.with_columns(night=number, code=done.code)


def report(rows: pl.DataFrame, people: int) -> None:
    later = rows.filter(pl.col("night") > 0)
    by_step = later.group_by("step", maintain_order=True).agg(
        pl.col("seconds", "cpu_seconds").median().round(2), most=pl.col("seconds").max()
    )
    print(f"{people:,} people; median of {later['night'].n_unique()} nights, in seconds")
    for step, seconds, cpu, most in by_step.iter_rows():
        print(f"{step:12} {seconds:8.2f} {cpu:8.2f} CPU {most:8.2f} most")
    whole = later.group_by("night").agg(pl.col("seconds", "cpu_seconds").sum())
    print(
        f"{'a night':12} {whole['seconds'].median():8.2f} {whole['cpu_seconds'].median():8.2f} CPU {whole['seconds'].max():8.2f} most"
    )
    print(f"{'quiet':12} {rows.filter(night=-1)['seconds'].sum():8.2f}")
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"peak memory: {peaks[0]:,.0f} MB of the night, {peaks[1]:,.0f} MB of the refresh's child")
    print(f"exit codes: {rows.group_by('night', maintain_order=True).first()['code'].to_list()}")


if __name__ == "__main__":
    main()
