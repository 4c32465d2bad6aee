"""Shifts of the log odds reach their totals."""

import numpy as np
import pytest

from campaignkit.stats.prediction.logit_shift import logit_shifts


def test_shifts_reach_extreme_totals():
    eta, n = np.random.default_rng(0).normal(0, 4, 2000), np.ones(2000)
    group = np.arange(2000) % 2
    shift = logit_shifts(eta, n, group, np.array([0.01, 999.99]))
    assert np.bincount(group, 1 / (1 + np.exp(-eta - shift[group]))) == pytest.approx([0.01, 999.99], abs=1e-6)
