"""analyze() beside the SQL that only sums, and tea-tasting doing all pairs: CPU, wall and peak memory.

    python -m tests.benchmarks.bench_experiments --rows 5_000_000

5M rows × 12 arms × 4 metrics (opened, clicked, gave, amount) in a DuckDB file. Each side runs in its own process, turn
about; a process opens the file, makes the call once to warm it, and is timed on the second. Medians are printed, and
the ratio of ours to theirs. `sum` is one GROUP BY with count, sum and sum of squares of each metric; `analyze` returns
levels, differences to one control with intervals, ratios, corrected p-values, and what is known of gifts. tea-tasting
reads through Ibis-free Narwhals from the same DuckDB table and compares every pair of arms (`all_variants=True`).
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

SEED = 0.5
METRICS = ["opened", "clicked", "gave", "amount"]
SIDES = ["analyze", "sum", "tea-tasting"]
MAKE = """
create table sent as
select 'arm_' || lpad((hash(i) % 12)::varchar, 2, '0') as arm, random() < 0.2 as opened, random() < 0.03 as clicked,
       gave, case when gave then round(exp(3 + 0.9 * sqrt(-2 * ln(u)) * cos(6.283185307 * v)), 0) else 0 end as amount
from (select i, random() < 0.01 as gave, random() + 1e-12 as u, random() as v from range(?) t(i))
"""


def call(side: str, con: duckdb.DuckDBPyConnection) -> dict:
    if side == "sum":
        sums = ", ".join(f"sum({m}::double), sum({m}::double * {m}::double)" for m in METRICS)
        table = con.sql(f"select arm, count(*), {sums} from sent group by arm order by arm").pl()
        return {"level": (table.to_series(8) / table.to_series(1)).to_list()}
    if side == "analyze":
        from campaignkit.experiments import analyze

        table = analyze(con.table("sent"), "arm", METRICS, control="arm_00").table
        return {"level": table.filter(outcome="amount")["level"].to_list()}
    import tea_tasting as tt

    data = con.sql("select arm, opened::int as opened, clicked::int as clicked, gave::int as gave, amount from sent")
    results = tt.Experiment({m: tt.Mean(m) for m in METRICS}, "arm").analyze(data, all_variants=True)
    found = {pair[0]: result["amount"].control for pair, result in results.items()}
    found |= {pair[1]: result["amount"].treatment for pair, result in results.items()}
    return {"level": [found[name] for name in sorted(found)], "pairs": len(results)}


def run_side(side: str, file: str) -> None:
    """Time one side in this process and print what it took."""
    con = duckdb.connect(file, read_only=True)
    call(side, con)
    wall, cpu = time.perf_counter(), time.process_time()
    found = call(side, con)
    taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(taken | {"MiB": peak} | found))


def spawn(side: str, file: Path) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks.bench_experiments", "--side", side, "--file", str(file)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(rows: int, repeats: int, folder: Path) -> None:
    file = folder / "sent.duckdb"
    with duckdb.connect(str(file)) as con:
        con.execute("select setseed(?)", [SEED]).fetchall()
        con.execute(MAKE, [rows]).fetchall()
    found = {side: [] for side in SIDES}
    for _ in range(repeats):
        for side, runs in found.items():
            runs.append(spawn(side, file))
    pairs = found["tea-tasting"][0]["pairs"]
    print(f"{rows:,} rows × 12 arms × {len(METRICS)} metrics; median of {repeats} runs; tea-tasting: {pairs} pairs")
    for what, unit in (("cpu", "s"), ("wall", "s"), ("MiB", "MiB")):
        ours, *theirs = (statistics.median(run[what] for run in runs) for runs in found.values())
        told = "".join(
            f"  {name} {t:8.3f} (ours / it {ours / t:.2f})" for name, t in zip(SIDES[1:], theirs, strict=True)
        )
        print(f"  {what:4} {unit:3} analyze {ours:8.3f}{told}")
    for side in SIDES[1:]:
        mine, other = found["analyze"][0]["level"], found[side][0]["level"]
        worst = max(abs(a - b) / a for a, b in zip(mine, other, strict=True))
        print(f"  beside {side}: dollars a recipient agree to {worst:.0e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows to make (underscores are fine)")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each side")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        run_side(arguments.side, arguments.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments.rows, arguments.repeats, Path(folder))


if __name__ == "__main__":
    main()
