"""Tables as files for a spreadsheet: no cell of them runs as a formula."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import polars as pl

from campaignkit.errors import BadValue, nearest

#: Characters that show nothing, or white space, before which a spreadsheet may still see a formula.
_UNSEEN = (
    " \\t\\r\\n\x0b\x0c\x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"  # also full-width, small and minus signs
_FORMULA = re.compile(f"^'*[\\t\\r\\n]|^['{_UNSEEN}]*[{_SIGNS}]")

SHEET_ROWS = 1_048_575  # of a sheet of Excel, below its header


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


def csv_bytes(table: pl.DataFrame) -> bytes:
    r"""Return a table as CSV with its cells and names of columns defused.

    Examples
    --------
    >>> csv_bytes(pl.DataFrame({"name": ["=1+1", "Ann"], "n": [-1, 2]}))
    b"name,n\n'=1+1,-1\nAnn,2\n"
    """
    text = pl.col(pl.String)
    defused = pl.when(text.str.contains(_FORMULA.pattern)).then(pl.lit("'") + text).otherwise(text)
    return table.with_columns(defused.name.keep()).rename(defuse).write_csv().encode()


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


def save_table(table: pl.DataFrame, path: str | Path, sheet: str) -> Path:
    r"""Write a table by the ending of its path, .csv or .xlsx; whole, or what stood there stands.

    Raises
    ------
    BadValue
        The path ends otherwise, its folder is not there or cannot be written, or as for `xlsx_bytes`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_table(pl.DataFrame({"name": ["Ann"]}), f"{folder}/people.csv", "people").read_text()
    'name\nAnn\n'
    """
    path = Path(path)
    writers = {".csv": csv_bytes, ".xlsx": lambda rows: xlsx_bytes(rows, sheet)}
    ending = path.suffix.lower()
    if ending not in writers:
        raise BadValue(f"{path.name!r} ends in {ending!r}{nearest(ending, writers)} It can be: {', '.join(writers)}.")
    content, draft = writers[ending](table), path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadValue(f"{str(path)!r} can't be written ({error.strerror or error}); nothing was changed.") from error
    return path
