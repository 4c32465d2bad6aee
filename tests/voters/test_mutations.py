"""Each way of getting a score wrong fails a test that is named here."""

import numpy as np
import polars as pl
import pytest

from campaignkit import sample
from campaignkit.stats.regression.terms import Terms
from campaignkit.voters import cases, models, scores, shifted, turnout
from tests.voters import test_scores, test_turnout


def wrong_variance(monkeypatch):
    right = models.solve_definite
    monkeypatch.setattr(models, "solve_definite", lambda a, b: right(a, b) * 1.01)


def clusters_ignored(monkeypatch):
    def by_row(self, values, cluster):
        return self.gram(values**2)

    monkeypatch.setattr(Terms, "clustered", by_row)


def weights_taken_for_counts(monkeypatch):
    right = models._covariance
    monkeypatch.setattr(models, "_covariance", lambda *given: right(*given[:4], False))


def no_holdout(monkeypatch):
    right = cases.gather
    monkeypatch.setattr(scores, "gather", lambda *given, **named: _all_held(right(*given, **named)))


def _all_held(found):
    asked, table, restricted, aside = found
    both = pl.concat([table.with_columns(held=pl.lit(flag)) for flag in (False, True)])
    return asked, both, restricted, aside


def future_leaks(monkeypatch):
    monkeypatch.setattr(turnout, "_in_cycle", lambda on, day, at: on > day)


def totals_missed(monkeypatch):
    right = shifted.logit_shifts
    monkeypatch.setattr(shifted, "logit_shifts", lambda *given: right(*given) + 1e-3)


def leak():
    test_turnout.test_history_knows_nothing_of_the_election_or_later(sample.megafile().universe("voter"))


def totals():
    test_turnout.test_places_that_cannot_be_met_are_left_and_named()


@pytest.mark.parametrize(
    ("mutation", "named"),
    [
        (wrong_variance, lambda: test_scores.check_statsmodels({}, ())),
        (clusters_ignored, test_scores.test_clusters_equal_statsmodels),
        (weights_taken_for_counts, test_scores.test_weights_equal_statsmodels),
        (no_holdout, test_scores.test_a_memorised_cell_does_not_help_the_held_out),
        (future_leaks, leak),
        (totals_missed, totals),
    ],
    ids=lambda x: x.__name__,
)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named):
    mutation(monkeypatch)
    with np.errstate(all="ignore"), pytest.raises(AssertionError):
        named()
