"""Which records count: the latest of each key; of a snapshot only what its latest file for that scope holds.

The same rules for the first files and for those of a later night. A key's record is the latest one that any file gave,
whenever that file came. If a snapshot gave it and a later snapshot of the same scope does not hold the key, it has
vanished; nothing older takes its place. `vanished` remembers when it was last held, so that an older file that comes
late brings nobody back.
"""

from __future__ import annotations

import duckdb

from campaignkit.megafile.ingest.sources import FILE_ID_SHIFT
from campaignkit.megafile.working_tables import create, create_empty, drop

#: What a staged record is beside what stands.
VERDICTS = ("new", "changed", "unchanged", "older")


def settle_records(con: duckdb.DuckDBPyConnection, night: int) -> None:
    """Take the staged records that count into `record`, and note in night_source what they were.

    Leaves three temporary tables of record_ids: `kept` (taken in), `gone` (records that stood and no longer do) and
    `seen` (records that stand and that a later record repeats).

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, the stage loaded and its files logged.
    night : int
        The night of the staged files.
    """
    for table in ("work_kept", "work_gone", "work_seen"):
        create_empty(con, table)
    _judge(con)
    _apply(con)
    _let_vanish(con)
    _note(con, night)
    con.execute("DELETE FROM work_kept WHERE record_id IN (SELECT record_id FROM work_vanishing)")
    drop(con, "work_judged", "work_vanishing", "work_newest")
    _note_files(con, night)


def _judge(con: duckdb.DuckDBPyConnection) -> None:
    """Hold the latest staged record of each key against the one that stands."""
    create(
        con,
        "work_judged",
        """
        WITH latest AS (
            SELECT source, record_key, max(record_id) AS record_id, arg_max(content_hash, record_id) AS content_hash
            FROM stage.record GROUP BY source, record_key
        )
        SELECT latest.record_id, source, record_key, stands.record_id AS standing_id, CASE
            WHEN coalesce(stands.seen_id, v.record_id, -1) >= latest.record_id THEN 'older'
            WHEN stands.record_id IS NULL THEN 'new'
            WHEN stands.content_hash = latest.content_hash THEN 'unchanged' ELSE 'changed' END AS verdict
        FROM latest LEFT JOIN (FROM record SEMI JOIN latest USING (source)) stands USING (source, record_key)
        LEFT JOIN vanished v USING (source, record_key)
        """,
    )


def _apply(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("INSERT INTO work_gone SELECT standing_id FROM work_judged WHERE verdict = 'changed'")
    con.execute("INSERT INTO work_seen SELECT standing_id FROM work_judged WHERE verdict = 'unchanged'")
    con.execute("INSERT INTO work_kept SELECT record_id FROM work_judged WHERE verdict IN ('new', 'changed')")
    con.execute("DELETE FROM record WHERE record_id IN (SELECT record_id FROM work_gone)")
    con.execute("""
        UPDATE record SET seen_id = j.record_id FROM work_judged j
        WHERE verdict = 'unchanged' AND record.record_id = standing_id""")
    con.execute("""
        DELETE FROM vanished WHERE (source, record_key) IN (
            SELECT (source, record_key) FROM work_judged WHERE verdict = 'new')""")
    con.execute("INSERT INTO record BY NAME FROM stage.record SEMI JOIN work_kept USING (record_id)")


def _let_vanish(con: duckdb.DuckDBPyConnection) -> None:
    """Take away what a snapshot gave and a later one of its scope no longer holds."""
    create_empty(con, "work_vanishing")
    create(
        con,
        "work_newest",
        f"""
        SELECT source, scope, max(as_of) AS as_of FROM (
            SELECT DISTINCT r.source, r.scope, f.as_of FROM stage.record r
            JOIN source_file f ON f.file_id = r.record_id >> {FILE_ID_SHIFT} WHERE f.mode = 'snapshot'
            UNION ALL
            SELECT source, scope, as_of FROM snapshot_scope
            WHERE source IN (SELECT source FROM work_judged)
        ) GROUP BY source, scope""",
    )
    con.execute("DELETE FROM snapshot_scope WHERE source IN (SELECT source FROM work_newest)")
    con.execute("INSERT INTO snapshot_scope FROM work_newest")
    con.execute(f"""
        INSERT INTO work_vanishing
        WITH replaced AS (
            SELECT source, file_id, scope FROM source_file f JOIN work_newest n USING (source)
            WHERE mode = 'snapshot' AND f.as_of < n.as_of
        )
        SELECT record_id, seen_id, r.source FROM (FROM record SEMI JOIN replaced USING (source)) r
        JOIN replaced p ON p.file_id = r.seen_id >> {FILE_ID_SHIFT} AND p.scope = r.scope""")
    con.execute("""
        INSERT INTO vanished
        SELECT v.seen_id, r.source, r.record_key FROM work_vanishing v JOIN record r USING (record_id)""")
    con.execute("DELETE FROM record WHERE record_id IN (SELECT record_id FROM work_vanishing)")
    con.execute("INSERT INTO work_gone SELECT record_id FROM work_vanishing")
    con.execute("DELETE FROM work_seen WHERE record_id IN (SELECT record_id FROM work_vanishing)")


def _note(con: duckdb.DuckDBPyConnection, night: int) -> None:
    """Count each source's verdicts; a record of a night that vanishes at once was older than what stood."""
    counts = ", ".join(
        f"count(*) FILTER (WHERE verdict = '{verdict}' AND NOT at_once) AS {verdict}" for verdict in VERDICTS[:3]
    )
    con.execute(
        f"""
        INSERT INTO night_source BY NAME
        WITH judged AS (
            SELECT source, {counts} FROM (
                SELECT source, verdict, verdict IN ('new', 'changed') AND record_id IN (
                    SELECT record_id FROM work_vanishing) AS at_once FROM work_judged
            ) GROUP BY source
        ), staged AS (SELECT source, count(*) AS n FROM stage.record GROUP BY source),
        went AS (
            SELECT source, count(*) AS n FROM work_vanishing ANTI JOIN work_kept USING (record_id) GROUP BY source
        ),
        came AS (
            SELECT source, count(*) AS files, sum(rejected) AS rejected FROM source_file WHERE night = $night
            GROUP BY source
        )
        SELECT $night AS night, source, came.files, new, changed, unchanged,
               staged.n - new - changed - unchanged AS older, coalesce(went.n, 0) AS vanished, came.rejected
        FROM judged JOIN staged USING (source) JOIN came USING (source) LEFT JOIN went USING (source)
        ORDER BY source""",
        {"night": night},
    )


def _note_files(con: duckdb.DuckDBPyConnection, night: int) -> None:
    """Bring each file's counts up to date, and note the sources whose files held no record."""
    con.execute(f"""
        UPDATE source_file SET vanished = coalesce(v.n, 0),
            duplicates = f.accepted - coalesce(v.n, 0) - coalesce(h.n, 0)
        FROM source_file f
        LEFT JOIN (SELECT seen_id >> {FILE_ID_SHIFT} AS file_id, count(*) AS n FROM record GROUP BY 1) h USING (file_id)
        LEFT JOIN (SELECT record_id >> {FILE_ID_SHIFT} AS file_id, count(*) AS n FROM vanished GROUP BY 1) v
            USING (file_id)
        WHERE source_file.file_id = f.file_id""")
    con.execute(
        """
        INSERT INTO night_source
        SELECT $night, source, count(*), 0, 0, 0, 0, 0, sum(rejected) FROM source_file
        WHERE night = $night AND source NOT IN (SELECT source FROM night_source WHERE night = $night)
        GROUP BY source""",
        {"night": night},
    )
