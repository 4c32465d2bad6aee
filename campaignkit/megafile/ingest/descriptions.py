"""Which of a source's records describes a person: the latest said; the others wait in other_description."""

from __future__ import annotations

import duckdb

from campaignkit.megafile import schema
from campaignkit.megafile.ingest.sources import FILE_ID_SHIFT
from campaignkit.megafile.working_tables import create, drop
from campaignkit.sql import quote_identifiers


def settle_descriptions(con: duckdb.DuckDBPyConnection) -> None:
    """Bring source_record up to date with `record`: one row for each person of each source.

    Reads the temporary tables `kept`, `gone` and `seen` that `settle.settle_records` left. Leaves two more: `dropped`,
    the rows that source_record no longer has, and `fresh`, the record_ids of those it has now, without a person yet.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction.
    """
    create(
        con,
        "work_touched_key",
        """
        SELECT source, record_key FROM stage.source_record SEMI JOIN work_kept USING (record_id)
        WHERE record_key IS NOT NULL
        UNION SELECT source, record_key FROM source_record SEMI JOIN work_gone USING (record_id)
        UNION SELECT source, record_key FROM other_description SEMI JOIN work_gone USING (record_id)
        UNION SELECT source, record_key FROM other_description SEMI JOIN work_seen USING (record_id)""",
    )
    create(
        con,
        "work_description_pool",
        """
        WITH described AS (
            SELECT record_id, source, record_key, 'described' AS place FROM source_record
            UNION ALL SELECT record_id, source, record_key, 'other' FROM other_description
            UNION ALL SELECT record_id, source, record_key, 'stage' FROM stage.source_record
        ), current AS (
            SELECT d.*, r.seen_id FROM described d SEMI JOIN work_touched_key USING (source, record_key)
            JOIN record r ON r.record_id = d.record_id
        )
        SELECT *, seen_id = max(seen_id) OVER (PARTITION BY source, record_key) AS latest FROM current""",
    )
    _move(con)
    con.execute(f"""
        UPDATE source_record SET as_of = f.as_of FROM record r, source_file f
        WHERE r.record_id = source_record.record_id AND r.record_id IN (SELECT record_id FROM work_seen)
          AND f.file_id = r.seen_id >> {FILE_ID_SHIFT}""")
    drop(con, "work_touched_key", "work_description_pool")


def _move(con: duckdb.DuckDBPyConnection) -> None:
    columns = quote_identifiers([name for name in schema.columns_of("source_record") if name not in _LINKED])
    create(
        con,
        "work_dropped",
        """
        SELECT s.* FROM source_record s SEMI JOIN work_touched_key USING (source, record_key)
        WHERE s.record_id NOT IN (SELECT record_id FROM work_description_pool WHERE latest)""",
    )
    con.execute("DELETE FROM source_record WHERE record_id IN (SELECT record_id FROM work_dropped)")
    create(con, "work_fresh", "SELECT record_id FROM work_description_pool WHERE latest AND place <> 'described'")
    for place, table in (("other", "other_description"), ("stage", "stage.source_record")):
        con.execute(f"""
            INSERT INTO source_record BY NAME
            SELECT {columns} FROM {table} WHERE record_id IN (
                SELECT record_id FROM work_description_pool WHERE latest AND place = '{place}')""")
    con.execute("""
        DELETE FROM other_description WHERE record_id IN (
            SELECT record_id FROM work_fresh UNION ALL SELECT record_id FROM work_gone)""")
    for place, table in (("described", "work_dropped"), ("stage", "stage.source_record")):
        con.execute(f"""
            INSERT INTO other_description BY NAME
            SELECT {columns} FROM {table} WHERE record_id IN (
                SELECT record_id FROM work_description_pool WHERE NOT latest AND place = '{place}')""")


_LINKED = ("person_id", "matched_by", "match_probability")
