"""factorial: contrasts of cell means, tested as a linear model tests them."""

import numpy as np
import polars as pl
import pytest

from campaignkit.errors import NotEnoughData
from campaignkit.experiments import factorial


def crossed(effect=0.0, both=0.0, n=40_000, seed=0):
    rng = np.random.default_rng(seed)
    subject, sender = rng.choice(["x", "y"], n), rng.choice(["p", "q", "r"], n)
    rate = 0.1 + effect * (subject == "x") + both * ((subject == "x") & (sender == "p"))
    return pl.DataFrame({"subject": subject, "sender": sender, "gave": rng.random(n) < rate})


def test_main_effects_are_contrasts_of_cell_means():
    table = crossed(0.03)
    found = factorial(table, ["subject", "sender"], "gave")
    cells = table.group_by("subject", "sender").agg(pl.col("gave").mean())
    by_hand = cells.filter(subject="x")["gave"].mean() - cells["gave"].mean()
    assert found.table.filter(term="subject", level="x")["estimate"].item() == pytest.approx(by_hand)
    assert found.table.filter(term="subject")["estimate"].sum() == pytest.approx(0, abs=1e-12)


def test_terms_are_those_of_a_linear_model():
    """Wald tests of a saturated weighted model, by statsmodels."""
    import statsmodels.formula.api as smf

    table = crossed(0.02, 0.03)
    fit = smf.ols("gave ~ C(subject, Sum) * C(sender, Sum)", table.cast({"gave": pl.Float64}).to_pandas()).fit(
        cov_type="HC1"
    )
    theirs = fit.wald_test_terms(scalar=True).table["pvalue"].iloc[1:].to_numpy()
    ours = factorial(table, ["subject", "sender"], "gave").terms["p_value"].to_numpy()
    assert np.log(ours) == pytest.approx(np.log(theirs.astype(float)), rel=0.01)


def test_interactions_are_found_and_said():
    found = factorial(crossed(0.0, 0.05), ["subject", "sender"], "gave")
    assert "subject × sender" in found.summary()
    none = factorial(crossed(), ["subject", "sender"], "gave")
    assert (
        none.summary()
        == "For the share who gave: no clear effect of subject; no clear effect of sender. No interaction is clear."
    )
    assert none.chart().to_dict()["description"] == none.summary()


def test_a_combination_with_nobody_is_an_error():
    table = crossed().filter(~((pl.col("subject") == "x") & (pl.col("sender") == "p")))
    with pytest.raises(NotEnoughData, match="1 combinations of subject, sender have nobody"):
        factorial(table, ["subject", "sender"], "gave")
