"""Read an export by its layout into tables; set aside what can't be read, and say why."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from campaignkit.errors import LayoutError, listed, nearest
from campaignkit.megafile.ingest.archives import ExportFile
from campaignkit.megafile.ingest.canonical import Canonical, Reader, typed
from campaignkit.megafile.ingest.files import (
    Listing,
    Skipped,
    ends_in_carriage_returns,
    head_text,
    list_folder,
    read_manifest,
    sniff_encoding,
)
from campaignkit.megafile.ingest.layout import Column, FitsNothing, Layout, fold, unique_header
from campaignkit.megafile.ingest.layout_fit import (
    ISO,
    as_made_text,
    choose_layout,
    first_fields,
    has_last_header_row,
    header_records,
    named_header,
)
from campaignkit.megafile.ingest.records import CHUNK_BYTES, MOST_RAW, Block, Reject, read_blocks, reject_runs

#: record_id = file_id * 2^30 + first line, and file_id = days since 1990 * 2^11 + its number among the files of that
#: day, in the order they came: the larger id is the later record, also of a file that comes late.
FILE_ID_SHIFT = 30
_FIRST_DAY = date(1990, 1, 1)
_MOST_A_DAY = 1 << 11
_LAST_DAY = date(2079, 1, 1)
MOST_STRANGE = 20  # files that fit no layout, named in one error


@dataclass(frozen=True)
class Source:
    """A file, the layout that fits it, and what its beginning says.

    Attributes
    ----------
    header : list of str
        Unique column names.
    header_lines : int
        Physical lines before the first record.
    labels : list of str
        What the second header row says of each column; empty: there is none.
    encoding : str
        What it is read as.
    as_of : date
        The date it speaks of.
    carriage_returns : bool
        Whether its lines end in carriage returns alone.
    """

    file: ExportFile
    layout: Layout
    header: list[str]
    header_lines: int
    encoding: str
    as_of: date
    carriage_returns: bool = False
    labels: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """Counts of one file while it is read."""

    lines: int = 0
    accepted: int = 0
    accepted_lines: int = 0
    rejected: int = 0
    rejected_lines: int = 0
    unread: Counter[str] = field(default_factory=Counter)


def find_sources(
    folder: Path | None,
    layouts: Sequence[Layout],
    tables: Mapping[str, str] | None = None,
    as_of: date | None = None,
) -> tuple[list[Source], list[Skipped]]:
    """Return the files of a folder with their layouts, in order of date, then name, and what is not read.

    Parameters
    ----------
    folder : Path or None
        The exports; None: there are only tables.
    layouts : sequence of Layout
    tables : mapping of str to str, or None
        Parquet files to read beside the folder's, by the names they go by.
    as_of : date or None
        The date of whatever does not say one itself.

    Raises
    ------
    LayoutError
        If a file fits no layout or several, or nothing says its date.
    """
    manifest = {} if folder is None else read_manifest(folder)
    listing = Listing() if folder is None else list_folder(folder)
    files = listing.files + [ExportFile(Path(path), None, name) for name, path in (tables or {}).items()]
    known = {file.name for file in files} | {file.name.partition("!")[0] for file in files}
    for name in manifest:
        if name not in known:
            raise LayoutError(f'manifest.toml names "{name}", which is not in the folder{nearest(name, known)}')
    sources, strange = [], {}
    for file in files:
        try:
            sources.append(identify(file, layouts, _entry(manifest, file), as_of))
        except FitsNothing as error:
            strange[file] = error
    books = _one_sheet_a_layout(sources)
    notes = [file for file in strange if file.is_sheet and file.path in books]
    skipped = [*listing.skipped, *(Skipped(file.name, "a sheet that fits no layout") for file in notes)]
    _refuse_strange({file: error for file, error in strange.items() if file not in notes})
    return sorted(sources, key=lambda source: (source.as_of, source.file.name)), skipped


def _one_sheet_a_layout(sources: Sequence[Source]) -> set[Path]:
    """Return the workbooks of which a sheet fits a layout.

    Raises
    ------
    LayoutError
        If two sheets of a workbook fit one layout: they may be two versions of one table.
    """
    sheets: dict[tuple[Path, str], ExportFile] = {}
    for source in sources:
        place = (source.file.path, source.layout.name)
        if source.file.is_sheet and place in sheets:
            raise LayoutError(
                f"{sheets[place].name} and {source.file.name} both fit {source.layout.name}. Say which is read in the "
                f'layout: sheet = "{source.file.member}" in [file].'
            )
        if source.file.is_sheet:
            sheets[place] = source.file
    return {path for path, _ in sheets}


def _refuse_strange(strange: dict[ExportFile, FitsNothing]) -> None:
    """Refuse files that fit no layout, all at once, with their columns and what to do.

    Raises
    ------
    LayoutError
        If there is any.
    """
    if not strange:
        return
    paths = " ".join(dict.fromkeys(shlex.quote(str(file.path)) for file in strange))
    lines = [f"{error} {_columns_of(file)}" for file, error in list(strange.items())[:MOST_STRANGE]]
    if len(strange) > MOST_STRANGE:
        lines.append(f"and {len(strange) - MOST_STRANGE:,} more.")
    if len(strange) > 1:
        lines.insert(0, f"{len(strange)} files fit no layout.")
    run = f"Have layouts drafted: campaignkit inspect {paths} --save layouts/ (in a notebook: ck.inspect(path))."
    raise LayoutError(("\n" if len(strange) > 1 else " ").join([*lines, run]))


def _columns_of(file: ExportFile) -> str:
    """Say what a file's first line holds, as far as can be told without a layout."""
    head = file.head()
    text = head_text(head, sniff_encoding(head, "utf-16" if head[1:2] == b"\0" else "cp1252"))
    delimiter, header = first_fields(text.partition("\n")[0])
    return f"Its columns{f', parted by {delimiter!r}' if delimiter != ',' else ''}: {listed(header, most=30)}."


