"""The megafile: one DuckDB file in which each person is one row. Built, opened, asked."""

from __future__ import annotations

import html
import re
import sys
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import polars as pl

from campaignkit.errors import BadValue, listed, nearest
from campaignkit.megafile import tables
from campaignkit.megafile.build import build
from campaignkit.megafile.encryption import refuse_key
from campaignkit.megafile.explain import Explanation, explain
from campaignkit.megafile.export_log import append_export_log, read_export_log
from campaignkit.megafile.facts import ATTRIBUTES, FUNCTIONS
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.opening import check_is_megafile, connect, inode, reading
from campaignkit.megafile.refresh.integrity import problems
from campaignkit.megafile.refresh.report import Night, night_report, nothing_new
from campaignkit.megafile.refresh.worker import run_in_child
from campaignkit.megafile.replacing import leftovers
from campaignkit.megafile.scores import write_scores
from campaignkit.megafile.sources import FILE_ID_SHIFT
from campaignkit.megafile.suppression import unknown_words
from campaignkit.megafile.understood import losses, not_understood
from campaignkit.megafile.universe import Universe
from campaignkit.megafile.universes import make_universe, universe_of
from campaignkit.progress import Steps, shown, wanted
from campaignkit.restrictions import UNTRACED, remember, restrictions_of, stated
from campaignkit.sql import quote_identifier, quote_identifiers

__all__ = ["Megafile"]


_NAMES_FEC = re.compile(r"\bfec_gift\b", re.IGNORECASE)

#: Tables no row of which can come from FEC reports.
_FREE_OF_FEC = frozenset({"person", "household", *tables.FACTS} - {"fec_gift"})

#: What a query that begins otherwise than these may be doing, and the kinds of statement that leave nothing behind.
_MAY_CHANGE = re.compile(r"^(?!\s*(SELECT|WITH|FROM|VALUES)\b)|;", re.IGNORECASE)
_READING = frozenset({"SELECT", "EXPLAIN", "PRAGMA", "CALL", "MULTI"})


