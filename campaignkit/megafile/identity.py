"""Which records are one person: exact tiers, each newcomer held against the persons who stand.

Sources link in the order of their kind (`layout.KINDS`). Within a tier a record and a person who agree on its
keys are linked where neither has another candidate there; a tie stays unlinked, and the tier's name stays with
the link. First names agree where they share a form (Bob and Robert); suffix, birth year and sex can veto.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl

from campaignkit.sql import quote_identifier

#: What a pair may not contradict itself on. Two values that are both known and differ are a contradiction.
VETOES = ("suffix", "birth_year", "sex")


@dataclass(frozen=True)
class Tier:
    """A set of columns on which a record and a person must agree exactly; none of them null.

    `form` is the first name in any of its forms; `last` the last name without case, accents and punctuation.
    """

    name: str
    on: tuple[str, ...]
    vetoes: tuple[str, ...] = VETOES


TIERS = (
    Tier("state voter id", ("state_voter_id", "state"), vetoes=()),
    Tier("e-mail, first and last name", ("email", "form", "last")),
    Tier("birth date, first and last name, state", ("birth_date", "form", "last", "state")),
    Tier("phone, first and last name", ("phone", "form", "last")),
    Tier("address, first and last name", ("address_key", "form", "last")),
    Tier("e-mail, first name", ("email", "form")),
    Tier("phone, first name, birth year", ("phone", "form", "birth_year")),
    Tier("address, first name, birth year", ("address_key", "form", "birth_year")),
    Tier("birth date, first name, zip", ("birth_date", "form", "zip5")),
    Tier("e-mail, last name, birth year", ("email", "last", "birth_year")),
    Tier("first and last name, zip, birth year", ("form", "last", "zip5", "birth_year")),
)

_KEYS = (
    "state_voter_id",
    "state",
    "email",
    "phone",
    "birth_date",
    "birth_year",
    "sex",
    "suffix",
    "zip5",
    "address_key",
)


def resolve_tiers(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]]) -> None:
    """Give every row of source_record a person_id and, where a tier linked it, its name.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, with source_record filled.
    sources : list of (str, bool)
        Sources in linking order, and whether each holds at most one record of a person.
    """
    _prepare(con)
    for source, one_per_person in sources:
        con.execute("CREATE OR REPLACE TEMP TABLE newcomer AS SELECT * FROM known WHERE source = ?", [source])
        for tier in TIERS:
            _link(con, tier, one_per_person)
        _admit_the_rest(con)
    con.execute("""
        UPDATE source_record SET person_id = link.person_id, matched_by = link.matched_by
        FROM link WHERE source_record.record_id = link.record_id""")
    for table in ("known", "standing", "newcomer", "link", "name_form"):
        con.execute(f"DROP TABLE {quote_identifier(table)}")


def plain_name(column: str) -> str:
    """Return SQL for a name as it is compared: capitals without accents, spaces and punctuation."""
    return f"nullif(regexp_replace(upper(strip_accents({column})), '[^A-Z]', '', 'g'), '')"


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    names = con.sql(f"SELECT DISTINCT {plain_name('first_name')} AS name FROM source_record").pl()["name"].drop_nulls()
    con.register("forms", name_forms(names.to_list()))
    con.execute("CREATE TEMP TABLE name_form AS SELECT * FROM forms")
    con.unregister("forms")
    keys = ", ".join(f"r.{key}" for key in _KEYS)
    con.execute(f"""
        CREATE TEMP TABLE known AS
        SELECT r.record_id, r.source, f.form, {plain_name("r.last_name")} AS last, {keys}
        FROM source_record r LEFT JOIN name_form f ON f.name = {plain_name("r.first_name")}""")
    con.execute("CREATE TEMP TABLE standing AS SELECT 0::BIGINT AS person_id, * FROM known LIMIT 0")
    con.execute("CREATE TEMP TABLE link (record_id BIGINT, person_id BIGINT, matched_by VARCHAR, newcomer BOOLEAN)")


def name_forms(names: list[str]) -> pl.DataFrame:
    """Return each first name with every form it may stand for, itself among them.

    Examples
    --------
    >>> name_forms(["BOB"])["form"].to_list()
    ['BOB', 'ROBERT']
    """
    from nicknames import NickNamer

    namer = NickNamer()
    rows = [
        (name, form) for name in names for form in sorted({name, *map(str.upper, namer.canonicals_of(name.lower()))})
    ]
    return pl.DataFrame(rows, schema={"name": pl.String, "form": pl.String}, orient="row")


def _link(con: duckdb.DuckDBPyConnection, tier: Tier, one_per_person: bool) -> None:
    """Link the newcomers still unlinked who have one candidate in this tier."""
    agree = " AND ".join(f"n.{key} = s.{key}" for key in tier.on)
    contradict = [f"coalesce(n.{key} <> s.{key}, false)" for key in tier.vetoes]
    taken = "AND s.person_id NOT IN (SELECT person_id FROM link WHERE newcomer)" if one_per_person else ""
    con.execute(
        f"""
        INSERT INTO link
        WITH candidate AS (
            SELECT DISTINCT n.record_id, s.person_id
            FROM newcomer n JOIN standing s ON {agree}
            WHERE NOT ({" OR ".join(contradict) or "false"})
              AND n.record_id NOT IN (SELECT record_id FROM link WHERE newcomer) {taken}
        ), counted AS (
            SELECT *, count(*) OVER (PARTITION BY record_id) AS people,
                   count(*) OVER (PARTITION BY person_id) AS records
            FROM candidate
        )
        SELECT record_id, person_id, ?, true FROM counted
        WHERE people = 1 {"AND records = 1" if one_per_person else ""}""",
        [tier.name],
    )


def _admit_the_rest(con: duckdb.DuckDBPyConnection) -> None:
    """Make each newcomer without a link a new person; from here on all newcomers stand."""
    con.execute("""
        INSERT INTO link
        WITH alone AS (
            SELECT DISTINCT record_id FROM newcomer
            WHERE record_id NOT IN (SELECT record_id FROM link WHERE newcomer)
        ), last AS (SELECT coalesce(max(person_id), 0) AS person_id FROM link)
        SELECT record_id, last.person_id + row_number() OVER (ORDER BY record_id), NULL, true FROM alone, last""")
    con.execute("INSERT INTO standing SELECT link.person_id, newcomer.* FROM newcomer JOIN link USING (record_id)")
    con.execute("UPDATE link SET newcomer = false WHERE newcomer")


def link_fec_gifts(con: duckdb.DuckDBPyConnection) -> None:
    """Give fec_gift rows the one person of that first and last name in that zip code, where there is one.

    FEC rows hold no street address, so the link is weak; they never feed `person`.
    """
    con.execute(f"""
        CREATE TEMP TABLE fec_person AS
        WITH known AS (
            SELECT DISTINCT person_id, {plain_name("first_name")} AS first, {plain_name("last_name")} AS last, zip5
            FROM source_record
        )
        SELECT first, last, zip5, any_value(person_id) AS person_id FROM known
        WHERE first IS NOT NULL AND last IS NOT NULL AND zip5 IS NOT NULL
        GROUP BY ALL HAVING count(DISTINCT person_id) = 1""")
    con.execute(f"""
        UPDATE fec_gift SET person_id = p.person_id FROM fec_person p
        WHERE {plain_name("fec_gift.first_name")} = p.first AND {plain_name("fec_gift.last_name")} = p.last
          AND fec_gift.zip5 = p.zip5""")
    con.execute("DROP TABLE fec_person")
