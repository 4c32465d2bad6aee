"""The how-to for orchestrators: its Dagster file runs against a stand-in, and its dbt sources name columns there are."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from campaignkit.briefing.night import STEPS
from campaignkit.megafile import schema
from tests.test_howto import FOLDER

PAGE = (FOLDER / "6_every_night.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    [text] = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)
    return text


def stand_in() -> SimpleNamespace:
    """Return what the page uses of dagster: decorators that leave functions with what they were given."""

    def decorator(**given):
        return lambda function: SimpleNamespace(run=function, **given)

    plain = lambda **given: SimpleNamespace(**given)  # noqa: E731
    severity = SimpleNamespace(ERROR="ERROR", WARN="WARN")
    return SimpleNamespace(
        asset=decorator, asset_check=decorator, MaterializeResult=plain, AssetCheckResult=plain, Definitions=plain,
        AssetCheckSeverity=severity, ScheduleDefinition=lambda name, **given: SimpleNamespace(name=name, **given),
    )  # fmt: skip


@pytest.mark.slow
def test_each_step_is_an_asset_and_its_checks_are_read(settings, monkeypatch):
    monkeypatch.chdir(settings.parent)
    monkeypatch.setitem(sys.modules, "dagster", stand_in())
    names: dict = {}
    exec(compile(block("py"), "definitions.py", "exec"), names)
    defs = names["defs"]
    assert [asset.name for asset in defs.assets] == [step.name for step in STEPS]
    assert [asset.deps for asset in defs.assets][:2] == [[], ["files"]]
    assert [asset.run().metadata["night"] for asset in defs.assets] == [0] * len(STEPS)
    assert all(check.run().passed for check in defs.asset_checks)
    assert Path("briefing/page.html").exists()


def test_the_dbt_sources_name_tables_and_columns_of_the_megafile():
    [source] = yaml.safe_load(block("yaml"))["sources"]
    for table in source["tables"]:
        assert {column["name"] for column in table["columns"]} <= set(schema.columns_of(table["name"]))
