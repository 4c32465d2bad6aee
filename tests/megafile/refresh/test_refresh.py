"""A night's refresh: what comes, changes, vanishes; who merges and splits; and what it leaves alone."""

from __future__ import annotations

import datetime
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import duckdb
import polars as pl
import pytest

from campaignkit import Megafile
from campaignkit.errors import BadValue, CampaignkitError, LayoutError, RefreshRefused
from campaignkit.megafile.linkage import relink as regroup
from campaignkit.megafile.refresh import drift, order_of_work
from campaignkit.megafile.refresh.integrity import problems
from campaignkit.megafile.storage import replacing
from tests.megafile.campaign import GIFTS, VOTERS, write_campaign
from tests.megafile.refresh.test_refresh_equals_rebuild import people_of

HEADER = VOTERS.splitlines()[0]
GIFT_HEADER = GIFTS.splitlines()[0]
LAKE = f"{HEADER}\n9,Lena,Lake,,01/01/1980,Female,1 Shore Rd,44003,Lake,,X\n"


def build(folder, model):
    layouts = write_campaign(folder)
    (folder / "exports" / "voters_lake_20121001.csv").write_text(LAKE, encoding="utf-8")
    return Megafile.build(folder / "exports", folder / "c.duckdb", layouts=layouts, model=model, progress=False)


@pytest.fixture
def campaign(tmp_path):
    """A megafile of two voter counties and some gifts, linked by deterministic rules."""
    with build(tmp_path, model=False) as megafile:
        yield megafile


@pytest.fixture
def modelled(tmp_path):
    """The same, linked by a model too."""
    with build(tmp_path, model=True) as megafile:
        yield megafile


def night(campaign, **files):
    """Write a night's files, refresh, and return the report."""
    folder = campaign.path.parent / f"night{len(list(campaign.path.parent.glob('night*')))}"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    report = campaign.refresh(folder, progress=False)
    assert campaign.check() == []
    return report


def gift(key, email, first, last, born="", day="2012-10-02", address="", zip5=""):
    return f"{GIFT_HEADER}\n{key},{email},{first},{last},5,{day},{address},{zip5},,{born}\n"


@pytest.mark.slow
def test_new_records_are_taken_in_and_counted(campaign):
    report = night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
    assert report.table.row(0, named=True) == {
        "source": "tiny_gifts", "files": 1, "new": 1, "changed": 0, "unchanged": 0, "older": 0, "vanished": 0,
        "rejected": 0,
    }  # fmt: skip
    assert (report.night, report.added, report.merged, report.split, report.ended) == (1, 1, 0, 0, 0)
    assert "1 new" in report.summary()
    assert campaign.nights["kind"].to_list() == ["build", "refresh"]
    assert campaign.as_of == datetime.date(2012, 10, 2)
    assert report.chart().to_dict()["description"]
    assert campaign.night(1).table.equals(report.table)


def test_of_a_list_that_comes_whole_only_what_changed_is_staged(campaign, monkeypatch):
    staged = {}

    def counted(con, words):
        for table in ("record", "source_record", "vote_history"):
            staged[table] = con.sql(f"SELECT record_id FROM stage.{table}").pl().height
        return record_refusals(con, words)

    record_refusals = order_of_work.record_refusals
    monkeypatch.setattr(order_of_work, "record_refusals", counted)
    folder = campaign.path.parent / "night"
    folder.mkdir()
    (folder / "voters_20121002.csv").write_text(VOTERS.replace("9 Elm Rd", "11 Elm Rd"), encoding="utf-8")
    number = order_of_work.refresh(campaign.path, folder, [], order_of_work.Steps("", show=False))
    with Megafile.open(campaign.path) as refreshed:
        assert refreshed.night(number).table.select("changed", "unchanged").row(0) == (1, 3)
        assert refreshed.check() == []
    assert staged == {"record": 4, "source_record": 1, "vote_history": 1}


