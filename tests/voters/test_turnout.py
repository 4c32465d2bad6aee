"""fit_turnout: nothing from after an election enters, totals are met, screens are judged by who voted."""

import polars as pl
import pytest

from campaignkit import sample
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.tables import open_table
from campaignkit.voters import Turnout, fit_turnout, turnout_history
from campaignkit.voters.model.shifted_model import shift_to
from tests.voters.people import people
from tests.voters.test_score import fitted


@pytest.fixture(scope="module")
def voters():
    return sample.megafile().universe("voter")


@pytest.fixture(scope="module")
def turnout(voters):
    return fit_turnout(
        voters, election="2012-11-06", fit_on="2008-11-04", test_on="2010-11-02",
        totals=voters.megafile.table("county_turnout"), like="2008-11-04",
    )  # fmt: skip


def test_history_knows_nothing_of_the_election_or_later(voters):
    now = turnout_history(voters, "2008-11-04")
    earlier = turnout_history(voters.megafile.universe("voter", as_of="2008-11-03"), "2008-11-04")
    assert set(earlier.pl()["voted"].to_list()) == {None}
    columns = [name for name in now.columns if name != "voted"]
    compare = [name for name in columns if name not in ("sex", "race", "party", "state", "county", "household_id")]
    one, two = (table.pl().sort("person_id").select(compare) for table in (now, earlier))
    assert one.equals(two)


def test_who_registered_later_is_not_on_the_rolls_and_who_could_not_vote_is_told_apart(voters):
    history = turnout_history(voters, "2008-11-04").pl()
    late = voters.megafile.sql("SELECT person_id FROM person WHERE registered_on > DATE '2008-11-04'")
    assert history.join(late, on="person_id").is_empty()
    assert set(history["general_1"].unique()) == {"voted", "did not", "could not"}
    new = history.filter((pl.col("registered_years") < 1) & (pl.col("general_1") != "voted"))
    assert set(new["general_1"].unique()) == {"could not"}


def test_the_next_election_is_foretold_once_its_level_is_known(turnout):
    assert turnout.tested.quality.auc > 0.7
    assert turnout.tested.quality.ece > 0.1  # a year without a president
    assert turnout.tested_to_totals.quality.ece < 0.02


def test_votes_expected_equal_county_totals(voters, turnout):
    scored = turnout.predict(turnout_history(voters, "2012-11-06")).pl()
    expected = scored.group_by("state", "county").agg(pl.col("turnout").sum())
    both = expected.join(turnout.counties.filter(pl.col("left_as_it_is").is_null()), on=["state", "county"])
    assert both.height == turnout.counties["left_as_it_is"].is_null().sum()
    assert both.select((pl.col("turnout") - pl.col("total")).abs().max()).item() < 1e-6


def test_weights_misplace_less_than_the_usual_screens(turnout):
    table = turnout.screens().table
    misplaced = dict(table.select("screen", "misplaced_share").rows())
    weights = misplaced.pop("everybody, weighted by their chance")
    assert weights < misplaced["likeliest, as many as are expected"]
    assert table.filter(screen="all on the rolls")["caught_share"].item() == 1


def test_elections_out_of_order_or_unknown_are_refused(voters):
    with pytest.raises(BadValue, match="this order"):
        fit_turnout(voters, election="2012-11-06", fit_on="2010-11-02", test_on="2008-11-04")
    with pytest.raises(BadValue, match="2009-11-03"):
        fit_turnout(voters, election="2012-11-06", fit_on="2009-11-03")
    with pytest.raises(NotEnoughData, match="No general election before"):
        fit_turnout(voters, election="2012-11-06", fit_on="2004-11-02")
    with pytest.raises(BadValue, match="date like"):
        fit_turnout(voters, election="November", fit_on="2008-11-04")


def test_places_that_cannot_be_met_are_left_and_named():
    table = people().with_columns(county=pl.col("id").mod(4).replace_strict({0: "A", 1: "B", 2: "C", 3: None}))
    score = fitted(table)
    totals = pl.DataFrame({"county": ["A", "B", "C"], "voted": [700, 1500, 0]})
    model, places = shift_to(score.model, open_table(table).lazy(), totals, ["county"], "voted")
    assert dict(places.select("county", "left_as_it_is").rows()) == {
        "A": None, "B": "as many votes as people, or more", "C": "no votes", None: "no total",
    }  # fmt: skip
    moved = model.with_prediction(open_table(table).lazy(), "p").collect().to_native()
    assert moved.filter(county="A")["p"].sum() == pytest.approx(700, abs=1e-6)
    before = score.predict(table).collect()
    assert moved.filter(county="B")["p"].to_numpy() == pytest.approx(before.filter(county="B")["s"].to_numpy())


def test_a_saved_turnout_keeps_its_own_fields(voters, turnout, tmp_path):
    again = Turnout.load(turnout.save_model(tmp_path / "turnout.json"))
    for field in ("fit_on", "election", "test_on"):
        assert getattr(again, field) == getattr(turnout, field)
    assert again.counties.equals(turnout.counties)
    assert (again.tested.quality, again.tested_to_totals.quality) == (
        turnout.tested.quality,
        turnout.tested_to_totals.quality,
    )
    assert again.summary() == turnout.summary()
    rolls = turnout_history(voters, "2012-11-06").limit(500).pl()
    one, two = (which.predict(rolls).collect()["turnout"].to_numpy() for which in (again, turnout))
    assert one == pytest.approx(two, abs=1e-14)
    assert again.chart().to_dict()["description"]
    with pytest.raises(BadValue, match="no score"):
        Turnout.load(turnout.tested.save_model(tmp_path / "score.json"))


@pytest.mark.slow
def test_a_level_reaches_every_interval_of_turnout(voters):
    options = {"election": "2012-11-06", "fit_on": "2008-11-04", "test_on": "2010-11-02"}
    narrow, wide = (fit_turnout(voters, **options, confidence_level=level) for level in (0.8, 0.99))
    assert narrow.table["lower"][0] > wide.table["lower"][0]
    assert narrow.tested.quality.auc_lower > wide.tested.quality.auc_lower
