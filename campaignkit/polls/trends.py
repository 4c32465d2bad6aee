"""Where each group stands and is heading: all streams of interviews pooled, day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit, logit, ndtri

from campaignkit.checks import as_date, check_scalar, column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.polls.model.day_counts import DayCounts, count_days
from campaignkit.polls.model.frames import FrameCells, read_frame
from campaignkit.polls.model.movement import movements
from campaignkit.polls.model.trend_model import TrendModel, fit_trends
from campaignkit.polls.trends_result import CLAIMED, Trends
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.multiplicity import adjusted
from campaignkit.vocabulary import CONFIDENCE_LEVEL

__all__ = ["Trends", "trends"]

DRAWS = 400
_LEVEL = ["estimate", "std_error", "lower", "upper"]


def trends(
    responses: Any,
    outcome: str,
    by: str | Iterable[str],
    date: str,
    *,
    stream: str | None = None,
    frame: Any = None,
    frame_weight: str | None = None,
    since: str | dt.date | None = None,
    event: str | dt.date | None = None,
    window: int | None = None,
    correction: str = "holm",
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
) -> Trends:
    """Estimate where each group stands on each day, and test which moved apart from the rest.

    Parameters
    ----------
    responses : table
        One row per interview.
    outcome : str
        Booleans or 0/1. Interviews in which it is null are set aside and counted.
    by : str or list of str
        Attributes, such as ``["sex", "age_band", "region", "party"]``: each of their levels is a group. An unknown one
        (null) is a level of its own.
    date : str
        The day of the interview: a column of dates or times.
    stream : str or None
        Who asked: a call center, canvassers, an online panel. None: one stream.
    frame : table or None
        The voters that are wanted: a table of counts with the columns of `by`, or people one row each, as a universe.
        None: those who were interviewed, as they came.
    frame_weight : str or None
        How many voters a row of the frame stands for: a column, or of a universe a fact such as ``score('turnout')``.
        None: each row counts 1.
    since : date or ISO text or None
        From when changes are counted and movements tested. None: the last day before `event`, or the first day.
    event : date or ISO text or None
        The first day after something known that may have moved everyone at once, such as a debate. The movement of
        each group is then tested as a step on that day. None: nothing of the kind; drifts are tested.
    window : int or None
        Use only so many days up to the last. None: all.
    correction : str
        Of the p-values, for all groups: ``"holm"``, ``"bh"`` (Benjamini and Hochberg) or ``"none"``.
    confidence_level : float
        Of the intervals.
    seed : int
        Of the draws behind the intervals.

    Returns
    -------
    Trends

    Raises
    ------
    BadValue
        A date is null, the interviews have a level that the frame lacks, or a day is out of range.
    ColumnNotFound
        A column is missing.
    NotEnoughData
        All interviews are of one day, or none has an answer.

    Notes
    -----
    A logit on counts of cells × days × streams. Intercept, levels and combinations of two levels are normal; everyone
    walks day by day, with a step of its own at `event`; each level drifts by six Karhunen–Loève columns of a walk that
    starts at 0, with a standard deviation of its own (one for all makes the intervals of those that move cover 15%);
    streams have house effects around their middle. Standard deviations are at the mode of their marginal posterior on
    the quadratic at the coefficients' mode, linearised three times. Intervals are of these draws. They hold for answers
    that are missing at random given `by`: see `switchers` for those that are not.

    Movements are tested apart from that, with drifts that no prior draws in (`polls.model.movement`).

    References
    ----------
    Gelman, Lax, Phillips, Gabry and Trangucci (2016), "Using multilevel regression and poststratification to estimate
    dynamic public opinion". Jackman (2005), Australian Journal of Political Science 40, 499–517. Holm (1979),
    Scandinavian Journal of Statistics 6, 65–70.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("polls", 3_000, seed=2, days=12, event=None)
    >>> now = ck.polls.trends(
    ...     drawn["interviews"], "supports", ["sex", "race"], "asked_on", stream="stream", frame=drawn["frame"],
    ...     frame_weight="n",
    ... )
    >>> now.table.select("variable", "level", "moved").head(3).rows()
    [('all', 'everyone', None), ('sex', 'F', False), ('sex', 'M', False)]
    """
    names = column_names(by, "by")
    if not names:
        raise BadValue("by is empty; name the attributes whose groups are wanted.")
    check_scalar(window, "window", typ=int, ge=2, optional=True)
    check_scalar(correction, "correction", choices=("holm", "bh", "none"))
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    check_scalar(seed, "seed", typ=int)
    counts = count_days(responses, outcome, names, date, stream, window)
    if len(counts.days) < 2:
        raise NotEnoughData(f"All interviews are of {counts.days[0]}; a trend needs two days. See polls.mrp for one.")
    step = None if event is None else _within(event, "event", counts.days[1:], counts.days)
    first = _since(since, step, counts.days)
    model = fit_trends(counts, _frame(frame, names, frame_weight, counts), step)
    return _trends(
        model, counts if step is not None else counts.since(first), first, step, correction, confidence_level, seed
    )


def _within(value: Any, name: str, allowed: list[dt.date], days: list[dt.date]) -> dt.date:
    """Return a day, or refuse one that is out of range."""
    day = as_date(value, name)
    if not days[0] < day <= allowed[-1]:
        raise BadValue(f"{name} is {day}; a day after {days[0]} and up to {allowed[-1]} was expected.")
    return day


def _since(since: Any, event: dt.date | None, days: list[dt.date]) -> dt.date:
    """Return the day with interviews from which changes are counted."""
    if since is None:
        return days[0] if event is None else max(day for day in days if day < event)
    day = as_date(since, "since")
    if not days[0] <= day < days[-1]:
        raise BadValue(f"since is {day}; a day from {days[0]} up to the one before {days[-1]} was expected.")
    later = [at for at in days[:-1] if at >= day]
    return later[0] if later else days[-2]


def _frame(frame: Any, by: list[str], frame_weight: str | None, counts: DayCounts) -> FrameCells:
    if frame is not None:
        return read_frame(frame, by, frame_weight)
    if frame_weight is not None:
        raise BadValue("frame_weight is of a frame, and frame is None; give the frame, or weigh nothing.")
    asked = counts.units.with_columns(voters=pl.Series(counts.n.sum(axis=1)))
    return FrameCells(tuple(by), asked.group_by(*by, maintain_order=True).agg(pl.col("voters").sum()))


def _trends(
    model: TrendModel,
    tested: DayCounts,
    since: dt.date,
    event: dt.date | None,
    correction: str,
    level: float,
    seed: int,
) -> Trends:
    counts, groups = model.counts, [("all", "everyone"), *model.attributes.groups]
    draws = model.fit.draws(DRAWS, np.random.default_rng(seed))
    shares = model.shares(draws)
    names = pl.DataFrame(
        [(name, None if value is None else str(value)) for name, value in groups], ["variable", "level"], orient="row"
    )
    asked = _asked(model)
    path = _path(names, counts.days, asked, shares, level)
    now = path.group_by("variable", "level", maintain_order=True).last().drop("date", "n")
    now = now.drop("variable", "level").with_columns(std_error=pl.Series(shares[:, -1].std(axis=1)))
    table = pl.concat([names, _levels(model, asked), now.select(_LEVEL)], how="horizontal")
    changes = shares[:, -1] - shares[:, counts.days.index(since)]
    half = float(ndtri(0.5 + level / 2)) * changes.std(axis=1)
    middle = changes.mean(axis=1)
    table = table.with_columns(change=middle, change_lower=middle - half, change_upper=middle + half)
    table = table.with_columns(_tests(model, tested, correction))
    reached = counts.units.select(model.frame.by).unique()
    unreached = model.frame.table.join(reached, on=model.frame.by, how="anti", nulls_equal=True).height
    return Trends(
        table, path, _houses(model, draws, level), counts.set_aside, since, event, int(counts.n.sum()), unreached,
        level,
    )  # fmt: skip


def _asked(model: TrendModel) -> Floats:
    """Return each group's interviews, groups × days, everyone first."""
    inside = model.attributes.indicators(model.attributes.codes(model.counts.units))
    return np.concatenate([np.ones((1, len(inside))), inside.T]) @ model.counts.n


