"""Nobody who said no is on a list: by address and number, whoever has it, whatever later files hold."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import itertools
import json
import os
import shutil
import stat
import warnings
import zipfile
from pathlib import Path

import polars as pl
import pytest

import campaignkit as ck
from campaignkit import Megafile
from campaignkit.errors import BadValue, LayoutError
from campaignkit.megafile.refresh.order_of_work import refresh
from campaignkit.progress import Steps
from campaignkit.spreadsheets import defuse, undefuse

SAMPLE = Path(__file__).parents[2] / "sample_data"
CHANNELS = ("phone", "text", "door", "mail", "email")
PURPOSES = ("fundraise", "persuade", "turnout", "volunteer")

SUPPORTERS = "supporter_id,first_name,last_name,email,phone,address,city,state,zip,signed_up_on,birth_date"
VAN = "CanvassFileRequestID,VanID,StateFileID,FirstName,LastName,VoterVANID,State,Phone,Email,DOB,Address,City,ZipCode"
HISTORY = "Voter File VANID\tDate Canvassed\tResult\tContact Type\tInput Type Name\tCanvassed By"
EVENTS = "supporter_id,email_id,event,happened_on,amount"
UNSUBSCRIBERS = "email,first_name,last_name,phone,unsubscribed_on"
OPTINS = "supporter_id,phone,answer,answered_on"
ENROLLMENTS = "supporter_id,program,enrolled_on"


def supporter(number: int, first="Ann", last="Lee", email=None, phone=None) -> str:
    email = f"s{number}@x.org" if email is None else email
    phone = f"216555{number:04}" if phone is None else phone
    return f"S{number},{first},{last},{email},{phone},{number} Elm St,Akron,OH,44101,2012-01-01,1950-01-{number % 28 + 1:02}"


def voter(number: int, first="Bo", last="Ray", phone=None, key=None, email="") -> str:
    phone = f"614555{number:04}" if phone is None else phone
    return (f"1,{key or number},OH{number:07},{first},{last},{number},OH,{phone},{email},1960-02-{number % 28 + 1:02},"
            f"{number} Oak St,Akron,44102")  # fmt: skip


NAMES = [("Ann", "Lee"), ("Bea", "Moss"), ("Cal", "Nye"), ("Dee", "Orr"), ("Eve", "Poe"), ("Fay", "Quin")]


def people(n=6) -> list[str]:
    return [supporter(i + 1, *NAMES[i]) for i in range(n)]


def drop(folder: Path, day: str, **files: list[str]) -> Path:
    """Write files of a day, each from a header and lines."""
    folder.mkdir(exist_ok=True, parents=True)
    headers = {
        "supporters": SUPPORTERS, "van_voters": VAN, "van_contact_history": HISTORY, "email_events": EVENTS,
        "unsubscribers": UNSUBSCRIBERS, "text_optins": OPTINS, "resubscriptions": ENROLLMENTS,
    }  # fmt: skip
    for name, lines in files.items():
        text = "\n".join([headers[name], *lines]) + "\n"
        (folder / f"{name}_{day}.csv").write_text(text, encoding="utf-16" if name == "van_contact_history" else "utf-8")
    return folder


def build(folder: Path, path: Path) -> Megafile:
    return Megafile.build(folder, path, model=False, progress=False)


def listed(mf: Megafile, channel: str, **more) -> set[str]:
    """Return the numbers or addresses (by door and mail: names) on a channel's list."""
    made = mf.universe(**more).call_list(channel, "turnout", per_household=None, per_phone=None, cooldown_days=None)
    column = {"phone": "phone", "text": "phone", "email": "email"}.get(channel, "first_name")
    return set(made.table[column])


# --- on the sample, by the raw files alone


def raw(name: str) -> list[dict[str, str]]:
    [path] = SAMPLE.glob(f"{name}_20121001.*")
    if path.suffix == ".gz":
        text = gzip.decompress(path.read_bytes()).decode()
    else:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode("utf-16")
    lines = text.replace("\r\n", "\n").split("\n")
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter="\t" if path.suffix == ".zip" else ",")
    header = next(reader)
    return [dict(zip(header, row, strict=True)) for row in reader if len(row) == len(header)]


