"""test_and_roll: Feit and Berman's sizes."""

import numpy as np
import pytest

from campaignkit import experiments
from campaignkit.errors import BadValue
from campaignkit.stats.intervals.power import roll_value


def test_feit_and_bermans_website_example():
    """Their section 3.2: mean .68, sd of arms .03, 100,000 visitors; 2,284 an arm."""
    found = experiments.test_and_roll(100_000, mean=0.68, prior_sd=0.03)
    assert found.table["n_arm"][0] == 2284


@pytest.mark.parametrize("arms", [2, 5, 18])
def test_the_size_is_the_best_there_is(arms):
    table = experiments.test_and_roll(1_000_000, mean=0.006, prior_sd=0.002, arms=arms).table
    assert table["gain"][0] == table["gain"].max()


def test_the_expected_gain_is_what_simulation_gives():
    population, n, mean, sd, prior = 50_000, 1800, 0.5, 0.5, 0.02
    rng = np.random.default_rng(0)
    truth = rng.normal(mean, prior, (200_000, 2))
    seen = truth + rng.normal(0, sd / np.sqrt(n), truth.shape)
    sent = np.take_along_axis(truth, seen.argmax(axis=1)[:, None], 1)[:, 0]
    total = (n * truth.sum(axis=1) + (population - 2 * n) * sent).mean()
    assert roll_value(n, population, mean, sd, prior) == pytest.approx(total, rel=1e-3)


def test_what_it_says():
    found = experiments.test_and_roll(100_000, mean=0.68, prior_sd=0.03)
    assert found.summary().startswith("Test 2,284 per arm (4,568 of 100,000)")
    assert found.chart().to_dict()["description"] == found.summary()
    with pytest.raises(BadValue, match="prior_sd"):
        experiments.test_and_roll(1000, mean=0.1, prior_sd=0.0)