def test_a_night_holds_to_its_memory_limit(campaign):
    folder = campaign.path.parent / "night"
    folder.mkdir()
    (folder / "gifts_2.csv").write_text(gift("g9", "zoe@x.org", "Zoe", "Zeller"), encoding="utf-8")
    before = campaign.path.read_bytes()
    with pytest.raises(BadValue, match="memory_limit is 'a lot'"):
        campaign.refresh(folder, memory_limit="a lot", progress=False)
    with pytest.raises(RefreshRefused, match="needs more memory"):
        campaign.refresh(folder, memory_limit="1MB", progress=False)
    assert campaign.path.read_bytes() == before
    assert campaign.refresh(folder, memory_limit="300MB", progress=False).added == 1
    assert campaign.retrain(memory_limit="300MB", progress=False).night == 2


@pytest.mark.slow
def test_the_same_drop_twice_changes_nothing(campaign):
    night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
    before, people = campaign.path.read_bytes(), people_of(campaign)
    again = campaign.refresh(campaign.path.parent / "night0", progress=False)
    assert again.night == 0
    assert "Nothing new" in again.summary()
    assert campaign.path.read_bytes() == before
    assert people_of(campaign) == people


@pytest.mark.slow
def test_a_county_s_file_makes_its_own_records_vanish_and_no_other_county_s(campaign):
    report = night(campaign, voters_20121005=VOTERS.rsplit("\n", 2)[0] + "\n")
    assert report.table.filter(source="tiny_voter")["vanished"].to_list() == [1]
    keys = campaign.sql("SELECT record_key FROM record WHERE source = 'tiny_voter' ORDER BY 1")["record_key"].to_list()
    assert keys == ["1", "2", "3", "9"]
    assert campaign.sql("SELECT event, person_id FROM identity_event").rows() == [("ended", 4)]
    assert campaign.sql("SELECT count(*) FROM vote_history WHERE person_id = 4").item() == 0


@pytest.mark.slow
def test_append_files_make_nothing_vanish(campaign):
    night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
    assert campaign.sql("SELECT count(*) FROM gift").item() == 5


@pytest.mark.slow
def test_an_older_drop_never_overwrites_a_newer_one(campaign):
    report = night(campaign, voters_20120901=VOTERS.replace("Ann,O'Brien", "Old,Name"))
    assert report.table.filter(source="tiny_voter").select("older", "changed").rows() == [(4, 0)]
    assert campaign.sql("SELECT count(*) FROM person WHERE first_name = 'Old'").item() == 0


@pytest.mark.slow
def test_a_late_file_does_not_bring_back_who_vanished(campaign):
    night(campaign, voters_20121005=VOTERS.rsplit("\n", 2)[0] + "\n")
    night(campaign, voters_20121003=VOTERS)
    assert campaign.sql("SELECT count(*) FROM record WHERE record_key = '4' AND source = 'tiny_voter'").item() == 0
    night(campaign, voters_20121007=VOTERS)
    assert campaign.sql("SELECT count(*) FROM record WHERE record_key = '4' AND source = 'tiny_voter'").item() == 1
    assert campaign.sql("SELECT max(person_id) FROM person WHERE last_name = 'Peña'").item() > 5  # 4 is not used again


@pytest.mark.slow
def test_a_merge_keeps_the_older_id_and_is_explained(campaign):
    cy = people_of(campaign)["tiny_gifts", "cy@x.org|Cy|Young"]
    first = night(campaign, voters_20121004=f"{HEADER}\n7,Cyrus,Young,,02/02/1970,Male,3 Hill St,44009,Geauga,,\n")
    voter = people_of(campaign)["tiny_voter", "7"]
    assert (first.added, voter == cy) == (1, False)
    told = gift("g4", "cy@x.org", "Cy", "Young", born="1970-02-02", day="2012-10-05", address="3 Hill St", zip5="44009")
    report = night(campaign, gifts_5=told)
    assert (report.merged, report.added) == (1, 0)
    people = people_of(campaign)
    assert people["tiny_voter", "7"] == people["tiny_gifts", "cy@x.org|Cy|Young"] == min(voter, cy)
    assert f"person {max(voter, cy)} was found to be" in campaign.explain(min(voter, cy)).summary()
    with pytest.raises(BadValue, match=f"They are person {min(voter, cy)} since night 2"):
        campaign.explain(max(voter, cy))


