"""Voters: who to call first. Scores of who turns out, gives, volunteers, and who a call would move."""

from campaignkit.voters import recipes
from campaignkit.voters.likely_voters import LikelyVoters, likely_voters
from campaignkit.voters.model.features import Bands, Spline
from campaignkit.voters.persuasion import fit_persuasion
from campaignkit.voters.persuasion_result import Persuasion
from campaignkit.voters.priority import Priority, priority
from campaignkit.voters.score import Score, fit_score
from campaignkit.voters.turnout import Turnout, fit_turnout, turnout_history

__all__ = [
    "Bands",
    "LikelyVoters",
    "Persuasion",
    "Priority",
    "Score",
    "Spline",
    "Turnout",
    "fit_persuasion",
    "fit_score",
    "fit_turnout",
    "likely_voters",
    "priority",
    "recipes",
    "turnout_history",
]


def __dir__() -> list[str]:
    return sorted(__all__)
