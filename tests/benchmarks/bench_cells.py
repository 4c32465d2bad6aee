"""cells() beside the same statistics in SQL by hand, on a DuckDB file: CPU, wall and peak memory.

    python -m tests.benchmarks.bench_cells --rows 10_000_000

Each side runs in its own process, turn about; a process opens the file, makes the call once to warm it, and is
timed on the second. Medians are printed, and the ratio of ours to the SQL's. There are two SQLs: `avg`, a plain sum
(seen to drift by 4e-12 over ten million rows of one group), and `fsum`, which compensates the sum as ours does.
fsum(x) / count(x) is used and not favg(x): with favg everywhere this query takes nearly three times as long, for a
reason we have not found, and would flatter us.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl

from tests.benchmarks.measure import compared_all, turn_about

ME = "tests.benchmarks.bench_cells"
SEED = 0.5
BY = ["region", "sex"]
MEASURES = ["gift", "before", "age", "gave"]
FLOATS = ["gift", "before"]
SIDES = ["cells", "avg", "fsum"]
MAKE = """
create table people as
select (hash(i) % 50)::integer as region, case when hash(i + 1) % 2 = 0 then 'F' else 'M' end as sex,
       case when i % 10 = 0 then null when i % 1000 = 1 then 'nan'::double
            else exp(3 + random() + random() + random()) end as gift,
       100 * random() as before, (18 + random() * 80)::integer as age, random() < 0.3 as gave
from range(?) t(i)
"""


def by_hand() -> str:
    """Return the SQL that a careful analyst would write: NaN apart from null, nothing that cancels.

    NaNs are made null once, below the group-by: with a FILTER on every aggregate instead, and the regr_ functions
    for the pair, it took twice the CPU (1.19 s beside 0.56 s for ten million rows).
    """
    columns = []
    for m in MEASURES:
        nan = f"count(*) filter (where isnan({m}))" if m in FLOATS else "0"
        columns += [
            f"count({m}_x) as {m}_n, count(*) - count({m}) as {m}_null, {nan} as {m}_nan",
            f"avg({m}_x) as {m}_mean, var_pop({m}_x) * count({m}_x) as {m}_ss",
            f"min({m}_x) as {m}_min, max({m}_x) as {m}_max",
        ]
    columns.append("count(p1) as before_gift_n, avg(p1) as before_gift_mean_1, avg(p2) as before_gift_mean_2")
    columns.append("var_pop(p1) * count(p1) as before_gift_ss_1, var_pop(p2) * count(p1) as before_gift_ss_2")
    columns.append("covar_pop(p1, p2) * count(p1) as before_gift_css")
    doubles = [f"case when not isnan({m}) then {m} end as {m}_x" for m in FLOATS]
    doubles += [f"{m}::double as {m}_x" for m in MEASURES if m not in FLOATS]
    inner = f"select *, {', '.join(doubles)} from people"
    pair = "case when gift_x is not null then before_x end as p1, case when before_x is not null then gift_x end as p2"
    rows = f"select *, {pair} from ({inner})"
    return f"select region, sex, count(*) as n, {', '.join(columns)} from ({rows}) group by all order by all"


def warmed(call: Callable[[], pl.DataFrame]) -> Callable[[], dict[str, str]]:
    """Make a call once; return it as what is timed."""
    call()
    return lambda: {"table": call().write_json()}


def cells(file: str) -> Callable[[], dict[str, str]]:
    from campaignkit.cells import cells

    people = duckdb.connect(file, read_only=True).table("people")
    return warmed(lambda: cells(people, BY, MEASURES, comoments=[("before", "gift")]))


def avg(file: str) -> Callable[[], dict[str, str]]:
    con = duckdb.connect(file, read_only=True)
    return warmed(lambda: con.sql(by_hand()).pl())


def fsum(file: str) -> Callable[[], dict[str, str]]:
    con, sql = duckdb.connect(file, read_only=True), re.sub(r"avg\((\w+)\)", r"fsum(\1) / count(\1)", by_hand())
    return warmed(lambda: con.sql(sql).pl())


def largest_difference(ours: str, theirs: str) -> float:
    """Return the largest relative difference between the two sides' numbers; counts must agree exactly."""
    worst = 0.0
    for mine, other in zip(json.loads(ours), json.loads(theirs), strict=True):
        for name, value in mine.items():
            if isinstance(value, float):
                worst = max(worst, abs(value - other[name]) / max(abs(value), 1e-300))
            elif value != other[name]:
                raise SystemExit(f"{name}: {value} here, {other[name]} there")
    return worst


def compare(rows: int, repeats: int, folder: Path) -> None:
    file = folder / "people.duckdb"
    with duckdb.connect(str(file)) as con:
        con.execute("select setseed(?)", [SEED]).fetchall()
        con.execute(MAKE, [rows]).fetchall()
        held = con.execute("select count(*) from people").fetchone()
    found = turn_about(ME, SIDES, repeats, str(file))
    title = f"{held[0]:,} rows, {len(MEASURES)} measures and 1 pair by {', '.join(BY)}; median of {repeats} runs"
    compared_all(title, found)
    for side in SIDES[1:]:
        worst = largest_difference(found["cells"]["table"], found[side]["table"])
        print(f"  beside {side}: counts equal; largest relative difference of any other number {worst:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows to make (underscores are fine)")
    parser.add_argument("--repeats", type=int, default=5, help="processes for each side")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(given.rows, given.repeats, Path(folder))


if __name__ == "__main__":
    main()
