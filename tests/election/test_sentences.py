"""Every sentence of election/, once, as `sentences.txt` has it."""

from pathlib import Path

import pytest

from campaignkit import election
from tests.sentences import check_sentences


@pytest.mark.slow
def test_sentences():
    polls, results = election.polls_2012(), election.results()
    before, after = (election.forecast(polls, results, on="2012-11-06", as_of=f"2012-10-{day}") for day in ("02", "12"))
    drawn = after.simulate(20_000, seed=1)
    voters = dict(results.filter(year=2008).select("state", "total_votes").iter_rows())
    response = {"effect": 0.02, "std_error": 0.005, "scale": 2.0, "voters": voters}
    check_sentences(
        Path(__file__).with_name("sentences.txt"),
        {
            "forecast": after.summary(),
            "simulation": drawn.summary(),
            "simulation, without Ohio": drawn.given("OH", won=False).summary(),
            "money": election.allocate(drawn, 20_000_000, responses=response).summary(),
            "compared": election.compare(after, before, n=10_000).summary(),
            "compared with itself": election.compare(after, after, n=10_000).summary(),
            "backtest": election.backtest(polls, results).summary(),
        },
    )
