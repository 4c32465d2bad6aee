"""Files for a spreadsheet: harmless, whole or not at all."""

import polars as pl
import pytest

from campaignkit.errors import BadValue
from campaignkit.saving import save_table
from campaignkit.spreadsheets import undefuse

CELLS = ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "'=1", "Ann, B.", 'a "b"', "", None, "naïve"]


def test_no_cell_and_no_name_of_a_csv_starts_a_formula(tmp_path):
    table = pl.DataFrame({"name": CELLS, "=n": range(len(CELLS))})
    back = pl.read_csv(save_table(table, tmp_path / "x.csv", "x"))
    assert back.columns == ["name", "'=n"]
    for cell, was in zip(back["name"], CELLS, strict=True):
        if was:
            assert undefuse(cell) == was
            assert cell == was or cell[0] == "'"


def test_texts_of_a_workbook_are_texts(tmp_path):
    pytest.importorskip("xlsxwriter")
    pytest.importorskip("fastexcel")
    texts = [cell for cell in CELLS if cell] + ["http://x.example", "1e5"]
    path = save_table(pl.DataFrame({"name": texts, "n": [1.5] * len(texts)}), tmp_path / "x.xlsx", "x")
    back = pl.read_excel(path, schema_overrides={"name": pl.String})
    assert back["name"].to_list() == texts
    assert back["n"].to_list() == [1.5] * len(texts)


@pytest.mark.parametrize(("name", "says"), [("x.xls", "did you mean '.xlsx'"), ("none/x.csv", "can't be written")])
def test_what_cannot_be_written_is_refused(tmp_path, name, says):
    with pytest.raises(BadValue, match=says):
        save_table(pl.DataFrame({"n": [1]}), tmp_path / name, "x")
    assert list(tmp_path.iterdir()) == []
