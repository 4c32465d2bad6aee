"""Voters: whom to call first. Scores of who turns out, gives, volunteers, and whom a call would move."""

from campaignkit.voters.features import Bands, Spline
from campaignkit.voters.persuasion import fit_persuasion
from campaignkit.voters.priority import Priority, priority
from campaignkit.voters.ranking import Persuasion, load_persuasion

__all__ = ["Bands", "Persuasion", "Priority", "Spline", "fit_persuasion", "load_persuasion", "priority"]
