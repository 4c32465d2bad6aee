"""analyze() beside the SQL that only sums, and tea-tasting doing all pairs: CPU, wall and peak memory.

    python -m tests.benchmarks.bench_experiments --rows 5_000_000

5M rows × 12 arms × 4 metrics (opened, clicked, gave, amount) in a DuckDB file. Each side runs in its own process, turn
about; a process opens the file, makes the call once to warm it, and is timed on the second. Medians are printed, and
the ratio of ours to theirs. `sums` is one GROUP BY with count, sum and sum of squares of each metric; ours is `analyze`, which returns
levels, differences to one control with intervals, ratios, corrected p-values, and what is known of gifts. tea-tasting
reads through Ibis-free Narwhals from the same DuckDB table and compares every pair of arms (`all_variants=True`).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.benchmarks.measure import compared_all, turn_about

ME = "tests.benchmarks.bench_experiments"
SEED = 0.5
METRICS = ["opened", "clicked", "gave", "amount"]
SIDES = ["ours", "sums", "tea_tasting"]
MAKE = """
create table sent as
select 'arm_' || lpad((hash(i) % 12)::varchar, 2, '0') as arm, random() < 0.2 as opened, random() < 0.03 as clicked,
       gave, case when gave then round(exp(3 + 0.9 * sqrt(-2 * ln(u)) * cos(6.283185307 * v)), 0) else 0 end as amount
from (select i, random() < 0.01 as gave, random() + 1e-12 as u, random() as v from range(?) t(i))
"""


def warmed(call: Callable[[], dict]) -> Callable[[], dict]:
    """Make a call once; return it as what is timed."""
    call()
    return call


def ours(file: str) -> Callable[[], dict]:
    from campaignkit.experiments import analyze

    sent = duckdb.connect(file, read_only=True).table("sent")

    def call() -> dict:
        table = analyze(sent, "arm", METRICS, control="arm_00").table
        return {"level": table.filter(outcome="amount")["level"].to_list()}

    return warmed(call)


def sums(file: str) -> Callable[[], dict]:
    con, sums = (
        duckdb.connect(file, read_only=True),
        [f"sum({m}::double), sum({m}::double * {m}::double)" for m in METRICS],
    )

    def call() -> dict:
        table = con.sql(f"select arm, count(*), {', '.join(sums)} from sent group by arm order by arm").pl()
        return {"level": (table.to_series(8) / table.to_series(1)).to_list()}

    return warmed(call)


def tea_tasting(file: str) -> Callable[[], dict]:
    import tea_tasting as tt

    con = duckdb.connect(file, read_only=True)

    def call() -> dict:
        data = con.sql(
            "select arm, opened::int as opened, clicked::int as clicked, gave::int as gave, amount from sent"
        )
        results = tt.Experiment({m: tt.Mean(m) for m in METRICS}, "arm").analyze(data, all_variants=True)
        found = {pair[0]: result["amount"].control for pair, result in results.items()}
        found |= {pair[1]: result["amount"].treatment for pair, result in results.items()}
        return {"level": [found[name] for name in sorted(found)], "pairs": len(results)}

    return warmed(call)


def compare(rows: int, repeats: int, folder: Path) -> None:
    file = folder / "sent.duckdb"
    with duckdb.connect(str(file)) as con:
        con.execute("select setseed(?)", [SEED]).fetchall()
        con.execute(MAKE, [rows]).fetchall()
    found = turn_about(ME, SIDES, repeats, str(file))
    pairs = found["tea_tasting"]["pairs"]
    title = f"{rows:,} rows × 12 arms × {len(METRICS)} metrics; median of {repeats} runs; tea-tasting: {pairs} pairs"
    compared_all(title, found)
    for side in SIDES[1:]:
        mine, other = found["ours"]["level"], found[side]["level"]
        worst = max(abs(a - b) / a for a, b in zip(mine, other, strict=True))
        print(f"  beside {side}: dollars a recipient agree to {worst:.0e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows to make (underscores are fine)")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each side")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(given.rows, given.repeats, Path(folder))


if __name__ == "__main__":
    main()
