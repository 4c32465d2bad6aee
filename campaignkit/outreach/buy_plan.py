"""Which spots to buy, and what they will really deliver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.outreach.audiences import Audiences
from campaignkit.outreach.avails import Avails, limits, read_avails
from campaignkit.outreach.comparison import Comparison, Side, compare
from campaignkit.outreach.promise import FOLDS, Bought, Delivery, Task, held_out, make_plan
from campaignkit.result import Result
from campaignkit.stats.survey.totals import stratified_totals
from campaignkit.wording import counted, dollars, number, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["BuyPlan", "buy_plan"]

GOALS = ("reach", "impressions", "votes")
NEXT = 20  # cells named to be added next
SHOWN = 15  # networks in the schedule


@dataclass(frozen=True, eq=False, repr=False)
class BuyPlan(Result):
    """An order of spots, with what it will deliver.

    `table` has one row a cell that is bought: the columns of a cell; ``spots``; ``cost`` of one and ``cost_total``;
    ``targets``: people of the target (or expected votes) who see one spot; ``index``, as in `Audiences`. It is the order
    itself, to be saved as csv or xlsx.

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
            Of a cell of the baseline there is no rate or no audience, spend differs by more than 1%, or another plan has
            another panel, target, goal, frequency or other rates.

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
        return Side(self.audiences, self.goal, self.frequency, self.spots, self.cost, self.delivery)

    def summary(self) -> str:
        """Say what is bought, what it will deliver, and what it says of itself."""
        key = "target impressions" if self.goal == "impressions" else "target reach"
        row = self.promised(key)
        what = "expected votes" if self.audiences.votes else "people of the target"
        verb = f"show it {number(row['estimate'])} times to" if self.goal == "impressions" else f"reach {number(row['estimate'])}"
        over = row["in_sample"] / row["estimate"] - 1
        said = (
            f"{self.spots.sum():,.0f} spots in {counted(self.table.height, 'cell')} for {dollars(self.spend, 0)} will {verb} "
            f"{what} ({self.confidence_level:.0%} interval {number(row['lower'])} to {number(row['upper'])}), by persons "
            f"who had no part in making the plan; the plan's own figure is {number(row['in_sample'])}, "
            f"{share(abs(over))} {'more' if over > 0 else 'less'}."
        )
        if self.goal != "impressions":
            times, seen = self.promised("frequency"), self.frequency
            at_least = "" if seen == 1 else f" at least {seen} times"
            said += f" Reached means{at_least or ' once or more'}; who is reached sees it {times['estimate']:.1f} times."
        said += f" The last $1,000 buys {number(1000 * self.last_dollar)}."
        if self.unrated.height:
            said += f" Of {counted(self.unrated.height, 'avail')} the panel knows nothing; none is bought."
        if self.capped:
            said += f" In {counted(self.capped, 'cell')} only as many spots were considered as the panel has days."
        return said + " Intervals are the panel's sampling; viewing that changes from week to week is not in them."

    def chart(self) -> alt.TopLevelMixin:
        """Draw the schedule: spots by network and daypart, over all markets."""
        alt = charts.house()
        by = [name for name in self.audiences.by if name != self.audiences.market]
        network, daypart = by[0], by[-1]
        rows = self.table.group_by(network, daypart).agg(pl.col("spots", "cost_total").sum())
        top = rows.group_by(network).agg(pl.col("cost_total").sum()).top_k(SHOWN, by="cost_total")[network].to_list()
        rows = rows.filter(pl.col(network).is_in(top)).select(
            network=pl.col(network).cast(pl.String), daypart=pl.col(daypart).cast(pl.String), spots="spots", dollars="cost_total"
        )
        chart = alt.Chart(rows).mark_rect(cornerRadius=1).encode(
            x=alt.X("daypart:N", title=daypart.replace("_", " "), axis=alt.Axis(labelOverlap=True)),
            y=alt.Y("network:N", sort=[str(name) for name in top], title=None),
            color=alt.Color("spots:Q", title="spots"),
            tooltip=["network", "daypart", alt.Tooltip("spots:Q", format=",.0f"), alt.Tooltip("dollars:Q", format="$,.0f")],
        )  # fmt: skip
        title = f"Spots by {daypart.replace('_', ' ')}, the {len(top)} networks with most money"
        return chart.properties(description=self.summary(), width=charts.WIDTH, title=title)


