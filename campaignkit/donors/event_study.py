"""What people gave before and after they joined, beside those who had not yet: an event study without its bias."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar, column_names
from campaignkit.donors.observational.observational_data import covariate_matrix
from campaignkit.donors.observational.periods import Grid, grid_of, grouped, panel_of, people_of
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.spark import fetch_note
from campaignkit.stats.arrays import Whole
from campaignkit.stats.causal.parallel import Bounds, detectable_slope, relative_magnitudes
from campaignkit.stats.causal.staggered import (
    Cell,
    Effects,
    Panel,
    cells_of,
    effects,
    effects_with_covariates,
    joint_test,
)
from campaignkit.stats.intervals.clustered import FEW_CLUSTERS
from campaignkit.stats.intervals.estimate import Estimate, interval
from campaignkit.tables import needed_unit
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import between, confidence, counted, dollars

if TYPE_CHECKING:
    import altair as alt

__all__ = ["EventStudy", "event_study"]

MOST = 50_000_000  # people × periods to lay out for covariates
FEW = 30  # people who joined
Student = Callable[[float, float], Estimate]  # value and standard error to an interval


@dataclass(frozen=True, eq=False, repr=False)
class EventStudy(Result):
    """Effects of joining, by periods since.

    `table` has one row per number of periods since joining: ``event`` (0 is the period of joining); ``estimate`` (an
    effect: dollars a person and period more than without joining, averaged over groups by their size; 0 by
    construction in the base period), ``lower``, ``upper`` (pointwise), ``std_error``, ``p_value`` (null in
    the base period); ``groups`` (joining periods averaged), ``n`` (people who joined in them); ``robust_lower``,
    ``robust_upper`` (since joining, if groups move apart each period by up to as much as they ever did before; null
    where nothing was seen before).

    Attributes
    ----------
    cells : polars.DataFrame
        One row per joining period and period: ``joined``, ``period`` (first days), ``event, estimate, lower, upper,
        std_error, n, n_controls``: ATT(g, t).
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
    confidence_level : float
    robust : Bounds or None
        `overall` if from joining on groups move apart, from one period to the next, by up to as much as they ever did
        before: Rambachan and Roth's bounds. None: fewer than two periods before the base.
    detectable_slope : float or None
        The steady drift, in dollars a person and period, that the test of the past would notice in 80% of studies.
    named_warnings : mapping of str to str
        Those of the warnings that have a name: ``pre_trend`` (groups did not move alike before), ``few_joined``,
        ``few_clusters``.
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
    confidence_level: float
    robust: Bounds | None
    detectable_slope: float | None
    named_warnings: Mapping[str, str]

    def summary(self) -> str:
        """Say whether the past was parallel, then the effect, and what it rests on."""
        against = "people who had not yet joined" if self.control == "not_yet" else "people who never joined"
        o = self.overall
        times = ""
        if self.ratio is not None:
            r = self.ratio
            times = f"; those who joined gave {r.value:.2f} times what they would have ({r.lower:.2f}–{r.upper:.2f})"
        effect = (
            f"Joining added {dollars(o.value)} per person per {self.period} ({confidence(self.confidence_level)} "
            f"interval {between(o.lower, o.upper, dollars)}){times}. {self.joined:,} joined; they are compared with "
            f"{against} in the same {self.period}s, up to {self.window[1] + 1} {self.period}s after joining."
        )
        rests = "This assumes both would have moved alike from then on, which no test of the past can prove."
        return " ".join([self._past(), effect, rests, *self._robust(), *self.warnings])

    def _robust(self) -> list[str]:
        if self.robust is None:
            return []
        low, high = self.robust
        return [
            f"If they drift apart as much each {self.period} as they ever did before, the effect could be anywhere "
            f"from {dollars(low)} to {dollars(high)}."
        ]

    def _past(self) -> str:
        if self.pre_trend_p is None:
            return "No period before joining is left to check whether the groups moved alike."
        if self.pre_trend_p < 1 - self.confidence_level:
            return (
                f"The groups did not move alike before joining (p = {self.pre_trend_p:.3f}), so the effect below is "
                "mixed with that difference."
            )
        seen = (
            ""
            if self.detectable_slope is None
            else f"; a drift of {dollars(self.detectable_slope)} per {self.period} would be noticed in 80% of studies"
        )
        return f"Before joining, the groups moved alike as far as the data show (p = {self.pre_trend_p:.2f}{seen})."

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
        y = alt.Y("lower:Q", title=f"dollars per person per {self.period}")
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
    confidence_level: float = CONFIDENCE_LEVEL,
) -> EventStudy:
    """Estimate what joining added in each period since, beside people who had not joined yet.

    A regression with effects of person and period compares late joiners with early ones who are still under the
    effect, and is biased where effects grow or fade. Here each group that joined in one period is compared, period by
    period, only with people untouched so far.

    Parameters
    ----------
    people : table
        Everyone at risk of giving and joining, one row per person. Who gave nothing belongs here too.
    gifts : table
        One row per gift; it is summed by person and period in DuckDB. Periods without a gift count as 0.
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
    confidence_level : float
        Of the intervals; one minus it is where the test of the past fails; 0.5 or more, below 1.

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
    check_scalar(confidence_level, "confidence_level", typ=float, ge=0.5, lt=1)
    _check(control, anticipation, window, (unit, enrolled_on, gift_date, amount, cluster))
    covariate_names = column_names(covariates, "covariates")
    steps = Steps("event_study")
    with steps.step("summing gifts"):
        everyone = people_of(
            people, list(dict.fromkeys([unit, enrolled_on, *([cluster] if cluster else []), *covariate_names])), unit
        )
        kept, notes = grouped(everyone, enrolled_on, grid, anticipation)
        notes += fetch_note(people, everyone.height, f"people with {counted(everyone.width, 'column')}")
        panel, lost = panel_of(kept, gifts, unit, cluster, gift_date, amount, grid)
    with steps.step("comparing"):
        counts = np.bincount(panel.joined, minlength=panel.groups)
        cells = cells_of(counts, grid.periods, anticipation, control, window)
        if not any(cell.event >= 0 for cell in cells):
            raise NotEnoughData(
                f"Nobody who joined between the second {period} and the end can be compared with people who had not; "
                "pass people who never joined too, or an earlier start."
            )
        if covariate_names and len(kept) * grid.periods > MOST:
            raise BadValue(
                f"covariates: {len(kept):,} people × {grid.periods} {period}s are too many; take longer periods."
            )
        estimates = (
            effects(panel, cells)
            if not covariate_names
            else effects_with_covariates(panel, cells, covariate_matrix(kept, covariate_names))
        )
    steps.close()
    asked = {"control": control, "anticipation": anticipation, "window": window, "confidence_level": confidence_level}
    return _result(panel, cells, estimates, grid, (*notes, *lost), **asked)


def _check(control: str, anticipation: int, window: tuple[int, int], names: tuple[str | None, ...]) -> None:
    check_scalar(control, "control", typ=str, choices=("not_yet", "never"))
    check_scalar(anticipation, "anticipation", typ=int, ge=0)
    for name in names:
        check_scalar(name, "A column's name", typ=str, optional=True)
    pair = tuple(window)
    if len(pair) != 2 or not all(isinstance(end, int) for end in pair) or pair[0] > -1 - anticipation or pair[1] < 0:
        raise BadValue(
            f"window is {window!r}; two whole numbers such as (-8, 12), with 0 and the base between, were expected."
        )


# --- the answer ---------------------------------------------------------------------------------------------


def _result(
    panel: Panel, cells: list[Cell], estimates: Effects, grid: Grid, notes: tuple[str, ...], *, control: str,
    anticipation: int, window: tuple[int, int], confidence_level: float,
) -> EventStudy:  # fmt: skip
    counts = np.bincount(panel.joined, minlength=panel.groups)
    joined = int(counts[: grid.periods].sum())
    clusters = round(panel.joined_clusters())
    student = partial(interval, df=max(clusters - 1, 1), confidence_level=confidence_level)
    overall = student(estimates.overall, float(np.sqrt(max(estimates.covariance[-2, -2], 0))))
    robust, slope = _drift(estimates, cells, counts, anticipation, max(clusters, 2), 1 - confidence_level)
    pre_trend_p = _pre_trend(estimates, anticipation, max(clusters, 2))
    named = _named(joined, clusters, pre_trend_p, 1 - confidence_level)
    return EventStudy(
        table=_with_robust(
            _event_table(cells, estimates, counts, student, -1 - anticipation, joined),
            estimates,
            anticipation,
            1 - confidence_level,
        ),
        cells=_cell_table(cells, estimates, counts, grid, student),
        overall=overall,
        ratio=_ratio(estimates, student),
        pre_trend_p=pre_trend_p,
        period=grid.period,
        control=control,
        anticipation=anticipation,
        window=window,
        joined=joined,
        not_joined=int(counts[grid.periods :].sum()),
        warnings=(*named.values(), *notes),
        confidence_level=confidence_level,
        robust=robust,
        detectable_slope=slope,
        named_warnings=named,
    )


def _with_robust(table: pl.DataFrame, estimates: Effects, anticipation: int, alpha: float) -> pl.DataFrame:
    """Add Rambachan and Roth's bounds of each period since joining; null before, and where the past has no period."""
    events = np.array(estimates.events)
    before, after = np.flatnonzero(events < -1 - anticipation), np.flatnonzero(events >= 0)
    rows = []
    if len(before) and np.diag(estimates.covariance)[before].min() > 0:
        at = np.concatenate([before, after])
        given = estimates.by_event[before], estimates.by_event[after]
        for i, event in enumerate(events[after].tolist()):
            only = np.eye(len(after))[i]
            rows.append((event, *relative_magnitudes(*given, only, estimates.covariance[np.ix_(at, at)], alpha=alpha)))
    schema = {"event": table.schema["event"], "robust_lower": pl.Float64, "robust_upper": pl.Float64}
    return table.join(pl.DataFrame(rows, schema=schema, orient="row"), on="event", how="left", maintain_order="left")


