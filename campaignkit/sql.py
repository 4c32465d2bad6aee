"""SQL that is the same wherever it is written: identifiers quoted here, values always parameters."""

from __future__ import annotations

import contextvars
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from campaignkit.errors import BadValue
from campaignkit.progress import make_askable

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb


T = TypeVar("T")


def connect(path: str | Path = ":memory:", read_only: bool = False, **config: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB database, in memory or a file, that fetches and loads no extension, whatever a file asks for.

    Parameters
    ----------
    path : str or Path
        The file; left out: in memory.
    read_only : bool
        Whether it is opened for reading only.
    **config
        More of DuckDB's settings.

    Examples
    --------
    >>> with connect() as con:
    ...     con.execute("SELECT current_setting('autoload_known_extensions')").fetchone()
    (False,)
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", **config
    }  # fmt: skip
    con = duckdb.connect(path, read_only=read_only, config=settings)
    make_askable(con)
    return con


def interruptible(con: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Return what some work with a connection returns; Ctrl-C ends its query at once.

    DuckDB looks for Ctrl-C only between pieces of work, which can be many seconds long; from another thread it is
    interrupted at once.

    Examples
    --------
    >>> with connect() as con:
    ...     interruptible(con, lambda: con.execute("SELECT 1").fetchall())
    [(1,)]
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    outcome: Future[T] = Future()
    thread = threading.Thread(target=contextvars.copy_context().run, args=(_settle, outcome, work), daemon=True)
    thread.start()
    try:
        while not outcome.done():
            wait([outcome], timeout=0.1)  # Ctrl-C may reach another thread than this one, which then must look for it
    except KeyboardInterrupt:
        con.interrupt()
        thread.join()
        raise
    return outcome.result()


def _settle(outcome: Future[T], work: Callable[[], T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)


def quote_identifier(name: str) -> str:
    """Return a column or table name quoted for SQL.

    Examples
    --------
    >>> quote_identifier('say "hi"')
    '"say ""hi\"""'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: object) -> str:
    """Return a value as SQL text, for statements that are shown, copied and kept; run queries take parameters.

    Parameters
    ----------
    value : str, bool, int, float, date, or None
        The value; a list or tuple of these becomes a list in round brackets.

    Raises
    ------
    BadValue
        If it is of another type, or a float that is not finite.

    Examples
    --------
    >>> quote_literal("O'Brien"), quote_literal(True), quote_literal(["F", "M"])
    ("'O''Brien'", 'true', "('F', 'M')")
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "NULL"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, date):
        return f"DATE '{value:%Y-%m-%d}'"
    if isinstance(value, list | tuple) and value:
        return "(" + ", ".join(quote_literal(item) for item in value) + ")"
    raise BadValue(f"{value!r} can't be written as SQL; pass text, a number, a date, true, false or None.")


def quote_identifiers(names: list[str], table: str | None = None) -> str:
    """Return names quoted and joined by commas, each behind its table where one is given.

    Examples
    --------
    >>> quote_identifiers(["state", "zip5"], table="p")
    '"p"."state", "p"."zip5"'
    """
    prefix = "" if table is None else quote_identifier(table) + "."
    return ", ".join(prefix + quote_identifier(name) for name in names)
