"""The how-to pages' code runs as it stands, from top to bottom of each page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "book" / "howto"
PAGES = sorted(FOLDER.glob("*.md"))


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.spark] if "spark" in page.name else [], id=page.stem) for page in PAGES],
)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks(page):
        exec(compile(block, page.name, "exec"), names)
    if "spark" in names:
        names["spark"].stop()


def test_there_is_code_to_run():
    assert sum(len(blocks(page)) for page in PAGES) > 10
