"""Totals, ratios and indexes of weighted samples: their errors are those that repeated samples show."""

import numpy as np

from campaignkit.stats.survey.audience_index import log_indexes, simultaneous
from campaignkit.stats.survey.totals import stratified_totals


def test_errors_of_totals_and_ratios_are_those_of_repeated_samples():
    rng = np.random.default_rng(0)
    population = rng.gamma(2, 1, (3000, 2))
    population[:, 1] += population[:, 0]
    stratum = np.repeat([0, 1], [1000, 2000])
    drawn = []
    for _ in range(400):
        rows = np.concatenate([rng.choice(np.flatnonzero(stratum == at), 100) for at in (0, 1)])
        weight = np.where(stratum[rows] == 0, 10.0, 20.0)
        found = stratified_totals(population[rows], weight, stratum[rows])
        ratio = found.product({0: 1.0, 1: -1.0})
        drawn.append([*found.total, ratio.value, found.covariance[0, 0], ratio.std_error])
    drawn = np.array(drawn)
    assert np.allclose(drawn[:, :2].mean(axis=0), population.sum(axis=0), rtol=0.02)
    assert abs(np.sqrt(drawn[:, 3].mean()) / drawn[:, 0].std() - 1) < 0.1
    assert abs(drawn[:, 4].mean() / drawn[:, 2].std() - 1) < 0.1


def _sample(rng):
    n = 3000
    target, base = rng.random(n) < 0.2, np.array([0.08, 0.5, 0.3, 0.2, 0.4, 0.15, 0.1, 0.25])
    uses = rng.random((n, 8)) < np.minimum(base * rng.lognormal(-0.1, 0.45, (n, 1)), 0.98)
    return uses, target, rng.lognormal(0, 0.4, n)


def test_the_band_covers_all_at_once():
    rng, covered = np.random.default_rng(1), []
    for _ in range(150):
        found = log_indexes(*_sample(rng))
        width, _ = simultaneous(found.covariance, 0.95)
        covered.append((np.abs(found.log_index) <= width * found.std_error).all())
    assert np.mean(covered) > 0.9


def test_the_covariance_is_that_of_repeated_samples():
    rng = np.random.default_rng(2)
    found = [log_indexes(*_sample(rng)) for _ in range(300)]
    spread = np.std([one.log_index for one in found], axis=0)
    assert np.allclose(np.mean([one.std_error for one in found], axis=0), spread, rtol=0.15)


def test_a_thing_that_nobody_of_the_group_uses_has_no_error():
    uses = np.array([[1, 0], [1, 0], [0, 1], [0, 1]] * 10)
    found = log_indexes(uses, [1, 1, 0, 0] * 10, np.ones(40))
    assert found.log_index[1] == -np.inf
    assert found.covariance[1, 1] == 0
