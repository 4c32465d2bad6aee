"""Polls: samples weighted to the voters, where each group stands and is heading, and who changed sides."""

from campaignkit.polls.mrp import Mrp, mrp
from campaignkit.polls.rake import Weights, rake
from campaignkit.polls.trends import Trends, trends

__all__ = ["Mrp", "Trends", "Weights", "mrp", "rake", "trends"]
