"""What of a test is on the board: its chart, its steps, and what is said at each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit import charts, labels, wording
from campaignkit.errors import NotEnoughData
from campaignkit.experiments import Analysis, TestAndRoll, Winners
from campaignkit.result import Result

if TYPE_CHECKING:
    import altair as alt

STEPS = 20  # of the roll-out
WIDTH = 620


def panel_of(result: Result, recipients: int) -> Panel:
    """Return the panel that fits a result."""
    if isinstance(result, Analysis) and result.sequential is not None and not result.sequential.table.is_empty():
        return Days(result)
    if isinstance(result, Winners):
        return RollOut(result, recipients)
    if isinstance(result, TestAndRoll):
        return TestSize(result)
    return Panel(result)


class Panel:
    """A result as it is, with nothing to move.

    Attributes
    ----------
    moves : str
        What the slider moves.
    steps : list of str
        Its steps; empty: there is no slider.
    """

    moves = ""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.steps: list[str] = []

    def start(self) -> int:
        """Return the step to begin with: the last one."""
        return max(len(self.steps) - 1, 0)

    def sentences(self, step: int) -> tuple[str, str]:
        """Return a headline and a line."""
        return "", self.result.summary()

    def chart(self, step: int | None = None) -> alt.TopLevelMixin:
        """Return the chart; where there are steps, at one of them, by a param ``step``."""
        chart = self.result.chart()
        if chart is None:
            raise NotEnoughData("This result has nothing to draw.")
        return chart

    def _at(self, step: int | None) -> Any:
        return charts.house().param(name="step", value=self.start() if step is None else step)


class Days(Panel):
    """An analysis's first outcome over its days."""

    moves = "Day"

    def __init__(self, result: Analysis) -> None:
        super().__init__(result)
        self.looks: Any = result.sequential
        self.outcome = self.looks.table["outcome"][0]
        rows = self.looks.table.filter(outcome=self.outcome)
        days = rows["day"].unique().sort()
        self.steps = [str(day) for day in days]
        place = pl.col("day").replace_strict(days, range(len(days)), return_dtype=pl.Int64)
        self.rows = rows.with_columns(at=place, arm=pl.col("arm").cast(pl.String))
        self.kind = self.looks.arms[self.outcome].kind

    def sentences(self, step: int) -> tuple[str, str]:
        """Say how each arm stood on the day."""
        rows = self.rows.filter(at=step)
        told = [
            f"{row['arm']} {wording.change(row['estimate'], self.kind)} "
            f"({wording.interval(row['lower'], row['upper'], self.kind)})"
            for row in rows.iter_rows(named=True)
        ]
        clear = rows.filter((pl.col("lower") > 0) | (pl.col("upper") < 0))["arm"].to_list()
        verdict = f"{' and '.join(clear)}: beyond chance" if clear else "nothing beyond chance yet"
        return (
            f"{self.steps[step]}: {verdict}",
            f"{labels.heading(self.outcome, self.result.labels)}, difference to {self.result.control}: "
            f"{'; '.join(told)}. Intervals hold on all days at once.",
        )

    def chart(self, step: int | None = None) -> alt.TopLevelMixin:
        """Draw the arms on the day, and the days up to it."""
        alt = charts.house()
        arms = self.rows["arm"].unique(maintain_order=True).head(len(charts.PALETTE) - 1).to_list()
        table = self.rows.filter(pl.col("arm").is_in(arms))
        number = alt.Axis(format="+.1%" if self.kind == "rate" else "+,.2~f")
        value = {"title": "difference", "axis": number}
        color = alt.Color("arm:N", sort=arms, title=None, legend=alt.Legend(orient="top"))
        tips = [
            "arm:N",
            "day",
            *(alt.Tooltip(f"{name}:Q", format=number.format) for name in ("estimate", "lower", "upper")),
        ]
        base = alt.Chart(table).encode(color=color, tooltip=tips)
        on_day = base.transform_filter("datum.at == step").encode(y=alt.Y("arm:N", sort=arms, title=None))
        zero = alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(strokeDash=[4, 3], opacity=0.6)
        # The whole range stays in view, so that the interval is seen to shrink from day to day.
        whole = alt.Scale(domain=[float(table["lower"].min()), float(table["upper"].max())], clamp=True)
        lines = on_day.mark_rule(strokeWidth=3).encode(x=alt.X("lower:Q", scale=whole, **value), x2="upper:Q")
        points = on_day.mark_point(size=110, filled=True, opacity=1).encode(x=alt.X("estimate:Q", scale=whole, **value))
        arms_now = alt.layer(zero.encode(x="zero:Q"), lines, points).properties(width=WIDTH, height=alt.Step(30))
        kind = "T" if self.rows["day"].dtype.is_temporal() else "Q"
        over = base.encode(x=alt.X(f"day:{kind}", title=None))
        ahead = over.mark_line(opacity=0.25).encode(y=alt.Y("estimate:Q", **value))
        so_far = over.transform_filter("datum.at <= step")
        band = so_far.mark_area(opacity=0.14).encode(y=alt.Y("lower:Q", **value), y2="upper:Q")
        line = so_far.mark_line(point=True).encode(y=alt.Y("estimate:Q", scale=whole, **value))
        today = over.transform_filter("datum.at == step").mark_rule(opacity=0.5)
        today = today.encode(color=alt.value(charts.INK))
        days = alt.layer(ahead, band, line, today, zero.encode(y="zero:Q")).properties(width=WIDTH, height=220)
        title = f"{labels.heading(self.outcome, self.result.labels)}: difference to {self.result.control}"
        return (
            alt.vconcat(arms_now, days, spacing=14)
            .add_params(self._at(step))
            .properties(title=title, description=self.result.summary())
        )


