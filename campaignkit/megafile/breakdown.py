"""A universe broken down: how many people in each group, and what they did on average."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts, labels
from campaignkit.cells import cells
from campaignkit.errors import BadValue
from campaignkit.result import Result
from campaignkit.stats.intervals.multiplicity import holm
from campaignkit.stats.intervals.rates import mean_interval, wilson
from campaignkit.wording import between, counted, dollars, p_value, share

if TYPE_CHECKING:
    import altair as alt

_NORMAL = NormalDist()
DOLLARS = "dollars "  # how the labels of facts in dollars begin
STANDS_OUT = 0.05  # of p after Holm: below it, a group differs from all others beyond noise
_SUM = re.compile(r"sum\((.*)\)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, eq=False, repr=False)
class Breakdown(Result):
    """Groups of a universe.

    `table` has one row per group, largest first: the group's columns, `n` (people) and `share` (of the universe).
    With measures it has one row per group and measure: the group's columns, `measure`, `n` (people with a value),
    `estimate` (the level: a share for yes/no facts, a mean otherwise) and `lower`, `upper` (95%: Wilson for
    shares, Student's t for means; null where n is too small), groups in the order of their size. A measure
    ``sum(…)`` has the group's total as its estimate, with the mean's interval times `n`: what as many people of this
    kind would bring.
    """

    description: str
    by: tuple[str, ...]
    measures: tuple[str, ...]
    people: int
    sums: tuple[str, ...] = ()  # the measures that are totals
    shares: tuple[str, ...] = ()  # the measures that are yes or no
    facts: Mapping[str, str] = field(default_factory=dict)  # what the columns of `by` and the measures were asked as

    def summary(self) -> str:
        """Say how many people, in how many groups, and which group is largest or leads."""
        if not self.people:
            return f"Nobody: {self.description}."
        groups = self.table.select(self.by).unique().height
        by = " and ".join(map(self._called, self.by))
        start = f"{labels.people(self.people, self.description, self.labels)}, in {counted(groups, 'group')} by {by}"
        if not self.measures:
            return f"{start}; the largest is {self._group(0)}, at {share(self.table['share'][0])}."
        first = self.table.filter(pl.col("measure") == self.measures[0])
        row, p = _leading(first)
        if row is None:
            return f"{start}; {self._called(self.measures[0])} is not known for any of them."
        return f"{start}. {self._leader(first, row, p)}"

    def _leader(self, table: pl.DataFrame, row: int, p: float) -> str:
        """Say which group stands out, or that none does and which is highest."""
        measure, group = self.measures[0], self._group(row, table)
        in_dollars = self._called(measure).startswith(DOLLARS)
        write = share if measure in self.shares else dollars if in_dollars else _number
        value, lower, upper = table.select("estimate", "lower", "upper").row(row)
        interval = "" if lower is None else f" (95% interval {between(lower, upper, write)})"
        if measure in self.sums:
            return (
                f"The largest total is in {group}: {self._amount(measure, write(value))}{interval}. Larger groups have "
                "larger totals."
            )
        level = self._level(measure, write(value), interval)
        if p < STANDS_OUT:
            whole = write(float(np.average(table["estimate"].fill_null(0).to_numpy(), weights=table["n"].to_numpy())))
            return f"The group that stands out is {group}: {level}, against {whole} overall ({p_value(p)} after Holm)."
        return f"No group stands out beyond noise; the highest is {group}: {level}."

    def _level(self, measure: str, value: str, interval: str) -> str:
        if measure in self.shares:
            return f"{labels.rate_of(self.facts.get(measure, measure), value, self.labels)}{interval}"
        return f"{self._amount(measure, value)} on average{interval}"

    def _amount(self, measure: str, value: str) -> str:
        called = self._called(measure)
        if called.startswith(DOLLARS):
            return f"{value} {called.removeprefix(DOLLARS)}"
        return f"{called} of {value}"

    def _called(self, name: str) -> str:
        return self.label(self.facts.get(name, name))

    def _group(self, row: int, table: pl.DataFrame | None = None) -> str:
        values = (self.table if table is None else table).select(self.by).row(row)
        return " and ".join(labels.group(name, value, self.labels) for name, value in zip(self.by, values, strict=True))

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw people, or the first measure with its interval, by group; the 30 largest groups."""
        rows = self.table if not self.measures else self.table.filter(pl.col("measure") == self.measures[0])
        rows = rows.head(30)
        by = " and ".join(map(self._called, self.by))
        rows = rows.with_columns(pl.Series(by, [self._group(row, rows) for row in range(rows.height)], pl.String))
        if not self.measures:
            return charts.bars(
                rows.rename({"n": "people"}), by, "people", description=self.summary(), title=f"People by {by}"
            )
        number = ".1%" if self.measures[0] in self.shares else ",.2~f"
        title = f"{self._called(self.measures[0])}, with 95% interval"
        if self.measures[0] in self.shares:
            fact = self.facts.get(self.measures[0], self.measures[0])
            title = f"Share {labels.who(fact, self.labels)}, with 95% interval"
        return charts.intervals(rows, by, description=self.summary(), title=title, number=number)

    def percentages(self) -> list[str]:
        """Return the columns that are shares: those of a measure too where all of them are."""
        whole = set(self.measures) <= set(self.shares)
        return [name for name in ("share", *(("estimate", "lower", "upper") if whole else ())) if name in self.table]


def _number(value: float) -> str:
    digits = 3 if abs(value) < 10 else 1 if abs(value) < 10_000 else 0
    return f"{value:,.{digits}f}"


def split_sums(measures: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    """Return measures by name as expressions about a person, and the names of those that are to be added up.

    Examples
    --------
    >>> split_sums({"age": "age", "sum_gifts": "sum(gifts('90d'))"})
    ({'age': 'age', 'sum_gifts': "gifts('90d')"}, {'sum_gifts'})
    """
    inner = {name: whole[1] for name, text in measures.items() if (whole := _SUM.fullmatch(text.strip()))}
    return measures | inner, set(inner)


def break_down(
    relation: Any, by: list[str], measures: list[str], description: str, sums: Collection[str] = (),
    facts: Mapping[str, str] = MappingProxyType({}),
) -> Breakdown:  # fmt: skip
    """Return the breakdown of a table of people that has the `by` and `measures` columns; `sums` are added up."""
    if not by:
        raise BadValue("Say what to break down by: .by('region').")
    table = cells(relation, by, measures).sort("n", *by, descending=[True] + [False] * len(by), nulls_last=True)
    people, shares = int(table["n"].sum()), []
    if not measures:
        table = table.select(*by, "n", (pl.col("n") / max(people, 1)).alias("share"))
    else:
        shares = [measure for measure in measures if measure not in sums and _yes_or_no(table, measure)]
        table = pl.concat([_measured(table, by, measure, measure in sums) for measure in measures])
    return Breakdown(table, description, tuple(by), tuple(measures), people, tuple(sums), tuple(shares), facts)


def _leading(table: pl.DataFrame) -> tuple[int | None, float]:
    """Return the row of the group that differs most from all others, or has the most, and its p-value after Holm."""
    estimate, n = (table[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("estimate", "n"))
    known = np.isfinite(estimate) & (n > 0)
    if not known.any():
        return None, 1.0
    highest = int(np.nanargmax(np.where(known, estimate, -np.inf)))
    error = (table["upper"] - table["lower"]).fill_null(np.nan).to_numpy() / (2 * _NORMAL.inv_cdf(0.975))
    tested = known & np.isfinite(error) & (error > 0)
    if tested.sum() < 2:
        return highest, 1.0
    total, whole = (n[known] * estimate[known]).sum(), n[known].sum()
    squares = n**2 * error**2
    others = whole - n
    gap = estimate - (total - n * estimate) / others
    spread = np.sqrt(error**2 + (squares[tested].sum() - squares) / others**2)
    p = holm([2 * _NORMAL.cdf(-abs(z)) for z in gap[tested] / spread[tested]])
    least = np.flatnonzero(tested)[int(np.argmin(p))]
    return (int(least), float(p.min())) if p.min() < STANDS_OUT else (highest, 1.0)


def _yes_or_no(table: pl.DataFrame, measure: str) -> bool:
    lows, highs = (table[f"{measure}_{end}"] for end in ("min", "max"))
    n, mean, ss = (table[f"{measure}_{field}"].to_numpy() for field in ("n", "mean", "ss"))
    ends = all((end.is_in([0.0, 1.0]) | end.is_null()).all() for end in (lows, highs))
    return bool(ends and np.allclose(ss, n * mean * (1 - mean), equal_nan=True))


def _measured(table: pl.DataFrame, by: list[str], measure: str, total: bool) -> pl.DataFrame:
    n, mean, ss = (table[f"{measure}_{field}"].to_numpy() for field in ("n", "mean", "ss"))
    lower, upper = wilson(np.rint(mean * n), n) if _yes_or_no(table, measure) else mean_interval(mean, ss, n)
    times = n if total else np.ones_like(mean)
    estimates = pl.DataFrame({"estimate": times * mean, "lower": times * lower, "upper": times * upper})
    return table.select(
        *by, pl.lit(measure).alias("measure"), pl.col(f"{measure}_n").alias("n"),
    ).with_columns(estimates.fill_nan(None).get_columns())  # fmt: skip
