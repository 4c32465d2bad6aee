"""Tables as files for a spreadsheet: no cell of them runs as a formula, and no file is written by half."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import polars as pl

from campaignkit.errors import BadValue

#: Characters that show nothing, or white space, before which a spreadsheet may still see a formula.
_UNSEEN = (
    " \\t\\r\\n\x0b\x0c\x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"  # also full-width, small and minus signs
_FORMULA = re.compile(f"^'*[\\t\\r\\n]|^['{_UNSEEN}]*[{_SIGNS}]")

SHEET_ROWS = 1_048_575  # of a sheet of Excel, below its header


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
        with self.open(path) as stream:
            stream.write(content)

    @contextmanager
    def open(self, path: Path) -> Generator[BinaryIO]:
        """Yield a stream of what will be the file at `path`, for what is too large to be held.

        Raises
        ------
        BadValue
            As `add`.
        """
        draft = path.with_name(f".{path.name}.writing-{os.getpid()}")
        self._files.append((draft, path))
        try:
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w+b") as stream:
                yield stream
                stream.flush()
                os.fsync(handle)
        except OSError as error:
            raise BadValue(
                f"{str(path)!r} can't be written ({error.strerror or error}); nothing was changed."
            ) from error

    def digests(self) -> list[tuple[str, str]]:
        """Return the name and SHA-256 of each file."""
        return [(path.name, _digest(draft)) for draft, path in self._files]

    def put_in_place(self) -> list[Path]:
        """Put every file where it belongs, and return where."""
        for draft, path in self._files:
            os.replace(draft, path)
        return [path for _, path in self._files]


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def defuse(text: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would take for a formula.

    Examples
    --------
    >>> defuse("=1+1"), defuse("Ann"), defuse("'=1")
    ("'=1+1", 'Ann', "''=1")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def undefuse(text: str) -> str:
    """Take the apostrophe of `defuse` off again.

    Examples
    --------
    >>> [undefuse(defuse(text)) for text in ("=1+1", "Ann", "'=1", "'t Hooft")]
    ['=1+1', 'Ann', "'=1", "'t Hooft"]
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def csv_bytes(table: pl.DataFrame, header: bool = True) -> bytes:
    r"""Return a table as CSV with its cells and names of columns defused.

    Examples
    --------
    >>> csv_bytes(pl.DataFrame({"name": ["=1+1", "Ann"], "n": [-1, 2]}))
    b"name,n\n'=1+1,-1\nAnn,2\n"
    """
    text = pl.col(pl.String)
    defused = pl.when(text.str.contains(_FORMULA.pattern)).then(pl.lit("'") + text).otherwise(text)
    return table.with_columns(defused.name.keep()).rename(defuse).write_csv(include_header=header).encode()


def xlsx_bytes(table: pl.DataFrame, sheet: str) -> bytes:
    """Return a table as an Excel workbook of one sheet, whose texts are texts.

    Raises
    ------
    BadValue
        XlsxWriter is not installed, or the table has more rows than a sheet.
    """
    if table.height > SHEET_ROWS:
        raise BadValue(f"A sheet holds {SHEET_ROWS:,} rows, the table has {table.height:,}; save it as .csv.")
    with io.BytesIO() as content:
        try:
            table.write_excel(content, sheet, autofit=True, table_style="Table Style Light 1")
        except ImportError as error:
            raise BadValue("An .xlsx file needs XlsxWriter: pip install 'campaignkit[excel]'.") from error
        return content.getvalue()
