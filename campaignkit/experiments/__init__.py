"""Test everything: draw the arms, say what they show, choose what to send, and who foresaw it."""

from campaignkit.experiments.analyze import Analysis, analyze
from campaignkit.experiments.assign import Assignment, assign
from campaignkit.experiments.effects_by import GroupEffects, effects_by
from campaignkit.experiments.factorial import Factorial, factorial
from campaignkit.experiments.guesses import Pool, score_guesses
from campaignkit.experiments.plan import Plan, plan
from campaignkit.experiments.test_and_roll import TestAndRoll, test_and_roll
from campaignkit.experiments.winners import Winners, winners

__all__ = [
    "Analysis",
    "Assignment",
    "Factorial",
    "GroupEffects",
    "Plan",
    "Pool",
    "TestAndRoll",
    "Winners",
    "analyze",
    "assign",
    "effects_by",
    "factorial",
    "plan",
    "score_guesses",
    "test_and_roll",
    "winners",
]


def __dir__() -> list[str]:
    return sorted(__all__)
