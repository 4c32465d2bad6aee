"""Lists as files: whole or not at all, for their owner's eyes, harmless in a spreadsheet."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path
from types import TracebackType

import duckdb
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.spreadsheets import csv_bytes


class Drafts:
    """Files written beside their places under other names, and put there together at the end, or removed."""

    def __init__(self) -> None:
        self._files: list[tuple[Path, Path]] = []

    def __enter__(self) -> Drafts:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not put in place."""
        for draft, _ in self._files:
            draft.unlink(missing_ok=True)

    def add(self, path: Path, content: bytes) -> None:
        """Write what will be the file at `path`.

        Raises
        ------
        BadValue
            If the disk is full or the folder can't be written; what stood there stands.
        """
        draft = path.with_name(f".{path.name}.writing-{os.getpid()}")
        self._files.append((draft, path))
        try:
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(handle)
        except OSError as error:
            raise BadValue(
                f"{str(path)!r} can't be written ({error.strerror or error}); nothing was changed."
            ) from error

    def digests(self) -> list[tuple[str, str]]:
        """Return the name and SHA-256 of each file."""
        return [(path.name, hashlib.sha256(draft.read_bytes()).hexdigest()) for draft, path in self._files]

    def put_in_place(self) -> list[Path]:
        """Put every file where it belongs, and return where."""
        for draft, path in self._files:
            os.replace(draft, path)
        return [path for _, path in self._files]


def write_csv(table: pl.DataFrame, path: Path, drafts: Drafts) -> int:
    """Draft a list as a CSV with every column; return its rows."""
    if "phone" in table.columns:  # without the plus sign, which a spreadsheet would take for a formula
        table = table.with_columns(pl.col("phone").str.strip_prefix("+"))
    drafts.add(path, csv_bytes(table))
    return table.height


def write_van(con: duckdb.DuckDBPyConnection, table: pl.DataFrame, path: Path, drafts: Drafts) -> int:
    """Draft a list as VAN's saved lists, one zip a state; return the rows, which are of those who have a VanID."""
    known = con.sql("SELECT person_id, van_id, van_state FROM person WHERE van_id IS NOT NULL").pl()
    ids = table.with_row_index("row").select("row", "person_id").join(known, on="person_id").sort("row")
    if ids.is_empty():
        raise BadValue("Nobody on the list has a VanID; write it as csv.")
    states = ids["van_state"].unique().sort().to_list()
    for state in states:
        name = path if len(states) == 1 else path.with_name(f"{path.stem}-{state}{path.suffix}")
        rows = ids.filter(pl.col("van_state").eq_missing(pl.lit(state))).select(pl.col("van_id").alias("VanID"))
        with io.BytesIO() as zipped:
            with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"{name.stem}.csv", csv_bytes(rows))
            drafts.add(name, zipped.getvalue())
    return ids.height
