"""Asks of friends: what is planned, what is held out, what was set aside, and the file."""

import csv

import numpy as np
import polars as pl
import pytest

from campaignkit import outreach
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from tests.outreach.network import drawn


def ties(**columns):
    return pl.DataFrame({"sharer": [1, 1, 2, 3], "friend": [8, 9, 8, 8], "gain": [0.05, 0.04, 0.03, 0.01]} | columns)


def asks(table=None, value="gain", **more):
    return outreach.friend_asks(ties() if table is None else table, value, **{"holdout": None, **more})


def test_the_best_asks_and_who_has_nobody_to_ask():
    found = asks(asks_per_sharer=1)
    assert found.table.select("sharer", "friend", "ask", "value", "held_out").rows() == [
        (1, 9, 1, 0.04, False), (2, 8, 1, 0.03, False),
    ]  # fmt: skip
    assert found.nobody_to_ask.rows() == [(3, "others ask all their friends")]
    assert "1 sharer has nobody to ask" in found.summary()
    assert found.optimality > 0.99
    found.chart().to_dict()


def test_a_second_ask_counts_less():
    found = asks(sharers_per_friend=2, second_ask=0.5)
    assert found.table.rows() == [(1, 8, 1, 0.05, False), (1, 9, 1, 0.04, False), (2, 8, 2, 0.015, False)]


def test_strength_multiplies_value():
    found = asks(ties(close=[0.1, 1.0, 1.0, 1.0]), strength="close", asks_per_sharer=1)
    assert found.table["value"].to_list() == [0.04, 0.03]
    with pytest.raises(BadValue, match="below 0"):
        asks(ties(close=[-1.0, 1.0, 1.0, 1.0]), strength="close")


def test_what_does_not_count_is_set_aside_and_counted():
    odd = pl.DataFrame(
        {
            "sharer": [1, 1, 2, 2, 3, 4, None],
            "friend": [None, 8, 2, 8, 9, 9, 9],
            "gain": [1.0, 0.5, 1.0, None, -1.0, 0.2, 1.0],
        }
    )
    again = odd.filter(pl.col("friend") == 8).with_columns(gain=0.7)
    found = asks(pl.concat([odd, again]), sharers_per_friend=2, second_ask=1.0)
    counts = dict(found.set_aside.rows())
    assert counts == {
        "no sharer or friend": 2, "tied to themselves": 1, "value not known": 1, "worth nothing": 1,
        "the same tie again": 1,
    }  # fmt: skip
    assert found.table.filter(pl.col("friend") == 8)["value"].to_list() == [0.7, 0.7]
    assert found.nobody_to_ask["sharer"].to_list() == [3]


def test_ids_of_text_and_numbers_are_the_same_person():
    found = asks(pl.DataFrame({"sharer": [1, 1], "friend": ["1", "8"], "gain": [1.0, 1.0]}))
    assert found.table["friend"].to_list() == ["8"]


def test_a_sharer_of_5000_friends():
    table = pl.DataFrame({"sharer": [0] * 5_000, "friend": range(1, 5_001), "gain": np.linspace(1, 2, 5_000)})
    assert asks(table).table["friend"].to_list() == [5000, 4999, 4998, 4997, 4996]


@pytest.mark.slow
def test_a_friends_coin_holds_out_all_asks_about_the_friend_whatever_is_planned():
    table = drawn()["ties"]
    one = outreach.friend_asks(table, "gain", sharers_per_friend=3, holdout=0.2, seed=5).table
    other = outreach.friend_asks(table, "gain", asks_per_sharer=2, holdout=0.2, seed=5).table
    assert one.group_by("friend").agg(pl.col("held_out").n_unique())["held_out"].max() == 1
    both = one.unique("friend").join(other.unique("friend"), on="friend")
    assert (both["held_out"] == both["held_out_right"]).all()
    assert 0.15 < one["held_out"].mean() < 0.25


def test_a_sharers_coin_holds_out_all_asks_of_the_sharer():
    table = outreach.friend_asks(drawn()["ties"], "gain", holdout=0.3, holdout_by="sharer").table
    assert table.group_by("sharer").agg(pl.col("held_out").n_unique())["held_out"].max() == 1


def test_bad_input_is_refused():
    with pytest.raises(NotEnoughData, match="holds out nobody"):
        asks(holdout=0.001)
    with pytest.raises(NotEnoughData, match="left to ask along"):
        asks(ties(gain=[0.0, -1.0, 0.0, 0.0]))
    with pytest.raises(ColumnNotFound, match="did you mean 'gain'"):
        asks(value="gian")
    with pytest.raises(BadValue, match="infinite"):
        asks(ties(gain=[np.inf, 1.0, 1.0, 1.0]))
    with pytest.raises(BadValue, match="holdout is 1"):
        asks(holdout=1.0)
    with pytest.raises(BadValue, match="rename it"):
        asks(ties(held_out=[1, 2, 3, 4]), placeholders="held_out")
    with pytest.raises(BadValue, match="numbers"):
        asks(ties(gain=["a", "b", "c", "d"]))


def test_the_file_has_what_is_to_be_sent_with_formulas_defused(tmp_path):
    table = ties(name=["=SUM(A1)", "Bo", "@x", "Di"])
    found = asks(table, placeholders="name", asks_per_sharer=2, sharers_per_friend=3)
    path = found.write(tmp_path / "to" / "asks.csv", "{name}, {{friend}}: vote")
    rows = list(csv.DictReader(path.open()))
    assert [row["name"] for row in rows] == ["'=SUM(A1)", "Bo", "'@x", "Di"]
    assert rows[0]["message"] == "'=SUM(A1), {friend}: vote"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ColumnNotFound, match="nmae"):
        found.write(tmp_path / "b.csv", "{nmae}")
    with pytest.raises(BadValue, match="script"):
        found.write(tmp_path / "b.csv", "{name")
    with pytest.raises(BadValue, match="empty in 1 ask"):
        asks(ties(name=[None, "a", "b", "c"]), placeholders="name").write(tmp_path / "b.csv", "{name}")


def test_asks_that_are_held_out_are_not_in_the_file(tmp_path):
    found = outreach.friend_asks(drawn()["ties"], "gain", holdout=0.3)
    sent = pl.read_csv(found.write(tmp_path / "asks.csv"))
    held = found.table.filter("held_out")
    assert sent.height + held.height == found.table.height
    assert not set(sent["friend"]) & set(held["friend"])
