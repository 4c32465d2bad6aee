"""October's asks and early votes of the sample: what was planted comes out, and nobody who refused is in them."""

import numpy as np
import polars as pl
import pytest

from campaignkit.sample import early_votes, world
from campaignkit.sample.early_votes import DIRECT, FIRST, LAST, SPILLED

SEED, PEOPLE, DRAWS = 5, 30_000, 12


@pytest.fixture(scope="module")
def tables():
    return world.batch(SEED, 0, 0, PEOPLE)[0]


@pytest.fixture(scope="module")
def months(tables):
    """Return October again and again, by other random numbers: chance hides little of what was planted."""
    return [early_votes.october(lambda part, seed=seed: world.stream(seed, 0, part), tables) for seed in range(DRAWS)]


def joined(month):
    """Return the asks with their truth and whether the friend voted early."""
    early = month["early_votes"]["person"].implode()
    asks = month["asks"].select("person", "sent", "clicked_on", "sent_on", "planned_on")
    return month["truth"].join(asks, on="person").with_columns(early=pl.col("person").is_in(early))


def test_each_friend_is_asked_about_once_and_what_is_held_out_is_not_passed_on(months):
    asks = months[0]["asks"]
    assert asks["person"].is_unique().all()
    assert 0.3 < asks["held_out"].mean() < 0.7
    assert asks.filter("held_out")["sent_on"].null_count() == asks.filter("held_out").height
    assert asks.filter(pl.col("clicked_on").is_not_null())["sent_on"].null_count() == 0
    assert (asks.drop_nulls("clicked_on")["clicked_on"] >= asks.drop_nulls("clicked_on")["sent_on"]).all()


def test_ballots_come_back_within_october_and_after_the_ask(months):
    early = months[0]["early_votes"]
    assert early["person"].is_unique().all()
    assert FIRST <= early["returned_on"].min() <= early["returned_on"].max() <= LAST
    asked = early.join(months[0]["asks"], on="person").with_columns(pl.col("sent_on").fill_null(pl.col("planned_on")))
    assert (asked["returned_on"] > asked["sent_on"]).all()


def test_nobody_who_refused_and_nobody_of_theirs_is_at_either_end(tables, months):
    people, no = tables["people"], ["Refused", "Moved", "Deceased", "Do Not Call", "Wrong Number", "Disconnected"]
    refused = pl.concat([
        tables["winback"]["person"], tables["email_events"].filter(pl.col("event") == "unsubscribe")["person"],
        tables["text_optins"].filter(answer="no")["person"], people.filter("confidential")["person"],
        *(tables[name].filter(pl.col("result").is_in(no))["person"] for name in ("doors", "scripts")),
    ])  # fmt: skip
    phones = people.filter(pl.col("person").is_in(refused.implode()))["phone"]
    theirs = people.filter(pl.col("phone").is_in(phones.implode()))["person"]
    closed = set(refused) | set(theirs)
    assert len(closed) > 1_000
    for month in months:
        assert not closed & (set(month["asks"]["person"]) | set(month["asks"]["supporter"]))


def test_being_asked_about_adds_what_was_planted_and_the_naive_comparison_says_more(months):
    effects, naive = [], []
    for month in months:
        rows = joined(month)
        rates = dict(rows.group_by("held_out").agg(pl.col("early").mean()).iter_rows())
        effects.append(rates[False] - rates[True] - (rows["direct"] * rows["p_sent"]).mean())
        by_sent = dict(rows.group_by("sent").agg(pl.col("early").mean()).iter_rows())
        naive.append(by_sent[True] - by_sent[False])
    assert abs(np.mean(effects)) < 3 * np.std(effects) / np.sqrt(DRAWS)
    assert np.mean(naive) > DIRECT + 0.02


def test_the_circles_messages_add_what_was_planted(months):
    """Early votes beyond those alone, on who got a message and on the share of the circle that did."""
    rows = pl.concat([joined(month) for month in months])
    beyond = (rows["early"].cast(pl.Float64) - rows["p_alone"]).to_numpy()
    x = np.column_stack([rows["sent"].cast(pl.Float64).to_numpy(), rows["heard"].to_numpy()])
    message, circle = np.linalg.lstsq(x, beyond, rcond=None)[0]
    assert message == pytest.approx(DIRECT, abs=0.015)
    assert circle == pytest.approx(SPILLED, abs=0.03)


def test_friends_of_one_user_are_alike_and_those_who_click_would_vote_early_anyway(months):
    rows = pl.concat([joined(month).with_columns(month=pl.lit(at)) for at, month in enumerate(months)])
    rows = rows.with_columns(keen=pl.col("p_alone") > 0.15)
    others = (pl.col("keen").sum().over("month", "supporter") - pl.col("keen")) / (
        pl.len().over("month", "supporter") - 1
    )
    pairs = rows.with_columns(others=others).filter(pl.col("others").is_finite())
    assert pairs.select(pl.corr("keen", "others")).item() > 0.15
    clicked = pl.col("clicked_on").is_not_null()
    sent = rows.filter("sent")
    assert sent.filter(clicked)["p_alone"].mean() > sent.filter(~clicked)["p_alone"].mean() + 0.02
    assert 0.1 < sent.select(clicked.mean()).item() < 0.5


def test_a_campaign_with_nobody_to_ask_draws_no_asks(tables):
    nobody = {**tables, "friends": tables["friends"].clear()}
    month = early_votes.october(lambda part: world.stream(1, 0, part), nobody)
    assert month["asks"].height == month["truth"].height == 0
    assert month["early_votes"].height > 100


def test_ties_are_stronger_between_those_of_one_age_and_one_in_twelve_is_hidden(tables):
    ages = dict(tables["people"].select("person", "age").iter_rows())
    ties = tables["friends"].with_columns(
        gap=pl.Series([abs(ages[a] - ages[b]) for a, b in tables["friends"].select("person", "supporter").iter_rows()])
    )
    assert ties["strength"].null_count() / ties.height == pytest.approx(1 / 12, abs=0.02)
    assert ties["strength"].drop_nulls().is_between(0, 1).all()
    assert ties.drop_nulls("strength").select(pl.corr("gap", "strength")).item() < -0.3
