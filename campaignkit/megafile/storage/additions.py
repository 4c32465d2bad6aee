"""Tags and columns that an analyst adds to a standing megafile, each kept with a record of its person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.megafile.own_columns import OwnColumn
from campaignkit.megafile.storage.replacing import changed_file
from campaignkit.sql import quote_identifier

ROW_BYTES = 64


def write_tag(path: Path, name: str, people: pl.DataFrame, tagged_on: date, restricted: Iterable[str]) -> None:
    """Put a tag on people in the megafile at `path`, in place of one of the same name.

    Parameters
    ----------
    path : Path
        The megafile; a changed copy takes its place whole, or nothing changes.
    name : str
    people : DataFrame
        person_id, each once.
    tagged_on : date
    restricted : iterable of str
        What in the choice of people may not serve soliciting.
    """
    with changed_file(path, needed=people.height * ROW_BYTES) as con:
        con.register("chosen", people)
        con.execute("DELETE FROM tag WHERE name = ?", [name])
        con.execute(
            f"""INSERT INTO tag BY NAME
            SELECT a.*, ? AS name, ?::DATE AS tagged_on, ? AS restricted FROM ({_ANCHORS}) a SEMI JOIN chosen
            USING (person_id) ORDER BY person_id""",
            [name, tagged_on, ", ".join(sorted(restricted)) or None],
        )
        con.unregister("chosen")


def write_values(path: Path, columns: list[OwnColumn], rows: pl.DataFrame, on: str, source: str | None) -> int:
    """Put columns of a table into the megafile at `path`, in place of those of the same names; return of how many.

    Parameters
    ----------
    path : Path
        The megafile.
    columns : list of OwnColumn
        What is added.
    rows : DataFrame
        The key, each once, and the columns as text.
    on : str
        person_id or record_key.
    source : str or None
        Whose record keys they are; None: the key is person_id.

    Raises
    ------
    BadValue
        If a key is nobody's.
    """
    names = [column.name for column in columns]
    with changed_file(path, needed=rows.height * ROW_BYTES * len(names)) as con:
        con.register("given", rows)
        keyed = f"SELECT person_id AS key, source, record_key, person_id FROM ({_ANCHORS})"
        if source is not None:
            keyed = "SELECT record_key AS key, source, record_key, person_id FROM source_record WHERE source = $source"
        parameters = {} if source is None else {"source": source}
        _refuse_strangers(con, keyed, on, parameters)
        key = quote_identifier(on)
        for column in columns:
            value = quote_identifier(column.name)
            con.execute("DELETE FROM added_value WHERE name = $name", {"name": column.name})
            con.execute(
                f"""INSERT INTO added_value BY NAME
                SELECT k.person_id, k.source, k.record_key, $name AS name, g.{value} AS value
                FROM given g JOIN ({keyed}) k ON k.key = g.{key} WHERE g.{value} IS NOT NULL
                ORDER BY k.person_id""",
                {"name": column.name, **parameters},
            )
            con.execute("DELETE FROM own_column WHERE name = $name", {"name": column.name})
            con.execute(
                "INSERT INTO own_column VALUES (?, 'added', ?, ?, NULL, ?, NULL)",
                [column.name, column.type, column.label, column.restricted],
            )
        con.unregister("given")
    return rows.height


#: One record of each person, by which they are found again: the first that described them.
_ANCHORS = """
    SELECT person_id, arg_min(source, record_id) AS source, arg_min(record_key, record_id) AS record_key
    FROM source_record GROUP BY person_id"""


def _refuse_strangers(con: duckdb.DuckDBPyConnection, keyed: str, on: str, parameters: dict[str, str]) -> None:
    key = quote_identifier(on)
    query = f"SELECT count(*), min(g.{key}::VARCHAR) FROM given g ANTI JOIN ({keyed}) k ON k.key = g.{key}"
    strangers, first = con.execute(query, parameters).fetchall()[0]
    if strangers:
        raise BadValue(
            f"{strangers:,} of the rows have a {on} that is nobody's in this megafile, such as {first!r}. Take them "
            "out, or build or refresh with the table, which finds people by name and address."
        )
