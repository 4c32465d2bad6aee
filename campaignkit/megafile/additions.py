"""What an analyst puts into a standing megafile: scores, tags and columns of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, nearest
from campaignkit.megafile.audience import Audience
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.ingest.table_files import as_text
from campaignkit.megafile.known_facts import taken_by
from campaignkit.megafile.own_columns import NAME, OwnColumn
from campaignkit.megafile.storage.additions import write_tag, write_values
from campaignkit.megafile.storage.scores import write_scores
from campaignkit.megafile.universes import flagged_in
from campaignkit.restrictions import restrictions_of, stated
from campaignkit.tables import check_columns, open_table


class Additions(Connection):
    """A megafile into which an analyst puts what they made."""

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
        known = stated(restrictions_of(scores) | flagged_in(scores), restricted)
        count = write_scores(self.path, name, scores, scored_on or self.as_of, known, warning)
        self._move_on()
        return count

    def tag(self, people: Audience, name: str) -> int:
        """Put a tag on a universe, where ``tagged('walk list 3')`` finds it; return how many people bear it.

        A changed copy takes the file's place, whole or not at all, and is what this Megafile then reads. A refresh
        keeps tags, on whoever a person's first record then belongs to; a build anew does not have them.

        Parameters
        ----------
        people : Universe
            Who. What in it may not serve soliciting goes with the tag.
        name : str
            The tag. One of the same name is replaced.

        Raises
        ------
        BadValue
            The universe is of another megafile, or this one was opened for writing.
        RefreshRefused
            The megafile is being written to by another process, or the disk has no room.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         tagged = mf.tag(mf.universe("donor", state="OH"), "walk list 3")
        ...         mf.universe("tagged('walk list 3')").count() == tagged
        True
        """
        check_scalar(name, "name", typ=str)
        if not isinstance(people, Audience) or people.megafile is not self:
            raise BadValue("A tag is put on a universe of this very megafile: mf.tag(mf.universe(…), 'name').")
        self._check_may_add()
        chosen = self.sql(people.matched().sql)
        write_tag(self.path, name, chosen, people.as_of, people.restricted)
        self._move_on()
        return chosen.height

    def add(
        self,
        table: object,
        *,
        on: str = "person_id",
        source: str | None = None,
        labels: Mapping[str, str] | None = None,
        restricted: Iterable[str] | None = None,
    ) -> int:
        """Put columns of a table into the megafile, where predicates find them by name; return how many rows.

        A changed copy takes the file's place, as with `tag`; a refresh keeps them likewise. Columns of the same name
        that were added before are replaced.

        Parameters
        ----------
        table : table
            `on`, each once, and the columns to add; their names are of small letters, digits and _. Text, numbers,
            dates, and yes and no keep their type.
        on : str
            ``"person_id"``, or ``"record_key"``: the key that a source gave its record.
        source : str or None
            Whose record keys they are, such as ``"actblue"``. None: the key is person_id.
        labels : mapping of str to str, or None
            What sentences call a column. None: its name.
        restricted : str, iterable of str or None
            As in `write_scores`: ``()`` says that there is no FEC data in it. None: what is known of the table; of one
            from outside nothing is, and no list to raise money is made of its columns.

        Raises
        ------
        ColumnNotFound
            If the table lacks `on`.
        BadValue
            A key is null, comes twice or is nobody's; a column's name is taken or can't be one; or `source` is missing.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> import polars as pl
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         people = mf.universe("donor").people("person_id").head(3)
        ...         rows = mf.add(people.with_columns(host_ask=pl.Series([500.0, 250.0, 100.0])), restricted=())
        ...         rows, mf.universe("host_ask >= 250").count()
        (3, 2)
        """
        check_scalar(on, "on", choices=("person_id", "record_key"))
        if (on == "record_key") != (source is not None):
            raise BadValue("on='record_key' needs source=, whose keys they are; on='person_id' takes none.")
        if source is not None and source not in (known := self.values("source", "source")):
            raise BadValue(f"There is no source {source!r}{nearest(source, known)}")
        self._check_may_add()
        check_columns(table, on)
        frame = open_table(table).lazy().collect("polars").to_native()
        said = sorted(stated(restrictions_of(table) | flagged_in(table), restricted))
        columns = [self._added(frame, name, labels or {}, ", ".join(said)) for name in frame.columns if name != on]
        if not columns:
            raise BadValue(f"The table has no column beside {on!r}.")
        count = write_values(self.path, columns, _keyed(frame, on), on, source)
        self._move_on()
        return count

    def _check_may_add(self) -> None:
        if not self._read_only:
            raise BadValue("This megafile is open for writing; open it anew: Megafile.open(path).")

    def _added(self, frame: pl.DataFrame, name: str, labels: Mapping[str, str], restricted: str) -> OwnColumn:
        if not NAME.fullmatch(name):
            likely = re.sub(r"\W+", "_", name.strip().lower()).strip("_") or "a_name"
            raise BadValue(f"{name!r} can't be written in a predicate; rename the column, such as to {likely!r}.")
        of_layouts = {column.name for column in self.own_columns() if column.kind != "added"}
        if means := taken_by(name) or ("a column of a layout" if name in of_layouts else None):
            raise BadValue(f"{name!r} is {means}; give the column another name.")
        return OwnColumn(name, "added", _type(frame.schema[name]), labels.get(name, name), None, restricted or None)


def _type(data_type: pl.DataType) -> str:
    if data_type.is_numeric():
        return "number"
    if data_type == pl.Boolean:
        return "yes/no"
    return "date" if data_type == pl.Date else "text"


def _keyed(frame: pl.DataFrame, on: str) -> pl.DataFrame:
    """Return a table with its columns as text; its keys are whole numbers or text, there, and each once."""
    if on == "person_id" and not frame[on].dtype.is_integer():
        raise BadValue(f"person_id is {frame[on].dtype}; a megafile's ids are whole numbers.")
    if nulls := frame[on].null_count():
        raise BadValue(f"{nulls:,} rows have no {on}; take them out before the call.")
    if twice := frame.height - frame[on].n_unique():
        raise BadValue(f"{twice:,} rows repeat a {on}; one row each was expected.")
    key = pl.col(on).cast(pl.Int64 if on == "person_id" else pl.String)
    return frame.select(key, *as_text(pl.Schema({n: t for n, t in frame.schema.items() if n != on})))
