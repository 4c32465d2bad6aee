"""Gerber, Green & Larimer 2006: the published effect of Neighbors, and who the postcard moved."""

import polars as pl
import pytest

from campaignkit.voters import Bands, fit_persuasion
from tests.real.published import published

VOTES = ["primary_00", "general_00", "primary_02", "general_02", "primary_04", "general_04"]


@pytest.fixture(scope="module")
def found():
    voters = pl.read_parquet(published("gotv_2006/social_pressure.parquet")).with_row_index("person")
    return fit_persuasion(
        voters, "treatment", "primary_06", ["sex", Bands("age", [30, 40, 50, 60, 70]), *VOTES, "hh_size"],
        control="No Postcard", treatment="Neighbors", unit="person", cluster="cluster", purpose="turnout",
    )  # fmt: skip


def test_the_average_is_as_published(found):
    assert round(found.average.value, 5) == 0.08131  # .37795 − .29664
    assert found.method == "doubly_robust"
    assert "not even" in found.method_reason


def test_blocks_drawn_by_lot_do_not_pass_for_strata(found):
    assert found.warnings == ()


def test_some_are_moved_more_than_others(found):
    assert found.beats_random
    assert found.table["estimate"][0] > 2 * found.table["estimate"][-1] > 0
