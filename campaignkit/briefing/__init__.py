"""The night: every step in one command, what moved and why, and one page in the morning."""

from campaignkit.briefing.changes import Changes, changes
from campaignkit.briefing.night import Night, night
from campaignkit.briefing.readback import first_settings, read_back
from campaignkit.briefing.settings import Settings, read_settings

__all__ = ["Changes", "Night", "Settings", "changes", "first_settings", "night", "read_back", "read_settings"]


def __dir__() -> list[str]:
    return sorted(__all__)
