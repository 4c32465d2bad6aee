"""The sample's October, from the megafile alone: the coin finds what was planted, and nobody who refused was asked about."""

from functools import lru_cache

import polars as pl
import pytest

import campaignkit as ck

pytestmark = pytest.mark.slow  # the megafile of the second drop is a refresh of the first's
DROP = "2012-10-31"
MESSAGE, ASKED, CIRCLE = "delivered", "asked about", "all of their friends asked about, against none"


@lru_cache
def october() -> dict[str, pl.DataFrame]:
    mf = ck.sample.megafile(drop=DROP)
    asks = mf.sql("""
        SELECT s.person_id AS sharer, a.person_id AS friend, a.held_out, a.sent_on, a.clicked_on FROM friend_ask a
        JOIN source_record s ON s.source = 'supporter' AND s.record_key = a.supporter_id""")
    friends = mf.sql("""
        SELECT p.person_id AS friend, p.person_id IN (SELECT person_id FROM early_vote) AS voted_early,
               p.person_id IN (SELECT person_id FROM friend_ask WHERE sent_on IS NOT NULL) AS messaged,
               p.person_id IN (SELECT person_id FROM friend_ask WHERE clicked_on IS NOT NULL) AS clicked
        FROM person p WHERE state_voter_id IS NOT NULL AND person_id IN (SELECT person_id FROM social_tie)""")
    pairs = mf.sql("""
        SELECT DISTINCT a.person_id AS sharer, b.person_id AS friend
        FROM social_tie a JOIN social_tie b USING (supporter_id) WHERE a.person_id < b.person_id""")
    truth = pl.read_parquet(ck.sample.exports_folder(drop=DROP) / "truth" / "friend_asks.parquet")
    return {"asks": asks, "friends": friends, "pairs": pairs, "truth": truth}


def measured() -> ck.outreach.SharingEffect:
    month = october()
    return ck.outreach.sharing_effect(
        month["asks"], month["friends"], "voted_early", ties=month["pairs"], delivered="messaged", acted="clicked"
    )


def test_the_coin_finds_what_was_planted_and_contacted_against_not_does_not():
    found, truth = measured(), october()["truth"]
    planted = {
        ASKED: (truth["direct"] * truth["p_sent"]).mean(), MESSAGE: truth["direct"].mean(),
        CIRCLE: (truth["spilled"] * truth["p_sent"]).mean(),
    }  # fmt: skip
    for quantity, value in planted.items():
        row = found.row(quantity)
        assert row["lower"] < value < row["upper"], quantity
    assert found.row(ASKED)["lower"] > 0
    assert found.row("contacted against not")["lower"] > planted[MESSAGE]
    assert found.response_rate == pytest.approx(0.2, abs=0.03)


def test_nine_in_ten_friends_of_the_asks_are_found_on_a_voter_file_on_both_sides_of_the_coin():
    month = october()
    found = month["asks"].group_by("held_out").agg(pl.col("friend").is_in(month["friends"]["friend"].implode()).mean())
    assert found["friend"].min() > 0.9
    assert found["friend"].max() - found["friend"].min() < 0.03


def test_who_is_suppressed_and_in_the_asks_has_somebody_elses_refusal_by_a_wrong_link():
    mf, truth = (
        ck.sample.megafile(drop=DROP),
        pl.read_parquet(ck.sample.exports_folder() / "truth" / "identity.parquet"),
    )
    said_no = mf.universe(" or ".join(f"suppressed('{channel}')" for channel in ("phone", "text", "door", "email")))
    wrong = october()["asks"].join(said_no.people("person_id").rename({"person_id": "friend"}), on="friend", how="semi")
    assert wrong.height <= 5
    said = mf.sql("SELECT DISTINCT s.person_id AS friend, r.person_source AS source, r.person_key AS record_key "
                  "FROM suppression s JOIN record r USING (record_id)").join(wrong, on="friend", how="semi")  # fmt: skip
    whose = said.join(truth, on=["source", "record_key"]).select("friend", said_by="person")
    asked = mf.sql("SELECT a.person_id AS friend, r.person_source AS source, r.person_key AS record_key "
                   "FROM friend_ask a JOIN record r USING (record_id)").join(truth, on=["source", "record_key"])  # fmt: skip
    both = whose.join(asked, on="friend")
    assert set(both["friend"]) == set(wrong["friend"])
    assert not both.filter(pl.col("said_by") == pl.col("person")).height


def test_no_suppressed_friend_is_in_the_last_weeks_asks():
    mf = ck.sample.megafile(drop=DROP)
    ties = mf.ties(mf.universe("voter and not voted_early"))
    asks = ck.outreach.friend_asks(ties.table.with_columns(gain=0.01), "gain", strength="strength", holdout=0.5).table
    closed = mf.universe(
        " or ".join(f"suppressed('{channel}')" for channel in ("phone", "text", "door", "mail", "email"))
    )
    assert not set(asks["friend"]) & set(closed.people("person_id")["person_id"])
    assert not set(asks["friend"]) & set(mf.sql("SELECT person_id FROM early_vote")["person_id"])
    assert asks.height > 1_000
