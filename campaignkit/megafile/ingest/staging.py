"""Files into the stage: all accepted records of a drop, whatever others replace, and the log of each file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import duckdb
import polars as pl

from campaignkit.megafile import schema
from campaignkit.megafile.ingest import files
from campaignkit.megafile.ingest.canonical import Reader
from campaignkit.megafile.ingest.files import Skipped
from campaignkit.megafile.ingest.records import Reject
from campaignkit.megafile.ingest.sources import FILE_ID_SHIFT, Batch, Source, Tally, read_source
from campaignkit.progress import Steps
from campaignkit.sql import quote_identifier, quote_identifiers

REJECTS_AT_ONCE = 10_000  # that are held in memory


def load_files(
    con: duckdb.DuckDBPyConnection, sources: Sequence[Source], file_ids: Sequence[int], night: int, steps: Steps
) -> None:
    """Read every file into the stage, and log it and its rejects.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, with the database `stage` attached.
    sources : sequence of Source
        The files.
    file_ids : sequence of int
        Their numbers.
    night : int
        When they came; 0: with the build.
    steps : Steps
        To say which file is being read.
    """
    for table in ("record", "source_record", *schema.STAGED):
        name = quote_identifier(table)
        con.execute(f"CREATE TABLE stage.{name} AS SELECT * FROM main.{name} LIMIT 0")
    in_order = sorted(zip(file_ids, sources, strict=True), key=lambda numbered: numbered[0])
    for file_id, source in in_order:  # so that whatever is taken from the stage has its records in order
        tally = Tally()
        with steps.step(f"reading {source.file.name}"):
            rejects: list[Reject] = []
            con.begin()
            for batch in read_source(source, file_id, tally):
                _stage(con, source, batch)
                rejects += batch.rejects
                if len(rejects) > REJECTS_AT_ONCE:
                    con.commit()
                    rejects = _note_rejects(con, file_id, rejects)
                    con.begin()
            con.commit()
            _note_rejects(con, file_id, rejects)
            if not source.layout.key:
                _tell_apart(con, source, file_id)
        _log_file(con, source, file_id, tally, night)


def note_sources(con: duckdb.DuckDBPyConnection, sources: Sequence[Source], own_layouts: dict[str, str]) -> None:
    """Keep what nights must know of the sources: kind, one record per person or more, one's own columns and layouts."""
    rows = {s.layout.source: (s.layout.source, s.layout.kind, None) for s in sources}
    for source in sources:
        if source.layout.describes and source.layout.person_source:
            name = source.layout.person_source
            rows[name] = (name, source.layout.kind, source.layout.one_per_person)
    for row in rows.values():
        con.execute(
            "DELETE FROM source WHERE source = ? AND (one_per_person IS NULL OR ? IS NOT NULL)", [row[0], row[2]]
        )
        con.execute("INSERT INTO source SELECT ?, ?, ? WHERE NOT EXISTS (FROM source WHERE source = ?)", [*row, row[0]])
    for layout in {source.layout.name: source.layout for source in sources}.values():
        for rows in layout.own:
            con.execute("DELETE FROM own_column WHERE name = ?", [rows.definition.name])
            con.execute("INSERT INTO own_column VALUES (?, ?, ?, ?, ?, ?, ?)", list(astuple(rows.definition)))
    for name, text in own_layouts.items():
        con.execute("DELETE FROM layout WHERE name = ?", [name])
        con.execute("INSERT INTO layout VALUES (?, ?)", [name, text])


def note_skipped(
    con: duckdb.DuckDBPyConnection, skipped: Sequence[Skipped], sources: Sequence[Source], night: int
) -> None:
    """Note what is not read, once; and forget what was not and now is."""
    con.executemany("DELETE FROM skipped_file WHERE file = ?", [[source.file.name] for source in sources] or [[""]])
    for left in skipped:
        con.execute(
            "INSERT INTO skipped_file SELECT $night, $file, $reason WHERE NOT EXISTS "
            "(FROM skipped_file WHERE file = $file AND reason = $reason)",
            {"night": night, "file": left.name, "reason": left.reason},
        )


