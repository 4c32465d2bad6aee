"""Lists as files: whole or not at all, for their owner's eyes, harmless in a spreadsheet."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import duckdb
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.spreadsheets import Drafts, csv_bytes


def write_csv(table: pl.DataFrame, path: Path, drafts: Drafts) -> int:
    """Draft a list as a CSV with every column; return its rows."""
    if "phone" in table.columns:  # without the plus sign, which a spreadsheet would take for a formula
        table = table.with_columns(pl.col("phone").str.strip_prefix("+"))
    drafts.add(path, csv_bytes(table))
    return table.height


def write_van(con: duckdb.DuckDBPyConnection, table: pl.DataFrame, path: Path, drafts: Drafts) -> int:
    """Draft a list as VAN's saved lists, one zip a state; return the rows, which are of those who have a VanID."""
    known = con.sql("SELECT person_id, van_id, van_state FROM person WHERE van_id IS NOT NULL").pl()
    ids = table.with_row_index("row").select("row", "person_id").join(known, on="person_id").sort("row")
    if ids.is_empty():
        raise BadValue("Nobody on the list has a VanID; write it as csv.")
    states = ids["van_state"].unique().sort().to_list()
    for state in states:
        name = path if len(states) == 1 else path.with_name(f"{path.stem}-{state}{path.suffix}")
        rows = ids.filter(pl.col("van_state").eq_missing(pl.lit(state))).select(pl.col("van_id").alias("VanID"))
        with io.BytesIO() as zipped:
            with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"{name.stem}.csv", csv_bytes(rows))
            drafts.add(name, zipped.getvalue())
    return ids.height
