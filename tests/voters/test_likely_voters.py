"""likely_voters: each poll judged by the others, and what is refused."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from campaignkit import voters
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from campaignkit.voters import likely_voters as function


def asked(n: int = 3_000, seed: int = 0) -> pl.DataFrame:
    """Interviews of four polls whose votes follow a known logit."""
    rng = np.random.default_rng(seed)
    score = rng.beta(3, 1.2, n)
    firm = rng.random(n) < 0.5 + 0.3 * score
    low = ~firm & (rng.random(n) < 0.3)
    p = expit(0.4 + 0.8 * logit(np.clip(score, 0.001, 0.999)) + 0.9 * firm - 1.2 * low)
    return pl.DataFrame({
        "poll": rng.choice(list("abcd"), n), "score": score, "firm": firm, "low": low, "voted": rng.random(n) < p,
    })  # fmt: skip


ROLES = {"score": "score", "firm": "firm", "low": "low", "poll": "poll"}


def test_the_coefficients_come_back():
    found = voters.likely_voters(asked(40_000), "voted", **ROLES)
    z = (found.coefficients["estimate"] - pl.Series([0.4, 0.8, 0.9, -1.2])) / found.coefficients["std_error"]
    assert z.abs().max() < 3
    table = {row["way"]: row for row in found.table.iter_rows(named=True)}
    assert table["score and self-report"]["auc"] > table["score as it is"]["auc"]
    assert table["score and self-report"]["brier"] < table["score alone, refitted"]["brier"]


def test_a_poll_is_judged_by_the_others_alone():
    table = asked()
    other = table.with_columns(voted=pl.when(pl.col("poll") == "a").then(~pl.col("voted")).otherwise("voted"))
    first, second = (voters.likely_voters(rows, "voted", **ROLES).polls for rows in (table, other))
    assert first.filter(poll="a")["predicted_rate"].item() == pytest.approx(
        second.filter(poll="a")["predicted_rate"].item()
    )
    assert first.filter(poll="b")["predicted_rate"].item() != pytest.approx(
        second.filter(poll="b")["predicted_rate"].item()
    )


def test_unknown_votes_are_counted_and_nulls_say_neither():
    table = asked().with_columns(
        voted=pl.when(pl.int_range(pl.len()) < 100).then(None).otherwise("voted"),
        low=pl.when(pl.col("low")).then(True),
    )
    found = voters.likely_voters(table, "voted", **ROLES)
    assert found.set_aside == 100
    assert "100 interviews without a known vote" in found.summary()
    assert found.predict(table).len() == table.height
    assert found.chart().to_dict()["description"] == found.summary()


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"score": pl.lit(None, pl.Float64)}, BadValue, "null"),
        ({"score": pl.lit(87.0)}, BadValue, "probabilities"),
        ({"low": pl.lit(True)}, BadValue, "nobody is firm and low"),
        ({"poll": pl.lit("one")}, NotEnoughData, "one poll only"),
        ({"voted": pl.lit(True)}, NotEnoughData, "did not"),
        ({"firm": pl.lit("yes")}, BadValue, "true/false"),
    ],
)
def test_bad_tables_are_refused(change, error, says):
    with pytest.raises(error, match=says):
        voters.likely_voters(asked().with_columns(**change), "voted", **ROLES)


def test_a_missing_column_is_named():
    with pytest.raises(ColumnNotFound, match="did you mean 'score'"):
        voters.likely_voters(asked(), "voted", **ROLES | {"score": "scor"})


def test_fitting_a_poll_on_itself_would_be_found(monkeypatch):
    """Mutation: judged on those it was fitted on, the first test of a poll's own votes fails."""
    module = __import__("sys").modules[function.__module__]
    monkeypatch.setattr(module, "_left_out", lambda x, y, at: expit(x @ module._fit(x, y)))
    with pytest.raises(AssertionError):
        test_a_poll_is_judged_by_the_others_alone()
