"""A table whose names and values are hard to draw."""

from __future__ import annotations

import polars as pl

from campaignkit import charts

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>"
TABLE = pl.DataFrame(
    {
        "region.of[origin]": ["West", None, HOSTILE],
        "n": [1200, 300, 5],
        "entered_rate": [0.2, 0.1, None],
        "lower": [0.1, None, None],
        "upper": [0.3, 0.2, None],
    }
)


def region_bars(**options):
    return charts.bars(TABLE, "region.of[origin]", "n", description="People by region", **options)
