"""Workbooks, Parquet, Arrow, JSON lines and frames make the megafile that their text makes, with the same accounts."""

import importlib
import io
import zipfile
from datetime import date, datetime

import duckdb
import polars as pl
import pytest
import xlsxwriter

from campaignkit import Megafile
from campaignkit.errors import BadValue, LayoutError, SourceRestricted
from campaignkit.megafile.ingest import table_files
from campaignkit.restrictions import remember
from tests.megafile.campaign import GIFT_LAYOUT, GIFTS, VOTERS, write_campaign

TABLES = ("person", "household", "gift", "vote_history", "source_record")


def frame(text):
    return pl.read_csv(io.StringIO(text), infer_schema=False)


def build(folder, exports, layouts, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMPAIGNKIT_PROGRESS", "0")
        return Megafile.build(exports, folder / "tables.duckdb", layouts=layouts, model=False, **options)


def contents(megafile):
    rows = {name: megafile.sql(f"FROM {name} ORDER BY ALL").drop("record_id", strict=False) for name in TABLES}
    accounts = megafile.sources.select("lines", "records", "accepted", "rejected", "rejected_lines", "unread")
    return {**rows, "accounts": accounts.sort("lines", "records", "accepted", "rejected")}


def equal(a, b):
    return all(a[name].equals(b[name]) for name in a)


@pytest.fixture(scope="module")
def as_text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    layouts = write_campaign(folder)
    with build(folder, folder / "exports", layouts) as megafile:
        return contents(megafile), layouts


WRITERS = {
    "parquet": pl.DataFrame.write_parquet,
    "arrow": pl.DataFrame.write_ipc,
    "jsonl": pl.DataFrame.write_ndjson,
    "xlsx": pl.DataFrame.write_excel,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_each_kind_of_file_makes_the_megafile_of_its_text(as_text, tmp_path, kind):
    expected, layouts = as_text
    exports = tmp_path / "exports"
    exports.mkdir()
    WRITERS[kind](frame(VOTERS), exports / f"voters_20121001.{kind}")
    WRITERS[kind](frame(GIFTS), exports / f"gifts.{kind}")
    with build(tmp_path, exports, layouts) as megafile:
        assert equal(contents(megafile), expected)
        assert megafile.check() == []


CON = duckdb.connect()
ENGINES = {
    "polars": lambda table: table,
    "lazy polars": lambda table: table.lazy(),
    "pandas": lambda table: table.to_pandas(),
    "pyarrow": lambda table: table.to_arrow(),
    "duckdb": lambda table: CON.from_arrow(table.to_arrow()),
    "batches": lambda table: table.to_arrow().to_reader(),
}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_frames_of_any_engine_make_the_megafile_of_their_text(as_text, tmp_path, engine):
    expected, layouts = as_text
    tables = {"voters": ENGINES[engine](frame(VOTERS)), "gifts": ENGINES[engine](frame(GIFTS))}
    with build(tmp_path, tables, layouts, as_of="2012-10-01") as megafile:
        assert equal(contents(megafile), expected)
        assert megafile.as_of == date(2012, 10, 1)


@pytest.mark.slow
def test_frames_stand_beside_a_folder_and_come_again_by_night(as_text, tmp_path):
    expected, layouts = as_text
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "voters_20121001.csv").write_text(VOTERS, encoding="utf-8")
    with build(tmp_path, tmp_path / "exports", layouts, tables={"gifts": frame(GIFTS)}) as megafile:
        assert equal(contents(megafile), expected)
        assert megafile.refresh(None, tables={"gifts": frame(GIFTS)}, progress=False).night == 0
        more = frame(GIFTS.replace("g1,", "g9,"))
        assert megafile.refresh({"gifts": more}, progress=False).table["new"].sum() == 1


def test_a_typed_table_reads_as_its_text_would(tmp_path):
    layout = tmp_path / "gifts.toml"
    layout.write_text(GIFT_LAYOUT.replace("%Y-%m-%d", "%m/%d/%Y"), encoding="utf-8")  # ISO all the same
    rows = {
        "Gift ID": [1001.0, 1002.0], "Email": ["a@x.org", "b@x.org"], "First": ["Ann", "Bo"], "Last": ["Lee", "Ray"],
        "Amount": [1250.5, 20.0], "Date": [datetime(2012, 10, 1), datetime(2012, 9, 30, 14, 5)], "Address": ["1 Elm", None],
        "Zip": [4401, 44101], "Phone": [2165550100, None], "Born": [date(1970, 5, 6), None],
    }  # fmt: skip
    with build(tmp_path, {"gifts": pl.DataFrame(rows)}, layout) as megafile:
        assert megafile.sql("SELECT record_key FROM record ORDER BY 1")["record_key"].to_list() == ["1001", "1002"]
        assert megafile.sql("SELECT given_on, amount::DOUBLE FROM gift ORDER BY 1").rows() == [
            (date(2012, 9, 30), 20.0),
            (date(2012, 10, 1), 1250.5),
        ]
        assert megafile.sql("SELECT birth_date, phone, zip5 FROM person WHERE first_name = 'Ann'").rows() == [
            (date(1970, 5, 6), "+12165550100", "04401")
        ]


def write_workbook(path, sheets):
    with xlsxwriter.Workbook(path) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)


