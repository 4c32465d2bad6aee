"""A universe broken down: how many people in each group, and what they did on average."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.cells import cells
from campaignkit.errors import BadValue
from campaignkit.result import Result
from campaignkit.stats.intervals.rates import mean_interval, wilson

if TYPE_CHECKING:
    import altair as alt

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

    def summary(self) -> str:
        """Say how many people, in how many groups, and which group is largest or leads."""
        if not self.people:
            return f"Nobody: {self.description}."
        groups = self.table.select(self.by).unique().height
        start = f"{self.people:,} people ({self.description}) in {groups:,} groups by {' and '.join(self.by)}"
        if not self.measures:
            return f"{start}; the largest is {self._group(0)} with {self.table['share'][0]:.0%}."
        first = self.table.filter(pl.col("measure") == self.measures[0])
        row = first["estimate"].fill_nan(None).arg_max()
        if row is None:
            return f"{start}; {self.measures[0]} is known of none of them."
        value, lower, upper = first.select("estimate", "lower", "upper").row(row)
        interval = "" if lower is None else f" (95% interval {_number(lower)} to {_number(upper)})"
        if self.measures[0] in self.sums:
            caution = "A group's total grows with the number of its people."
        else:
            caution = "Small groups come out highest or lowest by chance more often than large ones."
        return (
            f"{start}; {self.measures[0]} is highest in {self._group(row, first)}, at {_number(value)}{interval}. "
            f"{caution}"
        )

    def _group(self, row: int, table: pl.DataFrame | None = None) -> str:
        values = (self.table if table is None else table).select(self.by).row(row)
        return " and ".join("unknown" if value is None else str(value) for value in values)

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw people, or the first measure with its interval, by group; the 30 largest groups."""
        label = " · ".join(self.by)
        names = pl.concat_str([pl.col(c).cast(pl.String).fill_null("unknown") for c in self.by], separator=" · ")
        table = self.table.with_columns(names.alias(label))
        if not self.measures:
            return charts.bars(table.head(30), label, "n", description=self.summary())
        first = table.filter(pl.col("measure") == self.measures[0]).head(30)
        return charts.intervals(first, label, description=self.summary())


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
    relation: Any, by: list[str], measures: list[str], description: str, sums: Collection[str] = ()
) -> Breakdown:
    """Return the breakdown of a table of people that has the `by` and `measures` columns; `sums` are added up."""
    if not by:
        raise BadValue("Say what to break down by: .by('region').")
    table = cells(relation, by, measures).sort("n", *by, descending=[True] + [False] * len(by), nulls_last=True)
    people = int(table["n"].sum())
    if not measures:
        table = table.select(*by, "n", (pl.col("n") / max(people, 1)).alias("share"))
    else:
        table = pl.concat([_measured(table, by, measure, measure in sums) for measure in measures])
    return Breakdown(table, description, tuple(by), tuple(measures), people, tuple(sums))


def _measured(table: pl.DataFrame, by: list[str], measure: str, total: bool) -> pl.DataFrame:
    n, mean, ss = (table[f"{measure}_{field}"].to_numpy() for field in ("n", "mean", "ss"))
    lows, highs = table[f"{measure}_min"], table[f"{measure}_max"]
    yes_no = bool((lows.is_in([0.0, 1.0]) | lows.is_null()).all() and (highs.is_in([0.0, 1.0]) | highs.is_null()).all())
    yes_no = yes_no and np.allclose(ss, n * mean * (1 - mean), equal_nan=True)
    lower, upper = wilson(np.rint(mean * n), n) if yes_no else mean_interval(mean, ss, n)
    times = n if total else np.ones_like(mean)
    estimates = pl.DataFrame({"estimate": times * mean, "lower": times * lower, "upper": times * upper})
    return table.select(
        *by, pl.lit(measure).alias("measure"), pl.col(f"{measure}_n").alias("n"),
    ).with_columns(estimates.fill_nan(None).get_columns())  # fmt: skip
