"""settings: campaign.toml is read strictly, and read back against the megafile."""

from __future__ import annotations

import datetime as dt

import pytest

import campaignkit as ck
from campaignkit import cli
from campaignkit.errors import BadValue
from tests.briefing import campaign


def read(tmp_path, text: str):
    path = tmp_path / "campaign.toml"
    path.write_text('megafile = "c.duckdb"\nexports = "e"\n' + text, encoding="utf-8")
    return ck.briefing.read_settings(path)


def test_dates_lists_and_tables_are_read(tmp_path):
    text = '[forecast]\non = 2012-11-06\n[polls]\nquestion = "Q"\nyes = ["Y"]\nno = "N"\n[[lists]]\nname = "a"\nwho = "voter"\n'
    wanted = read(tmp_path, text + 'channel = "phone"\npurpose = "turnout"')
    assert wanted.forecast.on == dt.date(2012, 11, 6)
    assert wanted.polls.question == ("Q",)
    assert wanted.lists[0].who == ("voter",)
    assert wanted.path("e") == tmp_path / "e"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pols]\nyes = 1", "did you mean 'polls'"),
        ("[forecast]\nonn = 2012-11-06", "did you mean 'on'"),
        ('[polls]\nquestion = "Q"', "is missing yes, no"),
        ('[forecast]\non = "tomorrow"', "a date such as"),
        ("[forecast]\non = 2012-11-06\nelections = 2.5", "a whole number was expected"),
        ("[forecast]\non = 2012-11-06\nelections = true", "a whole number was expected"),
        ("[page]\npdf = 1", "true or false was expected"),
        ("[page]\ntitle = 3", "text was expected"),
        ("[emails]\ntests = 3", "a list was expected"),
        ("emails = 3", "a table was expected"),
        ("[money]\nbudget = 0\neffect = 1\nscale = 1", "above 0"),
        ("[money]\nbudget = 5\neffect = 1\nscale = 1", "add \\[forecast\\]"),
        ('[[lists]]\nname = "../x"\nwho = "voter"\nchannel = "phone"\npurpose = "turnout"', "can't be a list's name"),
        ("x = ", "is not valid TOML"),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_with_the_nearest_name(tmp_path, text, said):
    with pytest.raises(BadValue, match=said):
        read(tmp_path, text)


def test_two_lists_of_one_name_are_refused(tmp_path):
    one = '[[lists]]\nname = "a"\nwho = "voter"\nchannel = "phone"\npurpose = "turnout"\n'
    with pytest.raises(BadValue, match="two lists are called a"):
        read(tmp_path, one + one)


def test_check_names_what_is_not_there_and_exits_with_2(settings, capsys):
    text = (
        settings.read_text().replace("deadline_june", "deadline_jun").replace('channel = "phone"', 'channel = "fone"')
    )
    settings.write_text(text.replace('by = ["sex", "state"]', 'by = ["sexx"]'))
    assert cli.main(["night", "--check", "--settings", str(settings)]) == 2
    said = capsys.readouterr().out
    for name in ("deadline_june", "phone", "sex"):
        assert f"did you mean {name!r}" in said


def test_init_writes_what_check_accepts(settings, capsys, monkeypatch):
    monkeypatch.chdir(settings.parent)
    settings.unlink()
    (settings.parent / "exports").mkdir()
    assert cli.main(["night", "init", "campaign.duckdb"]) == 0
    assert cli.main(["night", "--check"]) == 0
    assert "Every name is there." in capsys.readouterr().out
    assert cli.main(["night", "init", "campaign.duckdb"]) == 2


def test_the_command_says_its_code_and_steps_as_json(settings, capsys):
    import json

    code = cli.main(["night", "--json", "--settings", str(settings)])
    said = json.loads(capsys.readouterr().out)
    assert (code, said["code"], said["steps"][-1]["step"]) == (0, 0, "page")
    assert cli.main(["night", "--json", "--dry-run", "--from", "lists", "--settings", str(settings)]) == 0
    planned = [step["step"] for step in json.loads(capsys.readouterr().out)["steps"] if step["status"] == "would run"]
    assert planned == ["lists", "page"]
    assert cli.main(["night", "--only", "pag", "--settings", str(settings)]) == 2
    assert "did you mean 'page'" in capsys.readouterr().err
    assert campaign.outputs(settings.parent)


def test_whatever_goes_wrong_the_command_never_says_that_the_night_ran(settings, capsys):
    (settings.parent / "campaign.duckdb").write_bytes(b"no megafile")
    assert cli.main(["night", "--settings", str(settings)]) == 2
    assert "campaignkit: " in capsys.readouterr().err
