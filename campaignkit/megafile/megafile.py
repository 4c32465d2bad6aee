"""The megafile: one DuckDB file in which each person is one row. Built, opened, asked."""

from __future__ import annotations

import html
import sys
import warnings
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

from campaignkit.errors import BadValue
from campaignkit.megafile.additions import Additions
from campaignkit.megafile.build import build
from campaignkit.megafile.column_export import ColumnExport
from campaignkit.megafile.explain import Explanation, explain
from campaignkit.megafile.ingest.frames import written_down
from campaignkit.megafile.ingest.understood import losses, not_understood, unmapped
from campaignkit.megafile.interviews import Interviews
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.logs import Logs
from campaignkit.megafile.refresh.report import RefreshReport, night_report, nothing_new
from campaignkit.megafile.refresh.worker import run_in_child
from campaignkit.megafile.storage.replacing import check_memory_limit
from campaignkit.megafile.suppression.rules import unknown_words
from campaignkit.megafile.ties import SocialTies
from campaignkit.megafile.universe import Universe
from campaignkit.megafile.universes import as_date, make_universe, universe_of
from campaignkit.progress import Steps, wanted

__all__ = ["Megafile"]


class Megafile(Interviews, Logs, SocialTies, Additions, ColumnExport):
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

    @classmethod
    def build(
        cls,
        folder: str | Path | Mapping[str, Any] | None,
        path: str | Path,
        *,
        tables: Mapping[str, Any] | None = None,
        layouts: Iterable[str | Path] = (),
        as_of: date | str | None = None,
        model: Model | bool = True,
        accept: Iterable[str] = (),
        memory_limit: str | None = None,
        progress: bool | None = None,
    ) -> Megafile:
        """Read a folder of exports, or tables, into one megafile and open it.

        The file appears at `path` whole, or (an error, a killed process) not at all; what stood there before is
        replaced only at the end.

        Parameters
        ----------
        folder : str, Path, mapping of str to table, or None
            The exports, as they were downloaded: text (plain, .gz or .zip), Excel workbooks, Parquet, Arrow, JSON
            lines, SPSS and Stata. A `manifest.toml` in it can say the layout and date of files whose names do not. A
            `truth` folder and readme files in it are not read. Or tables, as `tables` takes them. None: there are
            `tables` alone.
        path : str or Path
            Where to put the megafile.
        tables : mapping of str to table, or None
            Tables to read beside the folder, by the names they go by in `.sources`: Polars, pandas, PyArrow, a DuckDB
            relation, a record batch reader. Each is read by the layout that fits its columns, as a file would be.
        layouts : iterable of str or Path
            Your own layouts (TOML), beside the built-in ones; one of the same name replaces a built-in one. Files,
            folders of them, or globs.
        as_of : date, str or None
            The date of the files and tables that say none by their name, a column or the manifest. None: such a file is
            an error.
        model : Model or bool
            True: records that no deterministic rule links are scored by a model, fitted on them and kept in the
            megafile. A `Model`, such as another megafile's: score with that. False: the deterministic rules alone.
        accept : iterable of str
            Names of snapshots to take in although they hold far fewer records than the one before. Others are held
            back: under two thirds of the records that stood in a scope, and short by more than three times the root of
            that number.
        memory_limit : str or None
            How much memory DuckDB, which holds all tables, may take, such as "6GB"; what is more is spilled to a folder
            beside `path`, which goes at the end. None: half of the machine's. Beside it stand the libraries (0.3 GB), a
            block of one file (about 0.2 GB) and, while one source links, 24 bytes for each pair that the model can't
            rule out: all sources together have about one such pair for two people.
        progress : bool or None
            Whether to show the steps. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.

        Raises
        ------
        LayoutError
            If a file fits no layout or more than one, is damaged, repeats a column, or has no date.
        BadValue
            If `accept` names no file of the folder, or `memory_limit` is no size.
        RefreshRefused
            If another process writes the megafile at `path`, the disk has no room, or `memory_limit` is too little.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> import polars as pl
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = ck.sample.write(f"{folder}/exports", people=2_000)
        ...     with ck.Megafile.build(f"{folder}/exports", f"{folder}/campaign.duckdb", model=False) as mf:
        ...         mf.sources.height == written.filter(~pl.col("file").str.starts_with("truth")).height
        True
        """
        path, limit = Path(path), check_memory_limit(memory_limit)
        lying, tables = _parted(folder, tables)
        with written_down(tables) as paths:
            build(lying, path, layouts, progress, model, accept, paths, as_date(as_of), limit)
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
        if wanted(progress):
            sources = self.sources
            for lines in filter(None, (losses(not_understood(sources)), unmapped(sources))):
                print(lines, file=sys.stderr, flush=True)

    def refresh(
        self,
        folder: str | Path | Mapping[str, Any] | None,
        *,
        tables: Mapping[str, Any] | None = None,
        layouts: Iterable[str | Path] = (),
        as_of: date | str | None = None,
        accept: Iterable[str] = (),
        memory_limit: str | None = None,
        progress: bool | None = None,
    ) -> RefreshReport:
        """Take a folder's new files in, and move on to what then stands.

        Records are held against those that stand by key and content: the latest file's word counts, whenever the file
        comes; only a snapshot makes records vanish, and only within its own scope. Files that were read before are
        passed over. Those the night touches, and all who could have been taken for them, are linked anew by the
        stored model, as building everything anew would; nobody else's `person_id` changes.

        It is done in a child process on a copy, which takes the standing file's place at the end: whole, or (an error,
        a killed process) not at all. Others who have the megafile open keep reading what they opened, see `stale`.

        Parameters
        ----------
        folder : str, Path, mapping of str to table, or None
            The night's exports; older ones may lie there too. Or tables, as in `build`.
        tables : mapping of str to table, or None
            As in `build`.
        layouts : iterable of str or Path
            Your own layouts, beside the built-in ones and those that earlier files were read by.
        as_of : date, str or None
            As in `build`.
        accept : iterable of str
            As in `build`.
        memory_limit : str or None
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
        BadValue
            If `accept` names no file of the folder, or `memory_limit` is no size.
        RefreshRefused
            If another process writes the megafile, the disk has no room, or `memory_limit` is too little. Nothing is
            changed.

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
        lying, tables = _parted(folder, tables)
        if lying is not None and not lying.is_dir():
            raise BadValue(f"There is no folder {str(lying)!r}.")
        day = as_date(as_of)
        with written_down(tables) as paths:
            job = {
                "what": "refresh", "folder": lying and str(lying), "tables": paths, "as_of": day and day.isoformat(),
                "layouts": [str(path) for path in ([layouts] if isinstance(layouts, str | Path) else layouts)],
                "accept": [accept] if isinstance(accept, str) else list(accept),
                "memory_limit": check_memory_limit(memory_limit),
            }  # fmt: skip
            return self._renewed(job, progress)

    def retrain(self, *, memory_limit: str | None = None, progress: bool | None = None) -> RefreshReport:
        """Fit the model anew on the records that stand, link everyone by it, and move on to what then stands.

        Builds and refreshes keep the model and how common each name is, so that a link does not change for what others
        do. After months of new files, or a change of sources, fit anew; people keep their ids where their records stay.

        Parameters
        ----------
        memory_limit : str or None
            As in `build`.
        progress : bool or None
            As in `build`.

        Raises
        ------
        BadValue
            If `memory_limit` is no size.
        RefreshRefused
            If another process writes the megafile, the disk has no room, or `memory_limit` is too little. Nothing is
            changed.

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
        return self._renewed({"what": "retrain", "memory_limit": check_memory_limit(memory_limit)}, progress)

    def _renewed(self, job: dict[str, Any], progress: bool | None) -> RefreshReport:
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

    def universe(self, *predicates: str, as_of: date | str | None = None, **equals: Any) -> Universe:
        """Say who: the people every predicate holds for.

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
            `Universe.people`), this very object and no copy of it, of what names fec_gift in `sql`, `relation` and
            `table`, and of people flagged by a panel (`polls.switchers`), also filtered or copied.
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

    def explain(self, person_id: int) -> Explanation:
        """Say why some records are held to be one person.

        Parameters
        ----------
        person_id : int
            The person.

        Returns
        -------
        Explanation
            A table with one row per record: source, record_key, matched_by and what the record says.

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


def _parted(
    folder: str | Path | Mapping[str, Any] | None, tables: Mapping[str, Any] | None
) -> tuple[Path | None, dict[str, Any]]:
    """Return the folder, and the tables wherever they were given."""
    if isinstance(folder, Mapping):
        folder, tables = None, {**folder, **(tables or {})}
    if folder is None and not tables:
        raise BadValue("Say what to read: a folder of exports, or tables by name, like {'donors': frame}.")
    return None if folder is None else Path(folder), dict(tables or {})


def _warn_of_unknown_words(megafile: Megafile) -> None:
    """Warn of results, events and answers that are not known, and hold whoever carries them."""
    with megafile.cursor() as cursor:
        for sentence in unknown_words(cursor):
            warnings.warn(sentence, stacklevel=3)
