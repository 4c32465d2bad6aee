"""LaLonde's data: what Imbens and Xu published for the 185 treated beside the CPS, and the placebo said first."""

import polars as pl
import pytest

from campaignkit import donors
from campaignkit.errors import BadValue
from tests.real.published import published

X = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75"]


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    treated = pl.read_parquet(published("lalonde/nsw.parquet")).filter(pl.col("treat") == 1)
    both = pl.concat([treated, pl.read_parquet(published("lalonde/cps.parquet"))])
    return both.with_columns(u74=pl.col("re74") == 0, u75=pl.col("re75") == 0)


@pytest.fixture(scope="module")
def found(table) -> donors.Lift:
    return donors.estimate_lift(table, "treat", "re78", X, placebo={"re75": ["re75", "u75"]})


def estimate(table: pl.DataFrame, estimator: str) -> float:
    return table.filter(pl.col("estimator") == estimator)["estimate"].item()


def test_published_estimates_to_the_cent(found):
    assert (found.n_treated, found.n_comparison) == (185, 15_992)
    assert round(estimate(found.table, "difference"), 2) == -8497.52
    assert round(estimate(found.table, "regression"), 2) == 1066.38
    assert round(estimate(found.table, "imputation"), 2) == 1133.28


def test_entropy_balancing_and_how_few_it_rests_on(found):
    assert round(estimate(found.table, "entropy"), 2) == 1406.30  # 1,406.27 published, before full convergence
    assert round(found.table.filter(pl.col("estimator") == "entropy")["effective_n"].item()) == 269


def test_all_adjusted_intervals_hold_the_experiments_1794(found):
    assert found.credible.height == 7  # the six of before, and splines
    assert found.credible.select((pl.col("lower") < 1794) & (pl.col("upper") > 1794)).to_series().all()


def test_the_placebo_fails_and_is_said_first(found):
    assert round(estimate(found.placebo, "entropy")) == -1227
    assert found.summary().startswith("The placebo test failed: re75 still differs by −1,227")


def test_a_placebo_that_leaks_is_refused(table):
    with pytest.raises(BadValue, match=r"'u75' is a function of 're75'.*\['re75', 'u75'\]"):
        donors.estimate_lift(table, "treat", "re78", X, placebo={"re75": ["re75"]})
