"""Where the money goes: the slope against brute force, the plan's conditions, corner cases, what is said of it."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.special import ndtr
from scipy.stats import norm

from campaignkit import election
from campaignkit.election.model.race import NEEDED
from campaignkit.election.model.responses import read_responses
from campaignkit.election.model.winning import Winning
from campaignkit.election.simulate import simulate
from campaignkit.errors import BadValue, ColumnNotFound
from campaignkit.stats.intervals.hierarchy import normal_hierarchy
from campaignkit.stats.optimize.concave_allocation import allocate_concave, allocate_whole, returns
from tests.election.test_simulate import race_of

DAY = dt.date(2012, 11, 6)
KNOWN = {"effect": 0.004, "scale": 5.0}
UNSURE = KNOWN | {"std_error": 0.001}


def safe_and_close():
    return simulate(race_of([200, 200, 138], [6.0, -6.0, 0.1], 0.5), DAY, DAY, 20_000, seed=1)


def test_the_slope_is_the_one_known_in_closed_form():
    drawn = safe_and_close()
    slope = Winning(drawn.race, drawn.n, drawn.seed, drawn.race.states).slope(np.zeros(3))
    assert slope.value[2] == pytest.approx(norm.pdf(0.2) / 0.5, abs=4 * slope.std_error[2] + 1e-6)
    assert slope.value[:2] == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.slow
def test_the_slope_is_that_of_elections_drawn_anew(drawn):
    states = drawn.race.states
    winning = Winning(drawn.race, drawn.n, drawn.seed, states)
    slope, votes, step = winning.slope(np.zeros(51)), drawn.race.votes.astype(np.float32), 0.03
    for name in ("OH", "FL", "CA"):
        at = states.index(name)
        moved = []
        for x, _ in drawn.race.batches(200_000, 99):
            sides = []
            for by in (step, -step):
                shifted = x.copy()
                shifted[:, at] += by
                sides.append((shifted > 0).astype(np.float32) @ votes >= NEEDED)
            moved.append(sides[0].astype(float) - sides[1])
        each = np.concatenate(moved) / (2 * step)
        error = np.hypot(slope.std_error[at], each.std() / np.sqrt(len(each)))
        assert abs(slope.value[at] - each.mean()) < 3 * error


def test_the_gain_along_the_way_is_the_difference_of_chances(drawn):
    winning = Winning(drawn.race, drawn.n, drawn.seed, drawn.race.states)
    shift = np.full(51, 0.05)
    gain = float(winning.along(shift).value @ shift)
    assert gain == pytest.approx(winning.chance(shift) - winning.chance(0 * shift), abs=0.01)


def test_the_gains_error_is_that_of_other_simulations(drawn):
    states = drawn.race.states
    shift = np.where(np.isin(states, ["OH", "FL", "VA", "WI"]), 0.03, 0.0)
    slopes = [Winning(drawn.race, 2_000, seed, states).along(shift) for seed in range(40)]
    seen = np.std([slope.value @ shift for slope in slopes], ddof=1)
    told = np.mean([np.sqrt(shift @ slope.covariance @ shift) for slope in slopes])
    apart = np.mean([np.sqrt(np.sum((slope.std_error * shift) ** 2)) for slope in slopes])
    assert told == pytest.approx(seen, rel=0.25)
    assert apart < 0.85 * told  # one set of draws serves all states, so that their errors are not independent


def test_the_concave_plan_is_what_a_general_optimiser_finds():
    rng = np.random.default_rng(2)
    slope, scale = rng.random(6), 1 + 9 * rng.random(6)
    lower, upper = np.array([0, 1, 0, 0, 0, 0.5]), np.array([2, np.inf, np.inf, 3, np.inf, np.inf])
    ours = allocate_concave(slope, scale, 12.0, lower, upper)
    theirs = minimize(
        lambda y: -returns(slope, scale, y).sum(), np.full(6, 2.0), method="SLSQP", bounds=list(zip(lower, upper, strict=True)),
        constraints={"type": "eq", "fun": lambda y: y.sum() - 12}, options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    assert ours.spend.sum() == pytest.approx(12)
    assert returns(slope, scale, ours.spend).sum() == pytest.approx(-theirs.fun, abs=1e-7)
    free = (ours.spend > lower) & (ours.spend < upper)
    assert ours.marginal[free] == pytest.approx(ours.price, rel=1e-6)
    assert (ours.bound_price[~free & (ours.spend == upper)] > 0).all()
    assert (ours.bound_price[~free & (ours.spend == lower)] < 0).all()


def test_whole_units_are_the_best_of_all_plans():
    slope, scale = np.array([1.0, 0.8, 0.3]), np.array([2.0, 3.0, 8.0])
    units = allocate_whole(slope, scale, np.ones(3), 6, np.zeros(3), np.array([3.0, 6.0, 6.0]))
    every = [(a, b, 6 - a - b) for a in range(4) for b in range(7 - a)]
    best = max(every, key=lambda plan: returns(slope, scale, np.array(plan, float)).sum())
    assert units.tolist() == list(best)


def test_the_plan_spends_the_budget_where_the_next_dollar_is_worth_the_same(drawn):
    plan = election.allocate(drawn, 30.0, responses=UNSURE)
    funded = plan.table.filter(pl.col("spend") > 1e-9)
    assert plan.spent == pytest.approx(30)
    assert funded["next_unit"].to_list() == pytest.approx([plan.shadow_price] * funded.height, rel=0.15)
    rest = plan.table.filter(pl.col("spend") <= 1e-9)
    assert (rest["next_unit"] <= plan.shadow_price * 1.05).all()
    assert plan.gain_lower < plan.gain < plan.gain_upper
    assert plan.win_after == pytest.approx(plan.win_before + plan.gain)
    assert (
        funded["state"]
        .is_in(["OH", "FL", "VA", "PA", "CO", "WI", "NC", "IA", "NV", "NH", "MI", "MN", "OR", "NJ", "NM"])
        .all()
    )


def test_it_moves_off_its_starting_point_where_the_slope_changes():
    drawn = simulate(race_of([200, 200, 138], [0.3, -0.4, -0.4], 0.3), DAY, DAY, 40_000, seed=5)
    plan = election.allocate(drawn, 400.0, responses=KNOWN | {"scale": 100.0})
    winning = Winning(drawn.race, 100_000, 77, drawn.race.states)
    amounts = dict(plan.table.select("state", "spend").iter_rows())
    ours = np.array([amounts[state] for state in drawn.race.states])
    grid = [np.array([a, b, 400 - a - b]) for a in range(0, 401, 40) for b in range(0, 401 - a, 40)]
    chance = [winning.chance(returns(np.full(3, 0.004), np.full(3, 100.0), spend)) for spend in grid]
    assert winning.chance(returns(np.full(3, 0.004), np.full(3, 100.0), ours)) > max(chance) - 0.004


def test_more_money_buys_more_at_a_falling_price(drawn):
    plans = [election.allocate(drawn, budget, responses=KNOWN) for budget in (5.0, 20.0, 80.0)]
    assert plans[0].gain < plans[1].gain < plans[2].gain
    assert plans[0].shadow_price > plans[1].shadow_price > plans[2].shadow_price


def test_a_safe_map_buys_nothing():
    safe = simulate(race_of([200, 200, 138], [6.0, 6.0, 6.0], 0.5), DAY, DAY, 5_000, seed=1)
    plan = election.allocate(safe, 30.0, responses=KNOWN)
    assert plan.gain == pytest.approx(0, abs=1e-9)
    assert plan.win_before == 1


def test_one_state_gets_it_all():
    one = simulate(race_of([538], [0.0], 0.5), DAY, DAY, 20_000, seed=1)
    plan = election.allocate(one, 10.0, responses=KNOWN)
    assert plan.table["spend"].to_list() == [10.0]
    shift = 0.004 * 5 * np.log(3)
    assert plan.gain == pytest.approx(ndtr(shift / 0.5) - 0.5, abs=0.001)
    assert plan.shadow_price == pytest.approx(0.004 / 3 * norm.pdf(shift / 0.5) / 0.5, rel=0.02)


def test_without_a_budget_it_says_what_the_first_unit_would_do(drawn):
    plan = election.allocate(drawn, 0, responses=KNOWN)
    assert plan.spent == 0
    assert plan.gain == 0
    assert plan.table["first_unit"].max() == pytest.approx(plan.shadow_price)
    assert "The plan spends none of" in plan.summary()


def test_bounds_that_bind_are_kept_and_priced(drawn):
    plan = election.allocate(drawn, 30.0, responses=KNOWN, bounds={"Ohio": (0, 1.0), "CA": (5.0, None)})
    row = {
        state: (spend, price) for state, spend, price in plan.table.select("state", "spend", "bound_price").iter_rows()
    }
    assert row["OH"][0] == 1.0
    assert row["OH"][1] > 0
    assert row["CA"][0] == 5.0
    assert row["CA"][1] < 0
    low = election.allocate(drawn, 30.0, responses=KNOWN, bounds=dict.fromkeys(drawn.race.states, (0, 0.1)))
    assert low.spent == pytest.approx(5.1, abs=0.11)


def test_visits_and_shifts_are_whole_and_dearer_states_get_fewer(drawn):
    visits = election.allocate(drawn, 25, responses=KNOWN, unit="visits")
    assert (visits.table["spend"] % 1 == 0).all()
    assert visits.spent == 25
    assert "visits" in visits.summary()
    costs = dict.fromkeys(drawn.race.states, 1.0) | {"OH": 10.0}
    dear = election.allocate(drawn, 25.0, responses=KNOWN, costs=costs)
    amount = {p: q.table.filter(state="OH")["units"].item() for p, q in {"same": visits, "dear": dear}.items()}
    assert amount["dear"] < amount["same"]


def test_last_cycle_cannot_beat_the_plan(drawn):
    last = {"OH": 50, "FL": 30, "PA": 30, "CA": 20}
    plan = election.allocate(drawn, 30.0, responses=KNOWN, last_cycle=last)
    assert plan.last_cycle_loss > 0
    assert "last cycle" in plan.summary()
    amounts = dict(plan.table.select("state", "spend").iter_rows())
    again = election.allocate(drawn, 30.0, responses=KNOWN, last_cycle=amounts)
    assert again.last_cycle_loss == pytest.approx(0, abs=1e-6)


def test_lucky_responses_are_drawn_to_their_mean(drawn):
    rng = np.random.default_rng(4)
    noisy = 0.004 + 0.002 * rng.standard_normal(51)
    table = pl.DataFrame({"state": drawn.race.states, "effect": noisy, "std_error": 0.002, "scale": 5.0})
    plan = election.allocate(drawn, 30.0, responses=table)
    exact = election.allocate(drawn, 30.0, responses=table.drop("std_error"))
    drawn_in = read_responses(table, drawn.race.states, 0).effect
    assert np.ptp(drawn_in) < 0.6 * np.ptp(noisy)
    assert drawn_in.mean() == pytest.approx(noisy.mean(), rel=0.05)
    assert plan.gain_upper - plan.gain_lower > 4 * (exact.gain_upper - exact.gain_lower)
    assert plan.table["best_probability"].max() < 1
    assert plan.table["best_probability"].sum() == pytest.approx(1)


def test_effects_are_at_their_posterior_mean(drawn):
    noisy = 0.004 + 0.002 * np.random.default_rng(4).standard_normal(51)
    table = pl.DataFrame({"state": drawn.race.states, "effect": noisy, "std_error": 0.002, "scale": 5.0})
    exact = normal_hierarchy(noisy, np.full(51, 0.002**2), noisy.mean() / 2, draws=1).mean
    response = read_responses(table, drawn.race.states, 0)
    assert response.effect == pytest.approx(exact, rel=1e-9)  # not at the mean of a thousand draws
    assert response.draws.mean(axis=0) == pytest.approx(exact, rel=1e-9)
    alone = read_responses(UNSURE, drawn.race.states, 0)
    assert alone.effect == pytest.approx(np.full(51, 0.004), rel=1e-9)


def test_a_tie_is_not_a_win():
    tied = simulate(race_of([269, 269], [5.0, 0.0], 0.1), DAY, DAY, 4_000, seed=1)
    winning = Winning(tied.race, tied.n, tied.seed, tied.race.states)
    assert winning.chance(np.zeros(2)) == tied.win_probability == pytest.approx(0.5, abs=0.03)
    assert tied.tie_probability == pytest.approx(1 - tied.win_probability)
    plan = election.allocate(tied, 10.0, responses=KNOWN)
    assert plan.table.filter(state="FL")["spend"].item() == 10.0  # a state already won cannot break the tie


def test_no_budget_for_visits_plans_none(drawn):
    plan = election.allocate(drawn, 0, responses=KNOWN, unit="visits")
    assert plan.spent == plan.gain == 0
    assert "The plan spends none of 0 visits" in plan.summary()


def test_an_interval_that_holds_0_is_told_with_its_signs(drawn):
    plan = election.allocate(drawn, 30.0, responses=KNOWN | {"std_error": 0.008})
    assert plan.gain_lower < 0 < plan.gain_upper
    assert f"interval of the gain −{abs(100 * plan.gain_lower):.1f} to +{100 * plan.gain_upper:.1f})" in plan.summary()


def test_the_intervals_of_one_source_are_wider_than_of_many(drawn):
    base = pl.DataFrame({"state": drawn.race.states, "effect": 0.004, "std_error": 0.002, "scale": 5.0})
    one = election.allocate(drawn, 30.0, responses=base.with_columns(source=pl.lit("test")))
    many = election.allocate(drawn, 30.0, responses=base)
    assert one.gain_upper - one.gain_lower > 1.5 * (many.gain_upper - many.gain_lower)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": -1.0}, "budget"),
        ({"unit": "dollar"}, "did you mean 'dollars'"),
        ({"costs": {"OH": 0.0}}, "not above 0"),
        ({"bounds": {"OH": (3.0, 2.0)}}, "above its most"),
        ({"bounds": {"OH": (40.0, None)}}, "more than the budget"),
        ({"bounds": {"OH": (float("nan"), None)}}, "not a number"),
        ({"responses": {"effect": 0.1}}, "no 'scale'"),
        ({"responses": KNOWN | {"scale": 0.0}}, "out of range"),
        ({"last_cycle": {"OH": 0.0}}, "last_cycle"),
        ({"costs": {"Ohoi": 1.0}}, "did you mean 'Ohio'"),
    ],
)
def test_what_cannot_be_is_refused(drawn, given, message):
    asked = {"budget": 30.0, "responses": KNOWN} | given
    with pytest.raises(BadValue, match=message):
        election.allocate(drawn, asked.pop("budget"), **asked)


def test_bad_responses_and_conditions_are_refused(drawn):
    table = pl.DataFrame({"state": ["OH", "OH"], "effect": [0.1, 0.1], "scale": [1.0, 1.0]})
    with pytest.raises(BadValue, match="two rows"):
        election.allocate(drawn, 1.0, responses=table)
    with pytest.raises(ColumnNotFound, match="scale"):
        election.allocate(drawn, 1.0, responses=table.drop("scale"))
    with pytest.raises(BadValue, match="conditional"):
        election.allocate(drawn.given("OH", won=True), 1.0, responses=KNOWN)


def test_it_shows_itself(drawn):
    plan = election.allocate(drawn, 30.0, responses=UNSURE)
    assert plan.chart().to_dict()["description"] == plan.summary()
    assert plan._repr_html_()
