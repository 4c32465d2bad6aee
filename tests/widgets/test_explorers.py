"""Segments and tests: what is chosen is what is shown, and what is shown is the room's own number."""

from __future__ import annotations

import polars as pl
import pytest

import campaignkit as ck
from campaignkit import wording
from campaignkit.widgets.segment_explorer import ALL


@pytest.fixture(scope="module")
def mf():
    return ck.sample.megafile()


@pytest.fixture(scope="module")
def invited(mf):
    return mf.universe("invited('host_a')")


@pytest.fixture(scope="module")
def found(invited):
    by = ["region", "sex", "age_band"]
    return ck.donors.discover_segments(
        invited, outcome="entered('host_a')", by=by, unit="person_id", distinct=False, top=30
    )


@pytest.fixture
def explore(found, invited):
    return ck.widgets.SegmentExplorer(found, within=invited)


@pytest.mark.slow
def test_the_sliders_and_the_list_choose_segments(explore, found, invited, mf):
    explore.lift.value = (2.0, explore.lift.max)
    table = found.table.filter(pl.col("lift") >= 2)
    assert sorted(explore.rows["segment"]) == sorted(table["segment"])
    explore.choice.value = explore.choice.options[1][1]
    row = explore.rows.row(0, named=True)
    assert explore.readout.headline == row["segment"]
    assert explore.chart.params.chosen == [row["at"]]
    universe = invited & mf.universe(row["where"])
    assert explore.universe.count() == universe.count() == explore.people.params.tally[0]
    assert f"{universe.count():,} of {invited.count():,}" in explore.readout.detail
    assert explore.readout.error == ""


def test_several_segments_are_their_union(explore, invited, mf):
    explore.lift.value = (1.5, explore.lift.max)
    assert explore.choice.value == ALL
    assert explore.universe.count() == (invited & mf.universe(explore.where)).count()


@pytest.mark.slow
def test_a_brush_moves_the_sliders_and_its_end_opens_them(explore):
    explore.chart._vl_selections = {"brush": {"value": {"size": [500.2, 4000.7], "lift": [1.2, 3.0]}, "store": []}}
    assert explore.size.value == (500, 4001)
    assert explore.lift.value == pytest.approx((1.2, 3.0))
    assert explore.rows["size"].is_between(500, 4001).all()
    explore.chart._vl_selections = {"brush": {"value": {}, "store": []}}
    assert explore.size.value == (explore.size.min, explore.size.max)
    assert explore.readout.error == ""


@pytest.mark.slow
def test_a_box_with_nothing_in_it_is_nobody(explore):
    explore.lift.value = (explore.lift.max, explore.lift.max)
    assert explore.universe.count() == 0
    assert explore.readout.headline == "0 segments"
    assert "None lies within both sliders" in explore.readout.detail
    assert set(explore.people.params.tally) == {0}
    assert explore.readout.error == ""


def test_without_a_megafile_there_is_no_universe(found):
    explore = ck.widgets.SegmentExplorer(found)
    assert explore.readout.error == ""
    with pytest.raises(ck.errors.BadValue, match="within=mf"):
        _ = explore.universe


def test_nothing_found_is_said(found):
    from dataclasses import replace

    with pytest.raises(ck.errors.NotEnoughData, match="nothing to explore"):
        ck.widgets.SegmentExplorer(replace(found, table=found.table.head(0)))


# --- tests ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scripts():
    calls = ck.sample.draw("scripts", 20_000, seed=3).table
    return ck.experiments.analyze(calls, "arm", "supports_after", control="control", sequence="asked_on")


@pytest.fixture(scope="module")
def best():
    sent = ck.sample.draw("email", 20_000, seed=5).table
    return ck.experiments.winners(sent, "email_id", "gave", recipients=40_000)


def test_a_day_shows_the_looks_of_that_day(scripts):
    board = ck.widgets.ExperimentBoard(scripts)
    days = scripts.sequential.table["day"].unique().sort()
    board.slider.value = 2
    rows = scripts.sequential.table.filter(pl.col("day") == days[2])
    assert board.readout.headline.startswith(str(days[2]))
    for row in rows.iter_rows(named=True):
        assert f"{row['arm']} {wording.change(row['estimate'], 'rate')}" in board.readout.detail
    assert board.chart.params.step == 2


def test_the_roll_out_is_the_rooms_own_number(best):
    board = ck.widgets.ExperimentBoard({"e-mails": best})
    board.slider.value = 5
    worth = best.rolled_out(10_000)
    assert board.readout.headline.startswith(f"+{worth['gain']:,.0f} people with 'gave' if ")
    assert board.readout.headline.endswith("goes to 10,000")
    board.slider.value = len(board._panel.steps) - 1
    assert board.readout.headline.endswith("goes to everybody else (40,000)")
    assert worth["gain"] == pytest.approx(best.shrunk_lead * 10_000)
    assert worth["loss"] == pytest.approx(best.table["loss_in_all"][0] / 4)


def test_draws_stand_in_the_tables_order(best):
    assert best.draws.mean(axis=0) == pytest.approx(best.table["estimate"].to_numpy(), rel=0.05)


def test_any_result_has_a_place(scripts, best):
    size = ck.experiments.test_and_roll(100_000, mean=0.02, prior_sd=0.003)
    plain = ck.experiments.factorial(ck.sample.draw("email", 20_000, seed=5).table, ["subject", "sender"], "gave")
    board = ck.widgets.ExperimentBoard([scripts, best, size, plain])
    for name in board.results:
        board.test.value = name
        assert board.readout.error == "", name
        assert board.readout.detail
        assert board.still().to_dict()["description"]
    assert board.slider.layout.display == "none"


def test_the_size_begins_at_the_best(scripts):
    size = ck.experiments.test_and_roll(100_000, mean=0.02, prior_sd=0.003)
    board = ck.widgets.ExperimentBoard(size)
    assert board.readout.headline.startswith(f"{size.table['n_arm'][0]:,} per arm")


def test_what_is_no_result_is_refused():
    with pytest.raises(ck.errors.BadValue, match="a result"):
        ck.widgets.ExperimentBoard({"table": pl.DataFrame()})
    with pytest.raises(ck.errors.NotEnoughData):
        ck.widgets.ExperimentBoard([])
