"""effects_by: no difference between groups is said where none is shown; score_guesses: who beats chance."""

import numpy as np
import polars as pl
import pytest

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments import analyze, effects_by, score_guesses


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
        for column in ("n", "level", "estimate", "se", "lower", "upper", "p_value"):
            assert mine[column].item() == pytest.approx(alone[column].item(), rel=1e-9), column


def test_clusters_within_groups_are_as_alone():
    table = called((0.05, 0.0, 0.02))
    found = effects_by(table, "arm", "voted", "age", cluster="household").table
    alone = analyze(table.filter(age="old"), "arm", "voted", cluster="household").table.filter(arm="call")
    assert found.filter(age="old")["se"].item() == pytest.approx(alone["se"].item(), rel=1e-9)


def test_no_difference_is_said_however_the_bars_look():
    found = effects_by(called((0.03, 0.03, 0.03)), "arm", "voted", "age")
    assert found.differs["p_value"].item() > 0.05
    assert "no difference between the 3 groups is shown" in found.summary()
    spread = found.table["estimate"].max() - found.table["estimate"].min()
    assert found.table["shrunk"].max() - found.table["shrunk"].min() < 0.6 * spread


def test_a_planted_difference_is_found():
    found = effects_by(called((0.12, 0.0, 0.0), n=4000), "arm", "voted", "age")
    assert found.differs["p_adjusted"].item() < 0.05
    assert "most in young" in found.summary()
    young = found.table.filter(age="young")
    assert young["p_adjusted"].item() < 0.05
    assert young["shrunk"].item() < young["estimate"].item()


def test_multiplicity_is_controlled_over_groups_and_arms():
    found = effects_by(called(), "arm", "voted", "age", correction="holm").table
    assert (found["p_adjusted"] >= found["p_value"]).all()
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


# --- the office pool ------------------------------------------------------------------------------------

ARMS = [f"e{i:02}" for i in range(18)]


def pool(seed=0):
    rng = np.random.default_rng(seed)
    true = np.exp(rng.normal(0, 0.6, 18))
    results = pl.DataFrame({"arm": ARMS, "n": [5000] * 18, "level": 0.01 * true})
    skills = {"seer": 0.95, "guess_1": 0.0, "guess_2": 0.0, "guess_3": 0.0}
    said = {who: np.exp(s * np.log(true) + (1 - s) * rng.normal(0, 0.6, 18)) for who, s in skills.items()}
    frames = [pl.DataFrame({"staff_id": who, "arm": ARMS, "guess": guess}) for who, guess in said.items()]
    return pl.concat(frames), results


def test_who_knows_beats_chance_and_others_do_not():
    found = score_guesses(*pool())
    assert found.table.filter("beats_chance")["staff_id"].to_list() == ["seer"]
    assert found.table["log_score"][0] > 0
    assert "1 of 4 beat chance: seer" in found.summary()
    assert found.chart().to_dict()["description"] == found.summary()


def test_correlation_is_spearmans_and_p_near_scipys():
    from scipy.stats import spearmanr

    guesses, results = pool(3)
    mine = score_guesses(guesses, results).table.filter(staff_id="guess_1").row(0, named=True)
    theirs = spearmanr(guesses.filter(staff_id="guess_1")["guess"], results["level"], alternative="greater")
    assert mine["rank_correlation"] == pytest.approx(theirs.statistic)
    assert mine["p_value"] == pytest.approx(theirs.pvalue, abs=0.02)


def test_the_truth_has_the_entropy_it_should():
    """Guessing the very levels gives Kullback and Leibler's divergence, hedged by 1%."""
    _, results = pool()
    guesses = results.select(staff_id=pl.lit("oracle"), arm="arm", guess="level")
    k = results["level"].to_numpy()
    q, p = k / k.sum(), np.full(18, 1 / 18)
    expected = (q * np.log2((0.99 * q + 0.01 * p) / p)).sum()
    assert score_guesses(guesses, results).table["log_score"].item() == pytest.approx(expected)


def test_unit_of_the_guess_does_not_matter():
    guesses, results = pool()
    thousand = guesses.with_columns(pl.col("guess") * 1000)
    a, b = (score_guesses(x, results).table for x in (guesses, thousand))
    assert a.drop("log_score").equals(b.drop("log_score"))
    assert a["log_score"].to_list() == pytest.approx(b["log_score"].to_list())


def test_guess_errors_are_clear():
    guesses, results = pool()
    with pytest.raises(BadValue, match="guesses an arm twice"):
        score_guesses(pl.concat([guesses, guesses]), results)
    with pytest.raises(BadValue, match="do their names agree"):
        score_guesses(guesses.with_columns(arm=pl.lit("x") + pl.col("staff_id") + pl.col("arm")), results)
    with pytest.raises(BadValue, match="null or negative"):
        score_guesses(guesses.with_columns(-pl.col("guess")), results)
