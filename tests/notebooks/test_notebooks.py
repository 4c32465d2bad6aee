"""Notebooks keep the house's rules, as far as a machine can tell. Their running is tested in tests/browser."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jupytext
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
SOURCES = sorted(FOLDER.glob("*.py"))


@pytest.fixture(params=SOURCES, ids=lambda source: source.stem)
def source(request: pytest.FixtureRequest) -> Path:
    """One notebook's source."""
    return request.param


def test_there_are_sources_only():
    assert SOURCES
    assert [path.name for path in FOLDER.rglob("*.ipynb")] == []


def test_it_opens_with_one_title(source):
    cells = jupytext.read(source, fmt="py:percent").cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    titles = [line for cell in cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    assert sum(line.startswith("# ") for line in titles) == 1


def test_it_asks_warns_and_decides_in_that_order(source):
    text = "\n".join(cell.source for cell in cells_of(source, "markdown"))
    turns = ["**The question:**", "## What could fool us", "## The number", "**Decision.**"]
    places = [text.rfind(turn) if turn == "**Decision.**" else text.find(turn) for turn in turns]
    assert -1 not in places, dict(zip(turns, places, strict=True))
    assert places == sorted(places)


def test_nothing_but_the_planted_truth_follows_the_decision(source):
    headings = re.findall(r"^## (.+)$", "\n".join(cell.source for cell in cells_of(source, "markdown")), re.M)
    at = next(place for place, heading in enumerate(headings) if heading.startswith("The number"))
    assert [heading for heading in headings[at + 1 :] if "planted truth" not in heading] == []


def test_every_turn_shows_something(source):
    """Each section with code, after the opening, holds a cell that leaves a table, a chart or a printed line."""
    shown, section = {}, ""
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^## (.+)$", cell.source, re.M)
            section = found[-1] if found else section
        elif section and cell.source.strip():
            shown[section] = shown.get(section, False) or shows(cell.source)
    assert [section for section, something in shown.items() if not something] == []


def test_it_says_who_is_invented(source):
    assert "invented" in "\n".join(cell.source for cell in cells_of(source, "markdown"))


def test_it_defines_no_helpers(source):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = [node.name for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, kinds)]
    assert defined == []


def cells_of(source: Path, kind: str) -> list:
    return [cell for cell in jupytext.read(source, fmt="py:percent").cells if cell.cell_type == kind]


def shows(code: str) -> bool:
    """Return whether a cell's last statement, or a branch of it, leaves something to see."""
    last = ast.parse(code).body[-1]
    branches = [node for node in ast.walk(last) if isinstance(node, ast.Expr)]
    return isinstance(last, ast.Expr) or (isinstance(last, (ast.If, ast.For, ast.Try)) and bool(branches))


def test_no_text_has_two_dollar_signs_in_a_cell(source):
    for cell in cells_of(source, "markdown"):
        assert cell.source.count("$") < 2, "JupyterLab sets what stands between them as a formula: write dollars"
