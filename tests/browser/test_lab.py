"""Every notebook runs in JupyterLab, in Chromium, without a network, and its charts draw."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROBE = Path(__file__).parent / "probe.py"
SOURCES = [PROBE, *sorted((lab.ROOT / "notebooks").glob("*.py"))]


@pytest.mark.timeout(lab.SECONDS_TO_START * 2 + lab.SECONDS_TO_RUN + 60)
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_notebook_runs_and_draws(source: Path, page: Page, watch: lab.Watch, lab_address: str) -> None:
    lab.open_notebook(page, lab_address, lab.make_notebook(source))
    lab.run_all(page)
    cells = lab.outputs(page)
    assert lab.errors(cells) == []

    counts = lab.wait_for_charts(page)
    assert page.locator("mjx-container").count() == 0  # dollars are no formulas
    lab.screenshot(page, source.stem)
    lab.theme(page, "JupyterLab Dark")
    lab.screenshot(page, f"{source.stem}-dark")
    lab.theme(page, "JupyterLab Light")
    assert counts["figures"] == counts["live"] == lab.figures(cells) > 0
    assert counts["embeds"] == counts["drawn"]
    assert counts["broken"] == counts["stills"] == counts["mute"] == 0
    assert watch.outside == []
    assert watch.console == []


@pytest.mark.timeout(600)
def test_charts_answer_a_brush_and_live_on_after_a_reload(page: Page, lab_address: str) -> None:
    lab.open_notebook(page, lab_address, lab.make_notebook(PROBE))
    lab.run_all(page)
    assert lab.wait_for_charts(page)["live"] == 3
    assert page.title() != "broken"
    assert lab.brush(page, "figure.ck-figure >> nth=1")

    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.wait_for_selector("figure.ck-figure >> nth=2", state="attached")
    assert lab.wait_for_charts(page)["live"] == 3


LONG = """# %%
import os
os.environ["CAMPAIGNKIT_PROGRESS"] = "1"
from campaignkit import sample
mf = sample.megafile()
counted = mf.sql("SELECT count(DISTINCT hash(i) % 30_000_000) FROM range(60_000_000) a(i)")
"""


@pytest.mark.timeout(600)
def test_a_long_query_is_shown_by_name_while_it_runs(page: Page, watch: lab.Watch, lab_address: str) -> None:
    source = lab.NOTEBOOKS / "long.py"
    lab.NOTEBOOKS.mkdir(parents=True, exist_ok=True)
    source.write_text(LONG)
    lab.open_notebook(page, lab_address, lab.make_notebook(source))
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells') }")
    running = page.get_by_text(re.compile(r"megafile:\s+answering\s+a\s+query\s+\d+%"))
    running.wait_for(timeout=120_000)
    lab.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=lab.SCREENSHOTS / "long-query.png")
    running.wait_for(state="detached", timeout=120_000)
    assert lab.errors(lab.outputs(page)) == []
    assert watch.console == []


def test_a_missing_chromium_is_a_failure_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "CHROMIUM", Path("/nowhere/chromium"))
    with pytest.raises(AssertionError, match="make chromium"):
        lab.launch(None)
