"""What people gave before and after they joined, beside those who had not yet: an event study without its bias."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar, column_names
from campaignkit.donors.periods import Grid, grid_of, grouped, panel_of, people_of
from campaignkit.donors.study import covariate_matrix
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.stats.causal.staggered import (
    Cell,
    Effects,
    Panel,
    cells_of,
    effects,
    effects_with_covariates,
    joint_test,
)
from campaignkit.stats.intervals.estimate import Estimate, interval
from campaignkit.tables import needed_unit

if TYPE_CHECKING:
    import altair as alt

__all__ = ["EventStudy", "event_study"]

LEVEL = 0.05
MOST = 50_000_000  # people × periods to lay out for covariates
FEW = 30  # people who joined


@dataclass(frozen=True, eq=False, repr=False)
class EventStudy(Result):
    """Effects of joining, by periods since.

    `table` has one row a number of periods since joining: ``event`` (0 is the period of joining); ``estimate`` (an
    effect: dollars a person and period more than without joining, averaged over groups by their size; 0 by
    construction in the base period), ``lower``, ``upper`` (95%, pointwise), ``standard_error``, ``p_value`` (null in
    the base period); ``groups`` (joining periods averaged), ``n`` (people who joined in them).

    Attributes
    ----------
    cells : polars.DataFrame
        One row a joining period and period: ``joined``, ``period`` (first days), ``event, estimate, lower, upper,
        standard_error, n, n_controls``: ATT(g, t).
    overall : Estimate
        The mean effect over all periods since joining within the window, in dollars a person and period.
    ratio : Estimate or None
        What those who joined gave, over what they would have given; None unless both are above 0.
    pre_trend_p : float or None
        Of a joint test that all estimates before the base period are 0. None: there is none.
    period, control : str
    anticipation : int
    window : tuple of int
    joined, not_joined : int
        People who joined within the periods, and who did not.
    warnings : tuple of str
    """

    cells: pl.DataFrame
    overall: Estimate
    ratio: Estimate | None
    pre_trend_p: float | None
    period: str
    control: str
    anticipation: int
    window: tuple[int, int]
    joined: int
    not_joined: int
    warnings: tuple[str, ...]

    def summary(self) -> str:
        """Say whether the past was parallel, then the effect, and what it rests on."""
        against = "people who had not yet joined" if self.control == "not_yet" else "people who never joined"
        o = self.overall
        times = ""
        if self.ratio is not None:
            r = self.ratio
            times = f", {r.value:.2f} times what they would have given ({r.lower:.2f} to {r.upper:.2f})"
        effect = (
            f"Joining added {o.value:,.2f} dollars a person and {self.period} ({o.lower:,.2f} to {o.upper:,.2f}){times}"
            f": {self.joined:,} who joined, beside {against} in the same {self.period}s, over up to "
            f"{self.window[1] + 1} {self.period}s since."
        )
        rests = "This holds if both would have moved alike from then on, which no test of the past can prove."
        return " ".join([self._past(), effect, rests, *self.warnings])

    def _past(self) -> str:
        if self.pre_trend_p is None:
            return "There is no period before the base to see whether the groups moved alike."
        if self.pre_trend_p < LEVEL:
            return (
                f"The groups did not move alike before joining (p = {self.pre_trend_p:.3f}), so what follows mixes the "
                "effect with that."
            )
        return f"Before joining the groups moved alike as far as can be seen (p = {self.pre_trend_p:.2f})."

    def chart(self) -> alt.TopLevelMixin:
        """Draw the effect by periods since joining; before the line lie the pre-trends."""
        alt = charts.house()
        rows = self.table.with_columns(
            pl.when(pl.col("event") < 0).then(pl.lit("before")).otherwise(pl.lit("since")).alias("time")
        )
        numbers = ("estimate", "lower", "upper")
        base = alt.Chart(rows).encode(
            x=alt.X("event:Q", title=f"{self.period}s since joining", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("time:N", sort=["before", "since"], title=None),
            tooltip=["event:Q", *(alt.Tooltip(f"{name}:Q", format=",.2f") for name in numbers), "n:Q"],
        )
        y = alt.Y("lower:Q", title=f"dollars a person and {self.period}")
        zero = alt.Chart(pl.DataFrame({"at": [0.0]})).mark_rule(opacity=0.6).encode(y="at:Q")
        begin = alt.Chart(pl.DataFrame({"at": [-0.5]})).mark_rule(strokeDash=[4, 3], opacity=0.6).encode(x="at:Q")
        points = base.mark_point(filled=True, opacity=1).encode(y="estimate:Q")
        lines = base.mark_rule(strokeWidth=2).encode(y=y, y2="upper:Q")
        return alt.layer(zero, begin, lines, points).properties(
            title="What joining added, before and since", description=self.summary()
        )


def event_study(
    people: object,
    gifts: object,
    *,
    unit: str | None = None,
    enrolled_on: str,
    gift_date: str,
    amount: str,
    start: dt.date | str,
    end: dt.date | str,
    period: str = "week",
    control: str = "not_yet",
    cluster: str | None = None,
    covariates: str | Iterable[str] | None = None,
    anticipation: int = 0,
    window: tuple[int, int] = (-8, 12),
) -> EventStudy:
    """Estimate what joining added in each period since, beside people who had not joined yet.

    A regression with effects of person and period compares late joiners with early ones who are still under the
    effect, and is biased where effects grow or fade. Here each group that joined in one period is compared, period by
    period, only with people untouched so far.

    Parameters
    ----------
    people : table
        Everyone at risk of giving and joining, one row a person. Who gave nothing belongs here too.
    gifts : table
        One row a gift; it is summed by person and period in DuckDB. Periods without a gift count as 0.
    unit : str or None
        The person's id, in both tables, of one type. None: ``person_id`` where `people` is a universe; otherwise it
        must be named.
    enrolled_on : str
        The column of `people` with the day of joining; null: never. Those who joined before the second period have
        no base and are left out, with a warning; so are periods that `end` cuts short.
    gift_date, amount : str
        Columns of `gifts`. Refunds are negative.
    start, end : date or str
        First and last day. Gifts outside are not read.
    period : {"day", "week", "month"}
        Weeks begin on `start`'s weekday; with months `start` is a month's first day.
    control : {"not_yet", "never"}
        Compare with those who have not joined yet (those who never do among them), or with the latter only.
    cluster : str or None
        A column of `people`: households, or whatever else was drawn together. None: people are independent.
    covariates : str, iterable of str or None
        Columns of `people` known before joining, taken as in `estimate_lift`: change is compared at equal covariates,
        by least squares among the controls. None: change as it is.
    anticipation : int
        Periods before joining in which people may already act on it; the base lies before them.
    window : (int, int)
        Periods since joining to show, the first below −1 − anticipation for a test of what came before.

    Returns
    -------
    EventStudy

    Raises
    ------
    ColumnNotFound, BadValue
        A column or argument is not as said above; a person has two rows, or a gift no amount or day.
    NotEnoughData
        Nobody joined between the second period and `end`, or nobody is left to compare with.

    References
    ----------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225, 200–230; Goodman-Bacon (2021), Journal of
    Econometrics 225, 254–277, for what is wrong with the usual regression.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("quick_donate", 20_000, seed=1)
    >>> gifts = drawn["gifts"].with_columns(pl.col("day").cast(pl.Int32).cast(pl.Date))
    >>> found = ck.donors.event_study(
    ...     drawn.table, gifts, unit="person", enrolled_on="enrolled_on", gift_date="day", amount="amount",
    ...     start="2012-01-16", end="2012-09-30",
    ... )
    >>> found.table.filter(pl.col("event") == -1)["estimate"].item()
    0.0
    """
    grid, unit = grid_of(start, end, period), needed_unit(people, unit)
    _check(control, anticipation, window, (unit, enrolled_on, gift_date, amount, cluster))
    wanted = column_names(covariates, "covariates")
    steps = Steps("event_study")
    with steps.step("summing gifts"):
        everyone = people_of(
            people, list(dict.fromkeys([unit, enrolled_on, *([cluster] if cluster else []), *wanted])), unit
        )
        kept, said = grouped(everyone, enrolled_on, grid, anticipation)
        panel, lost = panel_of(kept, gifts, unit, cluster, gift_date, amount, grid)
    with steps.step("comparing"):
        counts = np.bincount(panel.joined, minlength=panel.groups)
        cells = cells_of(counts, grid.periods, anticipation, control, window)
        if not any(cell.event >= 0 for cell in cells):
            raise NotEnoughData(
                f"Nobody who joined between the second {period} and the end can be compared with people who had not; "
                "pass people who never joined too, or an earlier start."
            )
        if wanted and len(kept) * grid.periods > MOST:
            raise BadValue(
                f"covariates: {len(kept):,} people × {grid.periods} {period}s are too many; take longer periods."
            )
        found = (
            effects(panel, cells)
            if not wanted
            else effects_with_covariates(panel, cells, covariate_matrix(kept, wanted))
        )
    steps.close()
    return _result(panel, cells, found, grid, control, anticipation, window, (*said, *lost))


def _check(control: str, anticipation: int, window: tuple[int, int], names: tuple[str | None, ...]) -> None:
    check_scalar(control, "control", typ=str, choices=("not_yet", "never"))
    check_scalar(anticipation, "anticipation", typ=int, ge=0)
    for name in names:
        check_scalar(name, "A column's name", typ=str, optional=True)
    pair = tuple(window)
    if len(pair) != 2 or not all(isinstance(one, int) for one in pair) or pair[0] > -1 - anticipation or pair[1] < 0:
        raise BadValue(
            f"window is {window!r}; two whole numbers such as (-8, 12), with 0 and the base between, were expected."
        )


# --- the answer ---------------------------------------------------------------------------------------------


def _result(
    panel: Panel, cells: list[Cell], found: Effects, grid: Grid, control: str, anticipation: int,
    window: tuple[int, int], said: tuple[str, ...],
) -> EventStudy:  # fmt: skip
    counts = np.bincount(panel.joined, minlength=panel.groups)
    joined = int(counts[: grid.periods].sum())
    df = max(len(np.unique(panel.cluster[panel.joined < grid.periods])) - 1, 1)
    errors = np.sqrt(np.maximum(np.diag(found.covariance), 0))
    rows = [
        _event_row(
            event, interval(value, error, df), groups, sum(int(counts[c.group]) for c in cells if c.event == event)
        )
        for event, value, error, groups in zip(
            found.events, found.by_event, errors, found.groups_by_event, strict=False
        )
    ]
    base = {**_event_row(-1 - anticipation, Estimate(0.0, 0.0, 0.0, 0.0, np.nan), 0, joined)}
    table = pl.DataFrame([*rows, base], orient="row").with_columns(pl.col("p_value").fill_nan(None)).sort("event")
    warned = [f"Only {joined:,} people joined; intervals are rough."] if joined < FEW else []
    return EventStudy(
        table, _cell_table(cells, found, counts, grid, df), interval(found.overall, float(errors[-2]), df),
        _ratio(found, df), _pre_trend(found, anticipation, df + 1), grid.period, control, anticipation, window, joined,
        int(counts[grid.periods :].sum()), (*warned, *said),
    )  # fmt: skip


def _event_row(event: int, e: Estimate, groups: int, n: int) -> dict[str, object]:
    row = {"event": event, "estimate": float(e.value), "lower": float(e.lower), "upper": float(e.upper)}
    return row | {"standard_error": float(e.error), "p_value": e.p_value, "groups": groups, "n": n}


def _cell_table(cells: list[Cell], found: Effects, counts: np.ndarray, grid: Grid, df: float) -> pl.DataFrame:
    rows = []
    for cell, value, error in zip(cells, found.cells, found.cell_errors, strict=True):
        e = interval(float(value), float(error), df)
        rows.append(
            {
                "joined": grid.first_day(cell.group),
                "period": grid.first_day(cell.period),
                "event": cell.event,
                "estimate": e.value,
                "lower": e.lower,
                "upper": e.upper,
                "standard_error": e.error,
                "n": int(counts[cell.group]),
                "n_controls": int(counts[cell.controls].sum()),
            }
        )
    return pl.DataFrame(rows)


def _ratio(found: Effects, df: float) -> Estimate | None:
    high, low = found.level, found.level - found.overall
    if not (high > 0 and low > 0):
        return None
    slope = np.array([1 / low, 1 / high - 1 / low])  # of log(level / (level − effect)) in effect and level
    error = float(np.sqrt(slope @ found.covariance[-2:, -2:] @ slope))
    e = interval(float(np.log(high / low)), error, df)
    value, lower, upper = np.exp([e.value, e.lower, e.upper]).tolist()
    return Estimate(value, value * error, lower, upper, e.p_value)


def _pre_trend(found: Effects, anticipation: int, clusters: int) -> float | None:
    at = [i for i, event in enumerate(found.events) if event < -1 - anticipation]
    if not at:
        return None
    return joint_test(found.by_event[at], found.covariance[np.ix_(at, at)], clusters)[1]
