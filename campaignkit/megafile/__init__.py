"""One person, one row: a campaign's many files made into one DuckDB file, and the universes asked of it."""

from campaignkit.megafile.breakdown import Breakdown
from campaignkit.megafile.call_list import CallList
from campaignkit.megafile.explain import Explanation
from campaignkit.megafile.megafile import Megafile
from campaignkit.megafile.refresh.report import RefreshReport
from campaignkit.megafile.resolve import Resolution, SparkResolution, resolve
from campaignkit.megafile.ties import Ties
from campaignkit.megafile.universe import Universe
from campaignkit.megafile.van_pipeline import van_pipeline

__all__ = [
    "Breakdown", "CallList", "Explanation", "Megafile", "RefreshReport", "Resolution", "SparkResolution", "Ties",
    "Universe", "resolve", "van_pipeline",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
