"""since: what came late is new data, what is within the usual is chance, and the parts add up to the change."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from campaignkit.briefing.since import PARTS, count_changes, rate_change, spend_changes

LAST = dt.date(2012, 10, 2)
BEFORE = LAST - dt.timedelta(days=1)


def daily(today: int, late: int = 0, seed: int = 1) -> pl.DataFrame:
    """Return four weeks of about 100 contacts a day, `late` more on the day before, and today's."""
    counts = np.random.default_rng(seed).poisson(100, 28)
    days = [BEFORE - dt.timedelta(days=27 - at) for at in range(28)]
    rows = [(day, "phone", int(count)) for day, count in zip(days, counts, strict=True)]
    rows[-1] = (BEFORE, "phone", rows[-1][2] + late)
    return pl.DataFrame([*rows, (LAST, "phone", today)], ["day", "channel", "contacts"], orient="row")


def page_before(rows: pl.DataFrame, late: int = 0) -> dict:
    week = rows.filter(pl.col("day").is_between(BEFORE - dt.timedelta(days=6), BEFORE))["contacts"].sum() - late
    return {"day": str(BEFORE), "week": {"phone": week, "all": week}}


def everyone(today: int, late: int = 0, seed: int = 1) -> dict:
    rows = daily(today, late, seed)
    return count_changes(rows, page_before(rows, late), LAST).row(0, named=True)


def test_late_records_are_new_data_and_the_parts_add_up():
    row = everyone(today=101, late=40)
    assert row["new_data"] == 40
    assert row["real"] == 0
    assert row["change"] == sum(row[part] for part in PARTS)


def test_a_day_far_outside_the_usual_is_real_and_one_within_is_chance():
    collapse = everyone(today=20)
    assert (collapse["real"] < 0, collapse["chance"]) == (True, 0)
    usual = everyone(today=97)
    assert usual["real"] == 0
    assert usual["chance"] != 0
    assert usual["usual_low"] <= 97 <= usual["usual_high"]


def test_on_nights_like_all_others_hardly_ever_is_a_count_called_real():
    rng = np.random.default_rng(7)
    said = [everyone(int(rng.poisson(100)), seed=seed)["real"] != 0 for seed in range(300)]
    assert np.mean(said) <= 0.01 + 2 * np.sqrt(0.01 * 0.99 / 300)


def test_without_a_newer_day_nothing_is_called_a_change_but_late_records():
    rows = daily(today=0, late=5).filter(pl.col("day") <= BEFORE)
    row = count_changes(rows, page_before(rows, 5), BEFORE).row(0, named=True)
    assert (row["change"], row["new_data"], row["chance"], row["a_day"]) == (5, 5, 0, None)


def test_late_gifts_are_new_data_and_new_sends_that_gave_more_are_real():
    late = rate_change((70, 1000), (70, 1000), (60, 1000))
    assert (late["new_data"], late["real"], late["chance"]) == (pytest.approx(0.01), 0, 0)
    more = rate_change((360, 2000), (60, 1000), (60, 1000))
    assert (more["real"] > 0, more["chance"]) == (True, 0)


def test_new_sends_that_gave_less_are_not_called_worse_while_their_gifts_come_in():
    fewer = rate_change((60, 2000), (60, 1000), (60, 1000))
    assert (fewer["real"], fewer["chance"] < 0) == (0, True)


def test_a_plan_that_the_one_before_equals_is_chance():
    rows = spend_changes({"NV": 70.0, "OH": 30.0}, {"NV": 80.0, "OH": 20.0}, {"NV": 80.0, "IA": 20.0}, real=False)
    assert rows["change"].sum() == 0
    assert rows["real"].to_list() == [0.0] * 3
    assert dict(rows.select("state", "new_data").iter_rows()) == {"IA": -20.0, "OH": 20.0, "NV": 0.0}
