"""Each way of getting a score wrong fails a test that is named here."""

import numpy as np
import polars as pl
import pytest

from campaignkit import sample
from campaignkit.stats.regression.terms import Terms
from campaignkit.voters import score
from campaignkit.voters.model import boosted, evaluation, logit_model, shifted_model, vote_history
from tests.voters import test_score, test_turnout


def wrong_variance(monkeypatch):
    right = logit_model.solve_definite
    monkeypatch.setattr(logit_model, "solve_definite", lambda a, b: right(a, b) * 1.01)


def clusters_ignored(monkeypatch):
    def by_row(self, values, cluster):
        return self.gram(values**2)

    monkeypatch.setattr(Terms, "clustered", by_row)


def weights_taken_for_counts(monkeypatch):
    right = logit_model._covariance
    monkeypatch.setattr(logit_model, "_covariance", lambda *given: right(*given[:4], False))


def no_holdout(monkeypatch):
    right = score.read_cells
    monkeypatch.setattr(score, "read_cells", lambda *given, **named: _all_held(right(*given, **named)))


def _all_held(cells):
    spec, table, restricted, aside = cells
    both = pl.concat([table.with_columns(held=pl.lit(flag)) for flag in (False, True)])
    return spec, both, restricted, aside


def future_leaks(monkeypatch):
    monkeypatch.setattr(vote_history, "_in_cycle", lambda on, day, at: on > day)


def totals_missed(monkeypatch):
    right = shifted_model.logit_shifts
    monkeypatch.setattr(shifted_model, "logit_shifts", lambda *given: right(*given) + 1e-3)


def leaves_of_one_person(monkeypatch):
    setting = {"early_stopping": False, "random_state": 0, "min_samples_leaf": 1}
    monkeypatch.setattr(boosted, "chosen", lambda *given: setting)


def errors_of_the_fit_left_out(monkeypatch):
    monkeypatch.setattr(evaluation, "_fitting_errors", lambda *given: None)


def leak():
    test_turnout.test_history_knows_nothing_of_the_election_or_later(sample.megafile().universe("voter"))


def totals():
    test_turnout.test_places_that_cannot_be_met_are_left_and_named()


MUTATIONS = [
    (wrong_variance, lambda: test_score.check_statsmodels({}, ())),
    (clusters_ignored, test_score.test_clusters_equal_statsmodels),
    (weights_taken_for_counts, test_score.test_weights_equal_statsmodels),
    (no_holdout, test_score.test_a_memorised_cell_does_not_help_the_held_out),
    (leaves_of_one_person, test_score.test_trees_of_a_rare_outcome_lose_no_more_than_scikit_learns_defaults),
    (errors_of_the_fit_left_out, test_score.test_the_floor_of_calibration_error_counts_that_coefficients_are_estimates),
    (future_leaks, leak),
    (totals_missed, totals),
]


@pytest.mark.slow
@pytest.mark.parametrize("named", [named for _, named in MUTATIONS])
def test_unmutated_it_passes(named):
    named()


@pytest.mark.parametrize(("mutation", "named"), MUTATIONS, ids=lambda x: x.__name__)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named):
    mutation(monkeypatch)
    with np.errstate(all="ignore"), pytest.raises(AssertionError):
        named()
