"""What asking people to join would bring, in dollars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from campaignkit import charts
from campaignkit.donors.observational.estimators import LABELS
from campaignkit.result import Result
from campaignkit.wording import between, confidence, dollars, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Worth"]


@dataclass(frozen=True, eq=False, repr=False)
class Worth(Result):
    """What asking people to join would bring, net of cost.

    `table` has one row per estimator: ``estimator``, ``break_even_rate`` (the enrollment rate that pays the cost; null
    where none does), ``estimate``, ``lower``, ``upper`` (net dollars).

    Attributes
    ----------
    lead : str
        The estimator that the sentence quotes.
    enrollment_rate, cost : float
    people : int
        As asked for.
    placebo_failed : bool
        Whether a placebo failed.
    confidence_level : float
        Of the intervals.
    """

    lead: str
    enrollment_rate: float
    cost: float
    people: int
    placebo_failed: bool
    confidence_level: float

    def summary(self) -> str:
        """Say the net dollars, by the lead estimator and over all of them."""
        rows = self.table.filter(pl.col("estimator") == self.lead)
        row = (rows if rows.height else self.table).row(0, named=True)
        low, high = ends(self.table, "lower", "upper")
        whole = partial(dollars, digits=0)
        caution = (
            " A placebo test failed, so part of this is who joins, and would not follow." if self.placebo_failed else ""
        )
        return (
            f"Asking {self.people:,} people at {dollars(self.cost)} each, with {share(self.enrollment_rate)} joining, "
            f"nets {dollars(row['estimate'], 0)} by {LABELS[row['estimator']]} ({confidence(self.confidence_level)} "
            f"interval {between(row['lower'], row['upper'], whole)}; {between(low, high, whole)} over all estimators), "
            f"if they resemble the people in the estimate.{caution}"
        )

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw net dollars by estimator."""
        rows = self.table.with_columns(pl.col("estimator").replace(LABELS).alias("by"))
        return charts.intervals(rows, "by", reference=0.0, title="Net dollars", description=self.summary())


def ends(rows: pl.DataFrame, lower: str, upper: str) -> tuple[float, float]:
    """Return the least lower and the greatest upper bound."""
    return float(rows[lower].to_numpy().min()), float(rows[upper].to_numpy().max())
