"""Who facts are about: each fact's person is the one its record's source names."""

from __future__ import annotations

import duckdb

from campaignkit.megafile import schema
from campaignkit.megafile.working_tables import create, drop
from campaignkit.sql import quote_identifier, quote_identifiers


def write_facts(con: duckdb.DuckDBPyConnection) -> None:
    """Write the staged facts of the records in the temporary table `kept`, with their people.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, record and source_record settled and resolved.
    """
    create(
        con,
        "work_fact_person",
        """
        SELECT r.record_id, s.person_id FROM record r SEMI JOIN work_kept USING (record_id)
        LEFT JOIN source_record s ON s.source = r.person_source AND s.record_key = r.person_key""",
    )
    for table in schema.STANDING_FACTS:
        name = quote_identifier(table)
        person = "p.person_id, " if "person_id" in schema.columns_of(table) else ""
        columns = quote_identifiers([c for c in schema.columns_of(table) if c != "person_id"], table="f")
        con.execute(
            f"INSERT INTO main.{name} SELECT {person}{columns} FROM stage.{name} f "
            "JOIN work_fact_person p USING (record_id)"
        )
    drop(con, "work_fact_person")


def remove_facts(con: duckdb.DuckDBPyConnection) -> None:
    """Remove the facts of the records in the temporary table `gone`."""
    for table in schema.STANDING_FACTS:
        con.execute(f"DELETE FROM main.{quote_identifier(table)} WHERE record_id IN (SELECT record_id FROM work_gone)")


def repoint_facts(con: duckdb.DuckDBPyConnection) -> None:
    """Give the facts of everyone in the temporary table `moved` (source, record_key, person_id) their person."""
    create(
        con,
        "work_fact_person",
        """
        SELECT r.record_id, m.person_id FROM record r
        JOIN work_moved m ON m.source = r.person_source AND m.record_key = r.person_key""",
    )
    for table in schema.STANDING_FACTS:
        if "person_id" in schema.columns_of(table):
            name = quote_identifier(table)
            con.execute(f"""
                UPDATE main.{name} AS f SET person_id = p.person_id FROM work_fact_person p
                WHERE p.record_id = f.record_id AND f.person_id IS DISTINCT FROM p.person_id""")
    drop(con, "work_fact_person")