class RollOut(Panel):
    """Winners, and what the winner brings as more of the list gets it."""

    moves = "Roll-out"

    def __init__(self, result: Winners, recipients: int) -> None:
        super().__init__(result)
        self.recipients = result.recipients or recipients
        self.sent = [round(self.recipients * step / STEPS) for step in range(STEPS + 1)]
        self.steps = [f"{step / STEPS:.0%} of {self.recipients:,}" for step in range(STEPS + 1)]
        self.money = result.table["kind"][0] == "money"
        self.rows = pl.DataFrame([result.rolled_out(n) for n in self.sent]).with_row_index("at")
        self.rows = self.rows.with_columns(pl.col("at").cast(pl.Int64), sent=pl.Series(self.sent))

    def sentences(self, step: int) -> tuple[str, str]:
        """Say what the winner is worth at the step."""
        best, worth = self.result.table.row(0, named=True), self.rows.row(step, named=True)
        gain, low, high = (_amount(worth[name], self.money) for name in ("gain", "gain_lower", "gain_upper"))
        return (
            f"{gain}{self._unit()} if {best['arm']} goes to {self._whom(step)}",
            f"{self.result.outcome}: {_amount(worth['expected'], self.money, sign='')} in all, {gain} over the other "
            f"arms (95% credible interval {low} to {high}). It is the best of {self.result.table.height} with "
            f"{best['probability_best']:.0%} probability; the expected loss, if another is, is "
            f"{_amount(worth['loss'], self.money, sign='')}.",
        )

    def _unit(self) -> str:
        """Say what the gain is of."""
        kinds = {"money": "", "rate": f" people with {self.result.outcome!r}"}
        return kinds.get(self.result.table["kind"][0], f" of {self.result.outcome!r}")

    def _whom(self, step: int) -> str:
        everybody = step == len(self.sent) - 1
        return f"everybody else ({self.sent[step]:,})" if everybody else f"{self.sent[step]:,}"

    def chart(self, step: int | None = None) -> alt.TopLevelMixin:
        """Draw the arms, and the gain against how many get the winner."""
        alt = charts.house()
        number = alt.Axis(format="$~s" if self.money else "~s")
        x = alt.X("sent:Q", title="people who get the winner", axis=alt.Axis(format="~s"))
        base = alt.Chart(self.rows).encode(x=x)
        y: dict[str, Any] = {"title": "gain over the other arms", "axis": number}
        band = base.mark_area(opacity=0.25).encode(y=alt.Y("gain_lower:Q", **y), y2="gain_upper:Q")
        line = base.mark_line().encode(y=alt.Y("gain:Q", **y))
        here = base.transform_filter("datum.at == step")
        reach = here.mark_rule(strokeWidth=3, color=charts.PALETTE[1]).encode(
            y=alt.Y("gain_lower:Q", **y), y2="gain_upper:Q"
        )
        tips = [
            alt.Tooltip(f"{name}:Q", format=",.0f") for name in ("sent", "gain", "gain_lower", "gain_upper", "loss")
        ]
        point = here.mark_point(size=110, filled=True, opacity=1, color=charts.PALETTE[1])
        point = point.encode(y=alt.Y("gain:Q", **y), tooltip=tips)
        value = alt.layer(band, line, reach, point).properties(width=charts.WIDTH, height=200)
        value = value.properties(title=alt.Title("What the roll-out brings", fontSize=13))
        return (
            alt.vconcat(self.result.chart(), value, spacing=20)
            .add_params(self._at(step))
            .properties(description=self.result.summary())
        )


class TestSize(Panel):
    """A test-and-roll, and what tests of other sizes gain."""

    moves = "Test size"

    def __init__(self, result: TestAndRoll) -> None:
        super().__init__(result)
        self.rows = result.table.sort("n_arm").with_row_index("at").with_columns(pl.col("at").cast(pl.Int64))
        self.steps = [f"{n:,} an arm" for n in self.rows["n_arm"]]

    def start(self) -> int:
        """Return the step of the best size."""
        return self.rows["n_arm"].index_of(self.result.table["n_arm"][0]) or 0

    def sentences(self, step: int) -> tuple[str, str]:
        """Say what a test of the size gains."""
        row, best = self.rows.row(step, named=True), self.result.table.row(0, named=True)
        return (
            f"{row['n_arm']:,} per arm: {_amount(row['gain'], False)} of the outcome over no test",
            f"Expected gain over sending any arm untested to all {self.result.population:,}. The arm that is sent is "
            f"the best with {row['p_best']:.0%} probability. The best size is {best['n_arm']:,} per arm, for "
            f"{_amount(best['gain'], False)}.",
        )

    def chart(self, step: int | None = None) -> alt.TopLevelMixin:
        """Draw the gain against the size, with the step's point."""
        alt = charts.house()
        base = alt.Chart(self.rows).encode(
            x=alt.X("n_arm:Q", title="people per arm in the test", scale=alt.Scale(type="log")),
            y=alt.Y("gain:Q", title="expected gain", axis=alt.Axis(format=",~s")),
            tooltip=[alt.Tooltip(f"{name}:Q", format=",.0f") for name in ("n_arm", "n_test", "n_rest", "gain")],
        )
        point = base.transform_filter("datum.at == step").mark_point(size=120, opacity=1, color=charts.PALETTE[1])
        return (
            alt.layer(base.mark_line(), point)
            .add_params(self._at(step))
            .properties(width=WIDTH, height=240, description=self.result.summary())
        )


def _amount(value: float, money: bool, sign: str | None = None) -> str:
    """Return whole dollars or a whole number, signed; `sign` replaces a plus."""
    size = wording.dollars(abs(value), digits=0) if money else f"{abs(value):,.0f}"
    return (wording.sign(value) if value < 0 or sign is None else sign) + size
