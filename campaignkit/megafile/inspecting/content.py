"""What a column's values look like, whatever it is called: dates and their format, money, e-mail, phones, codes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaignkit.megafile.ingest.canonical import FALSE, TRUE
from campaignkit.megafile.ingest.clean import STATES

MOST_LOOKED_AT = 400
LEAST_SHARE = 0.9  # of the values that must look like a kind

DATE_FORMATS = (
    "%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d", "%m%d%Y", "%m-%d-%Y", "%Y/%m/%d", "%d-%b-%Y", "%d-%b-%y",
    "%b %d, %Y", "%B %d, %Y", "%m/%d/%y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
    "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%Y-%m-%d %H:%M",
)  # fmt: skip

_PARTIES = frozenset(
    [
        "D",
        "R",
        "I",
        "L",
        "G",
        "DEM",
        "REP",
        "DEMOCRAT",
        "DEMOCRATIC",
        "REPUBLICAN",
        "IND",
        "INDEPENDENT",
        "LIB",
        "LIBERTARIAN",
        "GRE",
        "GRN",
        "GREEN",
        "UNA",
        "UAF",
        "NPA",
        "NP",
        "NOP",
        "UNAFFILIATED",
        "NONPARTISAN",
        "UN",
        "U",
        "NON",
        "NONE",
        "CON",
        "CST",
        "AMC",
        "OTH",
        "OTHER",
        "O",
        "BLK",
        "WOR",
        "WFP",
    ]
)
_STATUSES = frozenset(
    [
        "A",
        "I",
        "P",
        "R",
        "ACT",
        "INA",
        "PRE",
        "ACTIVE",
        "INACTIVE",
        "REMOVED",
        "PENDING",
        "CANCELLED",
        "CANCELED",
        "CONFIRMATION",
        "PURGED",
        "CHALLENGED",
        "V",
        "CH",
        "C",
    ]
)
_SUFFIXES = frozenset(["JR", "SR", "I", "II", "III", "IV", "V", "JR.", "SR.", "MD", "DDS", "DVM", "PHD", "ESQ"])


@dataclass(frozen=True)
class Content:
    """What a column holds.

    Attributes
    ----------
    kind : str
        empty, email, phone, date, yes/no, dollars, zip, state, sex, party, status, suffix, year, number, name (first
        and last in one), address, voter id, text.
    share : float
        Of the values that are there, how many look so.
    format : str or None
        Of dates, how they are written.
    distinct : float
        How many values are unlike all before them, as a share.
    filled : float
        How many cells hold anything, as a share.
    values : Counter of str
        How often each of the values looked at stands there.
    """

    kind: str
    share: float
    format: str | None
    distinct: float
    filled: float
    values: Counter[str]


def content_of(values: Sequence[str], cells: int) -> Content:
    """Return what a column holds.

    Parameters
    ----------
    values : sequence of str
        Its values, trimmed, empty ones left out.
    cells : int
        How many cells it has.
    """
    seen = Counter(values[:MOST_LOOKED_AT])
    looked_at = sum(seen.values())
    filled, distinct = len(values) / max(cells, 1), len(set(values)) / max(len(values), 1)
    if not looked_at:
        return Content("empty", 1.0, None, 0.0, 0.0, seen)
    for kind, holds in _KINDS.items():
        share = sum(count for value, count in seen.items() if holds(value)) / looked_at
        if share >= LEAST_SHARE and _also(kind, seen):
            return Content(kind, share, None, distinct, filled, seen)
    form, share = _date_format(seen)
    if form is not None:
        return Content("date", share, form, distinct, filled, seen)
    for kind, holds in _AFTER_DATES.items():
        share = sum(count for value, count in seen.items() if holds(value)) / looked_at
        if share >= LEAST_SHARE and _also(kind, seen):
            return Content(kind, share, None, distinct, filled, seen)
    return Content("text", 1.0, None, distinct, filled, seen)


def share_of(kinds: Sequence[str], values: Sequence[str]) -> float:
    """Return how many of some values look like any of the kinds, as a share; 0 of none.

    Examples
    --------
    >>> share_of(("email", "phone"), ["ann@example.org", "(216) 555-0123", "call at noon", "Elm"])
    0.5
    """
    looks = sum(any(_KINDS[kind](value) for kind in kinds) for value in values)
    return looks / len(values) if values else 0.0


def _matching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _among(words: frozenset[str]) -> Callable[[str], bool]:
    return lambda value: value.upper() in words


_KINDS: dict[str, Callable[[str], bool]] = {
    "email": _matching(r"[^@\s]+@[^@\s]+\.[A-Za-z0-9-]+"),
    "dollars": _matching(r"\(?-?\$ ?[\d,]+(\.\d{1,2})?\)?|-?\d+\.\d\d|\d{1,3}(,\d{3})+(\.\d\d)?"),
    "yes/no": _among(frozenset(word.upper() for word in (*TRUE, *FALSE))),
    "sex": _among(frozenset({"F", "M", "U", "X", "FEMALE", "MALE", "UNKNOWN", "OTHER", "NONBINARY", "N", "O"})),
    "state": lambda value: value.upper() in STATES or value.upper() in STATES.values(),
    "zip": _matching(r"\d{5}([- ]?\d{4})?"),
    "phone": _matching(r"(\+?1[-. ]?)?\(?[2-9]\d{2}\)?[-. ]{0,2}\d{3}[-. ]?\d{4}( ?(x|ext\.?) ?\d+)?"),
    "voter id": _matching(r"[A-Z]{2}\d{6,18}"),
}

_AFTER_DATES: dict[str, Callable[[str], bool]] = {
    "year": _matching(r"(18|19|20)\d\d"),
    "number": _matching(r"-?\d{1,18}(\.\d+)?"),
    "status": _among(_STATUSES),
    "party": _among(_PARTIES),
    "suffix": _among(_SUFFIXES),
    "name": _matching(r"[^\d,@]+, *[^\d,@]+"),
    "address": _matching(r"\d+[A-Za-z]?([ -]\d/\d)? [^@]*[A-Za-z][^@]*|P\.? ?O\.? ?BOX .*"),
}


def _also(kind: str, seen: Counter[str]) -> bool:
    """Return whether values that may be of a kind are: codes of few letters need those that tell it from others."""
    upper = {value.upper() for value in seen}
    if kind == "sex":
        return bool(upper & {"F", "FEMALE"}) and bool(upper & {"M", "MALE"})
    if kind == "yes/no":
        return not upper <= {"0", "1"} or upper == {"0", "1"}
    if kind == "party":
        return bool(upper & {"D", "DEM", "DEMOCRAT", "DEMOCRATIC"}) or bool(upper & {"R", "REP", "REPUBLICAN"})
    if kind == "status":
        return "A" in upper or bool(upper & {"ACT", "ACTIVE"})
    return True


def _date_format(seen: Counter[str]) -> tuple[str | None, float]:
    """Return the format that most values have as dates that can be, and their share; None: they are no dates."""
    values = [value for value in seen if 6 <= len(value) <= 25 and any(sign.isdigit() for sign in value)]
    looked_at = sum(seen.values())
    if sum(seen[value] for value in values) < LEAST_SHARE * looked_at:
        return None, 0.0
    best: tuple[str | None, float] = (None, 0.0)
    for form in DATE_FORMATS:
        share = sum(seen[value] for value in values if _reads(value, form)) / looked_at
        if share >= LEAST_SHARE and share > best[1]:
            best = form, share
    return best


def _reads(value: str, form: str) -> bool:
    try:
        year = datetime.strptime(value, form).year
    except ValueError:
        return False
    return 1900 <= year <= 2035 if form.isascii() and not re.search(r"[/.\- :T]", form) else 1850 <= year <= 2100