def buy_plan(
    audiences: Audiences,
    avails: object,
    budget: float,
    *,
    goal: str = "reach",
    frequency: int | None = None,
    lumpy: bool = True,
    bounds: Mapping[str, Mapping[Any, tuple[float | None, float | None]]] | None = None,
    cost: str = "cost",
    spots: str = "spots",
    folds: int = FOLDS,
    seed: int = 0,
) -> BuyPlan:
    """Choose spots under a budget, and say what they will deliver once corrected for having been chosen.

    Parameters
    ----------
    audiences : Audiences
        Who watches which cell.
    avails : table
        A rate card: the columns of a cell, `cost` of a spot in dollars, and `spots` left; one row a cell.
    budget : float
        Dollars.
    goal : {"reach", "impressions", "votes"}
        People of the target reached; or how often they see the ad in all; or, where the target is a score of expected
        votes, the votes of those reached, each person's once.
    frequency : int, optional
        How often a person must see the ad to count as reached. None: once.
    lumpy : bool
        Whether only whole spots can be bought. False, with goal "impressions" only: fractions too.
    bounds : mapping, optional
        Least and most dollars by column and value: ``{"market": {"Tampa": (10_000, None)}}``. None: no bounds.
    cost, spots : str
        Columns of `avails`.
    folds : int
        How many parts of the panel are left out in turn for the promise.
    seed : int
        Of the folds.

    Returns
    -------
    BuyPlan

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        A cell has no cost or negative spots, a market is not the panel's, or an argument is not as said above.
    NotEnoughData
        The budget buys no spot.

    Notes
    -----
    Impressions are bought in the order of target audience a dollar (`stats.optimize.spots`), reach where the next
    dollar adds most (`stats.optimize.reach`). A plan takes the cells whose audience the panel overestimated, so its own
    figure promises too much. Its promise here is made of plans that were each made without a twentieth of the panel,
    and rated on that twentieth. Errors are between persons, within markets.

    References
    ----------
    Smith and Winkler (2006), Management Science 52, 311–322; Goodman (1949), Annals of Mathematical Statistics 20,
    572–579.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("tv_market", 1_000, seed=1, markets=2, networks=12)
    >>> found = ck.outreach.audiences(
    ...     drawn["viewing"], "target", ["network", "half_hour"], unit="person", weight="weight", market="market",
    ...     exposures="days", days=14, panel=drawn["panel"],
    ... )
    >>> plan = ck.outreach.buy_plan(found, drawn["avails"], budget=5_000)
    >>> plan.spend <= 5_000, plan.promised("target reach")["in_sample"] > plan.promised("target reach")["estimate"]
    (True, True)
    """
    _check(audiences, budget, goal, frequency, lumpy, folds, seed)
    read = read_avails(audiences, avails, cost, spots)
    if not ((read.spots > 0) & (read.cost <= budget)).any():
        cheapest = read.cost[read.spots > 0].min(initial=np.inf)
        raise NotEnoughData(f"A budget of {dollars(budget)} buys no spot; the cheapest of {(read.spots > 0).sum():,} cells is {dollars(cheapest)}.")
    task = Task(read, float(budget), goal, frequency or 1, lumpy, limits(audiences, bounds))
    rater = audiences.rater
    try:
        plan = make_plan(rater, rater.rate(rater.counts()), task)
        delivery = held_out(rater, task, folds, seed)
    except ValueError as error:
        raise BadValue(f"bounds: {error}") from error
    if not plan.spots.any():
        raise NotEnoughData(f"A budget of {dollars(budget)} buys no spot that anyone of the target would see.")
    spend = float(np.where(plan.spots > 0, read.cost, 0.0) @ plan.spots)
    promise = _promise(audiences, plan, delivery, spend, goal)
    return BuyPlan(
        _order(audiences, plan, read), promise, _next_cells(audiences, plan, read), goal, task.times, task.budget, spend,
        plan.price, read.unrated, read.capped, audiences.confidence_level, audiences, plan.spots, read.cost, delivery,
    )  # fmt: skip


