"""Which pairs are looked at: by a common name only those that agree on more."""

from functools import partial

import pytest

from campaignkit.megafile.linkage import scored_pairs
from campaignkit.megafile.linkage.comparisons import BLOCKS, LOOSE_BLOCKS
from campaignkit.megafile.linkage.model import Model, count, frequency_table
from campaignkit.megafile.linkage.scored_pairs import loose_blocks, make_keys, met_blocks, score_candidates
from campaignkit.sql import connect

NAMES = {
    "first": frequency_table("first", [("JOHN", 0.01), ("ODO", 1e-6)]),
    "last": frequency_table("last", [("SMITH", 0.01), ("OGG", 1e-6)]),
}


def model_of(records: int) -> Model:
    return Model({"comparisons": []}, {}, 1.5, NAMES, records=records)


def conditions(records: int, loose: list[list[str]]) -> list[str]:
    return [met.condition() for met in met_blocks(model_of(records), loose)]


@pytest.mark.parametrize("records", [0, 5_999_000])
def test_no_name_is_common_among_few(records):
    assert len(conditions(records, [])) == len(BLOCKS) + 1
    assert not any("NOT IN" in condition for condition in conditions(records, []))


def test_a_common_name_alone_is_no_block():
    found = conditions(6_001_000, [])
    assert "l.last = r.last AND l.zip5 = r.zip5" not in found
    assert "l.last = r.last AND l.zip5 = r.zip5 AND l.initial = r.initial" in found
    common = [condition for condition in found if "NOT IN" in condition]
    assert len(common) == 6
    assert all("('SMITH')" in condition or "('JOHN')" in condition for condition in common)
    assert all("OGG" not in condition and "ODO" not in condition for condition in common)


def test_a_loose_block_stands_for_those_that_it_holds():
    assert not any("l.zip5 = r.zip5 AND" in condition for condition in conditions(6_001_000, [["zip5"]]))


def records(con, rows):
    columns = sorted({column for block in (*BLOCKS, *LOOSE_BLOCKS) for column in block} - {"birth_year"})
    texts = ", ".join(f"NULL::VARCHAR AS {column}" for column in columns)
    con.execute(f"CREATE TEMP TABLE record AS SELECT 0::BIGINT AS row, {texts}, NULL::SMALLINT AS birth_year LIMIT 0")
    for row in rows:
        con.execute(f"INSERT INTO record ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


@pytest.mark.parametrize(("count", "pairs"), [(5_999_000, {(1, 2), (1, 3), (2, 3)}), (6_001_000, {(1, 2)})])
def test_keys_find_what_conditions_say(count, pairs, monkeypatch):
    with connect() as con:
        smith = {"last": "SMITH", "zip5": "44101"}
        records(con, [{"row": 1, **smith, "initial": "A"}, {"row": 2, **smith, "initial": "A"},
                      {"row": 3, **smith, "initial": "B"}])  # fmt: skip
        model = Model({"comparisons": [1]}, {}, 1.5, NAMES, records=count)
        make_keys(con, model, "record", "work_left_key")
        met = []
        monkeypatch.setattr(scored_pairs, "from_prior", lambda model, people: 0.0)
        monkeypatch.setattr(
            scored_pairs, "score_pairs", lambda con, *more: met.extend(con.table("work_pair_to_score").fetchall())
        )
        score_candidates(con, model, "record", None, scored_pairs.Odds(3, None, []), "work_splink_pair")
        assert set(met) == pairs
        by_condition = " OR ".join(f"({met.condition()})" for met in met_blocks(model, []))
        joined = f"SELECT l.row, r.row FROM record l JOIN record r ON ({by_condition}) AND l.row < r.row"
        assert set(con.execute(joined).fetchall()) == pairs


def test_loose_blocks_are_those_with_few_pairs(monkeypatch):
    monkeypatch.setattr(scored_pairs, "MOST_LOOSE", 4)
    with connect() as con:
        names = [("JOHN", "SMITH"), ("JOHN", "OGG"), ("ODO", "SMITH")]
        records(con, [{"row": n, "first": first, "last": last} for n, (first, last) in enumerate(names)])
        make_keys(con, model_of(0), "record", "work_left_key")
        # each of first and last finds 5 pairs, first and last together 3
        loose = loose_blocks(partial(count, con), "work_left_key", "work_left_key")
        assert loose == [["first", "last"], ["birth_text"], ["zip5"]]
