"""The campaign's television: a panel of its voters' homes, and what was planted in it."""

import numpy as np
import polars as pl
import pytest

from campaignkit import outreach, sample
from campaignkit.sample import viewers

CELL = ["market", "network", "half_hour"]


def test_the_panel_is_of_registered_voters_one_a_home(world: sample.Drawn) -> None:
    panel = world["tv_panel"].join(world["people"], on="person", how="left")
    assert panel["registered"].all()
    assert not panel["household"].is_duplicated().any()
    assert panel.height == pytest.approx(len(world.truth["tv_target"]) / 5, abs=3)
    for market, (state, counties) in viewers.MARKETS.items():
        inside = panel.filter(market=market)
        assert inside["state"].unique().to_list() == [state]
        assert set(inside["county"]) <= set(counties)
    stands_for = viewers.ADULTS_EACH * len(world.truth["tv_target"])
    assert panel["weight"].sum() == pytest.approx(stands_for, rel=1e-9)


def test_days_are_of_the_panel(world: sample.Drawn) -> None:
    viewing = world["tv_viewing"]
    assert viewing["person"].is_in(world["tv_panel"]["person"].implode()).all()
    assert viewing["days"].is_between(1, 14).all()
    assert not viewing.select("person", "network", "half_hour").is_duplicated().any()


def test_audiences_come_out_as_planted(world: sample.Drawn) -> None:
    target = world.truth["tv_target"].filter("target").select("person")
    found = outreach.audiences(
        world["tv_viewing"], target, ["network", "half_hour"], unit="person", weight="weight", market="market",
        exposures="days", days=14, panel=world["tv_panel"],
    )  # fmt: skip
    assert found.target_people == pytest.approx(world.truth["tv_target"]["target"].sum() * viewers.ADULTS_EACH, rel=0.3)
    known = found.table.join(world.truth["tv_cells"], on=CELL, suffix="_true")
    assert np.corrcoef(known["adults"], known["adults_true"])[0, 1] > 0.8
    index = known.group_by("network").agg(pl.col("targets_true").sum() / pl.col("adults_true").sum())
    share = dict(index.iter_rows())
    assert share["Reruns"] > 1.5 * share["News One"]


def test_last_cycle_bought_what_was_there(world: sample.Drawn) -> None:
    order = world["tv_buys_last_cycle"].join(world["tv_rates"], on=CELL, how="left", suffix="_left")
    assert (order["spots"] <= order["spots_left"]).all()
    known = world.truth["tv_orders"].row(0, named=True)
    assert (order["spots"] * order["cost"]).sum() == pytest.approx(known["dollars"], rel=0.01)
    assert known["target_reach"] <= known["target_impressions"]


def test_the_target_is_who_stayed_at_home(world: sample.Drawn) -> None:
    voted = world["ballots"].filter(election_date=viewers.MIDTERM)
    homes = world.truth["tv_target"].filter("target").join(world["people"], on="person")
    assert homes.join(voted, on="person").is_empty()
    assert not (homes["party"] == "R").any()
    assert 0.25 < world.truth["tv_target"]["target"].mean() < 0.45


def test_media_use_comes_out_as_planted(world: sample.Drawn) -> None:
    online = world["surveys"].filter(stream="online")
    assert world["media_use"]["person"].sort().equals(online["person"].sort())
    seen = world.truth["effects"].filter(pl.col("group").str.starts_with("channel=reddit"), effect="media use")
    among = seen.filter(pl.col("group").str.ends_with("true"))["came_out"].item()
    assert among / (seen["total"].sum() / seen["n"].sum()) == pytest.approx(viewers.CHANNELS["reddit"][1], rel=0.25)
