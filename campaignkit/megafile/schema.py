"""The megafile's tables, as `schema.sql` declares them."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import polars as pl

from campaignkit.sql import connect

#: Columns of a fact that loading fills in; a layout says the others.
BOOKKEEPING = ("person_id", "record_id")

#: Columns of source_record that loading or identity fills in.
RECORD_BOOKKEEPING = (
    "record_id", "source", "record_key", "person_id", "matched_by", "match_probability", "as_of",
    "address_key", "extra",
)  # fmt: skip

#: Tables a layout's `[[fact]]` may name.
FACTS = (
    "vote_history", "gift", "fec_gift", "contact", "assignment", "caller", "volunteer_shift", "enrollment",
    "email_send", "email_event", "guess", "text_optin", "survey_response", "consumer", "social_tie",
    "friend_ask", "early_vote",
    "contest_entry", "suppression", "county_turnout", "panel_home", "viewing", "avail", "spot_order", "media_use",
)  # fmt: skip

#: Tables that a layout fills by `[attribute.…]` and `[fact.…]`: columns of one's own, see `own_columns`.
OWN = ("attribute", "dated_fact")

#: All that records give rows to.
STAGED = (*FACTS, *OWN)

#: Those whose rows stand as long as their record does. A suppression outlives its record, see `refusals`.
STANDING_FACTS = tuple(table for table in STAGED if table != "suppression")

_POLARS_TYPES: dict[str, pl.DataType] = {
    "VARCHAR": pl.String(), "DATE": pl.Date(), "BOOLEAN": pl.Boolean(), "BIGINT": pl.Int64(),
    "INTEGER": pl.Int32(), "SMALLINT": pl.Int16(), "DOUBLE": pl.Float64(), "DECIMAL(14,2)": pl.Decimal(14, 2),
}  # fmt: skip


def schema_sql() -> str:
    """Return the text of schema.sql."""
    return files("campaignkit.megafile").joinpath("schema.sql").read_text(encoding="utf-8")


@cache
def _declared() -> dict[str, dict[str, str]]:
    with connect() as con:
        con.execute(schema_sql())
        rows = con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = 'main' AND NOT internal ORDER BY table_oid, column_index"
        ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        tables.setdefault(table, {})[column] = data_type
    return tables


def names() -> list[str]:
    """Return the names of all tables, in the order of schema.sql.

    Examples
    --------
    >>> names()[:3]
    ['record', 'vanished', 'snapshot_scope']
    """
    return list(_declared())


def columns_of(table: str) -> dict[str, str]:
    """Return a table's columns and their SQL types.

    Examples
    --------
    >>> columns_of("enrollment")["enrolled_on"]
    'DATE'
    """
    return _declared()[table]


def layout_columns(table: str) -> dict[str, pl.DataType]:
    """Return the columns a layout may fill in a table, and the Polars types they are read as.

    Examples
    --------
    >>> list(layout_columns("enrollment"))
    ['program', 'enrolled_on']
    """
    taken = RECORD_BOOKKEEPING if table == "source_record" else BOOKKEEPING
    return {name: _POLARS_TYPES[sql] for name, sql in columns_of(table).items() if name not in taken}


def comments(table: str) -> dict[str, str]:
    """Return what schema.sql says of a table's columns, by column; those without a comment are left out.

    Examples
    --------
    >>> comments("person")["phone"]
    'E.164'
    """
    body = re.search(rf"^CREATE TABLE {table} \(\n(.*?)^\);", schema_sql(), re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^\s+(\w+) [^\n]*?-- (.*)$", body[1] if body else "", re.MULTILINE)
    return {column: said for column, said in lines if column in columns_of(table)}


def table_comment(table: str) -> str:
    """Return what schema.sql says of a table; its name where it says nothing.

    Examples
    --------
    >>> table_comment("gift")
    'One row per gift to this campaign. Money in dollars; refunds are negative.'
    """
    above = re.search(rf"((?:^--[^\n]*\n)+)CREATE TABLE {table} ", schema_sql(), re.MULTILINE)
    lines = above[1].splitlines() if above else [f"-- {table.replace('_', ' ')}"]
    return " ".join(line.removeprefix("--").strip() for line in lines)