def digits(phone: str) -> str:
    return "".join(filter(str.isdigit, phone))[-10:]


def closed_by_the_raw_files() -> tuple[set[str], set[str], set[str]]:
    """Return the closed addresses, numbers for calls, and numbers for texts."""
    address = {row["supporter_id"]: row["email"].strip().lower() for row in raw("supporters")}
    back: dict[str, str] = {}
    for row in raw("resubscriptions"):
        if row["program"] == "email_list" and (of := address.get(row["supporter_id"])):
            back[of] = max(back.get(of, ""), row["enrolled_on"])
    left = [(row["email"].strip().lower(), row["unsubscribed_on"]) for row in raw("unsubscribers_last_cycle")]
    left += [(address.get(row["supporter_id"], ""), row["happened_on"]) for row in raw("email_events")
             if row["event"] in ("unsubscribe", "bounce")]  # fmt: skip
    emails = {email for email, day in left if email and not back.get(email, "") > day}
    number = {row["VanID"]: digits(row["Phone"]) for row in raw("van_voters")}
    calls, texts = set(), {digits(row["phone"]) for row in raw("text_optins") if row["answer"].lower() == "no"}
    for row in raw("van_contact_history"):
        result, phone = row["Result"].lower(), number.get(row["Voter File VANID"], "")
        if result in ("wrong number", "disconnected", "deceased"):
            calls.add(phone)
            texts.add(phone)
        elif result == "refused" and row["Contact Type"] == "Phone":
            calls.add(phone)
    return emails, calls - {""}, texts - {""}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_default_list_of_the_sample_holds_an_address_or_number_that_is_closed():
    emails, calls, texts = closed_by_the_raw_files()
    assert len(emails) > 8_000
    assert len(calls) > 800
    assert len(texts) > 3_000
    mf = ck.sample.megafile()
    for channel, purpose in itertools.product(CHANNELS, PURPOSES):
        made = mf.universe().call_list(channel, purpose)
        if channel == "email":
            assert not emails & set(made.table["email"].str.to_lowercase())
        elif channel in ("phone", "text"):
            assert not (calls if channel == "phone" else texts) & set(map(digits, made.table["phone"]))
        assert (made.funnel["left"].diff() + made.funnel["removed"]).drop_nulls().eq(0).all()
        assert made.funnel["left"][-1] == made.table.height
    assert not emails & set(mf.ties().table["sharer_email"].str.to_lowercase())
    for channel, closed in (("phone", calls), ("text", texts)):
        assert not closed & set(map(digits, mf.ties(channel=channel).table["sharer_phone"]))


# --- it follows the address and the number


def test_a_closed_number_is_closed_for_whoever_has_it(tmp_path):
    calls = ["1\t09/01/2012\tWrong Number\tPhone\tx\t", "2\t09/01/2012\tRefused\tPhone\tx\t",
             "3\t09/01/2012\tDeceased\tWalk\tx\t"]  # fmt: skip
    shared = [supporter(i, *NAMES[i - 1], phone=f"614555{i:04}") for i in range(1, 5)]
    drop(tmp_path / "in", "20121001", van_voters=[voter(i) for i in range(1, 5)], van_contact_history=calls,
         supporters=shared)  # fmt: skip
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert listed(mf, "phone") == {"+16145550004"}


def test_a_number_that_a_refuser_had_before_is_closed_too(tmp_path):
    before = supporter(1, "Ann", "Lee", "ann@x.org", "6145550001")
    same = voter(1, "Ann", "Lee", phone="", email="ann@x.org").replace("1960-02-02", "1950-01-02")
    drop(tmp_path / "in", "20121001", supporters=[before], van_voters=[same],
         van_contact_history=["1\t09/01/2012\tRefused\tPhone\tx\t"])  # fmt: skip
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert mf.sql("SELECT count(*) FROM person").item() == 1
        now = [supporter(1, "Ann", "Lee", "ann@x.org", "6145550002"), supporter(9, "New", "Comer", phone="6145550001"),
               supporter(8, "Old", "Timer", phone="6145550003")]  # fmt: skip
        mf.refresh(drop(tmp_path / "night", "20121002", supporters=now), progress=False)
        assert listed(mf, "phone") == {"+16145550003"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [",", "Zed,Other"])
