"""What a benchmark prints is kept with its date, commit, seed and machine; every page of the book says these."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import page

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path.stem for path in (ROOT / "tests" / "benchmarks").glob("bench_*.py"))
KEPT = [*sorted((ROOT / "book" / "benchmarks").glob("*.md")), *sorted((ROOT / "book" / "calibration").glob("*.md"))]
DATED = re.compile(
    r"^20\d\d-\d\d-\d\d, commit [0-9a-f]{7,}.*; (seeds? [\d.]+( to \d+)?|nothing is drawn|seed as in)", re.M
)


@pytest.mark.parametrize("name", MODULES)
def test_a_page_says_when_by_which_code_and_seed_and_where(name):
    module = import_module(f"tests.benchmarks.{name}")
    text = page(name.removeprefix("bench_"), module, "ours 1.0 s\n")
    assert DATED.search(text)
    assert re.search(r"\d+ cores, \d+ GiB", text)
    assert "```text\nours 1.0 s\n```" in text


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: f"{kept.parent.name}/{kept.stem}")
def test_what_the_book_keeps_says_so_too(kept):
    assert DATED.search(kept.read_text(encoding="utf-8"))
