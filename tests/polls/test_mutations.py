"""Small mutations of the polls' arithmetic, each of which a named test must notice."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from campaignkit.polls import mrp_result
from campaignkit.polls.model import cell_model, poststratify
from campaignkit.polls.model.responses import read_responses
from campaignkit.stats.regression import mixed_logit
from campaignkit.stats.survey import raking
from campaignkit.stats.survey.raking import Calibration
from tests.polls import test_mrp, test_rake


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


def clusters_ignored(monkeypatch):
    monkeypatch.setattr(cell_model, "cluster_effect", lambda effects, responses, mode: 1.0)


def weights_of_interviews_ignored(monkeypatch):
    module = import_module("campaignkit.polls.mrp")  # the function of the same name hides it
    monkeypatch.setattr(module, "read_responses", lambda r, o, f, weight, c: read_responses(r, o, f, None, c))


def jacobian_left_out(monkeypatch):
    right_density, right_gradient = mixed_logit.laplace_at, mixed_logit.gradient

    def density(data, log_sd, start=None):
        found = right_density(data, log_sd, start)
        return replace(found, log_density=found.log_density - log_sd.sum())

    for module in (mixed_logit, cell_model):
        monkeypatch.setattr(module, "laplace_at", density)
    monkeypatch.setattr(mixed_logit, "gradient", lambda data, found: right_gradient(data, found) - 1)


def small_deviations_let_go(monkeypatch):
    monkeypatch.setattr(mixed_logit, "KEPT_FROM_ZERO", 0.0)


def nothing_keeps_from_zero(monkeypatch):
    small_deviations_let_go(monkeypatch)
    jacobian_left_out(monkeypatch)


def mode_held_in_the_gradient(monkeypatch):
    monkeypatch.setattr(mixed_logit, "leverage", lambda terms, covariance: np.zeros(terms.rows))


def survey_error_forgotten(monkeypatch):
    monkeypatch.setattr(mrp_result, "of_an_election", lambda shares, survey_error, seed: shares)


def areas_not_drawn(monkeypatch):
    right = poststratify.Poststratification.shares
    monkeypatch.setattr(
        poststratify.Poststratification, "shares", lambda self, groups, draws, areas=None: right(self, groups, draws)
    )


MUTATIONS = [
    (weights_taken_as_fixed, test_rake.test_errors_are_those_of_r),
    (projected_by_raked_weights, test_rake.test_errors_are_those_of_r),
    (design_weights_ignored, test_rake.test_design_weights_count),
    (trimming_does_nothing, test_rake.test_bounds_hold_and_say_what_they_cost),
    (clusters_ignored, test_mrp.test_clusters_cost),
    (weights_of_interviews_ignored, test_mrp.test_weights_count),
    (nothing_keeps_from_zero, test_mrp.test_few_levels_keep_their_spread),
    (jacobian_left_out, test_mrp.test_a_deviation_of_which_nothing_is_known_is_kept_from_zero),
    (small_deviations_let_go, test_mrp.test_a_deviation_of_which_nothing_is_known_is_kept_from_zero),
    (mode_held_in_the_gradient, test_mrp.test_the_gradient_is_exact),
    (survey_error_forgotten, test_mrp.test_two_kinds_of_intervals_are_kept_apart),
    (areas_not_drawn, test_mrp.test_areas_are_drawn_toward_their_features),
]


@pytest.mark.slow
@pytest.mark.parametrize(("mutation", "named"), MUTATIONS, ids=lambda x: x.__name__)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named):
    for fitted in (test_mrp.found, test_mrp.shrunk):
        fitted.cache_clear()
    mutation(monkeypatch)
    try:
        with pytest.raises(AssertionError):
            named()
    finally:
        for fitted in (test_mrp.found, test_mrp.shrunk):
            fitted.cache_clear()
