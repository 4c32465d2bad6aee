"""Facts that ship: electoral votes by cycle, districts, polls and results, pollsters' names."""

import polars as pl
import pytest

from campaignkit import election
from campaignkit.errors import BadValue

# Electors that the states chose, before any of them voted otherwise: the Democrat's.
DEMOCRAT = {1992: 370, 1996: 379, 2000: 267, 2004: 252, 2008: 365, 2012: 332}
# Later elections are here for their electoral votes alone: the winner, the votes pledged, and states won whole or in part.
LATER = {
    2016: (306, "AL AK AZ AR FL GA ID IN IA KS KY LA MI MS MO MT NE NC ND OH OK PA SC SD TN TX UT WV WI WY", 1),
    2020: (306, "AZ CA CO CT DE DC GA HI IL MD MA MI MN NV NH NJ NM NY OR PA RI VT VA WA WI", 4),
    2024: (312, "AL AK AZ AR FL GA ID IN IA KS KY LA MI MS MO MT NV NC ND OH OK PA SC SD TN TX UT WV WI WY", 5),
}


@pytest.mark.parametrize("year", range(1992, 2029, 4))
def test_each_cycle_has_538(year):
    votes = election.electoral_votes(year)
    assert votes.height == 51
    assert votes["electoral_votes"].sum() == 538
    assert votes["electoral_votes"].min() == 3


@pytest.mark.parametrize("year", DEMOCRAT)
def test_each_winner_has_the_known_total(year):
    won = election.results().filter(pl.col("year") == year, pl.col("dem") > pl.col("rep")).select("state")
    total = won.join(election.electoral_votes(year), on="state")["electoral_votes"].sum()
    assert total + (year == 2008) == DEMOCRAT[year]  # 2008: and one district of Nebraska


@pytest.mark.parametrize("year", LATER)
def test_later_cycles_have_the_known_totals_too(year):
    total, states, split = LATER[year]
    votes = election.electoral_votes(year).filter(pl.col("state").is_in(states.split()))
    assert votes["electoral_votes"].sum() + split == total


def test_a_year_without_an_election_is_refused():
    with pytest.raises(BadValue, match="2010"):
        election.electoral_votes(2010)


def test_polls_results_and_tiles_are_whole():
    assert election.polls_2012().filter(state="US").height == 191
    assert election.results().group_by("year").len()["len"].unique().to_list() == [51]
    assert election.tiles().select("map_row", "map_column").is_unique().all()
    assert election.districts()["state"].to_list() == ["ME", "ME", "NE", "NE", "NE"]


def test_no_alias_is_an_alias_of_an_alias():
    names = election.pollster_aliases()
    assert names["alias"].is_unique().all()
    assert not set(names["alias"]) & set(names["pollster"])
