"""Audiences: the planted ones are found, by any engine, and bad input is refused."""

import datetime as dt

import duckdb
import numpy as np
import polars as pl
import pytest

from campaignkit import outreach, sample
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from tests.outreach.market import BY, CELL, audiences, drawn, rated


def test_planted_audiences_are_within_their_intervals():
    known = rated().table.join(drawn().truth["cells"].rename({"targets": "true", "adults": "true_adults"}), on=CELL)
    inside = known.select(
        targets=pl.col("true").is_between("targets_lower", "targets_upper").mean(),
        adults=pl.col("true_adults").is_between("adults_lower", "adults_upper").mean(),
    ).row(0)
    assert 0.86 < inside[0] < 0.99
    assert 0.86 < inside[1] < 0.99


def test_shrunk_audiences_are_nearer_to_the_truth_than_raw_ones():
    thin = sample.draw("tv_market", 1_000, seed=5, markets=2, networks=40)
    found = audiences(viewing=thin["viewing"], panel=thin["panel"])
    panel = found.rater.panel
    cells = found.cells.with_columns(raw=pl.Series(panel.watched.T @ (panel.weight * panel.target) / panel.days))
    cells = cells.join(found.table.select(*CELL, shrunk="targets"), on=CELL).join(thin.truth["cells"], on=CELL)
    shares = cells.select(pl.col("raw", "shrunk", "targets") / pl.col("raw", "shrunk", "targets").sum())
    wrong = shares.select((pl.col("raw", "shrunk") - pl.col("targets")).pow(2).mean().sqrt()).row(0)
    assert wrong[1] < 0.8 * wrong[0]


def test_totals_of_the_panel_are_kept():
    found, panel = rated(), rated().rater.panel
    raw = panel.watched.T @ (panel.weight * panel.target) / panel.days
    by_market = found.table.group_by("market").agg(pl.col("targets").sum()).sort("market")
    seen = found.cells.with_columns(raw=pl.Series(raw)).group_by("market").agg(pl.col("raw").sum()).sort("market")
    assert np.allclose(by_market["targets"], seen["raw"], rtol=0.03)


def test_every_engine_says_the_same():
    viewing, panel = drawn()["viewing"], drawn()["panel"]
    as_text = panel.with_columns(pl.col("person").cast(pl.String))
    with duckdb.connect() as con:
        relation = con.from_arrow(viewing.to_arrow())
        others = [audiences(viewing=relation), audiences(viewing=viewing.lazy()), audiences(panel=as_text)]
        for other in others:
            assert other.table.sort(CELL).equals(rated().table.sort(CELL), null_equal=True) or np.allclose(
                other.table.sort(CELL)["targets"], rated().table.sort(CELL)["targets"], rtol=1e-9
            )


def test_rows_a_day_are_the_same_as_counts_of_days():
    few = drawn()["viewing"].filter(pl.col("person") < 300)
    days = few.with_columns(day=pl.int_ranges(0, "days")).explode("day")
    days = days.with_columns(day=dt.date(2012, 9, 3) + pl.duration(days=pl.col("day"))).drop("days")
    panel = drawn()["panel"].filter(pl.col("person") < 300)
    by_date = audiences(viewing=days, exposures=None, date="day", days=14, panel=panel)
    assert by_date.table.equals(audiences(viewing=few, panel=panel).table)


def test_a_universe_or_a_table_of_people_is_a_target():
    wanted = drawn()["panel"].filter("target").select("person", score=pl.lit(0.04))
    people = audiences(target=wanted)
    assert people.table.equals(rated().table)
    votes = audiences(target=wanted.with_columns(score=pl.col("person") % 3 / 100 + 0.01), score="score")
    assert votes.votes
    assert votes.targets == people.targets
    sure = audiences(target=wanted.with_columns(score=pl.col("person") % 3 / 100), score="score", threshold=0.02)
    assert not sure.votes
    assert sure.targets < people.targets


def test_everyone_can_be_the_target():
    found = audiences(target=drawn()["panel"].select("person"))
    assert np.allclose(found.table["index"], 100)
    assert np.allclose(found.table["targets"], found.table["adults"])


def test_a_market_is_not_needed():
    viewing = drawn()["viewing"].group_by("person", *BY).agg(pl.col("days").sum())
    found = audiences(viewing=viewing, market=None)
    assert found.by == BY
    assert found.table.columns[:2] == BY


def test_what_it_says_names_the_best_cell_and_what_is_too_small():
    best = rated().table.row(0, named=True)
    said = rated().summary()
    assert best["network"] in said
    assert f"{rated().table['thin'].sum():,} cells" in said
    assert rated().chart().to_dict()["description"] == said


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"by": []}, BadValue, "by is empty"),
        ({"days": None}, BadValue, "say how many days"),
        ({"days": 3}, BadValue, "above the panel's 3 days"),
        ({"target": "targt"}, ColumnNotFound, "did you mean 'target'"),
        ({"target": "target", "score": "x"}, BadValue, "name one of them"),
        ({"unit": None}, BadValue, "unit is None"),
        ({"target": pl.DataFrame({"person": [10**9]})}, NotEnoughData, "Nobody in the panel is in the target"),
        ({"target": pl.DataFrame({"person": [1, 1]})}, BadValue, "several rows"),
        ({"target": pl.DataFrame({"person": [1], "s": [-1.0]}), "score": "s"}, BadValue, "below 0"),
        ({"confidence_level": 95}, BadValue, "confidence_level"),
        ({"exposures": "network"}, BadValue, "exposures"),
    ],
)
def test_bad_input_is_refused(changed, error, says):
    with pytest.raises(error, match=says):
        audiences(**changed)


def test_a_person_in_two_markets_or_in_no_panel_is_refused():
    panel = drawn()["panel"]
    with pytest.raises(BadValue, match="disagree"):
        audiences(panel=pl.concat([panel, panel.head(1).with_columns(market=pl.lit("Tampa"))]))
    with pytest.raises(BadValue, match="are not in panel"):
        audiences(panel=panel.filter(pl.col("person") > 5))
    with pytest.raises(BadValue, match="weight"):
        audiences(panel=panel.with_columns(weight=-pl.col("weight")))


def test_the_room_shows_its_questions_and_their_answers():
    questions = {
        "audiences",
        "buy_plan",
        "channels",
        "friend_asks",
        "plan_sharing",
        "published_effects",
        "sharing_effect",
    }
    answers = {"Asks", "Audiences", "BuyPlan", "Channels", "Comparison", "SharingEffect", "SharingPlan"}
    assert set(outreach.__all__) == questions | answers
