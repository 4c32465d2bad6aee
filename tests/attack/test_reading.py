"""Nothing is lost in silence when exports are read: files, columns, values, halves of an export."""

import datetime
import gzip
import os
import sqlite3
import zipfile
from decimal import Decimal

import polars as pl
import pytest

from campaignkit import Megafile
from campaignkit.errors import BadValue, LayoutError
from campaignkit.megafile.ingest.understood import losses
from tests.megafile.campaign import GIFTS, VOTER_LAYOUT, VOTERS, write_campaign

HEADER = VOTERS.splitlines()[0]
GIFT_HEADER = GIFTS.splitlines()[0]


def build(folder, layouts, **options):
    return Megafile.build(
        folder / "exports", folder / "c.duckdb", layouts=layouts, model=False, progress=False, **options
    )


def voters(people, county="Cuyahoga"):
    rows = (f"{n},First{n},Last{n},,01/01/1970,Female,{n} Elm St,44101,{county},,X\n" for n in range(people))
    return f"{HEADER}\n{''.join(rows)}"


def left_out(megafile):
    rows = megafile.sources.filter(pl.col("why_not_read").is_not_null())
    return dict(rows.select("file", "why_not_read").iter_rows())


# Files


def test_every_file_that_is_not_read_stands_in_sources_with_why(tmp_path):
    layouts = write_campaign(tmp_path)
    exports = tmp_path / "exports"
    for name in (
        "voters.xlsx",
        "v.parquet",
        "v.csv.bz2",
        "v.csv.zst",
        "truth_voters.csv",
        "readme_voters.csv",
        "notes",
    ):
        (exports / name).write_bytes(b"a,b\n1,2\n")
    (tmp_path / "elsewhere").mkdir()
    (exports / "linked").symlink_to(tmp_path / "elsewhere")
    (exports / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    os.mkfifo(exports / "pipe.csv")
    with pytest.warns(UserWarning, match=r"v\.parquet was not taken in: Parquet"):
        megafile = build(tmp_path, layouts)
    with megafile:
        found = left_out(megafile)
        assert {"voters.xlsx", "v.parquet", "v.csv.bz2", "v.csv.zst", "truth_voters.csv", "readme_voters.csv", "notes",
                "linked/", "gone.csv", "pipe.csv"} == set(found)  # fmt: skip
        assert "Excel" in found["voters.xlsx"]
        assert "'truth'" in found["truth_voters.csv"]
        assert "not read" in losses(megafile.not_understood)
        assert megafile.nights["warnings"].item().len() == len(found)


def test_a_folder_that_may_not_be_looked_into_stands_in_sources(tmp_path, monkeypatch):
    layouts = write_campaign(tmp_path)
    locked = tmp_path / "exports" / "locked"
    locked.mkdir()
    listing = type(locked).iterdir

    def iterdir(self):
        if self == locked:
            raise PermissionError(13, "Permission denied")
        return listing(self)

    monkeypatch.setattr(type(locked), "iterdir", iterdir)
    with pytest.warns(UserWarning, match="locked/ was not taken in"):
        megafile = build(tmp_path, layouts)
    with megafile:
        assert left_out(megafile) == {"locked/": "unreadable: Permission denied"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_the_last_is_read_once_and_the_first_is_said(tmp_path):
    layouts = write_campaign(tmp_path)
    (tmp_path / "exports" / "voters_20121001.csv").unlink()
    with zipfile.ZipFile(tmp_path / "exports" / "voters_20121001.zip", "w") as archive:
        archive.writestr("voters.csv", voters(3))
        archive.writestr("voters.csv", VOTERS)
        archive.writestr("voters.xlsx", b"PK")
    with pytest.warns(UserWarning, match="same name"):
        megafile = build(tmp_path, layouts)
    with megafile:
        assert set(left_out(megafile)) == {"voters_20121001.zip!voters.csv", "voters_20121001.zip!voters.xlsx"}
        assert megafile.sources["accepted"].drop_nulls().to_list() == [4, 4]


@pytest.mark.slow
def test_a_night_says_what_it_did_not_read_once(tmp_path):
    with build(tmp_path, write_campaign(tmp_path)) as megafile:
        night = tmp_path / "night"
        night.mkdir()
        (night / "gifts2.csv").write_text(f"{GIFT_HEADER}\ng9,z@x.org,Zoe,Zed,5,2012-10-02,,,,\n", encoding="utf-8")
        (night / "voters.parquet").write_bytes(b"PAR1")
        assert "voters.parquet was not taken in" in megafile.refresh(night, progress=False).summary()
        assert left_out(megafile).keys() == {"voters.parquet"}
        assert megafile.refresh(night, progress=False).night == 0


def test_lines_that_end_in_carriage_returns_alone_are_read(tmp_path):
    text = VOTERS.replace("\n", "\r").encode()
    with build(tmp_path, write_campaign(tmp_path, voters=text)) as megafile:
        voted = megafile.sources.filter(pl.col("layout") == "tiny_voter")
        assert (voted["lines"].item(), voted["accepted"].item()) == (5, 4)


# Columns and values


def test_a_column_that_is_not_there_is_said_with_the_nearest_name(tmp_path):
    layouts = write_campaign(tmp_path, voters=VOTERS.replace("ADDRESS", "ADRESS"))
    with pytest.raises(LayoutError, match="lacks 'ADDRESS'; did you mean 'ADRESS'"):
        build(tmp_path, layouts)
    layouts[0].write_text(VOTER_LAYOUT.replace("[file]", '[file]\noptional = ["ADDRESS"]'), encoding="utf-8")
    with build(tmp_path, layouts) as megafile:
        worst = megafile.not_understood.row(0, named=True)
        assert (worst["file"], worst["column"], worst["share"]) == ("voters_20121001.csv", "address", 1.0)
        assert "did you mean 'ADRESS'" in worst["problem"]


CONFIDENTIAL = VOTER_LAYOUT + (
    '[[fact]]\ntable = "suppression"\nwhere = { HIDDEN = ["Y"] }\n'
    'columns = { channel = { value = "all" }, reason = { value = "confidential" } }\n'
)


def test_a_file_without_the_flag_that_hides_people_is_refused(tmp_path):
    layouts = write_campaign(tmp_path, voters=VOTERS.replace("NOTES", "HIDDEN_IND"))
    layouts[0].write_text(CONFIDENTIAL, encoding="utf-8")
    with pytest.raises(LayoutError, match="no column 'HIDDEN', by which tiny_voter knows who may not be reached"):
        build(tmp_path, layouts)


def test_years_of_two_digits_and_impossible_ages_are_null_and_counted(tmp_path):
    born = ["03/01/70", "03/01/2069", "03/01/2012", "03/01/1870", "03/01/1970"]
    rows = "".join(f"{n},F,L{n},,{day},Female,,44101,Cuyahoga,,\n" for n, day in enumerate(born))
    with build(tmp_path, write_campaign(tmp_path, voters=f"{HEADER}\n{rows}")) as megafile:
        years = megafile.sql("SELECT birth_year FROM source_record WHERE source = 'tiny_voter' ORDER BY record_key")
        assert years["birth_year"].to_list() == [None, None, None, None, 1970]
        counted = megafile.not_understood.filter(pl.col("column") == "birth_date")
        assert counted.select("records", "share").rows() == [(4, 0.8)]


def test_amounts_are_read_where_they_are_plain_and_null_where_not(tmp_path):
    amounts = ['"$1,000.50"', "(25.00)", "€25", '"25,50"', '"1.234,56"', "1.234", "2165550100", "-5", "nan"]
    rows = "".join(f"g{n},a@x.org,A,B,{text},2012-03-01,,,,\n" for n, text in enumerate(amounts))
    with build(tmp_path, write_campaign(tmp_path, gifts=f"{GIFT_HEADER}\n{rows}")) as megafile:
        read = megafile.sql("SELECT amount FROM gift ORDER BY record_id")["amount"].to_list()
        assert read == [Decimal("1000.50"), Decimal("-25.00"), Decimal("25.00"), *[None] * 4, Decimal("-5.00"), None]
        assert megafile.not_understood.filter(pl.col("column") == "amount")["records"].item() == 5


def test_zips_that_lost_their_zero_and_names_of_states_are_read_where_they_agree(tmp_path):
    layout = VOTER_LAYOUT.replace('state = { value = "OH" }', 'state = "NOTES"')
    cases = [("2134", "Massachusetts"), ("2134", "OH"), ("44101.0", "ohio"), ("601", "PR"), ("44101", "Atlantis"),
             ("02134", "OH")]  # fmt: skip
    rows = "".join(f"{n},F,L{n},,,,,{code},Cuyahoga,{state},\n" for n, (code, state) in enumerate(cases))
    layouts = write_campaign(tmp_path, voters=f"{HEADER}\n{rows}")
    layouts[0].write_text(layout.replace('unused = ["NOTES"]\n', ""), encoding="utf-8")
    with build(tmp_path, layouts) as megafile:
        read = megafile.sql("SELECT zip5, state FROM source_record WHERE source = 'tiny_voter' ORDER BY record_key")
        zips = ["02134", None, "44101", "00601", "44101", "02134"]
        assert read.rows() == list(zip(zips, ["MA", "OH", "OH", "PR", None, "OH"], strict=True))
        counted = megafile.not_understood.filter(pl.col("column").is_in(["zip5", "state"]))
        assert sorted(counted.select("column", "records").rows()) == [("state", 1), ("zip5", 1)]


def test_a_build_prints_what_it_did_not_understand_worst_first(tmp_path, capsys):
    layouts = write_campaign(tmp_path)
    Megafile.build(tmp_path / "exports", tmp_path / "c.duckdb", layouts=layouts, model=False, progress=True).close()
    said = capsys.readouterr().err
    assert "Not understood, worst first" in said
    assert said.index("sex: values") < said.index("phone") if "phone" in said else "sex: values" in said


@pytest.mark.parametrize("names", [["record_id", "*", "^.*$"], ["__key", "c0", "literal"], ["A", "A", "A (2)"]])
def test_columns_of_any_name_are_read_and_kept(tmp_path, names):
    header = HEADER.replace("NOTES", ",".join(names))
    rows = f"1,Ann,Lee,,,,,44101,Cuyahoga,{','.join('xyz'[: len(names)])},X\n"
    with build(tmp_path, write_campaign(tmp_path, voters=f"{header}\n{rows}")) as megafile:
        assert megafile.sql("SELECT count(*) FROM vote_history").item() == 1
        extra = megafile.sql("SELECT extra FROM source_record WHERE source = 'tiny_voter'").item()
        assert [value in extra for value in ("x", "y", "z")] == [True] * 3
        assert len(megafile.sources.filter(pl.col("layout") == "tiny_voter")["extra_columns"].item()) == 3


# Half an export, dates, rows


@pytest.mark.slow
@pytest.mark.parametrize(("whole", "half"), [(400, 200), (60, 30), (45, 4), (50, 1)])
def test_a_night_holds_half_an_export_back_until_it_is_accepted(tmp_path, whole, half):
    with build(tmp_path, write_campaign(tmp_path, voters=voters(whole))) as megafile:
        night = tmp_path / "night"
        night.mkdir()
        (night / "voters_20121002.csv").write_text(voters(half), encoding="utf-8")
        count = "SELECT count(*) FROM source_record WHERE source = 'tiny_voter'"
        report = megafile.refresh(night, progress=False)
        assert f"{half} records of 'Cuyahoga' where {whole} stood" in report.summary()
        assert (megafile.sql(count).item(), megafile.as_of) == (whole, datetime.date(2012, 10, 1))
        assert "held back" in left_out(megafile)["voters_20121002.csv"]
        assert megafile.check() == []
        megafile.refresh(night, accept=["voters_20121002.csv"], progress=False)
        assert (megafile.sql(count).item(), left_out(megafile)) == (half, {})
        assert megafile.as_of == datetime.date(2012, 10, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("whole", "half"), [(400, 200), (60, 30), (45, 4), (50, 1)])
def test_a_build_holds_half_an_export_back_until_it_is_accepted(tmp_path, whole, half):
    layouts = write_campaign(tmp_path, voters=voters(half))
    (tmp_path / "exports" / "voters_20120901.csv").write_text(voters(whole), encoding="utf-8")
    count = "SELECT count(*) FROM source_record WHERE source = 'tiny_voter'"
    with pytest.warns(UserWarning, match=r"held back.*accept"):
        megafile = build(tmp_path, layouts)
    with megafile:
        assert megafile.sql(count).item() == whole
        read = megafile.sources.filter(pl.col("why_not_read").is_null())
        assert read["lines"].to_list() == [5, whole + 1]
        assert megafile.check() == []
    with build(tmp_path, layouts, accept=["voters_20121001.csv"]) as megafile:
        assert megafile.sql(count).item() == half
    with pytest.raises(BadValue, match=r"accept names 'voters\.csv'.*did you mean"):
        build(tmp_path, layouts, accept=["voters.csv"])


def test_one_days_export_that_came_three_times_stands_as_one(tmp_path):
    layouts = write_campaign(tmp_path, voters=voters(60))
    for copy in (1, 2, 3):
        (tmp_path / "exports" / f"voters_20120901_{copy}.csv").write_text(voters(60), encoding="utf-8")
    with build(tmp_path, layouts) as megafile:
        assert left_out(megafile) == {}


def test_a_slightly_smaller_snapshot_and_another_county_are_taken_in(tmp_path):
    layouts = write_campaign(tmp_path, voters=voters(300))
    (tmp_path / "exports" / "voters_20120901.csv").write_text(voters(400), encoding="utf-8")
    (tmp_path / "exports" / "voters_20120902.csv").write_text(voters(2, "Lake"), encoding="utf-8")
    with build(tmp_path, layouts) as megafile:
        assert left_out(megafile) == {}


@pytest.mark.slow
def test_a_date_ahead_does_not_move_the_megafile_without_a_word(tmp_path):
    layouts = write_campaign(tmp_path)
    (tmp_path / "exports" / "voters_20670101.csv").write_text(voters(4, "Lake"), encoding="utf-8")
    with pytest.warns(UserWarning, match=r"voters_20670101\.csv is dated 2067-01-01, later than today"):
        build(tmp_path, layouts).close()
    (tmp_path / "exports" / "voters_20670101.csv").rename(tmp_path / "exports" / "voters_20210101.csv")
    with pytest.warns(UserWarning, match=r"2021-01-01, over a year after all others"):
        build(tmp_path, layouts).close()


KEYLESS = """
name = "calls"
title = "Calls"
source = "calls"
kind = "none"
mode = "snapshot"
[file]
required = ["Voter", "Day", "Result"]
[as_of]
file_name = '(\\d{8})'
[person]
source = "tiny_voter"
key = ["Voter"]
[[fact]]
table = "contact"
columns = { contacted_on = "Day", result = "Result", channel = { value = "phone" } }
"""


@pytest.mark.slow
def test_two_rows_of_one_day_without_a_key_are_two_rows_also_the_next_night(tmp_path):
    layouts = write_campaign(tmp_path)
    (tmp_path / "calls.toml").write_text(KEYLESS, encoding="utf-8")
    calls = "Voter,Day,Result\n1,2012-09-30,Not Home\n1,2012-09-30,Not Home\n2,2012-09-30,Canvassed\n"
    (tmp_path / "exports" / "calls_20121001.csv").write_text(calls, encoding="utf-8")
    with build(tmp_path, [*layouts, tmp_path / "calls.toml"]) as megafile:
        assert megafile.sql("SELECT count(*) FROM contact").item() == 3
        night = tmp_path / "night"
        night.mkdir()
        (night / "calls_20121002.csv").write_text(calls + "1,2012-09-30,Not Home\n", encoding="utf-8")
        report = megafile.refresh(night, progress=False)
        assert report.table.select("new", "unchanged", "vanished").row(0) == (1, 3, 0)
        assert megafile.sql("SELECT count(*) FROM contact").item() == 4


# Archives and rejects that would fill the disk


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    layouts = write_campaign(tmp_path)
    bomb = tmp_path / "exports" / "voters_20121002.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("voters.csv", b"\n" * (16 << 20))
    with pytest.raises(LayoutError, match=r"^[^(]*no export does"):
        build(tmp_path, layouts)
    bomb.unlink()
    lines = VOTERS.encode() + b"\n" * (16 << 20)
    (tmp_path / "exports" / "voters_20121002.csv.gz").write_bytes(gzip.compress(lines))
    with pytest.raises(LayoutError, match=r"^[^(]*no export does"):
        build(tmp_path, layouts)
    assert not list(tmp_path.glob("*.duckdb*"))


@pytest.mark.slow
def test_a_run_of_unreadable_records_is_one_reject_with_all_its_lines(tmp_path):
    spoiled = VOTERS + "\n" * 200_000 + "x" * 50_000 + "\n" + ",,,,,,,,,,\n" * 5_000
    with build(tmp_path, write_campaign(tmp_path, voters=spoiled)) as megafile:
        [voted] = megafile.sources.filter(pl.col("layout") == "tiny_voter").to_dicts()
        assert voted["header_lines"] + voted["accepted_lines"] + voted["rejected_lines"] == voted["lines"] == 205_006
        assert megafile.rejects.height == voted["rejected"] == 2
        assert megafile.rejects["raw"].str.len_chars().max() <= 1_000
        assert "records after it" in megafile.rejects["reason"][0]


def test_a_sqlite_file_is_refused_without_fetching_anything(tmp_path):
    path = tmp_path / "campaign.duckdb"
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE person (person_id INTEGER)")
    with pytest.raises(BadValue, match="can't be opened"):
        Megafile.open(path)
