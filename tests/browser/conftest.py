"""One Chromium, one JupyterLab, one book and one morning page for all browser tests, and a watched page for each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import campaignkit as ck
from tests.briefing import campaign
from tests.browser import lab

BOOK = lab.BUILD / "book"
SOURCES = ("book", "campaignkit", "notebooks")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium with no way out of this machine."""
    with sync_playwright() as playwright:
        browser = lab.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running JupyterLab."""
    with lab.server(tmp_path_factory.mktemp("lab")) as address:
        yield address


@pytest.fixture
def watch() -> lab.Watch:
    """What the pages tried and complained of."""
    return lab.Watch()


@pytest.fixture
def page(chromium: Browser, watch: lab.Watch) -> Iterator[Page]:
    """A watched page whose notebook's kernel ends with the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1300})
    watch.on(context)
    page = context.new_page()
    yield page
    lab.shut_down(page)
    context.close()


@pytest.fixture(scope="session")
def book() -> Path:
    """The folder of the built book, its notebooks executed; built anew where a source is younger."""
    index = BOOK / "index.html"
    if not index.exists() or index.stat().st_mtime < _newest_source():
        command = ["-m", "sphinx", "-W", "--keep-going", "-q", "book", str(BOOK)]
        built = subprocess.run([sys.executable, *command], cwd=lab.ROOT, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr[-5000:]
    return BOOK


def _newest_source() -> float:
    """Return the time of the youngest file that the book is made from."""
    return max(
        path.stat().st_mtime
        for folder in SOURCES
        for path in (lab.ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".css", ".js", ".toml", ".sql"}
    )


@pytest.fixture(scope="session")
def morning_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The morning page of a second night."""
    built, folder = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("night")
    campaign.build(built)
    path = campaign.copy_of(built, folder)
    path.write_text(path.read_text() + campaign.FORECAST)
    ck.briefing.night(path, progress=False)
    campaign.add_night(built, folder, 1)
    ck.briefing.night(path, progress=False)
    return folder / "briefing" / "page.html"
