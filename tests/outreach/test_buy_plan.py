"""Plans: what they promise, what they refuse, and what they are compared with."""

import numpy as np
import polars as pl
import pytest

from campaignkit import outreach
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from tests.outreach.market import CELL, audiences, drawn, nothing_to_find, plan, rated, truth


def avails():
    return drawn()["avails"]


def test_where_nothing_can_be_found_the_promise_does_not_overstate():
    errors, own = [], []
    for seed in range(4):
        found, rates, a_dollar = nothing_to_find(seed)
        bought = outreach.buy_plan(found, rates, 200, goal="impressions")
        row = bought.promised("target impressions")
        errors.append(row["estimate"] / (a_dollar * bought.spend) - 1)
        own.append(row["in_sample"] / (a_dollar * bought.spend) - 1)
    assert abs(np.mean(errors)) < 0.06
    assert np.mean(own) > 0.12


def test_nor_does_the_promise_of_reach():
    found, rates, _ = nothing_to_find(2)
    row = outreach.buy_plan(found, rates, 100, goal="reach").promised("target reach")
    assert row["in_sample"] > 1.05 * row["estimate"]


def test_the_interval_is_that_of_persons():
    found, rates, a_dollar = nothing_to_find(1)
    bought = outreach.buy_plan(found, rates, 200, goal="impressions")
    row, panel = bought.promised("target impressions"), found.rater.panel
    expected = np.sqrt(panel.size * (bought.delivery.impressions * panel.target).var(ddof=1))
    assert abs(row["std_error"] / expected - 1) < 1e-6
    assert row["lower"] <= a_dollar * bought.spend <= row["upper"]


def test_reach_is_promised_too():
    bought = plan(goal="reach")
    row, times = bought.promised("target reach"), bought.promised("frequency")
    assert row["lower"] < row["estimate"] < row["upper"]
    assert row["estimate"] <= rated().target_people
    assert times["estimate"] == pytest.approx(
        bought.promised("target impressions")["estimate"] / row["estimate"], rel=1e-9
    )
    assert bought.promised("target CPP")["estimate"] * bought.promised("target GRP")["estimate"] == pytest.approx(
        bought.spend, rel=1e-9
    )


def test_a_plan_for_reach_reaches_more_and_one_for_impressions_shows_more():
    wide, often = plan(goal="reach"), plan(goal="impressions")
    assert wide.promised("target reach")["estimate"] > often.promised("target reach")["estimate"]
    assert wide.promised("target impressions")["estimate"] < often.promised("target impressions")["estimate"]


def test_no_plan_of_the_same_money_is_better_by_its_own_figures():
    bought = plan(goal="impressions", lumpy=False)
    table = rated().cells.join(rated().table.select(*CELL, "targets"), on=CELL, maintain_order="left", how="left")
    rate, cost = table["targets"].to_numpy(), bought.cost
    left = rated().cells.join(avails(), on=CELL, maintain_order="left", how="left")["spots"].fill_null(0).to_numpy()
    reduced = rate - bought.last_dollar * np.where(np.isinf(cost), 1e300, cost)
    assert (reduced[bought.spots < left] <= 1e-9 * rate.max()).all()
    assert (reduced[bought.spots > 0] >= -1e-9 * rate.max()).all()
    whole = plan(goal="impressions")
    assert whole.spend <= whole.budget
    assert rate @ whole.spots >= 0.999 * (rate @ bought.spots)


def test_money_and_spots_left_are_kept_to():
    for goal in ("reach", "impressions"):
        bought = plan(goal=goal)
        order = bought.table.join(avails().rename({"spots": "left"}), on=CELL)
        assert bought.spend <= 4_000
        assert (order["spots"] <= order["left"]).all()
        assert order["cost_total"].sum() == pytest.approx(bought.spend)
        assert bought.next_cells["gain_per_1000_dollars"].is_sorted(descending=True)


@pytest.mark.slow
def test_bounds_are_kept_to():
    market = rated().cells["market"].unique().sort()[0]
    for goal in ("reach", "impressions"):
        free = plan(goal=goal).table.filter(pl.col("market") == market)["cost_total"].sum()
        most = plan(goal=goal, bounds={"market": {market: (None, free / 2)}})
        least = plan(goal=goal, bounds={"market": {market: (min(free * 1.3, 3_900), None)}})
        assert most.table.filter(pl.col("market") == market)["cost_total"].sum() <= free / 2
        assert least.table.filter(pl.col("market") == market)["cost_total"].sum() >= min(free * 1.3, 3_900) - 60


