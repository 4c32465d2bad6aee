"""Every sentence of voters/, once, as `sentences.txt` has it."""

from pathlib import Path

import polars as pl
import pytest

from campaignkit import sample, voters
from tests.sentences import check_sentences


@pytest.mark.slow
def test_sentences():
    people = sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
    features = {"basics": ["region", "sex", "age_band"], "consumer": ["homeowner"]}
    score = voters.fit_score(people, "entered", features, name="enters", purpose="volunteer", unit="person")
    noise = people.with_columns(entered=pl.col("person") % 10 == 0)
    nothing = voters.fit_score(noise, "entered", features, name="noise", purpose="volunteer", unit="person")
    calls = sample.draw("scripts", 100_000, seed=0).table
    traits = {"basics": ["sex", voters.Bands("age", [35, 65]), "state"]}
    how = {"control": "control", "treatment": "health", "unit": "person", "interactions": [("sex", "age")]}
    ranking = voters.fit_persuasion(calls, "arm", "supports_after", traits, **how)
    still = calls.with_columns(supports_after=pl.col("person") % 3 == 0)
    three = pl.DataFrame(
        {"person_id": [1, 2, 3], "support": [0.5, 0.9, 0.1], "turnout": [0.9, 0.5, None], "effect": [0.05, 0.0, 0.0]}
    )
    called = voters.priority(three, support="support", turnout="turnout", persuasion="effect", mobilization=0.04)
    asked = pl.DataFrame({"score": [0.2, 0.6, 0.9, 0.4], "firm": [0, 1, 1, 0], "low": [1, 0, 0, 0]})
    votes = [[0, 1, 1, 0]] * 40 + [[1, 0, 1, 1]] * 10
    asked = pl.concat([asked.with_columns(voted=pl.Series(four)) for four in votes])
    asked = asked.with_columns(poll=pl.int_range(pl.len()) % 2)
    likely = voters.likely_voters(asked, "voted", score="score", firm="firm", low="low", poll="poll")
    check_sentences(
        Path(__file__).with_name("sentences.txt"),
        {
            "score": score.summary(),
            "score, labeled": score.labeled({"entered": "entered Lorna Vale's contest"}).summary(),
            "score, no better than chance": nothing.summary(),
            "score, gains": score.gains().summary(),
            "score, calibration": score.calibration("region").summary(),
            "score, importance": score.importance().summary(),
            "persuasion": ranking.summary(),
            "persuasion, nobody moved": voters.fit_persuasion(still, "arm", "supports_after", traits, **how).summary(),
            "priority": called.summary(),
            "likely voters": likely.summary(),
        },
    )
