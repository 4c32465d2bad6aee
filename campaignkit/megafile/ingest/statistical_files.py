"""SPSS and Stata files as the text that layouts read: value labels for codes, variables' labels as what was asked."""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from campaignkit.errors import LayoutError

#: How their names end, and what of pyreadstat reads them.
READERS = {".sav": "read_sav", ".zsav": "read_sav", ".por": "read_por", ".dta": "read_dta"}


def is_statistical(path: Path) -> bool:
    """Return whether a file is SPSS's or Stata's, by its name.

    Examples
    --------
    >>> is_statistical(Path("wave_3.SAV")), is_statistical(Path("wave_3.csv"))
    (True, False)
    """
    return path.suffix.lower() in READERS


def as_csv(path: Path, name: str) -> bytes:
    """Return a file as CSV in UTF-8, its variables' names in the first line.

    Raises
    ------
    LayoutError
        If pyreadstat is not installed, or the file is damaged.
    """
    stat = path.stat()
    return _read(path, name, stat.st_mtime_ns, stat.st_size)[0]


def column_labels(path: Path, name: str) -> list[str]:
    """Return the variables' labels, in their order: the questions, as a rule; "" where there is none."""
    stat = path.stat()
    return _read(path, name, stat.st_mtime_ns, stat.st_size)[1]


@lru_cache(maxsize=2)
def _read(path: Path, name: str, changed: int, size: int) -> tuple[bytes, list[str]]:
    try:
        pyreadstat: Any = import_module("pyreadstat")
    except ImportError as error:
        raise LayoutError(
            f"{name} is an SPSS or Stata file, which pyreadstat reads; it is not installed here: "
            "pip install 'campaignkit[survey]', or save the file as CSV."
        ) from error
    try:
        read = getattr(pyreadstat, READERS[path.suffix.lower()])
        frame, about = read(str(path), apply_value_formats=True, formats_as_category=False, output_format="polars")
    except (pyreadstat.ReadstatError, OSError, ValueError) as error:
        raise LayoutError(f"{name} can't be read ({error}). It is damaged or cut short: fetch it again.") from error
    names, labels = about.column_names, [label or "" for label in about.column_labels]
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(names)
    rows = frame.select(_text(frame[column]) for column in frame.columns)
    return (header.getvalue() + rows.write_csv(include_header=False)).encode(), labels


def _text(values: pl.Series) -> pl.Series:
    """Return values as text; whole numbers without a decimal point, since SPSS has no others."""
    if values.dtype == pl.Object:
        return pl.Series(values.name, [None if v is None else _plain(v) for v in values], pl.String)
    if values.dtype.is_float() and values.drop_nulls().is_finite().all() and (values.drop_nulls() % 1 == 0).all():
        return values.cast(pl.Int64).cast(pl.String)
    return values.cast(pl.String)


def _plain(value: Any) -> str:
    """Return one value of a column in which labels and codes without a label are mixed."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