def _check(audiences: Any, budget: Any, goal: Any, frequency: Any, lumpy: Any, folds: Any, seed: Any) -> None:
    if not isinstance(audiences, Audiences):
        raise BadValue(f"audiences is a {type(audiences).__name__}; pass what outreach.audiences returned.")
    check_scalar(budget, "budget", typ=float, gt=0)
    check_scalar(goal, "goal", choices=GOALS)
    check_scalar(frequency, "frequency", typ=int, ge=1, le=audiences.days, optional=True)
    check_scalar(lumpy, "lumpy", typ=bool)
    check_scalar(folds, "folds", typ=int, ge=2, le=audiences.persons)
    check_scalar(seed, "seed", typ=int)
    if not lumpy and goal != "impressions":
        raise BadValue(f"lumpy is False and goal is {goal!r}; only impressions can be planned in fractions of spots.")
    if audiences.votes and goal != "votes":
        raise BadValue(f"goal is {goal!r}, but the target is a score of expected votes: say goal='votes', or give audiences a threshold.")
    if goal == "votes" and not audiences.votes:
        raise BadValue("goal is 'votes', but the target is people, not a score of expected votes: pass score= to audiences.")


def _promise(audiences: Audiences, plan: Bought, delivery: Delivery, spend: float, goal: str) -> pl.DataFrame:
    """Return what persons without a part in the plan will see of it, beside what the plan says of itself."""
    panel, level = audiences.rater.panel, audiences.confidence_level
    wanted = panel.target
    values = np.stack([wanted * delivery.impressions, wanted * delivery.reached, delivery.impressions], axis=1)
    totals = stratified_totals(values, panel.weight, panel.market)
    every = {
        "target impressions": totals.product({0: 1.0}, level), "target reach": totals.product({1: 1.0}, level),
        "frequency": totals.product({0: 1.0, 1: -1.0}, level), "target GRP": totals.product({0: 1.0}, level),
        "target CPP": totals.product({0: -1.0}, level), "impressions": totals.product({2: 1.0}, level),
        "GRP": totals.product({2: 1.0}, level),
    }  # fmt: skip
    factor = {"target GRP": 100 / audiences.target_people, "target CPP": spend * audiences.target_people / 100, "GRP": 100 / audiences.people}
    own = {"target impressions" if goal == "impressions" else "target reach": plan.value}
    rows = [
        {"quantity": name, "in_sample": own.get(name)}
        | {word: getattr(found, part) * factor.get(name, 1.0) for word, part in
           (("estimate", "value"), ("std_error", "error"), ("lower", "lower"), ("upper", "upper"))}
        for name, found in every.items()
    ]  # fmt: skip
    schema = {"quantity": pl.String} | dict.fromkeys(("estimate", "std_error", "lower", "upper", "in_sample"), pl.Float64)
    return pl.DataFrame(rows, schema=schema)


def _order(audiences: Audiences, plan: Bought, avails: Avails) -> pl.DataFrame:
    found = audiences.cells.with_columns(spots=pl.Series(plan.spots), cost=pl.Series(avails.cost))
    found = found.filter(pl.col("spots") > 0).with_columns(cost_total=pl.col("spots") * pl.col("cost"))
    known = audiences.table.select(*audiences.by, "targets", "index")
    found = found.join(known, on=audiences.by, how="left", nulls_equal=True)
    return found.sort("cost_total", descending=True, maintain_order=True)


def _next_cells(audiences: Audiences, plan: Bought, avails: Avails) -> pl.DataFrame:
    """Return what to buy with more money: cells with spots left, by what a dollar adds."""
    found = audiences.cells.with_columns(cost=pl.Series(avails.cost), gain=pl.Series(plan.gain))
    left = pl.Series((avails.spots > plan.spots) & (plan.gain > 0))
    return found.filter(left).with_columns(gain_per_1000_dollars=1000 * pl.col("gain") / pl.col("cost")).top_k(
        NEXT, by="gain_per_1000_dollars"
    )
