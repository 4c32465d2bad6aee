"""A person keeps their id from night to night; what merged and what split is written down."""

from __future__ import annotations

from datetime import datetime

import duckdb

from campaignkit.megafile.layout import KINDS


def keep_ids(con: duckdb.DuckDBPyConnection, night: int, now: datetime) -> None:
    """Give those who were linked anew their standing ids, and note merged, split and ended people.

    A person's id stays with the record that linked first among those that are still there. Where two such records are
    one person now, the smaller id stays (merged); records that leave their person get a new id (split). A record that
    replaces one of its key has its place.

    Reads `relinked` and `dropped`, updates source_record, and leaves `renamed`: record_id, source, record_key, the
    person before (null: none) and after; records that are gone have no person after.

    Parameters
    ----------
    con : DuckDB connection
        To the copy that is being refreshed.
    night : int
        The night.
    now : datetime
        When it is.
    """
    _claim(con)
    _name(con)
    _note_events(con, night, now)
    con.execute("""
        UPDATE source_record AS s SET person_id = r.person_id, matched_by = l.matched_by,
               match_probability = l.match_probability
        FROM relinked l JOIN named r ON r.local_id = l.person_id
        WHERE s.record_id = l.record_id AND (s.person_id IS DISTINCT FROM r.person_id
              OR s.matched_by IS DISTINCT FROM l.matched_by
              OR s.match_probability IS DISTINCT FROM l.match_probability)""")
    con.execute("""
        DELETE FROM rival WHERE person_id IN (SELECT before FROM claimed) OR other_person_id IN (
            SELECT before FROM claimed) OR person_id IN (SELECT person_id FROM dropped)
            OR other_person_id IN (SELECT person_id FROM dropped)""")
    con.execute("""
        INSERT INTO rival SELECT a.person_id, b.person_id FROM rivalling r
        JOIN named a ON a.local_id = r.person_id JOIN named b ON b.local_id = r.other_person_id""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE renamed AS
        SELECT record_id, source, record_key, before, n.person_id AS after FROM claimed JOIN named n USING (local_id)
        UNION ALL
        SELECT record_id, source, record_key, person_id, NULL FROM dropped
        WHERE (source, record_key) NOT IN (SELECT (source, record_key) FROM claimed)""")
    for table in ("claimed", "named", "anchor", "relinked", "rivalling"):
        con.execute(f"DROP TABLE temp.{table}")


def _claim(con: duckdb.DuckDBPyConnection) -> None:
    """Say of each relinked record whose it was, and which of a person's records comes first."""
    kinds = " ".join(f"WHEN '{kind}' THEN {place}" for place, kind in enumerate(KINDS))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE claimed AS
        SELECT s.record_id, s.source, s.record_key, l.person_id AS local_id, l.matched_by,
               coalesce(s.matched_by, d.matched_by) AS matched_before, coalesce(s.person_id, d.person_id) AS before,
               (CASE kind {kinds} END, s.source, coalesce(d.record_id, s.record_id)) AS place
        FROM relinked l JOIN source_record s USING (record_id) JOIN source USING (source)
        LEFT JOIN dropped d ON d.source = s.source AND d.record_key = s.record_key""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE anchor AS
        SELECT before, arg_min(local_id, place) AS local_id FROM claimed WHERE before IS NOT NULL GROUP BY before""")


def _name(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        CREATE OR REPLACE TEMP TABLE named AS
        WITH standing AS (SELECT local_id, min(before) AS person_id FROM anchor GROUP BY local_id),
        last AS (
            SELECT max(id) AS id FROM (
                SELECT max(person_id) AS id FROM person
                UNION ALL SELECT max(greatest(person_id, other_person_id)) FROM identity_event
                UNION ALL SELECT max(person_id) FROM identity_event)
        )
        SELECT local_id, coalesce(s.person_id, coalesce(last.id, 0) + row_number() OVER (
                   PARTITION BY s.person_id IS NULL ORDER BY l.first)) AS person_id, s.person_id IS NULL AS new
        FROM (SELECT local_id, min(record_id) AS first FROM claimed GROUP BY local_id) l
        LEFT JOIN standing s USING (local_id), last""")


def _note_events(con: duckdb.DuckDBPyConnection, night: int, now: datetime) -> None:
    said = "source || ' ' || record_key || coalesce(', by ' || {how}, '')"
    con.execute(
        f"""
        INSERT INTO identity_event
        SELECT $night, $now, 'merged', n.person_id, a.before, first({said.format(how="c.matched_by")} ORDER BY
               c.matched_by IS NULL, c.place)
        FROM anchor a JOIN named n USING (local_id) JOIN claimed c ON c.before = a.before AND c.local_id = a.local_id
        WHERE n.person_id <> a.before GROUP BY ALL ORDER BY ALL""",
        {"night": night, "now": now},
    )
    con.execute(
        f"""
        INSERT INTO identity_event
        SELECT $night, $now, 'split', c.before, n.person_id, first({said.format(how="c.matched_before")} ORDER BY
               c.matched_before IS NULL, c.place)
        FROM claimed c JOIN named n USING (local_id)
        WHERE c.before IS NOT NULL AND c.before <> n.person_id
          AND (c.before, c.local_id) NOT IN (SELECT (before, local_id) FROM anchor)
        GROUP BY ALL ORDER BY ALL""",
        {"night": night, "now": now},
    )
    con.execute(
        """
        INSERT INTO identity_event
        SELECT $night, $now, 'ended', person_id, NULL,
               first(source || ' ' || record_key || ' is gone' ORDER BY record_id)
        FROM dropped WHERE person_id NOT IN (SELECT before FROM anchor) GROUP BY person_id ORDER BY person_id""",
        {"night": night, "now": now},
    )
