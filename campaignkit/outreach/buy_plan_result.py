"""What a plan buys, and what it will really deliver."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.outreach.audiences import SAMPLING, Audiences, audience
from campaignkit.outreach.comparison import Comparison, Side, compare
from campaignkit.outreach.model.promise import Delivery
from campaignkit.result import Result
from campaignkit.saving import save_table
from campaignkit.wording import confidence, counted, dollars, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["BuyPlan"]

SHOWN = 15  # networks in the schedule


@dataclass(frozen=True, eq=False, repr=False)
class BuyPlan(Result):
    """An order of spots, with what it will deliver.

    `table` has one row per cell that is bought: the columns of a cell; ``spots``; ``cost`` of one and ``cost_total``;
    ``targets``: people in the target (or expected votes) who see one spot; ``index``, as in `Audiences`. `save_order`
    writes it as an order sheet.

    Attributes
    ----------
    promise : polars.DataFrame
        One row per quantity: ``quantity`` (target impressions, target reach, frequency, target GRP, target CPP,
        impressions, GRP), ``estimate``, ``std_error``, ``lower``, ``upper``: what the plan will deliver, judged by
        panel members who had no part in making it; ``in_sample``: the plan's own figure, overstated (null if none).
    next_cells : polars.DataFrame
        Cells to add next: ``gain`` from one more spot and ``gain_per_1000_dollars``, by the plan's own model.
    goal : str
    frequency : int
        How many times a person must see the ad to count as reached.
    budget, spend : float
        Dollars.
    last_dollar : float
        How much of the goal the last dollar buys, by the plan's own model; of a `frequency` above 1, each showing
        before it counts in part.
    unrated : polars.DataFrame
        Avails the panel knows nothing about; the plan buys none of them.
    capped : int
        Cells with more spots left than the panel has days; the plan buys at most one a day there.
    confidence_level : float
    audiences : Audiences
    spots, cost : array of float64
        By `audiences.cells`: spots bought; dollars per spot, infinite where there is none.
    delivery : Delivery
        What each panel member sees of a plan made without them.
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
        """Return the order as a station's or cable system's sales desk takes it, one row per cell.

        The columns of a cell; ``first_air_date`` and ``last_air_date``, null, for the buyer to fill in; ``spots``;
        ``cost_per_spot`` and ``cost_total`` in dollars. Sorted by market, then by dollars, the most first.

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
            Ends in .csv or .xlsx.

        Raises
        ------
        BadValue
            The path has another ending or cannot be written, or it is .xlsx and XlsxWriter is not installed.

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

        This plan's target, panel, rates and reach model judge both, person by person; see `Comparison`.

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
            A cell of the baseline has no rate or no audience, spend differs by more than 1%, or the other plan has a
            different panel, target, goal, frequency or rates.

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
        """Say what is bought, what it will deliver, and what the plan's own figure is."""
        key = "target impressions" if self.goal == "impressions" else "target reach"
        row, over = self.promised(key), self.promised(key)["in_sample"] / self.promised(key)["estimate"] - 1
        what = f"{audience(row['estimate'])} {self._counted}"
        sentences = [
            f"{dollars(self.spend, 0)} buys {self.spots.sum():,.0f} spots in {counted(self.table.height, 'cell')}.",
            f"They will {'deliver' if self.goal == 'impressions' else 'reach'} {what} "
            f"({confidence(self.confidence_level)} interval {audience(row['lower'])} to {audience(row['upper'])}), "
            "judged on panel members who had no part in making the plan.",
            f"The plan's own figure is {audience(row['in_sample'])}, {share(abs(over))} "
            f"{'higher' if over > 0 else 'lower'}.",
        ]
        if self.goal != "impressions":
            often = "once" if self.frequency == 1 else f"{self.frequency} times"
            text = f"Reached means at least {often}"
            if self.frequency == 1:
                text += f"; those reached see the ad {self.promised('frequency')['estimate']:.1f} times on average"
            sentences.append(f"{text}.")
        buys = "buys" if self.goal == "impressions" else "reaches"
        if self.frequency == 1:  # else the model counts who has seen it less often in part
            sentences.append(f"The last $1,000 {buys} {audience(1000 * self.last_dollar)} {self._counted}.")
        if self.unrated.height:
            avails = counted(self.unrated.height, "avail")
            sentences.append(f"The panel has no data on {avails}; the plan buys none of them.")
        if self.capped:
            sentences.append(f"In {counted(self.capped, 'cell')} the plan buys at most one spot a day.")
        return " ".join([*sentences, SAMPLING])

    @property
    def _counted(self) -> str:
        if self.goal == "impressions":
            return "target impressions"
        return "expected votes" if self.audiences.votes else "people in the target"

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
        title = f"Spots by {daypart.replace('_', ' ')} on the {len(top)} networks that get the most money"
        return chart.properties(description=self.summary(), width=charts.WIDTH, title=title)
