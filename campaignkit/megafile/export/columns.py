"""What of a megafile's tables may leave it as columns for analysis: all of them but contacts that are closed.

Everybody is in an export; how to reach somebody stands in it only where nothing says that they may not be reached so.
A closed home address is left out of the whole household's rows, which would give it away, as a closed number is left
out of the rows of whoever has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from campaignkit.errors import BadValue, ColumnNotFound, listed, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.suppression.rules import LAST_TEXT_ANSWER, MEANS
from campaignkit.megafile.working_tables import create
from campaignkit.sql import quote_identifier

#: The column of an exported `person`: the channels by which they may not be reached.
NOT_BY = "not_to_contact_by"

#: Tables that stay, and why.
STAY = {
    **dict.fromkeys(
        ("closed_contact_point", "refusal", "past_description", "reject"), "it holds the contacts that are closed"
    ),
    **dict.fromkeys(("record", "vanished"), "its keys may be e-mail addresses"),
    **dict.fromkeys(
        ("export", "layout", "model", "contact_word", "candidate_pair", "scored_record", "shared_rule"),
        "it is of use in the megafile alone",
    ),
}

#: What an export of everything holds.
ALL = ("person", "household", *schema.FACTS, *schema.OWN, "own_column", "tag", "added_value", "score")

#: Columns never exported: what layouts do not know, keys that may be addresses, and the contacts that a refusal names.
_LEFT_OUT = {"extra", "address_key", "record_key"}
_REFUSED = ("suppression", ("email", "phone"))

_CONTACTS = {"phone": "phone", "email": "email", "address": "address", "unit": "address"}

#: Free text that may hold a number or an address.
FREE = {("attribute", "value"), ("added_value", "value"), ("dated_fact", "value"), ("survey_response", "answer"),
         ("social_tie", "supporter_id"), ("friend_ask", "supporter_id")}  # fmt: skip
_EMAIL, _PHONE = r"\S@\S+\.\S", r"^\D*1?\D*\d{3}\D*\d{3}\D*\d{4}\D*$"

#: Tables whose rows say by themselves, or by the column of one's own they are of, what may not serve soliciting.
_OF_OWN_COLUMN = ("attribute", "added_value", "dated_fact")

#: Who may not be reached how, and by which numbers and addresses; each may speak of those before it.
_CLOSED = {
    "work_closed_point": """
        SELECT point, CASE WHEN channel = 'email' THEN 'email' ELSE 'phone' END AS means, channel
        FROM closed_contact_point WHERE until IS NULL AND point IS NOT NULL GROUP BY ALL""",
    "work_phone_closed": "SELECT point FROM work_closed_point WHERE means = 'phone' GROUP BY point",
    "work_email_closed": "SELECT point FROM work_closed_point WHERE means = 'email' GROUP BY point",
    "work_closed_person": f"""
        SELECT person_id, {", ".join(f"bool_or(channel IN ('{name}', 'all')) AS {name}" for name in MEANS)} FROM (
            SELECT person_id, channel FROM suppression WHERE until IS NULL AND person_id IS NOT NULL
            UNION ALL SELECT person_id, 'all' FROM person WHERE confidential
            UNION ALL SELECT person_id, channel FROM person
                      JOIN work_closed_point ON point = phone AND means = 'phone'
            UNION ALL SELECT person_id, channel FROM person
                      JOIN work_closed_point ON point = email AND means = 'email')
        GROUP BY person_id""",
    "work_closed_household": """
        SELECT household_id FROM person JOIN work_closed_person c USING (person_id)
        WHERE household_id IS NOT NULL AND (c.door OR c.mail) GROUP BY household_id""",
    "work_closed_for": """
        SELECT p.person_id, coalesce(c.phone OR c.text, false) AS phone, coalesce(c.email, false) AS email,
               coalesce(c.door OR c.mail, false) OR h.household_id IS NOT NULL AS address
        FROM person p LEFT JOIN work_closed_person c USING (person_id)
        LEFT JOIN work_closed_household h USING (household_id)
        WHERE c.person_id IS NOT NULL OR h.household_id IS NOT NULL""",
    "work_consenting": f"""
        SELECT person_id FROM text_optin WHERE person_id IS NOT NULL GROUP BY person_id
        HAVING {LAST_TEXT_ANSWER} = 'yes'""",
}


@dataclass(frozen=True)
class Exported:
    """A table as it is exported.

    Attributes
    ----------
    name : str
    query : str
        Its rows, columns in order; the one it is split by last.
    split : str or None
        The column it is split by. None: it is one file.
    restricted : list of str
        What in it may not serve soliciting.
    restricted_columns : list of str
        Of its columns, those that may not.
    """

    name: str
    query: str
    split: str | None
    restricted: list[str]
    restricted_columns: list[str]


def prepare(con: duckdb.DuckDBPyConnection, where: str | None) -> None:
    """Make temporary tables of who may not be reached how, and of the people in the export."""
    for name, query in _CLOSED.items():
        create(con, name, query)
    if where is not None:
        create(con, "work_chosen", f"SELECT p.person_id, p.household_id FROM person p WHERE {where}")


def closed_people(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many people may not be reached on each channel; see `prepare`."""
    counted = ", ".join(f"count(*) FILTER ({channel})" for channel in MEANS)
    return dict(zip(MEANS, con.execute(f"SELECT {counted} FROM work_closed_person").fetchall()[0], strict=True))


