"""Polls: samples weighted to the voters, and where each group stands."""

from campaignkit.polls.rake import Weights, rake

__all__ = ["Weights", "rake"]
