"""Each way of getting it wrong fails a test that is named here."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from campaignkit.experiments.moments import comparing, sequential
from campaignkit.stats.intervals import moments
from campaignkit.stats.intervals.confidence_sequences import ConfidenceSequence
from tests.experiments import test_analyze, test_effects_by, test_factorial, test_winners
from tests.experiments.moments import test_sequential

# The functions of these names hide the modules.
analyze, effects_by, factorial, winners = (
    import_module(f"campaignkit.experiments.{name}") for name in ("analyze", "effects_by", "factorial", "winners")
)


def wrong_variance(monkeypatch):
    right = moments.Moments._product
    monkeypatch.setattr(moments.Moments, "_product", lambda self, a, b: right(self, a, b) * (self.n - 1) / self.n)


def cluster_ignored(monkeypatch):
    right = analyze.design_of
    monkeypatch.setattr(analyze, "design_of", lambda *given, cluster, **options: right(*given, **options))


def no_correction(monkeypatch):
    monkeypatch.setattr(comparing, "adjusted", lambda p, _: p)


def peeking(monkeypatch):
    def fixed(estimate, se, n, rho2, alpha):
        return ConfidenceSequence(estimate - 1.96 * se, estimate + 1.96 * se, np.full(len(estimate), 0.5))

    monkeypatch.setattr(sequential, "confidence_sequence", fixed)


def span_ignored(monkeypatch):
    monkeypatch.setattr(comparing, "_covariance", lambda arms, theta=None: np.zeros(arms.moments.n.shape))


# --- winners, effects_by, factorial -----------------------------------------------------------------------


def not_shrunk(monkeypatch):
    right = winners.gamma_hierarchy
    monkeypatch.setattr(
        winners, "gamma_hierarchy", lambda y, n, *given, **options: right(y, 1e6 * n, *given, **options)
    )


def past_tests_left_out(monkeypatch):
    right = winners.gamma_hierarchy
    monkeypatch.setattr(winners, "gamma_hierarchy", lambda *given, past, **options: right(*given, **options))


def groups_not_corrected(monkeypatch):
    monkeypatch.setattr(comparing, "adjusted", lambda p, _: p)


def groups_compared_with_everyones_control(monkeypatch):
    right = effects_by._group

    def shared(arms, s, *given):
        moments = arms.moments
        mean = moments.mean.copy()
        mean[arms.control] = moments.mean[arms.control].mean(axis=0)
        return right(replace(arms, moments=replace(moments, mean=mean)), s, *given)

    monkeypatch.setattr(effects_by, "_group", shared)


def groups_led_by_chance(monkeypatch):
    """Without the test first, the longest bar is said to lead."""
    right = effects_by._compared

    def sure(*given):
        rows, differs = right(*given)
        return rows, differs | {"p_value": 0.0}

    monkeypatch.setattr(effects_by, "_compared", sure)


def people_not_combinations_count_alike(monkeypatch):
    right = factorial._effects

    def pooled(names, cells, level):
        mean, rows = cells.mean, cells.rows
        whole = (rows * mean).sum() / rows.sum()
        return right(names, cells._replace(mean=mean - whole + mean * (rows / rows.mean() - 1)), level)

    monkeypatch.setattr(factorial, "_effects", pooled)


def interaction_with_its_main_effects(monkeypatch):
    right = factorial._term

    def of_one_axis(axes, names, cells, level):
        table, term = right(axes, names, cells, level)
        own = right(axes[:1], names, cells, level)[1]["p_value"]
        return (table, term) if len(axes) == 1 else (table, term | {"p_value": own})

    monkeypatch.setattr(factorial, "_term", of_one_axis)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutation", "named"),
    [
        (wrong_variance, test_analyze.test_means_equal_tea_tasting),
        (cluster_ignored, test_analyze.test_clusters_count_as_one_draw),
        (no_correction, test_analyze.test_holm_is_applied_to_all_comparisons),
        (peeking, test_sequential.test_daily_looks_rarely_alarm),
        (span_ignored, test_analyze.test_clusters_that_span_arms_are_right),
        (not_shrunk, test_winners.test_the_shrunk_lead_is_the_held_out_lead),
        (not_shrunk, test_winners.test_money_one_large_gift_is_mostly_luck),
        (past_tests_left_out, test_winners.test_past_tests_sharpen_the_spread),
        (groups_not_corrected, test_effects_by.test_multiplicity_is_controlled_over_groups_and_arms),
        (groups_compared_with_everyones_control, test_effects_by.test_each_group_is_as_alone),
        (groups_led_by_chance, test_effects_by.test_no_difference_is_said_however_the_bars_look),
        (people_not_combinations_count_alike, test_factorial.test_main_effects_are_contrasts_of_cell_means),
        (interaction_with_its_main_effects, test_factorial.test_terms_are_those_of_a_linear_model),
    ],
    ids=lambda x: x.__name__,
)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named):
    named()
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        named()
