"""What switchers say: how much of a movement was who answered, how much who changed, and who they were."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from campaignkit import charts
from campaignkit.labels import condition
from campaignkit.result import Result
from campaignkit.stats.survey.repeated_reports import Reports
from campaignkit.wording import change, confidence, counted, interval, share

if TYPE_CHECKING:
    import altair as alt

AS_POLLED, ANSWERED, CHANGED = "as polled", "who answered", "who changed"
HELD, SAME = "interviews, party and past vote held", "panel, the same people"


@dataclass(frozen=True, eq=False, repr=False)
class Switchers(Result):
    """A movement after an event, split into who answered and who changed.

    `table` has one row per part: ``part``; ``n``: interviews, or people who reported before and after; ``estimate``: a
    change of the outcome's share, with ``std_error``, ``lower``, ``upper``. The parts are "as polled" (interviews
    weighted by `by` alone), which is the sum of "who answered" and "who changed"; and the two estimates that the last
    is made of: "interviews, party and past vote held", and "panel, the same people". Null where it is not known.

    Attributes
    ----------
    who : polars.DataFrame
        Of the panel, by party and past vote: ``n``, ``share`` (of the electorate), ``estimate`` (the same people's
        change), ``std_error``, ``lower``, ``upper``, and ``points`` (share times estimate: its part of the whole).
        Empty without a panel.
    flagged : polars.DataFrame
        The people whose reports say that they changed sides: the unit, ``before``, ``after``, ``probability``,
        ``not_to_contact_for``: the purposes that were not allowed (null: none). For study: lists of those purposes
        refuse tables that have this column, and while Python runs any table half of whose ``person_id`` or more are
        flagged.
    reports : Reports or None
        What four reports say of all: how many left and joined, and how often a report is wrong. None: there are not
        two reports before and two after.
    used : str
        ``"both"``: interviews and panel agree and are averaged; ``"panel"``: they do not, or there is the panel alone;
        ``"none"``: there is no panel, and who changed is not identified.
    declared : bool or None
        Whether people changed sides on balance, as far as the interval says and the panel supports. None: not
        identified.
    event : date or None
    confidence_level : float
    """

    who: pl.DataFrame
    flagged: pl.DataFrame
    reports: Reports | None
    used: str
    declared: bool | None
    event: dt.date | None
    confidence_level: float

    def _said(self, part: str) -> str:
        row = self.table.row(by_predicate=pl.col("part") == part, named=True)
        return f"{change(row['estimate'], 'rate')} ({interval(row['lower'], row['upper'], 'rate')})"

    def summary(self) -> str:
        """Say how much of the movement was who answered, whether a swing is declared, and who was flagged."""
        polled = self.table.row(0, named=True)["estimate"] is not None
        start = f"In the polls, the share changed by {self._said(AS_POLLED)} from {self.event} on. " if polled else ""
        if self.used == "none":
            return (
                f"{start}With party and past vote held as before, {self._said(HELD)} remains. Who changed is not "
                "identified: without a panel of the same people, a change of mind can't be told from a change in who "
                "answers."
            )
        level = confidence(self.confidence_level)
        answered = f"Of that, {self._said(ANSWERED)} comes from who answered and " if polled else ""
        comes = "" if polled else "comes "
        verdict = "a swing is declared" if self.declared else "no swing is declared"
        basis = "interviews and panel agree" if self.used == "both" else "from the panel alone"
        return (
            f"{start}{answered}{self._said(CHANGED)} {comes}from who changed ({level} intervals; {basis}): {verdict}."
            f"{self._most()}{self._flags()}"
        )

    def _most(self) -> str:
        if not self.declared or self.who.is_empty():
            return ""
        party, past = self.who.columns[:2]
        row = self.who.sort(pl.col("points").abs(), descending=True, nulls_last=True).row(0, named=True)
        return (
            f" The largest part, {change(row['points'], 'rate')}, comes from {condition(party, row[party])} with "
            f"{condition(past, row[past])} "
            f"({share(row['share'])} of the electorate)."
        )

    def _flags(self) -> str:
        if self.reports is None:
            return " Nobody is flagged: that takes two reports before and two after."
        people = counted(self.flagged.height, "person is", "people are")
        wrong = share(self.reports.misreport)
        return (
            f" {people} flagged as having switched sides, from four reports of which {wrong} are wrong; the flags are "
            "for study only."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the parts with their intervals."""
        rows = self.table.drop_nulls("estimate")
        title = f"Change of the share, {confidence(self.confidence_level)} interval"
        return charts.intervals(rows, "part", description=self.summary(), reference=0, title=title, number="+.1%")

    def percentages(self) -> list[str]:
        """Return the columns of shares."""
        return ["estimate", "std_error", "lower", "upper"]
