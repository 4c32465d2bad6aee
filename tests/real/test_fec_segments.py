"""Segments of large gifts by occupation × state in the 2012 filings, with what is no gift of a donor set aside."""

import os
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from campaignkit.donors import discover_segments

REPO = Path(__file__).parents[2]
FILE = (
    Path(os.environ.get("CAMPAIGNKIT_REAL_DATA", REPO.parent / "shared" / "data"))
    / "fec_2012"
    / "contributions.parquet"
)

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the shared FEC rows are not at {FILE}")

COMMITTEE = "C00431445"
WHY = (
    pl.when("is_memo").then(pl.lit("memo: also counted elsewhere"))
    .when(pl.col("line") != "SA17A").then(pl.lit("transfer"))
    .when(pl.col("entity_type") != "IND").then(pl.lit("lump or organization"))
    .when(pl.col("amount") <= 0).then(pl.lit("refund or redesignation"))  # seven of them of nothing
)  # fmt: skip


@pytest.fixture(scope="module")
def filed() -> pl.DataFrame:
    occupation = pl.col("occupation").str.strip_chars(' "').str.to_uppercase()
    return pl.read_parquet(FILE).filter(committee=COMMITTEE).with_columns(WHY.alias("why"), occupation)


@pytest.fixture(scope="module")
def gifts(filed) -> pl.DataFrame:
    dollars = pl.col("amount").cast(pl.Float64)
    return filed.filter(pl.col("why").is_null()).with_columns(dollars, large=pl.col("amount") >= 1000)


@pytest.fixture(scope="module")
def found(gifts):
    return discover_segments(gifts, "large", ["occupation", "state"], unit="donor_key", amount="amount", min_size=100)


def test_every_row_is_a_gift_or_set_aside_with_a_reason(filed, gifts):
    counted = dict(filed.group_by("why").len().rows())
    assert counted == {
        None: 191_511, "memo: also counted elsewhere": 141_082, "transfer": 11, "lump or organization": 47,
        "refund or redesignation": 66,
    }  # fmt: skip
    assert filed.height == 332_717


def test_the_lump_would_have_been_most_of_the_money(filed):
    lump = filed.filter(pl.col("why") == "lump or organization")
    assert lump["amount"].sum() == Decimal("54064177.96")
    assert lump["amount"].max() == Decimal("21561845.03")


def test_the_filing_adds_up_as_filed():
    table = pl.read_parquet(FILE).filter(~pl.col("is_memo"), committee=COMMITTEE, line="SA17A")
    quarter = table.filter(pl.col("period_from") == pl.date(2011, 4, 1), pl.col("period_to") == pl.date(2011, 6, 30))
    assert quarter["amount"].sum() == Decimal("33233681.24")


def test_donors_with_many_gifts_are_clusters(found, gifts):
    assert "clusters (donor_key)" in found.method
    assert found.people + found.held_out == gifts.height
    assert found.table["design_effect"].max() > 1.2


def test_who_gives_large_gifts_held_up(found):
    assert found.confirmed.height >= 5
    first = found.table.row(0, named=True)
    assert first["holdout_lift"] > 1.5
    assert first["holdout_p_adjusted"] < 1e-10
    assert any("ATTORNEY" in segment or "CEO" in segment for segment in found.confirmed["segment"])


def test_ignoring_that_gifts_are_of_donors_would_announce_more(gifts, found):
    alone = discover_segments(gifts, "large", ["occupation", "state"], amount="amount", min_size=100)
    assert (alone.table.height, alone.redundant.height) != (found.table.height, found.redundant.height)
    where = found.table["where"][0]
    z = dict(alone.table.select("where", "z").rows())
    if where in z:
        assert z[where] > found.table["z"][0]


def test_occupations_of_51_states_are_searched(found, gifts):
    assert found.searched > 200
    assert gifts["state"].n_unique() > 50