def table(text):
    return [frame(text).columns, *frame(text).rows()]


@pytest.mark.slow
def test_the_sheet_that_fits_is_read_below_its_title_and_the_others_are_said(as_text, tmp_path):
    _, layouts = as_text
    title = [["Gifts to the campaign"], [], ["as of today"]]
    write_workbook(tmp_path / "gifts.xlsx", {"Notes": [["ask Kim"]], "Gifts": title + table(GIFTS), "Empty": []})
    (tmp_path / "exports").mkdir()
    (tmp_path / "gifts.xlsx").rename(tmp_path / "exports" / "gifts.xlsx")
    with pytest.warns(UserWarning, match=r"gifts\.xlsx!Notes was not taken in: a sheet that fits no layout"):
        megafile = build(tmp_path, tmp_path / "exports", layouts)
    with megafile:
        assert megafile.sources.filter(pl.col("layout").is_not_null())["file"].to_list() == ["gifts.xlsx!Gifts"]
        assert megafile.sql("SELECT sum(amount)::DOUBLE FROM gift").item() == 1035.5
        assert megafile.refresh(tmp_path / "exports", progress=False).night == 0


def test_of_two_sheets_that_fit_the_layout_says_which(as_text, tmp_path):
    _, layouts = as_text
    exports = tmp_path / "exports"
    exports.mkdir()
    write_workbook(exports / "gifts.xlsx", {"Old": table(GIFTS)[:2], "New": table(GIFTS)})
    with pytest.raises(LayoutError, match=r'Old and gifts\.xlsx!New both fit tiny_gifts.*sheet = "New"'):
        build(tmp_path, exports, layouts)
    mine = tmp_path / "mine.toml"
    mine.write_text(GIFT_LAYOUT.replace("[file]", '[file]\nsheet = "New"'), encoding="utf-8")
    with pytest.warns(UserWarning, match="!Old was not taken in"), build(tmp_path, exports, mine) as megafile:
        assert megafile.sql("SELECT count(*) FROM gift").item() == 4


def test_a_line_that_is_no_json_object_is_one_reject(as_text, tmp_path):
    _, layouts = as_text
    exports = tmp_path / "exports"
    exports.mkdir()
    lines = frame(GIFTS).write_ndjson().splitlines()
    (exports / "gifts.jsonl").write_text("\n".join([*lines[:2], '{"Gift ID": "g7", ', "[1]", *lines[2:]]) + "\n")
    with build(tmp_path, exports, layouts) as megafile:
        assert megafile.sources.select("records", "accepted", "rejected").row(0) == (6, 4, 2)
        assert megafile.rejects["raw"].str.contains("not a JSON object").all()
        assert megafile.rejects["first_line"].to_list() == [4, 5]


def test_a_json_line_that_is_no_utf_8_is_rejected_and_counted(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"name": "Ann"}\n' + '{"name": "Pe\xf1a"}\n'.encode("cp1252") + b'{"name": "Bo"}\n')
    with table_files.open_table(path, None, "a.jsonl") as stream:
        lines = stream.read().decode().splitlines()
    assert [lines[0], lines[1], lines[3]] == ["name", "Ann", "Bo"]
    assert "not a JSON object in UTF-8" in lines[2]
    assert lines[2].endswith(",")


