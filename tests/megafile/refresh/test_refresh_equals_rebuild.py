"""Whatever comes, in whatever order: refreshing night by night and building from all files give the same people."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from campaignkit import Megafile
from campaignkit.megafile.linkage import relink as regroup
from campaignkit.megafile.linkage import scored_pairs
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.refresh.order_of_work import refresh
from campaignkit.progress import Steps
from tests.megafile.refresh.drops import OWN, Town, layouts

QUIET = Steps("", show=False)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory) -> Model:
    """A model fitted on a town large enough to learn from."""
    folder = tmp_path_factory.mktemp("town")
    Town(5, people=400).write(folder / "exports", 0)
    with Megafile.build(folder / "exports", folder / "town.duckdb", layouts=layouts(folder), progress=False) as mf:
        assert mf.model is not None
        return mf.model


def people_of(megafile: Megafile) -> dict[tuple[str, str], int]:
    """Return each source's key of a person and the person."""
    rows = megafile.sql("SELECT source, record_key, person_id FROM source_record")
    return {(source, key): person for source, key, person in rows.iter_rows()}


def groups(people: dict[tuple[str, str], int]) -> dict[int, frozenset]:
    by_person: dict[int, set] = {}
    for key, person in people.items():
        by_person.setdefault(person, set()).add(key)
    return {person: frozenset(keys) for person, keys in by_person.items()}


def told(megafile: Megafile) -> dict[frozenset, tuple]:
    """Return what is known of each person, whoever they are numbered as."""
    who = groups(people_of(megafile))
    rows = megafile.sql("SELECT * EXCLUDE (household_id) FROM person").to_dicts()
    gifts = dict(megafile.sql("SELECT person_id, sum(amount) FROM gift GROUP BY 1").iter_rows())
    votes = dict(megafile.sql("SELECT person_id, count(*) FROM vote_history GROUP BY 1").iter_rows())
    homes = megafile.sql("SELECT person_id, address_key, people FROM person LEFT JOIN household USING (household_id)")
    home = {person: (key, n) for person, key, n in homes.iter_rows()}
    own = {row[0]: row[2:] for row in megafile.universe().features(OWN).fetchall()}
    return {
        who[row["person_id"]]: (
            tuple(str(value) for name, value in row.items() if name != "person_id"),
            gifts.get(row["person_id"]), votes.get(row["person_id"]), home[row["person_id"]], own[row["person_id"]],
        )
        for row in rows
    }  # fmt: skip


def nights(folder: Path, seed: int, days: list[int], model: Model) -> None:
    """Refresh night by night, and hold the last against a build of all the files."""
    town, own = Town(seed), layouts(folder)
    town.write(folder / "night0", 0)
    path, everything = folder / "campaign.duckdb", folder / "everything"
    Megafile.build(folder / "night0", path, layouts=own, model=model, progress=False).close()
    shutil.copytree(folder / "night0", everything)
    for number, day in enumerate(days, start=1):
        town.live()
        town.write(folder / f"night{number}", day)
        with Megafile.open(path) as before:
            stood = people_of(before)
        refresh(path, folder / f"night{number}", own, QUIET)
        add_new_files(folder / f"night{number}", everything)
        with Megafile.open(path) as refreshed:
            ids_are_stable(stood, people_of(refreshed))
            assert refreshed.check() == []
            if number == len(days):
                same_as_rebuilt(refreshed, everything, folder / "rebuilt.duckdb", own)


def add_new_files(night: Path, everything: Path) -> None:
    """Copy a night's files but those that stand already, byte for byte and of the same date: nights pass them over."""
    standing = {(path.name.rpartition("_")[0], path.read_bytes()) for path in everything.iterdir()}
    for path in night.iterdir():
        if (path.name.rpartition("_")[0], path.read_bytes()) not in standing:
            shutil.copy(path, everything)


def same_as_rebuilt(refreshed: Megafile, everything: Path, path: Path, own: list[Path]) -> None:
    with Megafile.build(everything, path, layouts=own, model=refreshed.model, progress=False) as rebuilt:
        assert set(groups(people_of(refreshed)).values()) == set(groups(people_of(rebuilt)).values())
        assert told(refreshed) == told(rebuilt)
        kept = "SELECT source, record_key, content_hash, seen_id >> 41 AS day FROM record ORDER BY ALL"
        assert refreshed.sql(kept).equals(rebuilt.sql(kept))
        counts = pl.col("file", "accepted", "rejected", "duplicates", "vanished")
        assert refreshed.sources.select(counts).sort("file").equals(rebuilt.sources.select(counts).sort("file"))


def ids_are_stable(before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]) -> None:
    """A person whose records are the same records, but for those that came or went, keeps the id."""
    were, are = groups(before), groups(after)
    for person, keys in were.items():
        now = {after[key] for key in keys if key in after}
        if len(now) == 1 and {before[key] for key in are[next(iter(now))] if key in before} == {person}:
            assert now == {person}


@pytest.mark.slow
@pytest.mark.timeout(2400)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000), days=st.lists(st.integers(-5, 20), min_size=1, max_size=3), all_anew=st.booleans()
)  # fmt: skip
@example(seed=18, days=[0], all_anew=False)  # one file comes again as it stands, under another name
@example(seed=0, days=[0, 1, 0], all_anew=False)  # one day's export that came twice was counted as twice its records
def test_a_hundred_sequences_of_drops_end_as_a_rebuild_would(tmp_path_factory, fitted, seed, days, all_anew):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regroup, "MOST_TOUCHED", 0.0 if all_anew else 9.0)
        nights(tmp_path_factory.mktemp("nights"), seed, days, fitted)


@pytest.mark.slow
def test_three_nights_one_of_them_late_end_as_a_rebuild_would(tmp_path, fitted, monkeypatch):
    monkeypatch.setattr(regroup, "MOST_TOUCHED", 9.0)  # in a town this small a night touches most
    nights(tmp_path, 1, [3, -2, 5], fitted)


@pytest.mark.slow
def test_nights_end_as_a_rebuild_would_where_names_are_common(tmp_path, fitted, monkeypatch):
    monkeypatch.setattr(regroup, "MOST_TOUCHED", 9.0)
    monkeypatch.setattr(scored_pairs, "COMMON", 5)
    assert scored_pairs.common_names(fitted, "last")
    nights(tmp_path, 2, [3, 4], fitted)
