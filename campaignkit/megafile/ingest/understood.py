"""What of the exports was not understood, worst first, and what a build or a night must say whatever became of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl

from campaignkit.errors import listed, nearest

#: A file dated this long after all others may have a slip in its date; the megafile's own date goes by it.
AHEAD = timedelta(days=366)

SCHEMA = {
    "file": pl.String, "column": pl.String, "problem": pl.String, "records": pl.Int64, "share": pl.Float64,
}  # fmt: skip


def not_understood(sources: pl.DataFrame) -> pl.DataFrame:
    """Return what was not understood, by file and column, worst first.

    Parameters
    ----------
    sources : DataFrame
        `Megafile.sources`.

    Returns
    -------
    DataFrame
        file, column (null: the whole file or record), problem, records concerned (null: not known) and their share of
        the file's. Files not taken in come first, then by share.
    """
    rows = [problem for file in sources.iter_rows(named=True) for problem in _problems(file)]
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return table.sort("share", "records", "file", "column", descending=[True, True, False, False], nulls_last=True)


def losses(table: pl.DataFrame, most: int = 12) -> str:
    """Return the worst of what was not understood as lines of text; empty where all was.

    Parameters
    ----------
    table : DataFrame
        Of `not_understood`.
    most : int
        How many lines.
    """
    if table.is_empty():
        return ""
    lines = ["Not understood, worst first (see .not_understood):"]
    for file, column, problem, records, share in table.head(most).iter_rows():
        where = file if column is None else f"{file}, {column}"
        lines.append(f"  {where}: {problem}" + ("" if records is None else f" ({records:,} records, {share:.1%})"))
    if table.height > most:
        lines.append(f"  and {table.height - most:,} more")
    return "\n".join(lines)


def unmapped(sources: pl.DataFrame, most: int = 12) -> str:
    """Return the columns of files that their layouts do not know, as lines of text; empty where all are known.

    Parameters
    ----------
    sources : DataFrame
        `Megafile.sources`.
    most : int
        How many files.
    """
    read = sources.filter(pl.col("extra_columns").list.len() > 0)
    lines = [f"  {file} ({layout}): {listed(columns, most=20)}" for file, layout, columns in
             read.select("file", "layout", "extra_columns").head(most).iter_rows()]  # fmt: skip
    if not lines:
        return ""
    if read.height > most:
        lines.append(f"  and {read.height - most:,} more files")
    return "\n".join(
        ["Columns that no layout maps, kept and not asked about ([attribute.…] in a layout maps them):", *lines]
    )


def _problems(file: dict[str, Any]) -> list[tuple[Any, ...]]:
    if file["why_not_read"] is not None:
        return [(file["file"], None, f"not read: {file['why_not_read']}", None, 1.0)]
    records = file["records"] or 0

    def problem(column: str | None, text: str, concerned: int) -> tuple[Any, ...]:
        return file["file"], column, text, concerned, concerned / records if records else 0.0

    rows = []
    for column in file["absent_columns"] or []:
        likely = nearest(column, file["extra_columns"] or [])
        rows.append(problem(column, f"the layout {file['layout']} reads it, and the file has none{likely}", records))
    rows += [
        problem(unread["column"], "values that can't be read, left empty", unread["failures"])
        for unread in file["unread"] or []
    ]
    if file["rejected"]:
        rows.append(problem(None, "records that can't be read, see rejects", file["rejected"]))
    return rows


def notices(con: duckdb.DuckDBPyConnection, night: int) -> list[str]:
    """Return a sentence for each file of a night that was not taken in, or is dated later than can be.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile with the night's files logged.
    night : int
        The night; 0: the build.
    """
    skipped = con.execute("SELECT file, reason FROM skipped_file WHERE night = ? ORDER BY file", [night]).fetchall()
    notes = [f"{file} was not taken in: {reason.removesuffix('.')}." for file, reason in skipped]
    dated = con.execute("SELECT file, as_of, night FROM source_file ORDER BY as_of DESC, file").fetchall()
    latest = max((as_of for _, as_of, _ in dated), default=date.min)
    others = [as_of for _, as_of, _ in dated if as_of != latest]
    today = date.today()
    for file, as_of, came in dated:
        if came == night and as_of > today:
            notes.append(f"{file} is dated {as_of}, later than today: the megafile speaks of its latest file's date.")
        elif came == night and as_of == latest and others and as_of > max(others) + AHEAD:
            notes.append(f"{file} is dated {as_of}, over a year after all others: the megafile speaks of that date.")
    return notes
