"""The published forecast of 2012, election eve; and 2004, 2008 and 2012 each from earlier years alone."""

import datetime as dt
import re

import polars as pl
import pytest

from campaignkit import election
from tests.real.published import published

ON = dt.date(2012, 11, 6)
RENAMED = {"Fox News": "FOX", "WashPost": "Washington Post", "ABC News": "ABC"}


def as_published() -> tuple[pl.DataFrame, dict[str, str]]:
    """The polls with the names that the published model gave pollsters: the first words of each."""
    polls = pl.read_parquet(published("polls/state_polls_2012.parquet"))
    named = [re.match(r"[A-z0-9 ]+", name)[0].strip() for name in polls["pollster"]]
    polls = polls.with_columns(pollster=pl.Series([RENAMED.get(name, name) for name in named]))
    days = (1 + (pl.col("end_date") - pl.col("start_date")).dt.total_days()) // 2
    polls = polls.filter(pl.col("end_date") - pl.duration(days=days) >= dt.date(2012, 3, 1))
    return polls, {name: name for name in polls["pollster"].unique()}


@pytest.fixture(scope="module")
def eve() -> election.Forecast:
    polls, names = as_published()
    states = pl.read_parquet(published("polls/states.parquet")).drop("vap", "electoral_votes_2012")
    expected = pl.read_parquet(published("polls/state_priors_2012.parquet")).rename({"pred": "share"})
    return election.forecast(
        polls, election.results(), on=ON, as_of=ON, states=states, fundamentals=expected, aliases=names,
        columns={"dem": "obama", "rep": "romney"}, settings=election.Settings.published_2012(),
    )  # fmt: skip


def test_the_published_forecast_of_2012_comes_back(eve):
    assert eve.fit.polls.table.height == 1_157
    theirs = pl.read_csv(published("polls/published_2012.csv"))
    both = eve.table.join(theirs, on="state")
    assert both.height == 51
    assert (both["estimate"] - both["mean"]).abs().mean() <= 0.003
    assert (both["chance"] - both["prob"]).abs().mean() <= 0.01
    assert (both["upper"] - both["high"]).abs().mean() <= 0.006
    nation = theirs.filter(state="US").row(0, named=True)
    assert eve.nation["estimate"].item() == pytest.approx(nation["mean"], abs=0.003)


def earlier() -> pl.DataFrame:
    polls = pl.read_parquet(published("polls/president_polls_2000_2012.parquet"))
    return polls.select(
        "pollster", state="location", start_date="polldate", end_date="polldate", sample_size="samplesize",
        dem="cand1_pct", rep="cand2_pct", mode="methodology", sponsor="partisan",
    )  # fmt: skip


@pytest.fixture(scope="module")
def scores() -> election.Backtest:
    return election.backtest(earlier(), election.results(), years=[2004, 2008, 2012])


def test_past_elections_from_earlier_years_alone(scores):
    table = scores.table
    assert table["cover_share"].mean() >= 0.88
    assert table["rmse"].mean() < table["plain_rmse"].mean() + 0.002
    assert table["brier"].max() < 0.06
    assert scores.check["passed"].all()


def test_without_poll_error_the_same_years_are_too_surprising():
    none = election.Settings(shared_bias_sd=0.0, state_bias_sd=0.0)
    scores = election.backtest(earlier(), election.results(), settings=none)
    assert not scores.check["passed"].item()


def test_districts_of_the_published_polls_are_known():
    found = election.forecast(
        earlier().filter(pl.col("end_date").dt.year() == 2012), election.results(), on=ON, as_of=ON
    )
    assert dict(found.set_aside.iter_rows())["of a congressional district"] > 0
