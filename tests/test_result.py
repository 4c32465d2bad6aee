"""result: an answer shows as its sentence, its chart and its first rows, and nothing breaks out of it."""

from __future__ import annotations

import json
import re
from dataclasses import FrozenInstanceError, dataclass

import polars as pl
import pytest

from campaignkit import charts
from campaignkit.errors import BadValue
from campaignkit.megafile.call_list import CallList
from campaignkit.megafile.ties import Ties
from campaignkit.outreach import Asks
from campaignkit.pages import report
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


def test_a_p_value_is_told_as_one_whatever_stands_before_it():
    table = pl.DataFrame({"p_adjusted": [1e-9], "holdout_p_adjusted": [1e-9], "gain_p_value": [0.0312]})
    assert [name in Plain(table).as_html() for name in ("&lt;0.001", "0.031", "0.000")] == [True, True, False]


def test_tiny_numbers_are_no_zeros_and_dollars_no_formulas():
    shown = Plain(pl.DataFrame({"first_unit": [3.2e-9, 0.0]}), said="From $5 to $10.").as_html()
    assert "3.2 × 10" in shown
    assert '<div class="ck-result mathjax_ignore' in shown


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


def test_what_the_sentence_speaks_of_is_shown_first_and_the_table_keeps_its_order():
    class Ordered(Plain):
        def columns_first(self) -> list[str]:
            return ["p_adjusted", "absent"]

    answer = Ordered(people(2).with_columns(p_adjusted=pl.lit(0.04)))
    shown = [name for name in re.findall(r">([^<>]+)<", answer.as_html()) if name in answer.table.columns]
    assert shown == ["p_adjusted", "name", "n"]
    assert answer.table.columns == ["name", "n", "p_adjusted"]


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


SAVED = pl.DataFrame({"region": ["West", "=East"], "n": [3, 1], "days": [[1, 2], [3]]})


@dataclass(frozen=True, eq=False, repr=False)
class Saved(Plain):
    def chart(self):
        return charts.bars(self.table.select("region", "n"), "region", "n", description="West 3, East 1.")


def test_the_ending_says_what_is_saved(tmp_path):
    begins = {".html": b"<!DOCTYPE html>", ".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<svg", ".xlsx": b"PK"}
    for ending, start in begins.items():
        assert Saved(SAVED).save(tmp_path / f"x{ending}").read_bytes().startswith(start), ending
    csv = pl.read_csv(Saved(SAVED).save(tmp_path / "x.csv"))
    assert csv["region"].to_list() == ["West", "'=East"]
    assert csv["days"].to_list() == ["[1, 2]", "[3]"]
    assert pl.read_parquet(Saved(SAVED).save(tmp_path / "x.parquet")).equals(SAVED)
    kept = json.loads(Saved(SAVED).save(tmp_path / "x.json").read_text())
    assert kept["summary"] == Saved(SAVED).summary()
    assert kept["table"] == SAVED.to_dicts()


def test_a_saved_page_loads_nothing_and_escapes_what_it_says(tmp_path):
    page = Drawn(pl.DataFrame({"name": [HOSTILE], "n": [1]}), said=HOSTILE).save(tmp_path / "x.html").read_text()
    assert "window.vegaEmbed" in page
    assert "<script>alert" not in page
    tags = re.sub(r"<script>\(\(\) => \{\n.*", "", page, flags=re.S)  # all but Vega's own script
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", tags)


@pytest.mark.parametrize(
    ("name", "says"),
    [("x.htm", "did you mean '.html'"), ("x", "ends in ''"), ("none/x.csv", "can't be written"), ("x.png", "no chart")],
)
def test_what_cannot_be_saved_is_refused_and_leaves_nothing(tmp_path, name, says):
    with pytest.raises(BadValue, match=says):
        Plain(people(1)).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_several_answers_are_one_page(tmp_path):
    parts = ["## <Where>", Saved(SAVED), "One & all.\n\nEnd."]
    page = report(parts, tmp_path / "x.html", title="A <b> page").read_text()
    assert "<h1>A &lt;b&gt; page</h1>\n<h2>&lt;Where&gt;</h2>" in page
    assert page.endswith("</html>\n")
    assert "<p>One &amp; all.</p>\n<p>End.</p>" in page
    for bad in ([], [3]):
        with pytest.raises(BadValue, match="parts"):
            report(bad, tmp_path / "y.html", title="Nothing")


def test_a_table_of_people_leaves_by_its_own_way_alone(tmp_path):
    @dataclass(frozen=True, eq=False, repr=False)
    class People(Drawn):
        leaves_by = "write them with .write(path)"

    for ending in (".html", ".csv", ".xlsx", ".parquet", ".json"):
        with pytest.raises(BadValue, match=r"\.write"):
            People(people(2)).save(tmp_path / f"x{ending}")
    with pytest.raises(BadValue, match=r"\.summary"):
        report([People(people(2))], tmp_path / "x.html", title="People")
    assert list(tmp_path.iterdir()) == []
    assert People(people(2)).save(tmp_path / "x.svg").exists()


def test_lists_asks_and_ties_hold_people():
    assert all(answer.leaves_by for answer in (CallList, Asks, Ties))
