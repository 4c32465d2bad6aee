"""Voters: whom to call first. Scores of who turns out, gives, volunteers, and whom a call would move."""

from campaignkit.voters.features import Bands, Spline
from campaignkit.voters.scores import Score, fit_score, load_score
from campaignkit.voters.turnout import Turnout, fit_turnout, turnout_history

__all__ = ["Bands", "Score", "Spline", "Turnout", "fit_score", "fit_turnout", "load_score", "turnout_history"]
