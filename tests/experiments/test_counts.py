"""A table of counts gives the answer that the people it counts give."""

import numpy as np
import polars as pl
import pytest

import campaignkit as ck
from campaignkit.errors import BadValue, NotEnoughData

SENT = pl.DataFrame({"variant": ["a", "a", "b", "b", "c"], "sex": ["F", "M", "F", "M", "F"],
                     "sent": [900, 1100, 1000, 990, 2000], "gifts": [9, 14, 22, 19, 25]})  # fmt: skip


def people(counts: pl.DataFrame) -> pl.DataFrame:
    parts = [
        pl.DataFrame({"variant": v, "sex": s, "gifts": np.repeat([1, 0], [yes, n - yes])})
        for v, s, n, yes in counts.rows()
    ]
    return pl.concat(parts)


def test_counts_of_yes_are_the_people_they_count():
    kwargs = {"trials": "sent", "successes": "gifts"}
    one_each = people(SENT)
    counted = ck.experiments.analyze(SENT, arm="variant", control="a", **kwargs)
    assert counted.table.equals(ck.experiments.analyze(one_each, "variant", "gifts", control="a").table)
    assert counted.table["n"].to_list() == [2000, 1990, 2000]
    strata = ck.experiments.analyze(SENT.head(4), arm="variant", control="a", strata="sex", **kwargs)
    expanded = people(SENT.head(4))
    assert strata.table.equals(ck.experiments.analyze(expanded, "variant", "gifts", control="a", strata="sex").table)
    assert ck.experiments.winners(SENT, "variant", **kwargs).table.equals(
        ck.experiments.winners(one_each, "variant", "gifts").table
    )
    by = ck.experiments.effects_by(SENT.head(4), "variant", by="sex", control="a", **kwargs)
    assert by.table.equals(ck.experiments.effects_by(expanded, "variant", "gifts", "sex", control="a").table)
    factors = ck.experiments.factorial(SENT.head(4), ["variant", "sex"], **kwargs)
    assert factors.table.equals(ck.experiments.factorial(expanded, ["variant", "sex"], "gifts").table)


def test_sums_of_dollars_are_the_dollars_they_sum():
    rng = np.random.default_rng(1)
    gifts = pl.DataFrame({"variant": rng.choice(["a", "b"], 4_000), "dollars": rng.gamma(0.1, 300, 4_000)})
    sums = gifts.group_by("variant").agg(
        n=pl.len(), dollars=pl.col("dollars").sum(), squares=(pl.col("dollars") ** 2).sum()
    )
    counted = ck.experiments.analyze(
        sums, "variant", control="a", trials="n", total="dollars", total_of_squares="squares"
    )
    one_each = ck.experiments.analyze(gifts, "variant", "dollars", control="a", kind="mean")
    for name in ("estimate", "std_error", "lower", "upper", "p_value"):
        assert counted.table[name][1] == pytest.approx(one_each.table[name][1], rel=1e-9)


@pytest.mark.parametrize(
    ("changed", "arguments", "message"),
    [
        ({}, {"trials": "sent"}, "Say what is compared"),
        ({}, {"successes": "gifts"}, "Say what is compared"),
        ({}, {"trials": "sent", "total": "gifts"}, "Say what is compared"),
        ({}, {"trials": "sent", "successes": "gifts", "total": "gifts"}, "Say what is compared"),
        ({}, {"outcome": "gifts", "trials": "sent"}, "pass one"),
        ({}, {"trials": "sent", "successes": "gifts", "cluster": "sex"}, "one row per person"),
        ({"gifts": [9, 14, 22, 991, 25]}, {"trials": "sent", "successes": "gifts"}, "gifts is more than sent for variant 'b'"),
        ({"sent": [900, None, 1000, 990, 2000]}, {"trials": "sent", "successes": "gifts"}, "whole numbers"),
        ({"gifts": [9.5, 14, 22, 19, 25]}, {"trials": "sent", "successes": "gifts"}, "holds 9.5"),
        ({"sent": [-1, 1100, 1000, 990, 2000]}, {"trials": "sent", "successes": "gifts"}, "holds -1"),
        ({}, {"trials": "gifts", "total": "sent", "total_of_squares": "gifts"}, "given twice"),
        ({"squares": [1, 1, 1, 1, 1]}, {"trials": "gifts", "total": "sent", "total_of_squares": "squares"},
         "less than sent squared"),
    ],
)  # fmt: skip
def test_counts_that_cannot_be_are_refused(changed, arguments, message):
    with pytest.raises(BadValue, match=message):
        ck.experiments.analyze(SENT.with_columns(**{k: pl.Series(v) for k, v in changed.items()}), "variant",
                               control="a", **arguments)  # fmt: skip


def test_an_arm_that_was_sent_to_nobody_has_too_few():
    with pytest.raises((NotEnoughData, BadValue)):
        ck.experiments.analyze(
            SENT.with_columns(sent=0, gifts=0), "variant", control="a", trials="sent", successes="gifts"
        )


def test_counts_passed_as_weights_are_told_their_place():
    with pytest.raises(BadValue, match=r"trials='sent'"):
        ck.experiments.analyze(
            SENT.with_columns(gave=pl.col("gifts") > 20), "variant", "gave", control="a", weight="sent"
        )
