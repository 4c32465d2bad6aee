"""New files into a existing megafile: read, settle, relink those touched, renew what follows, check, put in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from campaignkit.errors import CampaignkitError
from campaignkit.megafile.build import Drop, keep_model, linking_order
from campaignkit.megafile.export.log import take_in_export_log
from campaignkit.megafile.ingest import files
from campaignkit.megafile.ingest.descriptions import settle_descriptions
from campaignkit.megafile.ingest.layout import load_layouts, own_layouts
from campaignkit.megafile.ingest.settle import settle_records
from campaignkit.megafile.ingest.shortened import check_accepted, hold_back
from campaignkit.megafile.ingest.sources import Source, find_sources, number_files
from campaignkit.megafile.ingest.staging import load_files, note_skipped, note_sources
from campaignkit.megafile.ingest.understood import notices
from campaignkit.megafile.known_facts import refuse_clashes
from campaignkit.megafile.linkage.link_sources import LinkageSettings, resolve_people
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.linkage.person_ids import keep_ids
from campaignkit.megafile.linkage.relink import relink
from campaignkit.megafile.refresh.drift import drift_warnings
from campaignkit.megafile.refresh.integrity import problems
from campaignkit.megafile.refresh.update_people import renew
from campaignkit.megafile.storage.opening import reading
from campaignkit.megafile.storage.replacing import MEMORY_LIMIT, changed_file
from campaignkit.megafile.suppression.contact_results import kept_words, own_words
from campaignkit.megafile.suppression.refusals import keep_past_descriptions, record_refusals, take_in_words
from campaignkit.megafile.suppression.rules import unknown_words
from campaignkit.megafile.working_tables import create
from campaignkit.progress import Steps
from campaignkit.sql import connect

SPREAD = 12  # bytes in the megafile and its stage for a byte of a compressed export


def refresh(
    path: Path,
    folder: Path | None,
    layouts: Iterable[str],
    steps: Steps,
    accept: Iterable[str] = (),
    tables: Mapping[str, str] | None = None,
    as_of: date | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> int:
    """Bring new files or tables into the megafile at `path`; return the night's number, 0 where none is new.

    Raises
    ------
    LayoutError
        If a file fits no layout, is damaged, or has no date. Nothing is changed.
    RefreshRefused
        If another process writes, the disk has no room, or the result would not hang together. Nothing is changed.
    """
    started = datetime.now()
    with steps.step("looking at the files"):
        own = own_layouts(layouts)
        with reading(path), connect(path, read_only=True) as con:
            kept = dict(con.execute("SELECT name, toml FROM layout").fetchall())
            known, noted = _known(con), set(con.execute("SELECT file, reason FROM skipped_file").fetchall())
            words, kept_own = {} if folder is None else own_words(folder), kept_words(con).own
        known_layouts = load_layouts(kept | own)
        refuse_clashes(known_layouts)
        found, skipped = find_sources(folder, known_layouts, tables, as_of)
        sources = [source for source in found if _mark(source) not in known]
        accepted = check_accepted(accept, sources)
    noted_all = all((left.name, left.reason) in noted for left in skipped)
    if not sources and noted_all and kept_own | words == kept_own:
        return 0
    needed = SPREAD * sum(file.stat().st_size for file in {s.file.path for s in sources})
    with changed_file(path, needed, memory_limit) as con:
        night = _next_night(con)
        drop = Drop(sources, number_files(sources, _standing(con)), own, words, skipped, accepted)
        _take_in(con, drop, night, steps)
        _log(con, night, started, "refresh")
        take_in_export_log(con, path)
        _check(con, steps)
    return night


def retrain(path: Path, steps: Steps, memory_limit: str = MEMORY_LIMIT) -> int:
    """Fit the model anew on the records that stand, and link everyone by it; return the night's number."""
    started = datetime.now()
    with changed_file(path, memory_limit=memory_limit) as con:
        night = _next_night(con)
        load_files(con, [], [], night, steps)  # none: nothing is kept, gone or fresh
        settle_records(con, night)
        settle_descriptions(con)
        with steps.step("fitting the model and linking everyone"):
            create(con, "work_before_retraining", "SELECT record_id, person_id, matched_by, match_probability "
                        "FROM source_record")  # fmt: skip
            con.execute("DELETE FROM candidate_pair; DELETE FROM scored_record; DELETE FROM shared_rule")
            keep_model(con, resolve_people(con, linking_order(con), LinkageSettings()) or _no_model())
            create(
                con,
                "work_relinked",
                """
                SELECT record_id, person_id, matched_by, match_probability FROM source_record""",
            )
            create(con, "work_shared_rule", "FROM shared_rule")
            con.execute("DELETE FROM shared_rule")
            con.execute("""
                UPDATE source_record SET person_id = b.person_id, matched_by = b.matched_by,
                       match_probability = b.match_probability FROM work_before_retraining b
                WHERE b.record_id = source_record.record_id""")
        _follow(con, night, started, steps)
        _log(con, night, started, "retrain")
        _check(con, steps)
    return night


