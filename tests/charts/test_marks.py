"""charts.marks: rows in the table's order, nulls shown, wrong columns named."""

from __future__ import annotations

import polars as pl
import pytest

from campaignkit import charts
from campaignkit.errors import BadValue, ColumnNotFound
from tests.charts.table import HOSTILE, TABLE, region_bars


def test_bars_keep_the_order_and_show_null():
    for layer in region_bars().to_dict()["layer"]:
        assert layer["encoding"]["y"]["sort"] == ["West", "(null)", HOSTILE]
        assert layer["encoding"]["y"]["title"] == "region.of[origin]"


def test_bars_say_their_numbers_and_what_is_not_known():
    table = pl.DataFrame({"step": ["all", "left", "lost"], "rate": [1.0, 0.123, None]})
    drawn = charts.still(charts.bars(table, "step", "rate", description="Steps").to_dict())
    assert ">100%<" in drawn
    assert ">12.3%<" in drawn
    assert ">not known<" in drawn


def test_long_labels_stand_on_two_lines_and_stay_apart():
    begin = "region West and sex F and age 40–49 and party D and income over 100,000 and interest"
    table = pl.DataFrame({"segment": [f"{begin} sports", f"{begin} film"], "n": [1, 2]})
    drawn = charts.still(charts.bars(table, "segment", "n", description="Two").to_dict())
    assert "sports<" in drawn
    assert "film<" in drawn


def test_intervals_keep_the_order_where_some_have_no_interval():
    chart = charts.intervals(
        TABLE, "region.of[origin]", "entered_rate", description="Rates", reference=0, title="Entered"
    )
    spec = chart.to_dict()
    assert len(spec["layer"]) == 3
    for layer in spec["layer"][1:]:
        assert layer["encoding"]["y"]["sort"] == ["West", "(null)", HOSTILE]
        assert layer["encoding"]["x"]["axis"]["format"].endswith("%")
    assert "<svg" in charts.still(spec)


def test_series_are_drawn_side_by_side():
    both = pl.concat([TABLE.with_columns(half=pl.lit("search")), TABLE.with_columns(half=pl.lit("held out"))])
    spec = charts.bars(both, "region.of[origin]", "n", series="half", description="Halves").to_dict()
    (encoding,) = (layer["encoding"] for layer in spec["layer"])
    assert encoding["color"]["sort"] == encoding["yOffset"]["sort"] == ["search", "held out"]
    with pytest.raises(BadValue, match="drawn over each other"):
        charts.bars(both, "region.of[origin]", "n", description="Halves")


def test_wrong_columns_are_named():
    with pytest.raises(ColumnNotFound, match="did you mean 'upper'"):
        charts.intervals(TABLE, "n", "entered_rate", "lower", "uper", description="x")
    with pytest.raises(BadValue, match="region"):
        charts.bars(TABLE, "n", "region.of[origin]", description="x")
