"""The poll streams: what was planted comes out, and what was not does not."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from campaignkit import sample
from campaignkit.errors import BadValue

EVENT = dt.date(2012, 10, 4)


def everyone(drawn: sample.Drawn) -> np.ndarray:
    return drawn["groups"].filter(variable="all").sort("asked_on")["supports"].to_numpy()


def test_the_swing_is_what_was_asked_for_and_ours_stay():
    drawn = sample.draw("polls", 2_000, seed=1, swing=-0.04, walk=0.0)
    path = everyone(drawn)
    assert path[15] - path[14] == pytest.approx(-0.04, abs=1e-6)
    ours = drawn["groups"].filter(variable="past_vote", level="D").sort("asked_on")["supports"].to_numpy()
    assert abs(ours[15] - ours[14]) < 0.01
    changed = drawn.truth["panel"]
    assert changed["after"].mean() - changed["before"].mean() == pytest.approx(-0.04 / 0.94, abs=0.012)


def test_movers_move_and_nobody_else():
    drawn = sample.draw("polls", 1_000, seed=3, movers=1, event=None, walk=0.0)
    mover = drawn["moved"].filter(pl.col("points") != 0).row(0, named=True)
    path = drawn["groups"].filter(variable=mover["variable"], level=mover["level"]).sort("asked_on")["supports"]
    assert path[-1] - path[0] == pytest.approx(mover["points"], abs=1e-4)
    assert "panel" not in drawn.tables


@pytest.mark.parametrize(("answering", "least"), [("party", 0.02), ("choice", 0.04)])
def test_who_answers_makes_a_swing_that_is_none(answering, least):
    drawn = sample.draw("polls", 40_000, seed=4, answering=answering, walk=0.0)
    assert np.ptp(everyone(drawn)) < 1e-9
    seen = drawn["interviews"].group_by(pl.col("asked_on") >= EVENT).agg(pl.col("supports").mean()).sort("asked_on")
    assert seen["supports"][1] - seen["supports"][0] < -least


def test_streams_lean_by_their_house_effects():
    apart = [sample.draw("polls", 100_000, seed=5, walk=0.0, event=None, house=house) for house in (0.0, 0.5)]
    seen = [one["interviews"].group_by("stream").agg(pl.col("supports").mean()).sort("stream") for one in apart]
    lean = seen[1]["supports"] - seen[0]["supports"]
    assert np.corrcoef(lean, apart[1]["houses"].sort("stream")["effect"])[0, 1] > 0.98


def test_reports_follow_who_answered_when():
    panel = sample.draw("polls", 1_000, seed=6)["panel"]
    assert panel["after_1"].is_not_null().mean() == pytest.approx(0.62, abs=0.03)
    assert panel.filter(pl.col("after_2").is_not_null() & pl.col("after_1").is_null()).is_empty()
    assert panel.filter(pl.col("after_1_on") < EVENT).is_empty()
    assert panel.filter(pl.col("before_2_on") >= EVENT).is_empty()


def test_the_same_seed_draws_the_same():
    first, second = (sample.draw("polls", 1_000, seed=7, movers=2) for _ in range(2))
    assert all(first[name].equals(second[name]) for name in [*first.tables, *first.truth])


@pytest.mark.parametrize("options", [{"event": 40}, {"days": 0}, {"answering": "loud"}, {"misreport": 0.7}])
def test_bad_options_are_refused(options):
    with pytest.raises(BadValue):
        sample.draw("polls", 1_000, **options)
