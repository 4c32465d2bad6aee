"""What follows from a night's links: rows of people and households, whom facts are about, what closes a channel."""

from __future__ import annotations

import duckdb

from campaignkit.megafile.linkage.prepared_records import plain_name
from campaignkit.megafile.people import add_suppressions, make_people
from campaignkit.megafile.whom import remove_facts, repoint_facts, write_facts


def renew(con: duckdb.DuckDBPyConnection) -> None:
    """Bring every table that follows from source_record up to date.

    Reads the temporary tables `kept`, `gone`, `seen`, `dropped` and `renamed`.

    Parameters
    ----------
    con : DuckDB connection
        To the copy that is being refreshed, the night's links made.
    """
    _who_is_concerned(con)
    make_people(con, "concerned", "addressed")
    remove_facts(con)
    write_facts(con)
    con.execute("""
        CREATE OR REPLACE TEMP TABLE moved AS
        SELECT source, record_key, after AS person_id FROM renamed WHERE before IS DISTINCT FROM after""")
    repoint_facts(con)
    _link_fec_gifts_anew(con)
    add_suppressions(con)
    con.execute(
        "DELETE FROM score WHERE person_id NOT IN (SELECT person_id FROM person)"
    )  # of the merged and the ended
    con.execute("DROP TABLE moved; DROP TABLE touched_person; DROP TABLE addressed; DROP TABLE concerned")


def _who_is_concerned(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `concerned` with all whose row may change, and `addressed` with where they live or lived.

    These are the touched, and whoever has an address of theirs.

    A record that is repeated is a later word than before; that matters where another of its kind speaks too.
    """
    con.execute("""
        CREATE OR REPLACE TEMP TABLE touched_person AS
        WITH again AS (
            SELECT s.person_id, kind FROM source_record s SEMI JOIN seen USING (record_id) JOIN source USING (source)
        )
        SELECT person_id FROM (
            SELECT before AS person_id FROM renamed WHERE before IS DISTINCT FROM after
            UNION SELECT after FROM renamed WHERE before IS DISTINCT FROM after
            UNION SELECT person_id FROM source_record SEMI JOIN fresh USING (record_id)
            UNION SELECT person_id FROM dropped
            UNION SELECT person_id FROM again WHERE (person_id, kind) IN (
                SELECT (person_id, kind) FROM source_record JOIN source USING (source)
                WHERE person_id IN (SELECT person_id FROM again) GROUP BY person_id, kind HAVING count(*) > 1)
        ) WHERE person_id IS NOT NULL""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE addressed AS
        SELECT address_key FROM source_record SEMI JOIN touched_person USING (person_id)
        UNION SELECT address_key FROM dropped""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE concerned AS
        FROM touched_person UNION SELECT person_id FROM source_record SEMI JOIN addressed USING (address_key)""")


def _link_fec_gifts_anew(con: duckdb.DuckDBPyConnection) -> None:
    """Link the FEC gifts of a name and zip code that a touched person has or had, and the new ones."""
    if not con.sql("SELECT count(*) FROM fec_gift").pl().item():
        return
    first, last = plain_name("first_name"), plain_name("last_name")
    con.execute(f"""
        CREATE TEMP TABLE named AS
        SELECT DISTINCT person_id, {first} AS first, {last} AS last, zip5 FROM source_record
        WHERE zip5 IN (SELECT zip5 FROM fec_gift)""")
    con.execute(f"""
        CREATE TEMP TABLE looked_up AS
        SELECT g.record_id, CASE WHEN min(n.person_id) = max(n.person_id) THEN min(n.person_id) END AS person_id
        FROM (SELECT record_id, {first} AS first, {last} AS last, zip5 FROM fec_gift) g
        LEFT JOIN named n ON n.first = g.first AND n.last = g.last AND n.zip5 = g.zip5 GROUP BY g.record_id""")
    con.execute("""
        UPDATE fec_gift SET person_id = l.person_id FROM looked_up l
        WHERE l.record_id = fec_gift.record_id AND fec_gift.person_id IS DISTINCT FROM l.person_id""")
    con.execute("DROP TABLE named; DROP TABLE looked_up")
