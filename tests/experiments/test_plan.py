"""plan: tea-tasting's sizes, and money checked on experiments simulated from past gifts."""

import numpy as np
import polars as pl
import pytest
import tea_tasting as tt

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments import plan


def past(n=5000):
    rng = np.random.default_rng(0)
    pre = rng.gamma(2.0, 3.0, n)
    return pl.DataFrame({"pre": pre, "spent": pre + rng.gamma(2.0, 1.0, n), "household": np.arange(n) // 2})


@pytest.mark.parametrize("pre", [None, "pre"])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_plans_equal_tea_tasting(pre, ratio):
    data = past()
    theirs = tt.Mean("spent", pre, n_obs=(3000, 9000), ratio=ratio).solve_power(data, "effect_size")
    ours = plan(data, "spent", n=[3000, 9000], ratio=ratio, covariate=pre).table
    assert ours["effect"].to_list() == pytest.approx([x.effect_size for x in theirs], rel=1e-9)
    if ratio == 1:  # tea-tasting's search begins at 3 people and fails where one arm gets 1
        theirs = tt.Mean("spent", pre, rel_effect_size=(0.02, 0.1)).solve_power(data, "n_obs")
        ours = plan(data, "spent", relative_effect=[0.02, 0.1], covariate=pre).table
        assert ours["n"].to_list() == [x.n_obs for x in theirs]
    theirs = tt.Mean("spent", pre, rel_effect_size=0.02, n_obs=3000, ratio=ratio).solve_power(data, "power")
    ours = plan(data, "spent", relative_effect=0.02, n=3000, ratio=ratio, covariate=pre).table
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