def _levels(model: TrendModel, asked: Floats) -> pl.DataFrame:
    inside = model.attributes.indicators(model.frame_codes())
    voters = np.append(model.frame.voters.sum(), model.frame.voters @ inside)
    return pl.DataFrame({"n": asked.sum(axis=1).astype(np.int64), "share": voters / voters[0]})


def _path(names: pl.DataFrame, days: list[dt.date], asked: Floats, shares: Floats, level: float) -> pl.DataFrame:
    """Return each group on each day; bounds are of the logit."""
    odds = logit(np.clip(shares, 1e-9, 1 - 1e-9))
    middle, half = odds.mean(axis=2), float(ndtri(0.5 + level / 2)) * odds.std(axis=2)
    rows = names.select(pl.all().repeat_by(len(days)).explode())
    values = {
        "n": asked.astype(np.int64),
        "estimate": shares.mean(axis=2),
        "lower": expit(middle - half),
        "upper": expit(middle + half),
    }
    return rows.with_columns(
        pl.Series("date", days * names.height), *(pl.Series(name, value.ravel()) for name, value in values.items())
    )


def _tests(model: TrendModel, tested: DayCounts, correction: str) -> list[pl.Series]:
    """Return the columns of the test, everyone's null."""
    tests = movements(model, tested)
    known = ~np.isnan(tests.p_value)
    p = np.full(len(known), np.nan)
    p[known] = adjusted(tests.p_value[known], correction)
    columns = {
        "relative": tests.estimate,
        "relative_std_error": tests.std_error,
        "p_value": tests.p_value,
        "p_adjusted": p,
    }
    series = [pl.Series(name, np.append(np.nan, values)).fill_nan(None) for name, values in columns.items()]
    moved = pl.Series(
        "moved", [None, *(bool(at <= CLAIMED) if ok else None for at, ok in zip(p, known, strict=True))], pl.Boolean
    )
    return [*series, pl.Series("correction", [None, *([correction] * len(known))], pl.String), moved]


def _houses(model: TrendModel, draws: Floats, level: float) -> pl.DataFrame:
    """Return each stream's lean beside the middle of all, in shares where the outcome's is what it is."""
    counts = model.counts
    effects = draws[model.streams]
    p = float(counts.k.sum() / counts.n.sum())
    lean = (effects - effects.mean(axis=0)) * p * (1 - p)
    middle, half = lean.mean(axis=1), float(ndtri(0.5 + level / 2)) * lean.std(axis=1)
    asked = np.bincount(counts.stream_codes, counts.n.sum(axis=1)).astype(np.int64)
    return pl.DataFrame({
        "stream": [None if name is None else str(name) for name in counts.streams], "n": asked, "estimate": middle,
        "lower": middle - half, "upper": middle + half,
    })  # fmt: skip
