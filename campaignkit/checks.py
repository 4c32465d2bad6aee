"""Arguments checked once, with errors that say how to mend them."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Collection, Iterable
from numbers import Integral, Real
from typing import Any

from campaignkit.errors import BadValue, SourceRestricted, listed, nearest
from campaignkit.restrictions import PANEL_REPORTS, PURPOSES, UNTRACED

__all__ = [
    "PURPOSES", "STATUTE", "as_date", "check_scalar", "column_names", "refuse_panel_reports", "refuse_soliciting",
]  # fmt: skip

STATUTE = "52 USC 30111(a)(4) and 11 CFR 104.15"
NUMBER_TYPES = {int: Integral, float: Real}  # so that numpy's numbers pass as well as Python's
WITHIN = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


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


def as_date(value: Any, name: str) -> dt.date:
    """Return a date given as one or as ISO text.

    Examples
    --------
    >>> as_date("2012-11-06", "on")
    datetime.date(2012, 11, 6)
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadValue(f"{name} is {value!r}; a date such as '2012-11-06' was expected.") from error


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
    if isinstance(value, bool):  # True is an int to Python, and never what an analyst meant by name
        return bool in types
    return isinstance(value, tuple(NUMBER_TYPES.get(name, name) for name in types))


def _within(value: Any, bounds: dict[str, float | None]) -> bool:
    try:
        return all(bound is None or WITHIN[sign](value, bound) for sign, bound in bounds.items())
    except TypeError:  # a text is within no bounds
        return False


def _names_of(typ: type | tuple[type, ...]) -> str:
    types = typ if isinstance(typ, tuple) else (typ,)
    return " or ".join(kind.__name__ for kind in types)


def refuse_soliciting(purpose: str, restricted: Iterable[str], mend: str) -> None:
    """Refuse to raise money with what FEC reports say, or with what may be theirs.

    Parameters
    ----------
    purpose : str
        One of PURPOSES.
    restricted : iterable of str
        What in use comes from FEC reports, or `UNTRACED`; empty: nothing.
    mend : str
        The error's last sentence, where something comes from FEC reports.

    Raises
    ------
    SourceRestricted
        The purpose is fundraising and something is restricted.

    Examples
    --------
    >>> refuse_soliciting("turnout", ["fec_gifts"], "Leave it out.")
    >>> refuse_soliciting("fundraise", ["untraced"], "Leave it out.")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    campaignkit.errors.SourceRestricted: Part of this is a table or ids from outside the megafile's universes, ...
    """
    known = {name for name in restricted if not name.startswith(PANEL_REPORTS)}
    if purpose != "fundraise" or not known:
        return
    if named := sorted(known - {UNTRACED}):
        raise SourceRestricted(
            f"{', '.join(named)} comes from FEC reports, which {STATUTE} bar from use for soliciting. {mend}"
        )
    raise SourceRestricted(
        "Part of this is a table or ids from outside the megafile's universes, and may hold rows of FEC reports, which "
        f"{STATUTE} bar from use for soliciting. Where there are none in it, say so with restricted=(): "
        "mf.universe_of(people, restricted=()), fit_score(..., restricted=()), score.write_scores(mf, restricted=())."
    )


def refuse_panel_reports(purpose: str, restricted: Iterable[str]) -> None:
    """Refuse a list of people who were flagged by what they told a survey, for what they did not agree to.

    Raises
    ------
    SourceRestricted
        They may not be contacted for the purpose.

    Examples
    --------
    >>> refuse_panel_reports("turnout", ["panel reports: not for persuade"])
    >>> refuse_panel_reports("persuade", ["panel reports: not for persuade"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    campaignkit.errors.SourceRestricted: These people were flagged by what they told a survey, and did not agree...
    """
    if f"{PANEL_REPORTS}{purpose}" in set(restricted):
        raise SourceRestricted(
            "These people were flagged by what they told a survey, and did not agree to be contacted for "
            f"{PURPOSES[purpose]}: the flags are for study. Where they did agree, say so: "
            f"polls.switchers(..., purposes=[{purpose!r}])."
        )
