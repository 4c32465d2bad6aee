"""Spots under a budget: the optimum of scipy's linear program, and the reach that enumeration finds."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from campaignkit.stats.optimize.reach import independent_reach, reach_bound, reached
from campaignkit.stats.optimize.reach_spots import buy_reach
from campaignkit.stats.optimize.spots import Limit, buy


def market(seed=0, cells=300):
    rng = np.random.default_rng(seed)
    return rng.gamma(2, 1, cells), rng.gamma(3, 1, cells), rng.integers(1, 6, cells).astype(float)


def test_it_is_the_optimum_of_the_linear_program():
    value, cost, most = market()
    found = buy(value, cost, most, 150)
    best = linprog(-value, A_ub=cost[None, :], b_ub=[150], bounds=np.stack([0 * most, most], axis=1))
    assert found.amount @ value == pytest.approx(-best.fun)
    reduced = found.reduced_value(value, cost)
    assert (reduced[found.amount < most] <= 1e-9).all()
    assert (reduced[found.amount > 0] >= -1e-9).all()


def test_limits_are_kept_and_priced():
    value, cost, most = market(1)
    group = np.arange(300) % 3
    limits = [Limit(group, np.array([60.0, 0, 0]), np.array([np.inf, 40.0, np.inf]))]
    found = buy(value, cost, most, 150, limits)
    spent = np.bincount(group, found.amount * cost)
    assert spent[0] >= 60 - 1e-6
    assert spent[1] <= 40 + 1e-6
    assert spent.sum() <= 150 + 1e-6
    reduced = found.reduced_value(value, cost, limits)
    assert (reduced[found.amount < most - 1e-9] <= 1e-7).all()
    assert (reduced[found.amount > 1e-9] >= -1e-7).all()
    whole = buy(value, cost, most, 150, limits, whole=True)
    assert (whole.amount == np.floor(whole.amount)).all()
    assert np.bincount(group, whole.amount * cost)[1] <= 40 + 1e-6
    assert whole.amount @ value > 0.97 * (found.amount @ value)


def test_whole_spots_cost_little_and_leave_little():
    value, cost, most = market(2, 3000)
    found, whole = buy(value, cost, most, 1500), buy(value, cost, most, 1500, whole=True)
    assert (whole.amount == np.floor(whole.amount)).all()
    assert (whole.amount <= most).all()
    assert 1500 - cost.min() < whole.amount @ cost <= 1500
    assert whole.amount @ value > 0.999 * (found.amount @ value)


def test_limits_that_cannot_be_kept_are_said():
    value, cost, most = market()
    with pytest.raises(ValueError, match="limits"):
        buy(value, cost, most, 10, [Limit(np.zeros(300, int), np.array([20.0]), np.array([np.inf]))])


def test_the_chance_to_be_reached_is_that_of_drawn_days():
    rng = np.random.default_rng(0)
    watched = np.array([[3.0, 10.0, 0.0], [14.0, 0.0, 2.0], [1.0, 1.0, 1.0]])
    spots = np.array([4.0, 1.0, 3.0])
    seen = np.zeros((3, 20_000))
    for cell in range(3):
        for draw in range(20_000):
            days = rng.permutation(14)[: int(spots[cell])]
            seen[:, draw] += (days[None, :] < watched[:, [cell]]).sum(axis=1)
    for times in (1, 2, 3):
        found = reached(sparse.csr_array(watched), spots, 14, times)
        assert np.allclose(found, (seen >= times).mean(axis=1), atol=0.012)


def test_from_a_panel_it_is_unbiased_where_averages_are_not():
    rng = np.random.default_rng(3)
    chance = rng.beta(0.3, 2.5, (4000, 5))
    spots = np.full(5, 6.0)
    truth = (1 - ((1 - chance) ** spots).prod(axis=1)).sum()
    watched = sparse.csr_array(rng.binomial(14, chance).astype(float))
    assert abs(reached(watched, spots, 14).sum() / truth - 1) < 0.02
    assert independent_reach(chance.mean(axis=0), spots, 4000) / truth > 1.1


def test_reach_is_nearly_the_best_that_enumeration_finds():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        hit = rng.random((12, 4)) * (rng.random((12, 4)) < 0.5) * 0.6
        people, cost, most = rng.gamma(2, 1, 12), np.array([1.0, 1.3, 0.8, 1.1]), np.full(4, 3.0)
        best = max(
            (people * (1 - ((1 - hit) ** np.array(x)).prod(axis=1))).sum()
            for x in product(range(4), repeat=4)
            if np.array(x) @ cost <= 5
        )
        found = buy_reach(sparse.csc_array(hit), people, cost, most, 5.0)
        assert found.spots @ cost <= 5
        assert found.value == pytest.approx((people * (1 - ((1 - hit) ** found.spots).prod(axis=1))).sum())
        assert found.value >= 0.95 * best
        assert reach_bound(sparse.csc_array(hit), people, cost, most, 5.0, found.spots) >= best - 1e-9


def test_groups_dollars_are_kept_to_in_reach():
    rng = np.random.default_rng(1)
    hit = sparse.csc_array(rng.random((200, 30)) * (rng.random((200, 30)) < 0.2) * 0.5)
    limits = [Limit(np.arange(30) % 2, np.array([7.0, 0]), np.array([np.inf, 2.0]))]
    found = buy_reach(hit, np.ones(200), np.ones(30), np.full(30, 4.0), 10.0, limits)
    assert np.bincount(np.arange(30) % 2, found.spots).tolist() == [8.0, 2.0]


def audience(seed=0, persons=1_000, cells=1_500):
    """Draw viewers who are heavy or light and like some networks more, and cells priced by their audience."""
    rng = np.random.default_rng(seed)
    keen = rng.gamma(0.8, 1, persons)[:, None] * rng.gamma(0.7, 1, (persons, 20))
    hit = sparse.random(persons, cells, density=0.03, random_state=rng, format="csc")
    column = np.repeat(np.arange(cells), np.diff(hit.indptr))
    chance = 0.05 * keen[hit.indices, column % 20] * rng.lognormal(0, 0.5, cells)[column]
    hit.data = np.minimum(chance, 0.9)
    seen = np.asarray(hit.sum(axis=0)).ravel()
    cost = np.maximum(seen * rng.lognormal(0, 0.3, cells), 0.2)
    return hit, np.ones(persons), cost, rng.integers(1, 6, cells).astype(float)


@pytest.mark.parametrize("times", [1, 2])
def test_looking_at_some_cells_only_finds_the_same_plan(monkeypatch, times):
    hit, people, cost, most = audience(1)
    budget = 0.1 * float(cost @ most)
    limits = [Limit(np.arange(1_500) % 3 - 1, np.array([0.0, budget / 4]), np.array([budget / 6, np.inf]))]
    for within in ((), limits):
        monkeypatch.setattr("campaignkit.stats.optimize.reach_spots.INSIDE", 10**9)
        every = buy_reach(hit, people, cost, most, budget, within, times=times)
        monkeypatch.setattr("campaignkit.stats.optimize.reach_spots.INSIDE", 3)
        some = buy_reach(hit, people, cost, most, budget, within, times=times)
        assert (some.spots == every.spots).all()
        assert some.value == every.value


def test_reach_is_near_what_no_plan_even_of_fractions_can_exceed():
    hit, people, cost, most = audience()
    for part in (0.05, 0.2):
        budget = part * float(cost @ most)
        found = buy_reach(hit, people, cost, most, budget)
        assert found.value > 0.99 * least_bound(hit, people, cost, most, budget, found.spots)


def least_bound(hit, people, cost, most, budget, spots, steps=100):
    """Return the least bound along Frank and Wolfe's way from a plan to the best of fractions."""
    logs = hit.copy()
    logs.data = -np.log1p(-hit.data)
    least = np.inf
    for _ in range(steps):
        least = min(least, reach_bound(hit, people, cost, most, budget, spots))
        left = people * np.exp(-(logs @ spots))
        way = buy(logs.T @ left, cost, most, budget).amount - spots
        low, high = 0.0, 1.0
        for _ in range(20):
            middle = (low + high) / 2
            more = (logs @ way) @ (left * np.exp(-middle * (logs @ way)))
            low, high = (middle, high) if more > 0 else (low, middle)
        spots = spots + low * way
    return least
