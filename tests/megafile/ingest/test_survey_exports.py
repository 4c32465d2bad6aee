"""Survey tools' exports as they come: header rows, previews, several choices, SPSS and Stata."""

import datetime as dt

import pytest

from campaignkit import Megafile
from campaignkit.errors import LayoutError

VOTE = "Who would you vote for, A or B?"
QUALTRICS = [
    "StartDate,Status,Finished,RecordedDate,ResponseId,RecipientFirstName,RecipientLastName,RecipientEmail,"
    "ExternalReference,Q1,Q2_1,Q2_4_TEXT,weight",
    f'Start Date,Response Type,Finished,Recorded Date,Response ID,First,Last,Email,Reference,"{VOTE}",'
    '"Which did you see?\n- Television","Which? - Other - Text",weight',
    ",".join(f'"{{""ImportId"":""QID{number}""}}"' for number in range(13)),
    "2012-10-05 10:00:00,IP Address,True,2012-10-05 10:04:00,R_1,Ann,Cole,ann@example.com,M1,A,Television,,1.5",
    "2012-10-12 10:00:00,IP Address,True,2012-10-12 10:04:00,R_2,Ann,Cole,ann@example.com,M1,B,,radio,1.25",
    "2012-10-05 11:00:00,Survey Preview,True,2012-10-05 11:04:00,R_3,Jo,Staff,,,A,,,1",
    "2012-10-05 11:00:00,IP Address,False,2012-10-05 11:04:00,R_4,Bob,Hill,bob@example.com,M2,A,,,1",
    "2012-10-06 11:00:00,IP Address,True,2012-10-06 11:04:00,R_5,,,,,B,Television,,",
]
MONKEY = [
    "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last Name,Custom Data 1,"
    f'"{VOTE}",Which did you see?,,Why?',
    ",,,,,,,,,Response,Television,Online,Open-Ended Response",
    "100,7,10/05/2012 08:15:22 AM,10/05/2012,,ann@example.com,Ann,Cole,,A,Television,Online,taxes",
    "101,7,10/05/2012 09:15:22 PM,10/05/2012,,bob@example.com,Bob,Hill,,B,,Online,",
]
WIDE = """
name = "phone_wave"
source = "phone_wave"
kind = "list"
mode = "upsert"
key = ["caseid"]
[file]
required = ["caseid", "q1"]
unused = ["interviewer"]
[as_of]
file_name = '(\\d{8})'
[person]
key = ["caseid"]
[person.columns]
first_name = "first"
last_name = "last"
[[fact]]
table = "survey_response"
unpivot = '^q\\d+$'
[fact.columns]
stream = { value = "phone" }
asked_on = { column = "asked", format = "%Y-%m-%d" }
question = { group = "label" }
answer = { group = "value" }
weight = "wt"
"""


def built(folder, name, lines, **options):
    exports = folder / "exports"
    exports.mkdir(exist_ok=True)
    if lines is not None:
        (exports / name).write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return Megafile.build(exports, folder / "m.duckdb", model=False, progress=False, **options)


def test_qualtrics_is_read_below_its_three_header_rows(tmp_path):
    with built(tmp_path, "wave_20121031.csv", QUALTRICS) as mf:
        source = mf.sources.row(0, named=True)
        assert (source["layout"], source["header_lines"], source["accepted"]) == ("survey_qualtrics", 4, 5)
        assert source["extra_columns"] == []
        asked = mf.interviews(VOTE, ["first_name"], yes="A", no="B", also={"seen": "Which did you see?\n- Television"})
    assert asked["asked_on"].to_list() == [dt.date(2012, 10, 5), dt.date(2012, 10, 6), dt.date(2012, 10, 12)]
    assert asked["supports"].to_list() == [True, False, False]  # no preview, and nobody who broke off
    assert asked["weight"].to_list() == [1.5, 1.0, 1.25]
    assert asked["seen"].to_list() == ["Television", "Television", None]
    assert asked["first_name"].to_list() == ["Ann", None, "Ann"]
    assert asked["person_id"].n_unique() == 2  # one member twice, and somebody unknown


