"""Who an audience is: a map of the states and four breakdowns beside the whole file, all of one param's numbers.

The rows and their order are fixed when the chart is made; what changes is the param ``tally``: people in all, then
people in each row. So a change of the audience moves the marks, and nothing is drawn anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit import charts
from campaignkit.widgets import atlas
from campaignkit.widgets.choices import named
from campaignkit.widgets.cube import BROKEN_DOWN, Tally

if TYPE_CHECKING:
    import altair as alt

TITLES = {"age_band": "age", "sex": "sex", "party": "party", "race": "race"}
MOST_BARS = 8
MAP_WIDTH = 390
CLICKS = {f"clicked_{name}": name for name in ("state", *TITLES)}  # a selection in each view: the places clicked


class AudienceChart:
    """The rows of the chart, and how a tally becomes their numbers.

    Parameters
    ----------
    everyone : Tally
        Of the whole file, to compare with.
    clickable : bool
        Whether a click on a state or bar is told to Python, by the selections of `CLICKS`.
    """

    def __init__(self, everyone: Tally, clickable: bool = False) -> None:
        self.everyone = everyone
        self.clickable = clickable
        self.rows: list[tuple[str, str | None]] = [("state", state) for state in sorted(atlas.FIPS)]
        self.left_out: dict[str, int] = {}
        for name in TITLES:
            values = sorted(everyone.groups[name].items(), key=lambda item: _place(name, *item))
            self.rows += [(name, value) for value, _ in values[:MOST_BARS]]
            self.left_out[name] = max(len(values) - MOST_BARS, 0)

    def unmapped(self, tally: Tally) -> int:
        """Return how many people the map does not show: without a state, or in none of the fifty and DC."""
        return sum(n for state, n in tally.groups["state"].items() if state not in atlas.FIPS)

    def numbers(self, tally: Tally) -> list[int]:
        """Return the param's value: people in all, then in each row."""
        return [tally.people, *(tally.groups[name].get(value, 0) for name, value in self.rows)]

    def clicked(self, places: Iterable[int]) -> list[tuple[str, str | None]]:
        """Return the group and value of rows, by their places in the param."""
        return [self.rows[place - 1] for place in places]

    def _told(self, chart: alt.Chart, name: str) -> alt.Chart:
        """Return a view whose clicks are told: each adds the row's place to a selection, or takes it away."""
        if not self.clickable:
            return chart
        alt = charts.house()
        click = alt.selection_point(name=f"clicked_{name}", fields=["at"], on="click", toggle="true", clear=False)
        return chart.add_params(click)

    def chart(self, tally: Tally) -> alt.TopLevelMixin:
        """Draw a tally."""
        alt = charts.house()
        param = alt.param(name="tally", value=self.numbers(tally))
        top = alt.hconcat(self._map(), self._bars("age_band", 140), spacing=30)
        below = alt.hconcat(*(self._bars(name, 110) for name in ("sex", "party", "race")), spacing=26)
        whole = alt.vconcat(top, below, spacing=16).resolve_scale(fillOpacity="independent")
        return whole.add_params(param).properties(description=self._description(tally))

    def _description(self, tally: Tally) -> str:
        most = max(tally.groups["state"].items(), key=lambda item: item[1], default=("nowhere", 0))
        return (
            f"A map of the states and bars by age, sex, party and race: {tally.people:,} people, {most[1]:,} of them "
            f"in {named(most[0])}. The tick at each bar is the share in the whole file."
        )

    def _table(self, name: str) -> pl.DataFrame:
        """Return a group's rows: its place in the param, its label, and its share of the file."""
        whole, in_file = max(self.everyone.people, 1), self.everyone.groups[name]
        rows = [
            (place, named(value), in_file.get(value, 0), in_file.get(value, 0) / whole)
            for place, (group, value) in enumerate(self.rows, 1)
            if group == name
        ]
        return pl.DataFrame(rows, schema=["at", "label", "in_file", "file_share"], orient="row")

    def _bars(self, name: str, width: int) -> alt.LayerChart:
        alt = charts.house()
        table = self._table(name)
        base = (
            alt.Chart(table)
            .transform_calculate(n="tally[datum.at]", share="tally[0] > 0 ? tally[datum.at] / tally[0] : 0")
            .encode(
                y=alt.Y("label:N", sort=table["label"].to_list(), title=None, axis=alt.Axis(labelLimit=90)),
                tooltip=[
                    alt.Tooltip("label:N", title=TITLES[name]),
                    alt.Tooltip("n:Q", title="people", format=","),
                    alt.Tooltip("share:Q", title="share of the audience", format=".1%"),
                    alt.Tooltip("file_share:Q", title="share of the file", format=".1%"),
                ],
            )
        )
        x: dict[str, Any] = {"title": None, "axis": alt.Axis(format="%", tickCount=2)}
        hand = {"cursor": "pointer"} if self.clickable else {}
        bars = self._told(base.mark_bar(cornerRadiusEnd=2, **hand).encode(x=alt.X("share:Q", **x)), name)
        ticks = base.mark_tick(thickness=2, size=16, opacity=0.9).encode(x=alt.X("file_share:Q", **x))
        title = TITLES[name] + (f", {self.left_out[name]} more not shown" if self.left_out[name] else "")
        return alt.layer(bars, ticks).properties(width=width, height=alt.Step(20), title=alt.Title(title, fontSize=13))

    def _map(self) -> alt.Chart:
        alt = charts.house()
        full = atlas.names()
        table = self._table("state").with_columns(
            id=pl.col("label").replace_strict(atlas.FIPS), name=pl.col("label").replace_strict(full)
        )
        most = f"extent(slice(tally, 1, {table.height + 1}))[1]"
        title = f"{most} > 0 ? 'where; deepest blue: ' + format({most}, ',') + ' people' : 'nobody in any state'"
        hand = {"cursor": "pointer"} if self.clickable else {}
        depth = alt.Scale(type="sqrt", range=[0.15, 1], zero=True)
        shapes = alt.InlineData(atlas.outlines(), format=alt.TopoDataFormat(feature="states", type="topojson"))
        states = (
            alt.Chart(shapes)
            .mark_geoshape(fill=charts.PALETTE[0], stroke=charts.INK, strokeWidth=0.6, strokeOpacity=0.45, **hand)
            .transform_lookup("id", from_=alt.LookupData(table, "id", ["at", "name", "in_file"]))
            .transform_calculate(
                n="tally[datum.at]", of_state="datum.in_file > 0 ? tally[datum.at] / datum.in_file : 0"
            )
            .encode(
                fillOpacity=alt.condition(
                    "datum.n > 0", alt.FillOpacity("n:Q", scale=depth, legend=None), alt.value(0.01)
                ),
                tooltip=[
                    alt.Tooltip("name:N", title="state"),
                    alt.Tooltip("n:Q", title="people", format=","),
                    alt.Tooltip("of_state:Q", title="of its people in the file", format=".1%"),
                ],
            )
            .project("identity")
            .properties(width=MAP_WIDTH, height=int(MAP_WIDTH * 610 / 975))
            .properties(title=alt.Title(alt.expr(title), fontSize=13))
        )
        return self._told(states, "state")


def _place(name: str, value: str | None, n: int) -> tuple[bool, float, str]:
    """Return where a value stands: unknown last; ages in order, others the most frequent first."""
    return value is None, 0 if name == "age_band" else -n, named(value)


assert set(BROKEN_DOWN) == {"state", *TITLES}
