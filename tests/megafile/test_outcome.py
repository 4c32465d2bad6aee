"""A build comes to what it came to before it was made quick and its memory bounded: every table, row for row."""

import json

import pytest

from campaignkit import Megafile, sample
from campaignkit.megafile.linkage import scored_pairs
from tests.megafile.outcome import KEPT, PEOPLE, SEED, outcome


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign") / "exports"
    sample.write(folder, PEOPLE, SEED)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("memory_limit", "records"), [(None, 1 << 30), ("100MB", 400)])
def test_every_table_is_row_for_row_what_it_was(exports, tmp_path, memory_limit, records, monkeypatch):
    monkeypatch.setattr(scored_pairs, "RECORDS_AT_ONCE", records)
    with Megafile.build(exports, tmp_path / "sample.duckdb", memory_limit=memory_limit, progress=False) as megafile:
        assert outcome(megafile) == json.loads(KEPT.read_text())
    assert [left.name for left in tmp_path.iterdir()] == ["sample.duckdb"]
