"""Each way of promising too much fails a test that is named here."""

from importlib import import_module

import numpy as np
import pytest

from campaignkit.outreach import comparison
from campaignkit.outreach.model import dispersion, promise, rating
from campaignkit.stats.intervals import gamma_poisson
from campaignkit.stats.survey.totals import Totals, stratified_totals
from tests.outreach import test_audiences, test_buy_plan, test_channels, test_dispersion
from tests.stats import test_survey

# the functions of the same names hide these modules
buy_plan, channels = (import_module(f"campaignkit.outreach.{name}") for name in ("buy_plan", "channels"))


def promised_by_those_who_made_it(monkeypatch):
    def in_sample(rater, task, folds, seed):
        plan = promise.make_plan(rater, rater.rate(rater.counts()), task)
        return promise.deliver(rater.panel, plan.spots, task.times)

    monkeypatch.setattr(buy_plan, "held_out", in_sample)


def persons_taken_for_impressions(monkeypatch):
    def poisson(values, weight, strata):
        right = stratified_totals(values, weight, strata)
        return Totals(right.total, np.diag(np.maximum(right.total, 1e-9)))

    monkeypatch.setattr(buy_plan, "stratified_totals", poisson)


def not_shrunk(monkeypatch):
    def raw(count, expected, levels):
        count = np.asarray(count, float)
        return gamma_poisson.ShrunkCounts(count, np.maximum(count, 0.5), np.ones(len(count)))

    monkeypatch.setattr(rating, "shrunk_counts", raw)


def heaviness_counted_at_every_level(monkeypatch):
    def marginal(self, weight):
        w, x = weight[self.person], self.days
        sums, squares = (np.bincount(self.group, part, self.size) for part in (w * x, w**2 * x**2))
        return squares / np.maximum(sums, 1e-300)

    monkeypatch.setattr(dispersion.Parts, "dispersion", marginal)


def errors_not_paired(monkeypatch):
    def apart(values, weight, strata):
        right = stratified_totals(values, weight, strata)
        return Totals(right.total, np.diag(np.diag(right.covariance)))

    monkeypatch.setattr(comparison, "stratified_totals", apart)


def weights_left_out_of_errors(monkeypatch):
    right = channels.log_indexes

    def wrong(uses, target, weight):
        found = right(uses, target, weight)
        return type(found)(found.log_index, right(uses, target, np.ones(len(weight))).covariance)

    monkeypatch.setattr(channels, "log_indexes", wrong)


def one_at_a_time(monkeypatch):
    monkeypatch.setattr(test_survey, "simultaneous", lambda covariance, level, seed=0: (1.96, np.zeros(1)))


@pytest.mark.parametrize(
    ("mutation", "named"),
    [
        (promised_by_those_who_made_it, test_buy_plan.test_where_nothing_can_be_found_the_promise_does_not_overstate),
        (promised_by_those_who_made_it, test_buy_plan.test_nor_does_the_promise_of_reach),
        (persons_taken_for_impressions, test_buy_plan.test_the_interval_is_that_of_persons),
        (not_shrunk, test_audiences.test_shrunk_audiences_are_nearer_to_the_truth_than_raw_ones),
        (heaviness_counted_at_every_level, test_dispersion.test_heavy_viewers_do_not_add_to_it),
        (heaviness_counted_at_every_level, test_dispersion.test_nor_do_lovers_of_a_network),
        (errors_not_paired, test_buy_plan.test_persons_cancel_who_watch_much_of_both),
        (weights_left_out_of_errors, test_channels.test_weights_are_part_of_the_error),
        (one_at_a_time, test_survey.test_the_band_covers_all_at_once),
    ],
    ids=lambda x: x.__name__,
)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named):
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        named()
