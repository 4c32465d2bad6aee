"""A score under one's hands: is it calibrated, how deep to call, and what it says of one made-up person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit import charts, wording
from campaignkit.widgets.shell import Shell, guarded, ipywidgets, live_chart, readout

if TYPE_CHECKING:
    import altair as alt

    from campaignkit.voters import Score
    from campaignkit.voters.model.levels import Levels

WIDTH = 300


class ScoreInspector(Shell):
    """Look through a score: its calibration, how much calling so deep reaches, and what-if for one profile.

    The first slider moves how many are called, best first. Below it are the features of one made-up person: each
    change shows the score at once, beside what it would be with every other value of the feature in *Vary*. That
    says how the score counts, not what changing a person would do.

    Parameters
    ----------
    score : Score
        What `voters.fit_score` or `fit_turnout` returned, or a score that was loaded and then judged by people.

    Raises
    ------
    BadValue
        If a loaded score knows nobody to be judged by.

    Examples
    --------
    >>> import campaignkit as ck
    >>> people = ck.sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
    >>> score = ck.voters.fit_score(
    ...     people, "entered", ["region", "sex", "age_band"], name="enters", purpose="volunteer", unit="person"
    ... )
    >>> look = ck.widgets.ScoreInspector(score)
    >>> look.profile["region"].value = "West"
    >>> row = people.filter(region="West").head(1).with_columns(sex=pl.lit(look.profile["sex"].value))
    >>> row = row.with_columns(age_band=pl.lit(look.profile["age_band"].value))
    >>> look.chance == score.predict(row).collect()["enters"][0]
    True
    """

    def __init__(self, score: Score) -> None:
        w = ipywidgets()
        self.score = score
        self._calibration, self._gains = score.calibration(), score.gains()
        self._levels = {levels.feature.name: levels for levels in score.model.design.levels}
        wide = {"layout": w.Layout(width="300px"), "style": {"description_width": "110px"}}
        depths = [f"{share:.0%}" for share in self._gains.table["called_share"]]
        self.depth = w.SelectionSlider(
            options=[(text, at) for at, text in enumerate(depths)], value=min(3, len(depths) - 1),
            description="Call the best", continuous_update=False, layout=w.Layout(width="480px"), style=wide["style"],
        )  # fmt: skip
        self.profile = {
            name: w.Dropdown(
                options=_options(levels), value=_options(levels)[_commonest(levels)][1], description=name, **wide
            )
            for name, levels in self._levels.items()
        }
        self.vary = w.Dropdown(options=list(self.profile), description="Vary", **wide)
        self.readout, self._what_if = readout(), readout()
        self.chart = live_chart(self._quality_chart())
        self.profile_chart = live_chart(self._profile_chart())
        self.depth.observe(lambda _: self._called(), "value")
        self.vary.observe(lambda _: self._varied(), "value")
        for control in self.profile.values():
            control.observe(lambda _: self._changed(), "value")
        controls = w.VBox([self.vary, *self.profile.values()]).add_class("ck-controls")
        beside = w.VBox([self._what_if, self.profile_chart]).add_class("ck-shown")
        below = w.HBox([controls, beside])
        self.box = w.VBox([self.readout, self.depth, self.chart, below]).add_class("ck-widget")
        self._called()
        self._changed()

    @guarded
    def _called(self) -> None:
        row = self._gains.table.row(self.depth.value, named=True)
        self.readout.headline = f"Calling {row['called_share']:.0%} reaches {row['reached_share']:.0%}"
        self.readout.detail = (
            f"of those with {self.score.outcome}: {row['lift']:.2f} times their share, down to a score of "
            f"{wording.share(row['score_from'])}. {self._calibration.summary()}"
        )
        self.chart.params.step = self.depth.value

    @guarded
    def _varied(self) -> None:
        self.profile_chart.chart = self._profile_chart()
        self._changed()

    @guarded
    def _changed(self) -> None:
        name = self.vary.value
        self._what_if.headline = wording.share(self.chance)
        self._what_if.detail = f"is the score {self.score.name!r} of this profile; the bars: with another {name}."
        chances = self._scores_of(name)
        self.profile_chart.params.chances = chances
        self.profile_chart.params.now = [value for _, value in _options(self._levels[name])].index(
            self.profile[name].value
        )

    @property
    def chance(self) -> float:
        """The score of the profile.

        Examples
        --------
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> look = ck.widgets.ScoreInspector(ck.sample.score())
        >>> look.profile["sex"].value, look.profile["age_band"].value = "F", "40–49"
        >>> look.profile["homeowner"].value = True
        >>> woman = pl.DataFrame({"sex": ["F"], "age_band": ["40–49"], "homeowner": [True]})
        >>> look.chance == ck.sample.score().predict(woman).collect()["enters"][0]
        True
        """
        return self._predicted({name: [control.value] for name, control in self.profile.items()})[0]

    def _scores_of(self, name: str) -> list[float]:
        """Return the profile's score with each value of a feature."""
        values = [value for _, value in _options(self._levels[name])]
        return self._predicted(
            {
                other: values if other == name else [control.value] * len(values)
                for other, control in self.profile.items()
            }
        )

    def _predicted(self, columns: dict[str, list[Any]]) -> list[float]:
        rows = pl.DataFrame([_series(self._levels[name], values) for name, values in columns.items()])
        return self.score.predict(rows, "chance").collect()["chance"].to_list()

    def _quality_chart(self) -> alt.TopLevelMixin:
        alt = charts.house()
        ends = pl.DataFrame({"share": [0.0, 1.0]})
        table = self._calibration.table
        top = max(*table["upper"].drop_nulls(), *table["predicted_rate"])
        scale, axis = alt.Scale(domain=[0, top]), alt.Axis(format="%", tickCount=4)
        x = alt.X("predicted_rate:Q", title="predicted", scale=scale, axis=axis)
        base = alt.Chart(table).encode(x=x)
        bounds = base.mark_rule(strokeWidth=2, color=charts.PALETTE[0])
        bounds = bounds.encode(y=alt.Y("lower:Q", title="observed", scale=scale, axis=axis), y2="upper:Q")
        tips = ["group:N", *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("predicted_rate", "observed_rate"))]
        points = base.mark_point(opacity=1).encode(y=alt.Y("observed_rate:Q", scale=scale), tooltip=tips)
        even = alt.Chart(pl.DataFrame({"at": [0.0, top]})).mark_line(strokeDash=[4, 3], opacity=0.6, color=charts.INK)
        agree = even.encode(x=alt.X("at:Q", scale=scale), y=alt.Y("at:Q", scale=scale))
        left = alt.layer(agree, bounds, points).properties(title=alt.Title("Calibration", fontSize=13))
        rows = self._gains.table.with_row_index("at").with_columns(pl.col("at").cast(pl.Int64))
        deep = alt.X("called_share:Q", title="called, best first", axis=axis)
        reach = alt.Y("reached_share:Q", title="reached", axis=axis)
        curve = alt.Chart(rows).mark_line().encode(x=deep, y=reach)
        here = alt.Chart(rows).transform_filter("datum.at == step")
        point = here.mark_point(size=120, opacity=1, color=charts.PALETTE[1]).encode(x=deep, y=reach)
        down = here.mark_rule(color=charts.PALETTE[1], strokeDash=[4, 3]).encode(x=deep, y=reach, y2=alt.datum(0))
        random = (
            alt.Chart(ends).mark_line(strokeDash=[4, 3], opacity=0.6, color=charts.INK).encode(x="share:Q", y="share:Q")
        )
        right = alt.layer(random, curve, down, point).properties(title=alt.Title("Gains", fontSize=13))
        sized = [part.properties(width=WIDTH, height=240) for part in (left, right)]
        step = alt.param(name="step", value=self.depth.value)
        return alt.hconcat(*sized, spacing=50).add_params(step).properties(description=self.score.summary())

    def _profile_chart(self) -> alt.TopLevelMixin:
        alt = charts.house()
        name = self.vary.value
        options = _options(self._levels[name])
        labels = [text for text, _ in options]
        values = [value for _, value in options]
        rows = pl.DataFrame({"at": range(len(labels)), "label": labels})
        chances = alt.param(name="chances", value=self._scores_of(name))
        now = alt.param(name="now", value=values.index(self.profile[name].value))
        bars = (
            alt.Chart(rows)
            .transform_calculate(chance="chances[datum.at]")
            .mark_bar(cornerRadiusEnd=2)
            .encode(
                x=alt.X("chance:Q", title="score", axis=alt.Axis(format=".0%", tickCount=4)),
                y=alt.Y("label:N", sort=labels, title=None),
                color=alt.condition("datum.at == now", alt.value(charts.PALETTE[1]), alt.value(charts.PALETTE[0])),
                tooltip=["label:N", alt.Tooltip("chance:Q", format=".1%")],
            )
        )
        return bars.add_params(chances, now).properties(
            width=charts.WIDTH, height=alt.Step(20), title=alt.Title(f"By {name}", fontSize=13),
            description=f"The profile's score with each value of {name}.",
        )  # fmt: skip

    def still(self) -> alt.TopLevelMixin:
        """Return the calibration and the gains as they stand, which need no kernel.

        Examples
        --------
        >>> import campaignkit as ck
        >>> look = ck.widgets.ScoreInspector(ck.sample.score())
        >>> look.depth.value = 5
        >>> [param["value"] for param in look.still().to_dict()["params"] if param["name"] == "step"]
        [5]
        """
        return self._quality_chart()


def _options(levels: Levels) -> list[tuple[str, Any]]:
    """Return a feature's values as shown, and as a table would have them."""
    feature = levels.feature
    return [(feature.label(key), _value(levels, key)) for key in levels.keys]


def _value(levels: Levels, key: Any) -> Any:
    """Return a number that falls under a key of bands or of a spline's grid; of a category the value itself."""
    feature = levels.feature
    if key is None or feature.kind == "category":
        return key
    if feature.kind == "spline":
        return float(key * feature.grid)
    return float(feature.edges[key - 1]) if key else float(feature.edges[0]) - 1.0


def _commonest(levels: Levels) -> int:
    return levels.codes.index(0)


def _series(levels: Levels, values: list[Any]) -> pl.Series:
    """Return values as a column of the type that the feature's known values have."""
    kind = pl.Series([value for _, value in _options(levels) if value is not None]).dtype
    return pl.Series(levels.feature.name, values, dtype=pl.String if kind == pl.Null else kind)