@pytest.mark.slow
def test_a_split_leaves_the_id_with_who_was_first(campaign):
    before = people_of(campaign)
    ann = before["tiny_voter", "3"]
    assert before["tiny_gifts", "ann@x.org|Ann|OBrien"] == ann
    moved = VOTERS.replace("3,Ann,O'Brien,,07/04/1971,Female,9 Elm Rd Apt 4,44102",
                           "3,Georgia,Kowalski,,01/31/1933,Female,88 Far Lane,44777")  # fmt: skip
    report = night(campaign, voters_20121006=moved)
    after = people_of(campaign)
    assert report.split == 1
    assert after["tiny_voter", "3"] == ann
    assert after["tiny_gifts", "ann@x.org|Ann|OBrien"] not in before.values()
    assert "was split off" in campaign.explain(ann).summary()
    gifts = campaign.sql("SELECT DISTINCT person_id FROM gift WHERE amount = 10")["person_id"].to_list()
    assert gifts == [after["tiny_gifts", "ann@x.org|Ann|OBrien"]]


@pytest.mark.slow
def test_who_is_not_touched_keeps_their_id(campaign):
    before = people_of(campaign)
    night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
    after = people_of(campaign)
    assert {key: after[key] for key in before} == before


@pytest.mark.slow
def test_retraining_fits_anew_and_keeps_ids(modelled):
    campaign = modelled
    before = people_of(campaign)
    report = campaign.retrain(progress=False)
    assert people_of(campaign) == before
    assert campaign.nights["kind"].to_list() == ["build", "retrain"]
    assert (report.added, report.ended) == (0, 0)
    assert campaign.check() == []


@pytest.mark.slow
def test_a_refresh_uses_the_stored_model_and_leaves_it(modelled):
    campaign = modelled
    before = campaign.sql("SELECT * FROM model")
    night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
    assert campaign.sql("SELECT * FROM model").equals(before)


@pytest.mark.slow
def test_a_damaged_file_changes_nothing(campaign):
    before = campaign.path.read_bytes()
    folder = campaign.path.parent / "bad"
    folder.mkdir()
    (folder / "gifts_2.csv").write_text("What,Is,This\n1,2,3\n", encoding="utf-8")
    with pytest.raises(LayoutError, match="fits no layout"):
        campaign.refresh(folder, progress=False)
    with pytest.raises(BadValue, match="There is no folder"):
        campaign.refresh(folder / "nowhere")
    assert campaign.path.read_bytes() == before
    assert campaign.unencrypted_files == []


@pytest.mark.slow
def test_an_open_megafile_says_when_it_is_stale_and_reopens(campaign):
    with Megafile.open(campaign.path) as reader:
        night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
        assert reader.stale
        assert not campaign.stale
        with pytest.warns(UserWarning, match=r"\.reopen\(\) opens"):
            assert reader.sql("SELECT count(*) FROM gift").item() == 4
        assert "a newer one lies there" in repr(reader)
        everyone = reader.universe()
        reader.reopen()
        assert (reader.stale, reader.sql("SELECT count(*) FROM gift").item()) == (False, 5)
        assert everyone.count() == 7


@pytest.mark.slow
def test_the_second_of_two_refreshes_is_refused(campaign):
    lock = campaign.path.with_name(f".{campaign.path.name}.lock")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RefreshRefused, match="being written by another process"):
            night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
    campaign.refresh(campaign.path.parent / "night0", progress=False)
    assert campaign.sql("SELECT count(*) FROM gift").item() == 5


