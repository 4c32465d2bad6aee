"""One small campaign, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.briefing import campaign


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("campaign")
    campaign.build(folder)
    return folder


@pytest.fixture
def settings(built: Path, tmp_path: Path) -> Path:
    """A copy's campaign.toml."""
    return campaign.copy_of(built, tmp_path)
