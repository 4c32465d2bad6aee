"""Who really changed sides: a movement after an event, split into who answered and who changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from scipy.special import ndtri

from campaignkit.checks import PURPOSES, as_date, check_scalar, column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.polls.model.day_counts import DayCounts, count_days
from campaignkit.polls.model.frames import read_frame
from campaignkit.polls.model.held_change import HeldChange, composition, held_change
from campaignkit.polls.model.panel_reports import Panel, SamePeople, flag, read_panel, same_people
from campaignkit.polls.switchers_result import ANSWERED, AS_POLLED, CHANGED, HELD, SAME, Switchers
from campaignkit.restrictions import (
    NOT_FOR,
    not_for,
    panel_restrictions,
    remember,
    remember_flagged,
    restrictions_of,
)
from campaignkit.stats.arrays import Mask
from campaignkit.tables import PERSON, needed_unit
from campaignkit.vocabulary import CONFIDENCE_LEVEL

__all__ = ["Switchers", "switchers"]

GATE = 1.0  # of |z| between interviews and panel, below which they are averaged


def switchers(
    panel: Any,
    cross_sections: Any = None,
    *,
    before: str | Iterable[str] = (),
    after: str | Iterable[str] = (),
    party: str,
    past_vote: str,
    unit: str | None = None,
    outcome: str | None = None,
    date: str | None = None,
    event: str | dt.date | None = None,
    stream: str | None = None,
    by: str | Iterable[str] = (),
    frame: Any = None,
    frame_weight: str | None = None,
    purposes: str | Iterable[str] = (),
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
) -> Switchers:
    """Split a movement after an event into who answered and who changed.

    Parameters
    ----------
    panel : table or None
        One row per person who was asked before the event, and again after it. None: there is no panel; who changed is
        then not identified.
    cross_sections : table or None
        One row per interview of other people, before and after. None: there are none; the panel speaks alone.
    before, after : str or list of str
        The panel's reports: columns of booleans or 0/1, null where there is none. With two each, people are flagged.
    party, past_vote : str
        Party identification and recalled past vote: columns of both tables, as told before the event in the panel.
    unit : str or None
        The person's id in the panel. None: ``person_id`` where it is a universe; else it must be named.
    outcome, date, event
        Of the cross-sections: the column of the outcome (null: set aside), of the interview's day, and the first day
        after the event. They must be given with cross-sections.
    stream : str or None
        Who asked, in the cross-sections. None: one stream.
    by : str or list of str
        What the polls are weighted by otherwise, such as ``["sex", "age_band", "race"]``: "as polled" holds these
        alone.
    frame : table or None
        The electorate, with `party`, `past_vote` and the columns of `by`. None: those interviewed before the event, or
        else the panel.
    frame_weight : str or None
        How many voters a row of the frame stands for. None: 1.
    purposes : str or list of str
        For what the panel's people agreed to be contacted: of ``"fundraise"``, ``"persuade"``, ``"turnout"`` and
        ``"volunteer"``. Lists of other purposes refuse `Switchers.flagged`. Empty: all do.
    confidence_level : float
        Of the intervals.
    seed : int
        Of the bootstrap and the draws.

    Returns
    -------
    Switchers

    Raises
    ------
    BadValue
        An argument is missing or out of range, a report is no yes or no, a person has two rows.
    ColumnNotFound
        A column is missing.
    NotEnoughData
        Nobody reported before and after, or no interviews are of one side of the event.

    Notes
    -----
    The cross-sections' change is of a logit on cells, with a change of its own, shrunk, for each party × past vote,
    weighted to the composition before. It is right where willingness to answer follows party and past vote. Where it
    follows the current choice, 15–24% of a false swing stays. The panel's is the mean change of the same people,
    weighted to the same composition; its bootstrap error is taken 1.25 times, as those who answer again differ. The
    two are averaged by precision where they are less than one error apart; else the panel alone counts. A swing is
    declared where the interval leaves 0 out and so does the panel's own, on the same side. People are
    flagged by a latent-class model of four reports: of single changes of report more than half are wrong reports.

    References
    ----------
    Gelman, Goel, Rivers and Rothschild (2016), Quarterly Journal of Political Science 11, 103–130. Poterba and Summers
    (1986), Econometrica 54, 1319–1338.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("polls", 8_000, seed=1, answering="party")
    >>> found = ck.polls.switchers(
    ...     drawn["panel"], drawn["interviews"], before=["before_1", "before_2"], after=["after_1", "after_2"],
    ...     party="party", past_vote="past_vote", unit="person", outcome="supports", date="asked_on",
    ...     event="2012-10-04", stream="stream", by=["sex", "race"],
    ... )
    >>> found.declared, found.table["part"].to_list()[:3]
    (False, ['as polled', 'who answered', 'who changed'])
    """
    if panel is None and cross_sections is None:
        raise BadValue("panel and cross_sections are both None; give at least one of them.")
    names, allowed = column_names(by, "by"), column_names(purposes, "purposes")
    for name in allowed:
        check_scalar(name, "purposes", choices=list(PURPOSES))
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    check_scalar(seed, "seed", typ=int)
    day = None if event is None else as_date(event, "event")
    keys = [party, past_vote]
    asked = None if cross_sections is None else _interviews(cross_sections, outcome, [*keys, *names], date, stream, day)
    people = None if panel is None else _people(panel, unit, keys, before, after)
    target = None if frame is None else read_frame(frame, [*keys, *names], frame_weight).table
    polled, held = (None, None) if asked is None else _held(asked, keys, names, target, seed)
    same = None if people is None else same_people(people, _composition(target, asked, people, keys), seed)
    reports, flagged = (None, pl.DataFrame()) if people is None else flag(people)
    used, changed = _gate(held, same)
    half = float(ndtri(0.5 + confidence_level / 2))
    table = _table(asked, people, polled, changed, held, same, half)
    declared = None if changed is None or same is None else _declared(changed, same, half)
    flagged = _barred(flagged, panel, allowed)
    return Switchers(table, _who(same, half), flagged, reports, used, declared, day, confidence_level)


def _barred(flagged: pl.DataFrame, panel: Any, allowed: list[str]) -> pl.DataFrame:
    """Return the flagged people with what they may not be contacted for, remembered by table and by id."""
    barred = panel_restrictions(allowed)
    if PERSON in flagged.columns:
        remember_flagged(flagged[PERSON].to_list(), barred)
    if flagged.columns:
        flagged = flagged.with_columns(pl.lit(not_for(barred), pl.String).alias(NOT_FOR))
    return remember(flagged, restrictions_of(panel) | barred)


def _interviews(
    table: Any, outcome: str | None, by: list[str], date: str | None, stream: str | None, event: dt.date | None
) -> tuple[DayCounts, Mask]:
    """Return the interviews and which days are after the event."""
    if outcome is None or date is None or event is None:
        raise BadValue("cross_sections need outcome, date and event: the columns, and the first day after the event.")
    counts = count_days(table, outcome, by, date, stream)
    after = np.array([day >= event for day in counts.days])
    if after.all() or not after.any():
        side = "before" if after.all() else "after"
        raise NotEnoughData(f"No interview is of a day {side} the event, {event}; there is no change to split.")
    return counts, after


def _people(panel: Any, unit: str | None, keys: list[str], before: Any, after: Any) -> Panel:
    first, second = column_names(before, "before"), column_names(after, "after")
    if not first or not second:
        raise BadValue("before and after name the panel's reports; at least one column of each was expected.")
    return read_panel(panel, needed_unit(panel, unit), *keys, first, second)


def _held(
    asked: tuple[DayCounts, Mask], keys: list[str], by: list[str], target: pl.DataFrame | None, seed: int
) -> tuple[HeldChange, HeldChange]:
    """Return the change with `by` held alone, and with party and past vote held too."""
    counts, after = asked
    changes = []
    for held, apart in ((by, []), ([*keys, *by], keys)):
        if target is None:
            cells = composition(counts, held, after)
        else:
            cells = target.group_by(held, maintain_order=True).agg(pl.col("voters").sum())
        changes.append(held_change(counts, held, cells, apart, after, seed))
    return changes[0], changes[1]


def _composition(
    target: pl.DataFrame | None, asked: tuple[DayCounts, Mask] | None, panel: Panel, keys: list[str]
) -> pl.DataFrame:
    """Return the electorate by party and past vote: of the frame, of interviews before the event, or of the panel."""
    if target is not None:
        return target.group_by(keys, maintain_order=True).agg(pl.col("voters").sum())
    return panel.composition if asked is None else composition(asked[0], keys, asked[1])


def _gate(held: HeldChange | None, same: SamePeople | None) -> tuple[str, HeldChange | None]:
    """Return which estimates are used, and who changed by them."""
    if same is None:
        return "none", None
    alone = HeldChange(same.estimate, same.std_error)
    if held is None or abs(held.estimate - same.estimate) >= GATE * np.hypot(held.std_error, same.std_error):
        return "panel", alone
    weights = np.array([held.std_error, same.std_error]) ** -2.0
    middle = float(weights @ [held.estimate, same.estimate] / weights.sum())
    return "both", HeldChange(middle, float(weights.sum() ** -0.5))


def _declared(changed: HeldChange, same: SamePeople, half: float) -> bool:
    far = abs(changed.estimate) > half * changed.std_error
    return bool(far and same.estimate * np.sign(changed.estimate) > half * same.std_error)


def _table(
    asked: tuple[DayCounts, Mask] | None, people: Panel | None, polled: HeldChange | None, changed: HeldChange | None,
    held: HeldChange | None, same: SamePeople | None, half: float,
) -> pl.DataFrame:  # fmt: skip
    answered = None
    if polled is not None and changed is not None:
        error = float(np.hypot(polled.std_error, changed.std_error))
        answered = HeldChange(polled.estimate - changed.estimate, error)
    interviews = None if asked is None else int(asked[0].n.sum())
    back = None if people is None else people.back.height
    rows = [
        (AS_POLLED, interviews, polled), (ANSWERED, None, answered), (CHANGED, None, changed), (HELD, interviews, held),
        (SAME, back, same),
    ]  # fmt: skip
    values = [
        (part, n, *((None, None) if change is None else (change.estimate, change.std_error)))
        for part, n, change in rows
    ]
    schema = {"part": pl.String, "n": pl.Int64, "estimate": pl.Float64, "std_error": pl.Float64}
    return _bounds(pl.DataFrame(values, schema, orient="row"), half)


def _bounds(table: pl.DataFrame, half: float) -> pl.DataFrame:
    middle, error = pl.col("estimate"), pl.col("std_error")
    return table.with_columns(lower=middle - half * error, upper=middle + half * error)


def _who(same: SamePeople | None, half: float) -> pl.DataFrame:
    if same is None:
        return pl.DataFrame()
    who = _bounds(same.who, half)
    return who.with_columns(points=pl.col("share") * pl.col("estimate")).sort("points", nulls_last=True)
