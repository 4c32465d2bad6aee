"""The weights of pairs are Splink's own: held against its prediction on the same pairs."""

from __future__ import annotations

import polars as pl
import pytest

from campaignkit.megafile.linkage import model as models
from campaignkit.megafile.linkage.cleaned_records import cleaned_records
from campaignkit.megafile.linkage.prepared_records import prepare_records
from campaignkit.megafile.linkage.splink_sql import WEIGHED, weighing
from campaignkit.sql import connect
from tests.megafile.test_resolve import town


@pytest.fixture(scope="module")
def both():
    """Splink's weights and ours of the pairs that share a last name and a zip code, by the same fitted model."""
    records = town(households=250)
    with connect() as con:
        con.register("source_record", cleaned_records(records))
        prepare_records(con, [("voters", True), ("supporters", True)])
        fitted = models.fit(con, "work_comparable", 0)
        met = "l.last = r.last AND l.zip5 = r.zip5"
        with models.quiet(), models.open_linker(con, "work_comparable", fitted.settings, fitted.frequencies) as linker:
            theirs = linker.inference.predict_within(
                linker._db_api.register("work_comparable"),
                blocking_rules_to_generate_predictions=[met], warning_mode="never",
            )  # fmt: skip
            splink = con.sql(f"SELECT row_l, row_r, match_weight FROM {theirs.physical_name}").pl()
        con.execute(f"""
            CREATE TABLE met_pair AS SELECT l.row AS row_l, r.row AS row_r
            FROM work_comparable l JOIN work_comparable r ON {met} AND l.row < r.row""")
        with models.frequency_tables(con, fitted.frequencies):
            query = weighing(fitted.settings, "met_pair", "work_comparable", "work_comparable")
            ours = con.sql(f"WITH {query} SELECT row_l, row_r, match_weight FROM {WEIGHED}").pl()
    return ours.join(splink, on=["row_l", "row_r"], how="full", coalesce=True, suffix="_splink")


def test_the_pairs_are_the_same_and_many(both):
    assert both.height > 300
    assert both.null_count().sum_horizontal().item() == 0


def test_weights_are_splinks(both):
    assert both["match_weight"].std() > 1
    assert (both["match_weight"] - both["match_weight_splink"]).abs().max() == pytest.approx(0, abs=1e-9)
    assert both.select(pl.corr("match_weight", "match_weight_splink")).item() == pytest.approx(1)
