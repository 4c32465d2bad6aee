"""One forecast and one simulation that many tests look at."""

import pytest

from campaignkit import election


@pytest.fixture(scope="package")
def odds() -> election.Forecast:
    return election.forecast(election.polls_2012(), election.results(), on="2012-11-06", as_of="2012-10-01")


@pytest.fixture(scope="package")
def drawn(odds) -> election.Simulation:
    return odds.simulate(20_000, seed=1)
