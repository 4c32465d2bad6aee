"""Layouts: what a TOML may say, and errors that name the nearest right word."""

import pytest

from campaignkit.errors import LayoutError
from campaignkit.megafile import schema
from campaignkit.megafile.ingest.layout import load_layouts, own_layouts, read_layout
from tests.megafile.campaign import VOTER_LAYOUT

WRONG = {
    ('mode = "snapshot"', 'mod = "snapshot"'): "unknown key 'mod'; did you mean 'mode'",
    ('mode = "snapshot"', 'mode = "snap"'): "mode is 'snap'; it is one of snapshot, append, upsert",
    ('kind = "voter"', ""): "lacks 'kind'",
    (
        'first_name = "FIRST"',
        'firstname = "FIRST"',
    ): "source_record has no column 'firstname'; did you mean 'first_name'",
    ('table = "vote_history"', 'table = "votes"'): "there is no table 'votes'",
    (
        'birth_date = { column = "BORN"',
        'birth_date = { column = "BORN", value = "x"',
    ): "exactly one of column, template",
    ('required = ["VOTER_ID", "FIRST", "LAST", "COUNTY"]', ""): "needs `required`",
    ("[file]", "[file]\nencoding = 'ebcdic'"): "encoding is 'ebcdic'",
    ("[file]", "[file"): "is not valid TOML",
}


@pytest.mark.parametrize("change", WRONG)
def test_a_layout_that_says_something_wrong_is_told_what(change):
    with pytest.raises(LayoutError, match=WRONG[change]):
        read_layout(VOTER_LAYOUT.replace(*change), "mine.toml")


def test_every_built_in_layout_reads_and_fills_known_tables():
    layouts = load_layouts()
    assert len(layouts) >= 30
    assert {fact.table for layout in layouts for fact in layout.facts} <= set(schema.FACTS)
    assert len({layout.name for layout in layouts}) == len(layouts)


def test_every_fact_table_is_filled_by_some_built_in_layout():
    filled = {fact.table for layout in load_layouts() for fact in layout.facts}
    assert filled == set(schema.FACTS)


def test_a_layout_of_the_same_name_replaces_the_built_in_one(tmp_path):
    own = tmp_path / "oh_voter.toml"
    own.write_text(VOTER_LAYOUT.replace('name = "tiny_voter"', 'name = "oh_voter"'), encoding="utf-8")
    assert {layout.name: layout for layout in load_layouts(own_layouts([own]))}["oh_voter"].title == "A tiny voter file"
