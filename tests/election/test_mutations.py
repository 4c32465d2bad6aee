"""Each way of getting the election wrong fails a test that is named here."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from campaignkit.election.model import fitting, poll_table, scales, states, winning
from campaignkit.stats.prediction import truncated_draws
from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture
from campaignkit.stats.regression import variance_components
from campaignkit.stats.regression.variance_components import Variances
from tests.election import test_allocate, test_backtest, test_forecast, test_simulate
from tests.election.test_forecast import FIXED, asked
from tests.election.worlds import Truth, draw_history

# The functions of these names hide the modules.
allocate, simulate = (import_module(f"campaignkit.election.{name}") for name in ("allocate", "simulate"))


def posterior_written_out(drawn):
    test_forecast.test_the_posterior_is_the_one_written_out(asked(settings=FIXED))


def weights_written_out(drawn):
    test_forecast.test_weights_are_the_gain_and_what_a_poll_moves(asked(settings=FIXED))


def evidence_written_out(drawn):
    test_forecast.test_evidence_is_the_results_density_given_the_polls(asked(settings=FIXED))


def scales_learned(drawn):
    test_forecast.test_scales_are_learned_from_earlier_elections_alone()


def names_mended(drawn):
    test_forecast.test_one_pollster_under_two_names_is_one()


def later_polls_aside(drawn):
    test_forecast.test_polls_after_the_day_are_set_aside_and_counted()


def history_checked(drawn):
    history = draw_history(1, test_backtest.POLLED, Truth(shared=0.12), polls=200)
    found = test_backtest.election.backtest(history.polls, history.results, horizons=(0, 10))
    test_backtest.test_the_check_rejects_a_forecast_without_poll_error(history, found)


# --- ways of getting it wrong ---------------------------------------------------------------------------------


def drift_forgotten(monkeypatch):
    monkeypatch.setattr(poll_table, "_drift", lambda unit, left, *rest: np.zeros((len(unit), len(unit))))


def poll_errors_averaged_away(monkeypatch):
    """The error that polls share is taken for none, as if many polls made it small."""
    right = fitting.posterior

    def without(rotated, v, *rest):
        return right(rotated, replace(v, own=0 * v.own, shared=0 * v.shared), *rest)

    monkeypatch.setattr(fitting, "posterior", without)


def shared_swing_forgotten(monkeypatch):
    right = variance_components._gains

    def without(rotated, v: Variances):
        return right(rotated, replace(v, national=0 * v.national))

    monkeypatch.setattr(variance_components, "_gains", without)


def weights_without_the_noise(monkeypatch):
    right = fitting.posterior

    def doubled(*given):
        found = right(*given)
        return replace(found, response=2 * found.response)

    monkeypatch.setattr(fitting, "posterior", doubled)


def the_polls_own_density_left_out(monkeypatch):
    right = variance_components._log_normal
    calls = []

    def first_two(r, *rest):
        calls.append(1)
        found = right(r, *rest)
        return found if len(calls) % 3 else 0 * found

    monkeypatch.setattr(variance_components, "_log_normal", first_two)


def its_own_result_teaches(monkeypatch):
    right = scales.past_elections

    def leaking(results, year, polled):
        return [*right(results, year, polled), *({year} & set(results.years))]

    monkeypatch.setattr(fitting, "past_elections", leaking)


def alike_by_this_elections_result(monkeypatch):
    right = states._features

    def leaking(results, past, table):
        return right(results, [max(results.years), *past[1:]], table)

    monkeypatch.setattr(states, "_features", leaking)


def names_as_they_come(monkeypatch):
    monkeypatch.setattr(poll_table, "_folded", lambda name: name)


def later_polls_used(monkeypatch):
    right = poll_table._usable
    monkeypatch.setattr(poll_table, "_usable", lambda table, as_of: right(table, as_of.replace(month=12)))


def states_miss_alone(monkeypatch):
    """The check draws states independently, so that any shared miss is a surprise."""
    right = GaussianMixture.draws

    def alone(self, *given, **named):
        own = np.array([np.diag(np.diag(covariance)) for covariance in self.covariance])
        return right(GaussianMixture(self.weight, self.mean, own), *given, **named)

    monkeypatch.setattr(GaussianMixture, "draws", alone)


def the_shared_error_is_not_checked(monkeypatch):
    monkeypatch.setattr(import_module("campaignkit.election.backtest"), "two_sided", lambda observed, expected: 1.0)
    monkeypatch.setattr(import_module("campaignkit.election.backtest"), "SURPRISED", -1.0)


def slope_by_the_marginal_density(monkeypatch):
    right = winning.win_gradient

    def marginal(x, mean, precision, votes, needed):
        return right(x, mean, np.diag(1 / np.diag(np.linalg.inv(precision))), votes, needed)

    monkeypatch.setattr(winning, "win_gradient", marginal)


def slope_where_the_state_does_not_decide(monkeypatch):
    monkeypatch.setattr(
        winning, "win_gradient", lambda x, mean, precision, votes, needed: np.full(x.shape, 0.3, np.float32)
    )


def money_does_not_wear_out(monkeypatch):
    monkeypatch.setattr(allocate, "returns", lambda slope, scale, spend: slope * spend)


def bounds_ignored(monkeypatch):
    monkeypatch.setattr(
        allocate, "_limits", lambda bounds, names, budget: (np.zeros(len(names)), np.full(len(names), np.inf))
    )


def draws_within_bounds_unweighted(monkeypatch):
    right = truncated_draws._cut
    monkeypatch.setattr(truncated_draws, "_cut", lambda *given: (right(*given)[0], np.ones(len(given[2]))))


def tie_is_won(monkeypatch):
    monkeypatch.setattr(simulate, "NEEDED", 269)


CAUGHT = {
    drift_forgotten: posterior_written_out,
    poll_errors_averaged_away: posterior_written_out,
    shared_swing_forgotten: posterior_written_out,
    weights_without_the_noise: weights_written_out,
    the_polls_own_density_left_out: evidence_written_out,
    its_own_result_teaches: scales_learned,
    alike_by_this_elections_result: scales_learned,
    names_as_they_come: names_mended,
    later_polls_used: later_polls_aside,
    states_miss_alone: lambda drawn: test_backtest.test_surprise_is_as_expected_where_the_forecast_is_right(),
    the_shared_error_is_not_checked: history_checked,
    slope_by_the_marginal_density: test_allocate.test_the_slope_is_that_of_elections_drawn_anew,
    slope_where_the_state_does_not_decide: lambda drawn: test_allocate.test_the_slope_is_the_one_known_in_closed_form(),
    money_does_not_wear_out: lambda drawn: test_allocate.test_one_state_gets_it_all(),
    bounds_ignored: test_allocate.test_bounds_that_bind_are_kept_and_priced,
    draws_within_bounds_unweighted: lambda drawn: test_simulate.test_weights_of_truncated_draws_are_probabilities(),
    tie_is_won: lambda drawn: test_simulate.test_a_tie_is_nobodys(),
}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", CAUGHT, ids=lambda wrong: wrong.__name__)
def test_it_is_caught(wrong, drawn, monkeypatch):
    wrong(monkeypatch)
    with pytest.raises(AssertionError):
        CAUGHT[wrong](drawn)


@pytest.mark.slow
@pytest.mark.parametrize("test", [posterior_written_out, weights_written_out, evidence_written_out, history_checked])
def test_it_passes_as_it_is(test, drawn):
    test(drawn)
