"""Opening a megafile's file: for reading without a way out of it, and as the file that lies there now."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from campaignkit import sql
from campaignkit.errors import BadValue, CampaignkitError, listed
from campaignkit.megafile import schema
from campaignkit.progress import INTERRUPTED

BESIDE = "kept"  # a database in memory: what is kept while the file is open

#: What DuckDB raises on bytes that are not as it wrote them; also text that is no UTF-8, or of absurd length.
_DAMAGE = (
    duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException,
    UnicodeError, OSError, MemoryError, RuntimeError,
)  # fmt: skip


def connect(path: Path, read_only: bool, memory_limit: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open a megafile; for reading only, so that no query can write, or read any other file.

    `memory_limit` is what DuckDB may hold, its copies of the file's own pages too. None: most of the machine's.

    Raises
    ------
    BadValue
        If DuckDB can't open it.
    """
    with reading(path):
        con = _connect_to_this_version(path) if read_only else sql.connect(path)
        con.execute(f"ATTACH ':memory:' AS {BESIDE} (READ_WRITE)")
        if memory_limit is not None:
            con.execute(f"SET memory_limit = {sql.quote_literal(memory_limit)}")
        if read_only:
            con.execute(f"SET temp_directory = {sql.quote_literal(f'{path.resolve()}.tmp')}")
            con.execute("SET enable_external_access = false")
            con.execute("SET lock_configuration = true")
    return con


@contextmanager
def reading(path: Path, query: bool = False) -> Generator[None]:
    """Turn what DuckDB and the system say of a file that can't be read, or is damaged, into one error of ours.

    Parameters
    ----------
    path : Path
        The megafile.
    query : bool
        Whether an analyst's own query runs: what is wrong with that is left as DuckDB says it.

    Raises
    ------
    BadValue
        If the file can't be opened or read.
    """
    try:
        yield
    except (duckdb.Error, OSError, UnicodeError, MemoryError, RuntimeError) as error:
        if str(error) == INTERRUPTED:
            raise KeyboardInterrupt from error
        damaged = isinstance(error, _DAMAGE) or type(error) is duckdb.Error
        if isinstance(error, CampaignkitError) or (query and not damaged):
            raise
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise BadValue(
            f"{str(path)!r} can't be opened or read: {first[:300]} If it is a megafile, it is damaged: put a copy in "
            "its place, or build it anew."
        ) from error


def inode(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another that took its place; None where none lies."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _connect_to_this_version(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the file that lies at `path` now, also where this process has an older one of that name open.

    DuckDB keeps one instance for a path; a build replaces the file under it. A second name of the new file, taken
    away once it is open, makes it a file of its own.
    """
    name = path.with_name(f".{path.name}.open-{os.getpid()}-{time.monotonic_ns()}")
    try:
        os.link(path, name)
    except OSError:  # a file system without hard links, or a folder that may not be written
        return sql.connect(path, read_only=True)
    try:
        return sql.connect(name, read_only=True)
    finally:
        name.unlink()


def check_is_megafile(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse, and close, a file that lacks a megafile's tables or columns."""
    with reading(path):
        columns = con.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    present = {*columns, *((table, "") for table, _ in columns)}
    missing = [name for name in schema.names() if (name, "") not in present]
    missing += [
        f"{name}.{column}" for name in schema.names() if name not in missing for column in schema.columns_of(name)
        if (name, column) not in present
    ]  # fmt: skip
    if missing:
        con.close()
        raise BadValue(
            f"{str(path)!r} is no megafile of this version: it lacks {listed(missing, most=4)}. Build it anew."
        )


def keep_beside(con: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> str:
    """Keep rows in a database in memory that every cursor of this connection sees; return the table's name in SQL."""
    table = f"{BESIDE}.{sql.quote_identifier(name)}"
    with con.cursor() as cursor:
        cursor.register("rows_kept", rows)
        cursor.execute(f"CREATE OR REPLACE TABLE {table} AS FROM rows_kept")
        cursor.unregister("rows_kept")
    return table
