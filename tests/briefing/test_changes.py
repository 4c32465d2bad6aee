"""changes: what is planted is named, what is not is not; no part of the error can be left out."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import campaignkit as ck
from campaignkit.errors import NotEnoughData
from campaignkit.stats.survey import fresh_night
from campaignkit.stats.survey.fresh_night import foretell, surprise, unlike_counts, unlike_mix

BY = ["sex", "race", "region"]


@pytest.fixture(scope="module")
def drawn() -> pl.DataFrame:
    return ck.sample.draw("polls", 45_000, seed=3, days=15, event=None, panel=0)["interviews"]


def look(rows: pl.DataFrame, **options):
    return ck.briefing.changes(rows, "supports", BY, "asked_on", stream="stream", **options)


def last(rows: pl.DataFrame) -> pl.Series:
    return rows["asked_on"] == rows["asked_on"].max()


def test_a_quiet_night_is_chance_and_says_what_it_could_have_seen(drawn):
    night = look(drawn)
    assert night.cause == "chance"
    assert 0.03 < night.detectable < 0.12
    assert "nothing moved beyond chance" in night.summary()
    assert night.chart().to_dict()["description"] == night.summary()


def test_a_move_of_women_is_named_with_its_size(drawn):
    turned = last(drawn) & (drawn["sex"] == "F") & pl.Series(np.random.default_rng(1).random(drawn.height) < 0.18)
    night = look(drawn.with_columns(supports=pl.col("supports") | turned))
    assert (night.cause, night.named) == ("move", ("sex F",))
    row = night.table.filter(kind="move", level="F").row(0, named=True)
    assert row["lower"] < 0.08 < row["upper"]


def test_another_mix_is_no_change_of_opinion(drawn):
    online = last(drawn) & (drawn["stream"] == "online")
    few = drawn.filter(~online | (drawn["region"] == "Northeast") | (pl.int_range(pl.len()) % 3 == 0))
    again = drawn.filter(online & (drawn["region"] == "Northeast"))
    night = look(pl.concat([few, again]))
    assert (night.cause, night.named) == ("mix", ("online",))


@pytest.mark.parametrize("kind", ["cut", "swapped", "missing"])
def test_a_bad_export_is_named(drawn, kind):
    online = last(drawn) & (drawn["stream"] == "online")
    rows = {
        "cut": drawn.filter(~online | (pl.int_range(pl.len()) % 10 == 0)),
        "swapped": drawn.with_columns(supports=pl.col("supports") ^ online),
        "missing": drawn.with_columns(
            supports=pl.when(online & (pl.int_range(pl.len()) % 2 == 0)).then(None).otherwise("supports")
        ),
    }[kind]
    night = look(rows)
    assert (night.cause, night.named) == ("export", ("online",))


def test_since_takes_several_days_as_one_night(drawn):
    day = drawn["asked_on"].max() - dt.timedelta(days=3)
    night = look(drawn, since=day)
    assert (night.latest[1] - night.latest[0]).days == 2
    assert night.interviews == drawn.filter(pl.col("asked_on") > day).height


def test_too_few_nights_are_said(drawn):
    with pytest.raises(NotEnoughData, match="at least 6 before"):
        look(drawn.filter(pl.col("asked_on") < drawn["asked_on"].min() + dt.timedelta(days=4)))


def nights(seed: int, spread: float) -> fresh_night.Surprise:
    """Return what 15 nights of 400 interviews show whose shares scatter by `spread` beyond chance."""
    rng = np.random.default_rng(seed)
    n = np.full(15, 400.0)
    k = rng.binomial(400, np.clip(0.5 + rng.normal(0, spread, 15), 0, 1)).astype(float)
    told = foretell(np.ones((15, 1)), n, k, np.arange(15))
    return surprise(told, [np.full((1, 1), 1 / 400) for _ in told])


def test_the_error_holds_how_much_nights_differ_beyond_sampling():
    """A variance of sampling alone would call half of such nights unlike the others."""
    p = np.array([nights(seed, 0.06).p_value[0] for seed in range(150)])
    assert (p < 0.05).mean() < 0.12


def test_the_error_holds_what_the_forecast_does_not_know():
    told = foretell(np.ones((4, 1)), np.full(4, 100.0), np.full(4, 50.0), np.arange(4))
    sure = [replace(night, covariance=0 * night.covariance) for night in told]
    weights = [np.full((1, 1), 0.01) for _ in told]
    ratio = surprise(told, weights).std_error[0] / surprise(sure, weights).std_error[0]
    assert ratio == pytest.approx(np.sqrt(4 / 3), rel=0.01)


def test_the_latest_night_has_no_part_in_what_foretells_it():
    k = np.array([50.0, 52, 48, 51, 49, 90])
    told = foretell(np.ones((6, 1)), np.full(6, 100.0), k, np.arange(6))
    assert told[-1].p[0] == pytest.approx(0.5, abs=0.01)
    assert told[0].p[0] == pytest.approx(0.5, abs=0.01)


def test_counts_follow_their_line_and_mixes_their_usual_scatter():
    falling = np.exp(np.linspace(6, 5, 15))[None]
    assert unlike_counts(falling)[0] > 0.5
    rng = np.random.default_rng(4)
    p = []
    for _ in range(200):
        shares = rng.dirichlet([40, 40, 20], 15)  # nights scatter by far more than a multinomial's
        p.append(unlike_mix(np.array([rng.multinomial(500, each) for each in shares]).T))
    assert np.mean(np.array(p) < 0.01) < 0.06
