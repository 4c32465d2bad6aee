"""What was exported, by whom it can be asked later: a log beside the megafile that lists are noted in at once.

A megafile is open for reading while lists are made, often by several people; a line appended to a file of its own
needs no lock. The next refresh takes the lines into the table `export`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

_SCHEMA = {
    "exported_at": pl.Datetime("us"), "path": pl.String, "channel": pl.String, "purpose": pl.String,
    "universe": pl.String, "rows": pl.Int64, "sha256": pl.String,
}  # fmt: skip


def log_path(megafile: Path) -> Path:
    """Return where a megafile's exports are noted."""
    return megafile.with_name(f"{megafile.name}.exports.jsonl")


def append_export_log(megafile: Path, manifest: dict[str, Any]) -> None:
    """Add a line for each file of a manifest."""
    shared = {name: manifest[name] for name in ("exported_at", "channel", "purpose", "universe", "rows")}
    handle = os.open(log_path(megafile), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with open(handle, "a", encoding="utf-8") as log:
        for file in manifest["files"]:
            log.write(json.dumps(shared | {"path": file["name"], "sha256": file["sha256"]}) + "\n")


def take_in_export_log(con: duckdb.DuckDBPyConnection, megafile: Path) -> None:
    """Take the lines that are not in the table `export` yet into it; the log stays as it is, others may be writing."""
    rows = read_export_log(megafile)
    con.register("noted", rows)
    con.execute("INSERT INTO export BY NAME SELECT * FROM noted EXCEPT FROM export")
    con.unregister("noted")


def read_export_log(megafile: Path) -> pl.DataFrame:
    """Return the lines of the log as rows of `export`, in order; a line cut short by a crash is left out."""
    rows = []
    if log_path(megafile).exists():
        for line in log_path(megafile).read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    table = pl.DataFrame(rows, schema=_SCHEMA | {"exported_at": pl.String})
    return table.with_columns(pl.col("exported_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%z").dt.replace_time_zone(None))
