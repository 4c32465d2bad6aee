"""The night: every step in one command, what moved and why, and one page in the morning."""

from campaignkit.briefing.changes import Changes, changes
from campaignkit.briefing.settings import Settings, read_settings

__all__ = ["Changes", "Settings", "changes", "read_settings"]
