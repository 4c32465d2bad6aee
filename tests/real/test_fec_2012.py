"""The FEC rows as filed, through a megafile: every row, and the sum the committee reported."""

from decimal import Decimal

import pytest

from campaignkit import Megafile
from tests.real.published import write_fec_2012


@pytest.mark.slow
def test_the_committees_second_quarter_of_2011_sums_as_filed(tmp_path):
    exports = tmp_path / "exports"
    exports.mkdir()
    layout = write_fec_2012(exports)
    with Megafile.build(exports, tmp_path / "fec.duckdb", layouts=[layout], progress=False) as megafile:
        source = megafile.sources.row(0, named=True)
        assert (source["accepted"], source["rejected"], source["lines"]) == (815_231, 0, 815_232)
        assert source["unread"] == []
        total = megafile.sql(
            """SELECT sum(amount) AS total FROM fec_gift WHERE committee_id = 'C00431445' AND NOT is_memo
            AND given_on BETWEEN '2011-04-01' AND '2011-06-30'"""
        ).item()
        assert total == Decimal("33233681.24")
        assert megafile.sql("SELECT count(*) FROM person").item() == 0
