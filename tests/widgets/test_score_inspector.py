"""The inspector's numbers are the score's own."""

from __future__ import annotations

import polars as pl
import pytest

import campaignkit as ck
from campaignkit.voters import Bands, Spline


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    table = ck.sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
    gap = pl.when(pl.col("person") % 7 == 0).then(None).otherwise(pl.col("region"))
    return table.with_columns(region=gap, years=pl.col("age").cast(pl.Float64))


@pytest.fixture(scope="module")
def score(people: pl.DataFrame):
    features = ["region", "sex", "homeowner", Bands("age", [30, 50]), Spline("years", grid=5)]
    return ck.voters.fit_score(people, "entered", features, name="enters", purpose="volunteer", unit="person", ridge=1)


def test_calling_deeper_says_the_gains_own_numbers(score) -> None:
    look = ck.widgets.ScoreInspector(score)
    for at, row in enumerate(score.gains().table.head(6).iter_rows(named=True)):
        look.depth.value = at
        assert look.readout.headline == f"Calling {row['called_share']:.0%} reaches {row['reached_share']:.0%}"
        assert look.chart.params.step == at
    assert look.readout.error == ""


def test_a_profile_gets_the_score_of_such_a_person(score, people: pl.DataFrame) -> None:
    look = ck.widgets.ScoreInspector(score)
    look.profile["region"].value = None
    look.profile["age"].value = 30.0
    look.profile["years"].value = 45.0
    look.profile["homeowner"].value = True
    row = people.head(1).select(
        region=pl.lit(None, pl.String), sex=pl.lit(look.profile["sex"].value), homeowner=pl.lit(True),
        age=pl.lit(34.0), years=pl.lit(46.9),
    )  # fmt: skip
    assert look.chance == pytest.approx(score.predict(row).collect()["enters"][0], abs=1e-12)
    assert look._what_if.headline == f"{look.chance:.1%}"


def test_every_feature_can_be_varied(score) -> None:
    look = ck.widgets.ScoreInspector(score)
    for name, control in look.profile.items():
        look.vary.value = name
        assert look.readout.error == ""
        assert len(look.profile_chart.params.chances) == len(control.options)
        assert look.profile_chart.params.chances[int(look.profile_chart.params.now)] == pytest.approx(look.chance)


def test_a_loaded_score_must_first_be_judged(score, people: pl.DataFrame, tmp_path) -> None:
    loaded = ck.voters.Score.load(score.save_model(tmp_path / "score.json"))
    with pytest.raises(ck.errors.BadValue, match="judge"):
        ck.widgets.ScoreInspector(loaded)
    assert ck.widgets.ScoreInspector(loaded.judge(people)).readout.error == ""