def test_an_unsubscribe_without_a_name_or_of_another_closes_the_address(tmp_path, name):
    row = f"S1@X.org ,{name},,2008-05-01"
    drop(tmp_path / "in", "20121001", supporters=people(2), unsubscribers=[row, "Nobody <nobody@x.org>,,,,2008-01-01"])
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert listed(mf, "email") == {"s2@x.org"}
        night = drop(
            tmp_path / "night", "20121002", supporters=[*people(2), supporter(9, "New", "Comer", "nobody@x.org")]
        )
        mf.refresh(night)
        assert listed(mf, "email") == {"s2@x.org"}


def test_a_no_to_texts_closes_the_number_also_for_a_housemate_who_said_yes(tmp_path):
    both = [supporter(1), supporter(2, "Bea", "Moss", phone="2165550001"), supporter(3, "Cal", "Nye")]
    answers = ["S1,2165550001,no,2012-05-01", "S2,2165550001,yes,2012-06-01", "S3,2165550003,yes,2012-06-01"]
    drop(tmp_path / "in", "20121001", supporters=both, text_optins=answers)
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert listed(mf, "text") == {"+12165550003"}
        assert "+12165550001" in listed(mf, "phone")


def test_a_universe_knows_a_closed_number_too_and_as_of_when(tmp_path):
    drop(tmp_path / "in", "20121001", van_voters=[voter(1)], supporters=[supporter(1, phone="6145550001")],
         van_contact_history=["1\t09/01/2012\tRefused\tPhone\tx\t"])  # fmt: skip
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert mf.universe("suppressed('phone')").count() == 2
        assert mf.universe("suppressed('phone')", as_of="2012-08-31").count() == 0
        with pytest.raises(BadValue, match="did you mean 'email'"):
            mf.universe("suppressed('emial')")


# --- today's refusals count, and a list is checked again when it is written


def test_what_was_said_since_counts_for_a_universe_of_an_earlier_day(tmp_path):
    calls = ["1\t09/01/2012\tRefused\tPhone\tx\t", "2\t\tRefused\tPhone\tx\t", "3\t09/01/2013\tRefused\tPhone\tx\t"]
    drop(tmp_path / "in", "20121001", van_voters=[voter(i, *NAMES[i]) for i in range(1, 5)], van_contact_history=calls)
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert mf.universe("voter", as_of="2012-06-30").call_list("phone", "turnout").table["phone"].to_list() == [
            "+16145550004"
        ]


@pytest.mark.slow
def test_a_list_made_before_a_night_is_checked_against_what_stands_after_it(tmp_path):
    drop(tmp_path / "in", "20121001", supporters=people(3))
    night = drop(tmp_path / "night", "20121002", unsubscribers=["s2@x.org,,,,2012-10-01"])
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        made = mf.universe().call_list("email", "turnout")
        with Megafile.open(tmp_path / "m.duckdb") as other:
            other.refresh(night)
        with pytest.warns(UserWarning, match=r"1 rows may no longer be reached .*unsubscribed \(1\)"):
            file, manifest = made.write(tmp_path / "list.csv")
        assert "s2@x.org" not in file.read_text()
        entry = json.loads(manifest.read_text())
        assert (entry["rows"], entry["rechecked"]) == (
            2, {"night": 1, "as_of": "2012-10-02", "rows": 3, "removed": {"unsubscribed": 1}},
        )  # fmt: skip


