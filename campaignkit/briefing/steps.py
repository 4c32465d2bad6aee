"""The steps of a night, in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from campaignkit.briefing import people_steps, poll_steps, vote_steps
from campaignkit.briefing.page import publish
from campaignkit.briefing.parts import Part
from campaignkit.briefing.tonight import Tonight


@dataclass(frozen=True)
class Step:
    """One step: its name, what it does, which settings it has, and whether it reads scores."""

    name: str
    says: str
    run: Callable[[Tonight], Part]
    settings: tuple[str, ...] = ()
    reads_scores: bool = False


STEPS = (
    Step("files", "taking the night's files in", people_steps.files, ("exports", "layouts")),
    Step("checks", "checking what came", people_steps.checks),
    Step("scores", "fitting scores", people_steps.scores, ("scores",)),
    Step("emails", "reading e-mail tests", vote_steps.emails, ("emails",)),
    Step("polls", "reading the polls", poll_steps.polls, ("polls",), reads_scores=True),
    Step("forecast", "forecasting", vote_steps.forecast, ("forecast",)),
    Step("money", "allocating the money", vote_steps.money, ("money", "forecast")),
    Step("television", "planning television", vote_steps.television, ("television",), reads_scores=True),
    Step("contacts", "counting contacts", people_steps.contacts),
    Step("lists", "writing lists", people_steps.lists, ("lists",), reads_scores=True),
    Step("page", "writing the page", publish, ("page",)),
)
