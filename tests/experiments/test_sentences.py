"""Every sentence of experiments/, once, as `sentences.txt` has it."""

from pathlib import Path

import polars as pl

from campaignkit import experiments
from tests.experiments import (
    test_analyze,
    test_assign,
    test_effects_by,
    test_factorial,
    test_guesses,
    test_plan,
    test_winners,
)
from tests.experiments.moments import test_sequential
from tests.sentences import check_sentences


def test_sentences():
    people, mailed = test_analyze.people(1500), test_winners.mailed(5, 1000, [0.01, 0.012, 0.02, 0.01, 0.01])
    uneven = people.filter((pl.col("arm") != "b") | (pl.col("person") % 2 == 0))
    gaps = people.with_columns(
        arm=pl.when(pl.col("person") % 9 > 0).then("arm"), voted=pl.when(pl.col("person") % 7 > 0).then("voted")
    )
    called, crossed = test_effects_by.called, test_factorial.crossed
    check_sentences(
        Path(__file__).with_name("sentences.txt"),
        {
            "analyze": experiments.analyze(people, "arm", ["voted", "gift", "spent"]).summary(),
            "analyze, clusters": experiments.analyze(
                people, "arm", "voted", cluster="household", confidence_level=0.9
            ).summary(),
            "analyze, sizes not as planned": experiments.analyze(uneven, "arm", "voted").summary(),
            "analyze, gaps": experiments.analyze(gaps, "arm", "voted").summary(),
            "analyze, every day": experiments.analyze(
                test_sequential.daily(1), "arm", "gift", sequence="day"
            ).summary(),
            "assign": test_assign.drawn(test_assign.people(), cluster="household_id").summary(),
            "assign, blocked": test_assign.drawn(test_assign.people(), method="blocked", strata="state").summary(),
            "effects_by": experiments.effects_by(called(), "arm", "voted", "age").summary(),
            "effects_by, different": experiments.effects_by(
                called((0.12, 0.0, 0.0), n=4000), "arm", "voted", "age"
            ).summary(),
            "factorial": experiments.factorial(crossed(), ["subject", "sender"], "gave").summary(),
            "factorial, together": experiments.factorial(crossed(0.0, 0.05), ["subject", "sender"], "gave").summary(),
            "plan": experiments.plan(rate=0.01, n=20_000).summary(),
            "plan, money and clusters": experiments.plan(
                test_plan.past(1000), "spent", relative_effect=0.02, cluster="household", covariate="pre"
            ).summary(),
            "score_guesses": experiments.score_guesses(*test_guesses.pool(), draws=1000).summary(),
            "test_and_roll": experiments.test_and_roll(100_000, mean=0.68, prior_sd=0.03).summary(),
            "winners": experiments.winners(mailed, "arm", "gave", recipients=1_000_000).summary(),
        },
    )
