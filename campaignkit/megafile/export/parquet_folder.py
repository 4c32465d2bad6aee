"""Tables as a folder of Parquet files: streamed, split by a column as Hive names it, in place whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from campaignkit.errors import BadValue, CampaignkitError
from campaignkit.exported import MANIFEST, METADATA
from campaignkit.megafile.export.columns import Exported
from campaignkit.megafile.storage.replacing import remove_leftovers

BATCH_ROWS = 100_000  # held at a time
MOST_PARTS = 400  # files that are open at once
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # what every reader of such folders takes for null
PART = "part-0.parquet"


@dataclass
class _Part:
    """A file of a table, open."""

    path: Path
    writer: pq.ParquetWriter
    rows: int = 0


@dataclass
class _Parts:
    """The files of a table by the value that they are of."""

    folder: Path
    schema: pa.Schema
    split: str | None
    open: ExitStack
    by_value: dict[str | None, _Part] = field(default_factory=dict)

    def write(self, value: str | None, rows: pa.Table) -> None:
        """Write rows into the file of a value."""
        if rows.num_rows or self.split is None:
            part = self.by_value.get(value) or self._opened(value)
            part.writer.write_table(rows)
            part.rows += rows.num_rows

    def _opened(self, value: str | None) -> _Part:
        if len(self.by_value) == MOST_PARTS:
            raise BadValue(
                f"partition_by is {self.split!r}, which has over {MOST_PARTS} values; name a column with fewer."
            )
        path = self.folder / part_name(self.split, value)
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = self.open.enter_context(pq.ParquetWriter(path, self.schema, compression="zstd"))
        self.by_value[value] = _Part(path, writer)
        return self.by_value[value]


def part_name(split: str | None, value: str | None) -> str:
    """Return the name of a value's file within its table's folder.

    Examples
    --------
    >>> part_name("state", "OH"), part_name("county", "Doña Ana/x"), part_name(None, None)
    ('state=OH/part-0.parquet', 'county=Do%C3%B1a%20Ana%2Fx/part-0.parquet', 'part-0.parquet')
    """
    if split is None:
        return PART
    return f"{split}={NO_VALUE if value is None else quote(value, safe='')}/{PART}"


def write_table(con: duckdb.DuckDBPyConnection, table: Exported, root: Path) -> dict[str, Any]:
    """Write a table's rows as they stream; return what the manifest says of it.

    Raises
    ------
    BadValue
        If it is split by a column of too many values.
    """
    reader = con.sql(table.query).to_arrow_reader(BATCH_ROWS)
    fields = [column for column in reader.schema if column.name != table.split]
    said = {"table": table.name, "restricted": table.restricted, "restricted_columns": table.restricted_columns}
    columns = pa.schema(fields, metadata={METADATA: json.dumps(said).encode()})
    folder = root / table.name
    folder.mkdir(parents=True)
    with ExitStack() as files:
        parts = _Parts(folder, columns, table.split, files)
        for batch in reader:
            _write_batch(parts, pa.Table.from_batches([batch]))
        if not parts.by_value:
            _write_empty(parts)
    return {
        "rows": sum(part.rows for part in parts.by_value.values()),
        "columns": {column.name: str(column.type) for column in fields},
        "partition_by": table.split,
        "restricted": table.restricted,
        "restricted_columns": table.restricted_columns,
        "files": [
            {"name": part.path.relative_to(root).as_posix(), "rows": part.rows, "sha256": _digest(part.path)}
            for _, part in sorted(parts.by_value.items(), key=lambda item: item[0] or "")
        ],
    }


def _write_empty(parts: _Parts) -> None:
    """Write a file without rows, so that a table's columns are known."""
    parts.by_value[None] = parts._opened(None)


def _write_batch(parts: _Parts, rows: pa.Table) -> None:
    """Write a batch, each value's rows together and in their order."""
    if parts.split is None:
        parts.write(None, rows.cast(parts.schema))
        return
    coded = rows[parts.split].combine_chunks().dictionary_encode()
    values = coded.dictionary.to_pylist()
    codes = np.asarray(coded.indices.fill_null(len(values)))
    rows = rows.drop_columns([parts.split]).take(np.argsort(codes, kind="stable")).cast(parts.schema)
    start = 0
    for value, count in zip([*values, None], np.bincount(codes, minlength=len(values) + 1).tolist(), strict=True):
        parts.write(value, rows.slice(start, count))
        start += count


@contextmanager
def whole_folder(folder: Path) -> Generator[Path]:
    """Yield a folder beside `folder` that takes its place at the end: whole, or (an error, a kill) not at all.

    Raises
    ------
    BadValue
        If something lies at `folder`, or the disk is full or can't be written.
    """
    refuse_what_stands(folder)
    draft = folder.with_name(f".{folder.name}.writing-{os.getpid()}")
    umask = os.umask(0o077)  # person data: for their owner alone
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        draft.mkdir()
        yield draft
        refuse_what_stands(folder)
        os.replace(draft, folder)
    except OSError as error:
        if isinstance(error, CampaignkitError):
            raise
        raise BadValue(f"{str(folder)!r} can't be written ({error.strerror or error}); nothing was changed.") from error
    finally:
        os.umask(umask)
        shutil.rmtree(draft, ignore_errors=True)


def refuse_what_stands(folder: Path) -> None:
    """Refuse a folder that holds anything, and a file.

    Raises
    ------
    BadValue
    """
    try:
        stands = folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir())))
    except OSError as error:
        raise BadValue(f"{str(folder)!r} can't be written ({error.strerror}); nothing was changed.") from error
    if stands:
        raise BadValue(
            f"{str(folder)!r} is there already, and an export replaces nothing: name another folder, or remove it."
        )


def write_manifest(draft: Path, manifest: dict[str, Any]) -> str:
    """Write the manifest into a folder, and have the disk hold all of it; return the manifest's SHA-256."""
    path = draft / MANIFEST
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for file in draft.rglob("*"):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return _digest(path)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