class Megafile:
    """A campaign's people and what is known of them, in one DuckDB file. Made by `build` or `open`.

    Attributes
    ----------
    path : Path
        Where the file lies.
    as_of : date
        The date the megafile speaks of: the latest of its files' own dates, never the clock.

    Examples
    --------
    >>> import campaignkit as ck
    >>> mf = ck.sample.megafile()
    >>> mf.sql("SELECT count(*) AS people FROM person WHERE state = ?", ["OH"]).shape
    (1, 1)
    """

    def __init__(self, path: str | Path, read_only: bool = True) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise BadValue(f"There is no megafile at {str(path)!r}. Megafile.build(folder, path) makes one.")
        self._con = connect(self.path, read_only)
        self._lock = threading.Lock()
        self._read_only = read_only
        self._values: dict[tuple[str, str], list[str]] = {}
        self._opened, self._warned = inode(self.path), False
        check_is_megafile(self._con, self.path)

    @classmethod
    def build(
        cls,
        folder: str | Path,
        path: str | Path,
        *,
        layouts: Iterable[str | Path] = (),
        model: Model | bool = True,
        key: str | None = None,
        accept: Iterable[str] = (),
        progress: bool | None = None,
    ) -> Megafile:
        """Read a folder of exports into one megafile and open it.

        The file appears at `path` whole, or (an error, a killed process) not at all; what stood there before is
        replaced only at the end.

        Parameters
        ----------
        folder : str or Path
            The exports, as they were downloaded: plain, .gz or .zip. A `manifest.toml` in it can say the layout
            and date of files whose names do not. A `truth` folder and readme files in it are not read.
        path : str or Path
            Where to put the megafile.
        layouts : iterable of str or Path
            Your own layouts (TOML), beside the built-in ones; one of the same name replaces a built-in one.
        model : Model or bool
            True: records that no deterministic rule links are scored by a model, fitted on them and kept in the
            megafile. A `Model`, such as another megafile's: score with that. False: the deterministic rules alone.
        key : str or None
            To encrypt the file with. None: not encrypted.
        accept : iterable of str
            Names of snapshots to take in although they hold far fewer records than the one before. Others are held
            back: under two thirds of the records that stood in a scope, and short by more than three times the root of
            that number.
        progress : bool or None
            Whether to show the steps. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.

        Raises
        ------
        LayoutError
            If a file fits no layout or more than one, is damaged, repeats a column, or has no date.
        BadValue
            If `accept` names no file of the folder.
        RefreshRefused
            If another process writes the megafile at `path`, or the disk has no room.
        EncryptionUnavailable
            If `key` is given: this DuckDB writes encrypted files only with an extension or by a method that it calls
            unsafe itself.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = ck.sample.write(f"{folder}/exports", people=2_000)
        ...     with ck.Megafile.build(f"{folder}/exports", f"{folder}/campaign.duckdb", model=False) as mf:
        ...         mf.sources.height == written.filter(~pl.col("file").str.starts_with("truth")).height
        True
        """
        refuse_key(key)
        path = Path(path)
        build(Path(folder), path, layouts, progress, model, accept)
        megafile = cls(path)
        megafile._say_losses(progress)
        _warn_of_unknown_words(megafile)
        return megafile

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = True) -> Megafile:
        """Open a megafile that was built before.

        Parameters
        ----------
        path : str or Path
            The file.
        read_only : bool
            True: many may open it at once, and no query can write, or read any other file.

        Raises
        ------
        BadValue
            If there is no megafile at `path`.

        Examples
        --------
        >>> import campaignkit as ck
        >>> with ck.Megafile.open(ck.sample.megafile().path) as mf:
        ...     mf.as_of
        datetime.date(2012, 10, 1)
        """
        return cls(path, read_only=read_only)

    def _say_losses(self, progress: bool | None) -> None:
        """End a build with what was not taken in or not understood."""
        notices = self.nights["warnings"].explode().drop_nulls().to_list()
        if notices:
            warnings.warn(" ".join(notices), stacklevel=3)
        if wanted(progress) and (said := losses(self.not_understood)):
            print(said, file=sys.stderr, flush=True)

    def refresh(
        self,
        folder: str | Path,
        *,
        layouts: Iterable[str | Path] = (),
        accept: Iterable[str] = (),
        progress: bool | None = None,
    ) -> Night:
        """Take a folder's new files in, and move on to what then stands.

        Records are held against those that stand by key and content: the latest file's word counts, whenever the file
        comes; only a snapshot makes records vanish, and only within its own scope. Files that were read before are
        passed over. Those whom the night touches, and all who could have been taken for them, are linked anew by the
        stored model, as building everything anew would; nobody else's `person_id` changes.

        It is done in a child process on a copy, which takes the standing file's place at the end: whole, or (an error,
        a killed process) not at all. Others who have the megafile open keep reading what they opened, see `stale`.

        Parameters
        ----------
        folder : str or Path
            The night's exports; older ones may lie there too.
        layouts : iterable of str or Path
            Your own layouts, beside the built-in ones and those that earlier files were read by.
        accept : iterable of str
            As in `build`.
        progress : bool or None
            As in `build`.

        Returns
        -------
        Night
            What came and what became of it, kept in the megafile (`nights`).

        Raises
        ------
        LayoutError
            If a file fits no layout, is damaged, or has no date. Nothing is changed.
        RefreshRefused
            If another process writes the megafile, or the disk has no room. Nothing is changed.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = ck.sample.write(f"{folder}/exports", people=2_000)
        ...     ck.sample.write_night(f"{folder}/exports", f"{folder}/night1", night=1)
        ...     with ck.Megafile.build(f"{folder}/exports", f"{folder}/campaign.duckdb", model=False) as mf:
        ...         night = mf.refresh(f"{folder}/night1")
        ...         mf.as_of, mf.nights["kind"].to_list()
        (datetime.date(2012, 10, 2), ['build', 'refresh'])
        """
        folder, own = Path(folder), [str(path) for path in ([layouts] if isinstance(layouts, str | Path) else layouts)]
        if not folder.is_dir():
            raise BadValue(f"There is no folder {str(folder)!r}.")
        accepted = [accept] if isinstance(accept, str) else list(accept)
        job = {"what": "refresh", "folder": str(folder), "layouts": own, "accept": accepted}
        return self._renewed(job, progress)

    def retrain(self, *, progress: bool | None = None) -> Night:
        """Fit the model anew on the records that stand, link everyone by it, and move on to what then stands.

        Builds and refreshes keep the model and how common each name is, so that a link does not change for what others
        do. After months of new files, or a change of sources, fit anew; people keep their ids where their records stay.

        Parameters
        ----------
        progress : bool or None
            As in `build`.

        Raises
        ------
        RefreshRefused
            If another process writes the megafile, or the disk has no room. Nothing is changed.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = ck.sample.write(f"{folder}/exports", people=300)
        ...     with ck.Megafile.build(f"{folder}/exports", f"{folder}/campaign.duckdb", model=False) as mf:
        ...         night = mf.retrain()
        ...         mf.nights["kind"].to_list()
        ['build', 'retrain']
        """
        return self._renewed({"what": "retrain"}, progress)

    def _renewed(self, job: dict[str, Any], progress: bool | None) -> Night:
        if not self._read_only:
            raise BadValue("This megafile is open for writing; open it with read_only=True to refresh it.")
        steps = Steps(job["what"], progress)
        try:
            night = run_in_child(job | {"path": str(self.path)}, steps)
        finally:
            steps.close()
        if not night:
            return nothing_new(self)
        self.reopen()
        _warn_of_unknown_words(self)
        return night_report(self, night)

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

    def reopen(self) -> Megafile:
        """Move on to the file that lies at `path` now; universes made before then speak of it too.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.reopen() is mf
        True
        """
        before = self._con
        self._move_on()
        before.close()
        return self

    def _move_on(self) -> None:
        """Open the file that lies at `path` now; relations made before still read the old one."""
        con = connect(self.path, self._read_only)
        with self._lock:
            self._con, self._opened, self._warned = con, inode(self.path), False
            self._values.clear()

    @property
    def nights(self) -> pl.DataFrame:
        """One row a build, refresh or retraining: what came, who was added, merged, split or ended, warnings.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.nights['kind'].to_list()
        ['build']
        """
        return self.sql("SELECT * FROM refresh_log ORDER BY night")

    def night(self, number: int) -> Night:
        """Return the report of a refresh.

        Raises
        ------
        BadValue
            If there was no such night.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.night(0).table.columns[:3]
        ['source', 'files', 'new']
        """
        return night_report(self, number)

    @property
    def model(self) -> Model | None:
        """The model by which records are linked that no deterministic rule links; None: the deterministic rules alone.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.model.to_json()[:1]
        '{'
        """
        stored = self.sql("SELECT settings FROM model")["settings"].to_list()
        return Model.from_json(stored[0]) if stored else None

    def check(self) -> list[str]:
        """Return what does not hang together in the file; nothing should.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.megafile().check()
        []
        """
        with self._lock, reading(self.path, query=True), self._con.cursor() as cursor:
            return problems(cursor)

    @property
    def lying_in_clear(self) -> list[Path]:
        """Files beside the megafile that hold person data: unfinished copies, spills, the log of exports.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> [path.suffix for path in mf.lying_in_clear if path.suffix != '.jsonl']
        []
        """
        return leftovers(self.path)

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

    @property
    def sources(self) -> pl.DataFrame:
        """What was read, one row a file (or member of a zip), and what lay there and was not.

        Columns are those of `source_file` in schema.sql, and `people`, the persons its records describe or
        refer to, `unlinked`, its records about a person of whom no source has a record, and `why_not_read`: null for
        files that were read; of the others, which come last, only file, night and this are there.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> read = mf.sources
        >>> (read["accepted"] + read["rejected"] == read["records"]).all()
        True
        """
        return self.sql(f"""
            WITH linked AS (
                SELECT r.seen_id >> {FILE_ID_SHIFT} AS file_id, count(DISTINCT s.person_id) AS people,
                       count(*) FILTER (WHERE r.person_key IS NOT NULL AND s.person_id IS NULL) AS unlinked
                FROM record r LEFT JOIN source_record s ON s.source = r.person_source AND s.record_key = r.person_key
                GROUP BY 1
            )
            SELECT f.*, coalesce(people, 0) AS people, coalesce(unlinked, 0) AS unlinked, NULL AS why_not_read
            FROM source_file f LEFT JOIN linked USING (file_id)
            UNION ALL BY NAME SELECT night, file, reason AS why_not_read FROM skipped_file
            ORDER BY file_id, file""")

    @property
    def not_understood(self) -> pl.DataFrame:
        """What of the files was not understood, worst first; a build ends with it.

        One row a file that was not taken in, a column that its layout reads and it lacks, and a column with values
        that could not be read: file, column, problem, records concerned and their share of the file's.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.not_understood.columns
        ['file', 'column', 'problem', 'records', 'share']
        """
        return not_understood(self.sources)

    @property
    def rejects(self) -> pl.DataFrame:
        """Records that could not be read: file, first_line, lines, reason, raw.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.rejects.columns, mf.rejects.height == mf.sources["rejected"].sum()
        (['file', 'first_line', 'lines', 'reason', 'raw'], True)
        """
        return self.sql("""
            SELECT file, first_line, reject.lines, reason, raw FROM reject JOIN source_file USING (file_id)
            ORDER BY file_id, first_line""")

    @property
    def tables(self) -> list[str]:
        """The names of its tables.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> {"person", "gift", "vote_history"} <= set(mf.tables)
        True
        """
        return tables.names()

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
        if name not in tables.names():
            raise BadValue(
                f"The megafile has no table {name!r}{nearest(name, tables.names())} It has: "
                f"{listed(tables.names(), most=40)}."
            )
        self._say_if_stale()
        relation = self._con.cursor().table(quote_identifier(name))
        known = {"fec_gift"} if name == "fec_gift" else () if name in _FREE_OF_FEC else {UNTRACED}
        return remember(relation, known)

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
            result = self._con.sql(query) if given is None else self._con.sql(query, params=given)
            rows = pl.DataFrame() if result is None else result.pl()
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

    def _say_if_stale(self) -> None:
        if not self._warned and self.stale:
            self._warned = True
            warnings.warn(f"A newer {self.path.name} lies at its path; .reopen() moves on to it.", stacklevel=3)

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
            found = self.sql(f"SELECT DISTINCT {name} AS value FROM {rows} WHERE {name} IS NOT NULL{limit}")
            values = found["value"].sort().to_list()
            self._values[table, column] = values if most is None or len(values) <= most else []
        return self._values[table, column]

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

    def universe(self, *predicates: str, as_of: date | str | None = None, **equals: Any) -> Universe:
        """Say who: the people for whom every predicate holds.

        Parameters
        ----------
        *predicates : str
            Conditions over person's columns, attributes and facts: ``"state = 'OH'"``,
            ``"age between 40 and 49"``, ``"gave('online')"``, ``"not contacted('phone')"``,
            ``"voted_in('2008-11-04')"``, ``"last_contact_days > 30"``. `mf.facts` lists them. None: everyone. Each is
            one expression of comparisons, arithmetic and the functions that `megafile.expressions` lists; no query,
            no window, no aggregate. A text that nobody has in the column it is compared with is warned of, with the
            nearest that somebody has, and no list is made of such a universe.
        as_of : date, str or None
            What is known: facts dated later do not exist. None: the megafile's own date.
        **equals
            Columns that must equal a value, be one of a list, or (None) be null: ``sex="F"``.

        Returns
        -------
        Universe

        Raises
        ------
        ColumnNotFound
            If a predicate names what is not there; the error says the nearest right name.
        BadValue
            If a predicate can't be read, or `as_of` is later than the megafile.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> women = mf.universe("age between 40 and 49", sex="F")
        >>> (women - mf.universe("donor")).count() < women.count()
        True
        """
        return make_universe(self, predicates, as_of, equals)

    def universe_of(
        self, people: Any, *, restricted: Iterable[str] | None = None, as_of: date | str | None = None
    ) -> Universe:
        """Return the people of a table as a universe, to be counted, put together with others and listed.

        Parameters
        ----------
        people : table or iterable of int
            A table with a person_id column (Polars, pandas, PyArrow, a DuckDB relation), or the ids.
        restricted : iterable of str or None
            What in it may not serve soliciting, such as ``["fec_gift"]``; ``()``: there is no FEC data in it. What is
            known of it stays so. None: what is known; of tables and ids from outside, that is nothing, and no list to
            raise money is made of them. It is known of a universe's own relations and frames (`Universe.features`,
            `Universe.people`), this very object and no copy of it, and of what names fec_gift in `sql`, `relation`
            and `table`.
        as_of : date, str or None
            As in `universe`.

        Raises
        ------
        ColumnNotFound
            If a table has no person_id.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe_of([1, 2, 3]).count()
        3
        """
        return universe_of(self, people, restricted, as_of)

    @property
    def facts(self) -> pl.DataFrame:
        """What predicates and features may name beyond person's columns: name, arguments, meaning.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.facts.filter(pl.col("name").str.starts_with("gift"))["name"].to_list()
        ['gifts', 'gift_count']
        """
        named = [(name, "", fact.meaning) for name, fact in ATTRIBUTES.items()]
        called = [(name, f"({fact.arguments})", fact.meaning) for name, fact in FUNCTIONS.items()]
        return pl.DataFrame(named + called, schema=["name", "arguments", "meaning"], orient="row")

    def explain(self, person_id: int) -> Explanation:
        """Say why some records are held to be one person.

        Parameters
        ----------
        person_id : int
            The person.

        Returns
        -------
        Explanation
            A table with one row a record: source, record_key, matched_by and what the record says.

        Raises
        ------
        BadValue
            If there is no such person.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.explain(1).table.columns[:3]
        ['source', 'record_key', 'matched_by']
        """
        return explain(self, person_id)

    @property
    def exports(self) -> pl.DataFrame:
        """Every list written from this megafile: exported_at, path, channel, purpose, universe, rows, sha256.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.exports.columns[:3]
        ['exported_at', 'path', 'channel']
        """
        columns = quote_identifiers(list(tables.columns_of("export")))
        held = self.sql(f"SELECT {columns} FROM export ORDER BY exported_at")
        pending = read_export_log(self.path)
        return pl.concat([held, pending.select(held.columns).cast(dict(held.schema))]).unique(maintain_order=True)

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

    def write_scores(
        self,
        name: str,
        scores: pl.DataFrame,
        *,
        scored_on: date | None = None,
        restricted: Iterable[str] | None = None,
        warning: str | None = None,
    ) -> int:
        """Put a score of some people into the megafile, where ``score('name')`` finds it; return how many.

        A changed copy takes the file's place, whole or not at all, and is what this Megafile then reads. Relations
        made before keep reading the old one.

        Parameters
        ----------
        name : str
            The score's name. One of the same name and date is replaced; earlier dates stay.
        scores : DataFrame
            person_id and value, each person once.
        scored_on : date or None
            As of when. None: the megafile's own date.
        restricted : str, iterable of str or None
            What in it may not serve soliciting, such as ``"fec_gifts"``; ``()``: there is no FEC data in it. None: what
            is known of `scores`, see `universe_of`; of a table from outside nothing is, and no list to raise money is
            ranked by it.
        warning : str or None
            What every list that ranks by it says, such as "ranks no better than chance". None: nothing.

        Raises
        ------
        BadValue
            A person_id or value is null, comes twice, or is nobody's; or the megafile was opened for writing.
        RefreshRefused
            The megafile is being written to by another process, or the disk has no room.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> import polars as pl
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         people = mf.universe("donor").features(["person_id"]).limit(3).pl()["person_id"]
        ...         written = mf.write_scores("warmth", pl.DataFrame({"person_id": people, "value": [0.9, 0.5, 0.1]}))
        ...         written, mf.universe("score('warmth') >= 0.5").count()
        (3, 2)
        """
        if not self._read_only:
            raise BadValue("This megafile is open for writing; open it anew: Megafile.open(path).")
        known = stated(restrictions_of(scores), restricted)
        count = write_scores(self.path, name, scores, scored_on or self.as_of, known, warning)
        self._move_on()
        return count

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

    def close(self) -> None:
        """Close the file.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.Megafile.open(ck.sample.megafile().path)
        >>> mf.close()
        """
        self._con.close()

    def __enter__(self) -> Megafile:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        """Say how many people it holds, from how many files, as of when."""
        people, files, as_of = self.sql(
            "SELECT (SELECT count(*) FROM person), count(*), max(as_of) FROM source_file"
        ).row(0)
        stale = "; a newer one lies there, .reopen() moves on to it" if self.stale else ""
        return f"Megafile of {people:,} people from {files} files, as of {as_of} ({self.path.name}{stale})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def _warn_of_unknown_words(megafile: Megafile) -> None:
    """Warn of results, events and answers that are not known, and hold whoever carries them."""
    with megafile.cursor() as cursor:
        for sentence in unknown_words(cursor):
            warnings.warn(sentence, stacklevel=3)
