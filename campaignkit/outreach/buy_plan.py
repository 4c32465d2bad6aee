"""Which spots to buy, and what they will really deliver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.outreach.audiences import Audiences
from campaignkit.outreach.buy_plan_result import BuyPlan
from campaignkit.outreach.model.avails import Avails, limits, read_avails
from campaignkit.outreach.model.promise import FOLDS, Bought, Delivery, Task, held_out, make_plan
from campaignkit.stats.survey.totals import stratified_totals
from campaignkit.wording import dollars

__all__ = ["buy_plan"]

GOALS = ("reach", "impressions", "votes")
NEXT = 20  # cells named to be added next


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
    """Choose spots within a budget, and say what they will deliver, corrected for having been chosen.

    Parameters
    ----------
    audiences : Audiences
        Who watches which cell.
    avails : table
        A rate card, one row per cell: the columns of a cell, the `cost` of a spot in dollars, and `spots` left.
    budget : float
        Dollars.
    goal : {"reach", "impressions", "votes"}
        "reach": people in the target who see the ad. "impressions": how many times they see it in all. "votes", if
        the target is a score of expected votes: the votes of those reached, each person counted once.
    frequency : int, optional
        How many times a person must see the ad to count as reached. None: once.
    lumpy : bool
        Whether only whole spots can be bought. False, only with goal "impressions": fractions of spots too.
    bounds : mapping, optional
        Minimum and maximum dollars by column and value: ``{"market": {"Tampa": (10_000, None)}}``. None: no bounds.
    cost, spots : str
        Columns of `avails`.
    folds : int
        How many parts of the panel are left out in turn for the promise.
    seed : int
        Seed of the folds.

    Returns
    -------
    BuyPlan

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        A cell has no cost or negative spots, a market is not in the panel, or an argument is not as described above.
    NotEnoughData
        The budget buys no spot.

    Notes
    -----
    Impressions are bought in order of target audience per dollar (`stats.optimize.spots`), reach where the next dollar
    adds the most, with exchanges (`stats.optimize.reach_spots`). A plan picks the cells whose audience the panel
    overestimated, so its own figure promises too much. The promise here comes from plans that were each made without a
    twentieth of the panel and judged by that twentieth. Errors are between people, within markets.

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
        raise NotEnoughData(
            f"A budget of {dollars(budget)} buys no spot; the cheapest of {(read.spots > 0).sum():,} cells costs "
            f"{dollars(cheapest)}."
        )
    task = Task(read, float(budget), goal, frequency or 1, lumpy, limits(audiences, bounds))
    rater = audiences.rater
    try:
        plan = make_plan(rater, rater.rate(rater.counts()), task)
        delivery = held_out(rater, task, folds, seed)
    except ValueError as error:
        raise BadValue(f"bounds: {error}") from error
    if not plan.spots.any():
        raise NotEnoughData(f"A budget of {dollars(budget)} buys no spot that anyone in the target would see.")
    spend = float(np.where(plan.spots > 0, read.cost, 0.0) @ plan.spots)
    promise = _promise(audiences, plan, delivery, spend, goal)
    return BuyPlan(
        _order(audiences, plan, read), promise, _next_cells(audiences, plan, read), goal, task.times, task.budget,
        spend, plan.price, read.unrated, read.capped, audiences.confidence_level, audiences, plan.spots, read.cost,
        delivery, folds,
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
        raise BadValue(
            f"goal is {goal!r}, but the target is a score of expected votes: say goal='votes', or pass a threshold to "
            "audiences."
        )
    if goal == "votes" and not audiences.votes:
        raise BadValue(
            "goal is 'votes', but the target is people, not a score of expected votes: pass score= to audiences."
        )


def _promise(audiences: Audiences, plan: Bought, delivery: Delivery, spend: float, goal: str) -> pl.DataFrame:
    """Return what panel members who had no part in the plan see of it, beside the plan's own figure."""
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
    factor = {
        "target GRP": 100 / audiences.target_people,
        "target CPP": spend * audiences.target_people / 100,
        "GRP": 100 / audiences.people,
    }
    own = {"target impressions" if goal == "impressions" else "target reach": plan.value}
    rows = [
        {"quantity": name, "in_sample": own.get(name)}
        | {word: getattr(ratio, part) * factor.get(name, 1.0) for word, part in
           (("estimate", "value"), ("std_error", "std_error"), ("lower", "lower"), ("upper", "upper"))}
        for name, ratio in every.items()
    ]  # fmt: skip
    schema = {"quantity": pl.String} | dict.fromkeys(
        ("estimate", "std_error", "lower", "upper", "in_sample"), pl.Float64
    )
    return pl.DataFrame(rows, schema=schema)


def _order(audiences: Audiences, plan: Bought, avails: Avails) -> pl.DataFrame:
    order = audiences.cells.with_columns(spots=pl.Series(plan.spots), cost=pl.Series(avails.cost))
    order = order.filter(pl.col("spots") > 0).with_columns(cost_total=pl.col("spots") * pl.col("cost"))
    known = audiences.table.select(*audiences.by, "targets", "index")
    order = order.join(known, on=audiences.by, how="left", nulls_equal=True)
    return order.sort("cost_total", descending=True, maintain_order=True)


def _next_cells(audiences: Audiences, plan: Bought, avails: Avails) -> pl.DataFrame:
    """Return what to buy with more money: cells with spots left, by what a dollar adds."""
    candidates = audiences.cells.with_columns(cost=pl.Series(avails.cost), gain=pl.Series(plan.gain))
    left = pl.Series((avails.spots > plan.spots) & (plan.gain > 0))
    return (
        candidates.filter(left)
        .with_columns(gain_per_1000_dollars=1000 * pl.col("gain") / pl.col("cost"))
        .top_k(NEXT, by="gain_per_1000_dollars")
    )