def test_rows_that_somebody_changed_are_checked_too(tmp_path):
    drop(tmp_path / "in", "20121001", supporters=people(3), unsubscribers=["gone@x.org,,,,2012-01-01"])
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        made = mf.universe().call_list("email", "turnout")
        edited = dataclasses.replace(made, table=made.table.with_columns(email=pl.lit(" GONE@x.org")))
        with pytest.warns(UserWarning, match="3 rows may no longer be reached"):
            file, _ = edited.write(tmp_path / "list.csv")
        assert "@" not in file.read_text().lower()
        for table, message in (
            (made.table.with_columns(email=pl.lit("no address")), "can't be read"),
            (made.table.with_columns(person_id=pl.lit(999)), "nobody in the megafile"),
            (made.table.drop("email"), "no column 'email'"),
        ):
            with pytest.raises((BadValue, KeyError), match=message):
                dataclasses.replace(made, table=table).write(tmp_path / "other.csv")
        assert not (tmp_path / "other.csv").exists()


def test_a_list_of_a_megafile_that_was_built_anew_is_not_written(tmp_path):
    drop(tmp_path / "in", "20121001", supporters=people(3))
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        made = mf.universe().call_list("email", "turnout")
        build(tmp_path / "in", tmp_path / "m.duckdb").close()
        with pytest.raises(BadValue, match="built anew"):
            made.write(tmp_path / "list.csv")


def test_van_is_not_told_of_somebody_whose_number_there_is_closed(tmp_path):
    same = "Bo,Ray"
    drop(tmp_path / "in", "20121001", van_voters=[voter(1), voter(2, "Cy", "Ray", phone="6145550001")],
         supporters=[f"S1,{same},bo@x.org,2165559999,1 Oak St,Akron,OH,44102,2012-01-01,1960-02-02"],
         van_contact_history=["2\t09/01/2012\tWrong Number\tPhone\tx\t"])  # fmt: skip
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        made = mf.universe().call_list("phone", "turnout")
        assert made.table["phone"].to_list() == ["+12165559999"]
        with pytest.raises(BadValue, match="Nobody on the list"):
            made.write(tmp_path / "l.zip", format="van")


# --- a shorter export frees nobody


def both_ways(tmp_path: Path, first: dict, second: dict) -> list[Megafile]:
    """Return a megafile of one day refreshed by another, and one that is built of both."""
    drop(tmp_path / "one", "20121001", **first)
    drop(tmp_path / "two", "20121002", **second)
    build(tmp_path / "one", tmp_path / "r.duckdb").close()
    refresh(tmp_path / "r.duckdb", tmp_path / "two", [], Steps("", show=False))
    refreshed = Megafile.open(tmp_path / "r.duckdb")
    shutil.copytree(tmp_path / "one", tmp_path / "all")
    shutil.copytree(tmp_path / "two", tmp_path / "all", dirs_exist_ok=True)
    rebuilt = build(tmp_path / "all", tmp_path / "b.duckdb")
    same = ("SELECT channel, reason, since, until, count(*) FROM suppression GROUP BY ALL ORDER BY ALL",
            "SELECT channel, point, reason, since, until FROM closed_contact_point ORDER BY ALL")  # fmt: skip
    for query in same:
        assert refreshed.sql(query).equals(rebuilt.sql(query))
    assert refreshed.check() == rebuilt.check() == []
    return [refreshed, rebuilt]


@pytest.mark.slow
def test_shorter_exports_free_nobody(tmp_path):
    voters = [voter(i, *NAMES[i]) for i in range(1, 5)]
    first = {
        "supporters": people(5), "van_voters": voters,
        "unsubscribers": [f"s{i}@x.org,,,,2012-01-01" for i in (1, 2)],
        "email_events": [f"S{i},e1,unsubscribe,2012-05-01," for i in (3, 4)],
        "text_optins": ["S1,2165550001,no,2012-05-01", "S2,2165550002,yes,2012-05-01"],
        "van_contact_history": [f"{i}\t09/01/2012\tRefused\tPhone\tx\t" for i in (1, 2)],
    }  # fmt: skip
    second = {
        "unsubscribers": ["s1@x.org,,,,2012-01-01"], "email_events": ["S3,e1,unsubscribe,2012-05-01,"],
        "text_optins": ["S1,2165550001,unknown,2012-09-01", "S2,2165550002,yes,2012-05-01"],
        "van_contact_history": ["1\t09/01/2012\tRefused\tPhone\tx\t"],
    }  # fmt: skip
    for mf in both_ways(tmp_path, first, second):
        assert listed(mf, "email") == {"s5@x.org"}
        assert {"+16145550003", "+16145550004"} == {p for p in listed(mf, "phone") if p.startswith("+1614")}
        assert listed(mf, "text") == {"+12165550002"}


