"""Segments as an answer: the table, the sentence and the chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from campaignkit import charts, labels
from campaignkit.errors import listed
from campaignkit.result import Result
from campaignkit.wording import confidence, counted, dollars, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Segments"]


@dataclass(frozen=True, eq=False, repr=False)
class Segments(Result):
    """Segments with more of the outcome than other people, the best first.

    `table` has one row per segment:

    - ``segment``: its conditions in words; ``where``: in SQL, as a universe takes them;
    - of the half that searched: ``size`` and ``positives`` (people, and those with the outcome; never weighted),
      ``rate`` (weighted where there are weights), ``lift`` (the rate over that of all others) with ``lift_lower``
      and ``lift_upper`` (Koopman's score interval; null where it has no end), ``z`` (standard deviations
      above a random draw), ``wracc`` (share of people × rate's distance from everyone's), ``p_value`` and
      ``p_adjusted`` (Benjamini–Hochberg over all that were searched), ``design_effect`` (how many people one
      independent person counts for; 1 without clusters and weights), ``amount_mean``, ``amount_lower``,
      ``amount_upper`` (dollars each, Student's t; null without `amount`);
    - the same of the half that confirms, as ``holdout_…``: ``size, positives, rate, lift, lift_lower,
      lift_upper, z, p_value, p_adjusted`` (Holm over the rows shown) and the amounts; null without `holdout`;
    - ``parent``: the segment without one of its conditions that it beats least clearly ("everyone" for one
      condition); ``gain_over_parent``: its rate over that of the parent's other people; ``gain_p_value``: the
      chance of such a gain by a random draw from the parent, the largest over all parents; ``gain_p_adjusted``:
      Holm over all that were searched.

    Numbers of the half that searched are too good, since the best were picked by them; the held-out ones are not.

    Attributes
    ----------
    outcome : str
        The outcome's column.
    redundant : polars.DataFrame
        One row per variant that `distinct` left out: ``segment``, ``where``, ``variant_of`` (the segment shown) and
        ``reason``.
    searched : int
        How many segments were searched.
    people, held_out : int
        Rows that searched, and that confirm.
    rows_are : str
        "people", or "rows" where a person has several.
    rate : float
        The share of those who searched with the outcome.
    method, correction : str
        How the p-values were made, and adjusted.
    q : float
        The level that was asked for.
    rank : str
        What the table is sorted by.
    set_aside : int
        Rows without an outcome, which were left out.
    constant : tuple of str
        Columns with one value, which make no condition.
    leaking_values : tuple of str
        Values of columns of whose people nobody, or everybody, has the outcome, against all chance.
    confidence_level : float
        Of the intervals.
    rows_fetched : int or None
        Of a Spark table, how many rows were read from it: those that differ in what was named, each with its count, or
        all where people are clustered. None: the table is not Spark's.
    """

    outcome: str
    redundant: pl.DataFrame
    searched: int
    people: int
    held_out: int
    rows_are: str
    rate: float
    method: str
    correction: str
    q: float
    rank: str
    set_aside: int
    constant: tuple[str, ...]
    leaking_values: tuple[str, ...]
    confidence_level: float
    rows_fetched: int | None = None

    @property
    def confirmed(self) -> pl.DataFrame:
        """The rows that held up: ``holdout_p_adjusted`` at most q.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
        >>> found = ck.donors.discover_segments(people, "entered", ["region", "sex", "age_band"], unit="person")
        >>> found.confirmed.height <= found.table.height
        True
        """
        return self.table.filter(pl.col("holdout_p_adjusted") <= self.q)

    def summary(self) -> str:
        """Say how many were searched, how many held up, what the first is worth, and what this does not show."""
        start = (
            f"{self.people:,} {self.rows_are} searched in {counted(self.searched, 'segment')}{self._aside()}; overall, "
            f"{labels.rate_of(self.outcome, share(self.rate), self.labels)}."
        )
        stand_out = self.table.filter(pl.col("p_adjusted") <= self.q).height
        if not stand_out:
            return f"{start} No segment stands out beyond chance (false-discovery rate {self.q:g}).{self._fetched()}"
        confirmed = f"{self.confirmed.height or 'none'} held up among the {self.held_out:,} held out"
        held = f"; {confirmed}" if self.held_out else ""
        said = f"{_counted(stand_out, self.table.height)}{held}. {self._first()} {self._caution()}"
        return f"{start} {said}{self._fetched()}"

    def _fetched(self) -> str:
        return "" if self.rows_fetched is None else f" {self.rows_fetched:,} rows were fetched from Spark."

    def columns_first(self) -> list[str]:
        """Return those of the half that confirms, or of all where nobody was held out.

        Examples
        --------
        >>> import campaignkit as ck
        >>> invited = ck.sample.draw("contest", 4_000).table
        >>> found = ck.donors.discover_segments(invited, "entered", ["region", "sex"])
        >>> found.columns_first()[:3]
        ['segment', 'holdout_size', 'holdout_rate']
        """
        half = "holdout_" if self.held_out else ""
        return [
            "segment",
            *(f"{half}{name}" for name in ("size", "rate", "lift", "lift_lower", "lift_upper", "p_adjusted")),
        ]

    def _aside(self) -> str:
        return f" ({self.set_aside:,} rows without an outcome left out)" if self.set_aside else ""

    def _first(self) -> str:
        row = self.table.row(0, named=True)
        prefix = "holdout_" if self.held_out and row["holdout_size"] else ""
        rate, lift = row[f"{prefix}rate"], row[f"{prefix}lift"]
        if lift is None:
            return f"The top segment is {row['segment']}, at {share(rate)}."
        lower, upper = row[f"{prefix}lift_lower"], row[f"{prefix}lift_upper"]
        bounds = (
            ""
            if lower is None or upper is None
            else f" ({confidence(self.confidence_level)} interval {lower:.2f}–{upper:.2f})"
        )
        extra = 1000 * (rate - rate / lift) if lift else 0.0
        amount = row[f"{prefix}amount_mean"]
        worth = f", and {dollars(amount)} each" if amount is not None else ""
        where = " of those held out" if prefix else ""
        return (
            f"The top segment is {row['segment']}, at {share(rate)}{where}, {lift:.2f} times everyone else's "
            f"rate{bounds}. That is {extra:,.0f} more per 1,000 people{worth}."
        )

    def _caution(self) -> str:
        unheld = "" if self.held_out else " Nobody was held out, so the lifts shown are too high."
        return f"This says who responded, not what would change anyone's mind.{unheld}{self._leaking()}"

    def _leaking(self) -> str:
        if not self.leaking_values:
            return ""
        column = f"Do not search a column that restates {self.label(self.outcome)}"
        return f" Check this: {listed(self.leaking_values)}. {column}."

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw each segment's lift with its interval, the searched half beside the held-out."""
        if self.table.is_empty():
            return None
        names = ["lift", "lift_lower", "lift_upper"]
        split_samples = [self.table.select("segment", *names, half=pl.lit("searched"))]
        if self.held_out:
            twin = [pl.col(f"holdout_{name}").alias(name) for name in names]
            split_samples.append(self.table.select("segment", *twin, half=pl.lit("held out")))
        order = pl.col("segment").cast(pl.Enum(self.table["segment"].to_list()))
        rows = pl.concat(split_samples).sort(order, maintain_order=True)
        return charts.intervals(
            rows, "segment", *names, series="half", reference=1.0, number=".2~f", description=self.summary(),
            title=f"Share {labels.who(self.outcome, self.labels)}: times everyone else's",
        )  # fmt: skip


def _counted(stand_out: int, shown: int) -> str:
    if stand_out == shown:
        return f"{counted(stand_out, 'segment')} stand{'s' if stand_out == 1 else ''} out beyond chance"
    return f"{stand_out} of the {shown} segments shown stand{'s' if stand_out == 1 else ''} out beyond chance"
