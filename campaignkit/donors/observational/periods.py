"""Gifts by person and period: a calendar cut into periods, and who joined in which."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb
import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.donors.observational.enrollment_dates import day_of
from campaignkit.errors import BadValue
from campaignkit.spark import fetch_note, is_spark, to_spark
from campaignkit.sql import connect, quote_identifier
from campaignkit.stats.causal.staggered import Panel
from campaignkit.tables import check_numbers, open_columns

PERIODS = ("day", "week", "month")


@dataclass(frozen=True)
class Grid:
    """The periods: how many whole ones, and SQL or arithmetic from a day to its number."""

    start: dt.date
    end: dt.date  # of the last whole period
    period: str
    periods: int
    cut: int  # days after the last whole period

    def number(self, day: pl.Expr) -> pl.Expr:
        """Return which period a day lies in; negative before the start."""
        if self.period == "month":
            return (
                (day.dt.year().cast(pl.Int64) - self.start.year) * 12 + day.dt.month().cast(pl.Int64) - self.start.month
            )
        days = (day - pl.lit(self.start)).dt.total_days()
        return days.floordiv(7 if self.period == "week" else 1)

    def sql(self, day: str) -> str:
        """Return the same as SQL, of days from the start on."""
        if self.period == "month":
            return f"date_diff('month', DATE '{self.start}', {day}::DATE)"
        return f"date_diff('day', DATE '{self.start}', {day}::DATE) // {7 if self.period == 'week' else 1}"

    def first_day(self, number: int) -> dt.date:
        """Return a period's first day."""
        if self.period == "month":
            months = self.start.month - 1 + number
            return dt.date(self.start.year + months // 12, months % 12 + 1, 1)
        return self.start + dt.timedelta(days=number * (7 if self.period == "week" else 1))


def grid_of(start: object, end: object, period: str) -> Grid:
    check_scalar(period, "period", typ=str, choices=PERIODS)
    first, last = day_of(start, "start", "2012-01-16"), day_of(end, "end", "2012-09-30")
    if period == "month" and first.day != 1:
        raise BadValue(f"start is {first}; with months it must be the first day of a month.")
    trial = Grid(first, last, period, 0, 0)
    periods = 0
    while trial.first_day(periods + 1) <= last + dt.timedelta(days=1):
        periods += 1
    if periods < 3:
        raise BadValue(f"Between start {first} and end {last} lie {periods} whole {period}s; at least 3 are needed.")
    whole = trial.first_day(periods) - dt.timedelta(days=1)
    return Grid(first, whole, period, periods, (last - whole).days)


def people_of(people: object, names: list[str], unit: str) -> pl.DataFrame:
    native = open_columns(people, names, where="people").collect(names)
    if native[unit].null_count() or native[unit].is_duplicated().any():
        raise BadValue(f"people: {unit!r} is null or comes more than once; one row per person was expected.")
    return native


def grouped(everyone: pl.DataFrame, enrolled_on: str, grid: Grid, anticipation: int) -> tuple[pl.DataFrame, list[str]]:
    """Return people with the number of their joining period, and what was left out."""
    if not everyone[enrolled_on].dtype.is_temporal():
        raise BadValue(f"enrolled_on: column {enrolled_on!r} is {everyone[enrolled_on].dtype}; dates were expected.")
    number = grid.number(pl.col(enrolled_on).cast(pl.Date))
    later, never = pl.lit(grid.periods, pl.Int64), pl.lit(grid.periods + 1, pl.Int64)
    group = pl.when(number.is_null()).then(never).when(number >= grid.periods).then(later).otherwise(number)
    table = everyone.with_columns(group.alias("__joined"))
    early = table.filter(pl.col("__joined") < 1 + anticipation).height
    notes = []
    if early:
        notes.append(f"{early:,} people who joined before a base period were left out.")
    if grid.cut:
        notes.append(f"The last {grid.cut} days are no whole {grid.period} and were left out.")
    return table.filter(pl.col("__joined") >= 1 + anticipation), notes


def panel_of(
    kept: pl.DataFrame, gifts: object, unit: str, cluster: str | None, gift_date: str, amount: str, grid: Grid
) -> tuple[Panel, list[str]]:
    sums = _reduced(gifts, unit, gift_date, amount, grid)
    if kept.schema[unit] != sums.schema[unit] and not (
        kept.schema[unit].is_integer() and sums.schema[unit].is_integer()
    ):
        raise BadValue(f"{unit!r} is {kept.schema[unit]} in people and {sums.schema[unit]} in gifts; make them alike.")
    ids = kept.select(pl.col(unit).cast(sums.schema[unit]), pl.int_range(pl.len(), dtype=pl.Int64).alias("__person"))
    given = sums.join(ids, on=unit, how="inner")
    strangers = sums.height - given.height
    lost = (
        [f"{strangers:,} person-{grid.period}s with gifts are of people left out or not in people."]
        if strangers
        else []
    )
    lost += fetch_note(gifts, sums.height, f"sums by person and {grid.period}")
    if cluster is None:
        of = np.arange(kept.height)
    else:
        own = pl.concat_str(pl.lit("unit "), pl.col(unit).cast(pl.String))
        named = pl.concat_str(pl.lit("of "), pl.col(cluster).cast(pl.String))
        of = np.unique(kept.select(pl.coalesce(named, own)).to_series().to_numpy(), return_inverse=True)[1]
    arrays = (given[name].cast(pl.Int64).to_numpy() for name in ("__person", "__period"))
    return Panel(grid.periods, kept["__joined"].to_numpy(), of, *arrays, given["__amount"].to_numpy()), lost


def _reduced(gifts: object, unit: str, gift_date: str, amount: str, grid: Grid) -> pl.DataFrame:
    """Return what each person gave in each period, summed by DuckDB or Spark where they lie in it."""
    names = [unit, gift_date, amount]
    given = open_columns(gifts, names, where="gifts")
    check_numbers(given.frame, amount, argument="amount")
    frame = given.frame.select(*names)
    if not frame.collect_schema()[gift_date].is_temporal():
        raise BadValue(f"gift_date: column {gift_date!r} is {frame.collect_schema()[gift_date]}; dates were expected.")
    who, day, much = (quote_identifier(name) for name in (unit, gift_date, amount))
    query = f"""
        SELECT {who}, {grid.sql(day)} AS __period, sum({much}::DOUBLE) AS __amount,
               count(*) FILTER (WHERE {much} IS NULL OR NOT abs({much}::DOUBLE) < 'Infinity'::DOUBLE) AS __bad
        FROM gifts_given WHERE {day}::DATE BETWEEN DATE '{grid.start}' AND DATE '{grid.end}' AND {who} IS NOT NULL
        GROUP BY ALL"""
    native = frame.to_native()
    if isinstance(native, duckdb.DuckDBPyRelation):
        table = native.query("gifts_given", query).pl()
    elif is_spark(frame):
        on_spark = native.sparkSession.sql(to_spark(query).replace("gifts_given", "{gifts_given}"), gifts_given=native)
        table = nw.from_native(on_spark).collect("polars").to_native()
    else:
        rows = given.collect(names)
        with connect() as con:
            con.register("gifts_given", rows)
            table = con.sql(query).pl()
    if bad := int(table["__bad"].sum() or 0):
        raise BadValue(
            f"amount: column {amount!r} is null, NaN or infinite in {bad:,} gifts; fill them or take them out."
        )
    return table
