"""From a folder of exports to one DuckDB file: read, settle which records count, resolve, write, put in place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb
import polars as pl

from campaignkit.megafile import files, tables
from campaignkit.megafile.canonical import Reader
from campaignkit.megafile.identity import link_fec_gifts, resolve_people
from campaignkit.megafile.layout import KINDS, load_layouts
from campaignkit.megafile.people import add_suppressions, make_people
from campaignkit.megafile.sources import FILE_ID_SHIFT, Batch, Source, Tally, find_sources, read_source
from campaignkit.progress import Steps, make_askable
from campaignkit.sql import quote_identifier, quote_identifiers


def build(folder: Path, path: Path, layouts: Iterable[str | Path], progress: bool | None, model: bool = True) -> None:
    """Build a megafile from a folder of exports and put it at `path`, whole or not at all.

    Raises
    ------
    LayoutError
        If a file fits no layout, is damaged, or has no date.
    """
    remove_leftovers(path)
    part = path.with_name(f".{path.name}.building-{os.getpid()}")
    started = datetime.now()
    steps = Steps("build", progress)
    try:
        with steps.step("looking at the files"):
            sources = find_sources(folder, load_layouts(layouts))
        with duckdb.connect(part) as con:
            make_askable(con)
            con.execute(tables.schema_sql())
            con.execute("ATTACH ? AS stage", [f"{part}.stage"])
            _load(con, sources, steps)
            _settle(con, sources, steps, model)
            _finish(con, sources, started)
            con.execute("DETACH stage")
        os.replace(part, path)
    finally:
        steps.close()
        for left in path.parent.glob(f"{part.name}*"):
            left.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what builds of `path` that were killed have left: they hold person data in clear."""
    for left in path.parent.glob(f".{path.name}.building-*"):
        pid = left.name.partition(".building-")[2].partition(".")[0]
        if not (pid.isdigit() and _runs(int(pid))):
            left.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _load(con: duckdb.DuckDBPyConnection, sources: list[Source], steps: Steps) -> None:
    """Read every file into the stage: all accepted records, whether or not a later one replaces them."""
    for table in ("record", "source_record", *tables.FACTS):
        name = quote_identifier(table)
        con.execute(f"CREATE TABLE stage.{name} AS SELECT * FROM main.{name} LIMIT 0")
    for file_id, source in enumerate(sources, start=1):
        tally = Tally()
        with steps.step(f"reading {source.file.name}"):
            for batch in read_source(source, file_id, tally):
                _stage(con, source, file_id, batch)
        _log_file(con, source, file_id, tally)


def _stage(con: duckdb.DuckDBPyConnection, source: Source, file_id: int, batch: Batch) -> None:
    layout, canonical = source.layout, batch.canonical
    key = "record_key" if layout.key else "md5(record_key)"
    con.register("batch", canonical.records)
    con.execute(
        f"""INSERT INTO stage.record BY NAME
        SELECT record_id, ? AS source, {key} AS record_key, scope, person_key,
               CASE WHEN person_key IS NOT NULL THEN ? END AS person_source, md5_number_upper(content) AS content_hash
        FROM batch""",
        [layout.source, layout.person_source],
    )
    if canonical.people is not None and not layout.restricted:
        con.register("batch", canonical.people)
        con.execute(
            "INSERT INTO stage.source_record BY NAME SELECT *, ? AS source, ? AS as_of FROM batch",
            [layout.person_source, source.as_of],
        )
    for table, rows in canonical.facts:
        con.register("batch", rows)
        con.execute(f"INSERT INTO stage.{quote_identifier(table)} BY NAME SELECT * FROM batch")
    rejects = [(file_id, r.first_line, r.lines, r.reason, r.raw) for r in batch.rejects]
    if rejects:
        names = list(tables.columns_of("reject"))
        con.register("batch", pl.DataFrame(rejects, schema=names, orient="row"))
        con.execute("INSERT INTO reject BY NAME SELECT * FROM batch")
    con.unregister("batch")


def _log_file(con: duckdb.DuckDBPyConnection, source: Source, file_id: int, tally: Tally) -> None:
    reader = Reader(source.layout, source.header)
    unread = [{"column": column, "failures": n} for column, n in sorted(tally.unread.items()) if n]
    row = {
        "file_id": file_id, "file": source.file.name, "layout": source.layout.name, "source": source.layout.source,
        "mode": source.layout.mode, "as_of": source.as_of, "encoding": source.encoding,
        "sha256": files.sha256(source.file.path), "lines": tally.lines, "header_lines": source.header_lines,
        "records": tally.accepted + tally.rejected, "accepted": tally.accepted, "rejected": tally.rejected,
        "accepted_lines": tally.accepted_lines, "rejected_lines": tally.rejected_lines, "duplicates": 0,
        "extra_columns": reader.extra, "absent_columns": reader.absent, "unread": unread,
    }  # fmt: skip
    con.execute(
        f"INSERT INTO source_file ({quote_identifiers(list(row))}) VALUES ({', '.join('?' * len(row))})",
        list(row.values()),
    )


