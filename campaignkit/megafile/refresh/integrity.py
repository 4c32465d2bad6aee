"""Whether a megafile hangs together: what must hold between its tables, whatever was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb

from campaignkit.megafile import schema
from campaignkit.megafile.ingest.sources import FILE_ID_SHIFT
from campaignkit.sql import quote_identifier, quote_literal

_LINES = "header_lines + accepted_lines + rejected_lines = lines"

#: What may not be: a sentence, and SQL that counts the cases.
_RULES = {
    "records of people have no person": "SELECT count(*) FROM source_record WHERE person_id IS NULL",
    "people have no record": "SELECT count(*) FROM person ANTI JOIN source_record USING (person_id)",
    "people live in households that are not there": """
        SELECT count(*) FROM person ANTI JOIN household USING (household_id) WHERE household_id IS NOT NULL""",
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
    "scored pairs are of records that are gone": """
        SELECT count(*) FROM (SELECT record_id FROM candidate_pair UNION ALL SELECT other_id FROM candidate_pair)
        ANTI JOIN source_record USING (record_id)""",
}

#: Whose people must be there: a sentence, and the tables whose person_id is looked for, all at once.
_ABOUT_PEOPLE = {
    "records belong to people who are not there": ("source_record",),
    "scores are of people who are not there": ("score",),
    "tags are of people who are not there": ("tag",),
    "added values are of people who are not there": ("added_value",),
    "suppressions are of people who are not there": ("suppression",),
    "facts are about people who are not there": tuple(
        table for table in schema.STANDING_FACTS if "person_id" in schema.columns_of(table)
    ),
}

#: Whose records must stand.
_OF_RECORDS = {
    "descriptions are of no standing record": ("source_record",),
    "facts are of no standing record": tuple(schema.STANDING_FACTS),
}

#: Where a source's key may stand only once.
_UNIQUE = {"keys stand twice": "record", "people are described twice by one key": "source_record"}


def problems(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return a line for each rule that does not hold; none: all is well.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile.
    """
    counts = " UNION ALL ".join(f"SELECT {quote_literal(what)} AS what, ({sql}) AS n" for what, sql in _RULES.items())
    absent = [_absent(_ABOUT_PEOPLE, "person_id", "person"), _absent(_OF_RECORDS, "record_id", "record")]
    violated = con.sql(f"SELECT what, n FROM ({' UNION ALL '.join([counts, *absent])}) WHERE n > 0").pl()
    twice = ((what, _repeats(con, table)) for what, table in _UNIQUE.items())
    return [f"{n:,} {what}" for what, n in [*violated.iter_rows(), *twice] if n]


def _absent(rules: Mapping[str, Iterable[str]], column: str, of: str) -> str:
    """Return SQL that counts, by sentence, ids that are not in the table they are of: one join for all tables."""
    known = {table: " WHERE person_id IS NOT NULL" for table in schema.STANDING_FACTS if column == "person_id"}
    ids = " UNION ALL ".join(
        f"SELECT {place} AS place, {column} FROM {quote_identifier(table)}{known.get(table, '')}"
        for place, tables in enumerate(rules.values())
        for table in tables
    )
    sentences = ", ".join(quote_literal(what) for what in rules)
    return f"""
        SELECT [{sentences}][place + 1] AS what, count(*) AS n FROM ({ids}) ANTI JOIN {of} USING ({column})
        GROUP BY place"""


def _repeats(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return how many rows of a table have a source's key that stands already.

    Hashes are counted first, which is cheap; DuckDB gives some different keys the same hash, so those are looked at.
    """
    name = quote_identifier(table)
    keys = con.sql(f"SELECT hash(source, record_key) AS key FROM {name}").pl()["key"]
    if keys.n_unique() == keys.len():
        return 0
    con.register("suspects", keys.filter(keys.is_duplicated()).unique().to_frame())
    repeats = con.sql(f"""
        SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (
            SELECT count(*) AS n FROM {name} SEMI JOIN suspects ON key = hash(source, record_key)
            GROUP BY source, record_key)""").pl()
    con.unregister("suspects")
    return repeats.item()
