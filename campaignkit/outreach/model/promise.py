"""What a plan will deliver, by persons who had no part in making it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from campaignkit.outreach.model.avails import Avails
from campaignkit.outreach.model.panel import Panel
from campaignkit.outreach.model.rating import Rated, Rater
from campaignkit.stats.arrays import Floats, Mask
from campaignkit.stats.optimize.reach import reached
from campaignkit.stats.optimize.reach_spots import buy_reach
from campaignkit.stats.optimize.spots import Limit, buy

FOLDS = 20
HABIT = 0.95  # nobody is taken to see a spot more surely than this


@dataclass(frozen=True)
class Task:
    """What is to be bought.

    Attributes
    ----------
    avails : Avails
    budget : float
    goal : str
        ``"impressions"``, ``"reach"`` or ``"votes"``.
    times : int
        How often a person must see the ad to be reached.
    whole : bool
        Whether only whole spots can be had.
    limits : sequence of Limit
    """

    avails: Avails
    budget: float
    goal: str
    times: int
    whole: bool
    limits: Sequence[Limit]


@dataclass(frozen=True)
class Bought:
    """A plan, by its own model.

    Attributes
    ----------
    spots : array of float64
        Of each cell.
    value : float
        What it buys by the model it was made of: overstated, since it was chosen for being large.
    gain : array of float64
        What one more spot of each cell would add.
    price : float
        What the last dollar buys.
    """

    spots: Floats
    value: float
    gain: Floats
    price: float


@dataclass(frozen=True)
class Delivery:
    """What each person of the panel sees of a plan.

    Attributes
    ----------
    impressions : array of float64
        Spots each is expected to see.
    reached : array of float64
        The chance to see at least `times`.
    """

    impressions: Floats
    reached: Floats


def make_plan(rater: Rater, rated: Rated, task: Task, persons: Mask | None = None) -> Bought:
    """Return the plan that audiences call for.

    Parameters
    ----------
    rater : Rater
    rated : Rated
        Audiences of the cells.
    task : Task
    persons : array of bool, optional
        The persons who may have a part in it. None: all.
    """
    rate = rated.target.mean * (rater.panel.target.max() / rater.panel.days)
    open_ = np.flatnonzero((task.avails.spots > 0) & (rate > 0) & (task.avails.cost <= task.budget))
    cost, most = task.avails.cost[open_], task.avails.spots[open_]
    limits = [Limit(limit.group[open_], limit.least, limit.most) for limit in task.limits]
    spots, gain = np.zeros(len(rate)), np.zeros(len(rate))
    if task.goal == "impressions":
        purchase = buy(rate[open_], cost, most, task.budget, limits, whole=task.whole)
        spots[open_], gain[open_] = purchase.amount, rate[open_]
        return Bought(spots, float(rate @ spots), gain, purchase.price)
    hit, people = viewers(rater.panel, rate, open_, persons)
    plan = buy_reach(hit, people, cost, most, task.budget, limits, times=task.times)
    spots[open_], gain[open_] = plan.spots, plan.gain
    return Bought(spots, plan.reached, gain, plan.price)


def viewers(panel: Panel, rate: Floats, cells: np.ndarray, persons: Mask | None = None) -> tuple[object, Floats]:
    """Return every person's chance to see a spot of some cells, and how many of the target each stands for.

    All persons, of the target or not, say who is a heavy viewer and what is watched together; each stands for the
    target's share of the market, and a cell's chances are scaled so that they add up to its audience of the target.
    """
    weight = panel.weight if persons is None else np.where(persons, panel.weight, 0.0)
    people = (
        weight * (panel.inside(panel.weight * panel.target) / np.maximum(panel.inside(weight), 1e-300))[panel.market]
    )
    part = panel.by_cell[:, cells]
    seen = (part.T @ people) / panel.days
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(seen > 0, rate[cells] / seen, 0.0)
    part.data = np.minimum(part.data * (scale / panel.days).repeat(np.diff(part.indptr)), HABIT)
    return part, people


def deliver(panel: Panel, spots: Floats, times: int, persons: np.ndarray | None = None) -> Delivery:
    """Return what some persons, or all, see of a plan."""
    watched = panel.watched if persons is None else panel.watched[persons]
    return Delivery(watched @ spots / panel.days, reached(watched, np.floor(spots), panel.days, times))


def held_out(rater: Rater, task: Task, folds: int, seed: int) -> Delivery:
    """Return what each person sees of a plan made without the person, in so many folds.

    Notes
    -----
    Every fold's plan is made anew from the other folds' persons, by the same rule as the plan itself; what it delivers
    to the fold's own persons was not chosen for being large.

    References
    ----------
    Smith and Winkler (2006), Management Science 52, 311–322, for the optimizer's curse; Stone (1974), Journal of the
    Royal Statistical Society B 36, 111–147, for cross-validation.
    """
    panel, total = rater.panel, rater.counts()
    fold = panel.folds(folds, seed)
    impressions, chance = np.zeros(panel.size), np.zeros(panel.size)
    for number in range(folds):
        persons = np.flatnonzero(fold == number)
        plan = make_plan(rater, rater.rate(total - rater.counts(persons)), task, fold != number)
        seen = deliver(panel, plan.spots, task.times, persons)
        impressions[persons], chance[persons] = seen.impressions, seen.reached
    return Delivery(impressions, chance)