def _stage(con: duckdb.DuckDBPyConnection, source: Source, batch: Batch) -> None:
    layout, canonical = source.layout, batch.canonical
    key = "record_key" if layout.key else "md5(record_key)"
    con.register("batch", canonical.records)
    records = con.sql(
        f"""SELECT record_id, record_id AS seen_id, ? AS source, {key} AS record_key, scope, person_key,
               CASE WHEN person_key IS NOT NULL THEN ? END AS person_source, md5_number_upper(content) AS content_hash
        FROM batch""",
        params=[layout.source, layout.person_source],
    ).pl()
    con.register("batch", records)
    con.execute("INSERT INTO stage.record BY NAME SELECT * FROM batch")
    repeated = _repeated(con, layout.source) if layout.key else records.clear().select("record_id")
    if canonical.people is not None and not layout.restricted:
        con.register("batch", canonical.people.join(repeated, on="record_id", how="anti", maintain_order="left"))
        con.execute(
            "INSERT INTO stage.source_record BY NAME SELECT *, ? AS source, ? AS as_of FROM batch",
            [layout.person_source, source.as_of],
        )
    for table, rows in canonical.facts:
        con.register("batch", rows.join(repeated, on="record_id", how="anti", maintain_order="left"))
        con.execute(f"INSERT INTO stage.{quote_identifier(table)} BY NAME SELECT * FROM batch")
    con.unregister("batch")


def _repeated(con: duckdb.DuckDBPyConnection, source: str) -> pl.DataFrame:
    """Return the record_id of a batch's records that stand just so: what they say is in the megafile already."""
    return con.sql(
        """SELECT record_id FROM batch SEMI JOIN (SELECT record_key, content_hash FROM main.record WHERE source = ?)
        USING (record_key, content_hash)""",
        params=[source],
    ).pl()


def _note_rejects(con: duckdb.DuckDBPyConnection, file_id: int, rejects: list[Reject]) -> list[Reject]:
    """Write rejects to the megafile itself, which a transaction on the stage can't; return an empty list."""
    if rejects:
        rows = [(file_id, r.first_line, r.lines, r.reason, r.raw) for r in rejects]
        con.register("batch", pl.DataFrame(rows, schema=list(schema.columns_of("reject")), orient="row"))
        con.execute("INSERT INTO reject BY NAME SELECT * FROM batch")
        con.unregister("batch")
    return []


def _tell_apart(con: duckdb.DuckDBPyConnection, source: Source, file_id: int) -> None:
    """Give rows of one file that say the same keys of their own: two calls of one day are two calls."""
    con.execute(
        f"""UPDATE stage.record SET record_key = md5(record_key || '|' || n) FROM (
            SELECT record_id, row_number() OVER (PARTITION BY record_key ORDER BY record_id) AS n
            FROM stage.record SEMI JOIN (
                SELECT record_key FROM stage.record WHERE source = $source AND record_id >> {FILE_ID_SHIFT} = $file_id
                GROUP BY record_key HAVING count(*) > 1
            ) USING (record_key)
            WHERE source = $source AND record_id >> {FILE_ID_SHIFT} = $file_id
        ) AS again WHERE again.record_id = record.record_id AND n > 1""",
        {"source": source.layout.source, "file_id": file_id},
    )


def _log_file(con: duckdb.DuckDBPyConnection, source: Source, file_id: int, tally: Tally, night: int) -> None:
    reader = Reader(source.layout, source.header)
    unread = [{"column": column, "failures": n} for column, n in sorted(tally.unread.items()) if n]
    row = {
        "file_id": file_id, "night": night, "file": source.file.name, "layout": source.layout.name,
        "source": source.layout.source, "mode": source.layout.mode, "as_of": source.as_of, "encoding": source.encoding,
        "sha256": files.sha256(source.file.path), "lines": tally.lines, "header_lines": source.header_lines,
        "records": tally.accepted + tally.rejected, "accepted": tally.accepted, "rejected": tally.rejected,
        "accepted_lines": tally.accepted_lines, "rejected_lines": tally.rejected_lines, "duplicates": 0,
        "vanished": 0, "extra_columns": reader.extra, "absent_columns": reader.absent, "unread": unread,
    }  # fmt: skip
    con.execute(
        f"INSERT INTO source_file ({quote_identifiers(list(row))}) VALUES ({', '.join('?' * len(row))})",
        list(row.values()),
    )
