"""Records as they are compared: names in capitals with their other forms, dates as text, addresses in parts."""

from __future__ import annotations

import duckdb
import polars as pl

from campaignkit.megafile.working_tables import create, create_empty

#: What the model compares; records of one person that say the same in all of these stand once.
_COMPARED = (
    "first", "last", "middle", "suffix", "sex", "birth_date", "birth_year", "address_key", "zip5", "city", "state",
    "phone", "email",
)  # fmt: skip

#: Which records a record was scored against on the nights before, as further columns.
_WEIGHED = """, row IN (SELECT record_id FROM scored_record WHERE NOT own) AS asks,
               row IN (SELECT record_id FROM scored_record WHERE own) AS alike"""


def plain_name(column: str) -> str:
    """Return SQL for a name as it is compared: capitals without accents, spaces and punctuation."""
    return f"nullif(regexp_replace(upper(strip_accents({column})), '[^A-Z]', '', 'g'), '')"


def prepare_records(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], standing: bool = False) -> None:
    """Make described, one row per record of source_record as it is compared, and the views and the table of links.

    `standing`: with their people, and whether each record asks (was scored against those who exist before its source)
    and is alike (was scored against its own source). Else nobody has a person yet.
    """
    names = con.sql(f"SELECT DISTINCT {plain_name('first_name')} AS name FROM source_record").pl()["name"].drop_nulls()
    shapes = name_forms(names.sort().to_list()).with_columns(pl.col("form").rank("dense").cast(pl.Int32))
    con.register("shapes", shapes.group_by("name", maintain_order=True).agg(forms="form"))
    con.register("sources", turns(sources))
    create(con, "work_prepared", prepared("source_record", standing))
    con.unregister("shapes")
    con.unregister("sources")
    create(con, "work_comparable", comparable("work_prepared"), view=True)
    create_empty(con, "work_link")
    create_empty(con, "work_scored_pair")
    create_empty(con, "work_scored_record")


def prepared(records: str, standing: bool = False) -> str:
    """Return SQL for records as they are compared, beside the tables `sources` (see `turns`) and `shapes` of names."""
    return f"""
        WITH named AS (
            SELECT record_id AS row, source, turn, {"person_id" if standing else "NULL::BIGINT AS person_id"},
                   NOT one AS many, {plain_name("first_name")} AS first,
                   {plain_name("last_name")} AS last, upper(left(trim(middle_name), 1)) AS middle, suffix, sex,
                   birth_date, strftime(birth_date, '%Y%m%d') AS birth_text,
                   coalesce(birth_year, year(birth_date))::SMALLINT AS birth_year, address_key, zip5, state,
                   nullif(upper(strip_accents(trim(city))), '') AS city, phone, email, state_voter_id
            FROM {records} JOIN sources USING (source)
        )
        SELECT named.*, shapes.forms, nullif(regexp_extract(address_key, '^[0-9]+'), '') AS house,
               hash({", ".join(_COMPARED)}) AS content{_WEIGHED if standing else ""}
        FROM named LEFT JOIN shapes ON name = first"""


def turns(sources: list[tuple[str, bool]]) -> pl.DataFrame:
    """Return source, one (record per person), turn of sources in linking order."""
    table = pl.DataFrame(sources, schema={"source": pl.String, "one": pl.Boolean}, orient="row").with_row_index("turn")
    return table.with_columns(pl.col("turn").cast(pl.Int32))


def comparable(described: str) -> str:
    """Return SQL for described records with all that the model compares."""
    return f"""
        SELECT * EXCLUDE (state_voter_id), first AS other_first, last AS other_last, left(first, 1) AS initial,
               left(last, 1) AS last_initial, substr(split_part(address_key, '|', 1), length(house) + 2) AS street,
               coalesce(city, state) AS place, split_part(email, '@', 1) AS email_user
        FROM {described}"""


def by_form(described: str) -> str:
    """Return SQL for described records, a row for each form of the first name; one without a name has one row."""
    return (
        f"SELECT *, unnest(forms) AS form FROM {described} "
        f"UNION ALL SELECT *, NULL FROM {described} WHERE forms IS NULL"
    )


def name_forms(names: list[str]) -> pl.DataFrame:
    """Return each first name with every form it may stand for, itself among them.

    Examples
    --------
    >>> name_forms(["BOB"])["form"].to_list()
    ['BERT', 'BOB', 'BOBBY', 'ROBERT']
    """
    from nicknames import NickNamer

    namer = NickNamer()
    rows = [
        (name, form) for name in names for form in sorted({name, *map(str.upper, namer.canonicals_of(name.lower()))})
    ]
    return pl.DataFrame(rows, schema={"name": pl.String, "form": pl.String}, orient="row")
