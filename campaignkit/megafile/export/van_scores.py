"""Scores for VAN: a VanID and a number a row, one zip per state, streamed however many they are."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import polars as pl

from campaignkit.checks import PURPOSES, check_scalar, refuse_panel_reports, refuse_soliciting
from campaignkit.errors import BadValue
from campaignkit.megafile.audience import Audience
from campaignkit.megafile.export.list_files import file_of_state
from campaignkit.megafile.export.manifest import put_with_manifest
from campaignkit.megafile.predicates import Translated, named_features
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
    _check(universe, named, purpose)
    path.parent.mkdir(parents=True, exist_ok=True)
    selected = ", ".join(f"round({score.sql}, {DECIMALS}) AS {quote_identifier(name)}" for name, score in named.items())
    people = f"FROM person p WHERE ({universe.where})"
    why = _left_out(named)
    of_state = f"({why}) IS NULL AND p.van_state IS NOT DISTINCT FROM ?"
    with universe.megafile.cursor() as con, Drafts() as drafts:
        counted = con.sql(f"SELECT {why} AS why, p.van_state, count(*) {people} GROUP BY ALL ORDER BY ALL").fetchall()
        states = [state for reason, state, _ in counted if reason is None]
        if not states:
            raise BadValue("Nobody who may be reached has a VanID and these scores.")
        for state in states:
            name = file_of_state(path, state, len(states))
            with drafts.open(name) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                _stream(
                    con.sql(f"SELECT p.van_id AS vanid, {selected} {people} AND {of_state}", params=[state]),
                    archive,
                    f"{name.stem}.csv",
                )
        own = {"purpose": purpose, "scores": list(named), "left_out": _summed(counted),
               "warnings": [warning for score in named.values() for warning in score.warnings]}  # fmt: skip
        rows = sum(n for reason, _, n in counted if reason is None)
        return put_with_manifest(universe, path, drafts, "van scores", rows, own)


def _summed(counted: list[tuple[str | None, str | None, int]]) -> dict[str, int]:
    left_out: dict[str, int] = {}
    for reason, _, n in counted:
        if reason is not None:
            left_out[reason] = left_out.get(reason, 0) + n
    return left_out


def _check(universe: Audience, named: Mapping[str, Translated], purpose: str) -> None:
    if "vanid" in named:
        raise BadValue("scores: a column is called vanid already; give the score another name.")
    if not named:
        raise BadValue("scores is empty: name at least one, such as \"score('turnout')\".")
    if universe.megafile.stale:
        raise BadValue("A newer megafile is at its path, which may know of more people who said no: mf.reopen() first.")
    restricted = universe.restricted.union(*(score.restricted for score in named.values()))
    refuse_soliciting(purpose, restricted, "Leave it out.")
    refuse_panel_reports(purpose, restricted)
    universe.matched(*named.values())
    for name, score in named.items():
        for warning in score.warnings:
            warnings.warn(f"{name}: {warning}", stacklevel=5)


def _left_out(named: Mapping[str, Translated]) -> str:
    """Return SQL for why a person's scores are not written; null: they are."""
    unknown = " OR ".join(f"({score.sql}) IS NULL" for score in named.values())
    closed = "p.person_id IN (SELECT person_id FROM suppression WHERE channel = 'all' AND until IS NULL)"
    return f"""CASE WHEN p.van_id IS NULL THEN 'no VanID' WHEN {unknown} THEN 'score not known'
        WHEN coalesce(p.confidential, false) THEN 'confidential'
        WHEN {closed} THEN 'not to be reached on any channel' END"""


def _stream(relation: duckdb.DuckDBPyRelation, archive: zipfile.ZipFile, name: str) -> None:
    rows = 0
    with archive.open(name, "w", force_zip64=True) as file:
        for batch in relation.to_arrow_reader(BATCH):
            file.write(csv_bytes(pl.DataFrame(pl.from_arrow(batch)), header=rows == 0))
            rows += batch.num_rows