def test_votes_are_a_goal_of_scores_only():
    wanted = drawn()["panel"].select("person", score=pl.col("target") * (pl.col("person") % 3 + 1) / 100)
    votes = audiences(target=wanted, score="score")
    bought = plan(found=votes, goal="votes")
    assert "expected votes" in bought.summary()
    with pytest.raises(BadValue, match="goal='votes'"):
        plan(found=votes, goal="reach")
    with pytest.raises(BadValue, match="not a score"):
        plan(goal="votes")


def test_frequency_counts_who_sees_it_that_often():
    once, three = plan(goal="reach"), plan(goal="reach", frequency=3)
    assert three.delivery.reached.sum() < once.delivery.reached.sum()
    assert "at least 3 times" in three.summary()
    own, seen = three.promised("target reach")["in_sample"], once.promised("target reach")["in_sample"]
    assert three.promised("target reach")["estimate"] < own < 0.5 * seen  # who has seen it less often is not counted


def test_the_same_whatever_the_order_of_rows():
    shuffled = audiences(viewing=drawn()["viewing"].sample(fraction=1, shuffle=True, seed=1))
    again = plan(found=shuffled, goal="impressions")
    assert again.promise.equals(plan(goal="impressions").promise) or np.allclose(
        again.promise["estimate"], plan(goal="impressions").promise["estimate"], rtol=1e-9
    )


def test_what_the_panel_does_not_know_is_shown_and_not_bought():
    strange = avails().head(1).with_columns(network=pl.lit("cable 99"))
    bought = plan(avails=pl.concat([avails(), strange]))
    assert "cable 99" in bought.unrated["network"].to_list()
    assert "The panel has no data on" in bought.summary()


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        (pl.col("cost") * 0, BadValue, "cost null, not finite or not above 0"),
        (pl.lit(None, pl.Float64).alias("cost"), BadValue, "cost null"),
        (pl.lit(-1).alias("spots"), BadValue, "spots null or below 0"),
        (pl.lit("Tampaa").alias("market"), BadValue, "Nobody in the panel lives there"),
        (pl.lit("x").alias("cost"), BadValue, "numbers"),
        (pl.lit("00:00").alias("half_hour"), BadValue, "repeat a cell"),
        (pl.lit(0).alias("spots"), NotEnoughData, "buys no spot"),
    ],
)
def test_bad_rate_cards_are_refused(changed, error, says):
    with pytest.raises(error, match=says):
        plan(avails=avails().with_columns(changed))


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"budget": 0.5}, NotEnoughData, "buys no spot"),
        ({"budget": -1}, BadValue, "budget"),
        ({"goal": "rach"}, BadValue, "did you mean 'reach'"),
        ({"frequency": 0}, BadValue, "frequency"),
        ({"lumpy": False}, BadValue, "fractions"),
        ({"folds": 1}, BadValue, "folds"),
        ({"cost": "price"}, ColumnNotFound, "no column 'price'"),
        ({"bounds": {"markt": {}}}, BadValue, "did you mean 'market'"),
        ({"bounds": {"market": {"Tampaa": (0, 1)}}}, BadValue, "names 'Tampaa'"),
        ({"bounds": {"market": {"Denver": (5, 1)}}}, BadValue, "minimum and maximum"),
    ],
)
def test_bad_arguments_are_refused(more, error, says):
    with pytest.raises(error, match=says):
        plan(**more)


def test_audiences_are_needed():
    with pytest.raises(BadValue, match=r"pass what outreach\.audiences returned"):
        outreach.buy_plan(drawn()["viewing"], avails(), 100)


# --- compared with last cycle ------------------------------------------------------------------------------


def usual():
    order = drawn()["last_cycle"].join(rated().cells, on=CELL)
    return order, float((order["cost"] * order["spots"]).sum())


def test_the_plan_is_compared_at_the_same_spend():
    order, spend = usual()
    bought = plan(spend, goal="impressions")
    found = bought.compare(order)
    first, second = found.table.rows(named=True)
    assert first["lower"] < first["estimate"] < first["upper"]
    assert (1 - first["estimate"]) * (1 + second["estimate"]) == pytest.approx(1)
    spots = rated().cells.join(order, on=CELL, how="left", maintain_order="left")["spots"].fill_null(0).to_numpy()
    true = 1 - (truth() @ spots / spend) / (truth() @ bought.spots / bought.spend)
    assert first["lower"] < true < first["upper"]
    assert "At a different spend" in found.summary()