@pytest.mark.slow
def test_a_no_in_a_file_that_is_held_back_counts_all_the_same(tmp_path):
    unsubscribed = [f"x{i}@y.org,,,,2012-01-01" for i in range(60)]
    half = [*unsubscribed[:20], "s2@x.org,,,,2012-10-01"]
    first = {"supporters": people(3), "unsubscribers": unsubscribed}
    with pytest.warns(UserWarning, match="unsubscribers_20121002"):
        ways = both_ways(tmp_path, first, {"unsubscribers": half})
    for mf in ways:
        assert mf.sources.filter(pl.col("file") == "unsubscribers_20121002.csv")["why_not_read"][0] is not None
        assert listed(mf, "email") == {"s1@x.org", "s3@x.org"}


@pytest.mark.slow
def test_who_vanishes_from_the_van_export_stays_off_the_lists(tmp_path):
    """Also at the door, where there is no number: by the voter file's id, or by name and address."""
    first = {
        "van_voters": [voter(1), voter(2, "Cy", "Fox")], "van_contact_history": ["1\t09/01/2012\tRefused\tWalk\tx\t"],
        "supporters": ["S1,Bo,Ray,bo@x.org,2165559999,1 Oak St,Akron,OH,44102,2012-01-01,1960-02-02"],
    }  # fmt: skip
    for mf in both_ways(tmp_path, first, {"van_voters": [voter(2, "Cy", "Fox")]}):
        assert mf.universe(first_name="Bo").count() == 1
        assert listed(mf, "door") == {"Cy"}


@pytest.mark.slow
def test_a_vanished_person_who_refuses_later_is_found_by_what_their_record_said(tmp_path):
    first = {"van_voters": [voter(1), voter(2, "Cy", "Fox")], "supporters": [supporter(1, phone="6145550001")]}
    second = {"van_voters": [voter(2, "Cy", "Fox")], "van_contact_history": ["1\t10/01/2012\tDo Not Call\tPhone\tx\t"]}
    for mf in both_ways(tmp_path, first, second):
        assert listed(mf, "phone") == {"+16145550002"}


@pytest.mark.slow
def test_a_confidential_voter_who_is_dropped_from_the_state_file_stays_confidential(tmp_path):
    header = ["ncid", "voter_reg_num", "county_desc", "status_cd", "res_street_address", "registr_dt", "party_cd",
              "state_cd", "zip_code", "first_name", "last_name", "birth_year", "full_phone_number",
              "confidential_ind"]  # fmt: skip

    def state_file(day: str, keys: list[int]) -> None:
        folder = tmp_path / ("one" if day == "20121001" else "two")
        folder.mkdir(exist_ok=True)
        rows = [[f"EH{k}", str(k), "WAKE", "A", f"{k} Ash St", "10/01/2010", "DEM", "NC", "27601", *NAMES[k], "1950",
                 f"919555{k:04}", "Y" if k == 1 else "N"] for k in keys]  # fmt: skip
        text = "\n".join("\t".join(f'"{cell}"' for cell in row) for row in [header, *rows]) + "\n"
        (folder / f"NC_ncvoter_{day}.txt").write_text(text)

    state_file("20121001", [1, 2])
    state_file("20121002", [2])
    of_nc = ["S1,Bea,Moss,bea@x.org,2165559999,1 Ash St,Raleigh,NC,27601,2012-01-01,1950-01-01"]
    for mf in both_ways(tmp_path, {"supporters": of_nc}, {"supporters": of_nc}):
        assert mf.universe(first_name="Bea").count() == 1
        assert listed(mf, "mail") == {"Cal"}
        assert listed(mf, "email") == set()
    lacking = (tmp_path / "one" / "NC_ncvoter_20121001.txt").read_text().replace("confidential_ind", "privacy")
    (tmp_path / "one" / "NC_ncvoter_20121001.txt").write_text(lacking)
    with pytest.raises(
        LayoutError, match="no column 'confidential_ind', by which nc_voter knows who may not be reached"
    ):
        build(tmp_path / "one", tmp_path / "x.duckdb")


