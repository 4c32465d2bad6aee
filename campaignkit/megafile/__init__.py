"""One person, one row: a campaign's many files made into one DuckDB file."""

from campaignkit.megafile.store import Megafile

__all__ = ["Megafile"]
