"""charts: figures that stand alone, cannot be broken out of, and say what they show."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from campaignkit import charts
from campaignkit.errors import BadValue
from tests.charts.table import HOSTILE, region_bars

FIGURE = sys.modules["campaignkit.charts.figure"]  # the room gives the function of that name


class Page(HTMLParser):
    """Counts tags, and keeps attributes and the text within scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.scripts[-1] += data


def test_importing_charts_stays_light():
    code = "import sys, campaignkit.charts; print({'altair', 'vl_convert', 'great_tables'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_figure_holds_a_still_and_the_spec():
    page = Page(charts.figure(region_bars()))
    assert [tag for tag, _ in page.tags] == ["figure", "img", "script", "script"]
    picture = page.tags[1][1]
    assert picture["alt"] == "People by region"
    head, svg = picture["src"].split(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(svg).startswith(b"<svg")
    assert json.loads(page.scripts[0])["layer"][0]["mark"]["type"] == "bar"


def test_what_comes_from_data_cannot_break_out():
    chart = region_bars(title=HOSTILE).properties(description=f'"{HOSTILE}')
    figure = charts.figure(chart)
    page = Page(figure)
    assert [tag for tag, _ in page.tags] == ["figure", "img", "script", "script"]
    assert page.tags[1][1]["alt"] == f'"{HOSTILE}'
    spec = json.loads(page.scripts[0])
    assert " ".join(spec["title"]) == HOSTILE
    assert not re.search(r"[<>&]", page.scripts[0])
    svg = base64.b64decode(re.search(r"base64,([^\"]+)", figure)[1]).decode()
    assert "<script" not in svg


def test_a_chart_without_description_is_refused():
    for missing in ({}, {"description": "  "}):
        spec = region_bars().to_dict() | {"description": ""} | missing
        with pytest.raises(BadValue, match=r"properties\(description="):
            charts.figure(spec)


def test_a_still_fetches_nothing():
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"url": "https://example.org/people.csv"},
        "mark": "point",
    }
    with pytest.raises(ValueError, match="External data url not allowed"):
        charts.still(spec)


def test_any_altair_chart_shows_as_a_figure_in_the_house_style():
    bundle = region_bars()._repr_mimebundle_()
    assert bundle["text/html"].startswith("<figure")
    assert bundle["text/plain"] == "People by region"
    config = region_bars().to_dict()["config"]
    assert config["range"]["category"] == list(charts.PALETTE)


# --- Vega's script ------------------------------------------------------------------------------------


def test_the_script_is_kept_and_can_stand_in_a_page(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    script = charts.vega_script()
    kept = list((tmp_path / "campaignkit").iterdir())
    assert [path.suffix for path in kept] == [".js"]
    assert kept[0].read_text(encoding="utf-8") == script
    kept[0].write_text("kept", encoding="utf-8")
    assert charts.vega_script() == "kept"
    assert "window.vegaEmbed=" in script
    assert "</script" not in script.lower()
    assert "<!--" not in script


def test_the_script_does_without_a_cache(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda *_: "bundle;")
    assert "bundle;" in charts.vega_script()


@pytest.fixture
def notebook(monkeypatch):
    """A notebook that counts the scripts sent to it, and can be told which cell runs."""
    sent, here = [], ["cell 1", "run 1"]
    monkeypatch.setattr(FIGURE, "in_notebook", lambda: True)
    monkeypatch.setattr(FIGURE, "_here", lambda: tuple(here))
    monkeypatch.setattr(FIGURE, "_holder", {})
    monkeypatch.setattr(FIGURE, "vega_script", lambda: "vega")
    monkeypatch.setattr("IPython.display.display", lambda shown: sent.append(shown.data))
    monkeypatch.delenv("CAMPAIGNKIT_VEGA", raising=False)
    return sent, here


def test_the_script_comes_once_with_the_first_chart(notebook):
    sent, here = notebook
    for cell, run in [("cell 1", "run 1"), ("cell 1", "run 1"), ("cell 2", "run 2"), ("cell 2", "run 3")]:
        here[:] = cell, run
        charts.make_live()
    assert sent == ["<script>vega</script>"]
    here[:] = "cell 1", "run 4"  # its output, and the script in it, has been cleared
    charts.make_live()
    charts.make_live()
    assert len(sent) == 2


def test_the_script_comes_once_where_cells_have_no_names(notebook):
    sent, here = notebook
    for run in ("run 1", "run 2"):
        here[:] = None, run
        charts.make_live()
    assert len(sent) == 1


def test_setup_sends_the_script_unless_the_page_has_it(notebook, monkeypatch):
    sent, _ = notebook
    monkeypatch.setenv("CAMPAIGNKIT_VEGA", "page")
    charts.setup()
    charts.make_live()
    assert sent == []
    monkeypatch.delenv("CAMPAIGNKIT_VEGA")
    charts.setup()
    charts.make_live()
    assert len(sent) == 1


def test_outside_a_notebook_nothing_is_sent(capsys):
    charts.setup()
    charts.make_live()
    assert capsys.readouterr().out == ""
