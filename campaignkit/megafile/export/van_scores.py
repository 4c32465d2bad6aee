"""Scores for VAN: a VanID and a number a row, one zip a state, streamed however many they are."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from campaignkit.checks import PURPOSES, check_scalar, refuse_panel_reports, refuse_soliciting
from campaignkit.errors import BadValue
from campaignkit.megafile.audience import Audience
from campaignkit.megafile.predicates import named_features
from campaignkit.saving import ending_of
from campaignkit.spreadsheets import Drafts, csv_bytes
from campaignkit.sql import quote_identifier

BATCH = 200_000  # rows that are held at a time
DECIMALS = 6


def write_van_scores(
    universe: Audience, path: str | Path, scores: Iterable[str] | Mapping[str, str], purpose: str
) -> list[Path]:
    """Write people's scores as VAN imports them; see `Universe.write_van_scores`."""
    check_scalar(purpose, "purpose", choices=list(PURPOSES))
    path, named = Path(path), {name: universe.number(text) for name, text in named_features(scores).items()}
    ending_of(path, (".zip",))
    if not named:
        raise BadValue("scores is empty: name at least one, such as \"score('turnout')\".")
    restricted = universe.restricted.union(*(score.restricted for score in named.values()))
    refuse_soliciting(purpose, restricted, "Leave it out.")
    refuse_panel_reports(purpose, restricted)
    universe.matched(*named.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    known = " AND ".join(f"({score.sql}) IS NOT NULL" for score in named.values())
    people = f"FROM person p WHERE ({universe.where}) AND p.van_id IS NOT NULL AND NOT coalesce(p.confidential, false)"
    selected = ", ".join(f"round({score.sql}, {DECIMALS}) AS {quote_identifier(name)}" for name, score in named.items())
    query = f"SELECT p.van_id AS vanid, {selected} {people} AND {known} AND p.van_state IS NOT DISTINCT FROM $state"
    with universe.megafile.cursor() as con, Drafts() as drafts:
        distinct = con.sql(f"SELECT DISTINCT p.van_state {people} AND {known} ORDER BY 1").fetchall()
        states = [state for (state,) in distinct]
        if not states:
            raise BadValue("Nobody with a VanID has these scores.")
        rows = 0
        for state in states:
            name = path if len(states) == 1 else path.with_name(f"{path.stem}-{state}{path.suffix}")
            with drafts.open(name) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                rows += _stream(con.sql(query, params={"state": state}), archive, f"{name.stem}.csv")
        entry = _manifest(universe, purpose, named, drafts, rows)
        drafts.add(path.with_name(path.name + ".manifest.json"), (json.dumps(entry, indent=2) + "\n").encode())
        universe.megafile.note_export(entry)
        return drafts.put_in_place()


def _stream(relation: duckdb.DuckDBPyRelation, archive: zipfile.ZipFile, name: str) -> int:
    rows = 0
    with archive.open(name, "w", force_zip64=True) as file:
        for batch in relation.to_arrow_reader(BATCH):
            file.write(csv_bytes(pl.DataFrame(pl.from_arrow(batch)), header=rows == 0))
            rows += batch.num_rows
    return rows


def _manifest(universe: Audience, purpose: str, named: Mapping[str, object], drafts: Drafts, rows: int) -> dict:
    return {
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": [{"name": name, "sha256": digest} for name, digest in drafts.digests()],
        "format": "van scores", "rows": rows, "channel": None, "purpose": purpose, "scores": list(named),
        "universe": universe.sql, "as_of": str(universe.as_of), "megafile": str(universe.megafile.path.resolve()),
    }  # fmt: skip
