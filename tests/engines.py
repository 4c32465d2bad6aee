"""One table's answers by cells, analyze, fit_score and rake, to be held against those from another engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.experiments import analyze
from campaignkit.polls import rake
from campaignkit.voters import Bands, fit_score
from tests.voters.people import people

ROWS = 3_000


def campaign() -> pl.DataFrame:
    """Return people with an arm, two outcomes with gaps, and dollars; types that every engine has."""
    rng = np.random.default_rng(11)
    table = people(ROWS, seed=5)
    return table.with_columns(
        y=pl.when(pl.Series(rng.random(ROWS) > 0.05)).then(pl.col("y")),
        arm=pl.Series(rng.choice(["control", "call", "mail"], ROWS)),
        gave=pl.Series(np.where(rng.random(ROWS) < 0.2, rng.lognormal(3, 1, ROWS).round(2), 0.0)),
        b=pl.when(pl.col("id") % 50 > 0).then("b"),
    )


def answers(data: Any) -> dict[str, pl.DataFrame]:
    """Return the table of each answer, and what a score's numbers are."""
    arms = analyze(data, "arm", ["y", "gave"], control="control", unit="id", cluster="household")
    score = fit_score(
        data, "y", ["a", "b", "c", Bands("age", [35, 60])], name="s", purpose="turnout", unit="id", cluster="household",
        weight="w",
    )  # fmt: skip
    raked = rake(
        data, {"a": {"x": 0.4, "y": 0.4, "z": 0.2}, "arm": {"control": 0.4, "call": 0.3, "mail": 0.3}}, unit="id"
    )
    return {
        "cells": cells(data, ["a", "b"], ["gave", "age", "y"], comoments=[("gave", "age")]),
        "analyze": arms.table,
        "fit_score": score.table,
        "held out": pl.DataFrame({"rows": [score.quality.rows], "auc": [score.auc], "ece": [score.quality.ece]}),
        "rake": raked.table,
        "weights": raked.weights.sort("id"),
    }


def assert_equal(found: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame], tolerance: float = 1e-9) -> None:
    """Check that counts and texts are the same and other numbers within a share of `tolerance`."""
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        given = found[name]
        assert given.columns == wanted.columns, name
        assert given.height == wanted.height, name
        for column in wanted.columns:
            if wanted[column].dtype.is_float():
                ours, theirs = (frame[column].fill_null(np.nan).to_numpy() for frame in (given, wanted))
                np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=1e-12, err_msg=f"{name}, {column}")
            else:
                assert given[column].to_list() == wanted[column].to_list(), (name, column)
