"""MRP: the drawn truth is covered, clusters cost, areas borrow, and what does not fit is refused."""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from campaignkit import polls
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from campaignkit.polls.model import cell_model
from campaignkit.stats.regression import mixed_logit
from campaignkit.stats.regression.terms import Term, Terms
from tests.polls.worlds import World, draw
from tests.reference.mrp import SEED

REFERENCE = Path(__file__).parents[1] / "reference"
BY = ["race", "age", "education", "sex"]


def fit(world: World, **options):
    return polls.mrp(
        world.responses, "ours", BY, world.frame.drop("chance"), area="state", frame_weight="people",
        confidence_level=0.9, **options,
    )  # fmt: skip


@cache
def drawn(seed: int = SEED, **options) -> World:
    return draw(seed, **options)


@cache
def found() -> polls.Mrp:
    return fit(drawn())


@cache
def shrunk() -> polls.Mrp:
    return fit(drawn(), area_features=drawn().features, survey_error=0.02)


def beside(result: polls.Mrp, world: World, attribute: str) -> pl.DataFrame:
    truth = world.truth(attribute).with_columns(pl.col("level").cast(pl.String))
    return result.table.filter(attribute=attribute).join(truth, on="level")


def covered(result: polls.Mrp, world: World) -> float:
    table = beside(result, world, "state")
    return table["truth"].is_between(table["lower"], table["upper"]).mean()


def test_states_are_those_of_lme4():
    theirs = pl.read_csv(REFERENCE / "mrp_states.csv").with_columns(level=pl.col("state").cast(pl.String))
    both = found().table.filter(attribute="state").join(theirs, on="level", suffix="_r")
    assert both.height == 50
    assert ((both["estimate"] - both["estimate_r"]) ** 2).mean() ** 0.5 < 0.005
    assert 0.93 < (both["std_error"] / both["std_error_r"]).mean() < 1.07


def test_the_truth_is_covered_and_nearer_than_the_interviews_own_shares():
    table = beside(found(), drawn(), "state").filter(pl.col("n") > 0)
    assert covered(found(), drawn()) > 0.8
    rmse = {name: ((table[name] - table["truth"]) ** 2).mean() ** 0.5 for name in ("estimate", "direct_share")}
    assert rmse["estimate"] < 0.8 * rmse["direct_share"]
    everyone = found().table.filter(attribute="everyone").row(0, named=True)
    truth = (drawn().frame["chance"] * drawn().frame["people"]).sum() / drawn().frame["people"].sum()
    assert abs(everyone["estimate"] - truth) < 3 * everyone["std_error"]


def test_few_levels_keep_their_spread():
    scales = dict(found().scales.select("term", "estimate").iter_rows())
    assert scales["education"] > 0.15
    assert scales["sex"] > 0.05


def test_a_deviation_of_which_nothing_is_known_is_kept_from_zero():
    terms = Terms((Term(np.zeros(4, int), np.ones((1, 1))), Term(np.arange(4), np.eye(4))))
    nothing = mixed_logit.Data(terms, np.zeros(4), np.zeros(4), np.array([-1, 0, 0, 0, 0]), np.full(5, 5.0), np.ones(1))
    assert np.exp(mixed_logit.fit_mode(nothing).log_sd[0]) == pytest.approx(2**0.5, rel=1e-3)


def test_the_settings_of_the_scales_are_worth_many():
    assert found().effective_points > 10


def test_more_settings_of_the_scales_change_little(monkeypatch):
    monkeypatch.setattr(cell_model, "POINTS", 256)
    more = fit(drawn())
    change = (more.table["estimate"] - found().table["estimate"]).abs().max()
    ratio = more.table["std_error"] / found().table["std_error"]
    assert change < 0.01
    assert 0.9 < ratio.mean() < 1.1


def mean_cover(seeds: int, **options) -> float:
    worlds = [draw(seed, clusters=20) for seed in range(seeds)]
    return float(np.mean([covered(fit(world, **options), world) for world in worlds]))


def test_clusters_cost():
    world = drawn(clusters=20)
    known, ignored = fit(world, cluster="precinct"), fit(world)
    assert 1.5 < known.design_effect < 2.6
    assert ignored.design_effect == 1
    errors = [result.table.filter(attribute="everyone")["std_error"].item() for result in (known, ignored)]
    assert errors[0] > 1.2 * errors[1]
    assert "design effect is" in known.summary()


@pytest.mark.slow
def test_clusters_ignored_do_not_cover():
    assert mean_cover(6, cluster="precinct") > mean_cover(6) + 0.05


