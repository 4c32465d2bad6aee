"""Scores written back to where lists are made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.megafile.storage.replacing import changed_file
from campaignkit.tables import check_columns


def write_scores(
    path: Path, name: str, scores: pl.DataFrame, scored_on: date, restricted: Iterable[str], warning: str | None
) -> int:
    """Put a score of some people into the megafile at `path`, in place of one of the same name and date.

    Parameters
    ----------
    path : Path
        The megafile; a changed copy takes its place whole, or nothing changes.
    name : str
        What ``score('name')`` will find. Scores of earlier dates stay, for universes as of then.
    scores : polars.DataFrame
        person_id and value, each person once.
    scored_on : date
        As of when.
    restricted : iterable of str
        What in it may not serve soliciting.
    warning : str or None
        What a list that ranks by it must say; None: nothing.

    Returns
    -------
    int
        How many were written.

    Raises
    ------
    BadValue
        A person_id or value is null, comes twice, or is nobody's.
    RefreshRefused
        The megafile is being written to, or the disk has no room.
    """
    rows = _checked(scores)
    with changed_file(path, needed=rows.height * 32) as con:
        con.register("scores", rows)
        _refuse_strangers(con)
        con.execute("BEGIN")
        con.execute("DELETE FROM score WHERE name = ? AND scored_on = ?", [name, scored_on])
        con.execute(
            "INSERT INTO score BY NAME SELECT person_id, value, ? AS name, ?::DATE AS scored_on, ? AS restricted, "
            "? AS warning FROM scores ORDER BY person_id",
            [name, scored_on, ", ".join(sorted(restricted)) or None, warning],
        )
        con.execute("COMMIT")
        con.unregister("scores")
    return rows.height


def _checked(scores: pl.DataFrame) -> pl.DataFrame:
    check_columns(scores, "person_id", "value", where="the scores")
    if not scores["person_id"].dtype.is_integer():
        raise BadValue(f"person_id is {scores['person_id'].dtype}; a megafile's ids are whole numbers.")
    rows = scores.select(pl.col("person_id").cast(pl.Int64), pl.col("value").cast(pl.Float64))
    if nulls := rows.filter(pl.any_horizontal(pl.all().is_null()) | ~pl.col("value").is_finite()).height:
        raise BadValue(f"{nulls:,} rows have no person_id or no value; take them out before the call.")
    if twice := rows.height - rows["person_id"].n_unique():
        raise BadValue(f"{twice:,} rows repeat a person_id; one score per person was expected.")
    return rows


def _refuse_strangers(con: duckdb.DuckDBPyConnection) -> None:
    strangers = con.execute("SELECT count(*) FROM scores s ANTI JOIN person p USING (person_id)").fetchone()
    if strangers and strangers[0]:
        raise BadValue(f"{strangers[0]:,} of the person_ids are nobody's in this megafile; score its own people.")