def _drift(
    estimates: Effects, cells: list[Cell], counts: Whole, anticipation: int, clusters: int, alpha: float
) -> tuple[Bounds | None, float | None]:
    """Return Rambachan and Roth's bounds of the overall effect, and the drift that a test of the past notices."""
    events = np.array(estimates.events)
    before, after = np.flatnonzero(events < -1 - anticipation), np.flatnonzero(events >= 0)
    if not len(before) or np.diag(estimates.covariance)[before].min() <= 0:
        return None, None
    spread = estimates.covariance[np.ix_(before, before)]
    slope = detectable_slope(events[before], -1 - anticipation, spread, clusters)
    people = np.array([sum(int(counts[c.group]) for c in cells if c.event == event) for event in events[after]])
    at = np.concatenate([before, after])
    bounds = relative_magnitudes(
        estimates.by_event[before], estimates.by_event[after], people / people.sum(),
        estimates.covariance[np.ix_(at, at)], alpha=alpha,
    )  # fmt: skip
    return bounds, slope


def _named(joined: int, clusters: int, pre_trend_p: float | None, alpha: float) -> dict[str, str]:
    named = {}
    if joined < FEW:
        named["few_joined"] = f"Only {joined:,} people joined; intervals are rough."
    if clusters < min(FEW_CLUSTERS, joined):
        named["few_clusters"] = (
            f"Few or unequal clusters: those who joined tell as much as {clusters} equal ones, so intervals are rough."
        )
    if pre_trend_p is not None and pre_trend_p < alpha:
        named["pre_trend"] = "The groups' paths differed before joining: the plain interval cannot be relied on."
    return named


