"""night: what is up to date is passed over, what fails leaves yesterday's page, and a killed night ends as any other."""

from __future__ import annotations

import fcntl
import gzip
import json
import multiprocessing as mp
import os
import random
import signal
import subprocess
import sys
import time

import pytest

import campaignkit as ck
from campaignkit.briefing import people_steps
from campaignkit.errors import BadValue, CampaignkitError, RefreshRefused
from tests.briefing import campaign


def statuses(done) -> set[str]:
    return set(done.table["status"])


def test_a_second_run_does_nothing_and_leaves_every_byte(settings):
    first = ck.briefing.night(settings, progress=False)
    before = campaign.outputs(settings.parent)
    again = ck.briefing.night(settings, progress=False)
    assert statuses(first) == {"done"}
    assert statuses(again) == {"up to date"}
    assert campaign.outputs(settings.parent) == before
    assert {"briefing/page.html", "briefing/page.json"} < set(before)


@pytest.mark.slow
def test_from_only_and_dry_run(settings):
    ck.briefing.night(settings, progress=False)
    after = ck.briefing.night(settings, start="contacts", progress=False)
    assert after.table.filter(status="done")["step"].to_list() == ["contacts", "lists", "page"]
    alone = ck.briefing.night(settings, only="emails", progress=False)
    assert alone.table.filter(status="done")["step"].to_list() == ["emails"]
    settings.write_text(settings.read_text().replace("limit = 50", "limit = 40"))
    planned = ck.briefing.night(settings, dry_run=True, progress=False)
    assert planned.table.filter(status="would run")["step"].to_list() == ["lists"]
    with pytest.raises(BadValue, match="did you mean 'lists'"):
        ck.briefing.night(settings, start="list")


def test_lists_are_not_written_unchecked_and_come_in_every_format(settings):
    with pytest.raises(BadValue, match="before the night was checked"):
        ck.briefing.night(settings, only="lists", progress=False)
    assert not (settings.parent / "briefing/lists").exists()
    settings.write_text(settings.read_text().replace("limit = 50", 'limit = 5\nformat = "xlsx"'))
    done = ck.briefing.night(settings, progress=False)
    [path] = (settings.parent / "briefing/lists").rglob("*.xlsx")
    path.unlink()
    again = ck.briefing.night(settings, progress=False)
    assert again.table.filter(status="done")["step"].to_list() == ["lists"]
    assert path.exists()
    assert done.code in (0, 1)


@pytest.mark.slow
def test_a_list_follows_a_tag_that_was_changed(settings):
    with ck.Megafile.open(settings.parent / "campaign.duckdb") as megafile:
        everyone = megafile.universe("voter", state="OH")
        megafile.tag(everyone, "walk")
    settings.write_text(settings.read_text().replace('who = "voter"', "who = \"tagged('walk')\""))
    ck.briefing.night(settings, progress=False)
    [path] = (settings.parent / "briefing/lists").rglob("calls.csv")
    before = set(path.read_text().splitlines()[1:])
    with ck.Megafile.open(settings.parent / "campaign.duckdb") as megafile:
        megafile.tag(megafile.universe("voter", state="NC"), "walk")
    ck.briefing.night(settings, progress=False)
    after = set(path.read_text().splitlines()[1:])
    assert before
    assert after
    assert not before & after


@pytest.mark.slow
def test_a_night_of_new_files_is_told_beside_the_page_before(built, settings):
    settings.write_text(settings.read_text() + campaign.FORECAST)
    ck.briefing.night(settings, progress=False)
    campaign.add_night(built, settings.parent, 1)
    done = ck.briefing.night(settings, progress=False)
    page = json.loads((settings.parent / "briefing/page.json").read_text())
    assert (done.number, page["as_of"], page["since"]) == (1, "2012-10-02", "2012-10-01")
    assert "3 files came in since 2012-10-01" in page["parts"]["files"]["sentences"][0]
    assert (settings.parent / "briefing/pages/2012-10-01.html").exists()
    for part, name in (("contacts", "contact_changes"), ("emails", "email_changes"), ("money", "money_changes")):
        [table] = [table for table in page["parts"][part]["tables"] if table["name"] == name]
        assert {"change", "new_data", "real", "chance"} <= set(table["columns"])
        at = [table["columns"].index(column) for column in ("change", "new_data", "real", "chance")]
        for row in table["rows"]:
            whole, *parts = [row[each] for each in at]
            assert whole == pytest.approx(sum(parts), abs=1e-4 * max(abs(whole), 1))
    assert (settings.parent / "briefing/lists/2012-10-02/calls.csv").exists()


