"""Files that are written batch by batch, byte for byte the same each time."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal

import polars as pl
import pyarrow.parquet as pq

_EPOCH = (2012, 10, 1, 0, 0, 0)


@dataclass(frozen=True)
class Format:
    """How one file looks.

    Attributes
    ----------
    name
        The file's name; its ending says how it is compressed.
    header
        Column names as they stand in the file; empty: no header line.
    member
        The name inside a zip.
    quoting
        Polars' quote_style.
    line_end
        What ends a line.
    encoding
        utf-8, cp1252 or utf-16 (little-endian with a byte order mark).
    broken
        Lines no reader can read as a record, and why.
    more_header
        Further header rows, as survey tools write them.
    """

    name: str
    header: list[str] = field(default_factory=list)
    member: str | None = None
    delimiter: str = ","
    quoting: Literal["necessary", "always", "non_numeric", "never"] = "necessary"
    line_end: str = "\n"
    encoding: str = "utf-8"
    broken: tuple[tuple[str, str], ...] = ()
    more_header: tuple[tuple[str, ...], ...] = ()


class Sink:
    """One open file."""

    def __init__(self, folder: Path, form: Format) -> None:
        self.form, self.path = form, folder / form.name
        self.rows = 0
        self._raw = open(self.path, "wb")  # noqa: SIM115 - closed by close()
        self._archive: zipfile.ZipFile | None = None
        if form.name.endswith(".zip"):
            self._archive = zipfile.ZipFile(self._raw, "w")
            info = zipfile.ZipInfo(form.member or form.name, date_time=_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            self._out = self._archive.open(info, "w", force_zip64=True)
        elif form.name.endswith(".gz"):
            self._out = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, compresslevel=7, mtime=0)
        else:
            self._out = self._raw
        if form.encoding == "utf-16":
            self._out.write(b"\xff\xfe")
        for row in (form.header, *form.more_header):
            self._text(_line(list(row), form) if row else "")

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows; columns in the order of the header."""
        buffer = io.BytesIO()
        frame.write_csv(
            buffer, include_header=False, separator=self.form.delimiter, quote_style=self.form.quoting,
            line_terminator=self.form.line_end, date_format="%Y-%m-%d",
        )  # fmt: skip
        self.rows += len(frame)
        if self.form.encoding == "utf-8":
            self._out.write(buffer.getbuffer())
        else:
            self._text(buffer.getvalue().decode())

    def spoil(self) -> None:
        """Append the broken lines."""
        for line, _ in self.form.broken:
            self._text(line + self.form.line_end)

    def _text(self, text: str) -> None:
        encoding = "utf-16-le" if self.form.encoding == "utf-16" else self.form.encoding
        self._out.write(text.encode(encoding))

    def close(self) -> None:
        """Finish the file."""
        if self._out is not self._raw:
            self._out.close()
        if self._archive is not None:
            self._archive.close()
        self._raw.close()


class ParquetSink:
    """One open Parquet file, one row group a batch."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        table = frame.to_arrow()
        if self._writer is None:
            # persons are in order, which delta coding makes small; the rest repeats itself
            delta = [name for name in ("person", "household") if name in table.column_names]
            self._writer = pq.ParquetWriter(
                self.path,
                table.schema,
                compression="zstd",
                compression_level=15,
                use_dictionary=[name for name in table.column_names if name not in delta],
                column_encoding=dict.fromkeys(delta, "DELTA_BINARY_PACKED"),
            )
        self._writer.write_table(table.cast(self._writer.schema))
        self.rows += len(frame)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()


class Folder:
    """All the files of a campaign, open at once; a context manager."""

    def __init__(self, folder: Path, forms: dict[str, Format]) -> None:
        self.folder, self.truth = folder, folder / "truth"
        self.truth.mkdir(parents=True, exist_ok=True)
        self.sinks = {name: Sink(folder, form) for name, form in forms.items()}
        self.parquet: dict[str, ParquetSink] = {}

    def remember(self, name: str, frame: pl.DataFrame) -> None:
        """Append rows to a truth file."""
        if name not in self.parquet:
            self.parquet[name] = ParquetSink(self.truth / f"{name}.parquet")
        self.parquet[name].write(frame)

    def close(self) -> pl.DataFrame:
        """Finish all files; return file, rows and bytes."""
        everything = [*self.sinks.values(), *self.parquet.values()]
        for sink in everything:
            sink.close()
        rows = [(str(s.path.relative_to(self.folder)), s.rows, s.path.stat().st_size) for s in everything]
        return pl.DataFrame(rows, schema={"file": pl.String, "rows": pl.Int64, "bytes": pl.Int64}, orient="row")

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _line(values: list[str], form: Format) -> str:
    needed = [form.quoting == "always" or form.delimiter in value or '"' in value for value in values]
    doubled = [value.replace('"', '""') for value in values]
    quoted = [f'"{inside}"' if need else inside for inside, need in zip(doubled, needed, strict=True)]
    return form.delimiter.join(quoted) + form.line_end
