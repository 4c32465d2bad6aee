"""What follows from a night's links: rows of people and households, who facts are about, what closes a channel."""

from __future__ import annotations

import duckdb

from campaignkit.megafile.linkage.fec_gifts import link_fec_gifts
from campaignkit.megafile.people.fact_persons import remove_facts, repoint_facts, write_facts
from campaignkit.megafile.people.person_table import make_people
from campaignkit.megafile.suppression.rules import make_suppressions
from campaignkit.megafile.working_tables import create, drop


def renew(con: duckdb.DuckDBPyConnection) -> None:
    """Bring every table that follows from source_record up to date.

    Reads the temporary tables `kept`, `gone`, `seen`, `dropped` and `renamed`.

    Parameters
    ----------
    con : DuckDB connection
        To the copy that is being refreshed, the night's links made.
    """
    _who_is_concerned(con)
    make_people(con, "work_concerned", "work_touched_address")
    remove_facts(con)
    write_facts(con)
    create(
        con,
        "work_moved",
        """
        SELECT source, record_key, after AS person_id FROM work_renamed WHERE before IS DISTINCT FROM after""",
    )
    repoint_facts(con)
    link_fec_gifts(con)
    make_suppressions(con)
    _follow_anchors(con)
    con.execute(
        "DELETE FROM score WHERE person_id NOT IN (SELECT person_id FROM person)"
    )  # of the merged and the ended
    drop(con, "work_moved", "work_touched_person", "work_touched_address", "work_concerned")


def _follow_anchors(con: duckdb.DuckDBPyConnection) -> None:
    """Give tags and added values whoever their record is now; where it is gone, they stay with their person."""
    for table in ("tag", "added_value"):
        con.execute(f"""
            UPDATE {table} SET person_id = s.person_id FROM source_record s
            WHERE s.source = {table}.source AND s.record_key = {table}.record_key
                AND s.person_id IS DISTINCT FROM {table}.person_id""")
        con.execute(f"DELETE FROM {table} WHERE person_id NOT IN (SELECT person_id FROM person)")


def _who_is_concerned(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `concerned` with all whose row may change, and `addressed` with where they live or lived.

    These are the touched, and whoever has an address of theirs.

    A record that is repeated is a later word than before; that matters where another of its kind speaks too.
    """
    create(
        con,
        "work_touched_person",
        """
        WITH again AS (
            SELECT s.person_id, kind FROM source_record s SEMI JOIN work_seen USING (record_id)
            JOIN source USING (source)
        )
        SELECT person_id FROM (
            SELECT before AS person_id FROM work_renamed WHERE before IS DISTINCT FROM after
            UNION SELECT after FROM work_renamed WHERE before IS DISTINCT FROM after
            UNION SELECT person_id FROM source_record SEMI JOIN work_fresh USING (record_id)
            UNION SELECT person_id FROM work_dropped
            UNION SELECT person_id FROM again WHERE (person_id, kind) IN (
                SELECT (person_id, kind) FROM source_record JOIN source USING (source)
                WHERE person_id IN (SELECT person_id FROM again) GROUP BY person_id, kind HAVING count(*) > 1)
        ) WHERE person_id IS NOT NULL""",
    )
    create(
        con,
        "work_touched_address",
        """
        SELECT address_key FROM source_record SEMI JOIN work_touched_person USING (person_id)
        UNION SELECT address_key FROM work_dropped""",
    )
    create(
        con,
        "work_concerned",
        """
        FROM work_touched_person UNION SELECT person_id FROM source_record
        SEMI JOIN work_touched_address USING (address_key)""",
    )
