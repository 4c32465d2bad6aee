"""Test everything: draw the arms, say what they show, choose what to send, and who foresaw it."""

from campaignkit.experiments.analysis import Analysis, analyze
from campaignkit.experiments.design import Assignment, assign
from campaignkit.experiments.effects import GroupEffects, effects_by
from campaignkit.experiments.factors import Factorial, factorial
from campaignkit.experiments.guesses import Pool, score_guesses
from campaignkit.experiments.planning import Plan, plan
from campaignkit.experiments.rolling import TestAndRoll, test_and_roll
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