def _no_model() -> Model:
    raise CampaignkitError("There is nothing to fit a model on.")


def _mark(source: Source) -> tuple[Any, ...]:
    """Return what makes a file the same as one that was read: its bytes, its place in a zip, its date."""
    return files.sha256(source.file.path), source.file.member, source.as_of


def _known(con: duckdb.DuckDBPyConnection) -> set[tuple[Any, ...]]:
    rows = con.execute("SELECT sha256, file, as_of FROM source_file").fetchall()
    return {(sha256, file.partition("!")[2] or None, as_of) for sha256, file, as_of in rows}


def _next_night(con: duckdb.DuckDBPyConnection) -> int:
    return con.sql("SELECT coalesce(max(night), 0) + 1 FROM refresh_log").pl().item()


def _standing(con: duckdb.DuckDBPyConnection) -> list[int]:
    return [file_id for (file_id,) in con.execute("SELECT file_id FROM source_file").fetchall()]


def _take_in(con: duckdb.DuckDBPyConnection, drop: Drop, night: int, steps: Steps) -> None:
    load_files(con, drop.sources, drop.file_ids, night, steps)
    note_sources(con, drop.sources, drop.own_layouts)
    note_skipped(con, drop.skipped, drop.sources, night)
    with steps.step("settling which records count"):
        words = take_in_words(con, drop.own_words)
        record_refusals(con, words)
        hold_back(con, night, drop.accepted)
        settle_records(con, night)
        keep_past_descriptions(con)
        settle_descriptions(con)
    with steps.step("linking those touched"):
        stored = con.sql("SELECT settings FROM model").pl()["settings"].to_list()
        model = Model.from_json(stored[0]) if stored else None
        used = relink(con, linking_order(con), model)
        if (
            used is not None
            and model is not None
            and (used.against_existing, used.within_source) != (model.against_existing, model.within_source)
        ):
            con.execute("UPDATE model SET settings = ?", [used.to_json()])
    _follow(con, night, datetime.now(), steps)


def _follow(con: duckdb.DuckDBPyConnection, night: int, now: datetime, steps: Steps) -> None:
    with steps.step("renewing people and facts"):
        keep_ids(con, night, now)
        renew(con)


def _log(con: duckdb.DuckDBPyConnection, night: int, started: datetime, kind: str) -> None:
    counted = con.sql("SELECT event, count(*) FROM identity_event WHERE night = ? GROUP BY event", params=[night]).pl()
    events = {"merged": 0, "split": 0, "ended": 0} | dict(counted.iter_rows())
    before = con.sql("SELECT people FROM refresh_log ORDER BY night DESC LIMIT 1").pl().item()
    people = con.sql("SELECT count(*) FROM person").pl().item()
    con.execute(
        """
        INSERT INTO refresh_log BY NAME
        SELECT $night AS night, $started AS started_at, $now AS finished_at, $kind AS kind,
               (SELECT max(as_of) FROM source_file) AS as_of, $version AS version, count(*) AS files,
               coalesce(sum(accepted), 0) AS accepted, coalesce(sum(rejected), 0) AS rejected, $people AS people,
               $added AS added, $merged AS merged, $split AS split, $ended AS ended, $warnings::VARCHAR[] AS warnings
        FROM source_file WHERE night = $night""",
        {
            "night": night, "started": started, "now": datetime.now(), "kind": kind, "version": version("campaignkit"),
            "people": people, "added": people - before + events["merged"] + events["ended"] - events["split"],
            "warnings": notices(con, night) + drift_warnings(con, night) + unknown_words(con), **events,
        },
    )  # fmt: skip


def _check(con: duckdb.DuckDBPyConnection, steps: Steps) -> None:
    with steps.step("checking that it hangs together"):
        broken = problems(con)
    if broken:
        raise CampaignkitError(f"The refreshed file does not hang together, so the old one stays: {'; '.join(broken)}.")
