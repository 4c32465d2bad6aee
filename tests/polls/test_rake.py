"""Raking: margins hold, design weights count, errors and weights are R's, and what does not fit is refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from campaignkit import polls
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from tests.polls.samples import LEVELS, draw
from tests.reference.rake import N

REFERENCE = Path(__file__).parents[1] / "reference"


def raked(n=N, **more):
    table, targets = draw(n)
    return polls.rake(table, targets, weight="design", unit="unit", **more)


def test_margins_hold_at_thirty_thousand():
    found = raked(30_000)
    assert found.table.height == sum(LEVELS.values())
    assert (found.table["after_share"] - found.table["wanted_share"]).abs().max() < 1e-9
    assert found.weights["weight"].mean() == pytest.approx(1)


def test_weights_are_those_of_r():
    theirs = pl.read_csv(REFERENCE / "rake_weights.csv")
    both = raked().weights.join(theirs, on="unit", suffix="_r")
    assert both.height == theirs.height
    assert (both["weight"] / both["weight_r"] - 1).abs().max() < 1e-5
    assert (both["weight"] / both["calibrated"] - 1).abs().max() < 1e-5


def reference_means():
    return pl.read_csv(REFERENCE / "rake_means.csv")


def test_errors_are_those_of_r():
    found = raked()
    theirs = reference_means()
    for outcome in ("ours", "age_years"):
        mine = found.estimate(outcome).row(0, named=True)
        everyone = (pl.col("outcome") == outcome) & (pl.col("sex").fill_null("") == "")
        row = theirs.filter(everyone).row(0, named=True)
        assert mine["estimate"] == pytest.approx(row["estimate"], rel=1e-6)
        assert mine["std_error"] == pytest.approx(row["std_error"], rel=1e-5)


def test_errors_of_groups_are_those_of_r():
    both = raked().estimate("ours", ["sex", "age"]).join(reference_means(), on=["sex", "age"], suffix="_r")
    assert both.height == 12
    assert (both["std_error"] / both["std_error_r"] - 1).abs().max() < 1e-5


def test_weights_taken_as_fixed_would_be_wrong():
    fixed = reference_means().filter(pl.col("outcome").str.ends_with("fixed"))["std_error"].item()
    assert abs(raked().estimate("ours")["std_error"].item() / fixed - 1) > 0.02


def test_design_weights_count():
    table, targets = draw(N)
    without = polls.rake(table, targets, unit="unit")
    both = raked().weights.join(without.weights, on="unit", suffix="_none")
    assert (both["weight"] / both["weight_none"]).log().std() > 0.3


def test_bounds_hold_and_say_what_they_cost():
    free, held = raked(), raked(bounds=(0.5, 2.0))
    assert held.weights["weight"].min() >= 0.5 - 1e-9
    assert held.weights["weight"].max() <= 2.0 + 1e-9
    at_bound = held.weights["weight"].is_between(0.5 + 1e-6, 2.0 - 1e-6).not_().sum()
    assert held.trimmed == at_bound > 0
    assert held.design_effect < free.design_effect
    bias = held.estimate("ours")["estimate"] - free.estimate("ours")["estimate"]
    assert held.estimate("ours")["trimming_bias"].item() == pytest.approx(bias.item(), abs=1e-12)
    assert "at a bound" in held.summary()
    assert "trimming_bias" not in free.estimate("ours").columns


def test_bounds_in_the_way_of_margins_say_by_how_much():
    held = raked(bounds=(0.9, 1.1))
    gap = (held.table["after_share"] - held.table["wanted_share"]).abs().max()
    assert held.largest_gap == pytest.approx(gap)
    assert gap > 0.001
    assert "misses by up to" in held.summary()


def test_the_margins_of_a_frame():
    table, _ = draw(N)
    counts = table.group_by("sex", "age", "race").agg(people=pl.col("design").sum())
    found = polls.rake(table, counts, by=["sex", ("age", "race")], frame_weight="people")
    wanted = table.group_by("sex").agg(pl.col("design").sum()).sort("sex")["design"] / table["design"].sum()
    assert found.table.filter(margin="sex")["after_share"].to_list() == pytest.approx(wanted.to_list())
    assert found.table.filter(pl.col("margin") == "age × race").height == 24


def test_the_voter_files_own_margins():
    import campaignkit as ck

    voters = ck.sample.megafile().universe("voter")
    facts = {"sex": "sex", "region": "region", "gifts": "gifts('90d')"}
    people = pl.DataFrame(pl.from_arrow(voters.features(facts).to_arrow_table()))
    found = polls.rake(people.filter(pl.int_range(pl.len()) % 7 < 3), voters, by=["sex", "region"], unit="person_id")
    wanted = people.group_by("sex").len().sort("sex", nulls_last=True)["len"] / people.height
    assert found.table.filter(margin="sex")["after_share"].to_list() == pytest.approx(wanted.to_list())
    assert found.weights.columns == ["person_id", "weight"]
    givers = polls.rake(people, voters, by=["sex"], frame_weight="gifts('90d')", unit="person_id")
    by_gifts = people.group_by("sex").agg(pl.col("gifts").sum()).sort("sex", nulls_last=True)["gifts"]
    assert givers.table["after_share"].to_list() == pytest.approx((by_gifts / by_gifts.sum()).to_list())


def test_joint_margins_and_unknowns_by_mapping():
    table = pl.DataFrame({"sex": ["F", "F", "M", None], "age": [1, 2, 1, 2]})
    found = polls.rake(table, {("sex", "age"): {("F", 1): 3, ("F", 2): 1, ("M", 1): 4, (None, 2): 2}})
    assert found.weights["weight"].to_list() == pytest.approx([1.2, 0.4, 1.6, 0.8])
    assert found.weights.columns == ["row", "weight"]
    assert found.table["level"].to_list() == ["F × 1", "F × 2", "M × 1", "unknown × 2"]


def test_answers_that_are_missing_are_left_out():
    table = pl.DataFrame({"sex": ["F", "F", "M", "M"], "ours": [1, None, 0, 1], "region": ["W", "W", None, None]})
    found = polls.rake(table, {"sex": {"F": 1, "M": 1}}).estimate("ours", "region")
    assert found.select("region", "n", "estimate").rows() == [("W", 1, 1.0), (None, 2, 0.5)]


def test_a_lazy_table_is_joined_by_its_unit():
    table, targets = draw(500)
    small = {"sex": targets["sex"]}
    eager = polls.rake(table, small, unit="unit").estimate("ours", "age")
    shuffled = table.lazy().sort("design")
    lazy = polls.rake(shuffled, small, unit="unit").estimate("ours", "age")
    assert lazy["std_error"].to_list() == pytest.approx(eager["std_error"].to_list())


def test_it_is_drawn_and_said():
    found = raked()
    assert found.chart().to_dict()["description"] == found.summary()
    assert "design effect" in found.summary()


TARGETS = {"sex": {"F": 50, "M": 50}}
SMALL = pl.DataFrame({"id": [1, 2, 3], "sex": ["F", "M", "M"], "w": [1.0, 2.0, 1.0], "age": [1, 1, 2]})


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"targets": {"sex": {"F": 50, "M": 30, "X": 20}}}, BadValue, "'X', 20.00% of the population"),
        ({"targets": {"sex": {"M": 50}}}, BadValue, "sample has 'F' in 1 rows"),
        ({"targets": {"sex": {"F": 50, "m": 50}}}, BadValue, "'M'"),
        ({"targets": {"sexx": {"F": 50}}}, ColumnNotFound, "did you mean 'sex'"),
        ({"targets": {"sex": {"F": 50, "M": -1}}}, BadValue, "0 or more"),
        ({"targets": {"sex": {"F": "many", "M": 1}}}, BadValue, "0 or more"),
        ({"targets": {"sex": {"F": 0, "M": 0}}}, BadValue, "0 of every level"),
        ({"targets": {"sex": 3}}, BadValue, "a mapping from each level"),
        ({"targets": {("sex", "age"): {"F": 3}}}, BadValue, "one of 2 values"),
        ({"targets": {}}, BadValue, "names no margin"),
        ({"targets": {**TARGETS, "age": {1: 0.5, 2: 0.5}}}, BadValue, "totals differ"),
        ({"targets": SMALL}, BadValue, "name the margins"),
        ({"by": ["sex"]}, BadValue, "of a frame"),
        ({"weight": "wt"}, ColumnNotFound, "wt"),
        ({"weight": "sex"}, BadValue, "one part"),
        ({"bounds": (2, 3)}, BadValue, "bounds"),
        ({"bounds": 3}, BadValue, "two numbers"),
        ({"unit": "sex"}, BadValue, "there twice"),
        ({"unit": "age"}, BadValue, "there twice"),
        ({"sample": SMALL.lazy()}, BadValue, "no lasting position"),
        ({"sample": SMALL.head(0)}, NotEnoughData, "no rows"),
    ],
)
def test_bad_input_is_refused(changed, error, says):
    with pytest.raises(error, match=says):
        polls.rake(**{"sample": SMALL, "targets": TARGETS, **changed})


def test_margins_that_no_weights_have_are_refused():
    table = pl.DataFrame({"a": ["x", "y"], "b": ["x", "y"]})
    with pytest.raises(BadValue, match="No weights have these margins"):
        polls.rake(table, {"a": {"x": 1, "y": 1}, "b": {"x": 0.5, "y": 1.5}})


def test_an_outcome_without_numbers_or_answers_is_refused():
    found = polls.rake(SMALL.with_columns(none=pl.lit(None, pl.Int64)), TARGETS)
    with pytest.raises(BadValue, match="numbers"):
        found.estimate("sex")
    with pytest.raises(NotEnoughData, match="null for every respondent"):
        found.estimate("none")
    assert np.isfinite(found.estimate("w")["std_error"].item())
