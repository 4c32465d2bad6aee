"""Segments by size and lift: brush some, see who they are, hand them on as a universe."""

from __future__ import annotations

import math
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit import charts, labels, wording
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.megafile import Megafile
from campaignkit.megafile.universes import make_universe
from campaignkit.widgets.audience_chart import AudienceChart
from campaignkit.widgets.cube import tally_of
from campaignkit.widgets.shell import Shell, guarded, ipywidgets, live_chart, readout

if TYPE_CHECKING:
    import altair as alt

    from campaignkit.donors import Segments
    from campaignkit.megafile import Universe

ALL = -1  # in the list of segments: all that are in the box
CHOSEN = "indexof(chosen, datum.at) >= 0"  # in the chart's own language
BRUSHED = f"isValid(brush.size) ? inrange(datum.size, brush.size) && inrange(datum.lift, brush.lift) : {CHOSEN}"
HELD, NOT_HELD, UNKNOWN = "held up", "did not hold up", "nothing held out"


class SegmentExplorer(Shell):
    """Brush segments by size and lift, or move the two sliders; see who they are; `.universe` is what was chosen.

    The points are of the half that searched, so their lifts are too good; the tooltip and the line above have the
    held-out ones.

    Parameters
    ----------
    segments : Segments
        What `donors.discover_segments` found.
    within : Universe, Megafile or None
        Who it was found among: with it, who a segment is can be shown, and `.universe` is there. None: the numbers
        and the condition only.

    Raises
    ------
    NotEnoughData
        If no segment was found.

    Examples
    --------
    >>> import campaignkit as ck
    >>> mf = ck.sample.megafile()
    >>> invited = mf.universe("invited('host_a')")
    >>> found = ck.donors.discover_segments(
    ...     invited, outcome="entered('host_a')", by=["region", "sex", "age_band"], unit="person_id"
    ... )
    >>> explore = ck.widgets.SegmentExplorer(found, within=invited)
    >>> explore.lift.value = (2.0, explore.lift.max)
    >>> explore.universe.count() == (invited & mf.universe(found.table["where"][0])).count()
    True
    """

    def __init__(self, segments: Segments, within: Universe | Megafile | None = None) -> None:
        if segments.table.is_empty():
            raise NotEnoughData("No segment was found, so there is nothing to explore.")
        self.segments = segments
        self.within: Universe | None = within.universe() if isinstance(within, Megafile) else within
        self._table = _points(segments)
        self._shown: list[int] = []
        self._audience = None if self.within is None else AudienceChart(tally_of(self.within))
        self.readout, self._query = readout(), readout(title="As a condition")
        self.chart = live_chart(self._scatter())
        self.people = None if self._audience is None else live_chart(self._audience.chart(self._audience.everyone))
        self._make_controls()
        self._boxed()

    def _make_controls(self) -> None:
        w = ipywidgets()
        wide = {"layout": w.Layout(width="320px"), "style": {"description_width": "62px"}}
        sizes, lifts = self._table["size"].to_list(), self._table["lift"].to_list()
        least, most = min(sizes), max(sizes)
        self.size = w.IntRangeSlider(
            value=(least, most), min=least, max=most, description="Size", step=max((most - least) // 50, 1),
            continuous_update=False, **wide,
        )  # fmt: skip
        low, high = _one_decimal_below(min(lifts)), _one_decimal_below(max(lifts)) + 0.1
        self.lift = w.FloatRangeSlider(
            value=(low, high), min=low, max=high, step=0.05, description="Lift", readout_format=".2f",
            continuous_update=False, **wide,
        )  # fmt: skip
        self.choice = w.Select(options=[("", ALL)], description="Segment", rows=7, **wide)
        self.size.observe(lambda _: self._boxed(), "value")
        self.lift.observe(lambda _: self._boxed(), "value")
        self.choice.observe(lambda _: self._chosen(), "value")
        self.chart.selections.observe(self._brushed, ["brush"])
        left = w.VBox([self.chart, self.size, self.lift, self.choice]).add_class("ck-left")
        right = w.VBox([self.readout, *([self.people] if self.people else []), self._query]).add_class("ck-shown")
        self.box = w.HBox([left, right]).add_class("ck-widget")

    @guarded
    def _brushed(self, change: Any) -> None:
        """Move the sliders to the brush; taking it away opens them."""
        value = change["new"].value or {}
        size = value.get("size") or (self.size.min, self.size.max)
        lift = value.get("lift") or (self.lift.min, self.lift.max)
        self.size.value = _clipped(math.floor(size[0]), math.ceil(size[1]), self.size)
        self.lift.value = _clipped(*lift, self.lift)

    @guarded
    def _boxed(self) -> None:
        """Offer the segments within the two sliders, and choose them all."""
        inside = self._table.filter(
            pl.col("size").is_between(*self.size.value) & pl.col("lift").is_between(*self.lift.value)
        )
        self._shown = inside["at"].to_list()
        every = f"all {inside.height} of them" if inside.height != 1 else "the one there is"
        self.choice.options = [(every, ALL), *((row["segment"], row["at"]) for row in inside.iter_rows(named=True))]
        self.choice.value = ALL
        self._show()

    @guarded
    def _chosen(self) -> None:
        if self.choice.value is not None:
            self._show()

    def _show(self) -> None:
        """Show what is chosen; a helper of handlers, which put its errors on the screen."""
        rows = self.rows
        self.chart.params.chosen = rows["at"].to_list()
        self.readout.headline, self.readout.detail = _sentences(rows, self.segments.outcome)
        self._query.sql = self.where
        if self.within is not None and self.people is not None and self._audience is not None:
            tally = tally_of(self.universe)
            self.readout.detail += (
                f" {tally.people:,} of {self._audience.everyone.people:,} people ({self.within.description})."
            )
            self.people.params.tally = self._audience.numbers(tally)

    @property
    def rows(self) -> pl.DataFrame:
        """The chosen segments' rows.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 10_000, seed=1, host="host_a", appeal=4.0).table
        >>> found = ck.donors.discover_segments(people, outcome="entered", by=["sex", "age_band"], unit="person")
        >>> explore = ck.widgets.SegmentExplorer(found)
        >>> explore.choice.value = explore.choice.options[1][1]  # after "all of them", the first
        >>> explore.rows["where"].to_list() == found.table["where"].to_list()[:1]
        True
        """
        chosen = self._shown if self.choice.value in (ALL, None) else [self.choice.value]
        return self._table.filter(pl.col("at").is_in(chosen))

    @property
    def where(self) -> str:
        """The condition that holds for people in any of the chosen segments, as `Megafile.universe` takes it.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 10_000, seed=1, host="host_a", appeal=4.0).table
        >>> found = ck.donors.discover_segments(people, outcome="entered", by=["sex", "age_band"], unit="person")
        >>> explore = ck.widgets.SegmentExplorer(found)
        >>> explore.choice.value = explore.choice.options[1][1]
        >>> print(explore.where)
        ("sex" = 'F' AND "age_band" = '40–49')
        """
        return " OR ".join(f"({where})" for where in self.rows["where"]) or "false"

    @property
    def universe(self) -> Universe:
        """The people in any of the chosen segments, among those that were searched.

        Raises
        ------
        BadValue
            If the explorer was not told who the segments were found among.

        Examples
        --------
        >>> import campaignkit as ck
        >>> invited = ck.sample.megafile().universe("invited('host_a')")
        >>> found = ck.donors.discover_segments(
        ...     invited, outcome="entered('host_a')", by=["sex", "age_band"], unit="person_id"
        ... )
        >>> explore = ck.widgets.SegmentExplorer(found, within=invited)
        >>> explore.universe.count() == (invited & invited.megafile.universe(explore.where)).count()
        True
        """
        if self.within is None:
            raise BadValue("These segments know no megafile; make it SegmentExplorer(segments, within=mf).")
        parts = [make_universe(self.within.megafile, (where,), self.within.as_of, {}) for where in self.rows["where"]]
        if not parts:
            return make_universe(self.within.megafile, ("false",), self.within.as_of, {})
        return self.within & reduce(or_, parts)

    def _scatter(self, brushed_alone: bool = False) -> alt.TopLevelMixin:
        """Draw the segments; `brushed_alone`: the chart itself marks what is brushed, as no kernel answers."""
        alt = charts.house()
        table, kinds = self._table, [HELD, NOT_HELD, UNKNOWN]
        chosen = alt.param(name="chosen", value=table["at"].to_list())
        brush = alt.selection_interval(name="brush", mark=alt.BrushConfig(fillOpacity=0.1, stroke="transparent"))
        x = alt.X("size:Q", title="people (searched half)", scale=alt.Scale(type="log", nice=False, padding=14))
        y = alt.Y("lift:Q", title="lift", scale=alt.Scale(zero=False, padding=14))
        kind = [value for value in kinds if value in table["kind"].to_list()]
        colors = list(charts.PALETTE[: len(kind)])
        points = (
            alt.Chart(table)
            .mark_point(filled=True, size=90)
            .encode(
                x=x, y=y,
                color=alt.Color("kind:N", scale=alt.Scale(domain=kind, range=colors), title=None),
                shape=alt.Shape("kind:N", scale=alt.Scale(domain=kind), title=None),
                opacity=alt.condition(BRUSHED if brushed_alone else CHOSEN, alt.value(1), alt.value(0.25)),
                tooltip=[
                    alt.Tooltip("segment:N"), alt.Tooltip("size:Q", format=","), alt.Tooltip("lift:Q", format=".2f"),
                    alt.Tooltip("holdout_lift:Q", format=".2f", title="held-out lift"),
                ],
            )
            .add_params(brush)
        )  # fmt: skip
        return points.add_params(chosen).properties(
            width=250,
            height=250,
            title=alt.Title("Drag over segments", fontSize=13),
            description=self.segments.summary(),
        )

    def still(self) -> alt.TopLevelMixin:
        """Return the segments' chart, which needs no kernel: a box dragged over it marks the segments within.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 10_000, seed=1, host="host_a", appeal=4.0).table
        >>> found = ck.donors.discover_segments(people, outcome="entered", by=["sex", "age_band"], unit="person")
        >>> explore = ck.widgets.SegmentExplorer(found)
        >>> explore.still().description == found.summary()
        True
        """
        return self._scatter(brushed_alone=True)


def _points(segments: Segments) -> pl.DataFrame:
    """Return the segments that have a lift, numbered, with whether they held up."""
    held = pl.when(pl.col("holdout_p_adjusted").is_null()).then(pl.lit(UNKNOWN))
    held = held.when(pl.col("holdout_p_adjusted") <= segments.q).then(pl.lit(HELD)).otherwise(pl.lit(NOT_HELD))
    names = ["segment", "where", "size", "rate", "lift", "holdout_size", "holdout_rate", "holdout_lift"]
    table = segments.table.select(*names, "holdout_lift_lower", "holdout_lift_upper", kind=held).with_row_index("at")
    return table.with_columns(pl.col("at").cast(pl.Int64)).filter(pl.col("lift").is_not_null())


def _sentences(rows: pl.DataFrame, outcome: str) -> tuple[str, str]:
    """Return a headline and a line on the chosen segments."""
    if rows.is_empty():
        return "0 segments", "None lies within both sliders: widen them, or drag a larger box over the points."
    if rows.height != 1:
        held = rows.filter(kind=HELD).height
        return f"{rows.height} segments", f"{held} of them held up on people who were not searched."
    row = rows.row(0, named=True)
    sentence = (
        f"{wording.share(row['rate'])} {labels.who(outcome)} among {row['size']:,} searched, lift {row['lift']:.2f}."
    )
    if row["holdout_lift"] is not None:
        bounds = row["holdout_lift_lower"], row["holdout_lift_upper"]
        interval = "" if None in bounds else f" (95% interval {bounds[0]:.2f} to {bounds[1]:.2f})"
        sentence += f" Held out: {wording.share(row['holdout_rate'])} of {row['holdout_size']:,}, "
        sentence += f"lift {row['holdout_lift']:.2f}{interval}."
    return row["segment"], sentence


def _clipped(low: float, high: float, slider: Any) -> tuple[Any, Any]:
    return max(low, slider.min), min(max(high, slider.min), slider.max)


def _one_decimal_below(value: float) -> float:
    return round(int(value * 10) / 10, 10)
