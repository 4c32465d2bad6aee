"""Spots for reach beside the optimum in whole spots, by HiGHS on tangents of every person's reach."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from campaignkit.stats.optimize import reach_spots
from campaignkit.stats.optimize.reach import reach_bound
from campaignkit.stats.optimize.reach_spots import buy_reach


def audience(seed, persons=80, cells=40):
    """Draw persons' chances to see cells, priced about by their audience."""
    rng = np.random.default_rng(seed)
    keen = rng.gamma(0.8, 1, persons)[:, None] * rng.lognormal(0, 0.5, cells)
    hit = np.minimum(0.4 * keen * (rng.random((persons, cells)) < 0.2), 0.9)
    cost = np.maximum(hit.sum(axis=0) * rng.lognormal(0, 0.3, cells), 0.3)
    return hit, np.ones(persons), cost, rng.integers(1, 4, cells).astype(float)


def optimum(hit, people, cost, most, budget):
    """Return what the best plan of whole spots reaches at least, and at most.

    Reach is a concave function of Σ −log(1 − h) x, so it is at most its tangents; a program of whole spots under all of
    these gives a plan and a bound, and tangents at that plan are added until both meet.
    """
    logs, (persons, cells) = -np.log1p(-hit), hit.shape
    rows, ends, best, bound = [], [], 0.0, np.inf
    points = [np.full(persons, float(point)) for point in (0, 0.2, 0.5, 1, 2, 4)]
    while best < (1 - 1e-4) * bound:
        for point in points:
            missed = np.exp(-point)
            rows.append(sparse.hstack([-missed[:, None] * logs, sparse.eye_array(persons)]))
            ends.append(1 - missed - missed * point)
        money = sparse.csr_array(np.concatenate([cost, np.zeros(persons)])[None, :])
        found = milp(
            np.concatenate([np.zeros(cells), -people]), options={"mip_rel_gap": 5e-5},
            constraints=LinearConstraint(sparse.vstack([*rows, money]), -np.inf, np.concatenate([*ends, [budget]])),
            integrality=np.repeat([1, 0], [cells, persons]), bounds=Bounds(0, np.concatenate([most, np.ones(persons)])),
        )  # fmt: skip
        spots = np.round(found.x[:cells])
        points = [logs @ spots]
        best, bound = max(best, float(people @ (1 - np.exp(-points[0])))), min(bound, -found.mip_dual_bound)
    return best, bound


def compared(seed, **size):
    """Return what share of the bound a plan of a fifth of all spots' cost reaches, and how loose a bound of fractions is."""
    hit, people, cost, most = audience(seed, **size)
    budget = 0.2 * float(cost @ most)
    found = buy_reach(sparse.csc_array(hit), people, cost, most, budget)
    bound = optimum(hit, people, cost, most, budget)[1]
    of_fractions = reach_bound(sparse.csc_array(hit), people, cost, most, budget, found.spots)
    return found.value / bound, of_fractions / bound


@pytest.mark.parametrize("seed", [1, 2])
def test_reach_is_near_the_best_of_whole_spots(seed):
    ours, of_fractions = compared(seed, persons=40, cells=20)
    assert 0.99 <= ours <= 1 + 1e-9
    assert of_fractions > 1.01  # half a spot would reach more than half as many: no whole spots come near that bound


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_reach_is_near_the_best_of_more_whole_spots(seed):
    assert 0.995 <= compared(seed)[0] <= 1 + 1e-9


def value(hit, people, cost, most):
    return buy_reach(sparse.csc_array(hit), people, cost, most, 0.2 * float(cost @ most)).value


def test_exchanges_reach_more_than_buying_in_order_alone(monkeypatch):
    markets = [audience(seed) for seed in range(4)]
    exchanged = [value(*market) for market in markets]
    monkeypatch.setattr(reach_spots, "_exchange", lambda queue, budget: None)
    in_order = [value(*market) for market in markets]
    assert all(more >= less for more, less in zip(exchanged, in_order, strict=True))
    assert np.mean(exchanged) > 1.002 * np.mean(in_order)


def test_spots_given_up_leave_no_trace():
    hit, people, cost, most = audience(5)
    queue = reach_spots._Queue(sparse.csc_array(hit), people, cost, most, (), 1)
    queue.fill(0.2 * float(cost @ most))
    before, spots = queue.open.copy(), queue.spots.copy()
    cells = np.flatnonzero(spots > 0)[:7]
    loss = queue.loss(cells)
    one = reach_spots._Queue(sparse.csc_array(hit), people, cost, most, (), 1)
    one.spots[:], one.open[:] = spots, before
    one.give_up(cells[:1])
    assert one.open.sum() - before.sum() == pytest.approx(loss[0])
    queue.give_up(cells)
    assert queue.open == pytest.approx(people * np.prod((1 - hit) ** queue.spots, axis=1))
    assert queue.spots.sum() == spots.sum() - 7
