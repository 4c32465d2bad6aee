"""Notebooks ask one question each, define no helpers, and keep no outputs. Their running is tested in tests/browser."""

from __future__ import annotations

import ast
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


def test_it_defines_no_helpers(source):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = [node.name for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, kinds)]
    assert defined == []
