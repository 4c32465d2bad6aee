"""A megafile's file, open: queries, values, cursors, its date. What asks something of a megafile takes this."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from campaignkit.errors import BadValue, listed, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.export.log import append_export_log
from campaignkit.megafile.own_columns import OwnColumn
from campaignkit.megafile.storage.opening import check_is_megafile, connect, inode, keep_beside, reading
from campaignkit.progress import shown
from campaignkit.restrictions import UNTRACED, remember
from campaignkit.sql import interruptible, quote_identifier

_NAMES_FEC = re.compile(r"\bfec_gift\b", re.IGNORECASE)

#: Tables no row of which can come from FEC reports.
_FREE_OF_FEC = frozenset({"person", "household", *schema.FACTS} - {"fec_gift"})

#: What a query that begins otherwise than these may be doing, and the kinds of statement that leave nothing behind.
_MAY_CHANGE = re.compile(r"^(?!\s*(SELECT|WITH|FROM|VALUES)\b)|;", re.IGNORECASE)
_READING = frozenset({"SELECT", "EXPLAIN", "PRAGMA", "CALL", "MULTI"})


class Connection:
    """A megafile's file, open for reading (or, where it must be, for writing).

    Attributes
    ----------
    path : Path
        Where the file lies.
    """

    def __init__(self, path: str | Path, read_only: bool = True) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise BadValue(f"There is no megafile at {str(path)!r}. Megafile.build(folder, path) makes one.")
        self._con = connect(self.path, read_only)
        self._lock = threading.Lock()
        self._read_only = read_only
        self._values: dict[tuple[str, str], list[str]] = {}
        self._own_columns: list[OwnColumn] | None = None
        self._kept_people: dict[str, pl.DataFrame] = {}
        self._opened, self._warned = inode(self.path), False
        check_is_megafile(self._con, self.path)

    @property
    def stale(self) -> bool:
        """Whether a newer file lies at `path` than the one that is open; `reopen` moves on to it.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.stale
        False
        """
        return self._opened != inode(self.path)

    def _say_if_stale(self) -> None:
        if not self._warned and self.stale:
            self._warned = True
            warnings.warn(f"A newer {self.path.name} is at its path; .reopen() opens it.", stacklevel=3)

    def _move_on(self) -> None:
        """Open the file that lies at `path` now; relations made before still read the old one."""
        con = connect(self.path, self._read_only)
        with self._lock:
            self._con, self._opened, self._warned = con, inode(self.path), False
            self._values.clear()
            self._own_columns = None
        for name, ids in self._kept_people.items():
            keep_beside(con, name, ids)

    @property
    def as_of(self) -> date:
        """The latest date of the files it was built from.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.as_of
        datetime.date(2012, 10, 1)
        """
        return self.sql("SELECT max(as_of) FROM source_file").item()

    def sql(self, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Run a query and return its rows.

        Parameters
        ----------
        query : str
            SQL over the megafile's tables.
        params : sequence, mapping or None
            Values for `?` or `$name` in the query; None where it has none. Never paste values into the query.

        Returns
        -------
        DataFrame
            Of a query that names fec_gift this very table is remembered as restricted, see `universe_of`; what is made
            from it is not traced.

        Raises
        ------
        BadValue
            If the query makes or changes something (a temporary table, a macro, a setting) while the megafile is open
            for reading: it would stand in the way of what universes and lists read. Take `cursor` for that.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.sql("SELECT count(DISTINCT state) AS n FROM person WHERE state IN (?, ?)", ["OH", "NC"]).item()
        2
        """
        self._say_if_stale()
        given = dict(params) if isinstance(params, Mapping) else None if params is None else list(params)
        self._refuse_changes(query)
        with self._lock, reading(self.path, query=True), shown("megafile", "answering a query", self._con):
            rows = interruptible(self._con, lambda: _rows(self._con, query, given))
        return remember(rows, {"fec_gift"}) if _NAMES_FEC.search(query) else rows

    def _refuse_changes(self, query: str) -> None:
        """Refuse what would leave something behind in the connection by which universes are counted."""
        if not self._read_only or not _MAY_CHANGE.search(query):
            return
        kinds = {statement.type.name for statement in self._con.extract_statements(query)}
        kinds |= {"CREATE"} if re.search(r"^\s*EXPLAIN\b.*\bCREATE\b", query, re.I | re.S) else set()
        if changing := sorted(kinds - _READING):
            raise BadValue(
                f"mf.sql reads; {listed(changing)} changes something. Take mf.cursor() for tables of your own."
            )

    def values(self, table: str, column: str, most: int | None = None) -> list[str]:
        """Return the values of a text column, in order; kept while a read-only megafile is open.

        Parameters
        ----------
        table, column : str
        most : int or None
            Where there are more values than so many: none of them. None: all, however many.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.values("gift", "channel")
        ['mail', 'online']
        """
        if (table, column) not in self._values or not self._read_only:
            name, rows = quote_identifier(column), quote_identifier(table)
            limit = "" if most is None else f" LIMIT {most + 1}"
            distinct = self.sql(f"SELECT DISTINCT {name} AS value FROM {rows} WHERE {name} IS NOT NULL{limit}")
            values = distinct["value"].sort().to_list()
            self._values[table, column] = values if most is None or len(values) <= most else []
        return self._values[table, column]

    def own_columns(self) -> list[OwnColumn]:
        """Return the columns of one's own: what layouts declare and what an analyst added.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.megafile().own_columns()
        []
        """
        if self._own_columns is None or not self._read_only:
            names = ", ".join(field.name for field in fields(OwnColumn))
            rows = self.sql(f"SELECT {names} FROM own_column ORDER BY name")
            self._own_columns = [OwnColumn(*row) for row in rows.iter_rows()]
        return self._own_columns

    def own_values(self, column: str, most: int) -> list[str]:
        """Return the values of a text column of one's own, in order; none where there are more than `most`.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.megafile().own_values("last_ask", most=100)
        []
        """
        texts = {own.name: own.kind for own in self.own_columns() if own.type == "text"}
        if column not in texts:
            return []
        if ("own", column) not in self._values or not self._read_only:
            table = "added_value" if texts[column] == "added" else "attribute"
            query = f"SELECT DISTINCT value FROM {table} WHERE name = ? LIMIT {most + 1}"
            values = self.sql(query, [column])["value"].sort().to_list()
            self._values["own", column] = values if len(values) <= most else []
        return self._values["own", column]

    def relation(self, query: str) -> duckdb.DuckDBPyRelation:
        """Return a query as a DuckDB relation: it runs when its rows are asked for.

        Of one that names fec_gift this very relation is remembered as restricted, see `universe_of`.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> gifts = mf.relation("SELECT person_id, amount FROM gift WHERE channel = 'online'")
        >>> gifts.columns
        ['person_id', 'amount']
        """
        relation = self._con.cursor().sql(query)
        return remember(relation, {"fec_gift"}) if _NAMES_FEC.search(query) else relation

    def table(self, name: str) -> duckdb.DuckDBPyRelation:
        """Return one of its tables as a DuckDB relation: nothing is read until it is asked for.

        Raises
        ------
        BadValue
            If there is no such table.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.table("caller").limit(2).pl().shape[0]
        2
        """
        if name not in schema.names():
            raise BadValue(
                f"The megafile has no table {name!r}{nearest(name, schema.names())} It has: "
                f"{listed(schema.names(), most=40)}."
            )
        self._say_if_stale()
        relation = self._con.cursor().table(quote_identifier(name))
        known = {"fec_gift"} if name == "fec_gift" else () if name in _FREE_OF_FEC else {UNTRACED}
        return remember(relation, known)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to the same file, for temporary tables; close it after use.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> with mf.cursor() as cursor:
        ...     made = cursor.execute("CREATE TEMP TABLE mine AS SELECT person_id FROM person LIMIT 5").fetchall()
        ...     cursor.sql("SELECT count(*) FROM mine").fetchall()
        [(5,)]
        """
        return self._con.cursor()

    def note_export(self, manifest: dict[str, Any]) -> None:
        """Note a list that was written; the file is open for reading, so it goes into the log beside it.

        Parameters
        ----------
        manifest : dict
            What :meth:`CallList.write` puts beside the list, which does this itself.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         before = mf.exports.height
        ...         written = mf.universe("donor").call_list("door", "turnout", limit=9).write(f"{folder}/tonight.csv")
        ...         mf.exports.height - before  # note_export was called
        1
        """
        append_export_log(self.path, manifest)

    def close(self) -> None:
        """Close the file.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.Megafile.open(ck.sample.megafile().path)
        >>> mf.close()
        """
        self._con.close()

    def keep_people(self, name: str, ids: pl.DataFrame) -> str:
        """Keep some people's ids beside the file while it is open; return how SQL speaks of the table.

        Parameters
        ----------
        name : str
            The table's name: a word.
        ids : DataFrame
            person_id.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> three = mf.keep_people("three", pl.DataFrame({"person_id": [1, 2, 3]}))
        >>> mf.sql(f"SELECT count(*) AS n FROM {three}").item()
        3
        """
        self._kept_people[name] = ids
        return keep_beside(self._con, name, ids)


def _rows(con: duckdb.DuckDBPyConnection, query: str, given: Any) -> pl.DataFrame:
    result = con.sql(query) if given is None else con.sql(query, params=given)
    return pl.DataFrame() if result is None else result.pl()
