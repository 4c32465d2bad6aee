"""Every sentence of donors/, once, as `sentences.txt` has it."""

from pathlib import Path

import polars as pl
import pytest

from campaignkit import donors, sample
from tests.donors import test_encouragement, test_event_study, test_lift
from tests.donors.test_confidence_level import contest
from tests.sentences import check_sentences


@pytest.mark.slow
def test_sentences():
    table, columns = contest("host_a"), ["region", "sex", "age_band"]
    segments = donors.discover_segments(table, "entered", columns, unit="person", cluster="household", amount="gave")
    quiet = sample.draw("contest", 5_000, seed=2, appeal=1.0, main=1.0).table
    leaking = table.with_columns(known=pl.col("entered"))
    three = pl.concat(contest(host) for host in ("host_a", "host_b", "host_c"))
    wanted = {"like": "host_a", "unit": "person", "segment": "sex = 'F'", "region": "region = 'South'"}
    few = pl.concat([contest("host_a"), contest("host_b"), contest("host_c").head(150)])
    people = test_lift.people()
    lift = test_lift.lift(people, placebo={"before": []})
    failed = test_lift.lift(people, covariates=["x2"], placebo={"before": []}, estimand="ATE", confidence_level=0.9)
    check_sentences(
        Path(__file__).with_name("sentences.txt"),
        {
            "segments": segments.summary(),
            "segments, nothing held out": donors.discover_segments(table, "entered", columns, holdout=None).summary(),
            "segments, none": donors.discover_segments(quiet, "entered", columns, unit="person").summary(),
            "segments, a column that is the outcome": donors.discover_segments(
                leaking, "entered", ["known", "sex"], unit="person", confidence_level=0.9
            ).summary(),
            "hosts": donors.match_hosts(three, "entered", "host", columns, amount="gave", **wanted).summary(),
            "hosts, one little known": donors.match_hosts(few, "entered", "host", columns, **wanted).summary(),
            "lift": lift.summary(),
            "lift, a failed placebo": failed.summary(),
            "worth": lift.value(enrollment_rate=0.05, cost=0.25, people=10_000).summary(),
            "event study": test_event_study.study(*test_event_study.world(600, seed=2)).summary(),
            "encouragement": test_encouragement.offer(test_encouragement.people()).summary(),
            "encouragement, weak": test_encouragement.offer(test_encouragement.people(400, moved=0.02)).summary(),
        },
    )
