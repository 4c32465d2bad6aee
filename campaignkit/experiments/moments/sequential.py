"""Looking every day: each arm's difference to the control as it stood at every look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts, labels
from campaignkit.checks import check_scalar
from campaignkit.errors import NotEnoughData
from campaignkit.experiments.moments.comparing import Arms, by_welch
from campaignkit.experiments.moments.groups import Design, Groups, Outcome
from campaignkit.stats.intervals.confidence_sequences import confidence_sequence, tuned
from campaignkit.stats.intervals.moments import Moments

if TYPE_CHECKING:
    import altair as alt

START_UNITS = 100  # in each of the two arms, before the first look
START_EVENTS = 30  # that are not zero, in the two arms together, where an outcome can be zero
TUNE = 10  # the sequence is narrowest at so many times the units of the first look
MOST_PANELS = 6


@dataclass(frozen=True)
class Sequential:
    """What was known on every day.

    Attributes
    ----------
    table
        One row per outcome, arm and day from its first look on: outcome, arm, day, n (units in the two arms by then),
        estimate, lower, upper (a confidence sequence), p_value (the least so far: valid whenever one stops).
    tuned
        By outcome and arm: the number of units at which the sequence is narrowest; null before the first look.
    arms
        By outcome, the moments of all days together.
    """

    table: pl.DataFrame
    tuned: pl.DataFrame
    arms: dict[str, Arms]

    @property
    def method(self) -> str:
        """Which interval this is."""
        return (
            f"asymptotic confidence sequence; first look at {START_UNITS} units in each arm and {START_EVENTS} "
            "outcomes that are not zero"
        )

    def last(self, outcome: str) -> dict[str, Any]:
        """Return the last look's effects, one entry per arm, as `analyze` tables them."""
        arms = self.arms[outcome]
        final = self.table.filter(pl.col("outcome") == outcome).group_by("arm", maintain_order=True).last()
        rows = pl.DataFrame({"arm": arms.names}).join(final, on="arm", how="left", maintain_order="left")
        nothing = np.full(len(arms.names), np.nan)
        compared, _, ratio = by_welch(arms)
        bounds = {"lower": rows["lower"], "upper": rows["upper"]}
        effects = {"estimate": compared.estimate, "std_error": compared.std_error} | bounds
        return effects | {"ratio": ratio, "ratio_lower": nothing, "ratio_upper": nothing, "p_value": rows["p_value"]}

    def chart(self, outcome: str, description: str) -> alt.TopLevelMixin | None:
        """Draw each arm's difference and its sequence over the days; the first six arms."""
        rows = self.table.filter(pl.col("outcome") == outcome)
        if rows.is_empty():
            return None
        alt = charts.house()
        shown = rows["arm"].unique(maintain_order=True).head(MOST_PANELS).to_list()
        rows = rows.filter(pl.col("arm").is_in(shown)).with_columns(pl.col("arm").cast(pl.String))
        kind = "T" if rows["day"].dtype.is_temporal() else "Q"
        share = self.arms[outcome].kind == "rate"
        y = {"axis": alt.Axis(format="+.1%" if share else "+,.2~f"), "title": "difference"}
        base = alt.Chart(rows).encode(x=alt.X(f"day:{kind}", title=None))
        band = base.mark_area(opacity=0.25).encode(y=alt.Y("lower:Q", **y), y2="upper:Q")
        zero = alt.Chart(rows).mark_rule(strokeDash=[4, 3], opacity=0.6).encode(y=alt.datum(0))
        layers = alt.layer(band, base.mark_line().encode(y=alt.Y("estimate:Q", **y)), zero)
        layers = layers.properties(width=charts.WIDTH, height=140 if len(shown) > 1 else 240)
        title = f"{labels.heading(outcome)}: difference as it stood each day"
        return layers.facet(row=alt.Row("arm:N", sort=shown, title=None)).properties(
            description=description, title=title
        )


