"""One made-up campaign by two doors: in memory with its truth, or as real files with real dirt."""

from campaignkit.sample.exports import write
from campaignkit.sample.fitted import persuasion, score
from campaignkit.sample.nights import write_night
from campaignkit.sample.stored import exports_folder, megafile
from campaignkit.sample.tracking_files import write_tracking
from campaignkit.sample.truth import link_quality
from campaignkit.sample.world import Drawn, draw

__all__ = [
    "Drawn", "draw", "exports_folder", "link_quality", "megafile", "persuasion", "score", "write", "write_night",
    "write_tracking",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