def test_a_plan_is_as_good_as_itself():
    bought = plan(goal="reach")
    assert bought.compare(bought).table["estimate"].to_list() == pytest.approx([0.0, 0.0], abs=1e-12)


def test_persons_cancel_who_watch_much_of_both():
    order, spend = usual()
    bought = plan(spend, goal="impressions")
    ours, theirs = (
        bought.promised("target impressions"),
        plan(spend, goal="impressions", seed=1).promised("target impressions"),
    )
    apart = np.hypot(ours["std_error"] / ours["estimate"], theirs["std_error"] / theirs["estimate"])
    first = bought.compare(order).table.row(0, named=True)
    assert first["std_error"] / (1 - first["estimate"]) < 0.9 * apart


@pytest.mark.slow
def test_what_cannot_be_compared_is_refused():
    order, spend = usual()
    bought = plan(spend, goal="impressions")
    with pytest.raises(BadValue, match=f"Plan again with budget={spend:.0f}"):
        plan(spend / 2, goal="impressions").compare(order)
    with pytest.raises(BadValue, match="goal"):
        bought.compare(plan(spend, goal="reach"))
    with pytest.raises(BadValue, match="panel or target"):
        bought.compare(plan(spend, found=audiences(), goal="impressions"))
    dearer = avails().with_columns(pl.col("cost") * 1.1)
    with pytest.raises(BadValue, match="rates"):
        bought.compare(plan(spend, avails=dearer, goal="impressions"))
    with pytest.raises(ColumnNotFound, match="spots"):
        bought.compare(order.drop("spots"))
    fewer = avails().join(order.head(3), on=CELL, how="anti")
    with pytest.raises(BadValue, match="have no cost in the plan's avails"):
        plan(spend, avails=fewer, goal="impressions").compare(order)
    with pytest.raises(BadValue, match="buys nothing"):
        bought.compare(order.with_columns(spots=0))
    with pytest.raises(BadValue, match="the panel has no data on"):
        bought.compare(order.with_columns(network=pl.lit("cable 99")).head(1))


def test_the_schedule_is_drawn():
    for bought in (plan(goal="reach"), plan(goal="impressions")):
        assert bought.chart().to_dict()["description"] == bought.summary()


# --- as an order sheet -------------------------------------------------------------------------------------


def test_the_order_sheet_is_the_plan(tmp_path):
    bought = plan(goal="impressions")
    sheet = pl.read_csv(bought.save_order(tmp_path / "order.csv"))
    assert sheet.columns == [*CELL, "first_air_date", "last_air_date", "spots", "cost_per_spot", "cost_total"]
    assert sheet["first_air_date"].null_count() == sheet.height == bought.table.height
    assert sheet["spots"].dtype == pl.Int64
    assert sheet["spots"].sum() == bought.spots.sum()
    assert sheet["cost_total"].sum() == pytest.approx(bought.spend, abs=0.01)
    assert sheet["market"].is_sorted()
    assert bought.compare(sheet).spend == pytest.approx(bought.spend)
    with pytest.raises(BadValue, match=r"\.csv, \.xlsx"):
        bought.save_order(tmp_path / "order.pdf")


def test_an_order_of_fractions_keeps_them(tmp_path):
    bought = plan(goal="impressions", lumpy=False)
    sheet = pl.read_csv(bought.save_order(tmp_path / "order.csv"))
    assert sheet["spots"].sum() == pytest.approx(bought.spots.sum(), abs=1e-3)


def test_an_order_sheet_is_a_workbook_too(tmp_path):
    pytest.importorskip("xlsxwriter")
    pytest.importorskip("fastexcel")
    bought = plan(goal="impressions")
    sheet = pl.read_excel(bought.save_order(tmp_path / "order.xlsx"))
    assert sheet["spots"].sum() == bought.spots.sum()


def test_a_name_that_starts_a_formula_is_defused(tmp_path):
    most = plan(goal="impressions", budget=9_000).table["network"][0]
    tricky = {"network": pl.when(network=most).then(pl.lit("=cmd|'/c calc'!A1")).otherwise("network")}
    found = audiences(viewing=drawn()["viewing"].with_columns(**tricky))
    bought = plan(found=found, avails=avails().with_columns(**tricky), goal="impressions", budget=9_000)
    text = bought.save_order(tmp_path / "order.csv").read_text()
    assert ",'=cmd|" in text
    assert ",=cmd|" not in text