def exported(
    con: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str] | None, split: str | None, chosen: bool
) -> Exported:
    """Return how a table is exported: its query, what it is split by, what in it is restricted.

    Raises
    ------
    BadValue
        If there is no such table, or it stays.
    ColumnNotFound
        If it has no such column.
    """
    available = _expressions(name)
    if columns is not None:
        if isinstance(columns, str):
            raise BadValue(f"tables: name the columns of {name} in a list: [{columns!r}].")
        if not columns:
            raise BadValue(f"tables: no column of {name} is named; None is all of them.")
        for column in columns:
            if column not in available:
                raise ColumnNotFound(column, list(available), where=f"the export's {name}")
    own = schema.columns_of(name)
    named = [column for column in (columns if columns is not None else available) if column != split]
    selected = [f"{available[column]} AS {quote_identifier(column)}" for column in named]
    split_by, join = _split(name, own, split)
    if split_by is not None and split is not None:
        selected.append(f"({split_by})::VARCHAR AS {quote_identifier(split)}")
    query = f"SELECT {', '.join(selected)} FROM {quote_identifier(name)} t{_joins(name, named)}{join}"
    query += _of_chosen(own) if chosen else ""
    barred = [column for column in named if column.startswith("fec_")]
    return Exported(name, query, split if split_by else None, _restricted(con, name), barred)


def _expressions(name: str) -> dict[str, str]:
    """Return the columns of an exported table, and the SQL of each."""
    if name not in schema.names():
        raise BadValue(f"The megafile has no table {name!r}{nearest(name, schema.names())} It has: {listed(ALL, 40)}.")
    if name in STAY:
        raise BadValue(f"tables: {name} is not exported: {STAY[name]}.")
    left_out = _LEFT_OUT | ({*_REFUSED[1]} if name == _REFUSED[0] else set())
    before = "fec_" if name == "fec_gift" else ""
    expressions = {
        column if column in schema.BOOKKEEPING else f"{before}{column}": _expression(name, column)
        for column in schema.columns_of(name)
        if column not in left_out
    }
    if name == "person":
        expressions[NOT_BY] = _not_by()
    if name in _OF_OWN_COLUMN:
        expressions["restricted"] = "o.restricted"
    return expressions


