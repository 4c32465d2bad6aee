"""A person keeps their id from night to night; what merged and what split is written down."""

from __future__ import annotations

from datetime import datetime

import duckdb

from campaignkit.megafile.ingest.layout import KINDS
from campaignkit.megafile.working_tables import create, drop


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
        FROM work_relinked l JOIN work_named r ON r.local_id = l.person_id
        WHERE s.record_id = l.record_id AND (s.person_id IS DISTINCT FROM r.person_id
              OR s.matched_by IS DISTINCT FROM l.matched_by
              OR s.match_probability IS DISTINCT FROM l.match_probability)""")
    con.execute("""
        DELETE FROM shared_rule WHERE person_id IN (SELECT before FROM work_claimed) OR other_person_id IN (
            SELECT before FROM work_claimed) OR person_id IN (SELECT person_id FROM work_dropped)
            OR other_person_id IN (SELECT person_id FROM work_dropped)""")
    con.execute("""
        INSERT INTO shared_rule SELECT a.person_id, b.person_id FROM work_shared_rule r
        JOIN work_named a ON a.local_id = r.person_id JOIN work_named b ON b.local_id = r.other_person_id""")
    create(
        con,
        "work_renamed",
        """
        SELECT record_id, source, record_key, before, n.person_id AS after FROM work_claimed
        JOIN work_named n USING (local_id)
        UNION ALL
        SELECT record_id, source, record_key, person_id, NULL FROM work_dropped
        WHERE (source, record_key) NOT IN (SELECT (source, record_key) FROM work_claimed)""",
    )
    drop(con, "work_claimed", "work_named", "work_kept_id", "work_relinked", "work_shared_rule")


def _claim(con: duckdb.DuckDBPyConnection) -> None:
    """Say of each relinked record whose it was, and which of a person's records comes first."""
    kinds = " ".join(f"WHEN '{kind}' THEN {place}" for place, kind in enumerate(KINDS))
    create(
        con,
        "work_claimed",
        f"""
        SELECT s.record_id, s.source, s.record_key, l.person_id AS local_id, l.matched_by,
               coalesce(s.matched_by, d.matched_by) AS matched_before, coalesce(s.person_id, d.person_id) AS before,
               (CASE kind {kinds} END, s.source, coalesce(d.record_id, s.record_id)) AS place
        FROM work_relinked l JOIN source_record s USING (record_id) JOIN source USING (source)
        LEFT JOIN work_dropped d ON d.source = s.source AND d.record_key = s.record_key""",
    )
    create(
        con,
        "work_kept_id",
        """
        SELECT before, arg_min(local_id, place) AS local_id FROM work_claimed
        WHERE before IS NOT NULL GROUP BY before""",
    )


def _name(con: duckdb.DuckDBPyConnection) -> None:
    create(
        con,
        "work_named",
        """
        WITH existing AS (SELECT local_id, min(before) AS person_id FROM work_kept_id GROUP BY local_id),
        last AS (
            SELECT max(id) AS id FROM (
                SELECT max(person_id) AS id FROM person
                UNION ALL SELECT max(greatest(person_id, other_person_id)) FROM identity_event
                UNION ALL SELECT max(person_id) FROM identity_event)
        )
        SELECT local_id, coalesce(s.person_id, coalesce(last.id, 0) + row_number() OVER (
                   PARTITION BY s.person_id IS NULL ORDER BY l.first)) AS person_id, s.person_id IS NULL AS new
        FROM (SELECT local_id, min(record_id) AS first FROM work_claimed GROUP BY local_id) l
        LEFT JOIN existing s USING (local_id), last""",
    )


def _note_events(con: duckdb.DuckDBPyConnection, night: int, now: datetime) -> None:
    evidence = "source || ' ' || record_key || coalesce(', by ' || {how}, '')"
    con.execute(
        f"""
        INSERT INTO identity_event
        SELECT $night, $now, 'merged', n.person_id, a.before, first({evidence.format(how="c.matched_by")} ORDER BY
               c.matched_by IS NULL, c.place)
        FROM work_kept_id a JOIN work_named n USING (local_id) JOIN work_claimed c ON c.before = a.before
        AND c.local_id = a.local_id
        WHERE n.person_id <> a.before GROUP BY ALL ORDER BY ALL""",
        {"night": night, "now": now},
    )
    con.execute(
        f"""
        INSERT INTO identity_event
        SELECT $night, $now, 'split', c.before, n.person_id, first({evidence.format(how="c.matched_before")} ORDER BY
               c.matched_before IS NULL, c.place)
        FROM work_claimed c JOIN work_named n USING (local_id)
        WHERE c.before IS NOT NULL AND c.before <> n.person_id
          AND (c.before, c.local_id) NOT IN (SELECT (before, local_id) FROM work_kept_id)
        GROUP BY ALL ORDER BY ALL""",
        {"night": night, "now": now},
    )
    con.execute(
        """
        INSERT INTO identity_event
        SELECT $night, $now, 'ended', person_id, NULL,
               first(source || ' ' || record_key || ' is gone' ORDER BY record_id)
        FROM work_dropped WHERE person_id NOT IN (SELECT before
        FROM work_kept_id) GROUP BY person_id ORDER BY person_id""",
        {"night": night, "now": now},
    )
