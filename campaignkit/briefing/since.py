"""What changed since the last page, in three parts that add up to it: new data, a real change, chance."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from campaignkit.megafile.refresh.drift import moved
from campaignkit.stats.survey.fresh_night import unlike_counts
from campaignkit.wording import change, points, sign

WEEK, PAST = 7, 14  # days of a count, and days before it that say what is usual
FALSE = 0.01  # chance of calling any count of a table's real when nothing is
PARTS = ("new_data", "real", "chance")


def parted(now: float, again: float, before: float, real: bool) -> dict[str, float]:
    """Return a change in three parts.

    Parameters
    ----------
    now, before : float
        Tonight's number and the last page's.
    again : float
        The last page's number, as it would be with what is known tonight: what came late is new data.
    real : bool
        Whether the rest is more than chance explains.

    Examples
    --------
    >>> parted(120, 105, 100, real=False)
    {'change': 20, 'new_data': 5, 'real': 0.0, 'chance': 15}
    """
    rest = now - again
    return {"change": now - before, "new_data": again - before, "real": rest if real else 0.0,
            "chance": 0.0 if real else rest}  # fmt: skip


def in_parts(split: Mapping[str, float]) -> str:
    """Return a share's change with its parts, in words.

    Examples
    --------
    >>> in_parts(parted(0.52, 0.505, 0.5, real=True))
    '+2.0 points (new data +0.50, real change +1.5, chance 0)'
    """
    names = {"new_data": "new data", "real": "real change", "chance": "chance"}
    sizes = [f"{name} {sign(split[part]) + points(split[part]) if split[part] else '0'}"
             for part, name in names.items()]  # fmt: skip
    return f"{change(split['change'], 'rate')} ({', '.join(sizes)})"


def signed(count: int) -> str:
    """Return a change of a count in words.

    Examples
    --------
    >>> signed(12629), signed(-3), signed(0)
    ('+12,629', '−3', '0')
    """
    return f"{sign(count)}{abs(count):,}" if count else "0"


def count_changes(daily: pl.DataFrame, before: Mapping[str, Any], last: dt.date) -> pl.DataFrame:
    """Return how counts of seven days changed since the last page, for all channels and for each.

    A change is real where the new days' average is outside the range of the fourteen days before and unlike them
    (`stats.survey.fresh_night.unlike_counts`); the rest is chance.

    Parameters
    ----------
    daily : polars.DataFrame
        ``day``, ``channel``, ``contacts``; four weeks up to the last page's last day, and all days since.
    before : mapping
        The last page's ``day`` and counts by channel, ``week``.
    last : date
        Tonight's last day.

    Returns
    -------
    polars.DataFrame
        ``channel``, ``in_seven_days``, ``change``, ``new_data``, ``real``, ``chance``, ``a_day`` (average of the new
        days; null: there is none), ``usual_low``, ``usual_high`` (of the days before).
    """
    channels = sorted({*daily["channel"].drop_nulls(), *before["week"]} - {"all"})
    rows = []
    for name in ("all", *channels):
        own = daily if name == "all" else daily.filter(channel=name)
        by_day = dict(own.group_by("day").agg(pl.col("contacts").sum()).iter_rows())
        rows.append({"channel": name} | _count_change(by_day, before, name, last, len(channels) + 1))
    return pl.DataFrame(rows)


def _count_change(
    by_day: dict[dt.date, int], before: Mapping[str, Any], name: str, last: dt.date, tested: int
) -> dict[str, Any]:
    was = dt.date.fromisoformat(before["day"])
    now, again = _days(by_day, last, WEEK).sum(), _days(by_day, was, WEEK).sum()
    past, fresh = _days(by_day, was, PAST), _days(by_day, last, (last - was).days)
    low, high, a_day = past.min(), past.max(), fresh.mean() if len(fresh) else None
    real = a_day is not None and not low <= a_day <= high
    if real:
        real = bool(unlike_counts(np.array([[*past, a_day]], float))[0] * tested <= FALSE)
    change = parted(int(now), int(again), before["week"].get(name, 0), real)
    parts = {part: round(size) for part, size in change.items()}
    return {"in_seven_days": int(now), **parts, "a_day": None if a_day is None else float(a_day),
            "usual_low": int(low), "usual_high": int(high)}  # fmt: skip


def _days(by_day: dict[dt.date, int], last: dt.date, days: int) -> np.ndarray:
    """Return the counts of the days up to the last."""
    return np.array([by_day.get(last - dt.timedelta(days=back), 0) for back in range(days - 1, -1, -1)])


def rate_change(now: tuple[int, int], again: tuple[int, int], before: tuple[int, int]) -> dict[str, float]:
    """Return how an e-mail test's rate of giving changed since the last page.

    The rest is real only where the new sends gave more than the earlier ones and more than chance explains
    (`megafile.refresh.drift.moved`). Where they gave less, their gifts may be still to come.

    Parameters
    ----------
    now, again, before : (int, int)
        Givers and sends: tonight; tonight, of what was sent up to the last page; and on the last page.

    Examples
    --------
    >>> {part: round(size, 3) for part, size in rate_change((66, 1000), (66, 1000), (60, 1000)).items()}
    {'change': 0.006, 'new_data': 0.006, 'real': 0.0, 'chance': 0.0}
    """
    gave, sent = now[0] - again[0], now[1] - again[1]
    more = sent > 0 and gave * again[1] > again[0] * sent
    rates = [gave / max(sent, 1) for gave, sent in (now, again, before)]
    return parted(*rates, real=more and moved(gave, sent, *again))


def spend_changes(
    now: Mapping[str, float], again: Mapping[str, float], before: Mapping[str, float], real: bool
) -> pl.DataFrame:
    """Return how each state's share of the budget changed since the last page, the largest change first.

    Examples
    --------
    >>> spend_changes({"OH": 95.0}, {"OH": 70.0}, {"OH": 60.0, "NV": 30.0}, real=False).row(0)
    ('OH', 95.0, 35.0, 10.0, 0.0, 25.0)
    """
    rows = [
        {"state": state, "spend": now.get(state, 0.0)}
        | parted(*(plan.get(state, 0.0) for plan in (now, again, before)), real=real)
        for state in sorted({*now, *again, *before})
    ]
    return pl.DataFrame(rows).sort(pl.col("change").abs(), "state", descending=[True, False])


def drawn_error(chance: float, elections: int) -> float:
    """Return the standard error of a chance that drawn elections show.

    Examples
    --------
    >>> round(drawn_error(0.8, 40_000), 3)
    0.002
    """
    return math.sqrt(chance * (1 - chance) / elections)
