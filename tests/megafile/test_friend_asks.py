"""Asks that the app logged and ballots that came back, from their files to what the asks did; with all that is odd."""

import datetime as dt

import pytest

from campaignkit import Megafile, outreach
from campaignkit.errors import NotEnoughData
from tests.megafile.test_ties import FILES, tie

ASKS = """ask_id,supporter_id,friend_id,purpose,planned_on,held_out,sent_on,clicked_on"""
BALLOTS = """van_id,state,election_date,method,returned_on"""

MEASURED = """
    SELECT s.person_id AS sharer, a.person_id AS friend, a.held_out, a.sent_on, a.clicked_on FROM friend_ask a
    LEFT JOIN source_record s ON s.source = 'supporter' AND s.record_key = a.supporter_id"""
OUTCOME = """
    SELECT person_id AS friend, person_id IN (SELECT person_id FROM early_vote) AS voted_early FROM person
    WHERE state_voter_id IS NOT NULL"""


def ask(number: int, friend: int, held_out: str, sent: str = "", clicked: str = "", sharer: int = 0) -> str:
    return f"A{number},S{sharer},F{friend},vote early,2012-10-01,{held_out},{sent},{clicked}"


def built(folder, asks, ballots=("1,OH,2012-11-06,mail,2012-10-09",), as_of="20121031"):
    (folder / "in").mkdir()
    files = {name: FILES[name] for name in ("supporters", "van_voters")}
    files["app_friends"] = [FILES["app_friends"][0], *(tie(0, friend) for friend in range(6)), tie(0, 9, "No Body")]
    for name, lines in {**files, "friend_asks": [ASKS, *asks], "early_votes": [BALLOTS, *ballots]}.items():
        (folder / "in" / f"{name}_{as_of}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Megafile.build(folder / "in", folder / "m.duckdb", model=False, progress=False)


def test_an_ask_is_the_friends_and_says_what_became_of_it(tmp_path):
    asks = [ask(1, 1, "no", "2012-10-02", "2012-10-03"), ask(2, 2, "yes"), ask(3, 4, "maybe", "10/02/2012")]
    with built(tmp_path, asks) as mf:
        rows = mf.sql("SELECT p.first_name, a.* FROM friend_ask a JOIN person p USING (person_id) ORDER BY 1")
        assert rows["first_name"].to_list() == ["Bea", "Cal", "Eve"]
        assert rows["held_out"].to_list() == [False, True, None]
        assert rows["sent_on"].to_list() == [dt.date(2012, 10, 2), None, None]
        assert rows["clicked_on"].to_list() == [dt.date(2012, 10, 3), None, None]
        assert set(rows["supporter_id"]) == {"S0"}
        unread = mf.not_understood.filter(file="friend_asks_20121031.csv")
        assert {"held_out", "sent_on"} <= set(unread["column"])


def test_who_voted_early_is_a_predicate_as_of_a_day(tmp_path):
    ballots = [
        "1,OH,2012-11-06,mail,2012-10-09",
        "2,OH,2012-11-06,in person,2012-10-30",
        "3,OH,2010-11-02,mail,2010-10-20",
    ]
    with built(tmp_path, [ask(1, 1, "no")], ballots) as mf:
        assert sorted(mf.universe("voted_early").people("first_name")["first_name"]) == ["Bea", "Cal"]
        assert mf.universe("voted_early", as_of="2012-10-10").count() == 1
        assert mf.universe("voter and not voted_early").count() == 4
        assert {
            row[1]
            for row in mf.ties(mf.universe("voter and not voted_early")).table.select("sharer_key", "friend_key").rows()
        } == {"F3", "F4", "F5"}
        assert mf.facts.filter(name="voted_early").height == 1


def test_odd_asks_change_nothing_or_are_counted(tmp_path):
    """A friend nobody has on file, an ask about oneself, one that comes twice, and one of nobody's."""
    right = [ask(1, 1, "no", "2012-10-02"), ask(2, 2, "yes"), ask(3, 3, "no"), ask(4, 4, "yes"), ask(5, 5, "no")]
    odd = [ask(6, 9, "no", "2012-10-02"), ask(7, 0, "yes"), ask(1, 1, "no", "2012-10-02"), ask(8, 77, "no")]
    with built(tmp_path, [*right, *odd]) as mf:
        asks = mf.sql(MEASURED)
        assert asks.height == 8  # what comes twice counts once
        assert asks["friend"].null_count() == 1  # a friend of no friend list
        known = asks.drop_nulls(["sharer", "friend"])
        found = outreach.sharing_effect(known, mf.sql(OUTCOME), "voted_early")
        assert found.without_outcome == 1  # F9 is on no voter file
        assert found.row()["n"] + found.row()["n_control"] == 6
        assert found.row()["estimate"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("held_out", "message"), [("no", "No ask was held out"), ("yes", "Every ask was held out")])
def test_without_a_holdout_or_with_nothing_else_there_is_nothing_to_compare(tmp_path, held_out, message):
    with (
        built(tmp_path, [ask(friend, friend, held_out) for friend in range(1, 6)]) as mf,
        pytest.raises(NotEnoughData, match=message),
    ):
        outreach.sharing_effect(mf.sql(MEASURED), mf.sql(OUTCOME), "voted_early")
