"""Ten strange files and ten states' files without their layouts: what is guessed right, and what the drafts build."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import campaignkit as ck
from campaignkit.errors import BadValue, LayoutError
from campaignkit.megafile.ingest.layout import fold, load_layouts, read_layout
from campaignkit.megafile.inspection import called
from tests.megafile.inspecting.strange_files import PEOPLE, STRANGE, write_all

LEAST_RIGHT = 0.9
DATED = date(2012, 10, 1)

DATA = Path(__file__).parents[4] / "shared" / "data"
DATA = Path(os.environ.get("CAMPAIGNKIT_REAL_DATA", DATA)) / "voter_file_layouts"
STATES = ("co", "fl", "mi", "nc", "nj", "ny", "oh", "pa", "vt", "wa")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strange")
    write_all(folder / "exports")
    return folder


@pytest.fixture(scope="module")
def inspected(folder):
    return {name: ck.inspect(folder / "exports" / name, changed_on=DATED) for name in STRANGE}


def guessed(inspection):
    """What the columns of the first table of a file are guessed to be."""
    return {guess.column: called(guess) for guess in inspection.files[0].guesses}


def test_over_nine_in_ten_columns_of_ten_strange_files_are_guessed_right(inspected):
    right = total = 0
    for name, strange in STRANGE.items():
        guesses = guessed(inspected[name])
        assert guesses.keys() == strange.truth.keys(), name
        correct = sum(guesses[column] == truth for column, truth in strange.truth.items())
        print(f"{name}: {correct} of {len(guesses)} columns right")
        right, total = right + correct, total + len(guesses)
    print(f"ten strange files: {right} of {total} columns right, {right / total:.1%}")
    assert right / total >= LEAST_RIGHT


@pytest.mark.slow
def test_their_drafts_build_the_megafile_as_they_are(folder, inspected):
    drafts = {name: inspection.files[0].toml for name, inspection in inspected.items()}
    (folder / "layouts").mkdir()
    for place, text in enumerate(drafts.values()):
        (folder / "layouts" / f"{place}.toml").write_text(text, encoding="utf-8")
    with pytest.warns(UserWarning, match="Notes was not taken in"):
        megafile = ck.Megafile.build(
            folder / "exports", folder / "strange.duckdb", layouts=folder / "layouts", progress=False
        )
    with megafile:
        read = megafile.sources.filter(pl.col("layout").is_not_null())
        assert read["accepted"].to_list() == [PEOPLE] * 10
        assert read["rejected"].sum() == 0
        assert read["unread"].explode().drop_nulls().to_list() == []
        assert megafile.check() == []
        named = megafile.sql("SELECT count(*) FROM source_record WHERE first_name IS NULL OR last_name IS NULL").item()
        assert named == 0
        assert megafile.sql("SELECT count(*), sum(amount) > 1000 FROM gift").row(0) == (PEOPLE, True)
        assert set(megafile.sql("SELECT DISTINCT zip5 FROM person WHERE zip5 IS NOT NULL")["zip5"].str.head(1)) == {"0"}
        assert megafile.universe("last_ask > 100", "volunteer").count() > 5
        assert megafile.universe("suppressed('phone')").count() == 7
        assert megafile.sql("SELECT min(birth_date) FROM person").item() < date(1951, 1, 1)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared voter files are not at {DATA}")
def test_over_nine_in_ten_columns_of_the_states_files_are_guessed_right_without_their_layouts():
    """Of files without a header fewer: districts, precincts and counties are numbers there that nothing tells apart."""
    layouts = {layout.name: layout for layout in load_layouts()}
    right, total = {True: 0, False: 0}, {True: 0, False: 0}
    for state in STATES:
        layout = layouts[f"{state}_voter"]
        file = ck.inspect(DATA / f"{state}.csv").files[0]
        columns = file.sampled.header if layout.header else layout.columns
        assert file.sampled.has_header == layout.header
        assert file.sampled.delimiter == layout.delimiter
        correct = sum(is_right(layout, fold(c), called(g)) for c, g in zip(columns, file.guesses, strict=True))
        print(f"{state}: {correct} of {len(columns)} columns right, {correct / len(columns):.1%}")
        right[layout.header] += correct
        total[layout.header] += len(columns)
        read_layout(file.toml, state)
    for header, beside in ((True, "with"), (False, "without")):
        print(f"states {beside} a header: {right[header]} of {total[header]}, {right[header] / total[header]:.1%}")
    assert sum(right.values()) / sum(total.values()) >= LEAST_RIGHT
    assert right[True] / total[True] >= LEAST_RIGHT


def is_right(layout, column, guess):
    """Whether a guess is what the state's own layout makes of a column; None: nothing, or a column of one's own."""
    truth = {name for name, maker in layout.person_columns.items() if column in map(fold, maker.inputs)}
    for fact in layout.facts:
        read = {fold(name) for maker in fact.columns.values() for name in maker.inputs} | set(map(fold, fact.where))
        if column in read or (fact.unpivot and fact.unpivot.search(column)):
            truth.add(fact.table)
    return guess in truth if truth else guess is None


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared voter files are not at {DATA}")
@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
def test_the_drafts_of_the_states_files_build_the_megafile(state, tmp_path, monkeypatch):
    draft = ck.inspect(DATA / f"{state}.csv", changed_on=DATED)
    paths = draft.save_layouts(tmp_path / "layouts")
    own = {str(path): path.read_text(encoding="utf-8") for path in paths}
    monkeypatch.setattr(
        "campaignkit.megafile.build.load_layouts", lambda _: [read_layout(t, p) for p, t in own.items()]
    )
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / f"{state}.csv").write_bytes((DATA / f"{state}.csv").read_bytes())
    with ck.Megafile.build(
        tmp_path / "exports", tmp_path / "a.duckdb", layouts=paths, model=False, progress=False
    ) as megafile:
        row = megafile.sources.row(0, named=True)
        assert row["accepted"] > 0.98 * row["records"]
        assert megafile.sql("SELECT count(*) FROM person WHERE last_name IS NOT NULL").item() > 0.5 * row["accepted"]


def test_every_guess_is_marked_and_the_draft_is_a_layout(inspected):
    for inspection in inspected.values():
        text = inspection.files[0].toml
        read_layout(text, "draft")
        made = [
            line for line in text.partition("[person.columns]")[2].partition("\n\n")[0].splitlines() if " = " in line
        ]
        assert all("# guess: " in line for line in made)


def test_what_fits_already_is_said(tmp_path):
    exports = ck.sample.exports_folder()
    found = ck.inspect(exports / "supporters_20121001.csv.gz")
    assert found.files[0].fits == "supporters"
    assert "It fits supporters" in found.summary()
    lacking = tmp_path / "supporters.csv"
    lacking.write_text("supporter_id,first_name,last_name,zip\n1,Ann,Lee,44101\n", encoding="utf-8")
    assert "The nearest is supporters" in ck.inspect(lacking).summary()
    assert "lacks email, signed_up_on" in ck.inspect(lacking).summary()


def test_the_table_says_what_each_column_holds(inspected):
    table = inspected["gala gifts.csv"].table
    amount = table.filter(pl.col("column") == "Gift Amount").row(0, named=True)
    assert (amount["looks_like"], amount["seems_to_be"], amount["filled"]) == ("dollars", "gift.amount", 1.0)
    assert amount["samples"][0].startswith("$")
    given = table.filter(pl.col("column") == "Gift Date").row(0, named=True)
    assert given["format"] == "%m/%d/%Y"


def test_drafts_are_saved_once_and_an_edited_one_is_left_alone(folder, inspected, tmp_path):
    found = ck.inspect([folder / "exports" / "walk.csv", folder / "exports" / "petition.tsv"], changed_on=DATED)
    paths = found.save_layouts(tmp_path)
    assert [path.name for path in paths] == ["walk.toml", "petition.toml"]
    paths[0].write_text("# mine", encoding="utf-8")
    found.save_layouts(tmp_path)
    assert paths[0].read_text(encoding="utf-8") == "# mine"


@pytest.mark.parametrize("content", [b"", b"x" * 70_000])
def test_what_is_no_table_is_refused(content, tmp_path):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(LayoutError):
        ck.inspect(tmp_path / "a.csv")
    with pytest.raises(BadValue, match="no file at"):
        ck.inspect(tmp_path / "b.csv")