def half_sent(built, folder) -> None:
    """Write a night whose supporters' list stops after a fifth."""
    campaign.add_night(built, folder, 1)
    [path] = (folder / "nights").glob("supporters*")
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[: len(lines) // 5]), mtime=0))


@pytest.mark.slow
def test_a_half_sent_snapshot_stops_the_lists_and_is_the_pages_first_line(built, settings):
    ck.briefing.night(settings, progress=False)
    half_sent(built, settings.parent)
    done = ck.briefing.night(settings, progress=False)
    page = (settings.parent / "briefing/page.html").read_text()
    assert done.code == 2
    body = page.partition("<body>")[2].strip()
    assert body.startswith('<p class="verdict stop"')
    assert "Not to be trusted today" in body.splitlines()[0]
    assert not (settings.parent / "briefing/lists/2012-10-02").exists()
    [stop] = [check for check in done.checks if check["level"] == "stop"]
    assert "stood" in stop["past"]
    assert "--accept" in stop["to_do"]
    name = stop["what"].partition(" ")[0]
    taken = ck.briefing.night(settings, accept=[name], progress=False)
    said = [check["what"] for check in taken.checks if check["level"] == "stop"]
    assert not any("cut short" in what for what in said)
    assert all(what.startswith("Suppressions on") for what in said)  # whoever vanished takes refusals along: said too


def test_a_step_that_raises_leaves_yesterdays_page(settings, monkeypatch):
    ck.briefing.night(settings, progress=False)
    before = campaign.outputs(settings.parent)

    def fails(*_):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(people_steps, "_by_day", fails)
    with pytest.raises(CampaignkitError, match=r"'contacts' failed, and no page was written.*planted"):
        ck.briefing.night(settings, start="contacts", progress=False)
    assert campaign.beneath(settings.parent) == before
    assert (settings.parent / "briefing/pages/2012-10-01.html").read_bytes() == before["briefing/page.html"]
    assert "Not tonight’s page" in campaign.first_line(settings.parent)
    assert "&#x27;contacts&#x27; failed" in campaign.first_line(settings.parent)
    assert "'contacts' failed" in json.loads((settings.parent / "briefing/page.json").read_text())["not_tonight"]
    [log] = (settings.parent / "briefing/logs").iterdir()
    assert "contacts failed: planted" in log.read_text()
    monkeypatch.undo()
    ck.briefing.night(settings, progress=False)
    assert campaign.outputs(settings.parent) == before


def test_one_step_alone_marks_the_page_only_where_it_fails(settings, monkeypatch):
    ck.briefing.night(settings, progress=False)
    before = campaign.outputs(settings.parent)
    ck.briefing.night(settings, only="contacts", progress=False)
    assert campaign.outputs(settings.parent) == before
    monkeypatch.setattr(people_steps, "_by_day", lambda *_: 1 / 0)
    with pytest.raises(CampaignkitError):
        ck.briefing.night(settings, only="contacts", progress=False)
    assert "Not tonight’s page" in campaign.first_line(settings.parent)


def test_while_a_night_runs_the_page_says_that_it_has_not_finished(settings, monkeypatch):
    """What is killed can say nothing any more: it is said before."""
    ck.briefing.night(settings, progress=False)
    seen = []
    monkeypatch.setattr(people_steps, "_by_day", lambda *_: seen.append(campaign.first_line(settings.parent)) or 1 / 0)
    with pytest.raises(CampaignkitError):
        ck.briefing.night(settings, start="contacts", progress=False)
    assert "has not finished" in seen[0]


def test_a_megafile_that_can_not_be_opened_is_said_on_the_page(settings):
    ck.briefing.night(settings, progress=False)
    (settings.parent / "campaign.duckdb").write_bytes(b"no megafile")
    with pytest.raises(Exception, match=r"campaign\.duckdb"):
        ck.briefing.night(settings, progress=False)
    assert "run failed at" in campaign.first_line(settings.parent)


def test_a_full_disk_leaves_yesterdays_page(settings, monkeypatch):
    ck.briefing.night(settings, progress=False)
    before = campaign.outputs(settings.parent)

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CampaignkitError, match="No space left"):
        ck.briefing.night(settings, start="page", progress=False)
    assert campaign.beneath(settings.parent) == before
    assert "No space left" in campaign.first_line(settings.parent)  # written over its room: it needs no space
    assert not list((settings.parent / "briefing").rglob(".*.writing-*"))