def test_weights_count():
    heavy = drawn().responses.with_columns(w=pl.when("ours").then(3.0).otherwise(1.0))
    world = World(drawn().frame, heavy, drawn().features)
    weighted = fit(world, weight="w").table
    assert (weighted["estimate"] - found().table["estimate"]).filter(weighted["attribute"] == "everyone").item() > 0.15
    direct = heavy.select((pl.col("ours") * pl.col("w")).sum() / pl.col("w").sum()).item()
    assert weighted.filter(attribute="everyone")["direct_share"].item() == pytest.approx(direct)


@pytest.mark.slow
def test_areas_are_drawn_toward_their_features():
    assert set(shrunk().effects["term"]) >= {"share_before", "region"}
    alone = fit(drawn(), area_features=drawn().features, shrink_areas=False)
    table = beside(shrunk(), drawn(), "state")
    assert covered(shrunk(), drawn()) > 0.8
    assert ((table["estimate"] - table["truth"]) ** 2).mean() ** 0.5 < 0.06
    assert (shrunk().table["estimate"] - alone.table["estimate"]).abs().max() > 0.003


def test_areas_and_everyone_agree():
    table = shrunk().table
    states = table.filter(attribute="state")
    whole = (states["estimate"] * states["voters"]).sum() / states["voters"].sum()
    assert whole == pytest.approx(table.filter(attribute="everyone")["estimate"].item(), abs=1e-4)


@pytest.mark.slow
def test_an_area_without_interviews_is_known_by_its_features():
    absent = drawn().responses.filter(pl.col("state") != 7)
    world = World(drawn().frame, absent, drawn().features)
    for options in ({}, {"area_features": drawn().features}):
        row = fit(world, **options).table.filter(attribute="state", level="7").row(0, named=True)
        assert row["n"] == 0
        assert row["direct_share"] is None
        assert 0.02 < row["std_error"] < 0.2


def test_requested_pairs_are_found():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"a": [f"{x}" for x in "uvwxyz" for _ in range(6)], "b": [f"{x}" for _ in range(6) for x in "uvwxyz"]}
    )
    frame = frame.with_columns(people=100, chance=pl.when(pl.col("a") == pl.col("b")).then(0.8).otherwise(0.4))
    asked = frame[rng.integers(0, 36, 4_000)]
    asked = asked.with_columns(ours=pl.Series(rng.random(4_000)) < pl.col("chance"))
    options = {"frame_weight": "people", "estimate_by": [("a", "b")]}
    pair = polls.mrp(asked, "ours", ["a", "b"], frame, interactions=[("a", "b")], **options)
    plain = polls.mrp(asked, "ours", ["a", "b"], frame, **options)
    rows = {
        name: result.table.filter(level="u × u")["estimate"].item()
        for name, result in (("pair", pair), ("plain", plain))
    }
    assert rows["pair"] > 0.7 > rows["plain"]
    assert pair.scales.filter(term="a × b")["estimate"].item() > 0.4


def test_two_kinds_of_intervals_are_kept_apart():
    result = shrunk()
    width = result.table["upper"] - result.table["lower"]
    election = result.table["election_upper"] - result.table["election_lower"]
    assert (election > width).all()
    everyone = result.table.filter(attribute="everyone").row(0, named=True)
    expected = 2 * 1.645 * np.hypot(0.02, everyone["std_error"])
    assert everyone["election_upper"] - everyone["election_lower"] == pytest.approx(expected, rel=0.1)
    assert found().table["election_lower"].null_count() == found().table.height
    assert "on an election day" in result.summary()


def test_draws_come_as_arrow():
    table = pl.from_arrow(found().draws("race"))
    assert table.columns == ["attribute", "level", "draw", "share"]
    assert table.height == 4 * 1000
    mean = table.group_by("level").agg(pl.col("share").mean()).sort("level")["share"]
    assert mean.to_list() == pytest.approx(found().table.filter(attribute="race").sort("level")["estimate"].to_list())


def test_what_no_interview_reached_is_listed():
    assert found().unreached["voters"].is_sorted(descending=True)
    reached = drawn().frame.join(drawn().responses, on=["state", *BY], how="semi").height
    assert found().unreached.height == 12_000 - reached
    assert "No interview reached" in found().summary()


def test_the_frame_weight_makes_the_electorate():
    old = drawn().frame.with_columns(people=pl.when(pl.col("race") == 0).then(pl.col("people")).otherwise(0.0))
    result = fit(World(old, drawn().responses.filter(pl.col("race") == 0), drawn().features))
    race = result.table.filter(attribute="race")
    assert race["level"].to_list() == ["0"]


