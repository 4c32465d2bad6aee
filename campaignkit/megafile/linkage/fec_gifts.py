"""FEC rows linked to people by name and zip code: weak links, which never feed `person`."""

from __future__ import annotations

import duckdb

from campaignkit.megafile.linkage.prepared_records import plain_name
from campaignkit.megafile.working_tables import create, drop


def link_fec_gifts(con: duckdb.DuckDBPyConnection) -> None:
    """Give fec_gift rows the one person of that first and last name in that zip code; none where there are two.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction or being refreshed, source_record resolved.
    """
    if not con.sql("SELECT count(*) FROM fec_gift").pl().item():
        return
    first, last = plain_name("first_name"), plain_name("last_name")
    create(
        con,
        "work_fec_person",
        f"""
        SELECT DISTINCT person_id, {first} AS first, {last} AS last, zip5 FROM source_record
        WHERE zip5 IN (SELECT zip5 FROM fec_gift)""",
    )
    create(
        con,
        "work_fec_lookup",
        f"""
        SELECT g.record_id, CASE WHEN min(p.person_id) = max(p.person_id) THEN min(p.person_id) END AS person_id
        FROM (SELECT record_id, {first} AS first, {last} AS last, zip5 FROM fec_gift) g
        LEFT JOIN work_fec_person p ON p.first = g.first AND p.last = g.last AND p.zip5 = g.zip5
        GROUP BY g.record_id""",
    )
    con.execute("""
        UPDATE fec_gift SET person_id = l.person_id FROM work_fec_lookup l
        WHERE l.record_id = fec_gift.record_id AND fec_gift.person_id IS DISTINCT FROM l.person_id""")
    drop(con, "work_fec_person", "work_fec_lookup")
