"""A small campaign's night for tests: a megafile of 2,000 people, its exports, and settings that are quick."""

from __future__ import annotations

import shutil
from pathlib import Path

import campaignkit as ck
from campaignkit.briefing import standing

TOML = """
megafile = "campaign.duckdb"
exports = "nights"
[emails]
tests = ["deadline_june"]
[polls]
question = "If the election were held today, who would you vote for?"
yes = "Our candidate"
no = "The opponent"
by = ["sex", "state"]
[[lists]]
name = "calls"
who = "voter"
channel = "phone"
purpose = "turnout"
limit = 50
[page]
title = "Tonight <b>& tomorrow</b>"
"""
FORECAST = "[forecast]\non = 2012-11-06\n[money]\nbudget = 2_000_000\neffect = 0.02\nstd_error = 0.008\nscale = 2.0\n"
PEOPLE = 3_000


def build(folder: Path, people: int = PEOPLE) -> None:
    """Write exports and the megafile of them."""
    ck.sample.write(folder / "exports", people=people)
    ck.Megafile.build(folder / "exports", folder / "campaign.duckdb", model=False, progress=False).close()
    (folder / "nights").mkdir()
    (folder / "campaign.toml").write_text(TOML, encoding="utf-8")


def copy_of(built: Path, folder: Path) -> Path:
    """Return a copy of a built campaign, to work on; its settings."""
    for name in ("campaign.duckdb", "campaign.toml"):
        shutil.copy(built / name, folder / name)
    shutil.copytree(built / "nights", folder / "nights")
    return folder / "campaign.toml"


def add_night(built: Path, folder: Path, number: int) -> None:
    ck.sample.write_night(built / "exports", folder / "nights", night=number)


def outputs(folder: Path) -> dict[str, bytes]:
    """Return what a night leaves that must not depend on when or how it ran: page, twin, history, lists."""
    kinds = ("page.*", "pages/*", "history/*", "lists/*/*.csv")
    kept = [path for kind in kinds for path in folder.glob(f"briefing/{kind}")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(kept)}


def beneath(folder: Path) -> dict[str, bytes]:
    """Return the same, the page and its twin without the mark that they are not tonight's."""
    return outputs(folder) | {
        f"briefing/{name}": standing.unmarked(folder / "briefing" / name) for name in ("page.html", "page.json")
    }


def first_line(folder: Path) -> str:
    """Return the first words of the page that stands."""
    return (folder / "briefing/page.html").read_text("utf-8").partition("<body>\n")[2].lstrip().partition("\n")[0]
