"""cells on Spark: two worker processes, shuffles and all, equal to the exact reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from campaignkit.cells import cells
from campaignkit.errors import BadValue, ColumnNotFound
from tests.spark.conftest import on_spark
from tests.test_cells import MEASURES, PAIRS, assert_equal, mixed, reference

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("by", [["region", "arm"], []], ids=["two keys", "no key"])
def test_spark_equals_the_exact_reference(spark: Any, by: list[str]) -> None:
    table = mixed()
    answer = cells(on_spark(spark, table), by, MEASURES, comoments=PAIRS)
    assert_equal(answer, reference(table, by, MEASURES, PAIRS), by)
    assert answer.schema == cells(table, by, MEASURES, comoments=PAIRS).schema


def test_raw_sums_of_squares_would_fail_on_spark(spark: Any) -> None:
    x = 1e9 + np.random.default_rng(2).normal(size=500)
    table = pl.DataFrame({"g": np.arange(500) % 2, "x": x, "y": 3 * x})
    answer = cells(on_spark(spark, table), "g", "x", comoments=[("x", "y")])
    assert_equal(answer, reference(table, ["g"], ["x"], [("x", "y")]), ["g"])


def test_nan_and_null_keys_on_spark(spark: Any) -> None:
    table = pl.DataFrame({"g": [None, 2.0, float("nan"), 1.0, float("nan"), -0.0, 0.0], "x": range(7)})
    assert_equal(cells(on_spark(spark, table), "g", "x"), reference(table, ["g"], ["x"], []), ["g"])


def test_empty_and_all_null_on_spark(spark: Any) -> None:
    table = mixed()
    by, measures, pairs = ["region"], ["near", "gave", "tiny"], [("near", "gave")]
    expected = cells(table, by, measures, comoments=pairs).clear()
    assert cells(on_spark(spark, table).limit(0), by, measures, comoments=pairs).equals(expected)
    assert cells(on_spark(spark, table).limit(0), (), "near").row(0) == (0, 0, 0, 0, None, None, None, None)
    null = on_spark(spark, table).selectExpr("cast(null as double) as x")
    assert cells(null, (), "x").row(0) == (400, 0, 400, 0, None, None, None, None)


def test_names_that_need_quoting_on_spark(spark: Any) -> None:
    table = pl.DataFrame({"añós": [1.5, 2.5], "the key": ["a", "b"], "k0": [3, 4]})
    answer = cells(on_spark(spark, table), "the key", ["añós", "k0"], comoments=[("añós", "k0")])
    assert_equal(answer, reference(table, ["the key"], ["añós", "k0"], [("añós", "k0")]), ["the key"])


def test_refusals_on_spark(spark: Any) -> None:
    table = on_spark(spark, pl.DataFrame({"x": [1.0, float("inf")], "name": ["a", "b"]}))
    with pytest.raises(BadValue, match="infinite"):
        cells(table, (), "x")
    with pytest.raises(BadValue, match="'name' is String"):
        cells(table, (), "name")
    with pytest.raises(ColumnNotFound, match="did you mean 'name'"):
        cells(table, "nmae")
