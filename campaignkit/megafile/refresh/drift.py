"""What looks wrong about a night's files beside those that came before. Warnings, never a refusal."""

from __future__ import annotations

from math import sqrt
from statistics import median
from typing import Any

import duckdb

FACTOR = 2.0  # in volume
MOST_VANISHED = 0.05  # of a source
LEAST_POINTS = 0.02  # by which a rate must have moved
ERRORS = 5.0  # standard errors by which it must have moved
LEAST_RECORDS = 50  # fewer say nothing of a rate
BEFORE = 7  # files looked back at


def drift_warnings(con: duckdb.DuckDBPyConnection, night: int) -> list[str]:
    """Return a sentence for each thing that is unlike the files of that layout before.

    Looked at are the number of records (beside the median of up to seven files of the layout), the share rejected, the
    share of each column's values that could not be read, columns come or gone, and how much of a source vanished.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile with the night's files logged.
    night : int
        The night.
    """
    files = con.sql("SELECT * FROM source_file ORDER BY file_id").pl().to_dicts()
    warnings = []
    for file in (file for file in files if file["night"] == night):
        before = [f for f in files if f["layout"] == file["layout"] and f["night"] < night][-BEFORE:]
        if before:
            warnings += [*_volume(file, before), *_rates(file, before), *_columns(file, before[-1])]
    return warnings + _vanished(con, night)


def _volume(file: dict[str, Any], before: list[dict[str, Any]]) -> list[str]:
    usual = median(f["accepted"] for f in before)
    if max(usual, file["accepted"]) < LEAST_RECORDS or usual / FACTOR <= file["accepted"] <= usual * FACTOR:
        return []
    return [f"{file['file']} has {file['accepted']:,} records; {usual:,.0f} are usual for {file['layout']}."]


def _rates(file: dict[str, Any], before: list[dict[str, Any]]) -> list[str]:
    counts = [(_failures(f), f["records"]) for f in [file, *before]]
    sentences = []
    for what in sorted(set().union(*(failures for failures, _ in counts))):
        (now, n), past = (counts[0][0].get(what, 0), counts[0][1]), counts[1:]
        was, m = sum(failures.get(what, 0) for failures, _ in past), sum(records for _, records in past)
        if moved(now, n, was, m):
            sentences.append(f"{file['file']}: {now / n:.1%} of records {what}; {was / m:.1%} before.")
    return sentences


def _failures(file: dict[str, Any]) -> dict[str, int]:
    unread = {f"have a {u['column']} that can't be read": u["failures"] for u in file["unread"] or []}
    return unread | {"were rejected": file["rejected"]}


def moved(now: int, n: int, was: int, m: int) -> bool:
    """Return whether a rate has moved by more than chance and by enough to matter.

    Examples
    --------
    >>> moved(300, 1000, 100, 10_000), moved(12, 1000, 100, 10_000), moved(3, 10, 100, 10_000)
    (True, False, False)
    """
    if min(n, m) < LEAST_RECORDS:
        return False
    pooled = (now + was) / (n + m)
    error = sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return abs(now / n - was / m) > max(LEAST_POINTS, ERRORS * error)


def _columns(file: dict[str, Any], last: dict[str, Any]) -> list[str]:
    sentences = []
    for kind, verb in (("absent_columns", "no longer has"), ("extra_columns", "has the unknown")):
        new = sorted(set(file[kind] or []) - set(last[kind] or []))
        if new:
            sentences.append(f"{file['file']} {verb} column{'s' * (len(new) > 1)} {', '.join(new[:8])}.")
    return sentences


def _vanished(con: duckdb.DuckDBPyConnection, night: int) -> list[str]:
    rows = con.sql(
        """SELECT n.source, n.vanished, n.vanished + (SELECT count(*) FROM record r WHERE r.source = n.source)
        FROM night_source n WHERE night = ? AND n.vanished > 0 ORDER BY n.source""",
        params=[night],
    ).pl()
    return [
        f"{vanished:,} records of {source} vanished, {vanished / stood:.0%} of them all: is the file whole?"
        for source, vanished, stood in rows.iter_rows()
        if vanished >= LEAST_RECORDS and vanished > MOST_VANISHED * stood
    ]
