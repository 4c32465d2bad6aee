"""A random offer: Wald's ratio, two-stage least squares, and an interval that weak offers cannot fool."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from campaignkit import donors
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.stats.causal.instrument import anderson_rubin


def people(n: int = 1500, seed: int = 0, moved: float = 0.3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    keen, age = rng.random(n), rng.normal(50, 10, n)
    offered = rng.random(n) < 0.5
    joined = (keen > 0.85) | (offered & (keen > 0.85 - moved))
    gifts = 10 + 20 * keen + 0.2 * age + 5 * joined + rng.gamma(2, 2, n)
    return pl.DataFrame({"person": np.arange(n), "offered": offered, "joined": joined, "gifts": gifts, "age": age})


def offer(table, **options) -> donors.Encouragement:
    return donors.encouragement(table, "offered", "joined", "gifts", unit="person", **options)


def test_without_covariates_it_is_walds_ratio():
    table = people()
    means = table.group_by("offered").agg(pl.col("joined", "gifts").mean()).sort("offered")
    first, intention = (means[name][1] - means[name][0] for name in ("joined", "gifts"))
    found = offer(table).table["estimate"].to_list()
    assert found == pytest.approx([first, intention, intention / first])


def test_offered_and_joined_as_one_point_zero_are_yes():
    table = people()
    as_numbers = table.with_columns(pl.col("offered", "joined").cast(pl.Float64))
    assert offer(as_numbers).table.equals(offer(table).table)


def test_it_agrees_with_two_stage_least_squares():
    import statsmodels.api as sm
    from statsmodels.sandbox.regression.gmm import IV2SLS

    table = people()
    one, age = np.ones(table.height), table["age"].to_numpy()
    d, z, y = (table[name].to_numpy().astype(float) for name in ("joined", "offered", "gifts"))
    theirs = IV2SLS(y, np.column_stack([one, age, d]), np.column_stack([one, age, z])).fit().params[2]
    found = offer(table, covariates="age").table
    assert found["estimate"][2] == pytest.approx(theirs, rel=1e-9)
    first = sm.OLS(d, np.column_stack([one, age, z])).fit(cov_type="HC1")
    assert found["std_error"][0] == pytest.approx(first.bse[2], rel=2e-3)


def test_the_interval_holds_the_slopes_that_are_not_rejected():
    import statsmodels.api as sm

    table = people(moved=0.2)
    d, z, y = (table[name].to_numpy().astype(float) for name in ("joined", "offered", "gifts"))
    low, high = offer(table).table.select("lower", "upper").row(2)
    for slope, inside in ((low - 0.05, False), (low + 0.05, True), (high - 0.05, True), (high + 0.05, False)):
        fit = sm.OLS(y - slope * d, sm.add_constant(z)).fit(cov_type="HC1", use_t=True)
        assert (fit.pvalues[1] > 0.05) == inside


def test_levels_of_those_moved_differ_by_the_effect():
    late = offer(people()).table.row(2, named=True)
    assert late["ratio"] == pytest.approx((late["mean_control"] + late["estimate"]) / late["mean_control"])
    assert late["ratio_lower"] < late["ratio"] < late["ratio_upper"]


def test_a_weak_offer_is_said_and_has_no_end():
    found = offer(people(600, moved=0.01))
    assert found.f < 10
    assert found.table["lower"][2] is None
    assert "weak instrument" in found.summary()
    assert "the interval is unbounded" in found.summary()
    assert "weak" not in offer(people()).summary()
    assert anderson_rubin(0.0, 0.0, 1.0, 1.0, 0.0, 3.84) == (-np.inf, np.inf)


def test_an_offer_that_was_not_random_is_said():
    table = people().with_columns(offered=pl.col("age") + 10 * pl.col("offered") > 55)
    assert any("was it really random" in said for said in offer(table, covariates="age").warnings)
    assert not offer(people(), covariates="age").warnings


def test_copies_in_one_cluster_say_no_more():
    table = people(600)
    copies = pl.concat([table.with_columns(pl.col("person") + 1000 * i, home="person") for i in range(3)])
    one, clustered, ignored = offer(table), offer(copies, cluster="home"), offer(copies)
    assert clustered.table["std_error"].to_list() == pytest.approx(one.table["std_error"].to_list(), rel=2e-3)
    assert ignored.table["std_error"][1] < 0.65 * one.table["std_error"][1]


def test_what_cannot_be_is_refused():
    with pytest.raises(NotEnoughData, match="the same for"):
        offer(people().with_columns(offered=pl.lit(True)))
    with pytest.raises(BadValue, match="null says neither"):
        offer(people().with_columns(joined=pl.when("joined").then(True)))
    with pytest.raises(BadValue, match="name a column twice"):
        donors.encouragement(people(), "offered", "joined", "joined", unit="person")
    assert "ck-summary" in offer(people())._repr_html_()


def test_few_unequal_clusters_have_the_jackknifes_error_and_are_said():
    rng = np.random.default_rng(0)
    size = np.round(np.exp(rng.normal(3, 1, 20))).astype(int) + 2
    home = np.repeat(np.arange(20), size)
    offered = home % 2
    joined = rng.random(len(home)) < 0.2 + 0.4 * offered
    gifts = 10 + rng.normal(0, 1, 20)[home] + 3 * joined + rng.normal(0, 3, len(home))
    table = pl.DataFrame({"offered": offered.astype(float), "joined": joined, "gifts": gifts, "home": home})
    found = donors.encouragement(table, "offered", "joined", "gifts", cluster="home")
    left = []
    for g in range(20):
        y, z = gifts[home != g], offered[home != g]
        left.append(y[z == 1].mean() - y[z == 0].mean())
    intention = found.table.row(1, named=True)
    expected = np.sqrt(19 / 20 * ((np.array(left) - intention["estimate"]) ** 2).sum())
    assert intention["std_error"] == pytest.approx(expected, rel=1e-9)
    assert "few_clusters" in found.named_warnings


def test_yes_or_no_is_told_in_points():
    rng = np.random.default_rng(1)
    offered = rng.random(4000) < 0.5
    joined = rng.random(4000) < 0.1 + 0.3 * offered
    table = pl.DataFrame({"offered": offered, "joined": joined, "gave": rng.random(4000) < 0.2 + 0.1 * joined})
    assert "points per person offered" in donors.encouragement(table, "offered", "joined", "gave").summary()
