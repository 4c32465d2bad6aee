"""resolve() on Spark beside the same on DuckDB, on the same records: equal people or not, CPU, wall, rows fetched.

    python -m tests.benchmarks.bench_resolve_spark --voters 150_000 --supporters 50_000

The records are those of `bench_resolve`; supporters may have duplicates among themselves. DuckDB runs in a process of
its own. Spark's CPU is that of the driver, the JVM, the executors and their Python workers, read from /proc before they
end (those that ended earlier are left out); stages, shuffled bytes and rows are the event log's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from tests.benchmarks.bench_resolve import SEED, make

SOURCES = {"voters": True, "supporters": False}
SIDES = ("duckdb", "spark")
MASTER = "local-cluster[2,1,2048]"


def records(folder: Path) -> pl.DataFrame:
    """Return the records in linking order, as Spark numbers them."""
    turn = pl.col("source").replace_strict({name: turn for turn, name in enumerate(SOURCES)})
    parts = [pl.read_parquet(folder / f"{name}.parquet") for name in SOURCES]
    return pl.concat(parts).sort(turn, "record_id")


def on_duckdb(folder: Path) -> dict[str, Any]:
    """Link in this process; write the answer."""
    from campaignkit.megafile import resolve

    found = resolve(records(folder), one_per_person=SOURCES, progress=False)
    found.table.write_parquet(folder / "duckdb_answer.parquet")
    return {"said": found.summary(), "cpu_seconds": cpu_of_all(os.getpid())}


def on_spark(folder: Path) -> dict[str, Any]:
    """Link on a local cluster; write the answer."""
    from pyspark.sql import SparkSession

    from campaignkit.megafile import resolve

    settings = {
        "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "4", "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
        "spark.ui.showConsoleProgress": "false", "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": folder.as_uri(), "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
    }  # fmt: skip
    builder = SparkSession.builder.master(MASTER)
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    records(folder).sample(fraction=1, shuffle=True, seed=SEED).write_parquet(folder / "shuffled.parquet")
    found: Any = resolve(spark.read.parquet(str(folder / "shuffled.parquet")), one_per_person=SOURCES, progress=False)
    pl.DataFrame(pl.from_arrow(found.records.toArrow())).write_parquet(folder / "spark_answer.parquet")
    answer = {"said": found.summary(), "rows_fetched": found.rows_fetched, "cpu_seconds": cpu_of_all(os.getpid())}
    spark.stop()
    return answer | shuffled(folder)


def cpu_of_all(root: int) -> float:
    """Return the CPU seconds of a process and of all that it started and that still run or were waited for."""
    ticks, children = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        of = int(stat.parent.name)
        ticks[of] = sum(map(int, fields[11:15]))
        children.setdefault(int(fields[1]), []).append(of)
    total, left = 0, [root]
    while left:
        process = left.pop()
        total += ticks.get(process, 0)
        left += children.get(process, [])
    return round(total / os.sysconf("SC_CLK_TCK"), 1)


def shuffled(folder: Path) -> dict[str, int]:
    """Return how many stages ran, and what they shuffled, from Spark's event log."""
    stages, written, rows = 0, 0, 0
    for log in [*folder.glob("app-*"), *folder.glob("local-*")]:
        for line in log.read_text().splitlines():
            event = json.loads(line)
            stages += event["Event"] == "SparkListenerStageCompleted"
            if event["Event"] == "SparkListenerTaskEnd":
                metrics = (event.get("Task Metrics") or {}).get("Shuffle Write Metrics", {})
                written += metrics.get("Shuffle Bytes Written", 0)
                rows += metrics.get("Shuffle Records Written", 0)
    return {"stages": stages, "shuffled_bytes": written, "shuffled_rows": rows}


def compared(folder: Path) -> dict[str, Any]:
    """Return how far the two answers are one: people are equal where each of one's is exactly one of the other's."""
    ours, theirs = (pl.read_parquet(folder / f"{side}_answer.parquet") for side in SIDES)
    both = ours.join(theirs, on=["source", "record_id"], suffix="_spark")
    people = [ours["person_id"].n_unique(), theirs["person_id"].n_unique()]
    pairs = both.select("person_id", "person_id_spark").n_unique()
    how = both["matched_by"].eq_missing(both["matched_by_spark"]).all()
    apart = (both["match_probability"] - both["match_probability_spark"]).abs().max()
    return {
        "records": [ours.height, theirs.height, both.height],
        "people": people,
        "people_equal": people[0] == people[1] == pairs and both.height == ours.height == theirs.height,
        "matched_by_equal": how,
        "probabilities_apart": apart,
    }


def main() -> None:
    """Make the records, link them on both, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--voters", type=int, default=150_000)
    parser.add_argument("--supporters", type=int, default=50_000)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.side:
        started = time.perf_counter()
        answer = (on_duckdb if asked.side == "duckdb" else on_spark)(asked.folder)
        print(json.dumps(answer | {"wall_seconds": round(time.perf_counter() - started, 1)}))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, asked.voters, asked.supporters, SEED)
        environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
        for side in SIDES:
            command = [sys.executable, "-m", "tests.benchmarks.bench_resolve_spark", "--side", side, "--folder", name]
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            print(f"{side}: {json.loads(run.stdout.splitlines()[-1])}", flush=True)
        print(compared(folder))


if __name__ == "__main__":
    main()
