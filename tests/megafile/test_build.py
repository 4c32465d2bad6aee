"""Exports to one file: what is kept, linked, counted, set aside; and every way to break a file."""

import datetime
import gzip
import zipfile
from decimal import Decimal

import polars as pl
import pytest

from campaignkit import Megafile
from campaignkit.errors import BadValue, LayoutError
from campaignkit.megafile.people import person_table
from tests.megafile.campaign import GIFTS, VOTERS, write_campaign


def build(folder, layouts, model=False):
    return Megafile.build(folder / "exports", folder / "campaign.duckdb", layouts=layouts, model=model, progress=False)


@pytest.fixture
def megafile(tmp_path):
    with build(tmp_path, write_campaign(tmp_path)) as megafile:
        yield megafile


def accounted(megafile):
    sources = megafile.sources
    assert sources.filter(pl.col("accepted") + pl.col("rejected") != pl.col("records")).is_empty()
    lines = pl.col("header_lines") + pl.col("accepted_lines") + pl.col("rejected_lines")
    assert sources.filter(lines != pl.col("lines")).is_empty()
    kept = megafile.sql("SELECT count(*) FROM record").item()
    assert kept == (sources["accepted"] - sources["duplicates"]).sum()
    return sources


def test_records_become_people_with_the_tier_that_linked_them(megafile):
    people = megafile.sql("SELECT first_name, suffix, sources FROM person ORDER BY person_id")
    assert people["first_name"].to_list() == ["Robert", "Robert", "Ann", "Ánn", "Cy"]
    linked = megafile.sql("""
        SELECT s.record_key, v.record_key AS voter, s.matched_by FROM source_record s
        JOIN source_record v USING (person_id) WHERE s.source = 'tiny_gifts' AND v.source = 'tiny_voter' ORDER BY ALL""")
    assert linked.rows() == [
        ("ann@x.org|Ann|OBrien", "3", "address, first and last name"),
        ("bob@x.org|Bob|Smith", "2", "birth date, first name, zip"),
    ]  # fmt: skip


def test_facts_follow_their_people(megafile):
    gifts = megafile.sql("""
        SELECT p.first_name, g.amount, g.given_on FROM gift g JOIN person p USING (person_id) ORDER BY g.record_id""")
    assert gifts.rows()[:2] == [
        ("Robert", Decimal("1000.50"), datetime.date(2012, 3, 1)),
        ("Robert", Decimal("25.00"), datetime.date(2012, 4, 1)),
    ]
    votes = megafile.sql("SELECT * EXCLUDE (record_id) FROM vote_history ORDER BY person_id")
    assert votes.rows()[0] == (1, datetime.date(2008, 11, 4), "general", "polls", None)
    assert votes.height == 3


def test_values_that_do_not_parse_are_null_and_counted(megafile):
    unread = {
        (row["layout"], item["column"]): item["failures"]
        for row in accounted(megafile).iter_rows(named=True)
        for item in row["unread"]
    }
    assert unread == {
        ("tiny_gifts", "amount"): 1, ("tiny_voter", "birth_date"): 1, ("tiny_voter", "sex"): 1,
    }  # fmt: skip


def test_a_household_is_an_address_however_written_and_never_a_po_box(megafile):
    people = megafile.sql("SELECT last_name, household_id FROM person ORDER BY person_id")
    assert people["household_id"][0] == people["household_id"][1]
    assert people["household_id"][3] is None


def test_the_megafile_speaks_of_the_date_of_its_latest_file(megafile):
    assert megafile.as_of == datetime.date(2012, 10, 1)
    assert megafile.sources.filter(pl.col("layout") == "tiny_gifts")["as_of"].item() == datetime.date(2012, 4, 3)


def test_explain_names_each_record_and_its_tier(megafile):
    found = megafile.explain(3)
    assert found.table["source"].to_list() == ["tiny_voter", "tiny_gifts"]
    assert found.summary() == (
        "Ann O'Brien is known from 2 records: tiny_voter; tiny_gifts, linked by address, first and last name."
    )
    with pytest.raises(BadValue, match="no person 99"):
        megafile.explain(99)


def test_a_tie_stays_unlinked(tmp_path):
    gifts = "Gift ID,Email,First,Last,Amount,Date,Address,Zip,Phone,Born\ng1,r@x.org,Bob,Smith,5,2012-01-01,12 N Main St,44101,,\n"
    with build(tmp_path, write_campaign(tmp_path, gifts=gifts)) as megafile:
        assert megafile.sql("SELECT matched_by FROM source_record WHERE source = 'tiny_gifts'").item() is None


