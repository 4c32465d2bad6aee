"""Each way of getting it wrong fails a test that is named here."""

from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from campaignkit import sample
from campaignkit.donors import Hosts
from campaignkit.donors.observational import observational_data, robustness
from campaignkit.donors.observational.balance import alone
from campaignkit.donors.subgroups import distinct, evidence, pulls, split_sample
from campaignkit.stats.causal import comparison, crossfit, instrument, matching, multiple_imputation, weighting
from campaignkit.stats.causal.comparison import Mean
from campaignkit.stats.regression import least_squares
from campaignkit.stats.regression.logit import fit_logit
from tests.donors import test_encouragement, test_event_study, test_hosts, test_lift, test_segments
from tests.stats.causal import test_multiple_imputation

# The functions of these names hide the modules.
event_study, encouragement, lift, segments, hosts = (
    import_module(f"campaignkit.donors.{name}")
    for name in ("event_study", "encouragement", "lift", "segments", "hosts")
)


@cache
def contest() -> pl.DataFrame:
    return sample.draw("contest", 10_000, seed=4, appeal=3.5).table


@cache
def contests() -> pl.DataFrame:
    return test_hosts.invited()


def matched() -> Hosts:
    return hosts.match_hosts(contests(), "entered", "host", test_hosts.BY, **test_hosts.WANTED)


# --- two groups -------------------------------------------------------------------------------------------


def cluster_ignored(monkeypatch):
    right = comparison.variance
    monkeypatch.setattr(comparison, "variance", lambda influence, cluster, lost=0: right(influence, None, lost))


def gaps_filled_without_the_outcome(monkeypatch):
    monkeypatch.setattr(multiple_imputation, "_outside", lambda c, others: np.column_stack([c.treated.astype(float)]))


def fillings_taken_for_known(monkeypatch):
    """The mean of the errors, as if no filling could have been another."""
    right = multiple_imputation.pooled
    monkeypatch.setattr(
        test_multiple_imputation, "pooled", lambda values, *rest: right([float(np.mean(values))] * len(values), *rest)
    )


def weights_not_renormalised(monkeypatch):
    """Horvitz and Thompson's mean: the weights do not add up to the target."""
    right = weighting._weighted

    def unscaled(c, logit, treated):
        mean = right(c, logit, treated)
        return replace(mean, value=mean.value * float(mean.weight.sum() / c.target.sum()))

    monkeypatch.setattr(weighting, "_weighted", unscaled)


def weights_as_if_known(monkeypatch):
    def known(c, logit, treated):
        v, _ = weighting.odds(c, logit.eta, treated)
        weight = c.weight * c.arm(treated) * v
        value = float(weight @ c.y / weight.sum())
        return Mean(value, weight * (c.y - value) / weight.sum(), weight)

    monkeypatch.setattr(weighting, "_weighted", known)


def matches_as_if_propensity_known(monkeypatch):
    right = matching._covariance
    monkeypatch.setattr(matching, "_covariance", lambda *given: 0 * right(*given))


def propensity_not_cross_fitted(monkeypatch):
    monkeypatch.setattr(crossfit, "fit_without_each", lambda x, t, w, folds, whole: [whole.beta] * len(folds))


def outcome_not_cross_fitted(monkeypatch):
    def of_all(c, treated):
        w = c.weight * c.arm(treated)
        return [least_squares.solve(least_squares.gram(c.x, w), c.x.T @ (w * c.y))] * len(c.folds)

    monkeypatch.setattr(crossfit, "_least_squares_without_each", of_all)


def homes_split_between_folds(monkeypatch):
    right = observational_data._folds

    def split(table, roles, seed):
        return right(table, replace(roles, cluster=None), seed)[0], right(table, roles, seed)[1]

    monkeypatch.setattr(observational_data, "_folds", split)


def trimmed_silently(monkeypatch):
    right = lift.observational_data

    def trimmed(*given, **options):
        found = right(*given, **options)
        c = found.comparison
        kept = ~alone(c, fit_logit(c.x, c.treated.astype(float), c.weight).eta)
        edges = [int(kept[: fold.stop].sum()) for fold in c.folds]
        folds = tuple(slice(a, b) for a, b in zip([0, *edges], edges, strict=False))
        rows = {part: getattr(c, part)[kept] for part in ("x", "y", "treated", "weight")}
        return replace(found, comparison=replace(c, folds=folds, **rows), order=found.order[kept])

    monkeypatch.setattr(lift, "observational_data", trimmed)


# --- robustness -----------------------------------------------------------------------------------------------


def placebo_with_the_leaked_column(monkeypatch):
    monkeypatch.setattr(
        observational_data.ObservationalData, "columns_without", lambda self, _: np.arange(len(self.columns) + 1)
    )
    monkeypatch.setattr(robustness, "_refuse_given_away", lambda *_: None)


def placebo_with_its_functions(monkeypatch):
    monkeypatch.setattr(robustness, "refuse_functions", lambda *_: None)


def bound_of_the_point(monkeypatch):
    right = robustness._e_values
    monkeypatch.setattr(robustness, "_e_values", lambda *given: (right(*given)[0],) * 2)


# --- joining at different times ---------------------------------------------------------------------------


def already_joined_as_controls(monkeypatch):
    right = event_study.cells_of

    def all_others(counts, *given):
        groups = np.arange(len(counts))
        return [replace(cell, controls=groups[(groups != cell.group) & (counts > 0)]) for cell in right(counts, *given)]

    monkeypatch.setattr(event_study, "cells_of", all_others)