def number_files(sources: Sequence[Source], standing: Iterable[int] = ()) -> list[int]:
    """Return each file's file_id, after those that stand.

    Parameters
    ----------
    sources : sequence of Source
        In the order of `find_sources`.
    standing : iterable of int
        File ids that are taken.

    Raises
    ------
    LayoutError
        If a date is before 1990 or after 2078, or a day has more than 2,048 files.
    """
    taken = Counter(file_id // _MOST_A_DAY for file_id in standing)
    numbers = []
    for source in sources:
        if not _FIRST_DAY <= source.as_of < _LAST_DAY:
            raise LayoutError(f"{source.file.name} is dated {source.as_of}; dates go from 1990 to 2078.")
        day = (source.as_of - _FIRST_DAY).days
        if taken[day] == _MOST_A_DAY:
            raise LayoutError(f"More than {_MOST_A_DAY:,} files are dated {source.as_of}; put some of them together.")
        numbers.append(day * _MOST_A_DAY + taken[day])
        taken[day] += 1
    return numbers


def _entry(manifest: dict[str, dict[str, Any]], file: ExportFile) -> dict[str, Any]:
    return manifest.get(file.name) or manifest.get(file.name.partition("!")[0]) or {}


def identify(
    file: ExportFile, layouts: Sequence[Layout], entry: dict[str, Any] | None = None, as_of: date | None = None
) -> Source:
    """Return a file's layout, header and date.

    Parameters
    ----------
    file : ExportFile
        The file.
    layouts : sequence of Layout
        The layouts it may have.
    entry : dict or None
        What the manifest says of it: `layout`, `as_of`. None: nothing.
    as_of : date or None
        Its date where nothing else says one. None: that is an error.

    Raises
    ------
    LayoutError
        If it is empty, fits no layout or several, repeats a column, or nothing says its date.
    """
    entry = entry or {}
    head = file.head()
    if not head.strip():
        raise LayoutError(f"{file.name} is empty. Take it away, or fetch it again.")
    heads = {e: head_text(head, sniff_encoding(head, e)) for e in ("utf-8", "cp1252", "utf-16")}
    if file.made_text:
        layouts = [as_made_text(layout) for layout in layouts]
    if file.is_sheet:
        layouts = [layout for layout in layouts if layout.sheet in (None, file.member)]
        if "layout" in entry:  # which the manifest says of the workbook: its other sheets need not fit
            layouts = [_named(layouts, entry["layout"], file)]
            entry = {key: value for key, value in entry.items() if key != "layout"}
    layout = _named(layouts, entry["layout"], file) if "layout" in entry else choose_layout(layouts, heads, file.name)
    text = heads[layout.encoding]
    header, labels, header_lines = list(layout.columns), [], 0
    if layout.header:
        header, labels = _header(layout, text, file)
        header_lines = _header_lines(layout, text)
        _check_keys(layout, header, file)
        _check_suppressing(layout, header, file)
    encoding = sniff_encoding(head, layout.encoding)
    source = Source(file, layout, header, header_lines, encoding, date.min, ends_in_carriage_returns(head), labels)
    day = entry.get("as_of") or _date_in_name(layout, file) or _date_in_column(source) or layout.as_of_date or as_of
    if day is None:
        raise LayoutError(
            f"Nothing says which date {file.name} is of: {_sought(layout)}. Put it there, pass as_of=, or put it into "
            f'a manifest.toml in the exports folder: ["{file.name}"] with as_of = 2012-10-01.'
        )
    return replace(source, as_of=day)


def _header(layout: Layout, text: str, file: ExportFile) -> tuple[list[str], list[str]]:
    """Return a file's column names, and what its second header row says of each; [] where there is none."""
    rows = header_records(layout, text)
    if not has_last_header_row(layout, text):
        raise LayoutError(f"{file.name} lacks the {layout.header_rows} header rows of {layout.name}. Export it again.")
    if len(rows) < 2:
        return unique_header(rows[0] if rows else []), file.labels()
    width = len(rows[0])
    return named_header(rows), [*rows[1], *[""] * width][:width]


def _check_keys(layout: Layout, header: list[str], file: ExportFile) -> None:
    """Refuse a file that lacks its records' key, which would reject all of them."""
    folded = {fold(name) for name in header}
    missing = [name for name in layout.key if fold(name) not in folded]
    if missing and len(missing) == len(layout.key):
        raise LayoutError(
            f"{file.name} has no column {missing[0]!r}, the key of {layout.name}{nearest(missing[0], header)}"
        )


def _check_suppressing(layout: Layout, header: list[str], file: ExportFile) -> None:
    """Refuse a file without a column that says who may not be reached: all its people would pass for reachable."""
    folded = {fold(name) for name in header}
    if missing := sorted(name for key, name in layout.suppressing.items() if key not in folded):
        raise LayoutError(
            f"{file.name} has no column {missing[0]!r}, by which {layout.name} knows who may not be "
            f"reached{nearest(missing[0], header)} If it is called otherwise now, say so in a layout of your own."
        )


def _named(layouts: Sequence[Layout], name: str, file: ExportFile) -> Layout:
    by_name = {layout.name: layout for layout in layouts}
    if name not in by_name:
        raise LayoutError(f"manifest.toml gives {file.name} the layout {name!r}{nearest(name, by_name)}")
    return by_name[name]


def _header_lines(layout: Layout, text: str) -> int:
    """Count the lines of a header whose quoted names may hold line ends."""
    lines, before = text.split("\n"), 0
    for _ in range(layout.header_rows):
        before += _record_lines(lines[before : before + 20], layout.quote)
    return before


def _record_lines(lines: list[str], quote: str) -> int:
    """Return how many lines the first record has; 1 where a quote is left open."""
    for count in range(1, len(lines) + 1):
        if not quote or "\n".join(lines[:count]).count(quote) % 2 == 0:
            return count
    return 1


def _date_in_name(layout: Layout, file: ExportFile) -> date | None:
    if layout.as_of_file_name is None:
        return None
    for name in (file.member or "", file.path.name):
        if match := re.search(layout.as_of_file_name, name):
            try:
                return datetime.strptime(match[1], layout.as_of_format or "%Y%m%d").date()
            except ValueError:
                continue
    return None


def _date_in_column(source: Source) -> date | None:
    """Return the latest date in the column the layout names, reading the file once for it."""
    layout, newest = source.layout, None
    if layout.as_of_column is not None:
        forms = (layout.as_of_format or "%Y-%m-%d", *(ISO if source.file.made_text else ()))
        maker = Column(column=layout.as_of_column, format=forms)
        written = [place for place, name in enumerate(source.header) if fold(name) == fold(layout.as_of_column)]
        for block in read_blocks_of(source) if written else ():
            text = parse(block.text, source.header, layout.delimiter, layout.quote).to_series(written[0]).alias("day")
            day = typed(pl.col("day").str.strip_chars(), maker, "as_of", pl.Date())
            latest = text.to_frame().select(day.max()).item()
            newest = max(filter(None, (newest, latest)), default=None)
    return newest


def _sought(layout: Layout) -> str:
    if layout.as_of_file_name is not None:
        return f"its name holds no {layout.as_of_file_name!r} that reads as {layout.as_of_format or '%Y%m%d'}"
    if layout.as_of_column is not None:
        return f"no {layout.as_of_column!r} in it reads as {layout.as_of_format or '%Y-%m-%d'}"
    return f"the layout {layout.name} has no [as_of]"


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, ready for the tables, and what of it could not be read."""

    canonical: Canonical
    rejects: list[Reject]


def read_source(source: Source, file_id: int, tally: Tally, chunk_bytes: int | None = None) -> Iterator[Batch]:
    """Yield a file's rows in batches, counting in `tally` as it goes.

    Parameters
    ----------
    source : Source
        The file.
    file_id : int
        Its number; record ids hold it.
    tally : Tally
        Filled while reading; complete when the last batch has been taken.
    chunk_bytes : int or None
        How much is held at once; None: 16 MiB.

    Raises
    ------
    LayoutError
        If the archive turns out to be cut short, or the header repeats a column that is read.
    """
    reader = Reader(source.layout, source.header, source.as_of, source.labels)
    tally.lines = source.header_lines
    for block in read_blocks_of(source, chunk_bytes):
        yield _batch(reader, block, file_id, tally)


def read_blocks_of(source: Source, chunk_bytes: int | None = None) -> Iterator[Block]:
    """Yield a file's records in blocks, as `records.read_blocks` does."""
    layout = source.layout
    with source.file.open() as stream:
        yield from read_blocks(
            stream, encoding=source.encoding, delimiter=layout.delimiter, quote=layout.quote,
            fields=len(source.header), skip_lines=source.header_lines, chunk_bytes=chunk_bytes or CHUNK_BYTES,
            carriage_returns=source.carriage_returns,
        )  # fmt: skip


def _batch(reader: Reader, block: Block, file_id: int, tally: Tally) -> Batch:
    rows = parse(block.text, reader.header, reader.layout.delimiter, reader.layout.quote)
    if rows.height != len(block.first_line):
        raise AssertionError(f"{len(block.first_line)} records were split, {rows.height} parsed")
    rows.columns = reader.names
    rows = rows.with_columns(pl.Series("record_id", block.first_line + (file_id << FILE_ID_SHIFT), pl.Int64))
    canonical = reader.read(rows)
    keyless = np.isin(rows["record_id"].to_numpy(), canonical.keyless["record_id"].to_numpy())
    rejects = block.rejects + _keyless(block, keyless, reader)
    tally.lines += block.lines
    tally.accepted += len(keyless) - int(keyless.sum())
    tally.accepted_lines += int(block.record_lines[~keyless].sum())
    tally.rejected += len(rejects)
    tally.rejected_lines += sum(reject.lines for reject in rejects)
    tally.unread.update(canonical.unread)
    return Batch(canonical, rejects)


def parse(text: bytes, header: list[str], delimiter: str, quote: str) -> pl.DataFrame:
    """Return well-formed records as a frame of text columns."""
    if not text:
        return pl.DataFrame(schema=dict.fromkeys(header, pl.String))
    return pl.read_csv(
        text, has_header=False, new_columns=header, separator=delimiter, quote_char=quote or None,
        infer_schema=False, eol_char="\n",
    )  # fmt: skip


def _keyless(block: Block, keyless: np.ndarray, reader: Reader) -> list[Reject]:
    if not keyless.any():
        return []
    reason = f"no key: {listed(reader.layout.key)} empty"
    raw = _raw_records(block)
    return [
        Reject(int(block.first_line[i]), int(block.record_lines[i : until + 1].sum()), reason, raw[i][:MOST_RAW])
        for i, until in reject_runs(keyless)
    ]


def _raw_records(block: Block) -> list[str]:
    lines = block.text.decode().split("\n")
    ends = np.cumsum(block.record_lines)
    return ["\n".join(lines[end - size : end]) for end, size in zip(ends, block.record_lines, strict=True)]
