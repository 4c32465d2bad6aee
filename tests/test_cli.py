"""cli: the notebooks reach whoever has the package alone, and what goes wrong is said in a line."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import jupytext
import pytest

import campaignkit
from campaignkit import cli

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))


def test_notebooks_are_written_for_jupyter_without_outputs(tmp_path):
    written, kept = cli.write_notebooks(tmp_path / "new")
    assert written == [f"{source.stem}.ipynb" for source in SOURCES]
    assert kept == []
    first = jupytext.read(tmp_path / "new" / written[0])
    assert first.cells[0].source.startswith("# ")
    assert not any(cell.get("outputs") for cell in first.cells)


def test_a_notebook_that_was_worked_in_is_left_alone(tmp_path):
    mine = tmp_path / f"{SOURCES[0].stem}.ipynb"
    mine.write_text("mine")
    written, kept = cli.write_notebooks(tmp_path)
    assert kept == [mine.name]
    assert len(written) == len(SOURCES) - 1
    assert mine.read_text() == "mine"


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path, capsys):
    assert cli.main(["notebooks", str(tmp_path / "nb")]) == 0
    said = capsys.readouterr().out
    assert f"{len(SOURCES)} notebooks written" in said
    assert f"campaignkit lab {tmp_path / 'nb'}" in said


@pytest.mark.parametrize("command", ["notebooks", "lab"])
def test_without_the_extra_it_says_what_to_install(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name in {"jupytext", "jupyterlab"} else find_spec(name))
    assert cli.main([command, str(tmp_path / "nb")]) == 1
    assert "pip install 'campaignkit[lab]'" in capsys.readouterr().err


def test_lab_passes_on_what_is_jupyters(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(command))
    cli.main(["lab", str(tmp_path), "--no-browser", "--port=9999"])
    assert ran[0][:3] == [sys.executable, "-m", "jupyterlab"]
    assert {"--no-browser", "--port=9999", f"--notebook-dir={tmp_path}"} <= set(ran[0])
    monkeypatch.chdir(tmp_path)
    cli.main(["lab", "--port", "8898"])
    assert ran[1][-2:] == ["--port", "8898"]
    assert "--notebook-dir=campaignkit_notebooks" in ran[1]


def test_other_commands_refuse_what_they_do_not_know():
    with pytest.raises(SystemExit):
        cli.main(["demo", "--prot=9999"])


def test_an_error_is_a_line_and_not_a_trace(tmp_path, capsys):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "what.csv").write_text("a,b\n1,2\n")
    assert cli.main(["build", str(tmp_path / "exports"), str(tmp_path / "c.duckdb")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("campaignkit: ")


def test_inspect_shows_each_column_and_saves_drafts(tmp_path, capsys):
    (tmp_path / "walk.csv").write_text("Name;Zip Code;Colour\nLee, Ann;44101;red\n", encoding="utf-8")
    assert cli.main(["inspect", str(tmp_path / "walk.csv")]) == 0
    said = capsys.readouterr().out
    assert "utf-8 text parted by semicolons; 2 of 3 columns understood" in said
    assert 'zip5 = "Zip Code"  # guess: its name' in said
    assert cli.main(["inspect", str(tmp_path / "*.csv"), "--save", str(tmp_path / "layouts")]) == 0
    assert "campaignkit build FOLDER PATH --layout" in capsys.readouterr().out
    assert (tmp_path / "layouts" / "walk.toml").exists()
    assert cli.main(["inspect", str(tmp_path / "none.csv")]) == 1


def test_the_version_is_said(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"campaignkit {campaignkit.__version__}\n"
