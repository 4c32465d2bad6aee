"""Donors: which of them fall for whom, who should be the next host, and what a programme for them added."""

from campaignkit.donors.encouragement import Encouragement, encouragement
from campaignkit.donors.event_study import EventStudy, event_study
from campaignkit.donors.hosts import Hosts, match_hosts
from campaignkit.donors.lift import Lift
from campaignkit.donors.lifts import estimate_lift
from campaignkit.donors.segments import Segments, discover_segments
from campaignkit.donors.worth import Worth

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
