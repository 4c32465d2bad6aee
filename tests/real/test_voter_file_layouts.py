"""The ten states' voter layouts against invented voters under the states' real headers, to the last record."""

import csv
import os
import shutil
import tomllib
from pathlib import Path

import duckdb
import pytest

from campaignkit.megafile import Megafile, schema
from campaignkit.megafile.ingest import files
from campaignkit.megafile.ingest.layout import load_layouts
from campaignkit.megafile.ingest.layout_fit import fits

REPO = Path(__file__).parents[2]
DATA = Path(os.environ.get("CAMPAIGNKIT_REAL_DATA", REPO.parent / "shared" / "data")) / "voter_file_layouts"
GOLDEN = tomllib.loads(Path(__file__).with_name("golden_voters.toml").read_text())["row"]

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared voter files are not at {DATA}")

# Layout: delimiter, whether quotes quote, header lines
STATES = {
    "co_voter": (",", True, 1),
    "fl_voter": ("\t", False, 0),
    "mi_voter": (",", True, 1),
    "nc_voter": ("\t", True, 1),
    "nj_voter": ("|", True, 0),
    "ny_voter": (",", True, 0),
    "oh_voter": (",", True, 1),
    "pa_voter": ("\t", True, 0),
    "vt_voter": ("|", True, 1),
    "wa_voter": ("\t", True, 1),
}

# Values the layouts do not have (degrees for suffixes, made-up phones and counties, Michigan's sexes 1 and 2, New
# Jersey's lists of statuses), counted apart from the loader.
UNREAD = {  # births are null under ten years of age; the files' people are made up
    "co_voter": {"phone": 59},
    "fl_voter": {"suffix": 47, "phone": 62, "county": 41, "birth_date": 9},
    "mi_voter": {"suffix": 36, "sex": 25, "county": 15, "birth_year": 30},
    "nc_voter": {"suffix": 39, "phone": 27},
    "nj_voter": {"suffix": 38, "voter_status": 40, "birth_date": 19},
    "ny_voter": {"suffix": 39, "county": 36, "birth_date": 21},
    "oh_voter": {"suffix": 33, "birth_date": 15},
    "pa_voter": {"suffix": 39, "phone": 22, "birth_date": 6},
    "vt_voter": {"suffix": 41, "phone": 25},
    "wa_voter": {},
}

OH_HEADER = (
    "SOS_VOTERID,COUNTY_NUMBER,COUNTY_ID,LAST_NAME,FIRST_NAME,MIDDLE_NAME,SUFFIX,DATE_OF_BIRTH,REGISTRATION_DATE,"
    "VOTER_STATUS,PARTY_AFFILIATION,RESIDENTIAL_ADDRESS1,RESIDENTIAL_SECONDARY_ADDR,RESIDENTIAL_CITY,"
    "RESIDENTIAL_STATE,RESIDENTIAL_ZIP,RESIDENTIAL_ZIP_PLUS4,RESIDENTIAL_COUNTRY,RESIDENTIAL_POSTALCODE,"
    "MAILING_ADDRESS1,MAILING_SECONDARY_ADDRESS,MAILING_CITY,MAILING_STATE,MAILING_ZIP,MAILING_ZIP_PLUS4,"
    "MAILING_COUNTRY,MAILING_POSTAL_CODE,CAREER_CENTER,CITY,CITY_SCHOOL_DISTRICT,COUNTY_COURT_DISTRICT,"
    "CONGRESSIONAL_DISTRICT,COURT_OF_APPEALS,EDU_SERVICE_CENTER_DISTRICT,EXEMPTED_VILL_SCHOOL_DISTRICT,LIBRARY,"
    "LOCAL_SCHOOL_DISTRICT,MUNICIPAL_COURT_DISTRICT,PRECINCT_NAME,PRECINCT_CODE,STATE_BOARD_OF_EDUCATION,"
    "STATE_REPRESENTATIVE_DISTRICT,STATE_SENATE_DISTRICT,TOWNSHIP,VILLAGE,WARD"
)


def file_of(layout: str) -> str:
    return f"{layout.removesuffix('_voter')}.csv"


def records_in(path: Path, delimiter: str, quoted: bool, header_lines: int) -> int:
    with path.open(encoding="cp1252", newline="") as stream:
        quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        return sum(1 for row in csv.reader(stream, delimiter=delimiter, quoting=quoting) if row) - header_lines


def build(folder: Path, path: Path) -> duckdb.DuckDBPyConnection:
    Megafile.build(folder, path, progress=False)
    return duckdb.connect(path, read_only=True)


