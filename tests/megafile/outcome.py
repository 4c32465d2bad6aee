"""What a build of a small sample comes to, table by table, kept from the build that was checked.

Where a layout, the sample or a decision changes on purpose, it is made anew: python -m tests.megafile.outcome
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from campaignkit import Megafile, sample
from campaignkit.megafile import schema

KEPT = Path(__file__).with_name("outcome.json")
PEOPLE, SEED = 3_000, 23

#: What tells the time, or holds numbers whose last digit another processor may round another way.
LEFT_OUT = {"refresh_log": None, "model": None, "source_record": {"match_probability"}, "candidate_pair": {"odds"}}


def outcome(megafile: Megafile) -> dict[str, list[int | str]]:
    """Return the rows of each table, and a digest of them that their order does not change."""
    found = {}
    for table in schema.names():
        without = LEFT_OUT.get(table, set())
        if without is not None:
            columns = [column for column in schema.columns_of(table) if column not in without]
            rows = f"SELECT md5(struct_pack({', '.join(columns)})::VARCHAR) AS row FROM {table}"
            query = f"SELECT count(*) AS rows, coalesce(md5(string_agg(row, '' ORDER BY row)), '') FROM ({rows})"
            found[table] = list(megafile.sql(query).row(0))
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sample.write(f"{folder}/exports", PEOPLE, SEED)
        with Megafile.build(f"{folder}/exports", f"{folder}/sample.duckdb", progress=False) as megafile:
            kept = json.dumps(outcome(megafile), indent=1)
        KEPT.write_text(kept + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
