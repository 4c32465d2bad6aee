"""A mixture's quantiles where its Gaussians lie apart, and deviations that are the draws less their means."""

import numpy as np
import pytest

from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture


@pytest.mark.parametrize("apart", [0.01, 1.0, 100.0])
def test_quantiles_are_where_the_distribution_function_says(apart):
    rng = np.random.default_rng(4)
    sd = 10 ** rng.uniform(-2, 1, (5, 20))
    mixture = GaussianMixture(np.full(5, 0.2), rng.normal(0, apart, (5, 20)), np.stack([np.diag(s**2) for s in sd]))
    for probability in (0.005, 0.025, 0.5, 0.975, 0.9995):
        assert np.abs(mixture.cdf(mixture.quantile(probability)) - probability).max() < 1e-9


def test_deviations_are_the_draws_less_the_mean():
    mixture = GaussianMixture(np.array([0.4, 0.6]), np.array([[1.0, -2.0], [3.0, 0.5]]), np.stack([np.eye(2)] * 2))
    added = np.concatenate([mean + off for mean, off in mixture.deviations(3_000, seed=7)])
    drawn = np.concatenate(list(mixture.draws(3_000, seed=7)))
    assert np.array_equal(added, drawn)
    assert [int((drawn[:1_200].mean(axis=0) - mixture.mean[0]).round()[0]), len(drawn)] == [0, 3_000]