def _event_table(
    cells: list[Cell], estimates: Effects, counts: Whole, student: Student, base: int, joined: int
) -> pl.DataFrame:
    errors = np.sqrt(np.maximum(np.diag(estimates.covariance), 0))
    rows = [
        {"event": event, **_fields(student(float(value), float(error))), "groups": groups,
         "n": sum(int(counts[cell.group]) for cell in cells if cell.event == event)}
        for event, value, error, groups in zip(
            estimates.events, estimates.by_event, errors, estimates.groups_by_event, strict=False
        )
    ]  # fmt: skip
    zero = {"event": base, **_fields(Estimate(0.0, 0.0, 0.0, 0.0, np.nan)), "groups": 0, "n": joined}
    return pl.DataFrame([*rows, zero], orient="row").with_columns(pl.col("p_value").fill_nan(None)).sort("event")


def _fields(e: Estimate) -> dict[str, float]:
    return {"estimate": e.value, "lower": e.lower, "upper": e.upper, "std_error": e.std_error, "p_value": e.p_value}


def _cell_table(cells: list[Cell], estimates: Effects, counts: Whole, grid: Grid, student: Student) -> pl.DataFrame:
    rows = [
        {
            "joined": grid.first_day(cell.group), "period": grid.first_day(cell.period), "event": cell.event,
            **_fields(student(float(value), float(error))),
            "n": int(counts[cell.group]), "n_controls": int(counts[cell.controls].sum()),
        }
        for cell, value, error in zip(cells, estimates.cells, estimates.cell_errors, strict=True)
    ]  # fmt: skip
    return pl.DataFrame(rows).drop("p_value")


def _ratio(estimates: Effects, student: Student) -> Estimate | None:
    high, low = estimates.level, estimates.level - estimates.overall
    if not (high > 0 and low > 0):
        return None
    slope = np.array([1 / low, 1 / high - 1 / low])  # of log(level / (level − effect)) in effect and level
    error = float(np.sqrt(slope @ estimates.covariance[-2:, -2:] @ slope))
    log_ratio = student(float(np.log(high / low)), error)
    value, lower, upper = np.exp([log_ratio.value, log_ratio.lower, log_ratio.upper]).tolist()
    return Estimate(value, value * error, lower, upper, log_ratio.p_value)


def _pre_trend(estimates: Effects, anticipation: int, clusters: int) -> float | None:
    at = [i for i, event in enumerate(estimates.events) if event < -1 - anticipation]
    if not at:
        return None
    return joint_test(estimates.by_event[at], estimates.covariance[np.ix_(at, at)], clusters)[1]
