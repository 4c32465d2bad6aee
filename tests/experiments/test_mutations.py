"""Each way of getting it wrong fails a test that is named here."""

import numpy as np
import pytest

from campaignkit.experiments import analysis, comparing, looks
from campaignkit.stats.intervals import moments
from campaignkit.stats.intervals.confidence_sequences import Sequence
from tests.experiments import test_analysis, test_looks


def wrong_variance(monkeypatch):
    right = moments.Moments._product
    monkeypatch.setattr(moments.Moments, "_product", lambda self, a, b: right(self, a, b) * (self.n - 1) / self.n)


def cluster_ignored(monkeypatch):
    right = analysis.Columns
    monkeypatch.setattr(analysis, "Columns", lambda *given: right(*given[:4], None, *given[5:]))


def no_correction(monkeypatch):
    monkeypatch.setattr(comparing, "adjusted", lambda p, _: p)


def peeking(monkeypatch):
    def fixed(estimate, se, n, rho2, alpha):
        return Sequence(estimate - 1.96 * se, estimate + 1.96 * se, np.full(len(estimate), 0.5))

    monkeypatch.setattr(looks, "confidence_sequence", fixed)


def span_ignored(monkeypatch):
    monkeypatch.setattr(comparing, "_covariance", lambda arms, theta=None: np.zeros(len(arms.names)))


@pytest.mark.parametrize(
    ("mutation", "named"),
    [
        (wrong_variance, test_analysis.test_means_equal_tea_tasting),
        (cluster_ignored, test_analysis.test_clusters_count_as_one_draw),
        (no_correction, test_analysis.test_holm_is_applied_to_all_comparisons),
        (peeking, test_looks.test_daily_looks_rarely_alarm),
        (span_ignored, test_analysis.test_clusters_that_span_arms_are_right),
    ],
    ids=lambda x: x.__name__,
)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named):
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        named()