@pytest.fixture(scope="module")
def con(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    for layout in STATES:
        shutil.copy(DATA / file_of(layout), folder)
    dates = "".join(f'["{file_of(layout)}"]\nas_of = 2016-09-01\n' for layout in STATES)
    (folder / "manifest.toml").write_text(dates)
    with build(folder, tmp_path_factory.mktemp("megafile") / "voters.duckdb") as con:
        yield con


def rows(con, query, *parameters):
    return con.execute(query, parameters).fetchall()


@needs_data
@pytest.mark.parametrize("layout", STATES)
def test_a_file_fits_its_own_layout_and_no_other(layout):
    head = (DATA / file_of(layout)).read_bytes()
    texts = {e: files.head_text(head, files.sniff_encoding(head, e)) for e in ("utf-8", "cp1252", "utf-16")}
    fitting = [known.name for known in load_layouts() if fits(known, texts[known.encoding])]
    assert fitting == [layout]


@pytest.mark.parametrize("layout", STATES)
def test_every_column_named_by_position_is_mapped_or_unused(layout):
    [layout] = [known for known in load_layouts() if known.name == layout]
    assert [name for name in layout.columns if not layout.knows(name)] == []


@needs_data
@pytest.mark.parametrize("layout", STATES)
def test_every_record_is_accounted_for(con, layout):
    path = DATA / file_of(layout)
    query = """
        SELECT lines, header_lines, accepted_lines, rejected_lines, records, accepted, rejected, duplicates,
               extra_columns
        FROM source_file WHERE layout = ?"""
    [(lines, header, accepted_lines, rejected_lines, records, accepted, rejected, duplicates, extra)] = rows(
        con, query, layout
    )
    assert lines == path.read_bytes().count(b"\n")
    assert header + accepted_lines + rejected_lines == lines
    assert accepted + rejected == records == records_in(path, *STATES[layout])
    assert (header, rejected, duplicates, extra) == (STATES[layout][2], 0, 0, [])
    assert rows(con, "SELECT count(*) FROM source_record WHERE source = ?", layout) == [(records,)]


@needs_data
@pytest.mark.parametrize("layout", UNREAD)
def test_what_could_not_be_read_is_counted(con, layout):
    [(unread,)] = rows(con, "SELECT unread FROM source_file WHERE layout = ?", layout)
    counted = {entry["column"]: entry["failures"] for entry in unread}
    counted.pop("party", None)  # Ohio's X, a ballot of no party, may or may not be counted
    assert counted == UNREAD[layout]


@needs_data
@pytest.mark.parametrize("golden", GOLDEN, ids=[f"{row['file']}:{row['line']}" for row in GOLDEN])
def test_golden_row(con, golden):
    columns = list(schema.layout_columns("source_record"))
    query = f"""
        SELECT record_id, {", ".join(columns)} FROM source_record
        JOIN source_file ON file_id = record_id >> 30
        WHERE file = ? AND record_id & ((1::BIGINT << 30) - 1) = ?"""
    [(record_id, *values)] = rows(con, query, golden["file"], golden["line"])
    assert dict(zip(columns, values, strict=True)) == {name: golden["person"].get(name) for name in columns}
    for table in ("vote_history", "suppression"):
        columns = list(schema.layout_columns(table))
        found = rows(con, f"SELECT {', '.join(columns)} FROM {table} WHERE record_id = ? ORDER BY ALL", record_id)
        assert found == [tuple(fact.get(name) for name in columns) for fact in golden.get(table, [])]


def test_every_state_has_three_golden_rows():
    counted = [row["file"] for row in GOLDEN]
    assert all(counted.count(file_of(layout)) >= 3 for layout in STATES)


@needs_data
def test_facts_of_each_state(con):
    """The counts are those of non-empty cells (for Vermont, of T) in the files."""
    query = "SELECT source, count(*) FROM vote_history JOIN record USING (record_id) GROUP BY 1"
    votes = dict(rows(con, query))
    assert votes == {
        "mi_voter": 100,
        "ny_voter": 57,
        "oh_voter": 85,
        "pa_voter": 45,
        "vt_voter": 205,
        "wa_voter": 938,
    }
    assert rows(con, "SELECT count(*) FROM vote_history WHERE election_date IS NULL") == [(0,)]
    assert rows(con, "SELECT DISTINCT channel, reason FROM suppression") == [("all", "confidential")]
    confidential = "SELECT source, count(*) FROM source_record WHERE confidential GROUP BY 1"
    assert rows(con, confidential) == [("fl_voter", 55)]
    assert rows(con, "SELECT count(*) FROM suppression") == [(55,)]


@needs_data
def test_ohio_ballots(con):
    query = """
        SELECT election_type, party, count(*) FROM vote_history JOIN record USING (record_id)
        WHERE source = 'oh_voter' GROUP BY ALL ORDER BY ALL"""
    assert rows(con, query) == [("general", None, 47), ("primary", "D", 24), ("primary", "R", 14)]


@needs_data
def test_north_carolinas_header_of_67_columns(tmp_path):
    """Made rows under today's header: a birth year, a hidden date, a confidential voter, padded values."""
    with (DATA / "nc_columns.csv").open(newline="") as stream:
        header = [row["name"] for row in csv.DictReader(stream)]
    assert len(header) == 67
    one = {
        "county_id": "92", "county_desc": "WAKE", "voter_reg_num": "000100000001", "ncid": "EH1",
        "last_name": "PEÑA", "first_name": "ANA", "name_suffix_lbl": "JR ", "status_cd": "A",
        "res_street_address": "12  OAK ST   #B", "state_cd": "NC", "zip_code": "276011234",
        "full_phone_number": "919 555 0101", "confidential_ind": "N", "registr_dt": "10/01/2012",
        "race_code": "W", "ethnic_code": "NL", "party_cd": "DEM", "gender_code": "F", "birth_year": "1950",
    }  # fmt: skip
    two = one | {
        "ncid": "EH2", "confidential_ind": "Y", "registr_dt": "##/##/####", "race_code": "U",
        "ethnic_code": "UN", "party_cd": "UNA", "gender_code": "U", "status_cd": "R", "full_phone_number": "",
    }  # fmt: skip
    lines = ["\t".join(header)]
    lines += ["\t".join(f'"{row.get(name, "").ljust(20)}"' for name in header) for row in (one, two)]
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "NC_ncvoter_Statewide_20121001.txt").write_text("\r\n".join(lines), "cp1252")
    with build(tmp_path / "exports", tmp_path / "nc.duckdb") as con:
        query = """
            SELECT layout, CAST(as_of AS VARCHAR), lines, accepted, rejected, extra_columns, unread
            FROM source_file"""
        unread = [{"column": "registered_on", "failures": 1}]
        assert rows(con, query) == [("nc_voter", "2012-10-01", 3, 2, 0, [], unread)]
        query = """
            SELECT record_key, last_name, suffix, birth_year, sex, race, party, address, zip5, phone, voter_status,
                   CAST(registered_on AS VARCHAR), confidential
            FROM source_record ORDER BY record_key"""
        assert rows(con, query) == [
            ("EH1", "PEÑA", "JR", 1950, "F", "white", "D", "12 OAK ST #B", "27601", "+19195550101", "active",
             "2012-10-01", False),
            ("EH2", "PEÑA", "JR", 1950, None, None, "UNA", "12 OAK ST #B", "27601", None, "removed", None, True),
        ]  # fmt: skip
        query = "SELECT record_key, channel, reason FROM suppression JOIN record USING (record_id)"
        assert rows(con, query) == [("EH2", "all", "confidential")]