def test_a_repeated_record_counts_once_and_the_later_line_wins(tmp_path):
    later = "1,Robert,Smyth,Sr,03/01/1950,Male,12 North Main Street,44101,Cuyahoga,,X\n"
    with build(tmp_path, write_campaign(tmp_path, voters=VOTERS + later + later * 9)) as megafile:
        voters = accounted(megafile).filter(pl.col("layout") == "tiny_voter")
        assert (voters["accepted"].item(), voters["duplicates"].item()) == (14, 10)
        assert megafile.sql("SELECT last_name FROM source_record WHERE record_key = '1'").item() == "Smyth"
        assert megafile.sql("SELECT count(*) FROM vote_history").item() == 3


def test_only_the_latest_snapshot_of_a_county_counts(tmp_path):
    layouts = write_campaign(tmp_path)
    older = (
        VOTERS
        + "5,Old,Timer,,01/01/1930,Male,1 Oak St,44103,Cuyahoga,,\n6,Far,Away,,01/01/1930,Male,1 Ash St,43001,Franklin,,\n"
    )
    (tmp_path / "exports" / "voters_20120901.csv").write_text(older, encoding="utf-8")
    with build(tmp_path, layouts) as megafile:
        keys = megafile.sql("SELECT record_key FROM source_record WHERE source = 'tiny_voter' ORDER BY 1")
        assert keys["record_key"].to_list() == ["1", "2", "3", "4", "6"]


def test_unknown_columns_are_kept_and_counted(tmp_path):
    voters = VOTERS.replace("NOTES", "Dog's name").replace("Cuyahoga,,X", "Cuyahoga,Rex,X", 1)
    with build(tmp_path, write_campaign(tmp_path, voters=voters)) as megafile:
        assert megafile.sources.filter(pl.col("layout") == "tiny_voter")["extra_columns"].to_list() == [["Dog's name"]]
        extra = megafile.sql("SELECT extra->>'Dog''s name' FROM source_record WHERE record_key = '1'").item()
        assert extra == "Rex"


def test_a_record_without_a_key_is_rejected(tmp_path):
    with build(tmp_path, write_campaign(tmp_path, voters=VOTERS + ",No,Key,,,,,,Cuyahoga,,\n")) as megafile:
        accounted(megafile)
        assert megafile.rejects.select("first_line", "reason", "raw").rows() == [
            (6, "no key: VOTER_ID empty", ",No,Key,,,,,,Cuyahoga,,")
        ]


