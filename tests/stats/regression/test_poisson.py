"""The log link by quasi-likelihood: against its own equations, and where least squares is wrong."""

import numpy as np
import pytest

from campaignkit.stats.regression.curves import bends, squares_and_pairs
from campaignkit.stats.regression.poisson import fit_poisson, means


@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_residuals_are_orthogonal_to_the_columns(unit):
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(500), rng.normal(size=(500, 2))])
    y = np.exp(1 + x[:, 1] - 0.5 * x[:, 2]) * rng.gamma(1, 1, 500) * (rng.random(500) < 0.4) * unit
    w = rng.uniform(0.5, 2, 500)
    beta, reached = fit_poisson(x, y, w)
    assert reached
    assert np.abs(x.T @ (w * (y - means(x, beta)))).max() < 1e-6 * (w @ y)
    assert beta[1:] == pytest.approx([1, -0.5], abs=0.35)


def test_curves_hold_what_a_line_cannot():
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(800), rng.normal(size=(800, 2)), rng.random(800) < 0.3])
    y = np.abs(x[:, 1]) + x[:, 1] * x[:, 2]
    for columns, left in ((x, 1.1), (squares_and_pairs(x, 40), 0.2), (bends(x, 40), 0.05)):
        fitted = columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
        assert np.var(y - fitted) / np.var(y) < left
    assert bends(x, 8).shape[1] <= 8
