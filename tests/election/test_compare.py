"""What moved a forecast: the parts sum to the whole, and each is nothing where nothing of its kind changed."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from campaignkit import election
from campaignkit.errors import BadValue

PARTS = ["days", "polls", "settings", "noise"]


def asked(as_of, polls=None, **others):
    given = {"on": "2012-11-06", "as_of": as_of} | others
    return election.forecast(election.polls_2012() if polls is None else polls, election.results(), **given)


@pytest.fixture(scope="module")
def before():
    return asked("2012-10-01")


@pytest.mark.slow
def test_nothing_moves_between_a_forecast_and_itself(before):
    found = election.compare(before, before, n=2_000)
    assert found.table.select(*PARTS, "change").fill_null(0).to_numpy().any() == np.False_
    assert "No state's chance changed" in found.summary()


def test_the_parts_sum_to_the_whole(before):
    found = election.compare(asked("2012-10-12", settings=election.Settings(house_sd=0.1)), before, n=5_000, seed=4)
    summed = found.table.select(pl.sum_horizontal(pl.col(*PARTS).fill_null(0))).to_series()
    assert summed.to_list() == pytest.approx(found.table["change"].to_list(), abs=1e-12)
    assert found.new_polls > 50
    spec = found.chart().to_dict()
    assert spec["description"] == found.summary()
    drawn = {row["label"]: row["value"] for row in next(iter(spec["datasets"].values())) if row["series"] == "polls"}
    assert drawn["winning"] == pytest.approx(100 * found.table["polls"][-1])  # in points


@pytest.mark.slow
def test_new_polls_alone_move_by_polls_and_settings_alone_by_settings(before):
    polls = election.polls_2012()
    fewer = polls.filter(pl.col("pollster") != "Quinnipiac")
    moved = election.compare(before, asked("2012-10-01", fewer), n=2_000).table
    assert moved["settings"].abs().max() < 1e-9
    assert moved["polls"].abs().max() > 0.001
    other = election.compare(asked("2012-10-01", settings=election.Settings(house_sd=0.12)), before, n=2_000)
    assert other.table["polls"].abs().max() < 1e-9
    assert other.table["settings"].abs().max() > 0.001
    assert other.new_polls == 0


def test_noise_is_what_simulating_adds(before):
    later = asked("2012-10-12")
    found = election.compare(later, before, n=1_000, seed=2).table.head(-1)
    exact = later.table["chance"] - before.table["chance"]
    assert (found["change"] - found["noise"]).to_list() == pytest.approx(exact.to_list(), abs=1e-9)
    assert found["noise"].abs().max() > 0.002


def test_two_elections_or_the_wrong_order_are_refused(before):
    with pytest.raises(BadValue, match="pass today's first"):
        election.compare(before, asked("2012-10-12"))
    other = replace(before, inputs=replace(before.inputs, on=before.inputs.on.replace(year=2008)))
    with pytest.raises(BadValue, match="different elections"):
        election.compare(before, other)
