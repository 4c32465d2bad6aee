"""A layout of one's own may not read what its file lacks, unless it says so; what no layout maps is printed."""

import pytest

from campaignkit import Megafile
from campaignkit.errors import LayoutError
from tests.megafile.campaign import GIFT_LAYOUT, GIFTS, write_campaign


def build(folder, layouts, **options):
    return Megafile.build(folder / "exports", folder / "a.duckdb", layouts=layouts, model=False, **options)


def test_a_column_that_is_not_there_is_an_error_with_the_nearest(tmp_path):
    layouts = write_campaign(tmp_path, gifts=GIFTS.replace("Phone", "Phones"))
    with pytest.raises(LayoutError, match=r"gifts\.csv lacks 'Phone'; did you mean 'Phones'.*optional = "):
        build(tmp_path, layouts, progress=False)


@pytest.mark.parametrize("optional", ['"phone"', "'/^PHO/'"])
def test_one_that_is_marked_optional_may_be_missing(tmp_path, optional):
    layouts = write_campaign(tmp_path, gifts=GIFTS.replace("Phone", "Phones"))
    layouts[1].write_text(GIFT_LAYOUT.replace("[file]", f"[file]\noptional = [{optional}]"), encoding="utf-8")
    with build(tmp_path, layouts, progress=False) as megafile:
        assert "phone" in megafile.sources["absent_columns"].explode().to_list()


def test_columns_that_no_layout_maps_and_those_missing_are_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CAMPAIGNKIT_PROGRESS", "1")
    layouts = write_campaign(tmp_path, gifts=GIFTS.replace("Phone", "Fone"))
    layouts[1].write_text(GIFT_LAYOUT.replace("[file]", '[file]\noptional = ["Phone"]'), encoding="utf-8")
    build(tmp_path, layouts, progress=True).close()
    said = capsys.readouterr().err
    assert "gifts.csv (tiny_gifts): Fone" in said
    assert "phone: the layout tiny_gifts reads it, and the file has none; did you mean 'Fone'?" in said
