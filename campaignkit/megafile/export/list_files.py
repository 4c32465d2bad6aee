"""Lists as files: whole or not at all, for their owner's eyes, harmless in a spreadsheet."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.megafile.export.printed_lists import as_printed, call_sheets, workbook
from campaignkit.megafile.export.tool_files import TOOLS, Tool
from campaignkit.spreadsheets import Drafts, csv_bytes
from campaignkit.tables import check_columns


@dataclass(frozen=True)
class Sheets:
    """How a list is split among sheets or files: by a column's values, or so many people to each; and its title."""

    title: str
    split_by: str | None = None
    per_caller: int | None = None

    def check(self, table: pl.DataFrame, written_as: str) -> None:
        """Refuse what can't be meant.

        Raises
        ------
        BadValue
            Both ways at once, fewer than one person a sheet, or VAN's format, which has no sheets.
        ColumnNotFound
            The list has no such column.
        """
        check_scalar(self.per_caller, "per_caller", typ=int, ge=1, optional=True)
        check_scalar(self.split_by, "split_by", typ=str, optional=True)
        if self.split_by is not None and self.per_caller is not None:
            raise BadValue("split_by and per_caller are two ways to split a list; pass one.")
        if (self.split_by, self.per_caller) != (None, None) and written_as == "van":
            raise BadValue("A saved list of VAN has no sheets: write it without split_by and per_caller.")
        if self.split_by is not None:
            check_columns(table, self.split_by, where="the list; ask for it with columns=")

    def of(self, table: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Return the parts of a list by name, in order; an unsplit list is one, named ``list``.

        Examples
        --------
        >>> people = pl.DataFrame({"person_id": [1, 2, 3], "precinct": ["B", None, "A"]})
        >>> {name: part.height for name, part in Sheets("x", split_by="precinct").of(people).items()}
        {'precinct A': 1, 'precinct B': 1, 'precinct unknown': 1}
        >>> list(Sheets("x", per_caller=2).of(people))
        ['caller 1', 'caller 2']
        """
        if self.per_caller is not None:
            parts = table.iter_slices(self.per_caller)
            return {f"caller {number}": part for number, part in enumerate(parts, 1)} or {"caller 1": table}
        if self.split_by is None:
            return {"list": table}
        parts = table.partition_by(self.split_by, as_dict=True)
        known = sorted((value for (value,) in parts if value is not None), key=str)
        named = {f"{self.split_by} {value}": parts[(value,)] for value in known}
        return named | ({f"{self.split_by} unknown": parts[(None,)]} if (None,) in parts else {})


def write_csv(
    con: duckdb.DuckDBPyConnection,
    table: pl.DataFrame,
    path: Path,
    drafts: Drafts,
    sheets: Sheets,
    tool: Tool | None = None,
) -> int:
    """Draft a list as a CSV with every column, or with a tool's headers, or as one for each part; return its rows."""
    if "phone" in table.columns:  # without the plus sign, which a spreadsheet would take for a formula
        table = table.with_columns(pl.col("phone").str.strip_prefix("+"))
    parts = sheets.of(table)
    for file, part in zip(_file_names(path, list(parts)), parts.values(), strict=True):
        drafts.add(file, csv_bytes(tool.file_of(con, part) if tool else part))
    return table.height


def _file_names(path: Path, parts: list[str]) -> list[Path]:
    if len(parts) == 1:
        return [path]
    safe = [re.sub(r"\W+", "-", part).strip("-") or "unnamed" for part in parts]
    unique = [f"{name}-{at}" if safe.count(name) > 1 else name for at, name in enumerate(safe, 1)]
    return [path.with_name(f"{path.stem}-{name}{path.suffix}") for name in unique]


def _printed(parts: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return {name: as_printed(part) for name, part in parts.items()}


def write_xlsx(_con: duckdb.DuckDBPyConnection, table: pl.DataFrame, path: Path, drafts: Drafts, sheets: Sheets) -> int:
    """Draft a list as a workbook to print, one sheet per part; return its rows."""
    drafts.add(path, workbook(_printed(sheets.of(table)), sheets.title))
    return table.height


def write_pdf(_con: duckdb.DuckDBPyConnection, table: pl.DataFrame, path: Path, drafts: Drafts, sheets: Sheets) -> int:
    """Draft a list as sheets to print, each part on pages of its own; return its rows."""
    drafts.add(path, call_sheets(_printed(sheets.of(table)), sheets.title))
    return table.height


def file_of_state(path: Path, state: str | None, states: int) -> Path:
    """Return the name of a state's file: VanIDs are unique within a state only."""
    return path if states == 1 else path.with_name(f"{path.stem}-{state}{path.suffix}")


def write_van(con: duckdb.DuckDBPyConnection, table: pl.DataFrame, path: Path, drafts: Drafts, _sheets: Sheets) -> int:
    """Draft a list as VAN's saved lists, one zip per state; return the rows, which are of those who have a VanID."""
    known = con.sql("SELECT person_id, van_id, van_state FROM person WHERE van_id IS NOT NULL").pl()
    ids = table.with_row_index("row").select("row", "person_id").join(known, on="person_id").sort("row")
    if ids.is_empty():
        raise BadValue("Nobody on the list has a VanID; write it as csv.")
    states = ids["van_state"].unique().sort().to_list()
    for state in states:
        name = file_of_state(path, state, len(states))
        rows = ids.filter(pl.col("van_state").eq_missing(pl.lit(state))).select(pl.col("van_id").alias("VanID"))
        with io.BytesIO() as zipped:
            with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"{name.stem}.csv", csv_bytes(rows))
            drafts.add(name, zipped.getvalue())
    return ids.height


WRITERS: dict[str, Callable[[duckdb.DuckDBPyConnection, pl.DataFrame, Path, Drafts, Sheets], int]] = {
    "csv": write_csv, "xlsx": write_xlsx, "pdf": write_pdf, "van": write_van,
    **{name: partial(write_csv, tool=tool) for name, tool in TOOLS.items()},
}  # fmt: skip
