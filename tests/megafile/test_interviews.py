"""Interviews: one row each, what was known that day, and what is refused."""

import datetime as dt

import polars as pl
import pytest

from campaignkit import Megafile
from campaignkit.errors import BadValue, ColumnNotFound
from campaignkit.restrictions import restrictions_of

VOTE = "Who would you vote for?"
PARTY = "Which party are you of?"
PHONE = [
    "van_id,state,asked_on,question,answer",
    f"1,OH,2012-09-10,{VOTE},Ours",
    f"1,OH,2012-09-10,{PARTY},Democrat",
    f"1,OH,2012-10-20,{VOTE},Theirs",
    f"2,OH,2012-09-10,{VOTE},Undecided",
    f"2,OH,2012-09-11,{PARTY},Republican",
    f"9,OH,2012-09-12,{VOTE},Ours",
    f"9,OH,no day,{VOTE},Ours",
]
VAN = [
    "CanvassFileRequestID,VanID,County,FirstName,LastName,State,ZipCode,Sex,Party,DOB,StateFileID,VoterVANID,Address",
    "1,1,Ross,Ann,Cole,OH,45601,F,D,1962-10-01,OH1,1,1 Elm St",
    "1,2,Ross,Bob,Hill,OH,45601,M,R,1950-01-01,OH2,2,2 Elm St",
]


@pytest.fixture(scope="module")
def mf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interviews")
    (folder / "exports").mkdir()
    (folder / "exports" / "survey_phone_20121031.csv").write_text("\n".join(PHONE) + "\n", encoding="utf-8")
    (folder / "exports" / "van_voters_20121031.csv").write_text("\n".join(VAN) + "\n", encoding="utf-8")
    with Megafile.build(folder / "exports", folder / "m.duckdb", model=False, progress=False) as megafile:
        yield megafile


def test_one_row_an_interview_with_what_was_known_that_day(mf):
    asked = mf.interviews(VOTE, ["age", "sex"], also={"party_id": PARTY}).sort("asked_on", "person_id")
    assert asked.columns == [
        "interview_id", "file", "stream", "asked_on", "person_id", "household_id", "weight", "answer", "party_id",
        "age", "sex",
    ]  # fmt: skip
    assert asked["interview_id"].is_unique().all()
    ann = asked.filter(sex="F")
    assert ann.select("asked_on", "answer", "party_id", "age").rows() == [
        (dt.date(2012, 9, 10), "Ours", "Democrat", 49),
        (dt.date(2012, 10, 20), "Theirs", None, 50),  # a birthday between the two
    ]
    assert asked.filter(sex="M")["party_id"].to_list() == [None]  # said on another day, in another interview


def test_somebody_unknown_is_an_interview_of_nobody(mf):
    unknown = mf.interviews(VOTE, ["voter", "gifts('90d')"]).filter(pl.col("person_id").is_null())
    assert unknown.select("asked_on", "voter", "gifts_90d", "weight").rows() == [
        (dt.date(2012, 9, 12), None, None, 1.0)
    ]


def test_answers_count_as_yes_no_or_neither(mf):
    either = mf.interviews(VOTE, yes="Ours", no="Theirs").sort("interview_id")
    assert either["supports"].to_list() == [True, False, None, True]
    rest = mf.interviews(VOTE, yes="Ours", outcome="ours").sort("interview_id")
    assert rest["ours"].to_list() == [True, False, False, True]


def test_nothing_after_the_date(mf):
    assert mf.interviews(VOTE, as_of="2012-09-30")["asked_on"].max() == dt.date(2012, 9, 12)
    with pytest.raises(BadValue, match="knows nothing after 2012-10-31"):
        mf.interviews(VOTE, as_of="2012-11-30")


def test_what_may_not_serve_soliciting_is_remembered(mf):
    assert restrictions_of(mf.interviews(VOTE, ["fec_gifts()"])) == {"fec_gifts"}
    assert restrictions_of(mf.interviews(VOTE, ["age"])) == frozenset()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"question": "Who would you vote"}, "did you mean 'Who would you vote for"),
        ({"yes": "Our"}, "Nobody answered 'Our'; did you mean 'Ours'"),
        ({"no": "Ours"}, "say by yes="),
        ({"features": ["nowhere"]}, "nowhere"),
        ({"features": {"answer": "sex"}}, "Two columns would be called answer"),
        ({"features": ["sex"], "also": {"sex": PARTY}}, "Two columns would be called sex"),
    ],
)
def test_bad_calls_are_told_what(mf, options, said):
    with pytest.raises((BadValue, ColumnNotFound), match=said):
        mf.interviews(**({"question": VOTE} | options))