def differences_by_day(groups: Groups, design: Design, names: list[Any], control: int, tune: int | None) -> Sequential:
    """Return every outcome at every look."""
    check_scalar(tune, "tune", typ=int, gt=0, optional=True)
    days = groups.table[design.keys[-1]].unique().sort()
    tables, notes, arms = [], [], {}
    for outcome in groups.outcomes:
        daily = _daily(groups, outcome, design, names, control, days)
        arms[outcome.name] = _at(daily, -1)
        if (arms[outcome.name].moments.n < 2).any():
            few = names[int(np.argmin(arms[outcome.name].moments.n))]
            raise NotEnoughData(f"Arm {few!r} has fewer than 2 units with a value of {outcome.name!r}.")
        for arm in range(len(names)):
            if arm != control:
                table, note = _over_days(daily, outcome.name, arm, days, tune)
                tables.append(table.cast({"arm": groups.table.schema[design.roles.arms[0]]}))
                notes.append({"outcome": outcome.name, "arm": names[arm], "tuned": note})
    schema = {"outcome": pl.String, "arm": groups.table.schema[design.roles.arms[0]], "tuned": pl.Float64}
    return Sequential(pl.concat(tables, how="vertical_relaxed"), pl.DataFrame(notes, schema=schema), arms)


def _daily(groups: Groups, outcome: Outcome, design: Design, names: list[Any], control: int, days: pl.Series) -> Arms:
    """Return the running moments: axis 0 the arms, axis 1 the days."""
    arm = np.array([names.index(key) for key in groups.table[design.roles.arms[0]]])
    day = groups.table[design.keys[-1]].to_frame("day").join(
        days.to_frame("day").with_row_index("at"), on="day", how="left", maintain_order="left"
    )["at"].to_numpy()  # fmt: skip
    shape = (len(names), len(days))

    def placed(x: np.ndarray) -> np.ndarray:
        array = np.zeros((*shape, *x.shape[1:]))
        array[arm, day] = x
        return array

    m = outcome.moments
    running = Moments(placed(m.n), placed(m.mean), placed(m.ss), placed(m.cube)).over(1, running=True)
    cross = None if outcome.cross is None else np.cumsum(placed(outcome.cross), axis=1)
    clustered = design.roles.cluster is not None or design.roles.weight is not None
    return Arms(
        names, control, outcome.kind, running, np.ones(1), cross, outcome.name in design.covariates, clustered,
        design.confidence_level,
    )  # fmt: skip


def _at(daily: Arms, day: int) -> Arms:
    days = len(daily.moments.n[0])
    at = slice(day % days, day % days + 1)
    cross = None if daily.cross is None else daily.cross[:, at]
    return replace(daily, moments=daily.moments.pick(slice(None), at), cross=cross)


def _steadied(daily: Arms, arm: int) -> Arms:
    """Return an arm and the control; a small arm's variance leans on that of both while it has few events.

    By itself it is small just when the arm has had few gifts, so that at 1 to 10 the sequence would exclude the truth
    in up to 20% of experiments. Arms of one size have the same intervals as without.
    """
    two = [arm, daily.control]
    moments = daily.moments.pick(two)
    moments = moments if daily.kind == "mean" else moments.steadied(START_EVENTS)
    cross = None if daily.cross is None else daily.cross[two]
    return replace(daily, names=[daily.names[i] for i in two], control=1, moments=moments, cross=cross)


def _over_days(
    daily: Arms, outcome: str, arm: int, days: pl.Series, tune: int | None
) -> tuple[pl.DataFrame, float | None]:
    m, c = daily.moments, daily.control
    both = m.n[arm] + m.n[c]
    ready = (m.n[arm] >= START_UNITS) & (m.n[c] >= START_UNITS)
    if daily.kind != "mean":
        events = (m.n * m.mean[..., 3])[[arm, c]].sum(axis=0)
        ready &= events >= START_EVENTS
    first = int(np.argmax(ready)) if ready.any() else len(days)
    pair = _steadied(daily, arm)
    by_day = [by_welch(_at(pair, day))[0] for day in range(first, len(days))]
    estimate, se = np.array([x.estimate[0] for x in by_day]), np.array([x.std_error[0] for x in by_day])
    at = None if not ready.any() else float(tune or TUNE * both[first])
    seen, alpha = both[first:], 1 - daily.confidence_level
    bounds = confidence_sequence(estimate, se, seen, tuned(at or 1.0, alpha), alpha)
    table = pl.DataFrame({"day": days[first:], "n": seen.astype(int), "estimate": estimate} | bounds._asdict())
    named = pl.lit(outcome).alias("outcome"), pl.Series("arm", [daily.names[arm]] * table.height, dtype=None)
    return table.with_columns(pl.col(pl.Float64).fill_nan(None)).select(*named, pl.all()), at
