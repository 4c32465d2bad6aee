"""Snapshots that hold far less than stood: held back before they are applied, unless the analyst accepts them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from math import sqrt

import duckdb

from campaignkit.errors import BadValue, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.ingest.sources import FILE_ID_SHIFT, Source
from campaignkit.sql import quote_identifier

#: A snapshot is short where it holds under two thirds of the records that stood in a scope, and lacks more than chance
#: takes away: three standard deviations of a count (its root), so that 10 may become 3, and 45 not 4.
LEAST_KEPT = 2 / 3
DEVIATIONS = 3.0


@dataclass(frozen=True)
class _Part:
    """What a file holds of one scope of its source; `records` is of all files of its date, each key once."""

    file_id: int
    file: str
    source: str
    as_of: date
    scope: str
    records: int


def is_short(records: int, stood: int) -> bool:
    """Return whether a snapshot holds too few records to be the whole of what stood.

    Examples
    --------
    >>> [is_short(*case) for case in ((200, 400), (30, 60), (4, 45), (3, 10), (300, 400))]
    [True, True, True, False, False]
    """
    return records < LEAST_KEPT * stood and stood - records > DEVIATIONS * sqrt(stood)


def check_accepted(accept: Iterable[str], sources: Iterable[Source]) -> frozenset[str]:
    """Return the names of files to take in however few their records are.

    Raises
    ------
    BadValue
        If none of the files is called so.
    """
    names = {source.file.name for source in sources}
    archives = {name.partition("!")[0] for name in names}
    accepted = frozenset([accept] if isinstance(accept, str) else accept)
    for name in accepted:
        if name not in names | archives:
            raise BadValue(f"accept names {name!r}, which is not among the new files{nearest(str(name), names)}")
    return accepted


def hold_back(con: duckdb.DuckDBPyConnection, night: int, accepted: Collection[str]) -> None:
    """Take short snapshots out of the stage and note them as skipped: nothing of theirs is applied but refusals.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, the stage loaded and its files logged.
    night : int
        The night of the staged files.
    accepted : collection of str
        Files, or zips, that are taken in all the same.
    """
    held: dict[int, str] = {}
    by_source: dict[str, list[_Part]] = defaultdict(list)
    for part in _parts(con):
        by_source[part.source].append(part)
    for source, parts in by_source.items():
        held |= _held(parts, _standing(con, source), accepted)
    for file_id, reason in held.items():
        con.execute(
            "INSERT INTO skipped_file SELECT ?, file, ? FROM source_file WHERE file_id = ?", [night, reason, file_id]
        )
        for table in ("record", "source_record", *schema.STAGED):
            con.execute(
                f"DELETE FROM stage.{quote_identifier(table)} WHERE record_id >> {FILE_ID_SHIFT} = ?", [file_id]
            )
        con.execute("DELETE FROM reject WHERE file_id = ?", [file_id])
        con.execute("DELETE FROM source_file WHERE file_id = ?", [file_id])


def _parts(con: duckdb.DuckDBPyConnection) -> list[_Part]:
    """Return what the staged snapshots hold, by file and scope, in order of date; of sources seen once: nothing."""
    rows = con.execute(
        f"""
        WITH dated AS (
            SELECT source FROM source_file WHERE mode = 'snapshot' GROUP BY source HAVING count(DISTINCT as_of) > 1
        ), staged AS (
            SELECT f.file_id, f.file, r.source, f.as_of, r.scope, r.record_key
            FROM stage.record r JOIN source_file f ON f.file_id = r.record_id >> {FILE_ID_SHIFT}
            SEMI JOIN dated ON dated.source = r.source
            WHERE f.mode = 'snapshot'
        ), day AS (
            SELECT source, as_of, scope, count(DISTINCT record_key) AS records FROM staged GROUP BY ALL
        )
        SELECT DISTINCT file_id, file, source, as_of, scope, records FROM staged JOIN day USING (source, as_of, scope)
        ORDER BY as_of, file_id, scope"""
    ).fetchall()
    return [_Part(*row) for row in rows]


def _standing(con: duckdb.DuckDBPyConnection, source: str) -> dict[str, tuple[date, int]]:
    """Return, by scope, the date of a source's latest snapshot and how many records of snapshots stand."""
    rows = con.execute(
        f"""
        SELECT s.scope, s.as_of, count(r.record_id) FROM snapshot_scope s
        LEFT JOIN (
            SELECT r.* FROM record r JOIN source_file f ON f.file_id = r.seen_id >> {FILE_ID_SHIFT}
            WHERE r.source = $source AND f.mode = 'snapshot'
        ) r ON r.scope = s.scope
        WHERE s.source = $source GROUP BY ALL""",
        {"source": source},
    ).fetchall()
    return {scope: (as_of, stood) for scope, as_of, stood in rows}


def _held(
    parts: list[_Part], standing: dict[str, tuple[date, int]], accepted: Collection[str]
) -> dict[int, str]:  # fmt: skip
    """Return which files of a source are held back, and why, going through them by date."""
    held: dict[int, str] = {}
    by_date: dict[date, list[_Part]] = defaultdict(list)
    for part in parts:
        by_date[part.as_of].append(part)
    for as_of, day in sorted(by_date.items()):
        for scope, records in {part.scope: part.records for part in day}.items():
            before, stood = standing.get(scope, (as_of, 0))
            files = [part for part in day if part.scope == scope]
            taken = any(part.file in accepted or part.file.partition("!")[0] in accepted for part in files)
            if before < as_of and is_short(records, stood) and not taken:
                held |= {part.file_id: _reason(part, records, stood) for part in files if part.file_id not in held}
        for part in day:
            before, stood = standing.get(part.scope, (as_of, 0))
            if part.file_id not in held and as_of >= before:
                standing[part.scope] = as_of, max(part.records, stood if as_of == before else 0)
    return held


def _reason(part: _Part, records: int, stood: int) -> str:
    where = f" of {part.scope!r}" if part.scope else ""
    return (
        f"held back: {records:,} records{where} where {stood:,} stood, too few for a whole export. If it is whole, "
        f'accept=["{part.file}"] takes it in.'
    )
