"""Every sentence of briefing/, once, as `sentences.txt` has it."""

from pathlib import Path

import pytest

from campaignkit import briefing, sample
from tests.sentences import check_sentences


def _night(**planted: object) -> briefing.Changes:
    drawn = sample.draw("polls", 8_000, seed=3, days=15, panel=0, **planted)
    return briefing.changes(drawn["interviews"], "supports", ["sex", "race"], "asked_on", stream="stream")


@pytest.mark.slow
def test_sentences():
    check_sentences(Path(__file__).with_name("sentences.txt"), {"changes, nothing new": _night(event=None).summary()})
