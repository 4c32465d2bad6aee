"""Shrinkage leans as far as data are thin."""

import numpy as np
import pytest

from campaignkit.stats.intervals.shrinkage import shrunk_means, shrunk_rates


def test_shrinkage_leans_as_far_as_data_are_thin():
    found = shrunk_rates([50, 52, 48, 5, 0], [1000, 1000, 1000, 20, 0])
    thin = found.draws[:, 3].mean()
    assert 0.05 < thin < 0.20  # between the others' 5% and its own 25%
    assert (np.diff(found.own_share[[0, 3, 4]]) < 0).all()
    assert found.own_share[4] < 0.25


def test_shrinkage_of_means_with_much_data_is_the_means():
    found = shrunk_means([1.0, 2.0, 3.0], [0.01, 0.01, 0.01], scale=1.0)
    assert found.draws.mean(axis=0) == pytest.approx([1, 2, 3], abs=0.01)
