"""A contact log written into a Postgres server by `Megafile.export`, and read from one by `read_sql`, batch by batch.

    python -m tests.benchmarks.bench_warehouse --write 1_000_000 10_000_000 --read 1_000_000 10_000_000 100_000_000

The server is one of its own on the same machine, and its work is not in the CPU seconds. Rows that are read are made by
the server as they are asked for, five columns of numbers, dates and text; rows that are written are those of a megafile's
`contact`, with a person for every ten of them and a tenth of people suppressed. What writing holds grows with what DuckDB
keeps of the megafile's file, until the 512 MB that an export gives it are full.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from campaignkit.megafile import schema
from tests.benchmarks.measure import measured
from tests.postgres import running_postgres

SEED = None  # values are made of row numbers
ME = "tests.benchmarks.bench_warehouse"
LOG = """
SELECT g AS contact_id, g % 9000000 AS person_id, DATE '2012-06-01' + g % 120 AS contacted_on,
       (ARRAY['phone', 'door', 'text'])[1 + g % 3] AS channel,
       (ARRAY['talked', 'not home', 'refused', NULL])[1 + g % 4] AS result
FROM (SELECT generate_series(1, {rows}) AS g) numbered
"""
MEGAFILE = """
INSERT INTO source_file (file_id, as_of) VALUES (1, DATE '2012-10-01');
INSERT INTO person BY NAME SELECT i + 1 AS person_id, '+1' || 2000000000 + i AS phone FROM range({rows} // 10) t(i);
INSERT INTO suppression BY NAME
SELECT i + 1 AS person_id, 'phone' AS channel, 'refused' AS reason FROM range(0, {rows} // 10, 10) t(i);
INSERT INTO contact BY NAME
SELECT 1 + i % ({rows} // 10) AS person_id, DATE '2012-06-01' + (i % 120)::INT AS contacted_on,
       ['phone', 'door', 'text'][1 + i % 3] AS channel, 'Caller ' || i % 4000 AS contacted_by,
       ['talked', 'not home', 'refused', NULL][1 + i % 4] AS result, '+1' || 2000000000 + i % ({rows} // 10) AS phone,
       i AS record_id
FROM range({rows}) t(i);
"""


def read(address: str, rows: str) -> dict[str, Any]:
    """Read a query's rows and count them."""
    from campaignkit.tables import read_sql

    return {"n": sum(batch.num_rows for batch in read_sql(address, LOG.replace("{rows}", rows)))}


def write(address: str, path: str) -> dict[str, Any]:
    """Write a megafile's contact log into the server."""
    from campaignkit import Megafile

    with Megafile.open(path) as megafile:
        return {"n": len(megafile.export(address, ["contact"], progress=False))}


def make(path: Path, rows: int) -> None:
    """Write a megafile with so many contacts."""
    with duckdb.connect(path) as con:
        con.execute(schema.schema_sql())
        con.execute(MEGAFILE.replace("{rows}", str(rows)))


def in_schema(address: str, name: str) -> str:
    """Make a schema; return the address by which tables are made in it."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {name}")
    return f"{address}?options=-csearch_path%3D{name}"


def said(what: str, rows: int, run: dict[str, Any]) -> None:
    print(
        f"{what}  {rows:11,} rows  peak {run['MiB']:6.0f} MiB ({run['start']:.0f} at the start)  wall {run['wall']:6.1f} s"
        f"  CPU {run['cpu']:6.1f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=int, nargs="*", default=[1_000_000, 10_000_000, 30_000_000])
    parser.add_argument("--read", type=int, nargs="*", default=[1_000_000, 10_000_000, 100_000_000])
    given = parser.parse_args()
    with running_postgres() as address, tempfile.TemporaryDirectory() as folder:
        for rows in given.write:
            path = Path(folder) / f"{rows}.duckdb"
            make(path, rows)
            said("write", rows, measured(ME, "write", in_schema(address, f"rows_{rows}"), str(path)))
            path.unlink()
        for rows in given.read:
            run = measured(ME, "read", address, str(rows))
            assert run["n"] == rows
            said("read ", rows, run)


if __name__ == "__main__":
    main()
