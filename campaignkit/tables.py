"""The one door for data: any engine's table or universe opened, its columns named, yes and no and weights read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.errors import BadValue, ColumnNotFound
from campaignkit.exported import read_export
from campaignkit.restrictions import UNTRACED, restrictions_of
from campaignkit.sql import quote_identifier
from campaignkit.stats.arrays import Floats, Mask
from campaignkit.warehouse import read_sql

__all__ = ["read_export", "read_sql"]  # for whoever uses the package; what stands here beside it is for the rooms

Frame = nw.DataFrame[Any] | nw.LazyFrame[Any]

ACCEPTED = "a Polars, pandas or PyArrow table, a DuckDB relation, a PySpark DataFrame, or a universe"
PERSON, HOUSEHOLD = "person_id", "household_id"  # every universe has them
BATCH = 1_000_000  # rows


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Which columns play which part; none plays two.

    Attributes
    ----------
    outcomes, arms, by, others : tuple of str
        Outcomes; what was assigned; what people are told apart by (features, covariates, strata); numbers read along.
    unit, cluster, weight : str or None
        The id of a row's person; what was drawn or assigned together; the row's weight. None: there is none.
    """

    outcomes: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unit: str | None = None
    cluster: str | None = None
    weight: str | None = None

    @property
    def ids(self) -> list[str]:
        """What rows are split by, the first that is not null counting: cluster before unit."""
        return [name for name in (self.cluster, self.unit) if name is not None]

    @property
    def names(self) -> list[str]:
        """All columns, each once.

        Examples
        --------
        >>> Roles(outcomes=("gave",), by=("age",), unit="id").names
        ['gave', 'age', 'id']
        """
        single = [name for name in (self.unit, self.cluster, self.weight) if name is not None]
        return list(dict.fromkeys([*self.outcomes, *self.arms, *self.by, *self.others, *single]))

    def check(self, *apart: str, **called: str) -> Roles:
        """Return the roles, or refuse an outcome or an arm that is also something else.

        `apart` are other parts that share no column with these, such as ``"unit"``; `called` is what the question
        calls a part, for the error: ``by="covariates"``.

        Raises
        ------
        BadValue
            A column plays two parts, or is not named by a string.

        Examples
        --------
        >>> Roles(outcomes=("gave",), by=("age", "gave")).check()
        Traceback (most recent call last):
        ...
        campaignkit.errors.BadValue: Column 'gave' is named both as outcome and by; each column plays one part.
        """
        if odd := [name for name in self.names if not isinstance(name, str)]:
            raise BadValue(f"Columns are named by strings, not by {odd[0]!r}.")
        taken: dict[str, str] = {}
        for part in ("outcomes", "arms", "by", "weight", *apart):
            value = getattr(self, part)
            for name in (value,) if isinstance(value, str) else value or ():
                if taken.setdefault(name, part) != part:
                    both = " and ".join(called.get(word, word).removesuffix("s") for word in (taken[name], part))
                    raise BadValue(f"Column {name!r} is named both as {both}; each column plays one part.")
        return self


