"""Dispersion: what counts vary beyond independent events, given how much each person watches of the level above."""

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from campaignkit.outreach.model.dispersion import Parts
from campaignkit.outreach.model.panel import MARKET, Panel

NETWORKS, DAYPARTS, PERSONS = 5, 6, 4_000


def panel(watched, markets=1, seed=1):
    """Return a panel of the days that persons watched networks × dayparts, all networks in each market."""
    rng = np.random.default_rng(seed)
    market = rng.integers(0, markets, len(watched))
    blocks = [sparse.csr_array(watched * (market == at)[:, None]) for at in range(markets)]
    cells = pl.DataFrame({MARKET: np.repeat(np.arange(markets), NETWORKS * DAYPARTS)})
    days = sparse.csr_array(sparse.hstack(blocks))
    days.eliminate_zeros()
    ones, names = np.ones(len(watched)), [str(at) for at in range(markets)]
    keys = np.arange(len(watched))
    return Panel(days, cells, names, market, cells[MARKET].to_numpy(), ones, ones, 14, keys)


def codes(markets=1):
    network = np.tile(np.repeat(np.arange(NETWORKS), DAYPARTS), markets)
    daypart = np.tile(np.arange(DAYPARTS), NETWORKS * markets)
    return network, network * DAYPARTS + daypart


def counts(keen, seed=2):
    """Draw days watched, by how keen each person is on each network; dayparts are alike."""
    rng = np.random.default_rng(seed)
    return rng.poisson(0.3 * np.repeat(keen, DAYPARTS, axis=1)).astype(float)


def test_independent_events_have_a_dispersion_of_one():
    network, cell = codes()
    drawn = panel(counts(np.ones((PERSONS, NETWORKS))))
    # one part in so many of the whole varies by so much less
    for group, parts in ((network, NETWORKS), (cell, DAYPARTS)):
        found = Parts(drawn, group, network).dispersion(drawn.weight)
        assert found == pytest.approx(1 - 1 / parts, abs=0.04)


def test_heavy_viewers_do_not_add_to_it():
    network, _ = codes()
    heavy = np.random.default_rng(3).gamma(0.7, 1 / 0.7, (PERSONS, 1)) * np.ones(NETWORKS)
    drawn = panel(counts(heavy))
    found = Parts(drawn, network, network).dispersion(drawn.weight)
    assert found.mean() == pytest.approx(1 - 1 / NETWORKS, abs=0.05)


def test_nor_do_lovers_of_a_network():
    network, cell = codes()
    keen = np.random.default_rng(4).gamma(0.7, 1 / 0.7, (PERSONS, NETWORKS))
    drawn = panel(counts(keen))
    assert Parts(drawn, cell, network).dispersion(drawn.weight) == pytest.approx(1 - 1 / DAYPARTS, abs=0.06)
    assert (Parts(drawn, network, network).dispersion(drawn.weight) > 2).all()  # between networks they do


def test_a_network_within_a_market_is_a_part_of_all_that_is_watched():
    network, _ = codes(markets=3)
    drawn = panel(counts(np.ones((PERSONS, NETWORKS))), markets=3)
    in_market = network + NETWORKS * drawn.cell_market
    found = Parts(drawn, in_market, network).dispersion(drawn.weight)
    assert found == pytest.approx(1 - 1 / NETWORKS, abs=0.06)


def test_weights_scale_it():
    network, cell = codes()
    drawn = panel(counts(np.ones((PERSONS, NETWORKS))))
    part = Parts(drawn, cell, network)
    assert part.dispersion(400 * drawn.weight) == pytest.approx(400 * part.dispersion(drawn.weight))


def test_a_daypart_crosses_networks_and_is_a_part_of_all():
    network, cell = codes()
    heavy = np.random.default_rng(5).gamma(0.7, 1 / 0.7, (PERSONS, 1)) * np.ones(NETWORKS)
    drawn = panel(counts(heavy))
    found = Parts(drawn, cell % DAYPARTS, network).dispersion(drawn.weight)
    assert found == pytest.approx(1 - 1 / DAYPARTS, abs=0.06)
