"""What trends say: where each group stands, who moved apart from the rest, and what chance alone would have shown."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from scipy.special import ndtri

from campaignkit import charts
from campaignkit.errors import listed
from campaignkit.labels import condition
from campaignkit.result import Result
from campaignkit.wording import between, change, confidence, counted, interval, p_value, points, share

if TYPE_CHECKING:
    import altair as alt

CLAIMED = 0.05  # an adjusted p-value up to which a group is said to have moved
SHOWN = 24  # groups in the chart
ACROSS = 4


@dataclass(frozen=True, eq=False, repr=False)
class Trends(Result):
    """Where each group stands on the last day, and how it came there.

    `table` has one row per group, everyone first (``variable`` "all"):

    - ``variable``, ``level``; ``n``: interviews of the group; ``share``: of the frame;
    - ``estimate``: the outcome's share in the group on the last day, with ``std_error``, ``lower``, ``upper``;
    - ``change``: from the day `since` to the last, drawn toward everyone's, with ``change_lower``, ``change_upper``;
    - ``relative``, ``relative_std_error``: the movement apart from the rest, on the logit scale (.04 is about a point),
      not drawn in: a large one is overstated by having been picked, and `change` is the figure to quote;
    - ``p_value``: that the group moved as the rest did; ``p_adjusted``, ``correction``: adjusted for all groups;
    - ``moved``: whether ``p_adjusted`` ≤ .05. Null, with the p-values, where there is nobody to compare with.

    Attributes
    ----------
    path : polars.DataFrame
        ``variable``, ``level``, ``date``, ``n``, ``estimate``, ``lower``, ``upper``: each group on each day that has
        interviews.
    houses : polars.DataFrame
        ``stream``, ``n``, ``estimate``, ``lower``, ``upper``: how far each stream leans beside the middle of all, in
        shares. What all lean together cannot be told from them.
    set_aside : polars.DataFrame
        ``reason``, ``n``: interviews that were not used.
    since : date
    event : date or None
    interviews, unreached : int
        Interviews used; cells of the frame that none of them reached.
    confidence_level : float
    """

    path: pl.DataFrame
    houses: pl.DataFrame
    set_aside: pl.DataFrame
    since: dt.date
    event: dt.date | None
    interviews: int
    unreached: int
    confidence_level: float

    @property
    def last(self) -> dt.date:
        """The last day with interviews.

        Examples
        --------
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("polls", 2_000, seed=1, days=10, event=None)
        >>> now = ck.polls.trends(drawn["interviews"], "supports", ["sex", "party"], "asked_on", stream="stream")
        >>> now.last
        datetime.date(2012, 10, 8)
        """
        return self.path["date"].max()  # ty: ignore

    def summary(self) -> str:
        """Say where everyone stands, who moved, who did not, and how many moves chance would have shown."""
        everyone, groups = self.table.row(0, named=True), self.table.slice(1)
        level = confidence(self.confidence_level)
        text = (
            f"{share(everyone['estimate'])} of everyone on {self.last} ({level} interval "
            f"{between(everyone['lower'], everyone['upper'], share)}), {change(everyone['change'], 'rate')} "
            f"({interval(everyone['change_lower'], everyone['change_upper'], 'rate')}) since {self.since}, from "
            f"{counted(self.interviews, 'interview')}"
        )
        if self.houses.height > 1:
            text += f" in {self.houses.height} streams"
        if self.set_aside.height:
            text += f" ({self.set_aside['n'].sum():,} left out)"
        if self.houses.height > 1:
            text += ". The level is the streams' average, so a lean that all of them share does not show"
        return f"{text}. {self._who_moved(groups.drop_nulls('p_value'))}"

    def _who_moved(self, tested: pl.DataFrame) -> str:
        if tested.is_empty():
            return "No group can be compared with the rest."
        moved, groups = tested.filter("moved"), counted(tested.height, "group")
        rows = moved.sort("p_value").iter_rows(named=True)
        names = listed(
            [f"{_name(r)} ({change(r['change'], 'rate')}, {p_value(r['p_adjusted'])} adjusted)" for r in rows], 5
        )
        who = (
            f"Of {groups}, these moved apart from the rest: {names}"
            if moved.height
            else f"None of {groups} clearly moved apart from the rest"
        )
        below = int((tested["p_value"] <= CLAIMED).sum())
        seen = points(self._seen_half_the_time(tested))
        return (
            f"{who}. {below} had p ≤ 0.05 before adjustment; chance alone would give "
            f"{CLAIMED * tested.height:.1f}. A group not named may still have moved: a gap of {seen} "
            "points from the rest would be seen half the time."
        )

    def _seen_half_the_time(self, tested: pl.DataFrame) -> float:
        """Return the movement of a typical group, in shares, that would be claimed half the time, alone."""
        error = tested["relative_std_error"].median()
        return float(error) * float(-ndtri(CLAIMED / 2 / tested.height)) / 4  # ty: ignore

    def chart(self) -> alt.TopLevelMixin:
        """Draw each group's daily path with its interval, those that moved first."""
        alt = charts.house()
        ranked = self.table.with_row_index("_at").sort(pl.col("moved").fill_null(True), "_at", descending=[True, False])
        ranked = ranked.head(SHOWN)
        titles = [f"{_name(row)}: {row['n']:,}" for row in ranked.iter_rows(named=True)]
        ranked = ranked.with_columns(group=pl.Series(titles))
        rows = self.path.join(ranked.select("variable", "level", "group"), on=["variable", "level"], nulls_equal=True)
        base = alt.Chart(rows).encode(x=alt.X("date:T", title=None, axis=alt.Axis(format="%b %-d", tickCount=3)))
        y = {"title": None, "axis": alt.Axis(format=".0%", tickCount=4), "scale": alt.Scale(zero=False)}
        tips = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("estimate", "lower", "upper")]
        tips = [alt.Tooltip("date:T"), *tips, alt.Tooltip("n:Q", title="interviews", format=",")]
        band = base.mark_area(opacity=0.25).encode(y=alt.Y("lower:Q", **y), y2="upper:Q")
        line = base.mark_line().encode(y=alt.Y("estimate:Q", **y), tooltip=tips)
        layers = alt.layer(band, line).properties(width=130, height=80)
        panels = layers.facet(facet=alt.Facet("group:N", sort=titles, title=None), columns=ACROSS)
        title = f"Share by day, {confidence(self.confidence_level)} interval, with the interviews behind it"
        return panels.resolve_scale(y="independent").properties(description=self.summary(), title=title)

    def percentages(self) -> list[str]:
        """Return the columns of shares."""
        return ["share", "estimate", "std_error", "lower", "upper", "change", "change_lower", "change_upper"]


def _name(row: dict) -> str:
    level = "unknown" if row["level"] is None else row["level"]
    return level if row["variable"] == "all" else condition(row["variable"], level)
