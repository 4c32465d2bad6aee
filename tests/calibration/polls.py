"""Polls: how often intervals cover, and what is claimed where nothing is there, question by question."""

from __future__ import annotations

import polars as pl

from tests.calibration import polls_mrp, polls_switchers, polls_trends

PARTS = (polls_mrp, polls_trends, polls_switchers)
WORLDS = {name: world for part in PARTS for name, world in part.WORLDS.items()}


def report(rows: pl.DataFrame) -> str:
    """Return every question's worlds as Markdown."""
    return "".join(part.report(rows) for part in PARTS)