def test_nested_json_is_named_by_its_path(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 7, "donor": {"zip": "04401", "tags": ["a", "b"]}}\n{"id": 8.0, "ok": true}\n')
    with table_files.open_table(path, None, path.name) as stream:
        assert stream.read() == b'id,donor.zip,donor.tags,ok\n7,04401,"a, b",\n8,,,true\n'


def test_a_damaged_file_is_one_clear_error(as_text, tmp_path):
    _, layouts = as_text
    exports = tmp_path / "exports"
    exports.mkdir()
    frame(GIFTS).write_parquet(exports / "gifts.parquet")
    whole = (exports / "gifts.parquet").read_bytes()
    (exports / "gifts.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LayoutError, match=r"gifts\.parquet can't be read"):
        build(tmp_path, exports, layouts)
    (exports / "gifts.parquet").unlink()
    (exports / "gifts.xlsx").write_bytes(b"PK\x03\x04" + b"\0" * 400)
    with pytest.raises(LayoutError, match=r"gifts\.xlsx can't be read"):
        build(tmp_path, exports, layouts)


def test_a_workbook_that_unpacks_to_far_more_than_an_export_is_refused(as_text, tmp_path):
    _, layouts = as_text
    exports = tmp_path / "exports"
    exports.mkdir()
    with zipfile.ZipFile(exports / "gifts.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(80 << 20))
    with pytest.raises(LayoutError, match=r"gifts\.xlsx unpacks to 83,886,080 bytes"):
        build(tmp_path, exports, layouts)


def test_a_workbook_without_the_extra_says_what_to_install(as_text, tmp_path, monkeypatch):
    _, layouts = as_text
    exports = tmp_path / "exports"
    exports.mkdir()
    frame(GIFTS).write_excel(exports / "gifts.xlsx")
    real = importlib.import_module

    def without(name, *rest):
        if name == "fastexcel":
            raise ImportError(name)
        return real(name, *rest)

    table_files._read_workbook.cache_clear()
    monkeypatch.setattr(table_files, "import_module", without)
    with pytest.raises(LayoutError, match=r"gifts\.xlsx is a workbook.*pip install 'campaignkit\[excel\]'"):
        build(tmp_path, exports, layouts)


def test_all_files_that_fit_nothing_are_named_at_once_with_their_columns_and_what_to_run(as_text, tmp_path):
    _, layouts = as_text
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "gifts.csv").write_text(GIFTS, encoding="utf-8")
    (exports / "my list.csv").write_text("id;colour\n1;red\n", encoding="utf-8")
    pl.DataFrame({"one": [1], "two": [2]}).write_parquet(exports / "other.parquet")
    with pytest.raises(LayoutError) as raised:
        build(tmp_path, exports, layouts)
    said = str(raised.value)
    assert "2 files fit no layout" in said
    assert "my list.csv fits no layout" in said
    assert "parted by ';': id, colour." in said
    assert "Its columns: one, two." in said
    assert "campaignkit inspect" in said
    assert "my list.csv' " in said


@pytest.mark.slow
def test_layouts_are_files_folders_and_globs(as_text, tmp_path):
    expected, layouts = as_text
    exports = layouts[0].parent / "exports"
    for given in (layouts[0].parent, str(layouts[0].parent / "*.toml"), [layouts[0], layouts[0].parent / "tiny_g*"]):
        with build(tmp_path, exports, given) as megafile:
            assert equal(contents(megafile), expected)
    with pytest.raises(LayoutError, match="no layout at"):
        build(tmp_path, exports, str(tmp_path / "*.toml"))


def test_a_table_that_holds_what_the_fec_says_is_refused_as_a_source(tmp_path):
    rows = remember(frame(GIFTS), ["fec_gift"])
    with pytest.raises(SourceRestricted, match="fec_gift"):
        build(tmp_path, {"gifts": rows}, ())


@pytest.mark.parametrize("tables", [{}, {"a/b": frame(GIFTS)}, {3: frame(GIFTS)}, {"gifts": 7}])
def test_what_is_no_table_is_refused(tmp_path, tables):
    with pytest.raises(BadValue):
        build(tmp_path, tables, ())