def test_an_export_without_all_its_header_rows_is_refused(tmp_path):
    with pytest.raises(LayoutError, match="no cell of header row 3 matches 'ImportId'"):
        built(tmp_path, "wave_20121031.csv", [QUALTRICS[0], *QUALTRICS[3:]])


def test_surveymonkey_is_read_below_its_two_header_rows(tmp_path):
    with built(tmp_path, "wave_20121031.csv", MONKEY) as mf:
        assert mf.sources["layout"].to_list() == ["survey_surveymonkey"]
        assert mf.sources["extra_columns"][0].to_list() == ["Custom Data 1"]
        assert set(mf.values("survey_response", "question")) == {
            VOTE,
            "Which did you see?",
            "Which did you see?: Online",
            "Why?",
        }
        also = {"online": "Which did you see?: Online", "why": "Why?"}
        asked = mf.interviews(VOTE, yes="A", also=also)
    assert asked.sort("interview_id").select("asked_on", "supports", "online", "why").rows() == [
        (dt.date(2012, 10, 5), True, "Online", "taxes"),
        (dt.date(2012, 10, 5), False, "Online", None),
    ]


@pytest.mark.parametrize(("suffix", "write"), [(".sav", "write_sav"), (".dta", "write_dta")])
def test_spss_and_stata_are_read_with_their_labels(tmp_path, suffix, write):
    pyreadstat = pytest.importorskip("pyreadstat")
    import pandas as pd

    exports = tmp_path / "exports"
    exports.mkdir()
    frame = pd.DataFrame(
        {
            "caseid": [17.0, 18.0],
            "first": ["Ann", "Zoë"],
            "last": ["Cole", "Hill"],
            "asked": ["2012-10-05", "2012-10-06"],
            "q1": [1.0, 2.0],
            "wt": [1.5, 0.5],
        }
    )
    labels = {"q1": {1.0: "A", 2.0: "B"} if suffix == ".sav" else {1: "A", 2: "B"}}
    if suffix == ".dta":
        frame = frame.astype({"q1": int})
    names = ["", "", "", "", VOTE, ""]
    getattr(pyreadstat, write)(
        frame, str(exports / f"wave_20121031{suffix}"), column_labels=names, variable_value_labels=labels
    )
    own = tmp_path / "wave.toml"
    own.write_text(WIDE, encoding="utf-8")
    with built(tmp_path, "", None, layouts=[own]) as mf:
        asked = mf.interviews(VOTE, ["first_name"], yes="A", no="B")
        assert mf.sql("SELECT record_key FROM record ORDER BY 1")["record_key"].to_list() == ["17", "18"]
    assert asked.select("supports", "weight", "first_name").rows() == [(True, 1.5, "Ann"), (False, 0.5, "Zoë")]


def test_a_damaged_spss_file_is_an_error_that_names_it(tmp_path):
    pytest.importorskip("pyreadstat")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "wave_20121031.sav").write_bytes(b"$FL2 and then nothing")
    with pytest.raises(LayoutError, match=r"wave_20121031\.sav can't be read"):
        built(tmp_path, "", None)


def test_without_pyreadstat_one_is_told_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "wave_20121031.sav").write_bytes(b"$FL2")
    with pytest.raises(LayoutError, match=r"pip install 'campaignkit\[survey\]'"):
        built(tmp_path, "", None)


@pytest.mark.parametrize(
    "line", ["header_rows = 3", "header_rows = 0\nlast_header_row = 'x'", "header_rows = 2\nlast_header_row = '('"]
)
def test_header_rows_are_checked(tmp_path, line):
    own = tmp_path / "wave.toml"
    own.write_text(WIDE.replace("[file]\n", f"[file]\n{line}\n"), encoding="utf-8")
    with pytest.raises(LayoutError, match="header_row"):
        built(tmp_path, "wave_20121031.csv", ["caseid,q1"], layouts=[own])
