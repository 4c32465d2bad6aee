"""One person, one row: a campaign's many files made into one DuckDB file, and the universes asked of it."""

from campaignkit.megafile.resolve import resolve
from campaignkit.megafile.store import Megafile
from campaignkit.megafile.universe import Universe

__all__ = ["Megafile", "Universe", "resolve"]
