"""Every sentence of polls/, once, as `sentences.txt` has it."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from campaignkit import polls, sample
from tests.sentences import check_sentences


def _areas() -> str:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"state": ["OH", "OH", "PA", "PA"], "sex": ["F", "M"] * 2, "people": [60, 50, 70, 60]})
    asked = frame[rng.integers(0, 4, 800)]
    women = (pl.col("sex") == "F") & (pl.col("state") == "PA")
    asked = asked.with_columns(ours=pl.Series(rng.random(800) < 0.4) | women)
    return polls.mrp(asked, "ours", "sex", frame, area="state", frame_weight="people").summary()


def _trends(**planted: object) -> str:
    drawn = sample.draw("polls", 6_000, seed=2, days=18, **planted)
    how = {"stream": "stream", "frame": drawn["frame"], "frame_weight": "n"}
    return polls.trends(drawn["interviews"], "supports", ["sex", "race"], "asked_on", **how).summary()


def _switchers(seed: int, **planted: object) -> str:
    drawn = sample.draw("polls", 8_000, seed=seed, **planted)
    how = {"party": "party", "past_vote": "past_vote", "unit": "person", "stream": "stream", "by": ["sex", "race"]}
    return polls.switchers(
        drawn["panel"], drawn["interviews"], before=["before_1", "before_2"], after=["after_1", "after_2"],
        outcome="supports", date="asked_on", event="2012-10-04", **how,
    ).summary()  # fmt: skip


@pytest.mark.slow
def test_sentences():
    asked = pl.DataFrame({"sex": ["F"] * 60 + ["M"] * 40, "ours": [1, 0, 1] * 20 + [0, 1, 0, 0] * 10})
    check_sentences(
        Path(__file__).with_name("sentences.txt"),
        {
            "rake": polls.rake(asked, {"sex": {"F": 0.5, "M": 0.5}}).summary(),
            "mrp": _areas(),
            "trends, nothing moved": _trends(event=None),
            "trends": _trends(),
            "switchers, who answered": _switchers(1, answering="party"),
            "switchers, who changed": _switchers(1, swing=-0.05),
        },
    )