@pytest.mark.parametrize("written", ["01", "1.0", "001.00"])
def test_an_id_that_a_spreadsheet_rewrote_is_the_same_id(tmp_path, written):
    drop(tmp_path / "in", "20121001", van_voters=[voter(1), voter(2, "Cy", "Fox")],
         van_contact_history=[f"{written}\t09/01/2012\tRefused\tWalk\tx\t"])  # fmt: skip
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert listed(mf, "door") == {"Cy"}
    drop(tmp_path / "in", "20121001", van_voters=[voter(1, key=written), voter(2, "Cy", "Fox")],
         van_contact_history=["1\t09/01/2012\tRefused\tWalk\tx\t"])  # fmt: skip
    with build(tmp_path / "in", tmp_path / "m2.duckdb") as mf:
        assert listed(mf, "door") == {"Cy"}


@pytest.mark.slow
def test_a_later_word_of_the_same_person_ends_it_and_an_earlier_or_anothers_does_not(tmp_path):
    gone = [f"s{i}@x.org,{NAMES[i - 1][0]},{NAMES[i - 1][1]},,2012-05-01" for i in (1, 2, 3)]
    again = ["S1,email_list,2012-06-01", "S2,email_list,2012-04-01", "S3,quick_donate,2012-06-01"]
    first = {
        "supporters": people(4), "unsubscribers": gone, "resubscriptions": again,
        "text_optins": ["S1,2165550001,no,2012-05-01", "S2,2165550002,no,2012-05-01", "S3,2165550003,yes,2012-06-01"],
    }  # fmt: skip
    second = {"text_optins": ["S1,2165550001,yes,2012-06-01", "S2,2165550002,yes,2012-04-01"]}
    for mf in both_ways(tmp_path, first, second):
        assert listed(mf, "email") == {"s1@x.org", "s4@x.org"}
        assert listed(mf, "text") == {"+12165550001"}
        assert mf.universe("suppressed('email')", as_of="2012-05-15").count() == 3
        assert mf.universe("suppressed('email')").count() == 2


# --- words that mean no

REFUSING = ["Do Not Call", "Refused - Hostile", "Hostile", "Disconnected/Out of Service", "Remove", "STOP", "Opted Out",
            "Wrong Number", "DO_NOT_CALL", "refused", "Deceased"]  # fmt: skip


