"""From a folder of exports to one DuckDB file: read, settle which records count, resolve, write, put in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from campaignkit.errors import LayoutError, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.ingest.descriptions import settle_descriptions
from campaignkit.megafile.ingest.files import Skipped
from campaignkit.megafile.ingest.layout import KINDS, load_layouts, own_layouts, read_layout
from campaignkit.megafile.ingest.layout_fit import absent_columns
from campaignkit.megafile.ingest.settle import settle_records
from campaignkit.megafile.ingest.shortened import check_accepted, hold_back
from campaignkit.megafile.ingest.sources import Source, find_sources, number_files
from campaignkit.megafile.ingest.staging import load_files, note_skipped, note_sources
from campaignkit.megafile.ingest.understood import notices
from campaignkit.megafile.known_facts import refuse_clashes
from campaignkit.megafile.linkage.fec_gifts import link_fec_gifts
from campaignkit.megafile.linkage.link_sources import LinkageSettings, resolve_people
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.people.fact_persons import write_facts
from campaignkit.megafile.people.person_table import make_people
from campaignkit.megafile.storage.replacing import MEMORY_LIMIT, make_parent, new_file
from campaignkit.megafile.suppression.contact_results import own_words
from campaignkit.megafile.suppression.refusals import keep_past_descriptions, record_refusals, take_in_words
from campaignkit.megafile.suppression.rules import make_suppressions, unknown_words
from campaignkit.progress import Steps


@dataclass(frozen=True)
class Drop:
    """A folder's files, their numbers, one's own layouts and words, and what is not read.

    `accepted` are files that are taken in though they hold far less than stood.
    """

    sources: list[Source]
    file_ids: list[int]
    own_layouts: dict[str, str]
    own_words: dict[tuple[str, str], str]
    skipped: list[Skipped]
    accepted: frozenset[str]


def build(
    folder: Path | None,
    path: Path,
    layouts: Iterable[str | Path],
    progress: bool | None,
    model: Model | bool = True,
    accept: Iterable[str] = (),
    tables: Mapping[str, str] | None = None,
    as_of: date | None = None,
    memory_limit: str = MEMORY_LIMIT,
) -> None:
    """Build a megafile from a folder of exports, or tables, and put it at `path`, whole or not at all.

    Raises
    ------
    LayoutError
        If a file fits no layout, is damaged, or has no date.
    RefreshRefused
        If the megafile at `path` is being refreshed.
    """
    started, steps = datetime.now(), Steps("build", progress)
    try:
        with steps.step("looking at the files"):
            own = own_layouts(layouts)
            known_layouts = load_layouts(own)
            refuse_clashes(known_layouts)
            sources, skipped = find_sources(folder, known_layouts, tables, as_of)
            _refuse_absent(sources, own)
        words = {} if folder is None else own_words(folder)
        drop = Drop(sources, number_files(sources), own, words, skipped, check_accepted(accept, sources))
        make_parent(path)
        with new_file(path, memory_limit) as con:
            con.execute(schema.schema_sql())
            _fill(con, drop, steps, model)
            _log(con, started)
    finally:
        steps.close()


def _refuse_absent(sources: Iterable[Source], own: Mapping[str, str]) -> None:
    """Refuse files that lack a column which a layout of one's own reads: a built-in one knows its sources' dialects.

    Raises
    ------
    LayoutError
        If there is one that the layout does not mark optional.
    """
    names = {read_layout(text, where).name for where, text in own.items()}
    lacking = []
    for source in sources:
        if source.layout.name in names and source.layout.header:
            absent = absent_columns(source.layout, source.header)
            lacking += [f"{source.file.name} lacks {name!r}{nearest(name, source.header)}" for name in absent]
    if lacking:
        raise LayoutError(
            f"A layout of your own reads columns that its file lacks: {' '.join(lacking[:12])} Correct the layout, or "
            'mark them optional: optional = ["…"] in [file].'
        )


def _fill(con: duckdb.DuckDBPyConnection, drop: Drop, steps: Steps, model: Model | bool) -> None:
    """From all accepted records to the tables: the records that count, the people in them, their facts."""
    load_files(con, drop.sources, drop.file_ids, 0, steps)
    note_sources(con, drop.sources, drop.own_layouts)
    note_skipped(con, drop.skipped, drop.sources, 0)
    with steps.step("settling which records count", con):
        words = take_in_words(con, drop.own_words)
        record_refusals(con, words)
        hold_back(con, 0, drop.accepted)
        settle_records(con, night=0)
        keep_past_descriptions(con)
        settle_descriptions(con)
    with steps.step("linking records to people", con):
        fitted = resolve_people(con, linking_order(con), LinkageSettings(model=model))
        if fitted is not None:
            keep_model(con, fitted)
    with steps.step("making one row per person", con):
        make_people(con)
    with steps.step("writing facts", con):
        write_facts(con)
        link_fec_gifts(con)
        make_suppressions(con)


def keep_model(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Keep a fitted model for the nights to come."""
    con.execute("DELETE FROM model")
    con.execute("INSERT INTO model SELECT 'person', max(as_of), ? FROM source_file", [model.to_json()])


def linking_order(con: duckdb.DuckDBPyConnection) -> list[tuple[str, bool]]:
    """Return the sources that describe people, in the order they link, and whether each has a person once."""
    described = con.sql("SELECT source, kind, one_per_person FROM source WHERE one_per_person IS NOT NULL").pl()
    rows = sorted(described.iter_rows(), key=lambda row: (KINDS.index(row[1]), row[0]))
    return [(source, one_per_person) for source, _, one_per_person in rows]


def _log(con: duckdb.DuckDBPyConnection, started: datetime) -> None:
    con.execute(
        """INSERT INTO refresh_log BY NAME
        SELECT 0 AS night, ? AS started_at, ? AS finished_at, 'build' AS kind, max(as_of) AS as_of, ? AS version,
               count(*) AS files, sum(accepted) AS accepted, sum(rejected) AS rejected,
               (SELECT count(*) FROM person) AS people, (SELECT count(*) FROM person) AS added,
               0 AS merged, 0 AS split, 0 AS ended, ?::VARCHAR[] AS warnings
        FROM source_file""",
        [started, datetime.now(), version("campaignkit"), notices(con, 0) + unknown_words(con)],
    )
