"""Three million people ranked, capped and written, beside the plain SQL that does it; counting a universe likewise.

python -m tests.benchmarks.bench_lists --people 3_000_000
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from campaignkit.megafile import schema
from tests.benchmarks.measure import compared, measured

SEED = None  # values are hashes of row numbers
ME = "tests.benchmarks.bench_lists"
PREDICATES = ("sex = 'F'", "age between 30 and 69", "gave('online')", "not contacted('door')")
COUNT = """
SELECT count(*) FROM person p
WHERE sex = 'F' AND coalesce(date_sub('year', birth_date, DATE '2012-10-01'), 2012 - birth_year) BETWEEN 30 AND 69
  AND person_id IN (SELECT person_id FROM gift WHERE amount > 0 AND channel = 'online' AND given_on <= DATE '2012-10-01')
  AND person_id NOT IN (
    SELECT person_id FROM contact WHERE channel = 'door' AND contacted_on <= DATE '2012-10-01' AND person_id IS NOT NULL)
"""
LIST = """
COPY (
  WITH closed AS (
    SELECT DISTINCT person_id FROM suppression WHERE channel IN ('phone', 'all') AND since <= DATE '2012-10-01'
  ), recent AS (
    SELECT DISTINCT person_id FROM contact WHERE channel = 'phone' AND contacted_on > DATE '2012-09-24'
  ), best AS (
    SELECT person_id, max_by(value, scored_on) AS rank FROM score WHERE name = 'turnout' GROUP BY person_id
  ), open AS (
    SELECT p.*, rank, md5_number_lower(p.person_id::VARCHAR) AS tie FROM person p LEFT JOIN best USING (person_id)
    WHERE phone IS NOT NULL AND NOT coalesce(confidential, false)
      AND p.person_id NOT IN (FROM closed) AND p.person_id NOT IN (FROM recent)
  ), household AS (
    SELECT * FROM open
    QUALIFY row_number() OVER (PARTITION BY coalesce(household_id, -person_id) ORDER BY rank DESC NULLS LAST, tie) = 1
  ), number AS (
    SELECT * FROM household QUALIFY row_number() OVER (PARTITION BY phone ORDER BY rank DESC NULLS LAST, tie) = 1
  )
  SELECT row_number() OVER (ORDER BY rank DESC NULLS LAST, tie) AS place, person_id, rank, first_name, last_name,
         ltrim(phone, '+') AS phone, city, state
  FROM number ORDER BY place
) TO '{path}' (HEADER)
"""
PEOPLE = """
INSERT INTO person BY NAME
SELECT i + 1 AS person_id, 1 + i // 2 AS household_id, 'Ann' AS first_name, 'Lee' || (i % 5000) AS last_name,
       CASE WHEN hash(i) % 2 = 0 THEN 'F' ELSE 'M' END AS sex, DATE '1930-01-01' + (hash(i, 1) % 23000)::INT AS birth_date,
       CASE WHEN hash(i, 2) % 10 < 6 THEN '+1216' || lpad((hash(i, 3) % 9000000)::VARCHAR, 7, '2') END AS phone,
       'Akron' AS city, 'OH' AS state, i % 500 = 0 AS confidential
FROM range({n}) t(i);
INSERT INTO gift BY NAME SELECT 1 + hash(i, 4) % {n} AS person_id, DATE '2012-01-01' + (hash(i, 5) % 270)::INT AS given_on,
       25 AS amount, CASE WHEN hash(i, 6) % 2 = 0 THEN 'online' ELSE 'mail' END AS channel FROM range({n} // 2) t(i);
INSERT INTO contact BY NAME SELECT 1 + hash(i, 7) % {n} AS person_id, DATE '2012-08-01' + (hash(i, 8) % 61)::INT AS
       contacted_on, CASE WHEN hash(i, 9) % 2 = 0 THEN 'phone' ELSE 'door' END AS channel FROM range({n} // 3) t(i);
INSERT INTO suppression BY NAME SELECT 1 + hash(i, 10) % {n} AS person_id, 'phone' AS channel, 'refused' AS reason,
       DATE '2012-08-01' AS since FROM range({n} // 30) t(i);
INSERT INTO score BY NAME SELECT i + 1 AS person_id, 'turnout' AS name, (hash(i, 11) % 1000) / 1000 AS value,
       DATE '2012-09-01' AS scored_on FROM range({n}) t(i);
INSERT INTO source_file (file_id, as_of) VALUES (1, DATE '2012-10-01');
"""


def make(path: Path, people: int) -> None:
    """Write a megafile of random people."""
    with duckdb.connect(path) as con:
        con.execute(schema.schema_sql())
        con.execute(PEOPLE.replace("{n}", str(people)))


def count_ours(path: str) -> dict[str, Any]:
    """Count a universe three times."""
    from campaignkit import Megafile

    universe = Megafile.open(path).universe(*PREDICATES)
    counts = {universe.count() for _ in range(3)}
    return {"n": counts.pop()}


def count_sql(path: str) -> dict[str, Any]:
    """Count the same by hand three times."""
    from campaignkit import Megafile

    megafile = Megafile.open(path)
    counts = {megafile.sql(COUNT).item() for _ in range(3)}
    return {"n": counts.pop()}


def list_ours(path: str, out: str) -> dict[str, Any]:
    """Make and write a list."""
    from campaignkit import Megafile

    made = Megafile.open(path).universe().call_list("phone", "turnout", rank_by="score('turnout')")
    made.write(out)
    return {"n": made.table.height}


def list_sql(path: str, out: str) -> dict[str, Any]:
    """Make and write the same list by hand."""
    with duckdb.connect(path, read_only=True) as con:
        con.execute(LIST.replace("{path}", out))
        return {"n": con.sql("SELECT count(*) FROM read_csv(?)", params=[out]).fetchall()[0][0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=3_000_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.duckdb"
        make(path, people)
        for title, kind, extra in (("universe counted 3 times", "count", []), ("list written", "list", ["{}.csv"])):
            sides = [
                measured(ME, f"{kind}_{side}", str(path), *(f"{folder}/{e.format(side)}" for e in extra))
                for side in ("ours", "sql")
            ]
            assert sides[0]["n"] == sides[1]["n"], sides
            compared(f"{people:,} people, {title}: {sides[0]['n']:,}", *sides)


if __name__ == "__main__":
    main()
