"""Polls: samples weighted to the voters, and where each group stands."""

from campaignkit.polls.mrp import mrp
from campaignkit.polls.mrp_result import Mrp
from campaignkit.polls.rake import Weights, rake

__all__ = ["Mrp", "Weights", "mrp", "rake"]
