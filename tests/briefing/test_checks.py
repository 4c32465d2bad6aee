"""checks: each speaks where its number leaves the past range, with that range, and is silent within it."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import polars as pl

from campaignkit.briefing import checks


def tonight(**kept) -> SimpleNamespace:
    pages = [{"links": {"van": [900, 1000]}, "suppressions": {"phone": 4000}} | kept] * 3
    return SimpleNamespace(kept=lambda _step: pages)


def test_a_snapshot_that_was_held_back_stops_the_night_and_says_how_to_go_on():
    answers = {
        "skipped_file": pl.DataFrame({"file": ["list.csv"], "reason": ["held back: 200 records where 1,000 stood"]}),
        "refresh_log": pl.DataFrame({"warnings": [[]]}, schema={"warnings": pl.List(pl.String)}),
        "source_file": pl.DataFrame({"file": [], "layout": [], "accepted": []}),
    }
    asked = SimpleNamespace(
        since=(0, None), sql=lambda query, *_: next(rows for name, rows in answers.items() if f"FROM {name}" in query)
    )
    [check] = checks.arrived(asked)
    assert (check.level, check.number, check.past) == ("stop", "200 records", "1,000 stood")
    assert "--accept list.csv" in check.to_do


def test_links_that_fall_are_said_with_their_past_range():
    counts = pl.DataFrame({"source": ["van"], "records": [1000], "linked": [500]})
    [check] = checks.linked(tonight(), counts)
    assert (check.level, check.number, check.past) == ("warning", "50.0%", "90.0% to 90.0%")
    assert checks.linked(tonight(), counts.with_columns(linked=pl.lit(895))) == []


def test_suppressions_that_fall_much_stop_the_night():
    [check] = checks.suppressed(tonight(), {"phone": 3000})
    assert (check.level, check.number, check.past) == ("stop", "3,000", "4,000 to 4,000")
    [check] = checks.suppressed(tonight(), {"phone": 3970})
    assert check.level == "warning"
    assert checks.suppressed(tonight(), {"phone": 3995}) == []
    assert checks.suppressed(tonight(), {})[0].level == "stop"


def test_a_calibration_that_moved_is_said():
    past = [{"turnout": 0.004}, {"turnout": 0.005}]
    [check] = checks.calibrated("turnout", 0.04, 0.005, past)
    assert (check.number, check.past) == ("4.00 points", "0.40 to 0.50 points")
    assert checks.calibrated("turnout", 0.009, 0.005, past) == []
    assert checks.calibrated("new", 0.3, 0.005, past) == []


def test_a_silent_stream_is_said_unless_it_always_pauses_so_long():
    last = pl.DataFrame({"stream": ["van", "text"], "last": [dt.date(2012, 10, 1)] * 2, "gap": [1, 9]})
    [check] = checks.silent(last, dt.date(2012, 10, 8), 3)
    assert "van" in check.what
    assert check.number == "7 days"
