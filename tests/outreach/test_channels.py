"""Channels: the one that stands out is found, with an honest band."""

import numpy as np
import polars as pl
import pytest

from campaignkit import outreach
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData

NAMES = [f"c{at}" for at in range(6)]


def survey(seed=0, n=4000, liked=1.8, share=0.25):
    rng = np.random.default_rng(seed)
    target = rng.random(n) < share
    base = np.array([0.1, 0.5, 0.3, 0.2, 0.4, 0.15])
    more = np.ones(6)
    more[0] = liked
    among = base * more
    rest = (base - share * among) / (1 - share)
    uses = rng.random((n, 6)) < np.where(target[:, None], among, rest)
    table = pl.DataFrame(uses, schema=NAMES)
    return table.with_columns(target=pl.Series(target), weight=pl.Series(rng.lognormal(0, 0.4, n)))


def test_the_channel_that_stands_out_is_declared_and_covered():
    found = outreach.channels(survey(), "target", NAMES, weight="weight").table
    top = found.row(0, named=True)
    assert (top["channel"], top["declared"]) == ("c0", "more")
    assert top["lower"] < 180 < top["upper"]
    assert found.filter(pl.col("channel") != "c0")["declared"].null_count() == 5
    assert top["shrunk"] < top["index"]


def test_weights_are_part_of_the_error():
    heavy = survey().with_columns(weight=pl.when(pl.int_range(pl.len()) % 10 == 0).then(20.0).otherwise(1.0))
    plain = outreach.channels(survey(), "target", NAMES).table.filter(channel="c1").row(0, named=True)
    wide = outreach.channels(heavy, "target", NAMES, weight="weight").table.filter(channel="c1").row(0, named=True)
    assert np.log(wide["upper"] / wide["lower"]) > 1.7 * np.log(plain["upper"] / plain["lower"])


def test_nobody_is_counted_twice_together():
    table = survey()
    found = outreach.channels(table, "target", NAMES, weight="weight")
    wanted = table.filter("target")
    by_hand = wanted.filter(pl.any_horizontal(NAMES))["weight"].sum()
    last = found.together.row(-1, named=True)
    assert last["reached"] == pytest.approx(by_hand)
    assert found.together["added"].is_sorted(descending=True)
    assert found.together["channel"][0] == "c1"


def test_a_channel_that_no_target_uses_has_no_band():
    table = survey().with_columns(c5=pl.col("c5") & ~pl.col("target"))
    row = outreach.channels(table, "target", NAMES).table.filter(channel="c5").row(0, named=True)
    assert (row["index"], row["lower"], row["declared"]) == (0.0, None, None)


def test_who_did_not_answer_is_counted():
    table = survey().with_columns(c2=pl.when(pl.int_range(pl.len()) >= 7).then(pl.col("c2")))
    found = outreach.channels(table, "target", ["c1", "c2"])
    assert found.set_aside == 7
    assert "set aside" in found.summary()


def test_it_is_drawn():
    found = outreach.channels(survey(), "target", NAMES)
    assert found.chart().to_dict()["description"] == found.summary()


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"channels": []}, BadValue, "channels is empty"),
        ({"channels": ["c9"]}, ColumnNotFound, "c9"),
        ({"target": "c0"}, BadValue, "plays one part"),
        ({"channels": ["weight"]}, BadValue, "yes and no"),
        ({"weight": "nothing"}, ColumnNotFound, "nothing"),
        ({"confidence_level": 1.0}, BadValue, "confidence_level"),
    ],
)
def test_bad_input_is_refused(changed, error, says):
    with pytest.raises(error, match=says):
        outreach.channels(**{"usage": survey(), "target": "target", "channels": NAMES, **changed})


def test_a_target_of_nobody_or_everybody_is_refused():
    for value in (False, True):
        with pytest.raises(NotEnoughData, match="respondent is in the target"):
            outreach.channels(survey().with_columns(target=pl.lit(value)), "target", NAMES)
