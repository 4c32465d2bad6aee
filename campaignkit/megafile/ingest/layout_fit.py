"""Which layout fits a file: its header held against each layout's required columns, and the nearest where none fits."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from campaignkit.errors import LayoutError, listed
from campaignkit.megafile.ingest.layout import (
    MOST_HEADER,
    MOST_NAME,
    MOST_NAMES,
    Column,
    FitsNothing,
    Layout,
    fold,
    unique_header,
)


def choose_layout(layouts: Iterable[Layout], heads: dict[str, str], file: str) -> Layout:
    """Return the one layout that fits the beginning of a file.

    Parameters
    ----------
    layouts : iterable of Layout
        The layouts to try.
    heads : dict of str to str
        The file's first whole lines as text, by layout encoding.
    file : str
        The file's name, for errors.

    Raises
    ------
    LayoutError
        If no layout fits (the nearest is named, with what it lacks) or more than one does.
    """
    layouts = list(layouts)
    _check_first_line(heads, file)
    fitting = [layout for layout in layouts if fits(layout, heads[layout.encoding])]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " and ".join(layout.name for layout in fitting)
        raise LayoutError(f'{file} fits {names}. Say which in manifest.toml beside it: ["{file}"] with layout = "…".')
    near = nearest_layout(layouts, heads)
    raise FitsNothing(f"{file} fits no layout. {near or 'None comes near: it needs one of your own, layouts=[path].'}")


def _check_first_line(heads: dict[str, str], file: str) -> None:
    """Refuse a file whose first line is longer than any header: it would be held against every layout's patterns."""
    if all(not head or len(head.partition("\n")[0]) > MOST_HEADER for head in heads.values()):
        raise LayoutError(
            f"{file} fits no layout: its first line has over {MOST_HEADER:,} characters, so it is not a text table."
        )


def as_made_text(layout: Layout) -> Layout:
    """Return a layout as it reads a file that is no text: what is made of it is CSV in UTF-8, and dates are ISO 8601.

    Numbers and dates of a workbook, Parquet or Arrow file have types; how its CSV would write them is of no account.
    """
    facts = tuple(replace(fact, columns=_with_iso_dates(fact.columns)) for fact in layout.facts)
    own = tuple(replace(rows, columns=_with_iso_dates(rows.columns)) for rows in layout.own)
    return replace(
        layout, delimiter=",", quote='"', encoding="utf-8", facts=facts, own=own,
        person_columns=_with_iso_dates(layout.person_columns),
    )  # fmt: skip


ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S")


def _with_iso_dates(columns: dict[str, Column]) -> dict[str, Column]:
    return {
        name: replace(maker, format=tuple(dict.fromkeys((*maker.format, *ISO)))) if maker.value is None else maker
        for name, maker in columns.items()
    }


def fits(layout: Layout, head: str) -> bool:
    """Return whether a file that begins with `head` (whole lines) can be read by a layout."""
    if layout.header:
        header = {fold(name) for name in first_record(layout, head)}
        return all(fold(name) in header for name in layout.required) and has_last_header_row(layout, head)
    rows = [row for row in _parse(layout, head, most=50) if row]
    right = [row for row in rows if len(row) == len(layout.columns)]
    if not right or len(right) < 0.9 * len(rows):
        return False
    return all(_matches(right, layout.columns.index(name), p) for name, p in layout.patterns.items())


def _matches(rows: list[list[str]], position: int, pattern: str) -> bool:
    values = [value for row in rows if 0 < len(value := row[position].strip()) <= MOST_NAME]
    hits = sum(re.fullmatch(pattern, value) is not None for value in values)
    return bool(values) and hits >= 0.9 * len(values)


def first_record(layout: Layout, head: str) -> list[str]:
    """Return the fields of the first record of `head`; none if it is empty."""
    return next(iter(header_records(layout, head)), [])


def header_records(layout: Layout, head: str) -> list[list[str]]:
    """Return the fields of each header row."""
    return _parse(layout, head, most=layout.header_rows)


