"""Small mutations of the polls' arithmetic, each of which a named test must notice."""

import numpy as np
import pytest

from campaignkit.stats.survey import raking
from campaignkit.stats.survey.raking import Calibration
from tests.polls import test_rake


def weights_taken_as_fixed(monkeypatch):
    def fixed(self, influence):
        z = self.weight * influence
        return float(np.sqrt((z**2).sum()))

    monkeypatch.setattr(Calibration, "std_error", fixed)


def projected_by_raked_weights(monkeypatch):
    right = Calibration.std_error

    def wrong(self, influence):
        return right(Calibration(self.codes, self.levels, self.weight, self.weight), influence)

    monkeypatch.setattr(Calibration, "std_error", wrong)


def design_weights_ignored(monkeypatch):
    monkeypatch.setattr(
        test_rake.polls, "rake", lambda *a, weight=None, _right=test_rake.polls.rake, **k: _right(*a, **k)
    )


def trimming_does_nothing(monkeypatch):
    monkeypatch.setattr(raking, "_trimmed", lambda total, lower, upper: total)


MUTATIONS = [
    (weights_taken_as_fixed, test_rake.test_errors_are_those_of_r),
    (projected_by_raked_weights, test_rake.test_errors_are_those_of_r),
    (design_weights_ignored, test_rake.test_design_weights_count),
    (trimming_does_nothing, test_rake.test_bounds_hold_and_say_what_they_cost),
]


@pytest.mark.parametrize(("mutation", "named"), MUTATIONS, ids=lambda x: x.__name__)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named):
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        named()
