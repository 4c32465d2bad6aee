"""Donors: which of them respond to which celebrity, who should be the next host, and what a program for them added."""

from campaignkit.donors.encouragement import Encouragement, encouragement
from campaignkit.donors.event_study import EventStudy, event_study
from campaignkit.donors.hosts import Hosts, match_hosts
from campaignkit.donors.lift import estimate_lift
from campaignkit.donors.lift_result import Lift
from campaignkit.donors.observational.worth import Worth
from campaignkit.donors.segments import discover_segments
from campaignkit.donors.segments_result import Segments

__all__ = [
    "Encouragement",
    "EventStudy",
    "Hosts",
    "Lift",
    "Segments",
    "Worth",
    "discover_segments",
    "encouragement",
    "estimate_lift",
    "event_study",
    "match_hosts",
]


def __dir__() -> list[str]:
    return sorted(__all__)