def _expression(table: str, column: str) -> str:
    sql = f"t.{quote_identifier(column)}"
    if (means := _contact(table, column)) is not None:
        return f"CASE WHEN {_open(means, column)} THEN {sql} END"
    if (table, column) in FREE:
        email, phone = (f"CASE WHEN {_open(means, column)} THEN {sql} END" for means in ("email", "phone"))
        like = (
            f"WHEN regexp_matches({sql}, '{_EMAIL}') THEN {email} WHEN regexp_matches({sql}, '{_PHONE}') THEN {phone}"
        )
        return f"CASE {like} ELSE {sql} END"
    return sql


def _contact(table: str, column: str) -> str | None:
    """Return what kind of contact a column holds: phone, email or address; None: none."""
    about_people = "person_id" in schema.columns_of(table) and table != "fec_gift"
    return _CONTACTS.get(column) if about_people else None


def _open(means: str, column: str) -> str:
    """Return SQL that says whether a contact may stand: its person is known, and neither they nor it are closed."""
    by_person = f"t.person_id IS NOT NULL AND NOT coalesce(closed.{means}, false)"
    return by_person if means == "address" else f"{by_person} AND {_closed_point(means, column)}.point IS NULL"


def _closed_point(means: str, column: str) -> str:
    return quote_identifier(f"closed {means} of {column}")


def _not_by() -> str:
    """Return SQL for the channels by which a person may not be reached; null: there is none."""
    closed = {channel: f"c.{channel}" for channel in MEANS} | {"text": "(c.text OR y.person_id IS NULL)"}
    named = ", ".join(f"CASE WHEN {closed[channel]} THEN '{channel}' END" for channel in sorted(MEANS))
    return f"nullif(concat_ws(', ', {named}), '')"


def _joins(name: str, named: Sequence[str]) -> str:
    """Return the joins that the expressions of some columns need: whole tables, so that DuckDB can spill them."""
    known = "person_id" in schema.columns_of(name)
    join = " LEFT JOIN work_closed_for closed ON closed.person_id = t.person_id" if known else ""
    for column in named:
        sql = f"t.{quote_identifier(column)}"
        points = {"email": f"lower(trim({sql}))", "phone": f"'+1' || right(regexp_replace({sql}, '\\D', '', 'g'), 10)"}
        if (name, column) not in FREE:
            points = {means: sql for means in points if means == _contact(name, column)}
        for means, point in points.items():
            closed = _closed_point(means, column)
            join += f" LEFT JOIN work_{means}_closed {closed} ON {closed}.point = {point}"
    if NOT_BY in named:
        join += " LEFT JOIN work_closed_person c ON c.person_id = t.person_id"
        join += " LEFT JOIN work_consenting y ON y.person_id = t.person_id"
    return join + (" LEFT JOIN own_column o ON o.name = t.name" if name in _OF_OWN_COLUMN else "")


def _split(name: str, own: Mapping[str, str], split: str | None) -> tuple[str | None, str]:
    """Return the SQL of what a table is split by, and the join it needs: its own column, or that of its people."""
    if split is None or ("person_id" not in own and split not in own):
        return None, ""
    if split in own and name != "fec_gift":
        return f"t.{quote_identifier(split)}", ""
    return f"s.{quote_identifier(split)}", " LEFT JOIN person s ON s.person_id = t.person_id"


def _of_chosen(own: Mapping[str, str]) -> str:
    for key in ("person_id", "household_id"):
        if key in own:
            return f" WHERE t.{key} IN (SELECT {key} FROM work_chosen)"
    return ""


def _restricted(con: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Return what in a table's rows may not serve soliciting."""
    if name == "fec_gift":
        return ["fec_gift"]
    if name in _OF_OWN_COLUMN:
        query = f"SELECT DISTINCT o.restricted FROM own_column o SEMI JOIN {name} t ON t.name = o.name"
    elif "restricted" in schema.columns_of(name):
        query = f"SELECT DISTINCT restricted FROM {quote_identifier(name)}"
    else:
        return []
    texts = [text for (text,) in con.execute(query).fetchall() if text]
    return sorted({part.strip() for text in texts for part in text.split(",")} - {""})
