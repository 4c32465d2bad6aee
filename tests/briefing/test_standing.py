"""standing: the mark stands over the page without moving a byte of it, fits its room, and is taken back whole."""

from __future__ import annotations

import json
import os

import pytest

from campaignkit.briefing.standing import mark, unmarked, with_room


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "page.html").write_text(with_room("page.html", "<html>\n<body>\n<p>Ohio</p>\n"), encoding="utf-8")
    (tmp_path / "page.json").write_text(with_room("page.json", json.dumps({"night": 3}, indent=1)), encoding="utf-8")
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_mark_is_the_first_line_is_escaped_and_goes_without_a_trace(folder):
    before = contents(folder)
    mark(folder, "<b>disk</b> is full")
    page, twin = (folder / "page.html").read_text("utf-8"), json.loads((folder / "page.json").read_text("utf-8"))
    assert "&lt;b&gt;disk" in page.partition("<body>\n")[2].splitlines()[0]
    assert twin == {"not_tonight": "<b>disk</b> is full", "night": 3}
    assert {name: unmarked(folder / name) for name in before} == before
    assert {name: len(content) for name, content in contents(folder).items()} == {n: len(c) for n, c in before.items()}
    mark(folder, None)
    assert contents(folder) == before


@pytest.mark.parametrize("text", ["x" * 9_000, "é<" * 3_000, '"\n' * 2_000])
def test_a_long_message_is_cut_to_the_room(folder, text):
    before = contents(folder)
    mark(folder, text)
    assert "…" in (folder / "page.html").read_text("utf-8")
    assert json.loads((folder / "page.json").read_text("utf-8"))["night"] == 3
    assert {name: unmarked(folder / name) for name in before} == before


def test_the_pdf_that_can_not_be_marked_goes(folder):
    (folder / "page.pdf").write_bytes(b"%PDF")
    mark(folder, "failed")
    assert not (folder / "page.pdf").exists()


def test_a_page_without_room_or_none_at_all_is_left_alone(tmp_path):
    mark(tmp_path, "failed")
    (tmp_path / "page.html").write_text("<body>\n<p>an older page</p>\n", encoding="utf-8")
    mark(tmp_path, "failed")
    assert (tmp_path / "page.html").read_text("utf-8") == "<body>\n<p>an older page</p>\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_can_not_be_written_is_marked_all_the_same(folder):
    folder.chmod(0o500)
    mark(folder, "failed")
    folder.chmod(0o700)
    assert "failed" in (folder / "page.html").read_text("utf-8")
