"""Interviews of 2008 from June to November: what moved, what raking alone would say moved, and where it ended."""

import datetime as dt

import polars as pl
import pytest

from campaignkit import polls
from tests.real.published import published

BY = ["sex", "age_band", "race", "education", "party"]
RESULT = 0.537  # of the two parties' vote
AUTUMN = dt.date(2008, 9, 1)


@pytest.fixture(scope="module")
def interviews() -> pl.DataFrame:
    """Registered voters who named one of the two, with sparse levels joined."""
    table = pl.read_parquet(published("polls/pew_2008.parquet"))
    age = pl.col("age")
    band = pl.when(age < 30).then(pl.lit("18–29")).when(age < 45).then(pl.lit("30–44"))
    band = band.when(age < 65).then(pl.lit("45–64")).when(age >= 65).then(pl.lit("65+")).otherwise(pl.lit("unknown"))
    college = pl.col("education").is_in(["college graduate", "post-graduate"]).fill_null(False)
    party = pl.col("party").replace_strict(["democrat", "republican"], ["democrat", "republican"], default="neither")
    race = pl.col("race").replace_strict(["white", "black"], ["white", "black"], default="other")
    return table.filter(
        (pl.col("registered") == "absolutely certain") & pl.col("vote").is_in(["dem/lean dem", "rep/lean rep"])
    ).with_columns(
        supports=pl.col("vote") == "dem/lean dem", age_band=band, race=race, party=party.fill_null("neither"),
        education=pl.when(college).then(pl.lit("college")).otherwise(pl.lit("no degree")),
        stream=pl.col("sample").str.contains("cell").replace_strict({True: "cell", False: "landline"}),
    )  # fmt: skip


def fit(interviews: pl.DataFrame, **options) -> polls.Trends:
    frame = interviews.group_by(BY).agg(pl.col("weight").sum())
    return polls.trends(
        interviews, "supports", BY, "interviewed_on", stream="stream", frame=frame, frame_weight="weight", **options
    )


@pytest.mark.slow
def test_autumn_ends_near_the_result_and_no_group_moves_beyond_the_swing(interviews):
    now = fit(interviews.filter(pl.col("interviewed_on") >= AUTUMN))
    print(now.summary())
    everyone = now.path.filter(variable="all").sort("date")
    last, low = (
        everyone.row(-1, named=True),
        everyone.filter(pl.col("date").dt.day() < 20).filter(pl.col("date").dt.month() == 9),
    )
    assert abs(last["estimate"] - RESULT) <= 0.025
    assert last["estimate"] - low["estimate"].min() > 0.02
    moved = now.table.filter("moved")
    assert set(moved["level"]) <= {"unknown"}  # the 300 who told no age; no group that a campaign could speak to


@pytest.mark.slow
def test_from_june_partisans_come_home(interviews):
    now = fit(interviews)
    print(now.summary())
    print(now.table.select("variable", "level", "change", "relative", "p_adjusted", "moved"))
    party = {row["level"]: row for row in now.table.filter(variable="party").iter_rows(named=True)}
    assert party["democrat"]["relative"] > 0 > party["republican"]["relative"]
    assert party["democrat"]["moved"]
    assert party["republican"]["moved"]


@pytest.mark.slow
def test_how_much_of_the_movement_is_left_with_party_held(interviews):
    """June to November: weighted by demographics alone, and with party identification held too.

    Party was not asked together with the vote of 2004, and nobody was asked twice: `switchers` has nothing to go by.
    """
    without = [name for name in BY if name != "party"]
    frame = interviews.group_by(BY).agg(pl.col("weight").sum())
    change = {}
    for held, by in (("demographics", without), ("party too", BY)):
        now = polls.trends(
            interviews, "supports", by, "interviewed_on", stream="stream", frame=frame, frame_weight="weight"
        )
        change[held] = now.table.row(0, named=True)["change"]
    print(change)
    assert change["party too"] > 0
    assert abs(change["party too"] - change["demographics"]) < 0.02
