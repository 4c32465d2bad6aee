"""What friends' asks did: by the coin, with the errors of its design, and beside what not to believe."""

import numpy as np
import polars as pl
import pytest

from campaignkit import outreach
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from tests.outreach.network import drawn, effect, moved_by_sharer


def test_the_coin_of_a_friend_finds_what_was_planted_and_the_naive_comparison_does_not():
    world = drawn(holdout=0.5, direct=0.07, asks_per_sharer=3)
    found = effect(world, acted="acted")
    row, naive = found.row(), found.row("contacted against not")
    assert row["lower"] < 0.07 < row["upper"]
    assert naive["lower"] > 0.07
    assert not naive["causal"]
    assert "a response rate, not an effect" in found.summary()
    assert "do not believe it" in found.summary()
    found.chart().to_dict()


def test_it_is_the_difference_of_means_of_planned_friends():
    world = drawn(holdout=0.5, direct=0.07, asks_per_sharer=3)
    planned = world["asks"].unique("friend").join(world["friends"], on="friend")
    rates = dict(planned.group_by("held_out").agg(pl.col("voted").mean()).rows())
    assert effect(world).row()["estimate"] == pytest.approx(rates[False] - rates[True])


def test_a_message_that_crosses_over_is_divided_by_whom_it_reached():
    world = drawn(holdout=0.5, direct=0.3, delivered=0.7, leaked=0.1)
    found = effect(world, delivered="delivered")
    assert found.row("delivered")["lower"] < 0.3 < found.row("delivered")["upper"]
    assert found.row()["upper"] < 0.3


def test_who_opens_a_message_would_vote_more_anyway():
    world = drawn(holdout=0.5, direct=0.07, delivered=1 / 3, popular=0.5, asks_per_sharer=3)
    opened = (
        world["friends"].filter("delivered").height / world["asks"].filter(~pl.col("held_out"))["friend"].n_unique()
    )
    assert 0.25 < opened < 0.45
    found = effect(world, delivered="delivered")
    assert found.row("contacted against not")["lower"] > 0.1
    assert found.row("delivered")["lower"] < 0.07 < found.row("delivered")["upper"]


def test_covariates_narrow_the_interval():
    world = drawn(holdout=0.5, direct=0.07, asks_per_sharer=3)
    friends = world["friends"].join(world.truth["person"], on="friend")
    known = outreach.sharing_effect(world["asks"], friends, "voted", covariates="chance_alone").row()
    assert known["std_error"] < 0.99 * effect(world).row()["std_error"]


def test_errors_know_which_friends_share_a_sharer():
    row = effect(moved_by_sharer(), design="sharer", holdout=0.5).row()
    independent = 0.5 * (1 / row["n"] + 1 / row["n_control"]) ** 0.5
    assert row["std_error"] > 1.8 * independent


def test_what_spills_over_is_said_where_ties_are_given():
    world = drawn(holdout=0.5, direct=0.0, spilled=0.5)
    row = effect(world, ties=world["ties"]).row("all of their friends asked about, against none")
    assert row["lower"] < 0.5 < row["upper"]


def test_by_how_many_sharers():
    world = drawn(holdout=0.3, sharers_per_friend=2)
    found = effect(world)
    assert found.table["quantity"].to_list()[:3] == [
        "asked about", "asked about by 1 sharer", "asked about by 2 sharers"
    ]  # fmt: skip
    assert found.exposures["friends"].sum() == found.row()["n"] + found.row()["n_control"]


def test_friends_of_whom_nothing_is_known_are_counted():
    world = drawn()
    some = world["asks"]["friend"].unique().sort()[:7]
    friends = world["friends"].filter(~pl.col("friend").is_in(some.implode()))
    found = outreach.sharing_effect(world["asks"], friends, "voted")
    assert found.without_outcome == 7
    assert "7 friends without an outcome" in found.summary()


def test_what_breaks_the_design_is_refused():
    world = drawn()
    asks, friends = world["asks"], world["friends"]
    with pytest.raises(NotEnoughData, match="No ask was held out"):
        outreach.sharing_effect(asks.with_columns(held_out=False), friends, "voted")
    with pytest.raises(NotEnoughData, match="Every ask was held out"):
        outreach.sharing_effect(asks.with_columns(held_out=True), friends, "voted")
    with pytest.raises(BadValue, match="Say design='friend'"):
        outreach.sharing_effect(asks, friends, "voted", design="sharer", holdout=0.1)
    with pytest.raises(BadValue, match="one row per friend"):
        outreach.sharing_effect(asks, pl.concat([friends, friends[:3]]), "voted")
    with pytest.raises(ColumnNotFound, match="voted"):
        outreach.sharing_effect(asks, friends, "votd")
    with pytest.raises(NotEnoughData, match="check the ids"):
        outreach.sharing_effect(asks, friends.with_columns(pl.col("friend") + 10**9), "voted")
    with pytest.raises(BadValue, match="what share of sharers"):
        effect(moved_by_sharer(), design="sharer")


def test_asks_say_their_own_design():
    table = drawn()["ties"]
    asks = outreach.friend_asks(table, "gain", holdout=0.3, holdout_by="sharer")
    found = outreach.sharing_effect(asks, drawn()["friends"], "voted")
    assert (found.design, found.holdout) == ("sharer", 0.3)


def test_ties_and_asks_that_come_twice_and_ties_to_oneself_change_nothing():
    world = drawn(holdout=0.5)
    asks, ties = world["asks"], world["ties"].select("sharer", "friend")
    own = ties.head(500).with_columns(friend=pl.col("sharer"))
    once, again = (
        effect(world, ties=ties),
        outreach.sharing_effect(
            pl.concat([asks, asks.head(200)]), world["friends"], "voted", ties=pl.concat([ties, ties.head(500), own])
        ),
    )
    for quantity in once.table["quantity"]:
        assert again.row(quantity)["estimate"] == pytest.approx(once.row(quantity)["estimate"])
        assert again.row(quantity)["n"] == once.row(quantity)["n"]


def test_where_everybody_was_asked_there_is_nothing_to_compare():
    asks = outreach.friend_asks(drawn()["ties"], "gain", holdout=None)
    assert "cannot be measured" in asks.summary()
    with pytest.raises(NotEnoughData, match="No ask was held out"):
        outreach.sharing_effect(asks, drawn()["friends"], "voted")


@pytest.mark.parametrize("wrong", [0.2, 0.5])
def test_wrong_links_take_their_share_of_the_effect(wrong):
    world = drawn(holdout=0.5, direct=0.4)
    planned = world["asks"]["friend"].unique().sort()
    friends, rng = world["friends"].filter(pl.col("friend").is_in(planned.implode())), np.random.default_rng(5)
    voted = friends["voted"].to_numpy().copy()
    mixed = rng.permutation(len(voted))[: round(wrong * len(voted))]  # who is taken for somebody else
    voted[mixed] = voted[rng.permutation(mixed)]
    whole = outreach.sharing_effect(world["asks"], friends, "voted").row()
    diluted = outreach.sharing_effect(world["asks"], friends.with_columns(voted=voted), "voted").row()
    assert diluted["estimate"] == pytest.approx((1 - wrong) * whole["estimate"], abs=2 * whole["std_error"])
    assert diluted["estimate"] < whole["estimate"] - 2 * whole["std_error"]
