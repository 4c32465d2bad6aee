"""Workbooks, Parquet, Arrow and JSON lines as the text that layouts read: CSV in UTF-8 below one header line."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from campaignkit.errors import LayoutError, SourceRestricted, listed
from campaignkit.exported import restricted_in

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".ods")
TABLES = (".parquet", ".arrow", ".feather", ".ipc", ".jsonl", ".ndjson")
_JSON_LINES = (".jsonl", ".ndjson")

#: How a workbook begins whatever its name: VAN's ".xls" is text, Excel 97's and a renamed ".xlsx" are not.
_WORKBOOK_BYTES = (b"\xd0\xcf\x11\xe0", b"PK\x03\x04")

BATCH_ROWS = 1 << 16
BOMB_RATIO, BOMB_BYTES = 100, 64 << 20  # a workbook that unpacks to more than both is none
MOST_TITLE_ROWS = 50  # of a sheet, among which its header is looked for


def is_workbook(path: Path) -> bool:
    """Return whether a file is an Excel or OpenDocument workbook, by its name; for ``.xls`` by its first bytes.

    Examples
    --------
    >>> is_workbook(Path("donors.XLSX")), is_workbook(Path("donors.csv"))
    (True, False)
    """
    suffix = path.suffix.lower()
    if suffix != ".xls":
        return suffix in WORKBOOKS
    try:
        with path.open("rb") as stream:
            return stream.read(4) in _WORKBOOK_BYTES
    except OSError:
        return False


def is_table(path: Path) -> bool:
    """Return whether a file is Parquet, Arrow or JSON lines, by its name.

    Examples
    --------
    >>> is_table(Path("donors.parquet")), is_table(Path("donors.csv"))
    (True, False)
    """
    return path.suffix.lower() in TABLES


_PARQUET = b"PAR1"
_LEAST_PARQUET = 12  # bytes


def unlike_its_name(path: Path) -> str | None:
    """Return why a file is no workbook and no Parquet although it is named so; None: it is, or is not named so.

    Raises
    ------
    OSError
        If it can't be read.
    """
    suffix = path.suffix.lower()
    if suffix not in (*WORKBOOKS, ".parquet"):
        return None
    with path.open("rb") as stream:
        begin = stream.read(4)
    if suffix == ".parquet":
        right, kind = begin == _PARQUET and path.stat().st_size >= _LEAST_PARQUET, "Parquet"
    else:
        right, kind = begin in _WORKBOOK_BYTES, "an Excel workbook"
    return None if right else f"{kind} by its name, but not by its bytes: fetch it again"


def sheets_of(path: Path, name: str) -> list[str]:
    """Return the names of a workbook's sheets that hold anything, in their order.

    Raises
    ------
    LayoutError
        If fastexcel is not installed, or the workbook is damaged or locked by a password.
    """
    return [sheet for sheet, rows in _workbook(path, name) if rows]


def open_table(path: Path, sheet: str | None, name: str) -> BinaryIO:
    """Open a workbook's sheet, or a Parquet, Arrow or JSON lines file, as CSV in UTF-8 with one header line.

    Dates are ISO 8601 (the time left out where it is midnight), whole numbers have no decimal point.

    Parameters
    ----------
    path : Path
        The file.
    sheet : str or None
        The sheet of a workbook; None: any other file.
    name : str
        How errors call the file.

    Raises
    ------
    LayoutError
        If the file is damaged, or what reads it is not installed; also while reading.
    SourceRestricted
        If it is a Parquet file that `Megafile.export` wrote, and holds what FEC reports say.
    """
    if sheet is not None:
        return io.BytesIO(dict(_workbook(path, name))[sheet])
    _refuse_restricted(path, name)
    return cast("BinaryIO", io.BufferedReader(_Chunks(_csv_chunks(path, name)), buffer_size=1 << 20))


def _refuse_restricted(path: Path, name: str) -> None:
    """Refuse a Parquet file that says of itself what may not serve soliciting: as a source of people it would."""
    if path.suffix.lower() != ".parquet":
        return
    try:
        restricted = restricted_in(pq.read_schema(path).metadata)
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError):
        return  # a damaged one, of which its reader says more
    if restricted:
        raise SourceRestricted(
            f"{name} was exported from a megafile and holds {listed(restricted)}, which may not serve soliciting; as a "
            "source of people it would. Take it away, and read the FEC's own file by its layout."
        )


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks, self.left = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.left:
            chunk = next(self.chunks, None)
            if chunk is None:
                return 0
            self.left = memoryview(chunk)
        size = min(len(buffer), len(self.left))
        buffer[:size], self.left = self.left[:size], self.left[size:]
        return size


def _csv_chunks(path: Path, name: str) -> Iterator[bytes]:
    """Yield the CSV of a Parquet, Arrow or JSON lines file, its header first."""
    try:
        yield from _json_lines(path) if path.suffix.lower() in _JSON_LINES else _batches(path)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError, RecursionError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise LayoutError(f"{name} can't be read ({first}). It is damaged or cut short: fetch it again.") from error


def _batches(path: Path) -> Iterator[bytes]:
    """Yield the CSV of a Parquet or Arrow file, a batch of rows at a time."""
    if path.suffix.lower() == ".parquet":
        with pq.ParquetFile(path) as parquet:
            yield _csv_line(parquet.schema_arrow.names)
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS):
                yield _csv(batch)
        return
    with pa.memory_map(str(path)) as mapped:
        try:
            reader: Any = pa.ipc.open_file(mapped)
            batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        except pa.ArrowInvalid:  # a stream, which has no end mark
            mapped.seek(0)
            batches = reader = pa.ipc.open_stream(mapped)
        yield _csv_line(reader.schema.names)
        for batch in batches:
            yield _csv(batch)


def _csv(batch: pa.RecordBatch) -> bytes:
    # columns by position: names may repeat
    table = pa.table(batch.columns, names=[f"c{place}" for place in range(batch.num_columns)])
    frame = cast("pl.DataFrame", pl.from_arrow(table))
    return frame.select(as_text(frame.schema)).write_csv(include_header=False).encode()


def as_text(schema: pl.Schema) -> list[pl.Expr]:
    """Return each column of a schema as text that layouts read.

    Examples
    --------
    >>> from datetime import datetime
    >>> frame = pl.DataFrame({"id": [1001.0, 2.5], "on": [datetime(2012, 10, 1), datetime(2012, 10, 1, 9, 30)]})
    >>> frame.select(as_text(frame.schema)).rows()
    [('1001', '2012-10-01'), ('2.5', '2012-10-01 09:30:00')]
    """
    return [_text(pl.col(name), data_type).alias(name) for name, data_type in schema.items()]


def _text(values: pl.Expr, data_type: pl.DataType) -> pl.Expr:
    if data_type.is_float():
        whole = values.is_finite() & (values.abs() < 1e15) & (values == values.round())
        return pl.when(whole).then(pl.when(whole).then(values).cast(pl.Int64, strict=False).cast(pl.String)).otherwise(
            pl.when(values.is_finite()).then(values.cast(pl.String))
        )  # fmt: skip
    if isinstance(data_type, pl.Datetime):
        return values.dt.strftime("%Y-%m-%d %H:%M:%S").str.strip_suffix(" 00:00:00")
    if isinstance(data_type, pl.List | pl.Array):
        if data_type.inner in (pl.String, pl.Categorical):
            return values.cast(pl.List(pl.String)).list.join(", ")
        return pl.struct(values).struct.json_encode()
    if isinstance(data_type, pl.Struct):
        return values.struct.json_encode()
    return values.cast(pl.String)


def _json_lines(path: Path) -> Iterator[bytes]:
    """Yield the CSV of a JSON lines file; a line that is no object becomes a record with a field too many."""
    names = _json_names(path)
    yield _csv_line(names)
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    for number, line in enumerate(_lines(path), start=1):
        value = _json_object(line)
        if value is None:
            writer.writerow([f"not a JSON object in UTF-8: {line.rstrip()}", *[""] * len(names)])
        else:
            writer.writerow([_json_text(value.get(name)) for name in names])
        if number % BATCH_ROWS == 0:
            yield held.getvalue().encode()
            held.seek(0)
            held.truncate()
    yield held.getvalue().encode()


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as stream:
        yield from (line for line in stream if line.strip())


def _json_names(path: Path) -> list[str]:
    """Return the keys of all objects of a JSON lines file, nested ones as ``outer.inner``, in the order first met."""
    names: dict[str, None] = {}
    for line in _lines(path):
        value = _json_object(line)
        if value is not None and not value.keys() <= names.keys():
            names |= dict.fromkeys(value)
    return list(names)


def _json_object(line: str) -> dict[str, Any] | None:
    if "\ufffd" in line:  # bytes that are no UTF-8
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return _flat(value) if isinstance(value, dict) else None


def _flat(value: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{before}{key}.") if isinstance(inner, dict) else {f"{before}{key}": inner}
    return flat


def _json_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list):
        plain = all(isinstance(item, str) for item in value)
        return ", ".join(value) if plain else json.dumps(value)
    return str(value)


def _csv_line(fields: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue().encode()


def _workbook(path: Path, name: str) -> list[tuple[str, bytes]]:
    stat = path.stat()
    return _read_workbook(path, name, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _read_workbook(path: Path, name: str, changed: int, size: int) -> list[tuple[str, bytes]]:
    """Return a workbook's sheets as CSV; of an empty one no bytes."""
    try:
        fastexcel: Any = import_module("fastexcel")
    except ImportError as error:
        raise LayoutError(
            f"{name} is a workbook, which fastexcel reads; it is not installed here: "
            "pip install 'campaignkit[excel]', or save the file as CSV."
        ) from error
    _refuse_bomb(path, name)
    try:
        book = fastexcel.read_excel(str(path))
        return [(sheet, _sheet_csv(book, sheet)) for sheet in book.sheet_names]
    except (fastexcel.FastExcelError, OSError, ValueError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise LayoutError(
            f"{name} can't be read ({first}). It is damaged, or locked by a password: save it anew without one."
        ) from error


def _refuse_bomb(path: Path, name: str) -> None:
    """Refuse a workbook, which is a zip, that unpacks to far more than any export does: it is read whole."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return  # an older workbook, or a damaged one, of which its reader says more
    if unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * path.stat().st_size:
        raise LayoutError(
            f"{name} unpacks to {unpacked:,} bytes, over {BOMB_RATIO} times its size: no export does. Take it away; if "
            "it is whole, save it as CSV."
        )


def _sheet_csv(book: Any, sheet: str) -> bytes:
    try:
        read = book.load_sheet(sheet, header_row=None, dtypes="string")
    except Exception as error:
        if "NoDataError" in type(error).__name__ or "CannotRetrieve" in type(error).__name__:
            return b""  # a chart, or an empty sheet
        raise
    frame = read.to_polars()
    if not frame.width:
        return b""
    texts = frame.select(pl.all().cast(pl.String).str.strip_suffix(" 00:00:00"))
    texts = texts.filter(~pl.all_horizontal(pl.all().is_null()))
    if texts.is_empty():
        return b""
    texts = texts.slice(header_row(texts))
    texts = texts.select(column for column in texts.columns if texts[column].null_count() < texts.height)
    return _csv_line([name or "" for name in texts.row(0)]) + texts.slice(1).write_csv(include_header=False).encode()


def header_row(texts: pl.DataFrame) -> int:
    """Return which row of a sheet is its header: the first with over half as many cells as the fullest.

    Titles and notes that stand above a table have one or two.

    Examples
    --------
    >>> header_row(pl.DataFrame({"a": ["Donors", "id", "1"], "b": [None, "name", "Ann"], "c": [None, "zip", None]}))
    1
    """
    cells = texts.head(MOST_TITLE_ROWS).select(pl.sum_horizontal(pl.all().is_not_null())).to_series()
    return int((2 * cells > cells.max()).arg_max() or 0)
