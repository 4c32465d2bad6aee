"""effects_by: no difference between groups is said where none is shown."""

import numpy as np
import polars as pl
import pytest

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments import analyze, effects_by
from campaignkit.stats.intervals.multiplicity import holm


def called(effects=(0.0, 0.0, 0.0), n=2000, base=0.4, seed=0):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(effects)), 2 * n)
    treated = rng.random(group.size) < 0.5
    voted = rng.random(group.size) < base + np.array(effects)[group] * treated
    names = np.array(["young", "middle", "old", "oldest"])[group]
    table = {"age": names, "arm": np.where(treated, "call", "control"), "voted": voted}
    return pl.DataFrame(table | {"household": np.arange(group.size) // 2})


def test_each_group_is_as_alone():
    table = called((0.05, 0.0, 0.02))
    found = effects_by(table, "arm", "voted", "age", correction="none").table
    for name in ("young", "middle", "old"):
        alone = analyze(table.filter(age=name), "arm", "voted").table.filter(arm="call")
        mine = found.filter(age=name)
        for column in ("n", "level", "estimate", "std_error", "lower", "upper", "p_value"):
            assert mine[column].item() == pytest.approx(alone[column].item(), rel=1e-9), column


def test_clusters_within_groups_are_as_alone():
    table = called((0.05, 0.0, 0.02))
    found = effects_by(table, "arm", "voted", "age", cluster="household").table
    alone = analyze(table.filter(age="old"), "arm", "voted", cluster="household").table.filter(arm="call")
    assert found.filter(age="old")["std_error"].item() == pytest.approx(alone["std_error"].item(), rel=1e-9)


def test_no_difference_is_said_however_the_bars_look():
    found = effects_by(called((0.03, 0.03, 0.03)), "arm", "voted", "age")
    assert found.differs["p_value"].item() > 0.05
    assert "the 3 groups differ no more than chance" in found.summary()
    spread = found.table["estimate"].max() - found.table["estimate"].min()
    assert found.table["shrunk"].max() - found.table["shrunk"].min() < 0.6 * spread


def test_a_planted_difference_is_found():
    found = effects_by(called((0.12, 0.0, 0.0), n=4000), "arm", "voted", "age")
    assert found.differs["p_adjusted"].item() < 0.05
    assert "largest in young" in found.summary()
    young = found.table.filter(age="young")
    assert young["p_adjusted"].item() < 0.05
    assert young["shrunk"].item() < young["estimate"].item()


def test_multiplicity_is_controlled_over_groups_and_arms():
    found = effects_by(called(), "arm", "voted", "age", correction="holm").table
    assert found["p_adjusted"].to_list() == pytest.approx(holm(found["p_value"].to_list()).tolist())
    assert found["correction"].unique().to_list() == ["holm"]


def test_null_is_a_group_and_a_thin_group_is_null_not_wrong():
    table = called().with_columns(age=pl.when(pl.col("age") != "old").then("age"))
    extra = pl.DataFrame({"age": ["tiny"], "arm": ["call"], "voted": [True], "household": [10**6]})
    found = effects_by(pl.concat([table, extra]), "arm", "voted", "age").table
    assert found["age"].to_list() == ["middle", "tiny", "young", None]
    assert found.filter(age="tiny")["estimate"].item() is None
    assert found.filter(age="tiny")["p_adjusted"].item() is None


def test_errors_are_clear():
    with pytest.raises(BadValue, match="by is empty"):
        effects_by(called(), "arm", "voted", [])
    with pytest.raises(NotEnoughData, match="two were expected"):
        effects_by(called((0.0,)), "arm", "voted", "age")


def test_chart_and_page():
    found = effects_by(called(), "arm", "voted", ["age"])
    assert found.chart().to_dict()["description"] == found.summary()
    assert "<table" in found._repr_html_()


# --- small, empty and clustered groups --------------------------------------------------------------------


def test_groups_without_events_do_not_differ():
    """Nothing planted, 20,000 people, 60 groups, 0.5% yes: groups without any event were taken to be sure of 0."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        arm = np.where(rng.random(20_000) < 0.5, "call", "control")
        table = pl.DataFrame({"arm": arm, "y": rng.random(20_000) < 0.005, "group": rng.integers(0, 60, 20_000)})
        found = effects_by(table, "arm", "y", "group")
        assert found.differs["p_value"].item() > 0.05
        assert "nan" not in found.summary()
        assert "thin_groups" in found.warnings
        assert found.table["std_error"].min() > 0


@pytest.mark.slow
def test_twenty_groups_of_eight_rarely_differ():
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        arm = np.tile(["call"] * 4 + ["control"] * 4, 20)
        table = pl.DataFrame({"arm": arm, "y": rng.normal(size=160), "group": np.repeat(np.arange(20), 8)})
        wrong += effects_by(table, "arm", "y", "group").differs["p_value"].item() < 0.05
    assert wrong <= 8  # Cochran's Q: about 17


def test_the_overall_effect_is_analyzes():
    table = called((0.12, 0.0, 0.0), n=500)
    overall = effects_by(table, "arm", "voted", "age").differs["overall"].item()
    assert overall == pytest.approx(
        analyze(table, "arm", "voted").table.filter(arm="call")["estimate"].item(), rel=1e-12
    )
