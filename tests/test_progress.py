"""progress: what takes long is shown by name, what does not is not, and a log holds plain lines."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from contextlib import suppress

import duckdb
import pytest

from campaignkit import progress
from campaignkit.progress import Steps, make_askable, shown, wanted

SOON = "import campaignkit.progress as p, time; p.LEAST_SECONDS = 0.1; p.BETWEEN_SECONDS = 0.1\n"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Call 0.1 seconds long."""
    monkeypatch.setattr(progress, "LEAST_SECONDS", 0.1)
    monkeypatch.setattr(progress, "BETWEEN_SECONDS", 0.02)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CAMPAIGNKIT_PROGRESS", raising=False)


@pytest.fixture
def said(monkeypatch):
    """What is said while steps run."""
    lines = []
    monkeypatch.setattr(Steps, "_say", lambda self, text, seconds: lines.append(text))
    return lines


def in_a_terminal(code: str) -> str:
    """Return what a program shows in a terminal."""
    leader, follower = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "CAMPAIGNKIT_PROGRESS")}
    subprocess.run([sys.executable, "-c", SOON + code], stderr=follower, env=environment, check=True)
    os.close(follower)
    shown_there = b""
    with os.fdopen(leader, "rb", buffering=0) as terminal, suppress(OSError):  # at the end Linux raises EIO
        while part := terminal.read(65536):
            shown_there += part
    return shown_there.decode()


def test_a_long_step_is_shown_by_name_and_a_short_one_is_not(said):
    steps = Steps("build")
    with steps.step("short"):
        pass
    with steps.step("long"):
        time.sleep(0.2)
    assert set(said) == {"build: long"}


def test_a_log_holds_one_line_for_a_long_step_and_none_for_a_short_one(capsys):
    with shown("build", "short"):
        pass
    with shown("build", "long"):
        time.sleep(0.15)
    err = capsys.readouterr().err
    assert err.startswith("build: long (0.")
    assert err.count("\n") == 1
    assert "\r" not in err


def test_a_terminal_overwrites_the_running_step_with_its_time():
    seen = in_a_terminal("with p.shown('build', 'long'): time.sleep(0.5)")
    assert "build: long … " in seen
    assert seen.rstrip().splitlines()[-1].rpartition("\x1b[K")[2].startswith("build: long (0.")


def test_it_is_quiet_in_ci_and_when_told(monkeypatch, capsys):
    assert wanted(None)
    for name, value in (("CI", "true"), ("CAMPAIGNKIT_PROGRESS", "0")):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            assert not wanted(None)
            assert wanted(True)
            with shown("build", "long"):
                time.sleep(0.15)
    with Steps("build", show=False).step("long"):
        time.sleep(0.15)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("CAMPAIGNKIT_PROGRESS", "1")
    assert wanted(None)
    assert capsys.readouterr().err == ""


def test_the_outer_step_speaks_for_those_inside_it(capsys, said):
    with shown("outer", "all of it"), shown("inner", "a part"):
        time.sleep(0.2)
    assert "inner" not in capsys.readouterr().err
    assert set(said) == {"outer: all of it"}
    assert Steps("after").show


def test_an_error_ends_the_step_and_its_thread():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), shown("build", "fails"):
        _ = 1 / 0
    assert threading.active_count() == before
    assert Steps("after").show


def test_duckdb_says_how_far_its_query_is_and_prints_no_bar_of_its_own(said, capfd):
    with duckdb.connect() as con:
        make_askable(con)
        con.execute("CREATE TABLE t AS SELECT hash(i) AS h, random() AS r FROM range(4_000_000) x(i)").fetchall()
        with shown("query", "sorting", con):
            con.sql("SELECT h % 300_000 AS k, median(r) FROM t GROUP BY 1 ORDER BY 2 LIMIT 3").fetchall()
    far = [int(text.rpartition(" ")[2][:-1]) for text in said if text.endswith("%")]
    assert far
    assert far == sorted(far)
    assert capfd.readouterr().out == ""


def test_in_a_notebook_one_bar_is_made_and_taken_away(monkeypatch):
    bars = []

    class Bar:
        def __init__(self, **_options):
            self.texts, self.open = [], True
            bars.append(self)

        def set_description_str(self, text):
            self.texts.append(text.partition(" …")[0])

        def close(self):
            self.open = False

    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    steps = Steps("build")
    for name in ("one", "two"):
        with steps.step(name):
            time.sleep(0.2)
    steps.close()
    assert len(bars) == 1
    assert list(dict.fromkeys(bars[0].texts)) == ["build: one", "build: two"]
    assert not bars[0].open


def test_a_megafile_can_say_how_far_a_query_is(said):
    from campaignkit import sample

    mf = sample.megafile(progress=False)
    said.clear()
    mf.sql("SELECT count(*) FROM range(200_000_000) a(i) WHERE hash(i) % 7 = 3")
    assert {text.partition(" query")[0] for text in said} == {"megafile: answering a"}