@pytest.mark.parametrize("word", REFUSING)
def test_the_results_of_van_that_mean_no_close_the_number(tmp_path, word):
    drop(tmp_path / "in", "20121001", van_voters=[voter(1)], van_contact_history=[f"1\t09/01/2012\t{word}\tPhone\tx\t"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mf = build(tmp_path / "in", tmp_path / "m.duckdb")
    assert listed(mf, "phone") == set()


@pytest.mark.parametrize("contact", ["Paid Phone", "Auto Dial", "Phone Call", "", "phone "])
def test_refused_is_refused_whatever_the_call_was_named(tmp_path, contact):
    drop(tmp_path / "in", "20121001", van_voters=[voter(1)],
         van_contact_history=[f"1\t09/01/2012\tRefused\t{contact}\tx\t"])  # fmt: skip
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert listed(mf, "phone") == set()
        assert (listed(mf, "door") == set()) == (contact == "")


@pytest.mark.parametrize("event", ["Unsubscribed", "complaint", "spam", "hard_bounce", "bounce", "Opt-Out", "STOP"])
def test_the_events_of_email_tools_that_mean_no_close_the_address(tmp_path, event):
    drop(
        tmp_path / "in",
        "20121001",
        supporters=people(2),
        email_events=[f"S1,e1,{event},2012-05-01,", "S2,e1,open,2012-05-01,"],
    )
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        assert listed(mf, "email") == {"s2@x.org"}


@pytest.mark.slow
def test_an_unknown_word_is_reported_with_the_line_that_maps_it_and_holds_until_then(tmp_path):
    calls = ["1\t09/01/2012\tSlammed Door\tPhone\tx\t", "2\t09/01/2012\tNot Home\tPhone\tx\t"]
    drop(tmp_path / "in", "20121001", van_voters=[voter(1), voter(2, "Cy", "Fox")], van_contact_history=calls)
    with pytest.warns(UserWarning, match=r'unknown result \'Slammed Door\'.*contact\."Slammed Door" = "refused"'):
        mf = build(tmp_path / "in", tmp_path / "m.duckdb")
    assert 'contact."Slammed Door" = "refused"' in mf.nights["warnings"][0][0]
    funnel = mf.universe().call_list("phone", "turnout", cooldown_days=None).funnel
    assert funnel.filter(pl.col("step") == "unknown result")["removed"].item() == 1
    (tmp_path / "in" / "contact_results.toml").write_text('contact."slammed door" = "none"\n')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mf.refresh(tmp_path / "in", progress=False)
        rebuilt = build(tmp_path / "in", tmp_path / "m2.duckdb")
    for megafile in (mf, rebuilt):
        assert listed(megafile, "phone") == {"+16145550001", "+16145550002"}
    (tmp_path / "in" / "contact_results.toml").write_text('contact."Not Home" = "refused"\n')
    mf.refresh(tmp_path / "in", progress=False)
    assert listed(mf, "phone") == {"+16145550001"}
    for text, message in (
        ('contact."x" = "refusd"', "one of"),
        ('contakt."x" = "none"', "did you mean 'contact'"),
        ("x =", "not valid TOML"),
    ):
        (tmp_path / "in" / "contact_results.toml").write_text(text)
        with pytest.raises(LayoutError, match=message):
            build(tmp_path / "in", tmp_path / "m3.duckdb")


# --- files


@pytest.mark.slow
def test_lists_manifests_logs_and_megafiles_are_their_owners_alone(tmp_path):
    drop(tmp_path / "in", "20121001", supporters=people(3), van_voters=[voter(1)])
    before = os.umask(0o022)
    try:
        with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
            mf.refresh(drop(tmp_path / "night", "20121002", supporters=people(3)), progress=False)
            written = mf.universe().call_list("mail", "turnout").write(tmp_path / "l.csv")
            written += mf.universe("voter").call_list("mail", "turnout").write(tmp_path / "l.zip", format="van")
        for path in (*written, tmp_path / "m.duckdb", tmp_path / "m.duckdb.exports.jsonl"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_a_full_disk_leaves_the_list_that_stood(tmp_path, monkeypatch):
    drop(tmp_path / "in", "20121001", supporters=people(3))
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        made = mf.universe().call_list("mail", "turnout")
        made.write(tmp_path / "l.csv")
        stood = {path.name: path.read_bytes() for path in tmp_path.glob("l.csv*")}

        def full(handle):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(BadValue, match="No space left on device"):
            dataclasses.replace(made, table=made.table.head(1)).write(tmp_path / "l.csv")
        assert {path.name: path.read_bytes() for path in tmp_path.glob("*l.csv*")} == stood


@pytest.mark.parametrize(
    "cell", ["=1", "\u200b=1", "＝1", "＋1", "－1", "＠x", "\ufeff＝1", "'\u200b=1", "\u00a0@x", " =1"]
)
def test_cells_that_a_spreadsheet_might_run_are_defused(cell):
    assert defuse(cell) == "'" + cell
    assert undefuse(defuse(cell)) == cell


def test_a_vanid_that_a_spreadsheet_might_run_is_defused(tmp_path):
    drop(tmp_path / "in", "20121001", van_voters=[voter(1, key="=1+1")])
    with build(tmp_path / "in", tmp_path / "m.duckdb") as mf:
        file, _ = mf.universe().call_list("phone", "turnout").write(tmp_path / "l.zip", format="van")
    with zipfile.ZipFile(file) as archive:
        assert archive.read(archive.namelist()[0]).decode().splitlines() == ["VanID", "'=1+1"]
