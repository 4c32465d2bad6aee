"""A megafile is written beside the one that stands and takes its place whole, or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from campaignkit.errors import BadValue, CampaignkitError, RefreshRefused
from campaignkit.sql import connect

_DAMAGE = (duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)
SPARE = 1 << 28  # bytes that must stay free on the disk beside what is written
CHECKPOINT_BYTES = "1GB"  # written between two checkpoints: each writes a table's last rows anew
MEMORY_LIMIT = "50%"  # of the machine's memory, for what DuckDB holds while a megafile is written


@contextmanager
def new_file(path: Path, memory_limit: str = MEMORY_LIMIT) -> Generator[duckdb.DuckDBPyConnection]:
    """Yield a connection to an empty file, with a database `stage` attached, that is put at `path` at the end.

    Parameters
    ----------
    path : Path
        The megafile.
    memory_limit : str
        What DuckDB may hold; more is spilled to a folder beside `path`.

    Raises
    ------
    RefreshRefused
        If the megafile at `path` is being refreshed or written to.
    """
    with _refusing(path, copy=False), _sole_writer(path):
        yield from _written(path, copy=False, needed=0, memory_limit=memory_limit)


@contextmanager
def changed_file(path: Path, needed: int = 0, memory_limit: str = MEMORY_LIMIT) -> Generator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a copy of the megafile at `path`, with `stage` attached, that takes its place at the end.

    Whoever has the old file open keeps reading it.

    Parameters
    ----------
    path : Path
        The megafile.
    needed : int
        Bytes that will be written beside the copy.
    memory_limit : str
        As for `new_file`.

    Raises
    ------
    RefreshRefused
        If it is being refreshed or written to already, or the disk has no room. Nothing is changed.
    """
    with _refusing(path, copy=True), _sole_writer(path):
        yield from _written(path, copy=True, needed=needed, memory_limit=memory_limit)


def check_memory_limit(memory_limit: str | None) -> str:
    """Return a memory limit as DuckDB takes it; None: half of the machine's memory.

    Raises
    ------
    BadValue
        If it is none.

    Examples
    --------
    >>> check_memory_limit(None), check_memory_limit("6GB")
    ('50%', '6GB')
    """
    try:
        with connect(memory_limit=MEMORY_LIMIT if memory_limit is None else memory_limit):
            return MEMORY_LIMIT if memory_limit is None else memory_limit
    except (duckdb.Error, TypeError) as error:
        raise BadValue(
            f"memory_limit is {memory_limit!r}; a size as DuckDB takes it was expected, such as '6GB' or '25%'."
        ) from error


def make_parent(path: Path) -> None:
    """Make the folder that a megafile is to lie in.

    Raises
    ------
    RefreshRefused
        If it can't be made.
    """
    with _refusing(path, copy=False):
        path.parent.mkdir(parents=True, exist_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left of `path`: unfinished copies, and names that it was being opened by.

    They hold person data in clear.
    """
    for left in path.parent.glob(f".{path.name}.*"):
        owned = re.match(r"(?:writing|open)-(\d+)", left.name.removeprefix(f".{path.name}."))
        if owned and not _runs(int(owned[1])):
            _remove(left)


def leftovers(path: Path) -> list[Path]:
    """Return files beside a megafile that hold person data in clear: unfinished copies, spills, the log of exports."""
    beside = [*path.parent.glob(f".{path.name}.*"), *path.parent.glob(f"{path.name}.*")]
    return sorted(file for file in beside if not file.name.endswith(".lock"))


def _written(path: Path, copy: bool, needed: int, memory_limit: str) -> Generator[duckdb.DuckDBPyConnection]:
    remove_leftovers(path)
    part = path.with_name(f".{path.name}.writing-{os.getpid()}")
    _check_room(path, needed + (path.stat().st_size if copy else 0))
    umask = os.umask(0o077)  # the file, its log and its spills hold person data: for their owner alone
    try:
        if copy:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            shutil.copyfile(path, part)
        with connect(part, memory_limit=memory_limit, temp_directory=f"{part}.tmp") as con:
            con.execute("ATTACH ? AS stage", [f"{part}.stage"])
            con.execute(f"SET checkpoint_threshold = '{CHECKPOINT_BYTES}'; PRAGMA disable_checkpoint_on_shutdown")
            yield con
            con.execute("DETACH stage")
            con.execute("CHECKPOINT")
        _sync(part)
        os.replace(part, path)
        _sync(path.parent)
    finally:
        os.umask(umask)
        for left in path.parent.glob(f"{part.name}*"):
            _remove(left)


def _remove(left: Path) -> None:
    """Remove a file, or a folder of spills; one that is gone is passed over."""
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


@contextmanager
def _sole_writer(path: Path) -> Generator[None]:
    """Hold the lock of a megafile's writers; a process that dies lets go of it."""
    import fcntl

    lock = path.with_name(f".{path.name}.lock")
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = lock.stat().st_ino == os.fstat(held.fileno()).st_ino
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if not mine:
            raise RefreshRefused(
                f"{str(path)!r} is being written by another process. Nothing was changed; try again when it is done."
            )
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _check_room(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < needed + SPARE:
        raise RefreshRefused(
            f"Writing {path.name} anew needs {(needed + SPARE) / 1e6:,.0f} MB beside it and {free / 1e6:,.0f} MB are "
            "free. Nothing was changed; make room on that disk."
        )


@contextmanager
def _refusing(path: Path, copy: bool) -> Generator[None]:
    """Turn what the disk, the system or a damaged megafile does to its writer into one error of ours."""
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        if isinstance(error, CampaignkitError):
            raise
        raise _refused(path, error) from error
    except duckdb.Error as error:
        unwritten = isinstance(error, duckdb.FatalException) and "checkpoint" in str(error)
        if unwritten or (copy and (type(error) is duckdb.Error or isinstance(error, _DAMAGE))):
            raise _refused(path, error) from error
        raise


def _refused(path: Path, error: Exception) -> RefreshRefused:
    first = next(iter(str(error).splitlines()), "")
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
        return RefreshRefused(f"The disk of {path.name} is full: {first} What stood there still stands.")
    if isinstance(error, duckdb.OutOfMemoryException):
        return RefreshRefused(
            f"Writing {path.name} needs more memory, or more disk beside it: {first} Nothing changed."
        )
    return RefreshRefused(f"{str(path)!r} can't be written: {first} What stood there still stands.")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