def test_a_folder_that_can_not_be_written_is_said(settings):
    (settings.parent / "briefing").write_text("a file")
    with pytest.raises(BadValue, match="can't be written"):
        ck.briefing.night(settings, progress=False)


def test_a_second_night_is_refused_while_the_lock_is_held(settings):
    folder = settings.parent / "briefing"
    folder.mkdir()
    with (folder / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RefreshRefused, match="Another night is running"):
            ck.briefing.night(settings, progress=False)
    assert not (folder / "page.html").exists()


def hold(folder, locked, done):
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        locked.set()
        done.wait(30)


@pytest.mark.slow
def test_a_second_night_at_once_is_refused(settings):
    folder = settings.parent / "briefing"
    folder.mkdir()
    context = mp.get_context("spawn")
    locked, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(folder, locked, done))
    other.start()
    assert locked.wait(60)
    with pytest.raises(RefreshRefused, match="Another night is running"):
        ck.briefing.night(settings, progress=False)
    done.set()
    other.join()


def tables(path) -> dict[str, list]:
    """Return the megafile's tables row for row, without what the clock wrote."""
    clocks = {"refresh_log": "started_at, finished_at", "identity_event": "happened_at"}
    rows = {}
    with ck.Megafile.open(path) as megafile:
        for name in megafile.tables:
            if name == "export":
                continue
            drop = f" EXCLUDE ({clocks[name]})" if name in clocks else ""
            rows[name] = megafile.sql(f'SELECT *{drop} FROM "{name}" ORDER BY ALL').rows()
    return rows


KILLS = int(os.environ.get("CAMPAIGNKIT_KILLS", "5"))  # each is two nights


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_random_moments_it_comes_to_the_same_page_lists_and_tables(built, tmp_path):
    command = [sys.executable, "-m", "campaignkit.cli", "night", "--json", "--settings"]
    whole, started = tmp_path / "whole", time.monotonic()
    whole.mkdir()
    path = campaign.copy_of(built, whole)
    with path.open("a") as more:
        more.write('pdf = true\n[scores]\nrecipes = ["volunteers"]\n')
    campaign.add_night(built, whole, 1)
    subprocess.run([*command, str(path)], check=False, capture_output=True)
    took, wanted, rows = time.monotonic() - started, campaign.outputs(whole), tables(whole / "campaign.duckdb")
    assert len(wanted) >= 5
    rng = random.Random(21)
    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        again = campaign.copy_of(built, folder)
        again.write_text(path.read_text())
        campaign.add_night(built, folder, 1)
        running = subprocess.Popen([*command, str(again)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.2, took))
        running.send_signal(signal.SIGKILL)
        running.wait()
        time.sleep(0.5)  # the child that was writing the megafile ends by itself
        ended = subprocess.run([*command, str(again)], check=False, capture_output=True, text=True)
        assert ended.returncode in (0, 1), ended.stderr
        assert campaign.outputs(folder) == wanted, number
        assert tables(folder / "campaign.duckdb") == rows, number
