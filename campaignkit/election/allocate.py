"""Where to put the money: the plan under which the next dollar would do no more in any other state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.election.model.responses import Responses, read_responses
from campaignkit.election.model.states import state_codes, state_name
from campaignkit.election.model.winning import Slope, Winning
from campaignkit.election.simulate import Simulation
from campaignkit.errors import BadValue
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats
from campaignkit.stats.optimize.concave_allocation import (
    Allocation,
    allocate_concave,
    allocate_whole,
    marginal_returns,
    returns,
)
from campaignkit.wording import change, confidence, counted, dollars, interval, number, points

if TYPE_CHECKING:
    import altair as alt

UNITS = ("dollars", "visits", "shifts")
WHOLE = ("visits", "shifts")
ROUNDS = 12
SETTLED = 0.002  # of the budget: a round that moves less is the last
SHOWN = 12
LEAST = 0.0001  # of a chance that a summary names


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Result):
    """A budget divided among states.

    `table` has one row per state, the largest amount first: ``state``, ``spend`` (in the budget's unit), ``units``
    (bought: spend over cost), ``shift`` (points of the vote that this moves, in a state at 50%), ``value`` (how the
    chance of winning changes with one point of the state's vote, before any spending), ``first_unit`` and ``next_unit``
    (what the first unit of the budget adds to the chance of winning, and what the next one adds after the plan),
    ``bound_price`` (what moving a binding bound by one unit would add; 0: no bound binds), ``funded_probability`` (how
    often the state is in the plan, over what is uncertain in responses and draws) and ``best_probability`` (how often
    its first unit adds the most).

    Attributes
    ----------
    unit : str
        The budget's unit.
    budget, spent : float
        What there was to spend, and what the plan spends.
    win_before, win_after : float
        The chance of winning without the plan, and the expected chance with it.
    gain, gain_lower, gain_upper : float
        The difference and its interval, over the errors of responses and draws.
    shadow_price : float
        What one more unit of the budget would add to the chance of winning.
    last_cycle_loss : float or None
        How much less the same budget adds when it is spread as in the last cycle. None: that spending was not given.
    confidence_level : float
        Of the interval.
    """

    unit: str
    budget: float
    spent: float
    win_before: float
    win_after: float
    gain: float
    gain_lower: float
    gain_upper: float
    shadow_price: float
    last_cycle_loss: float | None
    confidence_level: float

    def summary(self) -> str:
        """Say what the plan adds and how sure that is, where the budget goes, and what more of it would add."""
        funded = self.table.filter(pl.col("spend") > 0)
        if not funded.height:
            return (
                f"The plan spends none of {self._amount(self.budget)}: the chance of winning stays at "
                f"{self.win_before:.1%}."
            )
        where = f"in {counted(funded.height, 'state')}, most in {self._largest(funded)}"
        best = self.table.sort("best_probability", descending=True).row(0, named=True)
        more = self.shadow_price * self.budget / 10
        text = (
            f"{change(self.gain, 'rate')} in the chance of winning, from {self.win_before:.1%} to "
            f"{self.win_after:.1%} ({confidence(self.confidence_level)} interval of the gain "
            f"{interval(self.gain_lower, self.gain_upper, 'rate')}). The plan spends {self._amount(self.spent)} "
            f"{where if funded.height > 1 else 'in ' + state_name(funded['state'][0])}. The first "
            f"{self.unit.removesuffix('s')} does the most in {state_name(best['state'])} with probability "
            f"{best['best_probability']:.0%}. {self._amount(self.budget / 10)} more would add "
            f"{'about ' + points(more) if more >= LEAST else 'less than ' + points(LEAST)} points."
        )
        if self.last_cycle_loss is not None:
            text += f" Spending as in the last cycle would add {points(self.last_cycle_loss)} points "
            text += "less." if self.last_cycle_loss >= 0 else "more."
        return text + " All of this holds only if the responses and the forecast are right."

    def _amount(self, value: float) -> str:
        if self.unit == "dollars":
            return dollars(value, 0)
        return f"{value:,.1f}".removesuffix(".0") + f" {self.unit.removesuffix('s') if value == 1 else self.unit}"

    def _largest(self, funded: pl.DataFrame) -> str:
        amounts = funded.head(4).select("state", "spend").iter_rows()
        return ", ".join(f"{state_name(state)} ({self._amount(spend)})" for state, spend in amounts)

    def chart(self) -> alt.TopLevelMixin:
        """Draw what each state gets, the largest amounts first."""
        rows = self.table.filter(pl.col("spend") > 0).head(SHOWN)
        number = "$,.0f" if self.unit == "dollars" else ",.0f"
        title = f"Planned {self.unit} by state"
        return charts.bars(rows, "state", "spend", description=self.summary(), title=title, number=number)

    def percentages(self) -> list[str]:
        """Return the columns of probabilities."""
        return ["funded_probability", "best_probability"]


def allocate(
    simulation: Simulation,
    budget: float,
    *,
    responses: Any,
    costs: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float | None]] | None = None,
    unit: str = "dollars",
    last_cycle: Mapping[str, float] | None = None,
    confidence_level: float = 0.9,
    seed: int = 0,
) -> Plan:
    """Divide a budget among states for the best chance of winning.

    Parameters
    ----------
    simulation : Simulation
        The elections, without conditions.
    budget : float
        In `unit`. With 0 the table still shows what the first unit would do in each state.
    responses : table or mapping
        How far spending moves a state. Columns `state`, `effect` (logits moved by the first unit bought; .04 is one
        point of the vote), `scale` (units after which the next one does half as much), and where known `std_error` (of
        the effect; missing: the effect is known exactly), `voters` (effect and scale are then per unit spent on each
        voter) and `source` (rows from one source share one effect and one error). States without a row get nothing. A
        mapping of `effect`, `scale`, `std_error` and `voters` (by state) is one response for all states.
    costs : mapping of str to float, optional
        By state: the price of one unit bought, in the budget's unit. None: 1.
    bounds : mapping of str to (float, float or None), optional
        By state: the least and the most to spend. None as the most: no limit.
    unit : {"dollars", "visits", "shifts"}
        The budget's unit. Visits and volunteer shifts are planned in whole numbers.
    last_cycle : mapping of str to float, optional
        By state: what was spent last time. It is scaled to this budget and compared with the plan.
    confidence_level : float
        Of the gain's interval.
    seed : int
        Of the draws of responses.

    Returns
    -------
    Plan

    Raises
    ------
    BadValue
        The simulation is conditional, a state is unknown, a cost or bound is impossible, or the least amounts add up to
        more than the budget.

    Notes
    -----
    A state's logit moves by effect · scale · log(1 + units / scale). Conditional Monte Carlo on the simulation's own
    draws gives the slope of the chance of winning by each state's mean: given all other states, a state is normal, and
    it counts where it decides. The plan meets the Karush–Kuhn–Tucker conditions at the slope where the plan itself
    leads, found in rounds.

    The plan uses each effect's posterior mean. With three or more sources, each with an error, the sources are one
    normal hierarchy: every effect is pulled toward the common mean, more so the larger its error and the less the
    sources differ beyond their errors. Without that, the state with the luckiest experiment would get the money. Shifts
    are proportional to effects, and the chance of winning is close to linear in shifts of the size that budgets buy, so
    the plan at the posterior means has the highest expected chance of winning over the whole posterior. It still falls
    short of the plan of someone who knows the true effects; only better experiments close that gap.

    The gain is the slope averaged along the way to the plan, times the shift.

    References
    ----------
    Strömberg (2008), American Economic Review 98, 769–807. Asmussen & Glynn (2007), Stochastic Simulation, section V.4.

    Examples
    --------
    >>> import campaignkit as ck
    >>> polls, results = ck.election.polls_2012(), ck.election.results()
    >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
    >>> voters = dict(ck.election.results().filter(year=2008).select("state", "total_votes").iter_rows())
    >>> response = {"effect": 0.02, "std_error": 0.005, "scale": 2.0, "voters": voters}  # half a point a dollar
    >>> plan = ck.election.allocate(odds.simulate(20_000, seed=1), 20_000_000, responses=response)
    >>> round(plan.spent), plan.gain > 0, "OH" in plan.table["state"].head(3)
    (20000000, True, True)
    """
    check_scalar(budget, "budget", typ=float, ge=0)
    check_scalar(unit, "unit", choices=UNITS)
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    if simulation.conditions.words:
        raise BadValue("allocate: the simulation is conditional; pass the one without conditions.")
    states = list(dict.fromkeys(simulation.race.states))
    response = read_responses(responses, states, seed)
    cost, lower, upper = _costs(costs, states), *_limits(bounds, states, budget)
    winning = Winning(simulation.race, simulation.n, simulation.seed, states)
    problem = _Problem(response, cost, lower, upper, float(budget), unit in WHOLE)
    start = winning.slope(np.zeros(len(states)))
    spend = _settle(winning, problem, start)
    return _plan(winning, problem, start, spend, states, unit, last_cycle, confidence_level, seed)


@dataclass(frozen=True)
class _Problem:
    """Arrays by state: responses, costs and bounds, and the budget."""

    response: Responses
    cost: Floats
    lower: Floats
    upper: Floats
    budget: float
    whole: bool

    def shift(self, spend: Floats, effect: Floats | None = None) -> Floats:
        """Return how far spending moves the states' logits."""
        return returns(self.response.effect if effect is None else effect, self.response.scale, spend / self.cost)

    def best(self, slope: Floats, effect: Floats | None = None) -> Allocation:
        """Return the best plan where the chance moves with the shifts by `slope`."""
        by_unit = slope * (self.response.effect if effect is None else effect)
        scale = self.response.scale * self.cost
        plan = allocate_concave(by_unit / self.cost, scale, self.budget, self.lower, self.upper)
        if not self.whole:
            return plan
        units = allocate_whole(
            by_unit, self.response.scale, self.cost, self.budget, self.lower / self.cost, self.upper / self.cost
        )
        spend = units * self.cost
        return Allocation(spend, plan.price, marginal_returns(by_unit / self.cost, scale, spend))


def _settle(winning: Winning, problem: _Problem, start: Slope) -> Floats:
    """Return the plan that is best at the slope it leads to."""
    spend = problem.best(start.value).spend
    if problem.budget == 0:
        return spend
    best, step = winning.chance(problem.shift(spend)), 1.0
    for _ in range(ROUNDS):
        wanted = problem.best(winning.slope(problem.shift(spend)).value).spend
        moved = wanted if problem.whole else spend + step * (wanted - spend)
        if np.abs(moved - spend).sum() <= SETTLED * problem.budget:
            break
        chance = winning.chance(problem.shift(moved))
        if chance < best and problem.whole:
            break
        if chance < best:
            step /= 2
            continue
        spend, best = moved, chance
    return spend


def _plan(
    winning: Winning, problem: _Problem, start: Slope, spend: Floats, states: list[str], unit: str,
    last_cycle: Mapping[str, float] | None, level: float, seed: int,
) -> Plan:  # fmt: skip
    """Return a plan with what it adds and how sure that is."""
    shift = problem.shift(spend)
    path, end = winning.along(shift), winning.slope(shift)
    gain = float(path.value @ shift)
    rng = np.random.default_rng(seed)
    by_draw = np.array([problem.shift(spend, effect) for effect in problem.response.draws])
    gains = (path.draws(len(by_draw), rng) * by_draw).sum(axis=1)
    lower, upper = np.quantile(gains, [(1 - level) / 2, (1 + level) / 2])
    by_unit = end.value * problem.response.effect / problem.cost
    next_unit = marginal_returns(by_unit, problem.response.scale * problem.cost, spend)
    free = (spend > problem.lower) & (spend < problem.upper)
    open_ = next_unit[spend < problem.upper]
    price = float(np.average(next_unit[free], weights=spend[free])) if free.any() else float(max(open_, default=0.0))
    funded, first = _certainty(problem, start, end, rng)
    before = winning.chance(np.zeros(len(states)))
    ordered = {
        "state": states, "spend": spend, "units": spend / problem.cost, "shift": 25 * shift, "value": start.value / 25,
        "first_unit": start.value * problem.response.effect / problem.cost, "next_unit": next_unit,
        "bound_price": np.where(free, 0.0, Allocation(spend, price, next_unit).bound_price),
        "funded_probability": funded,
        "best_probability": first,
    }  # fmt: skip
    table = pl.DataFrame(ordered).sort("spend", "first_unit", descending=True, maintain_order=True)
    loss = None if last_cycle is None else gain - _last_gain(winning, problem, last_cycle, states)
    return Plan(
        table, unit, problem.budget, float(spend.sum()), before, before + gain, gain, float(lower), float(upper), price,
        loss,
        level,
    )  # fmt: skip


def _certainty(problem: _Problem, start: Slope, end: Slope, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return how often the plan funds each state, and how often its first unit adds the most, over the uncertainty."""
    effects = problem.response.draws[:200]
    slopes = start.draws(len(effects), rng)
    gains = slopes * effects / problem.cost
    best = (gains == gains.max(axis=1, keepdims=True)) & (gains > 0)  # nowhere, where nothing works
    first = best.mean(axis=0)
    if problem.budget == 0:
        return np.zeros(effects.shape[1]), first
    slopes = end.draws(len(effects), rng)  # the plan is the best at the slope it leads to
    plans = [problem.best(slope, effect).spend > 0 for slope, effect in zip(slopes, effects, strict=True)]
    return np.mean(plans, axis=0), first


def _last_gain(winning: Winning, problem: _Problem, last: Mapping[str, float], states: list[str]) -> float:
    """Return what the budget adds when spread as in the last cycle."""
    spend = _by_state(last, states, "last_cycle", 0.0)
    if (spend < 0).any() or not spend.sum() > 0:
        raise BadValue("last_cycle: amounts of 0 or more were expected, at least one of them above 0.")
    shift = problem.shift(spend * problem.budget / spend.sum())
    return float(winning.along(shift).value @ shift)


def _by_state(values: Mapping[str, Any], states: list[str], name: str, default: float) -> Floats:
    amounts = np.full(len(states), default)
    if values:
        codes = state_codes(pl.Series(list(values)), name)
        for code, value in zip(codes, values.values(), strict=True):
            if code not in states:
                raise BadValue(f"{name}: {code} gives no electoral votes of its own in this simulation.")
            amounts[states.index(code)] = value
    return amounts


def _costs(costs: Mapping[str, float] | None, states: list[str]) -> Floats:
    cost = _by_state(costs or {}, states, "costs", 1.0)
    wrong = np.flatnonzero(~(np.isfinite(cost) & (cost > 0)))
    if wrong.size:
        raise BadValue(f"costs: the price in {states[wrong[0]]} is {cost[wrong[0]]:g}, not above 0.")
    return cost


def _limits(
    bounds: Mapping[str, tuple[float, float | None]] | None, states: list[str], budget: float
) -> tuple[Floats, Floats]:
    given = bounds or {}
    lower = _by_state({name: low for name, (low, _) in given.items()}, states, "bounds", 0.0)
    most = {name: np.inf if high is None else high for name, (_, high) in given.items()}
    upper = _by_state(most, states, "bounds", np.inf)
    if not ((lower >= 0) & (lower <= upper)).all():
        raise BadValue("bounds: a least amount is not a number, below 0 or above its most.")
    if lower.sum() > budget:
        raise BadValue(f"bounds: the least amounts add up to {number(float(lower.sum()))}, more than the budget.")
    return lower, upper
