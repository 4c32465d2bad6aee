"""What was exported, so that it can be looked up later: a log beside the megafile that lists are noted in at once.

A megafile is open for reading while lists are made, often by several people; a line appended to a file of its own
needs no lock. The next refresh takes the lines into the table `export`.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from campaignkit.errors import BadValue, RefreshRefused, listed

_SCHEMA = {
    "exported_at": pl.Datetime("us"), "path": pl.String, "channel": pl.String, "purpose": pl.String,
    "universe": pl.String, "rows": pl.Int64, "sha256": pl.String,
}  # fmt: skip


def log_path(megafile: Path) -> Path:
    """Return where a megafile's exports are noted."""
    return megafile.with_name(f"{megafile.name}.exports.jsonl")


def append_export_log(megafile: Path, manifest: dict[str, Any]) -> None:
    """Add a line for each file of a manifest.

    Raises
    ------
    RefreshRefused
        If the log can't be written.
    """
    shared = {name: manifest[name] for name in ("exported_at", "channel", "purpose", "universe", "rows")}
    lines = [json.dumps(shared | {"path": file["name"], "sha256": file["sha256"]}) for file in manifest["files"]]
    try:
        handle = os.open(log_path(megafile), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(handle, "a", encoding="utf-8") as log:
            log.write("".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise _unwritable(megafile, error, manifest["files"]) from error


def _unwritable(megafile: Path, error: OSError, files: list[dict[str, Any]]) -> RefreshRefused:
    names = listed([str(file["name"]) for file in files], most=4)
    return RefreshRefused(
        f"The log of exports {log_path(megafile).name!r} can't be written ({error.strerror}), so that {names} would be "
        "known to nobody later. Make it writable and write the list again."
    )


def take_in_export_log(con: duckdb.DuckDBPyConnection, megafile: Path) -> None:
    """Take the lines that are not in the table `export` yet into it; the log stays as it is, others may be writing."""
    rows = read_export_log(megafile)
    con.register("noted", rows)
    con.execute("INSERT INTO export BY NAME SELECT * FROM noted EXCEPT FROM export")
    con.unregister("noted")


def read_export_log(megafile: Path) -> pl.DataFrame:
    """Return the lines of the log as rows of `export`, in order; a line cut short by a crash is left out."""
    path, rows = log_path(megafile), []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    except OSError as error:
        raise BadValue(f"The log of exports {path.name!r} can't be read ({error.strerror}).") from error
    for line in lines:
        try:
            rows.append(_row(json.loads(line)))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return pl.DataFrame(rows, schema=_SCHEMA)


def _row(noted: dict[str, Any]) -> dict[str, Any]:
    """Return a line of the log as a row of `export`; an error where it is none."""
    at = datetime.fromisoformat(noted["exported_at"]).replace(tzinfo=None)
    texts = {name: noted[name] for name in ("path", "channel", "purpose", "universe", "sha256")}
    if not all(text is None or isinstance(text, str) for text in texts.values()):
        raise TypeError
    return {"exported_at": at, "rows": int(noted["rows"]), **texts}