def two_way_fixed_effects(monkeypatch):
    right = event_study.effects

    def within(panel, cells):
        joined = (np.arange(panel.periods) >= panel.joined[:, None]).astype(float)
        apart = joined - joined.mean(0) - joined.mean(1, keepdims=True) + joined.mean()
        return replace(right(panel, cells), overall=float((apart * panel.dense()).sum() / (apart * joined).sum()))

    monkeypatch.setattr(event_study, "effects", within)


# --- a random offer --------------------------------------------------------------------------------------


def late_not_divided_by_the_first_stage(monkeypatch):
    def undivided(offer, confidence_level):
        found = instrument.effects_of_offer(offer, confidence_level)
        return replace(found, late=found.intention)

    monkeypatch.setattr(encouragement, "effects_of_offer", undivided)


def interval_that_weak_offers_fool(monkeypatch):
    def wald(first, intention, var_first, var_intention, covariance, critical):
        slope = intention / first
        half = np.sqrt(critical * (var_intention + slope**2 * var_first - 2 * slope * covariance)) / abs(first)
        return slope - half, slope + half

    monkeypatch.setattr(instrument, "anderson_rubin", wald)


# --- segments and hosts -----------------------------------------------------------------------------------


def normal_tails(monkeypatch):
    monkeypatch.setattr(evidence, "p_values", lambda counts: norm.sf(evidence.z_scores(counts)))


def clusters_as_single_people(monkeypatch):
    right = split_sample.SplitSample._design_effect
    monkeypatch.setattr(split_sample.SplitSample, "_design_effect", lambda *given: np.ones_like(right(*given)))


def nobody_held_out(monkeypatch):
    """The half that confirms is the half that searched."""
    right = segments.split_samples
    monkeypatch.setattr(segments, "split_samples", lambda rows: (right(rows)[0],) * 2)


def variants_kept(monkeypatch):
    monkeypatch.setattr(distinct.Effects, "_variant_of", lambda self, row: None)


def everyone_is_wanted(monkeypatch):
    monkeypatch.setattr(pulls, "wanted_cells", lambda table, *given: pl.Series([True] * table.height))


def own_data_alone(monkeypatch):
    """Thin hosts are shown as if nothing was borrowed from the others."""
    right = pulls.shrunk_rates
    monkeypatch.setattr(
        pulls, "shrunk_rates", lambda k, n, *given: replace(right(k, n, *given), own_share=np.ones(len(n)))
    )


def matched_host_competes(monkeypatch):
    right = pulls.pull_columns
    monkeypatch.setattr(pulls, "pull_columns", lambda group, like, *given: right(group, like + 1, *given))


MUTATIONS = [
    (normal_tails, test_segments.test_p_values_are_exact_not_normal, contest),
    (clusters_as_single_people, test_segments.test_clusters_widen_what_their_members_share),
    (nobody_held_out, test_segments.test_the_holdout_is_other_people, contest),
    (variants_kept, test_segments.test_a_parent_that_only_holds_the_child_goes),
    (everyone_is_wanted, test_hosts.test_counts_are_those_of_the_wanted_group, contests, matched),
    (own_data_alone, test_hosts.test_a_thin_host_leans_on_the_others_and_is_said_to, contests),
    (matched_host_competes, test_hosts.test_the_host_to_be_matched_is_shown_and_does_not_compete, matched),
    (cluster_ignored, test_lift.test_errors_are_summed_within_clusters, "entropy"),
    (weights_not_renormalised, test_lift.test_imputation_and_weighting_agree_with_statsmodels_treatment_effects, 1),
    (weights_as_if_known, test_lift.test_errors_count_that_weights_were_estimated, "ipw"),
    (matches_as_if_propensity_known, test_lift.test_matching_errors_are_those_of_abadie_and_imbens),
    (gaps_filled_without_the_outcome, test_lift.test_gaps_in_the_confounder_leave_no_bias),
    (fillings_taken_for_known, test_multiple_imputation.test_answers_are_put_together_by_rubins_rules),
    (propensity_not_cross_fitted, test_lift.test_no_fold_sees_its_own_rows),
    (outcome_not_cross_fitted, test_lift.test_no_fold_sees_its_own_rows),
    (homes_split_between_folds, test_lift.test_clusters_are_never_split_between_folds),
    (trimmed_silently, test_lift.test_some_without_a_counterpart_are_counted_not_dropped),
    (placebo_with_the_leaked_column, test_lift.test_a_failed_placebo_is_said_first_and_a_passed_one_proves_little),
    (placebo_with_its_functions, test_lift.test_a_placebo_whose_functions_stay_in_is_refused),
    (bound_of_the_point, test_lift.test_an_interval_that_holds_no_effect_needs_no_hidden_trait),
    (already_joined_as_controls, test_event_study.test_each_cell_is_a_difference_of_two_differences, "not_yet"),
    (two_way_fixed_effects, test_event_study.test_an_effect_that_grows_is_not_held_against_those_who_joined_before),
    (late_not_divided_by_the_first_stage, test_encouragement.test_without_covariates_it_is_walds_ratio),
    (interval_that_weak_offers_fool, test_encouragement.test_the_interval_holds_the_slopes_that_are_not_rejected),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutation", "named", "arguments"),
    [(mutation, named, arguments) for mutation, named, *arguments in MUTATIONS],
    ids=[f"{mutation.__name__}-{named.__name__}" for mutation, named, *_ in MUTATIONS],
)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named, arguments):
    named(*(value() if callable(value) else value for value in arguments))
    mutation(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        named(*(value() if callable(value) else value for value in arguments))
