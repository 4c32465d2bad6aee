"""Arguments, columns and tables checked once, with errors that say how to mend them."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable
from numbers import Integral, Real
from typing import Any

import narwhals as nw

from campaignkit.errors import BadValue, ColumnNotFound, SourceRestricted, listed, nearest

Frame = nw.DataFrame[Any] | nw.LazyFrame[Any]

ACCEPTED = "a Polars, pandas or PyArrow table, a DuckDB relation, a PySpark DataFrame, or a universe"
#: What a list or a score is for, and how a sentence says it.
PURPOSES = {
    "fundraise": "fundraising",
    "persuade": "persuasion",
    "turnout": "turnout",
    "volunteer": "volunteering",
}
STATUTE = "52 USC 30111(a)(4) and 11 CFR 104.15"
NUMBER_TYPES = {int: Integral, float: Real}  # so that numpy's numbers pass as well as Python's
WITHIN = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


def open_table(data: object) -> Frame:
    """Return any accepted table as a Narwhals frame; no row is read.

    Parameters
    ----------
    data : table
        Whatever Narwhals accepts (Polars eager or lazy, a DuckDB relation, pandas, PyArrow, a PySpark
        DataFrame, a Narwhals frame) or an object whose ``.relation()`` returns one of these.

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
    >>> import polars as pl
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
        As for `open_table`.
    *names : str
        Columns to look for.
    where : str
        What the error calls the table.

    Raises
    ------
    BadValue
        A name is not text.
    ColumnNotFound
        A name is missing; the error proposes the nearest.

    Examples
    --------
    >>> import polars as pl
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
        As for `open_table`.
    *names : str
        Columns to look at; only their types are read.
    argument : str
        The argument that named them, for the error.

    Raises
    ------
    ColumnNotFound
        A name is missing.
    BadValue
        A column holds text, dates or anything else that has no mean.

    Examples
    --------
    >>> import polars as pl
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


def column_names(value: str | Iterable[str] | None, name: str) -> list[str]:
    """Return an argument that names columns as a list: one name, several, or none.

    Parameters
    ----------
    value : str, iterable of str or None
        None and an empty iterable both mean no column.
    name : str
        The argument, for the error.

    Raises
    ------
    BadValue
        A name is not text, or is given twice.

    Examples
    --------
    >>> column_names("region", "by"), column_names(("region", "sex"), "by"), column_names(None, "by")
    (['region'], ['region', 'sex'], [])
    """
    if value is None:
        return []
    if not isinstance(value, str | Iterable):
        raise BadValue(f"{name} is {value!r}; a column's name or a list of names was expected.")
    names = [value] if isinstance(value, str) else list(value)
    for position, column in enumerate(names):
        if not isinstance(column, str):
            raise BadValue(f"{name} holds {column!r}; columns are named by strings.")
        if column in names[:position]:
            raise BadValue(f"{name} names {column!r} twice; name it once.")
    return names


def check_scalar(
    value: Any,
    name: str,
    *,
    typ: type | tuple[type, ...] | None = None,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Collection[Any] | None = None,
    optional: bool = False,
) -> Any:
    """Return one argument as given, or say what it should have been.

    Parameters
    ----------
    value : object
        The argument.
    name : str
        Its name, for the error.
    typ : type or tuple of types, optional
        What it must be. ``int`` takes numpy's integers and ``float`` any real number; neither takes
        True and False, which ``bool`` does. None: any type.
    ge, gt, le, lt : float, optional
        Bounds: at least, above, at most, below. None: no bound. NaN is within no bounds.
    choices : collection, optional
        The values it may have. None: any.
    optional : bool
        Whether None is fine too.

    Raises
    ------
    BadValue
        The value breaks one of these; texts are told the nearest choice.

    Examples
    --------
    >>> check_scalar(0.95, "level", typ=float, gt=0, lt=1)
    0.95
    >>> check_scalar(95, "level", typ=float, gt=0, lt=1)
    Traceback (most recent call last):
    ...
    campaignkit.errors.BadValue: level is 95; a number > 0 and < 1 was expected.
    >>> check_scalar("holmes", "correction", choices=["holm", "bh"])
    Traceback (most recent call last):
    ...
    campaignkit.errors.BadValue: correction is 'holmes'; did you mean 'holm'? Expected one of: 'holm', 'bh'.
    """
    if value is None and optional:
        return value
    if typ is not None and not _is_a(value, typ):
        raise BadValue(f"{name} is {value!r}; {_names_of(typ)}{' or None' if optional else ''} was expected.")
    if choices is not None and value not in choices:
        hint = nearest(value, [c for c in choices if isinstance(c, str)]) if isinstance(value, str) else "."
        raise BadValue(f"{name} is {value!r}{hint} Expected one of: {listed(map(repr, choices))}.")
    bounds = {">=": ge, ">": gt, "<=": le, "<": lt}
    if not _within(value, bounds):
        wanted = " and ".join(f"{sign} {bound}" for sign, bound in bounds.items() if bound is not None)
        raise BadValue(f"{name} is {value!r}; a number {wanted} was expected.")
    return value


def _is_a(value: Any, typ: type | tuple[type, ...]) -> bool:
    types = typ if isinstance(typ, tuple) else (typ,)
    if isinstance(value, bool):  # True is an int to Python, and never what an analyst meant by one
        return bool in types
    return isinstance(value, tuple(NUMBER_TYPES.get(one, one) for one in types))


def _within(value: Any, bounds: dict[str, float | None]) -> bool:
    try:
        return all(bound is None or WITHIN[sign](value, bound) for sign, bound in bounds.items())
    except TypeError:  # a text is within no bounds
        return False


def _names_of(typ: type | tuple[type, ...]) -> str:
    types = typ if isinstance(typ, tuple) else (typ,)
    return " or ".join(one.__name__ for one in types)


def refuse_soliciting(purpose: str, restricted: Iterable[str], mend: str) -> None:
    """Refuse to raise money with what FEC reports say.

    Parameters
    ----------
    purpose : str
        One of PURPOSES.
    restricted : iterable of str
        What in use comes from FEC reports; empty: nothing.
    mend : str
        The error's last sentence.

    Raises
    ------
    SourceRestricted
        The purpose is fundraising and something is restricted.

    Examples
    --------
    >>> refuse_soliciting("turnout", ["fec_gifts"], "Leave it out.")
    """
    if purpose == "fundraise" and (named := sorted(restricted)):
        raise SourceRestricted(
            f"{', '.join(named)} comes from FEC reports, which {STATUTE} bar from use for soliciting. {mend}"
        )