@pytest.mark.parametrize("name", ["voters_20121001.csv.gz", "voters_20121001.zip"])
def test_compressed_files_are_read_as_they_lie(tmp_path, name):
    layouts = write_campaign(tmp_path)
    (tmp_path / "exports" / "voters_20121001.csv").unlink()
    path = tmp_path / "exports" / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(VOTERS.encode()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("__MACOSX/._voters.csv", "junk")
            archive.writestr("voters.csv", VOTERS)
    with build(tmp_path, layouts) as megafile:
        assert accounted(megafile)["accepted"].to_list() == [4, 4]


BROKEN = {
    "missing column": (VOTERS.replace("COUNTY,", "KOUNTY,"), "nearest is tiny_voter.*lacks COUNTY"),
    "an old Ohio header": (
        "SOS_VOTERID,COUNTY_NUMBER,LAST_NAME,FIRST_NAME,XX\n",
        "nearest is oh_voter.*lacks COUNTY_ID",
    ),
    "swapped delimiter": (VOTERS.replace(",", ";"), "parted by ';' where the layout says ','"),
    "duplicate header": (VOTERS.replace("NOTES", "LAST"), "has 'LAST' twice, and tiny_voter reads it"),
    "empty": ("", "is empty"),
    "html instead of data": ("<!DOCTYPE html><html><body>Please log in</body></html>\n", "fits no layout"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_read_is_one_clear_error_and_nothing_is_left(tmp_path, how):
    text, message = BROKEN[how]
    layouts = write_campaign(tmp_path, voters=text)
    with pytest.raises(LayoutError, match=message):
        build(tmp_path, layouts)
    assert not list(tmp_path.glob("*campaign.duckdb*"))


@pytest.mark.parametrize("name", ["voters_20121001.zip", "voters_20121001.csv.gz"])
def test_a_truncated_archive_is_one_clear_error_and_nothing_is_left(tmp_path, name):
    layouts = write_campaign(tmp_path)
    (tmp_path / "exports" / "voters_20121001.csv").unlink()
    many = VOTERS + "".join(f"{n},A{n * 7919 % 10007},B{n * 104729 % 9973},,,,,,Cuyahoga,,\n" for n in range(5, 90_000))
    path = tmp_path / "exports" / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(many.encode()))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("voters.csv", many)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    with pytest.raises(LayoutError, match="damaged or cut short"):
        build(tmp_path, layouts)
    assert not list(tmp_path.glob("*campaign.duckdb*"))


def test_a_wrong_encoding_costs_the_records_it_spoils_and_says_so(tmp_path):
    with build(tmp_path, write_campaign(tmp_path, voters=VOTERS.encode("cp1252"))) as megafile:
        accounted(megafile)
        assert megafile.rejects.select("first_line", "reason").rows() == [(5, "not valid utf-8")]


def test_quoted_newlines_stay_in_their_value(tmp_path):
    gifts = GIFTS.replace("9 Elm Road #4", '"9 Elm\nRoad #4"')
    with build(tmp_path, write_campaign(tmp_path, gifts=gifts)) as megafile:
        sources = accounted(megafile)
        assert sources["rejected"].sum() == 0
        assert megafile.sql("SELECT address FROM source_record WHERE email = 'ann@x.org'").item() == "9 Elm Road #4"


def test_two_layouts_that_fit_are_an_error_naming_both(tmp_path):
    layouts = write_campaign(tmp_path)
    twin = tmp_path / "twin.toml"
    twin.write_text(layouts[0].read_text().replace('name = "tiny_voter"', 'name = "twin_voter"'))
    with pytest.raises(LayoutError, match=r"fits tiny_voter and twin_voter.*manifest\.toml"):
        build(tmp_path, [*layouts, twin])
    (tmp_path / "exports" / "manifest.toml").write_text('["voters_20121001.csv"]\nlayout = "twin_voter"\n')
    with build(tmp_path, [*layouts, twin]) as megafile:
        assert "twin_voter" in megafile.sources["layout"].to_list()


def test_a_file_without_a_date_says_where_to_put_one(tmp_path):
    layouts = write_campaign(tmp_path)
    (tmp_path / "exports" / "voters_20121001.csv").rename(tmp_path / "exports" / "voters.csv")
    with pytest.raises(LayoutError, match=r"which date voters.csv is of.*manifest\.toml"):
        build(tmp_path, layouts)


def test_a_header_and_no_rows_is_a_file_of_nobody(tmp_path):
    header = VOTERS.partition("\n")[0] + "\n"
    with build(tmp_path, write_campaign(tmp_path, voters=header)) as megafile:
        assert accounted(megafile).filter(pl.col("layout") == "tiny_voter")["records"].item() == 0


def test_an_open_megafile_can_neither_write_nor_read_other_files(megafile, tmp_path):
    import duckdb

    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for query in (
        "DELETE FROM person",
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY person TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/other.duckdb'",
        "SET enable_external_access = true",
    ):
        with pytest.raises((duckdb.Error, BadValue)):
            megafile.sql(query)


def test_building_anew_beside_an_open_megafile_leaves_it_its_own_version(megafile, tmp_path):
    header = VOTERS.partition("\n")[0] + "\n"
    with build(tmp_path, write_campaign(tmp_path, voters=header)) as anew:
        assert anew.sql("SELECT count(*) FROM source_record WHERE source = 'tiny_voter'").item() == 0
        assert megafile.sql("SELECT count(*) FROM source_record WHERE source = 'tiny_voter'").item() == 4
    assert sorted(left.name for left in tmp_path.glob("*campaign*")) == ["campaign.duckdb"]


def test_a_table_that_is_not_there_gets_the_nearest_right_name(megafile):
    assert megafile.table("person").count("*").fetchall() == [(5,)]
    with pytest.raises(BadValue, match="did you mean 'person'"):
        megafile.table("persons")


def test_opening_what_is_no_megafile_says_so(tmp_path):
    with pytest.raises(BadValue, match="no megafile at"):
        Megafile.open(tmp_path / "none.duckdb")
    (tmp_path / "junk.duckdb").write_bytes(b"junk" * 5000)
    with pytest.raises(BadValue, match="can't be opened"):
        Megafile.open(tmp_path / "junk.duckdb")


@pytest.mark.parametrize("memory_limit", ["a lot", "6", "", 6])
def test_a_memory_limit_that_is_no_size_is_refused_with_one_that_is(tmp_path, memory_limit):
    layouts = write_campaign(tmp_path)
    with pytest.raises(BadValue, match="such as '6GB'"):
        Megafile.build(
            tmp_path / "exports", tmp_path / "campaign.duckdb", layouts=layouts, memory_limit=memory_limit, progress=False
        )  # fmt: skip


@pytest.mark.slow
def test_who_survives_is_the_same_where_memory_is_for_one_person_at_a_time(tmp_path, megafile, monkeypatch):
    monkeypatch.setattr(person_table, "PERSON_BYTES", 1 << 60)
    layouts, again = write_campaign(tmp_path), tmp_path / "again.duckdb"
    with Megafile.build(tmp_path / "exports", again, layouts=layouts, progress=False) as again:
        assert again.sql("FROM person ORDER BY person_id").equals(megafile.sql("FROM person ORDER BY person_id"))


def test_spills_that_a_killed_build_left_go_with_the_next(tmp_path):
    layouts = write_campaign(tmp_path)
    spills = tmp_path / ".campaign.duckdb.writing-999999999.tmp"
    spills.mkdir()
    (spills / "duckdb_temp_storage-0.tmp").write_bytes(b"names in clear")
    build(tmp_path, layouts).close()
    assert not spills.exists()
