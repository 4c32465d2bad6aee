"""Polls: samples weighted to the voters, where each group stands and is heading, and who changed sides."""

from campaignkit.polls.mrp import mrp
from campaignkit.polls.mrp_result import Mrp
from campaignkit.polls.rake import Weights, rake
from campaignkit.polls.switchers import Switchers, switchers
from campaignkit.polls.trends import Trends, trends

__all__ = ["Mrp", "Switchers", "Trends", "Weights", "mrp", "rake", "switchers", "trends"]


def __dir__() -> list[str]:
    return sorted(__all__)
