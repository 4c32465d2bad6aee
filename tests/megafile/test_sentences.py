"""What a universe, its lists and linked records say, once, as `sentences.txt` has it."""

from pathlib import Path

import polars as pl
import pytest

from campaignkit import megafile, sample
from tests.sentences import check_sentences


@pytest.mark.slow
def test_sentences():
    mf = sample.megafile()
    invited, donors = mf.universe("invited('host_a')"), mf.universe("donor", state="OH")
    records = pl.DataFrame({
        "source": ["voters", "voters", "donors"], "record_id": [1, 2, 1], "first_name": ["Robert", "Ann", "Bob"],
        "last_name": ["Smith"] * 3, "address": ["12 North Main Street"] * 3, "zip5": ["44101"] * 3,
    })  # fmt: skip
    check_sentences(
        Path(__file__).with_name("sentences.txt"),
        {
            "by": donors.by("sex").summary(),
            "by, a group stands out": invited.by("age_band", measures=["entered('host_a')"]).summary(),
            "by, none stands out": donors.by("sex", measures=["gave('90d')"]).summary(),
            "by, dollars": donors.by("region", measures=["gifts()"]).summary(),
            "by, a total": invited.by("region", measures=["sum(gifts('90d'))"]).summary(),
            "by, labeled": invited.by("sex", measures=["entered('host_a')"])
            .labeled({"host_a": "Lorna Vale"})
            .summary(),
            "call list": donors.call_list("phone", "volunteer").summary(),
            "resolve": megafile.resolve(records, model=False).summary(),
            "explain": mf.explain(1).summary(),
        },
    )
