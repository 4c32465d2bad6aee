"""One person, one row: which source's value survives, and who lives together.

The rules are declared here and nowhere else.
"""

from __future__ import annotations

import duckdb

from campaignkit.megafile.ingest.layout import KINDS
from campaignkit.megafile.working_tables import create, create_empty, drop

#: Kinds of source in order of trust, for what an election office knows best and for how to reach someone.
#: Within a kind the latest record wins. A kind that is not named comes last, in the order of `KINDS`.
OFFICIAL = ("voter", "van", "vendor", "supporter", "donor", "volunteer", "list")
REACHING = ("supporter", "donor", "volunteer", "list", "van", "vendor", "voter")

#: What survives together, from one record: an address is never put together from two.
TOGETHER = {
    "address": ("address", "unit", "city", "state", "zip5", "address_key"),
    "first_name": ("first_name", "middle_name", "last_name", "suffix"),
    "van_id": ("van_id", "van_state"),
}

#: Every other column of person by itself, and the order of trust it follows.
ALONE = {
    "birth_date": OFFICIAL, "birth_year": OFFICIAL, "sex": OFFICIAL, "race": OFFICIAL, "party": OFFICIAL,
    "county": OFFICIAL, "precinct": OFFICIAL, "cd": OFFICIAL, "sd": OFFICIAL, "hd": OFFICIAL,
    "state_voter_id": OFFICIAL, "voter_status": OFFICIAL, "registered_on": OFFICIAL,
    "phone": REACHING, "email": REACHING,
}  # fmt: skip

#: The values that survive take so many bytes a person until they are written; so much of the memory limit is for them.
PERSON_BYTES, SHARE_OF_MEMORY = 6_000, 0.5

MOST_PER_HOUSEHOLD = 12  # more people at one door are a dormitory, a home or a mistake

_REGIONS = {
    "Northeast": "CT ME MA NH RI VT NJ NY PA",
    "Midwest": "IL IN MI OH WI IA KS MN MO NE ND SD",
    "South": "DE DC FL GA MD NC SC VA WV AL KY MS TN AR LA OK TX",
    "West": "AZ CO ID MT NV NM UT WY AK CA HI OR WA",
}


def make_people(
    con: duckdb.DuckDBPyConnection, concerned: str | None = None, addresses: str = "work_all_addresses"
) -> None:
    """Fill person and household from source_record.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, source_record resolved.
    concerned : str or None
        A temporary table of person_id: whose rows to make anew. None: everyone's.
    addresses : str
        A temporary table of address_key: whose households to make anew; all who may live there are concerned.
    """
    rows = "source_record" if concerned is None else f"(FROM source_record SEMI JOIN {concerned} USING (person_id))"
    create_empty(con, "work_trust")
    for source, kind in con.execute("SELECT source, kind FROM source").fetchall():
        con.execute("INSERT INTO work_trust VALUES (?, ?, ?)", [source, _trust(kind, OFFICIAL), _trust(kind, REACHING)])
    _survive(con, rows)
    if concerned is None:
        create(con, "work_all_addresses", "SELECT address_.address_key FROM work_survivor", view=True)
    else:
        con.execute(f"DELETE FROM person WHERE person_id IN (SELECT person_id FROM {concerned})")
    _make_households(con, addresses)
    drop(con, "work_all_addresses")
    together = [f"s.{head}_.{c} AS {c}" for head, columns in TOGETHER.items() for c in columns if c != "address_key"]
    con.execute(f"""
        INSERT INTO person BY NAME
        SELECT s.person_id, h.household_id, s.sources, s.confidential, {", ".join(f"s.{c}" for c in ALONE)},
               {_region("s.address_.state")} AS region, {", ".join(together)}
        FROM work_survivor s LEFT JOIN household h ON h.address_key = s.address_.address_key
        ORDER BY person_id""")
    drop(con, "work_survivor", "work_trust")


def _survive(con: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Fill work_survivor, some people after others: the values that survive are held in memory, and do not spill."""
    first, last, limit = con.execute(f"""
        SELECT coalesce(min(person_id), 0), coalesce(max(person_id), 0),
               parse_formatted_bytes(current_setting('memory_limit')) FROM {rows}""").fetchall()[0]
    step = max(int(limit * SHARE_OF_MEMORY / PERSON_BYTES), 1)
    for start in range(first, last + 1, step):
        query = f"""
            WITH ranked AS (
                SELECT s.*, (k.official << 56) - r.seen_id AS by_official, (k.reaching << 56) - r.seen_id AS by_reaching
                FROM {rows} s JOIN work_trust k USING (source) JOIN record r USING (record_id)
                WHERE person_id BETWEEN {start} AND {start + step - 1}
            )
            SELECT person_id, {_survivors()}, bool_or(confidential) AS confidential,
                   list_sort(list_distinct(list(source))) AS sources
            FROM ranked GROUP BY person_id"""
        if start == first:
            create(con, "work_survivor", query)
        else:
            con.execute(f"INSERT INTO work_survivor {query}")


def _trust(kind: str, order: tuple[str, ...]) -> int:
    return order.index(kind) if kind in order else len(order) + KINDS.index(kind)


def _survivors() -> str:
    groups = [
        f"arg_min(struct_pack({', '.join(f'{c} := {c}' for c in columns)}), "
        f"by_official + (({head} IS NULL)::BIGINT << 61)) "  # one with the head column comes before any without
        f"FILTER (WHERE coalesce({', '.join(columns)}) IS NOT NULL) AS {head}_"
        for head, columns in TOGETHER.items()
    ]
    alone = [
        f"arg_min({column}, by_{'official' if order is OFFICIAL else 'reaching'}) AS {column}"
        for column, order in ALONE.items()
    ]
    return ", ".join(groups + alone)


def _region(state: str) -> str:
    cases = " ".join(
        f"WHEN {state} IN ({', '.join(repr(s) for s in states.split())}) THEN '{region}'"
        for region, states in _REGIONS.items()
    )
    return f"CASE {cases} END"


def _make_households(con: duckdb.DuckDBPyConnection, addresses: str) -> None:
    """Make the households of some addresses anew; one that stood keeps its id."""
    create(
        con,
        "work_home",
        f"""
        SELECT address_.address_key AS key, min(address_.state) AS state, min(address_.zip5) AS zip5,
               count(*) AS people
        FROM work_survivor WHERE address_.address_key IN (SELECT address_key FROM {addresses}) GROUP BY key""",
    )
    create(
        con, "work_household_before", f"""FROM household WHERE address_key IN (SELECT address_key FROM {addresses})"""
    )
    con.execute("DELETE FROM household WHERE household_id IN (SELECT household_id FROM work_household_before)")
    con.execute(f"""
        INSERT INTO household
        WITH last AS (SELECT greatest(coalesce((SELECT max(household_id) FROM household), 0),
                                      coalesce((SELECT max(household_id) FROM work_household_before),
                                      0)) AS household_id)
        SELECT coalesce(s.household_id, last.household_id + row_number() OVER (
                   PARTITION BY s.household_id IS NULL ORDER BY home.key)),
               home.key, home.state, home.zip5, home.people
        FROM work_home home LEFT JOIN work_household_before s ON s.address_key = home.key, last
        WHERE home.people <= {MOST_PER_HOUSEHOLD}
        ORDER BY 1""")
    drop(con, "work_home", "work_household_before")
