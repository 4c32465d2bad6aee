"""Voters: whom to call first. Scores of who turns out, gives, volunteers, and whom a call would move."""

from campaignkit.voters.features import Bands, Spline

__all__ = ["Bands", "Spline"]
