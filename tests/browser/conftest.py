"""One Chromium and one JupyterLab for all browser tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

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
