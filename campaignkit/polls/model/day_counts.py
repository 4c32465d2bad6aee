"""Interviews → counts: how many of each kind were asked by each stream on each day, and how many have the outcome."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.polls.model.frames import Level, as_texts, codes_of, levels_of
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.tables import Roles, open_roles, yes_or_no

NO_STREAM = "all interviews"


@dataclass(frozen=True)
class DayCounts:
    """Interviews of units, each a kind of people asked by one stream, on the days that have any.

    Attributes
    ----------
    units : polars.DataFrame
        One row per unit: the attributes of `by`, and ``_stream``.
    by : tuple of str
    streams : tuple
        The streams' names.
    days : list of date
        Days with interviews, in order.
    n, k : array, units × days
        Interviews, and those with the outcome.
    set_aside : polars.DataFrame
        ``reason``, ``n``: interviews that were not used.
    """

    units: pl.DataFrame
    by: tuple[str, ...]
    streams: tuple[Level, ...]
    days: list[dt.date]
    n: Floats
    k: Floats
    set_aside: pl.DataFrame

    @property
    def offsets(self) -> Floats:
        """Each day's distance from the first, in days."""
        return np.array([(day - self.days[0]).days for day in self.days], float)

    @property
    def stream_codes(self) -> Whole:
        """Each unit's stream."""
        return codes_of(self.units, ["_stream"], [(name,) for name in self.streams], "interviews")

    def since(self, day: dt.date) -> DayCounts:
        """Return the interviews of a day and those after it."""
        kept = np.array([at >= day for at in self.days])
        seen = self.n[:, kept].sum(axis=1) > 0
        return DayCounts(
            self.units.filter(pl.Series(seen)), self.by, self.streams, [at for at in self.days if at >= day],
            self.n[seen][:, kept], self.k[seen][:, kept], self.set_aside,
        )  # fmt: skip


def count_days(
    responses: object, outcome: str, by: Sequence[str], date: str, stream: str | None, first: int | None = None
) -> DayCounts:
    """Count interviews, in one pass where they lie.

    Parameters
    ----------
    responses : table
        One row per interview.
    outcome : str
        Booleans or 0/1; interviews in which it is null are set aside and counted.
    by : sequence of str
    date : str
        The day of the interview: a date, or a time of which the date is taken.
    stream : str or None
    first : int or None
        Only so many days up to the last are used; the others are set aside and counted. None: all.

    Raises
    ------
    BadValue
        A date is null, or `date` is no column of dates.
    NotEnoughData
        No interview has an answer.

    Examples
    --------
    >>> days = [dt.date(2012, 10, day) for day in (1, 3, 3)]
    >>> table = pl.DataFrame({"vote": [1, 0, None], "sex": ["F", "M", "M"], "on": days})
    >>> counts = count_days(table, "vote", ["sex"], "on", None)
    >>> counts.n.tolist(), counts.set_aside.rows()
    ([[1.0, 0.0], [0.0, 1.0]], [('no answer', 1)])
    """
    others = [date, *([] if stream is None else [stream])]
    opened = open_roles(responses, Roles(outcomes=(outcome,), by=(*by, *others)))
    dtype = opened.frame.collect_schema()[date]
    if dtype not in (nw.Date, nw.Datetime):
        raise BadValue(f"date: column {date!r} is {dtype}; dates were expected. Cast it before the call.")
    frame = opened.lazy()
    keyed = frame.select(
        *by, nw.col(date).cast(nw.Date).alias("_day"),
        (nw.lit(NO_STREAM) if stream is None else nw.col(stream)).alias("_stream"),
        yes_or_no(frame, outcome).cast(nw.Float64).alias("_outcome"),
    )  # fmt: skip
    table = as_texts(cells(keyed, [*by, "_stream", "_day"], "_outcome"), [*by, "_stream"])
    if unknown := int(table.filter(pl.col("_day").is_null())["n"].sum()):
        raise BadValue(f"date: column {date!r} is null in {unknown:,} interviews. Leave them out, or date them.")
    return _counted(table, tuple(by), first)


def _counted(table: pl.DataFrame, by: tuple[str, ...], first: int | None) -> DayCounts:
    aside = [("no answer", int((table["n"] - table["_outcome_n"]).sum()))]
    table = table.filter(pl.col("_outcome_n") > 0)
    if table.is_empty():
        raise NotEnoughData("No interview has an answer.")
    if first is not None:
        latest: Any = table["_day"].max()
        early = pl.col("_day") <= latest - dt.timedelta(days=first)
        aside.append(("before the window", int(table.filter(early)["_outcome_n"].sum())))
        table = table.filter(~early)
    days = table["_day"].unique().sort().to_list()
    units = table.select(*by, "_stream").unique(maintain_order=True)
    at = codes_of(table, [*by, "_stream"], units.rows(), "interviews")
    on = codes_of(table, ["_day"], [(day,) for day in days], "interviews")
    n, k = np.zeros((2, units.height, len(days)))
    n[at, on] = table["_outcome_n"].to_numpy()
    k[at, on] = (table["_outcome_n"] * table["_outcome_mean"]).to_numpy()
    set_aside = pl.DataFrame([row for row in aside if row[1]], ["reason", "n"], orient="row")
    return DayCounts(units, by, levels_of(units["_stream"]), days, n, k, set_aside)
