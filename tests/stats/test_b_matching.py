"""Matching by auction: HiGHS's optimum of the linear program, what a matching may be, and the dual's bound."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from campaignkit.stats.optimize import b_matching
from campaignkit.stats.optimize.b_matching import greedy, match


def network(sharers, friends, degree=20, seed=0):
    rng = np.random.default_rng(seed)
    sharer = np.repeat(np.arange(sharers), np.minimum(rng.negative_binomial(2, 2 / (2 + degree), sharers) + 1, friends))
    pair = np.unique(sharer * friends + rng.integers(0, friends, len(sharer)))
    sharer, friend = pair // friends, pair % friends
    value = rng.beta(2, 5, friends)[friend] * rng.gamma(2, 0.5, len(friend))
    order = np.lexsort((-value, sharer))
    return np.searchsorted(sharer[order], np.arange(sharers + 1)), friend[order], value[order]


def the_same_friends():
    """Draw 16 sharers who are all tied to the same 60 friends, each worth the same to all."""
    return np.arange(17) * 60, np.tile(np.arange(60), 16), np.tile(np.linspace(1, 0.5, 60), 16)


def optimum(start, friend, value, friends, asks, slots=1, decay=0.5):
    n, sharers = len(friend), len(start) - 1
    sharer, column = np.repeat(np.arange(sharers), np.diff(start)), np.arange(n * slots)
    number = np.repeat(np.arange(slots), n)
    groups = [
        (np.tile(sharer, slots), sharers, asks),
        (np.tile(friend, slots) * slots + number, friends * slots, 1),
        (np.tile(np.arange(n), slots), n, 1),
    ]
    rows = [sparse.csr_array((np.ones(n * slots), (who, column)), shape=(size, n * slots)) for who, size, _ in groups]
    most = np.concatenate([np.full(size, float(limit)) for _, size, limit in groups])
    worth = np.tile(value, slots) * decay**number
    return -linprog(-worth, A_ub=sparse.vstack(rows), b_ub=most, bounds=(0, None), method="highs").fun


def check(start, friend, found, asks, slots):
    sharer = np.searchsorted(start, found.tie, side="right") - 1
    assert np.bincount(sharer).max() <= asks
    assert len(np.unique(found.tie)) == len(found.tie)
    assert len(np.unique(friend[found.tie] * slots + found.slot)) == len(found.tie)


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("friends", [150, 900])
def test_it_is_near_the_linear_programs_optimum_and_its_bound_is_one(friends, slots):
    start, friend, value = network(200, friends)
    found = match(start, friend, value, friends, 5, slots)
    best = optimum(start, friend, value, friends, 5, slots)
    assert 0.999 * best <= found.value <= best * (1 + 1e-9) <= found.bound * (1 + 1e-8)
    assert found.value >= 0.99 * found.bound
    check(start, friend, found, 5, slots)


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 3])
def test_three_thousand_sharers_are_near_the_optimum(slots):
    start, friend, value = network(3_000, 12_000, seed=1)
    found = match(start, friend, value, 12_000, 5, slots)
    best = optimum(start, friend, value, 12_000, 5, slots)
    assert 0.999 * best <= found.value <= best * (1 + 1e-9)
    assert found.bound >= best * (1 - 1e-9)


def test_it_is_better_than_always_taking_the_best_tie():
    start, friend, value = network(300, 1_500)
    assert match(start, friend, value, 1_500, 5).value > 1.005 * greedy(start, friend, value, 1_500, 5)


def test_the_bound_is_over_ties_that_took_no_part_too():
    start, friend, value = network(200, 150, degree=60)
    few = match(start, friend, value, 150, 5, keep=10)
    assert few.value <= optimum(start, friend, value, 150, 5) <= few.bound * (1 + 1e-9)
    few = match(*the_same_friends(), 60, 5, keep=10)
    assert len(few.tie) == 10
    assert optimum(*the_same_friends(), 60, 5) <= few.bound * (1 + 1e-9)


@pytest.mark.slow
def test_more_ties_take_part_where_everyone_wants_the_same_friends(monkeypatch):
    monkeypatch.setattr(b_matching, "KEPT", 0)  # 20 ties a sharer at first
    found = match(*the_same_friends(), 60, 5)
    assert found.value >= 0.999 * optimum(*the_same_friends(), 60, 5)
    assert found.value >= 0.995 * found.bound
    monkeypatch.setattr(b_matching, "MOST", 0)
    assert len(match(*the_same_friends(), 60, 5).tie) == 20


def test_one_sharer_with_every_friend():
    value = np.linspace(1, 0.1, 5_000)
    found = match(np.array([0, 5_000]), np.arange(5_000), value, 5_000, 5)
    assert found.tie.tolist() == [0, 1, 2, 3, 4]
    assert found.bound == pytest.approx(found.value, rel=2e-3)
