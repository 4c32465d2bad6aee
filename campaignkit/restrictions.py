"""What in a table may not serve soliciting: known of tables that a megafile handed out, of no other.

FEC reports bar their rows from use for soliciting (`checks.STATUTE`); people flagged by what they told a survey are
barred from lists of any purpose that they did not agree to (`checks.refuse_panel_reports`). A universe says itself what
is restricted in it; the relations and frames that it hands out are remembered here, this very object and no copy of it.
People flagged by a survey are remembered by their ids while Python runs, and their table says in a column for what they
may not be contacted, so that neither filtering nor copying nor saving it loses the bar. Whatever else a table may be,
nobody knows what is in it: `UNTRACED`.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

#: What a list or a score is for, and how a sentence says it.
PURPOSES = {
    "fundraise": "fundraising",
    "persuade": "persuasion",
    "turnout": "turnout",
    "volunteer": "volunteering",
}

#: Stands among what is restricted for "nobody knows": a table that came from outside, or ids written out.
UNTRACED = "untraced"

#: Begins what says for which purposes people may not be contacted who were flagged by what they told a survey.
PANEL_REPORTS = "panel reports: not for "

#: A column of people flagged by what they told a survey: the purposes for which they may not be contacted.
NOT_FOR = "not_to_contact_for"

_FLAGGED: dict[Any, frozenset[str]] = {}  # by person_id

_KNOWN: dict[int, tuple[weakref.ref[Any], frozenset[str]]] = {}


def remember(data: T, restricted: Iterable[str]) -> T:
    """Return a table, of which it is known from now on what may not serve soliciting.

    Examples
    --------
    >>> import polars as pl
    >>> donors = remember(pl.DataFrame({"person_id": [1, 2]}), ["fec_gift"])
    >>> sorted(restrictions_of(donors)), sorted(restrictions_of(donors.head(1)))
    (['fec_gift'], ['untraced'])
    """
    key = id(data)
    _KNOWN[key] = (weakref.ref(data, lambda _: _KNOWN.pop(key, None)), frozenset(restricted))
    return data


def restrictions_of(data: object) -> frozenset[str]:
    """Return what in a table may not serve soliciting: of a universe what it says, of a table what is remembered.

    Examples
    --------
    >>> import campaignkit as ck
    >>> mf = ck.sample.megafile()
    >>> sorted(restrictions_of(mf.universe("fec_gifts() > 0").features(["age"])))
    ['fec_gifts']
    >>> sorted(restrictions_of(mf.universe("donor"))), sorted(restrictions_of([1, 2]))
    ([], ['untraced'])
    """
    if callable(getattr(data, "relation", None)) and isinstance(own := getattr(data, "restricted", None), frozenset):
        return own
    native = getattr(data, "to_native", None)
    table = native() if callable(native) else data
    known = _KNOWN.get(id(table))
    return known[1] if known is not None and known[0]() is table else frozenset({UNTRACED})


def panel_restrictions(allowed: Iterable[str]) -> frozenset[str]:
    """Return the restrictions of people flagged by a panel's reports: one for each purpose that is not allowed.

    Examples
    --------
    >>> sorted(panel_restrictions(["persuade"]))[0]
    'panel reports: not for fundraise'
    """
    return frozenset(f"{PANEL_REPORTS}{purpose}" for purpose in PURPOSES if purpose not in set(allowed))


def remember_flagged(ids: Iterable[Any], restricted: Iterable[str]) -> None:
    """Remember what people flagged by a panel's reports may not be contacted for; what was said of them before is gone.

    Examples
    --------
    >>> remember_flagged([-7, -8], panel_restrictions(["persuade", "turnout", "volunteer"]))
    >>> sorted(panel_restrictions_of([-7], []))
    ['panel reports: not for fundraise']
    >>> remember_flagged([-7, -8], panel_restrictions([*PURPOSES]))
    >>> sorted(panel_restrictions_of([-7], []))
    []
    """
    barred = frozenset(name for name in restricted if name.startswith(PANEL_REPORTS))
    for person in ids:
        _FLAGGED[person] = barred


def not_for(restricted: Iterable[str]) -> str | None:
    """Return what the column `NOT_FOR` says of people with some restrictions; None: they may be contacted.

    Examples
    --------
    >>> not_for(panel_restrictions(["persuade"])), not_for(["fec_gift"])
    ('fundraise, turnout, volunteer', None)
    """
    names = sorted(name.removeprefix(PANEL_REPORTS) for name in restricted if name.startswith(PANEL_REPORTS))
    return ", ".join(names) or None


def panel_restrictions_of(ids: Collection[Any], texts: Iterable[str | None]) -> frozenset[str]:
    """Return the restrictions of people when a panel's reports may have flagged some of them.

    Parameters
    ----------
    ids : collection
        The people. They have the restrictions of the flagged among them where those are half of all or more: a list of
        many people that has a few of them says nothing of who was flagged.
    texts : iterable of str or None
        The values of the column `NOT_FOR`, where their table has one.

    Examples
    --------
    >>> sorted(panel_restrictions_of([1, 2], ["fundraise, persuade", None]))
    ['panel reports: not for fundraise', 'panel reports: not for persuade']
    """
    flagged = [_FLAGGED[person] for person in ids if person in _FLAGGED]
    by_id = frozenset[str]().union(*flagged) if 2 * len(flagged) >= len(ids) else frozenset[str]()
    return by_id | {f"{PANEL_REPORTS}{name}" for text in texts if text for name in text.split(", ") if name in PURPOSES}


def stated(known: Iterable[str], restricted: Iterable[str] | None) -> frozenset[str]:
    """Return what may not serve soliciting once a user has said it: what is known stays, what nobody knows is settled.

    Parameters
    ----------
    known : iterable of str
        What is known.
    restricted : iterable of str or None
        What the user says; empty: nothing else. None: they said nothing.

    Examples
    --------
    >>> sorted(stated(["untraced"], ())), sorted(stated(["fec_gift"], ())), sorted(stated(["untraced"], None))
    ([], ['fec_gift'], ['untraced'])
    """
    if restricted is None:
        return frozenset(known)
    named = {restricted} if isinstance(restricted, str) else set(restricted)
    return frozenset((set(known) - {UNTRACED}) | named)