def _settle(con: duckdb.DuckDBPyConnection, sources: list[Source], steps: Steps, model: bool) -> None:
    """From all accepted records to the tables: the records that count, the people in them, their facts."""
    with steps.step("settling which records count", con):
        for source in dict.fromkeys(s.layout.source for s in sources):
            _keep_latest(con, source)
        _keep_people(con)
    with steps.step("linking records to people", con):
        fitted = resolve_people(con, _linking_order(sources), model=model)
        if fitted is not None:
            fitted_on = max(s.as_of for s in sources)
            con.execute("INSERT INTO model VALUES ('person', ?, ?)", [fitted_on, fitted.to_json()])
    with steps.step("making one row a person", con):
        make_people(con, {s.layout.source: s.layout.kind for s in sources})
    with steps.step("writing facts", con):
        _write_facts(con)
        link_fec_gifts(con)
        add_suppressions(con)


def _keep_latest(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Keep the latest record of each key; of a snapshot only what its latest file for that scope holds."""
    con.execute(
        f"""
        INSERT INTO main.record
        WITH said AS (
            SELECT r.*, f.as_of, f.mode FROM stage.record r
            JOIN source_file f ON f.file_id = r.record_id >> {FILE_ID_SHIFT} WHERE r.source = $source
        ), newest AS (SELECT scope, max(as_of) AS as_of FROM said WHERE mode = 'snapshot' GROUP BY scope),
        current AS (
            SELECT said.* EXCLUDE (as_of, mode) FROM said LEFT JOIN newest USING (scope)
            WHERE said.mode <> 'snapshot' OR said.as_of = newest.as_of
        ), latest AS (SELECT record_key, max(record_id) AS record_id FROM current GROUP BY record_key)
        SELECT current.* FROM current SEMI JOIN latest USING (record_id)""",
        {"source": source},
    )
    con.execute(
        f"""
        UPDATE source_file SET duplicates = accepted - (
            SELECT count(*) FROM main.record r WHERE r.record_id >> {FILE_ID_SHIFT} = source_file.file_id
        ) WHERE source = $source""",
        {"source": source},
    )


def _keep_people(con: duckdb.DuckDBPyConnection) -> None:
    """Fill source_record with the latest description each source gives of each of its people."""
    con.execute("""
        INSERT INTO main.source_record BY NAME
        WITH current AS (SELECT s.* FROM stage.source_record s SEMI JOIN main.record USING (record_id)),
        latest AS (SELECT max(record_id) AS record_id FROM current GROUP BY source, record_key)
        SELECT current.* FROM current SEMI JOIN latest USING (record_id) ORDER BY record_id""")


def _linking_order(sources: list[Source]) -> list[tuple[str, bool]]:
    described = {s.layout.person_source: s.layout for s in sources if s.layout.describes}
    in_order = sorted(described.items(), key=lambda item: (KINDS.index(item[1].kind), item[0] or ""))
    return [(name, layout.one_per_person) for name, layout in in_order if name]


def _write_facts(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        CREATE TEMP TABLE whom AS
        SELECT r.record_id, s.person_id FROM record r
        LEFT JOIN source_record s ON s.source = r.person_source AND s.record_key = r.person_key""")
    for table in tables.FACTS:
        name = quote_identifier(table)
        person = "whom.person_id, " if "person_id" in tables.columns_of(table) else ""
        columns = quote_identifiers([c for c in tables.columns_of(table) if c != "person_id"], table="f")
        con.execute(f"INSERT INTO main.{name} SELECT {person}{columns} FROM stage.{name} f JOIN whom USING (record_id)")
    con.execute("DROP TABLE whom")


def _finish(con: duckdb.DuckDBPyConnection, sources: list[Source], started: datetime) -> None:
    con.execute(
        """INSERT INTO refresh_log
        SELECT ?, ?, 'build', ?, ?, count(*), sum(accepted), sum(rejected), (SELECT count(*) FROM person)
        FROM source_file""",
        [started, datetime.now(), max(s.as_of for s in sources), version("campaignkit")],
    )
