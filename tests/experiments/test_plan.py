"""assign, plan and test_and_roll."""

import hashlib

import duckdb
import numpy as np
import polars as pl
import pytest
import tea_tasting as tt

from campaignkit import experiments
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments import assign, plan


def people(n=3000):
    household = [i // 3 for i in range(n)]
    return pl.DataFrame(
        {"person_id": range(n), "household_id": household, "state": ["OH" if h % 4 else "NC" for h in household]}
    )


def drawn(data, **options):
    return assign(data, ["control", "a", "b"], unit="person_id", salt="june", **options)


def test_the_hash_is_sha256_of_text_and_salt():
    share = int(hashlib.sha256(b"17|june").hexdigest()[:13], 16) / 16**13
    arm = drawn(people()).table.filter(person_id=17)["arm"].item()
    assert arm == ["control", "a", "b"][int(share * 3)]


def test_engines_and_types_of_id_agree():
    table = people()
    ours = drawn(table).table["arm"].to_list()
    text = table.with_columns(pl.col("person_id").cast(pl.String))
    floats = table.with_columns(pl.col("person_id").cast(pl.Float64))
    con = duckdb.connect()
    for other in (table.lazy(), table.to_pandas(), table.to_arrow(), con.from_arrow(table.to_arrow()), text, floats):
        found = drawn(other).table.with_columns(pl.col("person_id").cast(pl.Float64).cast(pl.Int64)).sort("person_id")
        assert found["arm"].to_list() == ours


def test_late_arrivals_move_nobody():
    early, late = drawn(people(1000)).table, drawn(people(3000)).table
    assert late.head(1000)["arm"].to_list() == early["arm"].to_list()


def test_another_salt_is_another_draw():
    a, b = (assign(people(), ["x", "y"], unit="person_id", salt=s).table["arm"] for s in ("june", "july"))
    assert 0.45 < (a == b).mean() < 0.55


def test_shares_are_kept_about():
    found = drawn(people(30_000), shares={"control": 0.5, "a": 0.3, "b": 0.2})
    by_arm = dict(found.table.group_by("arm").len().rows())
    assert by_arm["control"] == pytest.approx(15_000, abs=350)
    assert by_arm["b"] == pytest.approx(6000, abs=280)


@pytest.mark.parametrize("method", ["hash", "blocked"])
def test_clusters_go_together(method):
    found = drawn(people(), cluster="household_id", strata="state", method=method).table
    assert found.group_by("household_id").agg(pl.col("arm").n_unique())["arm"].max() == 1


def test_blocks_are_exact_to_one_cluster():
    for cluster in (None, "household_id"):
        found = drawn(people(), cluster=cluster, strata="state", shares=[3, 2, 2], method="blocked")
        whole = pl.col("clusters").sum().over("state")
        gap = found.balance.select((pl.col("clusters") - pl.col("expected_share") * whole).abs().max()).item()
        assert gap < 1


def test_who_has_no_household_goes_alone():
    table = people().with_columns(household_id=pl.when(pl.col("person_id") >= 300).then("household_id"))
    found = drawn(table, cluster="household_id")
    assert found.balance["clusters"].sum() == 900 + 300


def test_bad_lists_are_errors():
    twice = pl.concat([people(), people().head(2)])
    with pytest.raises(BadValue, match="2 rows repeat a 'person_id'"):
        drawn(twice)
    astray = people().with_columns(state=pl.when(pl.col("person_id") == 1).then(pl.lit("CO")).otherwise("state"))
    with pytest.raises(BadValue, match="1 of 'household_id' are in two strata"):
        drawn(astray, cluster="household_id", strata="state")
    with pytest.raises(BadValue, match="null in 1 rows"):
        drawn(people().with_columns(person_id=pl.when(pl.col("person_id") > 0).then("person_id")))
    with pytest.raises(BadValue, match="two or more different names"):
        assign(people(), ["a", "a"], unit="person_id", salt="x")
    with pytest.raises(BadValue, match="above 0"):
        drawn(people(), shares=[1, 0, 1])
    with pytest.raises(NotEnoughData, match="empty"):
        drawn(people().head(0))
    with pytest.raises(BadValue, match="fractions"):
        drawn(people().with_columns(pl.col("person_id") + 0.5))


def test_balance_is_shown_by_stratum_and_column():
    found = drawn(people().with_columns(age=pl.col("person_id") % 60), strata="state", balance="age")
    assert found.balance.select(pl.col("n").sum()).item() == 3000
    assert found.means["difference"].abs().max() < 0.15
    assert "by a hash of each id" in found.summary()
    assert found.chart().to_dict()["description"] == found.summary()


# --- plans ----------------------------------------------------------------------------------------------


def past(n=5000):
    rng = np.random.default_rng(0)
    pre = rng.gamma(2.0, 3.0, n)
    return pl.DataFrame({"pre": pre, "spent": pre + rng.gamma(2.0, 1.0, n), "household": np.arange(n) // 2})


@pytest.mark.parametrize("pre", [None, "pre"])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_plans_equal_tea_tasting(pre, ratio):
    data = past()
    theirs = tt.Mean("spent", pre, n_obs=(3000, 9000), ratio=ratio).solve_power(data, "effect_size")
    ours = plan(data, "spent", n=[3000, 9000], ratio=ratio, pre=pre).table
    assert ours["effect"].to_list() == pytest.approx([x.effect_size for x in theirs], rel=1e-9)
    if ratio == 1:  # tea-tasting's search begins at 3 people and fails where one arm gets 1
        theirs = tt.Mean("spent", pre, rel_effect_size=(0.02, 0.1)).solve_power(data, "n_obs")
        ours = plan(data, "spent", relative_effect=[0.02, 0.1], pre=pre).table
        assert ours["n"].to_list() == [x.n_obs for x in theirs]
    theirs = tt.Mean("spent", pre, rel_effect_size=0.02, n_obs=3000, ratio=ratio).solve_power(data, "power")
    ours = plan(data, "spent", relative_effect=0.02, n=3000, ratio=ratio, pre=pre).table
    assert ours["power"].item() == pytest.approx(theirs[0].power, rel=1e-9)


def test_size_and_effect_are_each_others_inverse():
    n = plan(rate=0.05, effect=0.01).table["n"].item()
    assert plan(rate=0.05, n=n).table["effect"].item() == pytest.approx(0.01, rel=1e-3)
    assert plan(rate=0.05, n=n, effect=0.01).table["power"].item() == pytest.approx(0.8, abs=1e-3)


def test_more_arms_take_more_people_each():
    two, twelve = (plan(rate=0.05, effect=0.01, arms=k).table["n_arm"].item() for k in (2, 12))
    assert twelve > 1.5 * two


def test_clusters_take_more_and_their_correlation_is_estimated():
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(4000), rng.integers(1, 7, 4000))
    y = rng.normal(0, np.sqrt(0.1), 4000)[cluster] + rng.normal(0, np.sqrt(0.9), cluster.size)
    data = pl.DataFrame({"y": y + 5, "cluster": cluster})
    found = plan(data, "y", n=2000, cluster="cluster")
    assert found.past.icc == pytest.approx(0.1, abs=0.02)
    assert found.table["effect"].item() > plan(data, "y", n=2000).table["effect"].item() * 1.1
    assert "correlation 0.1" in found.summary()


def test_dollars_are_checked_on_made_up_experiments():
    rng = np.random.default_rng(0)
    gift = np.where(rng.random(20_000) < 0.02, np.round(np.exp(3 + rng.normal(size=20_000)), 0), 0.0)
    found = plan(pl.DataFrame({"gift": gift}), "gift", relative_effect=0.4)
    row = found.table.row(0, named=True)
    assert row["power"] == pytest.approx(0.8, abs=1e-3)
    assert row["power_checked"] == pytest.approx(0.8, abs=0.07)
    assert found.chart().to_dict()["description"] == found.summary()


def test_plan_errors_are_clear():
    with pytest.raises(BadValue, match="Give n, or effect"):
        plan(rate=0.1)
    with pytest.raises(BadValue, match="Give data and outcome, or a rate"):
        plan(n=100)
    with pytest.raises(BadValue, match="out of 0 to 1"):
        plan(rate=0.1, effect=-0.2)
    with pytest.raises(NotEnoughData, match="same for everybody"):
        plan(pl.DataFrame({"y": [0, 0, 0]}), "y", n=100)


# --- test and roll --------------------------------------------------------------------------------------


def test_feit_and_bermans_website_example():
    """Their section 3.2: mean .68, sd of arms .03, 100,000 visitors; 2,284 an arm."""
    found = experiments.test_and_roll(100_000, mean=0.68, prior_sd=0.03)
    assert found.table["n_arm"][0] == 2284


@pytest.mark.parametrize("arms", [2, 5, 18])
def test_the_size_is_the_best_there_is(arms):
    table = experiments.test_and_roll(1_000_000, mean=0.006, prior_sd=0.002, arms=arms).table
    assert table["gain"][0] == table["gain"].max()


def test_the_expected_gain_is_what_simulation_gives():
    population, n, mean, sd, prior = 50_000, 1800, 0.5, 0.5, 0.02
    rng = np.random.default_rng(0)
    truth = rng.normal(mean, prior, (200_000, 2))
    seen = truth + rng.normal(0, sd / np.sqrt(n), truth.shape)
    sent = np.take_along_axis(truth, seen.argmax(axis=1)[:, None], 1)[:, 0]
    total = (n * truth.sum(axis=1) + (population - 2 * n) * sent).mean()
    from campaignkit.stats.intervals.power import roll_value

    assert roll_value(n, population, mean, sd, prior) == pytest.approx(total, rel=1e-3)


def test_what_it_says():
    found = experiments.test_and_roll(100_000, mean=0.68, prior_sd=0.03)
    assert found.summary().startswith("Test 2,284 an arm (4,568 of 100,000)")
    assert found.chart().to_dict()["description"] == found.summary()
    with pytest.raises(BadValue, match="prior_sd"):
        experiments.test_and_roll(1000, mean=0.1, prior_sd=0.0)