@dataclass(frozen=True)
class Table:
    """A table opened.

    Attributes
    ----------
    frame : narwhals.DataFrame or narwhals.LazyFrame
        With the columns that were named, on the engine it came from.
    spoken : dict of str to str
        How SQL speaks of each column: quoted, and a universe's facts as they are written.
    restricted : frozenset of str
        What among the columns may not serve soliciting.
    """

    frame: Frame
    spoken: Mapping[str, str]
    restricted: frozenset[str]

    @property
    def has_row_order(self) -> bool:
        """Whether a row's position lasts, so that rows can be told apart without an id: only in memory."""
        return isinstance(self.frame, nw.DataFrame)

    def lazy(self) -> nw.LazyFrame[Any]:
        """Return the frame as a lazy one: of its engine, or of Polars where it is in memory."""
        return as_lazy(self.frame)

    def collect(self, names: Sequence[str]) -> pl.DataFrame:
        """Return some columns as a Polars frame."""
        return self.lazy().select(*names).collect("polars").to_native()

    def batches(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield some columns as Polars frames, in one pass, without holding text for all rows at once."""
        native = self.lazy().select(*names).to_native()
        if isinstance(native, pl.LazyFrame):
            yield from native.collect_batches(chunk_size=BATCH, maintain_order=True)
        elif isinstance(native, duckdb.DuckDBPyRelation):
            for batch in native.to_arrow_reader(BATCH):
                yield pl.DataFrame(pl.from_arrow(batch))
        else:
            yield from self.collect(names).iter_slices(BATCH)


def open_columns(data: object, names: Sequence[str], where: str = "the table") -> Table:
    """Open a table for the columns that are named.

    Of what has ``.features()``, as a universe does, names may also be facts such as ``gifts('90d')``; these
    stand in SQL as they are written.

    Parameters
    ----------
    data : table
        As for `open_table`.
    names : sequence of str
        Columns, and of a universe facts.
    where : str
        What the error calls the table.

    Raises
    ------
    ColumnNotFound
        A name is neither a column nor a fact; the error proposes the nearest.

    Examples
    --------
    >>> import campaignkit as ck
    >>> donors = ck.sample.megafile().universe("donor")
    >>> opened = open_columns(donors, ["state", "gifts('90d')"])
    >>> dict(opened.spoken)
    {'state': '"state"', "gifts('90d')": "gifts('90d')"}
    """
    frame = open_table(data)
    available = frame.collect_schema().names()
    facts = [name for name in names if name not in available] if is_universe(data) else []
    spoken = {name: name if name in facts else quote_identifier(name) for name in names}
    if facts:
        asked = {name: sql for name, sql in spoken.items() if name not in (PERSON, HOUSEHOLD)}
        frame = open_table(data.features(asked))  # ty: ignore
    check_columns(frame, *names, where=where)
    return Table(frame, spoken, restrictions(data, names, facts))


def open_roles(data: object, roles: Roles) -> Table:
    """Open a table for what its columns are to be; as `open_columns`, after `Roles.check`."""
    return open_columns(data, roles.check().names)


def require_ids(table: Table, ids: Sequence[str]) -> None:
    """Refuse to split rows that nothing lasting tells apart.

    Raises
    ------
    BadValue
        There is no id, and the table is a lazy one, whose rows have no lasting position.

    Examples
    --------
    >>> require_ids(open_columns(pl.DataFrame({"gave": [1]}), ["gave"]), [])
    >>> require_ids(open_columns(pl.LazyFrame({"gave": [1]}), ["gave"]), [])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    campaignkit.errors.BadValue: unit is None, but the rows of a lazy table have no lasting position; ...
    """
    if not ids and not table.has_row_order:
        raise BadValue("unit is None, but the rows of a lazy table have no lasting position; name the person's column.")


def restrictions(data: object, names: Sequence[str], facts: Sequence[str]) -> frozenset[str]:
    """Return what in some columns may not serve soliciting: what is known, and names that begin with ``fec_``."""
    restricted = restrictions_of(data) | {name for name in names if name.lower().startswith("fec_")}
    translated = getattr(data, "translated", None)
    if callable(translated):
        restricted |= {source for fact in facts for source in translated(fact).restricted}
    return restricted if restricted == {UNTRACED} else restricted - {UNTRACED}


def is_universe(data: object) -> bool:
    """Return whether data are people of a megafile, whose facts can be asked for: one row per person."""
    return callable(getattr(data, "features", None)) and callable(getattr(data, "relation", None))


def unit_of(data: object, unit: str | None) -> str | None:
    """Return the unit's column: of a universe, where none is named, the person's."""
    return PERSON if unit is None and is_universe(data) else unit


def needed_unit(data: object, unit: str | None) -> str:
    """Return the same where there must be one.

    Raises
    ------
    BadValue
        None is named, and the table is no universe.
    """
    if (column := unit_of(data, unit)) is None:
        raise BadValue("unit is None; name the column of the person's id. (Of a universe it is 'person_id'.)")
    return column


def open_table(data: object) -> Frame:
    """Return any accepted table as a Narwhals frame; no row is read.

    Parameters
    ----------
    data : table
        What Narwhals accepts (Polars, pandas, PyArrow, DuckDB, PySpark) or an object whose ``.relation()`` gives one.

    Returns
    -------
    narwhals.DataFrame or narwhals.LazyFrame
        Eager tables stay eager, lazy ones lazy, on the engine that they came from.

    Raises
    ------
    BadValue
        `data` is no table, or names a column twice.

    Examples
    --------
    >>> open_table(pl.DataFrame({"age": [40, 51]})).columns
    ['age']
    >>> open_table("donors.csv")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    campaignkit.errors.BadValue: data is the text 'donors.csv', not a table. Read the file first, ...
    """
    frame = _narwhals(data)
    relation = getattr(data, "relation", None)
    if frame is None and callable(relation) and not isinstance(data, type):
        frame = _narwhals(relation())
    if frame is None:
        raise BadValue(_no_table(data))
    return frame


def _narwhals(data: object) -> Frame | None:
    if isinstance(data, nw.DataFrame | nw.LazyFrame):
        return data
    try:
        frame = nw.from_native(data, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise BadValue(f"The table names a column twice; rename one of them. {error}") from error
    return frame if isinstance(frame, nw.DataFrame | nw.LazyFrame) else None


def _no_table(data: object) -> str:
    if isinstance(data, str):
        mend = "Read the file first, with polars.scan_csv, polars.scan_parquet or duckdb.read_csv"
        return f"data is the text {data!r}, not a table. {mend}, or build a megafile from it."
    kind = type(data)
    if kind.__name__ == "DuckDBPyConnection":
        return "data is a DuckDB connection, not a table. Pass one of its tables: con.table('people')."
    if isinstance(data, dict | list):
        return f"data is a {kind.__name__}, not a table. Pass polars.DataFrame(data)."
    return f"data is a {kind.__module__}.{kind.__qualname__}, not a table. Pass {ACCEPTED}."


def check_columns(data: object, *names: str, where: str = "the table") -> None:
    """Check that a table has columns of these names, spelled exactly so.

    Parameters
    ----------
    data : table
    *names : str
    where : str
        What the error calls the table.

    Raises
    ------
    ColumnNotFound
        A name is missing; the error proposes the nearest. BadValue, where it is not text.

    Examples
    --------
    >>> people = pl.DataFrame({"party": ["D"], "age": [40]})
    >>> check_columns(people, "age")
    >>> check_columns(people, "partty")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    campaignkit.errors.ColumnNotFound: the table has no column 'partty'; did you mean 'party'?...
    """
    available = open_table(data).collect_schema().names()
    for name in names:
        if not isinstance(name, str):
            raise BadValue(f"Columns are named by strings, not by {name!r}.")
        if name not in available:
            raise ColumnNotFound(name, available, where)


def check_numbers(data: object, *names: str, argument: str = "measures") -> None:
    """Check that columns are there and hold numbers, decimals or booleans.

    Parameters
    ----------
    data : table
    *names : str
    argument : str
        The argument that named them, for the error.

    Raises
    ------
    BadValue, ColumnNotFound
        A column holds text, dates or anything else that has no mean; or it is missing.

    Examples
    --------
    >>> people = pl.DataFrame({"party": ["D"], "age": [40]})
    >>> check_numbers(people, "age")
    >>> check_numbers(people, "party")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    campaignkit.errors.BadValue: measures: column 'party' is String; numbers, ... expected...
    """
    check_columns(data, *names)
    schema = open_table(data).collect_schema()
    for name in names:
        dtype = schema[name]
        if not (dtype.is_numeric() or dtype == nw.Boolean):
            mend = "Cast it, or make a 0/1 column of it, before the call."
            raise BadValue(
                f"{argument}: column {name!r} is {dtype}; numbers, decimals or booleans were expected. {mend}"
            )


def as_lazy(frame: Frame) -> nw.LazyFrame[Any]:
    """Return a table as a lazy one: of its engine, or of Polars where it is in memory."""
    if isinstance(frame, nw.DataFrame) and not frame.implementation.is_polars():
        frame = nw.from_native(frame.to_polars())
    return frame.lazy()


def yes_or_no(frame: nw.LazyFrame[Any], column: str, argument: str = "outcome") -> nw.Expr:
    """Return a column of booleans or 0/1 as true, false or null (NaN is null).

    Raises
    ------
    BadValue
        It is of another type.
    """
    dtype = frame.collect_schema()[column]
    if dtype == nw.Boolean:
        return nw.col(column)
    check_numbers(frame, column, argument=argument)
    return (
        nw.when(nw.col(column).cast(nw.Float64) == 1)
        .then(nw.lit(True))
        .when(nw.col(column).cast(nw.Float64) == 0)
        .then(nw.lit(False))
    )


def booleans(column: pl.Series, argument: str = "outcome") -> Mask:
    """Return a column of booleans or 0/1 without gaps as an array.

    Raises
    ------
    BadValue
        It is of another type, null somewhere, or holds another number.

    Examples
    --------
    >>> booleans(pl.Series("gave", [1, 0])).tolist()
    [True, False]
    """
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise BadValue(f"{argument}: column {column.name!r} is {column.dtype}; true/false or 0/1 were expected.")
    if missing := column.null_count():
        raise BadValue(
            f"{argument}: column {column.name!r} is null in {missing:,} rows, and null says neither yes nor no. Fill "
            "it with false if it means no, or take the rows out, before the call."
        )
    if column.dtype != pl.Boolean and len(other := column.filter((column != 0) & (column != 1))):
        raise BadValue(f"{argument}: column {column.name!r} holds {other[0]}; true/false or 0/1 were expected.")
    return column.cast(pl.Boolean).to_numpy()


FILL = "Fill it with 0 where nothing came, or take the rows out and say so, before the call."


def numbers(column: pl.Series, argument: str, least: float = -np.inf, mend: str = FILL) -> Floats:
    """Return a column of numbers without gaps, none below `least`, as an array.

    Raises
    ------
    BadValue
        It is of another type, or a number is null, NaN, infinite or too small; `mend` is the error's last sentence.
    """
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise BadValue(f"{argument}: column {column.name!r} is {column.dtype}; numbers or booleans were expected.")
    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    if bad := int((~np.isfinite(values) | (values < least)).sum()):
        which = "null, NaN or infinite" if np.isinf(least) else f"null, NaN, infinite or below {least:g}"
        raise BadValue(f"{argument}: column {column.name!r} is {which} in {bad:,} rows. {mend}")
    return values


def weights(column: pl.Series, argument: str = "weight") -> Floats:
    """Return a column of weights: numbers of at least 0, some of them above.

    Raises
    ------
    BadValue
        One is null, NaN, infinite or negative, or all are 0.

    Examples
    --------
    >>> weights(pl.Series("w", [1.0, 0.0, 2.5])).tolist()
    [1.0, 0.0, 2.5]
    """
    values = numbers(column, argument, least=0.0, mend="Put 0 where a row should not count.")
    if len(values) and not values.any():
        raise BadValue(f"{argument}: column {column.name!r} is 0 in every row.")
    return values