DELIMITERS = (",", "\t", ";", "|")


def first_fields(line: str) -> tuple[str, list[str]]:
    """Return the likeliest delimiter of a line and its fields; at most `MOST_NAMES`, none longer than a name.

    Examples
    --------
    >>> first_fields('id;"Last, First";zip')
    (';', ['id', 'Last, First', 'zip'])
    """
    outside = re.sub(r'"[^"]*"', "", line[:MOST_HEADER])
    delimiter = max(DELIMITERS, key=outside.count)
    try:
        fields = next(csv.reader([line[:MOST_HEADER]], delimiter=delimiter), [])
    except csv.Error:
        fields = line.split(delimiter)
    return delimiter, [field.strip()[:MOST_NAME] for field in fields[:MOST_NAMES]]


def absent_columns(layout: Layout, header: Sequence[str]) -> list[str]:
    """Return the columns that a layout reads and has not marked optional, and a header lacks, as it writes them."""
    there = {fold(name) for name in header}
    return [name for name in layout.read_columns if fold(name) not in there and not layout.may_lack(name)]


def has_last_header_row(layout: Layout, head: str) -> bool:
    """Return whether the last header row says what the layout expects; without a check, people would pass for it."""
    if layout.last_header_row is None:
        return True
    rows = header_records(layout, head)
    within = (
        any(len(cell) <= MOST_NAME and re.search(layout.last_header_row, cell) for cell in rows[-1]) if rows else False
    )
    return within and len(rows) == layout.header_rows


def named_header(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the unique names of columns whose header has several rows.

    A column without a name belongs to the question on its left: it is called after it and its own label.

    Examples
    --------
    >>> named_header([["Which did you see?", "", "Age"], ["Television", "Online", "Response"]])
    ['Which did you see?', 'Which did you see?: Online', 'Age']
    """
    names, question = [], ""
    labels = list(rows[1]) if len(rows) > 1 else []
    for name, label in zip(rows[0], [*labels, *[""] * len(rows[0])], strict=False):
        question = name.strip() or question
        names.append(name if name.strip() or not label.strip() else f"{question}: {label.strip()}")
    return unique_header(names)


def _parse(layout: Layout, head: str, most: int) -> list[list[str]]:
    quoting = csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(head), delimiter=layout.delimiter, quotechar=layout.quote or '"', quoting=quoting)
    rows = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) == most:
                break
    except csv.Error:
        pass
    return rows


def nearest_layout(layouts: Sequence[Layout], heads: dict[str, str]) -> str | None:
    """Say which layout with a header comes nearest, under any delimiter, and what is in the way; None: none is near.

    Near is how many of the layout's required columns are there, and how many of the file's columns it knows.
    """
    best, nearest_yet, advice = None, 0.0, ""
    for layout in (layout for layout in layouts if layout.header):
        line = heads[layout.encoding].partition("\n")[0]
        for delimiter in dict.fromkeys([layout.delimiter, ",", "\t", "|", ";"]):
            header = {fold(name.strip('"')) for name in line.split(delimiter, MOST_NAMES)[:MOST_NAMES]}
            missing = [name for name in layout.required if fold(name) not in header]
            known = sum(layout.knows(name) for name in header) / len(header)
            near = (known + 1 - len(missing) / len(layout.required)) / 2
            if near > nearest_yet and len(missing) < len(layout.required):
                best, nearest_yet = layout, near
                advice = _what_is_in_the_way(layout, missing, delimiter)
    if best is None or nearest_yet < 0.5:
        return None
    return f"The nearest is {best.name} ({best.title}): {advice}."


def _what_is_in_the_way(layout: Layout, missing: list[str], delimiter: str) -> str:
    if missing:
        return f"it lacks {listed(missing)}"
    if delimiter != layout.delimiter:
        return f"its columns are there, but parted by {delimiter!r} where the layout says {layout.delimiter!r}"
    return (
        f"its columns are there, but no cell of header row {layout.header_rows} matches {layout.last_header_row!r}. "
        "Export it again with all its header rows"
    )
