"""Whether a megafile hangs together: what must hold between its tables, whatever was read."""

from __future__ import annotations

import duckdb

from campaignkit.megafile import tables
from campaignkit.megafile.sources import FILE_ID_SHIFT
from campaignkit.sql import quote_identifier, quote_literal

_LINES = "header_lines + accepted_lines + rejected_lines = lines"

#: What may not be: a sentence, and SQL that counts the cases.
_RULES = {
    "records of people have no person": "SELECT count(*) FROM source_record WHERE person_id IS NULL",
    "records belong to people who are not there": """
        SELECT count(*) FROM source_record WHERE person_id NOT IN (SELECT person_id FROM person)""",
    "people have no record": "SELECT count(*) FROM person WHERE person_id NOT IN (SELECT person_id FROM source_record)",
    "keys stand twice": "SELECT count(*) - count(DISTINCT (source, record_key)) FROM record",
    "people are described twice by one key": """
        SELECT count(*) - count(DISTINCT (source, record_key)) FROM source_record""",
    "descriptions are of no standing record": """
        SELECT count(*) FROM source_record WHERE record_id NOT IN (SELECT record_id FROM record)""",
    "people live in households that are not there": """
        SELECT count(*) FROM person WHERE household_id NOT IN (SELECT household_id FROM household)""",
    "households count other people than live in them": """
        SELECT count(*) FROM household h LEFT JOIN (
            SELECT household_id, count(*) AS n FROM person GROUP BY household_id) USING (household_id)
        WHERE n IS DISTINCT FROM h.people""",
    "files' lines or records do not add up": f"""
        SELECT count(*) FROM source_file WHERE NOT ({_LINES}) OR accepted + rejected <> records""",
    "files' log and records disagree": f"""
        SELECT count(*) FROM source_file f LEFT JOIN (
            SELECT seen_id >> {FILE_ID_SHIFT} AS file_id, count(*) AS n FROM record GROUP BY 1) USING (file_id)
        WHERE f.accepted - f.duplicates - f.vanished <> coalesce(n, 0)""",
    "weighed pairs are of records that are gone": """
        SELECT count(*) FROM candidate WHERE record_id NOT IN (SELECT record_id FROM source_record)
            OR other_id NOT IN (SELECT record_id FROM source_record)""",
}


def problems(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return a line for each rule that does not hold; none: all is well.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile.
    """
    rules = dict(_RULES)
    for table in tables.FACTS:
        name, columns = quote_identifier(table), tables.columns_of(table)
        rules[f"rows of {table} are of no standing record"] = (
            f"SELECT count(*) FROM {name} WHERE record_id NOT IN (SELECT record_id FROM record)"
        )
        if "person_id" in columns:
            rules[f"rows of {table} are about people who are not there"] = (
                f"SELECT count(*) FROM {name} WHERE person_id NOT IN (SELECT person_id FROM person)"
            )
    said = " UNION ALL ".join(f"SELECT {quote_literal(what)} AS what, ({sql}) AS n" for what, sql in rules.items())
    found = con.sql(f"SELECT what, n FROM ({said}) WHERE n > 0").pl()
    return [f"{n:,} {what}" for what, n in found.iter_rows()]
