"""score_guesses: who beats chance."""

import numpy as np
import polars as pl
import pytest

from campaignkit.errors import BadValue
from campaignkit.experiments import score_guesses

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
