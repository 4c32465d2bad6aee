"""The few errors campaignkit raises on purpose. Each says what was found, what was expected and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CampaignkitError(Exception):
    """The parent of all errors raised on purpose."""


class BadValue(CampaignkitError, ValueError):  # noqa: N818 - the names are the house's
    """An argument has a value that cannot be right."""


class ColumnNotFound(CampaignkitError, KeyError):  # noqa: N818
    """A table has no column of that name."""

    def __init__(self, name: str, available: Iterable[str], where: str = "the table", see: str = "") -> None:
        names = list(available)
        has = f"{where} has no column {name!r}{nearest(name, names)} It has: {listed(names)}."
        super().__init__(f"{has} {see}".rstrip())

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the message quoted


class NotEnoughData(CampaignkitError, ValueError):  # noqa: N818
    """Too few rows, groups or outcomes for the estimate asked for."""


class SourceRestricted(CampaignkitError, PermissionError):  # noqa: N818
    """A law or the source's terms forbid this use of its columns."""


class LayoutError(CampaignkitError, ValueError):
    """A file fits no layout, fits two, or breaks the one it fits."""


class RefreshRefused(CampaignkitError, RuntimeError):  # noqa: N818
    """A megafile can't be written now: another process does, or the disk has no room. What stood there still stands."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a sentence's end: ``"; did you mean 'x'?"`` with the nearest of `names`, or a full stop.

    Examples
    --------
    >>> nearest("partty", ["party", "phone"])
    "; did you mean 'party'?"
    >>> nearest("zzz", ["party"])
    '.'
    """
    by_folded = {candidate.casefold(): candidate for candidate in names}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else "."


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return names joined by commas, cut after `most`.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    names = list(names)
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
