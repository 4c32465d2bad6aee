"""result: an answer shows as its sentence, its chart and its first rows, and nothing breaks out of it."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, dataclass

import polars as pl
import pytest

from campaignkit import charts
from campaignkit.result import ROWS_SHOWN, Result, _decimals

HOSTILE = "</td></script><script>alert(1)</script>"


@dataclass(frozen=True, eq=False, repr=False)
class Plain(Result):
    """An answer with nothing to draw."""

    said: str = "So it is."

    def summary(self) -> str:
        return self.said


@dataclass(frozen=True, eq=False, repr=False)
class Drawn(Plain):
    """An answer with a chart."""

    def chart(self):
        return charts.bars(self.table, "name", "n", description=self.summary())


def people(rows: int) -> pl.DataFrame:
    return pl.DataFrame({"name": [f"person {row}" for row in range(rows)], "n": range(rows)})


def cells(shown: str) -> list[str]:
    return re.findall(r"<td[^>]*>(.*?)</td>", shown, re.S)


def test_a_result_must_have_a_sentence():
    with pytest.raises(TypeError, match="summary"):
        Result(people(1))


def test_a_result_cannot_be_changed_and_equals_only_itself():
    result = Plain(people(2))
    with pytest.raises(FrozenInstanceError):
        result.table = people(3)
    assert result == result
    assert result != Plain(people(2))
    assert {result}


def test_elsewhere_it_prints_as_sentence_and_table():
    assert repr(Plain(people(2))).startswith("So it is.\nshape: (2, 2)")


def test_without_a_chart_there_is_no_figure():
    result = Plain(people(2))
    assert result.chart() is None
    assert "<figure" not in result._repr_html_()


def test_in_a_notebook_it_shows_sentence_chart_and_rows():
    shown = Drawn(people(2))._repr_html_()
    order = [shown.index(mark) for mark in ("So it is.", "<figure", "<table")]
    assert order == sorted(order)
    assert cells(shown) == ["person 0", "0", "person 1", "1"]


@pytest.mark.parametrize(
    ("rows", "line"), [(ROWS_SHOWN, None), (ROWS_SHOWN + 1, "1 more row in"), (1_500, "1,490 more rows in")]
)
def test_it_says_how_many_rows_are_not_shown(rows, line):
    shown = Plain(people(rows))._repr_html_()
    assert len(cells(shown)) == 2 * min(rows, ROWS_SHOWN)
    assert line in shown if line else 'ck-more">' not in shown


def test_an_empty_table_shows():
    assert cells(Plain(people(0))._repr_html_()) == []


def test_numbers_are_written_to_be_read():
    table = pl.DataFrame(
        {
            "people": [1234567, None],
            "year": [2008, 2004],
            "entered_rate": [0.1234, 1.0],
            "effect": [-0.03251, 0.0004],
            "p_value": [0.00001, None],
            "raised": [1234567.8, 12.0],
            "seen": [True, None],
        }
    )
    assert cells(Plain(table)._repr_html_()) == [
        *("1,234,567", "2008", "12.3%", "−0.0325", "&lt;0.001", "1,234,568", "True"),
        *("–", "2004", "100.0%", "0.0004", "–", "12", "–"),
    ]


@pytest.mark.parametrize(
    ("numbers", "decimals"),
    [
        *(([0.0325, 0.001], 4), ([12.3], 1), ([123.0], 0), ([-5.0], 2), ([1e-12], 6)),
        *(([0.0, None], 2), ([], 2), ([float("nan"), float("inf"), 2.0], 2)),
    ],
)
def test_decimals_follow_the_largest_number(numbers, decimals):
    assert _decimals(pl.Series(numbers, dtype=pl.Float64)) == decimals


def test_a_subclass_says_which_columns_are_percentages():
    @dataclass(frozen=True, eq=False, repr=False)
    class Shares(Plain):
        def percentages(self):
            return ["estimate"]

    assert cells(Shares(pl.DataFrame({"estimate": [0.5], "rate": [0.5]}))._repr_html_()) == ["50.0%", "0.500"]


def test_all_text_is_escaped():
    table = pl.DataFrame({HOSTILE: [HOSTILE], "name": [HOSTILE], "n": [1]})
    shown = Drawn(table, said=HOSTILE)._repr_html_()
    assert "alert(1)</script>" not in shown
    assert "<script>alert" not in shown
    assert cells(shown)[0].count("&lt;") == 4


def test_its_style_touches_no_other_table():
    style = re.search(r"<style>(.*?)</style>", Plain(people(1))._repr_html_(), re.S)[1]
    selectors = re.findall(r"([^{}]+)\{", style)
    assert all(part.strip().startswith(".ck-result") for one in selectors for part in one.split(","))
