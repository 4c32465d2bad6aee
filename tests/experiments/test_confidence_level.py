"""confidence_level moves every interval of experiments/, and is refused where it can't be one."""

import numpy as np
import pytest

from campaignkit import experiments
from campaignkit.errors import BadValue
from tests.experiments import test_analyze, test_effects_by, test_factorial, test_guesses, test_winners
from tests.experiments.moments import test_sequential

PEOPLE = test_analyze.people(1500)
CALLS = {
    "rate": lambda level: experiments.analyze(PEOPLE, "arm", "voted", confidence_level=level),
    "money": lambda level: experiments.analyze(test_sequential.daily(1, 3000), "arm", "gift", confidence_level=level),
    "mean": lambda level: experiments.analyze(PEOPLE, "arm", "spent", covariate="pre", confidence_level=level),
    "clusters": lambda level: experiments.analyze(PEOPLE, "arm", "voted", cluster="household", confidence_level=level),
    "winners": lambda level: experiments.winners(test_winners.mailed(3, 1000), "arm", "gave", confidence_level=level),
    "effects_by": lambda level: experiments.effects_by(
        test_effects_by.called(n=300), "arm", "voted", "age", confidence_level=level
    ),
    "factorial": lambda level: experiments.factorial(
        test_factorial.crossed(n=3000), ["subject", "sender"], "gave", confidence_level=level
    ),
    "sequential": lambda level: experiments.analyze(
        test_sequential.daily(1), "arm", "gift", sequence="day", confidence_level=level
    ),
}
PAIRS = {
    "rate": ["level_{}", "{}", "ratio_{}"], "money": ["level_{}", "{}", "ratio_{}", "mean_given_{}"],
    "mean": ["level_{}", "{}", "ratio_{}"], "clusters": ["level_{}", "{}", "ratio_{}"], "winners": ["{}"],
    "effects_by": ["{}", "shrunk_{}"], "factorial": ["{}"], "sequential": ["{}"],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_lower_level_narrows_every_interval(name):
    wide, narrow = CALLS[name](0.95), CALLS[name](0.8)
    assert (wide.confidence_level, narrow.confidence_level) == (0.95, 0.8)
    for pair in PAIRS[name]:
        widths = [
            (table[pair.format("upper")] - table[pair.format("lower")]).drop_nulls().to_numpy()
            for table in (wide.table.sort("arm") if "arm" in wide.table.columns else wide.table,
                          narrow.table.sort("arm") if "arm" in narrow.table.columns else narrow.table)
        ]  # fmt: skip
        assert len(widths[0]) == len(widths[1]) > 0
        assert (widths[0] > widths[1]).all(), pair


def test_what_follows_a_level():
    wide, narrow = (CALLS["winners"](level).rolled_out(1000) for level in (0.95, 0.8))
    assert wide["gain_lower"] < narrow["gain_lower"]
    wide, narrow = (CALLS["sequential"](level).sequential.table for level in (0.95, 0.8))
    assert (wide["upper"] - wide["lower"] > narrow["upper"] - narrow["lower"]).all()
    wide, narrow = (
        experiments.score_guesses(*test_guesses.pool(), draws=1000, confidence_level=level) for level in (0.95, 0.8)
    )
    assert (wide.table["upper_chance"] > narrow.table["upper_chance"]).all()
    wide, narrow = (experiments.plan(rate=0.1, n=5000, confidence_level=level).table for level in (0.95, 0.8))
    assert wide["alpha"].item() == pytest.approx(0.05)
    assert wide["effect"].item() > narrow["effect"].item()


@pytest.mark.parametrize("name", [name for name in CALLS if name != "money"])
@pytest.mark.parametrize("level", [0.4, 1.0, np.nan])
def test_what_is_no_level_is_refused(name, level):
    with pytest.raises(BadValue, match="confidence_level is"):
        CALLS[name](level)
