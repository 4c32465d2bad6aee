"""Corrections for many hypotheses against their definitions."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from campaignkit.stats.intervals.multiplicity import benjamini_hochberg, holm


def stepped_down(p):
    """Return Holm's p-values one by one: the k-th smallest of m times m − k + 1, never below an earlier one."""
    adjusted, largest = np.empty(len(p)), 0.0
    for at, i in enumerate(np.argsort(p)):
        largest = max(largest, min((len(p) - at) * p[i], 1.0))
        adjusted[i] = largest
    return adjusted


def test_corrections_are_as_defined():
    p = np.random.default_rng(1).beta(0.4, 3, 500)
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-15)
    assert holm(p) == pytest.approx(stepped_down(p), abs=1e-15)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-15)
    assert benjamini_hochberg([]).size == holm([]).size == 0