def test_ohios_full_header(tmp_path):
    """Made rows under the 46 fixed columns and as many elections as there are."""
    elections = ["PRIMARY-03/07/2000", "GENERAL-11/07/2000", "SPECIAL-05/08/2001", "GENERAL-11/06/2012"]
    row = dict.fromkeys(OH_HEADER.split(","), "") | {
        "SOS_VOTERID": "OH0012345678", "COUNTY_NUMBER": "02", "LAST_NAME": "O'NEIL, SR", "FIRST_NAME": "ANN",
        "DATE_OF_BIRTH": "1950-02-28", "REGISTRATION_DATE": "1970-01-01", "VOTER_STATUS": "CONFIRMATION",
        "RESIDENTIAL_STATE": "OH", "RESIDENTIAL_ZIP": "45801", "RESIDENTIAL_ZIP_PLUS4": "1234",
        "PRIMARY-03/07/2000": "R", "SPECIAL-05/08/2001": "X", "GENERAL-11/06/2012": "X",
    }  # fmt: skip
    (tmp_path / "exports").mkdir()
    with (tmp_path / "exports" / "OH_SWVF_20121001.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*OH_HEADER.split(","), *elections], restval="", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerow(row)
    with build(tmp_path / "exports", tmp_path / "oh.duckdb") as con:
        query = "SELECT layout, CAST(as_of AS VARCHAR), accepted, rejected, extra_columns FROM source_file"
        assert rows(con, query) == [("oh_voter", "2012-10-01", 1, 0, [])]
        query = "SELECT last_name, county, party, voter_status, zip5 FROM source_record"
        assert rows(con, query) == [("O'NEIL, SR", "Allen", None, "inactive", "45801")]
        query = "SELECT CAST(election_date AS VARCHAR), election_type, party FROM vote_history ORDER BY election_date"
        assert rows(con, query) == [
            ("2000-03-07", "primary", "R"), ("2001-05-08", "special", None), ("2012-11-06", "general", None)
        ]  # fmt: skip
