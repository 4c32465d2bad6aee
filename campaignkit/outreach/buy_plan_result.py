"""What a plan buys, and what it will really deliver."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.outreach.audiences import Audiences
from campaignkit.outreach.comparison import Comparison, Side, compare
from campaignkit.outreach.model.promise import Delivery
from campaignkit.result import Result
from campaignkit.saving import save_table
from campaignkit.wording import counted, dollars, number, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["BuyPlan"]

SHOWN = 15  # networks in the schedule


@dataclass(frozen=True, eq=False, repr=False)
class BuyPlan(Result):
    """An order of spots, with what it will deliver.

    `table` has one row a cell that is bought: the columns of a cell; ``spots``; ``cost`` of one and ``cost_total``;
    ``targets``: people of the target (or expected votes) who see one spot; ``index``, as in `Audiences`. `save` writes
    it as an order sheet.

    Attributes
    ----------
    promise : polars.DataFrame
        One row a quantity: ``quantity`` (target impressions, target reach, frequency, target GRP, target CPP,
        impressions, GRP), ``estimate``, ``std_error``, ``lower``, ``upper``: what the plan will deliver, by persons who
        had no part in making it; ``in_sample``: what the plan says of itself, overstated (null where it says nothing).
    next_cells : polars.DataFrame
        Cells to add next: ``gain`` of one more spot and ``gain_per_1000_dollars``, by the plan's own model.
    goal : str
    frequency : int
        How often a person must see the ad to be reached.
    budget, spend : float
        Dollars.
    last_dollar : float
        What the last dollar buys of the goal, by the plan's own model.
    unrated : polars.DataFrame
        Avails of which the panel knows nothing; none of them is bought.
    capped : int
        Cells with more spots left than the panel has days; no more than that is bought.
    confidence_level : float
    audiences : Audiences
    spots, cost : array of float64
        By `audiences.cells`: spots bought; dollars of a spot, infinite where there is none.
    delivery : Delivery
        What each person of the panel sees of a plan made without the person.
    folds : int
        In how many parts the panel was left out for that.
    """

    promise: pl.DataFrame
    next_cells: pl.DataFrame
    goal: str
    frequency: int
    budget: float
    spend: float
    last_dollar: float
    unrated: pl.DataFrame
    capped: int
    confidence_level: float
    audiences: Audiences
    spots: np.ndarray
    cost: np.ndarray
    delivery: Delivery
    folds: int

    def promised(self, quantity: str) -> dict[str, Any]:
        """Return one row of `promise`.

        Parameters
        ----------
        quantity : str
            Its name.

        Examples
        --------
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("tv_market", 1_000, seed=1, markets=2, networks=12)
        >>> found = ck.outreach.audiences(
        ...     drawn["viewing"], "target", ["network", "half_hour"], unit="person", weight="weight", market="market",
        ...     exposures="days", days=14, panel=drawn["panel"],
        ... )
        >>> plan = ck.outreach.buy_plan(found, drawn["avails"], budget=5_000)
        >>> reach = plan.promised("target reach")
        >>> reach["lower"] < reach["estimate"] < reach["upper"]
        True
        """
        check_scalar(quantity, "quantity", choices=self.promise["quantity"].to_list())
        return self.promise.row(by_predicate=pl.col("quantity") == quantity, named=True)

    def order_sheet(self) -> pl.DataFrame:
        """Return the order as a station's or cable system's desk takes it, one row a cell.

        The columns of a cell; ``first_air_date`` and ``last_air_date``, null: the buyer fills them in; ``spots``,
        ``cost_per_spot`` and ``cost_total`` in dollars. By market where there is one, then the most money first.

        Examples
        --------
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("tv_market", 1_000, seed=1, markets=2, networks=12)
        >>> found = ck.outreach.audiences(
        ...     drawn["viewing"], "target", ["network", "half_hour"], unit="person", weight="weight", market="market",
        ...     exposures="days", days=14, panel=drawn["panel"],
        ... )
        >>> sheet = ck.outreach.buy_plan(found, drawn["avails"], budget=5_000).order_sheet()
        >>> sheet.columns[3:]
        ['first_air_date', 'last_air_date', 'spots', 'cost_per_spot', 'cost_total']
        """
        whole = (self.table["spots"] == self.table["spots"].floor()).all()
        rows = self.table.select(
            *self.audiences.by, first_air_date=pl.lit(None, pl.Date), last_air_date=pl.lit(None, pl.Date),
            spots=pl.col("spots").cast(pl.Int64) if whole else pl.col("spots").round(4),
            cost_per_spot=pl.col("cost").round(2), cost_total=pl.col("cost_total").round(2),
        )  # fmt: skip
        return rows if self.audiences.market is None else rows.sort(self.audiences.market, maintain_order=True)

    def save_order(self, path: str | Path) -> Path:
        """Write `order_sheet` as a .csv or .xlsx file, whose cells never run as formulas, and return the path.

        Parameters
        ----------
        path : str or Path
            Its ending says which.

        Raises
        ------
        BadValue
            The path ends otherwise or cannot be written; or .xlsx, and XlsxWriter is not installed.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("tv_market", 1_000, seed=1, markets=2, networks=12)
        >>> found = ck.outreach.audiences(
        ...     drawn["viewing"], "target", ["network", "half_hour"], unit="person", weight="weight", market="market",
        ...     exposures="days", days=14, panel=drawn["panel"],
        ... )
        >>> plan = ck.outreach.buy_plan(found, drawn["avails"], budget=5_000)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plan.save_order(f"{folder}/order.csv").read_text().partition(",")[0]
        'market'
        """
        return save_table(self.order_sheet(), path, "order")

    def compare(self, baseline: object, *, spots: str = "spots") -> Comparison:
        """Say how much more the plan buys for the same money than a baseline, such as last cycle's order.

        Both are rated by this plan's target, panel, rates and reach model, person by person; see `Comparison`.

        Parameters
        ----------
        baseline : table or BuyPlan
            An order: the columns of a cell, and spots. Or another plan.
        spots : str
            The column of spots.

        Returns
        -------
        Comparison

        Raises
        ------
        BadValue
            Of a cell of the baseline there is no rate or no audience, spend differs by more than 1%, or another plan
            has another panel, target, goal, frequency or other rates.

        Examples
        --------
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("tv_market", 1_000, seed=1, markets=2, networks=12)
        >>> found = ck.outreach.audiences(
        ...     drawn["viewing"], "target", ["network", "half_hour"], unit="person", weight="weight", market="market",
        ...     exposures="days", days=14, panel=drawn["panel"],
        ... )
        >>> baseline = drawn["last_cycle"]
        >>> spend = (baseline["spots"] * baseline["cost"]).sum()
        >>> plan = ck.outreach.buy_plan(found, drawn["avails"], budget=spend)
        >>> plan.compare(baseline).table["measure"].to_list()
        ['cheaper for the same', 'more for the same money']
        """
        return compare(self._side(), baseline._side() if isinstance(baseline, BuyPlan) else baseline, spots)

    def _side(self) -> Side:
        return Side(self.audiences, self.goal, self.frequency, self.spots, self.cost, self.delivery, self.folds)

    def summary(self) -> str:
        """Say what is bought, what it will deliver, and what it says of itself."""
        key = "target impressions" if self.goal == "impressions" else "target reach"
        row = self.promised(key)
        what = "expected votes" if self.audiences.votes else "people of the target"
        verb = (
            f"show it {number(row['estimate'])} times to"
            if self.goal == "impressions"
            else f"reach {number(row['estimate'])}"
        )
        over = row["in_sample"] / row["estimate"] - 1
        sentence = (
            f"{self.spots.sum():,.0f} spots in {counted(self.table.height, 'cell')} for {dollars(self.spend, 0)} will "
            f"{verb} {what} ({self.confidence_level:.0%} interval {number(row['lower'])} to {number(row['upper'])}), "
            f"by persons who had no part in making the plan; the plan's own figure is {number(row['in_sample'])}, "
            f"{share(abs(over))} {'more' if over > 0 else 'less'}."
        )
        if self.goal != "impressions":
            times, seen = self.promised("frequency"), self.frequency
            at_least = "" if seen == 1 else f" at least {seen} times"
            sentence += (
                f" Reached means{at_least or ' once or more'}; who is reached sees it {times['estimate']:.1f} times."
            )
        sentence += f" The last $1,000 buys {number(1000 * self.last_dollar)}."
        if self.unrated.height:
            sentence += f" Of {counted(self.unrated.height, 'avail')} the panel knows nothing; none is bought."
        if self.capped:
            sentence += f" In {counted(self.capped, 'cell')} only as many spots were considered as the panel has days."
        return sentence + " Intervals are the panel's sampling; viewing that changes from week to week is not in them."

    def chart(self) -> alt.TopLevelMixin:
        """Draw the schedule: spots by network and daypart, over all markets."""
        alt = charts.house()
        by = [name for name in self.audiences.by if name != self.audiences.market]
        network, daypart = by[0], by[-1]
        rows = self.table.group_by(network, daypart).agg(pl.col("spots", "cost_total").sum())
        top = rows.group_by(network).agg(pl.col("cost_total").sum()).top_k(SHOWN, by="cost_total")[network].to_list()
        rows = rows.filter(pl.col(network).is_in(top)).select(
            network=pl.col(network).cast(pl.String),
            daypart=pl.col(daypart).cast(pl.String),
            spots="spots",
            dollars="cost_total",
        )
        chart = alt.Chart(rows).mark_rect(cornerRadius=1).encode(
            x=alt.X("daypart:N", title=daypart.replace("_", " "), axis=alt.Axis(labelOverlap=True)),
            y=alt.Y("network:N", sort=[str(name) for name in top], title=None),
            color=alt.Color("spots:Q", title="spots"),
            tooltip=["network", "daypart", alt.Tooltip("spots:Q", format=",.0f"),
                     alt.Tooltip("dollars:Q", format="$,.0f")],
        )  # fmt: skip
        title = f"Spots by {daypart.replace('_', ' ')}, the {len(top)} networks with most money"
        return chart.properties(description=self.summary(), width=charts.WIDTH, title=title)