def test_a_full_disk_is_seen_before_anything_is_written(campaign, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(replacing.shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    with pytest.raises(RefreshRefused, match="make room"), replacing.changed_file(campaign.path):
        pass
    assert campaign.unencrypted_files == []


def test_a_refresh_that_would_not_hang_together_is_not_put_in_place(campaign, monkeypatch):
    monkeypatch.setattr(order_of_work, "problems", lambda con: ["3 rows are lost"])
    folder = campaign.path.parent / "night"
    folder.mkdir()
    (folder / "gifts_2.csv").write_text(gift("g9", "zoe@x.org", "Zoe", "Zeller"), encoding="utf-8")
    before = campaign.path.read_bytes()
    with pytest.raises(CampaignkitError, match="3 rows are lost"):
        order_of_work.refresh(campaign.path, folder, [], order_of_work.Steps("", show=False))
    assert campaign.path.read_bytes() == before


def test_integrity_finds_what_is_lost(campaign):
    with duckdb.connect(campaign.path.with_name("broken.duckdb")) as con:
        con.execute("ATTACH ? AS old (READ_ONLY)", [str(campaign.path)])
        con.execute("COPY FROM DATABASE old TO broken")
        con.execute("DETACH old")
        con.execute("DELETE FROM person WHERE person_id = 2; DELETE FROM record WHERE record_key LIKE 'g3%'")
    with Megafile.open(campaign.path.with_name("broken.duckdb")) as broken:
        found = " ".join(broken.check())
    for rule in ("belong to people who are not there", "log and records disagree", "facts are of no standing record"):
        assert rule in found


def test_keys_that_only_hash_alike_do_not_stand_twice(campaign):
    alike = ["S00000300|host_e", "S00000390|host_b"]  # of one source, by DuckDB's hash
    with duckdb.connect(campaign.path.with_name("many.duckdb")) as con:
        con.execute("ATTACH ? AS old (READ_ONLY)", [str(campaign.path)])
        con.execute("COPY FROM DATABASE old TO many")
        con.execute("DETACH old")
        for place, key in enumerate(alike):
            con.execute("INSERT INTO record (record_id, source, record_key) VALUES (?, 'invited', ?)", [place, key])
        assert not any("twice" in problem for problem in problems(con))
        con.execute("INSERT INTO record (record_id, source, record_key) VALUES (9, 'invited', ?)", alike[:1])
        assert "1 keys stand twice" in problems(con)
    with Megafile.open(campaign.path.with_name("many.duckdb")) as many:
        assert "1 keys stand twice" in many.check()


def test_reading_can_t_be_talked_into_other_files(campaign):
    for query in ("COPY person TO 'out.csv'", "SELECT * FROM read_csv('/etc/passwd')", "ATTACH 'x.duckdb'",
                  "SET enable_external_access = true", "DELETE FROM person"):  # fmt: skip
        with pytest.raises((duckdb.Error, BadValue)):
            campaign.sql(query)


@pytest.mark.slow
def test_leftovers_of_a_killed_refresh_are_listed_then_removed(campaign):
    names = ("open-999999-18879806942014", "writing-999999", "writing-999999.stage")
    left = [campaign.path.with_name(f".{campaign.path.name}.{name}") for name in names]
    for file in left:
        file.write_bytes(b"people")
    assert campaign.unencrypted_files == left
    night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
    assert campaign.unencrypted_files == []


@pytest.mark.slow
def test_exports_are_taken_into_the_table_and_listed_once(campaign):
    campaign.universe().call_list("mail", "turnout").write(campaign.path.with_name("list.csv"))
    assert campaign.exports.height == 1
    night(campaign, gifts_2=gift("g9", "zoe@x.org", "Zoe", "Zeller"))
    assert campaign.sql("SELECT count(*) FROM export").item() == 1
    assert campaign.exports.height == 1


@pytest.mark.slow
def test_unusual_files_are_warned_of(campaign):
    many = "\n".join(f"x{n},m{n}@x.org,Mia,Person{n},bad,2012-10-03,,,," for n in range(80))
    report = night(campaign, gifts_2=f"{GIFT_HEADER.replace('Phone', 'Telephone')}\n{many}\n")
    said = " ".join(report.warnings)
    assert "has 80 records; 4 are usual" in said
    assert "no longer has column phone" in said.lower()
    assert "Look at:" in report.summary()


def test_most_of_a_source_vanishing_is_warned_of():
    with duckdb.connect() as con:
        con.execute("CREATE TABLE night_source (night INTEGER, source VARCHAR, vanished BIGINT)")
        con.execute("CREATE TABLE record (record_id BIGINT, source VARCHAR)")
        con.execute("INSERT INTO night_source VALUES (1, 'oh', 900); INSERT INTO record VALUES (1, 'oh')")
        assert "900 records of oh vanished, 100%" in drift._vanished(con, 1)[0]


@pytest.mark.slow
def test_linking_only_the_touched_records_alone_would_miss_their_rivals(campaign, monkeypatch):
    """A night that looks at nobody near the touched gives another answer: two voters fit, a tie stays unlinked."""
    namesake = f"{HEADER}\n8,Ann,O'Brien,,07/04/1971,Female,9 Elm Rd Apt 4,44102,Geauga,,X\n"
    monkeypatch.setattr(regroup, "MOST_TOUCHED", 9.0)
    folder = campaign.path.parent / "night"
    folder.mkdir()
    (folder / "voters_20121004.csv").write_text(namesake, encoding="utf-8")
    quiet = order_of_work.Steps("", show=False)
    with monkeypatch.context() as patch:
        patch.setattr(regroup, "_gather", _only_touched)
        copy = campaign.path.with_name("copy.duckdb")
        copy.write_bytes(campaign.path.read_bytes())
        order_of_work.refresh(copy, folder, [], quiet)
    order_of_work.refresh(campaign.path, folder, [], quiet)
    campaign.reopen()
    with Megafile.open(copy) as wrong:
        assert people_of(wrong) != people_of(campaign)


def _only_touched(con, all_near):
    con.execute(
        "DROP TABLE IF EXISTS temp.work_prepared; DELETE FROM work_link; DELETE FROM work_scored_record; "
        "DELETE FROM work_scored_pair"
    )
    con.execute("CREATE TEMP TABLE work_prepared AS FROM work_everyone WHERE person_id < 0")
    con.execute("UPDATE work_prepared SET person_id = NULL")


NIGHT = """
import sys
from campaignkit import Megafile
Megafile.open(sys.argv[1]).refresh(sys.argv[2], progress=False)
"""


@pytest.mark.slow
def test_a_killed_parent_takes_the_child_with_it(campaign):
    folder = campaign.path.parent / "night"
    folder.mkdir()
    (folder / "gifts_2.csv").write_text(gift("g9", "zoe@x.org", "Zoe", "Zeller"), encoding="utf-8")
    before = campaign.path.read_bytes()
    parent = subprocess.Popen([sys.executable, "-c", NIGHT, str(campaign.path), str(folder)])
    part = f".{campaign.path.name}.writing-"
    while not (left := [p.name for p in campaign.path.parent.iterdir() if p.name.startswith(part)]):
        time.sleep(0.01)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    child = int(left[0].removeprefix(part).partition(".")[0])
    for _ in range(500):
        if not Path(f"/proc/{child}").exists():
            break
        time.sleep(0.01)
    assert not replacing._runs(child)
    assert campaign.path.read_bytes() == before
    assert isinstance(pl.DataFrame(campaign.sql("FROM person")), pl.DataFrame)
