"""One Chromium and one JupyterLab for all browser tests, and a watched page for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import lab


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
