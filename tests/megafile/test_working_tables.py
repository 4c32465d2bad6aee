"""Temporary tables are what their declarations say, and none is made elsewhere."""

import re
from pathlib import Path

import duckdb
import pytest

import campaignkit
from campaignkit.megafile import working_tables

MEGAFILE = Path(campaignkit.__file__).parent / "megafile"
MODULES = {
    ".".join(path.relative_to(MEGAFILE).with_suffix("").parts): path.read_text(encoding="utf-8")
    for path in MEGAFILE.rglob("*.py")
}
MADE_ELSEWHERE = re.compile(r"CREATE (OR REPLACE )?TEMP(ORARY)? (TABLE|VIEW)", re.IGNORECASE)


def test_no_temporary_table_is_made_elsewhere():
    code = {name: re.sub(r">>>.*|\.\.\. .*", "", text) for name, text in MODULES.items()}
    assert [name for name, text in code.items() if MADE_ELSEWHERE.search(text)] == ["working_tables"]


@pytest.mark.parametrize("table", working_tables.TABLES)
def test_nobody_writes_or_reads_it_but_who_is_named(table):
    declared = working_tables.TABLES[table]
    assert table.startswith(working_tables.PREFIX)
    rooms = f"{declared.writer}, {declared.readers}".split(", ")
    mentioned = {
        name for name, text in MODULES.items() if re.search(rf"\b{table}\b", text) or _templated(table, text)
    } - {"working_tables"}
    assert mentioned, f"{table} is declared and used nowhere"
    undeclared = {name for name in mentioned if not any(name == room or name.startswith(f"{room}.") for room in rooms)}
    assert not undeclared


def _templated(table: str, text: str) -> bool:
    """Whether the module writes the name with a gap to be filled, as ``work_{side}_side``."""
    gaps = re.findall(r"work_\{\w+\}\w+", text)
    return any(re.fullmatch(re.sub(r"\\\{\w+\\\}", r"\\w+", re.escape(gap)), table) for gap in gaps)


def test_every_name_used_is_declared():
    used = {name for text in MODULES.values() for name in re.findall(r"\bwork_[a-z_]+\b", text)}
    assert used - set(working_tables.TABLES) <= {"work_"}


def test_columns_are_held_to_the_declaration():
    with duckdb.connect() as con:
        with pytest.raises(AssertionError, match="work_kept has the columns"):
            working_tables.create(con, "work_kept", "SELECT 1 AS other")
        working_tables.create_empty(con, "work_kept")
        working_tables.drop(con, "work_kept", "work_gone")
        assert con.sql("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
