"""Each way of believing friends' asks too much, or of asking badly, fails a test that is named here."""

from importlib import import_module

import numpy as np
import polars as pl
import pytest

from campaignkit.stats.causal.exposure import independent_variance
from campaignkit.stats.optimize import b_matching
from tests.outreach import test_friend_asks, test_sharing_effect, test_sharing_sample
from tests.stats import test_b_matching
from tests.stats.causal import test_exposure

# the functions of the same names hide these modules
effects, asks = (import_module(f"campaignkit.outreach.{name}") for name in ("sharing_effect", "friend_asks"))


def cluster_ignored(monkeypatch):
    monkeypatch.setattr(effects, "shared_variance", lambda influence, row, sharer: independent_variance(influence))


def pairs_ignored(monkeypatch):
    monkeypatch.setattr(test_exposure, "shared_variance", lambda influence, row, sharer: influence @ influence)


def holdout_ignored(monkeypatch):
    right = effects.read_sharing

    def everyone(*given):
        data = right(*given)
        y, contacted = data.everyone["outcome"].to_numpy(), data.everyone["contacted"].to_numpy()
        ones = np.ones(len(y), np.int64)
        return type(data)(
            y, ones, ones * contacted, None, None, np.zeros((len(y), 0)), data.row, data.sharer, data.one, data.two,
            data.degree, data.without_outcome, data.everyone,
        )  # fmt: skip

    monkeypatch.setattr(effects, "read_sharing", everyone)


def contacted_taken_for_the_coin(monkeypatch):
    month = test_sharing_sample.october()
    asks = month["asks"].with_columns(held_out=pl.col("sent_on").is_null())
    monkeypatch.setattr(test_sharing_sample, "october", lambda: {**month, "asks": asks})


def coins_hang_on_the_plan(monkeypatch):
    def drawn(people, holdout, seed, kind):
        return np.random.default_rng(seed).random(len(people)) < holdout

    monkeypatch.setattr(asks, "_held_out", drawn)


def one_slots_price_for_all(monkeypatch):
    right = b_matching._Auction._bound

    def bound(self, *given):
        slots = self.price
        self.price = np.repeat(slots[:: self.slots], self.slots)
        return right(self, *given) - self.price.sum() + slots.sum()

    monkeypatch.setattr(b_matching._Auction, "_bound", bound)


def bound_of_some_ties(monkeypatch):
    right = b_matching._Auction._bound

    def bound(self, start, friend, value):
        place = np.arange(len(value)) - np.repeat(start[:-1], np.diff(start))
        return right(self, start, friend, np.where(place < self.width - 1, value, 0.0))

    monkeypatch.setattr(b_matching._Auction, "_bound", bound)


def three_slots():
    test_b_matching.test_it_is_near_the_linear_programs_optimum_and_its_bound_is_one(150, 3)


@pytest.mark.parametrize(
    ("mutation", "named"),
    [
        (cluster_ignored, test_sharing_effect.test_errors_know_which_friends_share_a_sharer),
        (pairs_ignored, test_exposure.test_shared_variance_is_the_sum_over_pairs_with_a_common_sharer),
        (holdout_ignored, test_sharing_effect.test_it_is_the_difference_of_means_of_planned_friends),
        pytest.param(
            contacted_taken_for_the_coin,
            test_sharing_sample.test_the_coin_finds_what_was_planted_and_contacted_against_not_does_not,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            coins_hang_on_the_plan,
            test_friend_asks.test_a_friends_coin_holds_out_all_asks_about_the_friend_whatever_is_planned,
            marks=pytest.mark.slow,
        ),
        (one_slots_price_for_all, three_slots),
        (bound_of_some_ties, test_b_matching.test_the_bound_is_over_ties_that_took_no_part_too),
    ],
    ids=lambda value: value.__name__,
)  # fmt: skip
def test_the_named_test_fails(mutation, named, monkeypatch):
    named()
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        named()
