"""The election: a forecast by states, tens of thousands of elections drawn from it, and where to put the money."""

from campaignkit.election.allocate import Plan, allocate
from campaignkit.election.backtest import Backtest, backtest
from campaignkit.election.compare import Comparison, compare
from campaignkit.election.data import districts, electoral_votes, polls_2012, pollster_aliases, results, tiles
from campaignkit.election.forecast import Forecast, forecast
from campaignkit.election.model.settings import Settings
from campaignkit.election.simulate import Simulation

__all__ = [
    "Backtest",
    "Comparison",
    "Forecast",
    "Plan",
    "Settings",
    "Simulation",
    "allocate",
    "backtest",
    "compare",
    "districts",
    "electoral_votes",
    "forecast",
    "polls_2012",
    "pollster_aliases",
    "results",
    "tiles",
]


def __dir__() -> list[str]:
    return sorted(__all__)