def test_the_same_seed_gives_the_same():
    assert fit(drawn()).table.equals(found().table)


def test_unanswered_interviews_are_counted():
    gaps = drawn().responses.with_columns(ours=pl.when(pl.int_range(pl.len()) >= 9).then(pl.col("ours").cast(pl.Int8)))
    result = fit(World(drawn().frame, gaps, drawn().features))
    assert (result.set_aside, result.interviews) == (9, 4_991)
    assert "9 more without an answer" in result.summary()


def test_it_is_drawn():
    assert shrunk().chart().to_dict()["description"] == shrunk().summary()
    assert found().effects.filter(term="race").height == 4


def test_the_gradient_is_exact():
    rng = np.random.default_rng(2)
    world = drawn()
    frame = polls.model.frames.read_frame(world.frame, ["race", "age", "sex"], "people")
    read = polls.model.responses.read_responses(world.responses, "ours", frame, None, None)
    effects = polls.model.effects.effects_of(frame, None, None, [("race", "age")])
    data = polls.model.effects.model_data(effects, read.codes, read.n, read.wy)
    at = np.log(rng.uniform(0.1, 0.5, 4))
    exact = mixed_logit.gradient(data, mixed_logit.laplace_at(data, at))
    step = 1e-4 * np.eye(4)
    by_differences = [
        (mixed_logit.laplace_at(data, at + s).log_density - mixed_logit.laplace_at(data, at - s).log_density) / 2e-4
        for s in step
    ]
    assert exact == pytest.approx(by_differences, abs=1e-5)


SMALL = pl.DataFrame(
    {"sex": ["F", "M"] * 20, "state": ["OH", "OH", "PA", "PA"] * 10, "ours": [1, 0, 1, 1] * 10, "w": 1.0}
)
FRAME = pl.DataFrame({"sex": ["F", "M"] * 2, "state": ["OH", "OH", "PA", "PA"], "people": [50, 40, 60, 50]})
FEATURES = pl.DataFrame({"state": ["OH", "PA"], "before": [0.4, 0.6]})


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"outcome": "our"}, ColumnNotFound, "did you mean 'ours'"),
        ({"outcome": "state"}, BadValue, "one part"),
        ({"outcome": "w2"}, BadValue, "neither 0 nor 1 in 40 rows"),
        ({"by": [], "area": None}, BadValue, "by is empty"),
        ({"by": "sexx"}, ColumnNotFound, "sex"),
        ({"frame": FRAME.filter(sex="F")}, BadValue, "sample has 'M' in"),
        ({"frame": FRAME.head(0)}, NotEnoughData, "no voters"),
        ({"frame_weight": "persons"}, ColumnNotFound, "people"),
        ({"frame_weight": "missing", "frame": FRAME.with_columns(missing=pl.lit(None, pl.Float64))}, BadValue, "null"),
        ({"responses": SMALL.with_columns(ours=1)}, NotEnoughData, "All who answered said yes"),
        ({"responses": SMALL.with_columns(ours=pl.lit(None, pl.Int64))}, NotEnoughData, "Nobody answered"),
        ({"weight": "w", "responses": SMALL.with_columns(w=-1.0)}, BadValue, "negative"),
        ({"cluster": "c", "responses": SMALL.with_columns(c=pl.lit(None, pl.Int64))}, BadValue, "cluster"),
        ({"interactions": ["sex"]}, BadValue, "pairs of two"),
        ({"interactions": [("sex", "age")]}, BadValue, "'age'"),
        ({"estimate_by": ["states"]}, BadValue, "did you mean 'state'"),
        ({"estimate_by": []}, BadValue, "estimate_by"),
        ({"area": None, "area_features": FEATURES}, BadValue, "area is None"),
        ({"shrink_areas": True}, BadValue, "needs area_features"),
        ({"area_features": FEATURES.head(1)}, BadValue, "no row for 'PA'"),
        ({"area_features": pl.concat([FEATURES, FEATURES])}, BadValue, "twice"),
        ({"area_features": FEATURES.with_columns(before=None)}, BadValue, "null"),
        ({"area_features": FEATURES.select("state")}, BadValue, "no column beside"),
        ({"survey_error": 1.5}, BadValue, "survey_error"),
        ({"confidence_level": 95}, BadValue, "confidence_level"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(changed, error, says):
    asked = {
        "responses": SMALL.with_columns(w2=2.0), "outcome": "ours", "by": "sex", "frame": FRAME, "area": "state",
        "frame_weight": "people",
    }  # fmt: skip
    with pytest.raises(error, match=says):
        polls.mrp(**{**asked, **changed})
