"""Trends: planted levels, movements and house effects come back; what cannot be told is refused or said."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from campaignkit import polls, sample
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from campaignkit.polls.model import movement, trend_model
from campaignkit.stats.regression import scaled_logit
from campaignkit.stats.regression.separable_design import Block, Design

BY = ["sex", "age_band", "race"]
EVENT = dt.date(2012, 10, 4)


def world(seed: int = 1, people: int = 12_000, **options) -> sample.Drawn:
    return sample.draw("polls", people, seed, panel=0, **options)


def fit(drawn: sample.Drawn, **options) -> polls.Trends:
    options = {"stream": "stream", "frame": drawn["frame"], "frame_weight": "n"} | options
    return polls.trends(drawn["interviews"], "supports", BY, "asked_on", **options)


@pytest.fixture(scope="module")
def stepped() -> tuple[sample.Drawn, polls.Trends]:
    drawn = world(4, 29_000, movers=2, drift=0.12, at_once=True, house=0.15)
    return drawn, fit(drawn, event=EVENT)


def test_levels_are_within_their_intervals_and_beat_the_last_days_alone(stepped):
    drawn, now = stepped
    truth = drawn["groups"].filter(pl.col("asked_on") == now.last)
    both = now.table.join(truth, on=["variable", "level"])
    inside = (both["lower"] <= both["supports"]) & (both["supports"] <= both["upper"])
    assert both.height == 13
    assert inside.mean() >= 0.8
    assert ((both["estimate"] - both["supports"]) ** 2).mean() ** 0.5 < 0.02


def test_groups_that_stepped_are_named_with_their_sign(stepped):
    drawn, now = stepped
    planted = drawn.truth["moved"].filter((pl.col("points") != 0) & pl.col("variable").is_in(BY))
    both = now.table.join(planted, on=["variable", "level"], suffix="_true")
    assert both.height
    assert both["moved"].all()
    assert (both["change"] * both["points"] > 0).all()
    assert "moved apart from the rest: " in now.summary()


def test_house_effects_come_back(stepped):
    drawn, now = stepped
    both = now.houses.join(drawn["houses"], on="stream")
    assert np.corrcoef(both["estimate"], both["effect"])[0, 1] > 0.8
    assert now.houses["estimate"].sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_nobody_is_said_to_move_where_everyone_jumps_alike():
    drawn = world(2, swing=-0.08, going_home=False)
    assert fit(drawn, event=EVENT).table["moved"].drop_nulls().sum() == 0
    everyone = fit(drawn, event=EVENT).table.row(0, named=True)
    assert everyone["change_upper"] < -0.03
    assert everyone["moved"] is None


def test_what_it_says_and_draws(stepped):
    _, now = stepped
    text = now.summary()
    assert "29,000 interviews in 4 streams" in text
    assert "chance alone would give" in text
    assert "half the time" in text
    assert now.chart().to_dict()["description"] == text
    assert now.path.height == now.table.height * now.path["date"].n_unique()
    assert now.since == EVENT - dt.timedelta(days=1)


def test_one_stream_has_no_house_effect_to_tell():
    drawn = world(3, people=3_000, event=None)
    now = fit(drawn, stream=None)
    assert now.houses.height == 1
    assert now.houses["estimate"].item() == pytest.approx(0)
    assert "streams" not in now.summary()


def test_without_a_frame_it_is_of_those_interviewed():
    drawn = world(3, people=3_000, event=None)
    now = fit(drawn, frame=None, frame_weight=None)
    women = (drawn["interviews"]["sex"] == "F").mean()
    assert now.table.filter(level="F")["share"].item() == pytest.approx(women)


def test_a_level_that_nobody_was_asked_of_is_told_by_its_width():
    drawn = world(3, people=3_000, event=None)
    fewer = sample.Drawn(
        {**drawn.tables, "interviews": drawn["interviews"].filter(pl.col("race") != "asian")}, drawn.truth
    )
    now = fit(fewer)
    asian, hispanic = (now.table.filter(level=level).row(0, named=True) for level in ("asian", "hispanic"))
    assert asian["n"] == 0
    assert asian["p_value"] is None
    assert asian["moved"] is None
    assert asian["std_error"] > 3 * hispanic["std_error"]
    assert now.unreached > 0


def test_answers_that_are_null_are_counted_and_a_window_sets_days_aside():
    drawn = world(3, people=3_000, event=None)
    table = drawn["interviews"].with_columns(
        supports=pl.when(pl.col("interview") % 10 == 0).then(None).otherwise("supports")
    )
    drawn = sample.Drawn({**drawn.tables, "interviews": table}, drawn.truth)
    now = fit(drawn, window=14)
    reasons = dict(now.set_aside.iter_rows())
    assert reasons["no answer"] == table["supports"].null_count()
    assert now.interviews + sum(reasons.values()) == table.height
    assert now.path["date"].n_unique() == 14


def test_since_counts_changes_from_a_day():
    drawn = world(3, people=3_000, event=None)
    now = fit(drawn, since="2012-10-10")
    women = now.path.filter(level="F").sort("date")
    first = women.filter(pl.col("date") == dt.date(2012, 10, 10))["estimate"].item()
    assert now.table.filter(level="F")["change"].item() == pytest.approx(women["estimate"][-1] - first)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "options", "error", "says"),
    [
        ({"asked_on": pl.lit(None, pl.Date)}, {}, BadValue, "null in 1,000 interviews"),
        ({"asked_on": pl.lit("Tuesday")}, {}, BadValue, "dates were expected"),
        ({"asked_on": pl.lit(EVENT)}, {}, NotEnoughData, "a trend needs two days"),
        ({"supports": pl.lit(None, pl.Boolean)}, {}, NotEnoughData, "No interview has an answer"),
        ({"supports": pl.lit("us")}, {}, BadValue, "numbers"),
        ({"race": pl.lit("martian")}, {}, BadValue, "'martian', which the frame does not have"),
        ({}, {"since": "2013-01-01"}, BadValue, "since"),
        ({}, {"event": "2012-01-01"}, BadValue, "event"),
        ({}, {"event": "soon"}, BadValue, "date such as"),
        ({}, {"window": 1}, BadValue, "window"),
        ({}, {"correction": "holmes"}, BadValue, "did you mean 'holm'"),
        ({}, {"frame": None}, BadValue, "frame is None"),
        ({}, {"stream": "steam"}, ColumnNotFound, "did you mean 'stream'"),
    ],
)
def test_bad_input_is_refused(change, options, error, says):
    drawn = world(3, people=1_000, event=None)
    table = drawn["interviews"].with_columns(**change)
    with pytest.raises(error, match=says):
        fit(sample.Drawn({**drawn.tables, "interviews": table}, drawn.truth), **options)


def test_no_interviews_at_all_are_refused():
    drawn = world(3, people=1_000, event=None)
    with pytest.raises(NotEnoughData):
        fit(sample.Drawn({**drawn.tables, "interviews": drawn["interviews"].clear()}, drawn.truth))


def test_one_column_may_not_play_two_parts():
    drawn = world(3, people=1_000, event=None)
    with pytest.raises(BadValue, match="both as outcome and by"):
        polls.trends(drawn["interviews"], "supports", ["stream"], "asked_on", stream="supports")


# --- the arithmetic, and what would break it -----------------------------------------------------------


def small_design() -> tuple[Design, np.ndarray]:
    rng = np.random.default_rng(0)
    blocks = [Block(rng.normal(size=(7, 3)), rng.normal(size=(5, 1))), Block(np.ones((7, 1)), rng.normal(size=(5, 4))),
              Block(rng.normal(size=(7, 2)), rng.normal(size=(5, 3)))]  # fmt: skip
    rows = [np.einsum("ua,db->udab", block.unit, block.day).reshape(35, -1) for block in blocks]
    return Design(blocks), np.concatenate(rows, axis=1)


def test_cross_products_are_those_of_the_full_matrix():
    design, x = small_design()
    weight = np.random.default_rng(1).random((7, 5))
    assert design.gram(weight) == pytest.approx(x.T @ (x * weight.reshape(-1, 1)))
    assert design.score(weight) == pytest.approx(x.T @ weight.ravel())
    assert design.eta(np.arange(13.0)).ravel() == pytest.approx(x @ np.arange(13.0))


def gradient_gap() -> float:
    design, _ = small_design()
    rng = np.random.default_rng(2)
    information, right = design.gram(rng.random((7, 5))), rng.normal(size=13)
    scales = scaled_logit.Scales(np.r_[-1, np.repeat([0, 1, 2], 4)], np.full(13, 1.5), np.array([0.3, 0.1, 0.03]))
    at = np.log([0.2, 0.05, 0.3])
    _, gradient = scaled_logit._loss(information, right, scales, at)
    steps = np.eye(3) * 1e-5
    differences = [
        (scaled_logit._loss(information, right, scales, at + step)[0]
         - scaled_logit._loss(information, right, scales, at - step)[0]) / 2e-5
        for step in steps
    ]  # fmt: skip
    return float(np.abs(gradient - differences).max())


def test_the_gradient_of_the_marginal_likelihood_is_exact():
    assert gradient_gap() < 1e-5


@pytest.mark.slow
def test_mutation_one_drift_scale_for_all_narrows_the_groups_that_move(monkeypatch):
    drawn = world(5, 8_000, event=None, movers=1, drift=0.15)
    mover = drawn.truth["moved"].filter(pl.col("points") != 0).row(0, named=True)
    by = ["sex", "age_band", "race", "region", "education"]
    now = lambda: polls.trends(drawn["interviews"], "supports", by, "asked_on", stream="stream").table  # noqa: E731
    own = now().filter(variable=mover["variable"], level=mover["level"]).row(0, named=True)
    scales_of = trend_model.scales_of
    monkeypatch.setattr(
        trend_model, "scales_of", lambda a, s, d, e, drifting: scales_of(a, s, d, e, [0] * len(drifting))
    )
    pooled = now().filter(variable=mover["variable"], level=mover["level"]).row(0, named=True)
    assert abs(own["change"]) > abs(pooled["change"]) * 1.1


def test_mutation_the_posterior_covariance_is_no_sampling_error(monkeypatch):
    """The test's error is V A V; V itself would hold the flat prior, and every group's error would be far too large."""
    drawn = world(6, 4_000, event=None)
    right = fit(drawn).table["relative_std_error"].drop_nulls()
    covariance = scaled_logit.ScaledLogit.covariance
    widened = lambda self: covariance(self) + np.eye(len(self.beta)) * 0.05  # noqa: E731
    monkeypatch.setattr(scaled_logit.ScaledLogit, "covariance", widened)
    assert (fit(drawn).table["relative_std_error"].drop_nulls() > 1.2 * right).all()


def test_a_jump_of_everyone_moves_groups_by_different_points_and_is_no_movement():
    drawn = world(7, 29_000, swing=-0.12, going_home=False)
    ends = (
        drawn["groups"]
        .sort("asked_on")
        .group_by("level")
        .agg(by=pl.col("supports").last() - pl.col("supports").first())
    )
    points = dict(ends.iter_rows())
    assert points["black"] - points["white"] > 0.04
    assert fit(drawn, event=EVENT).table["moved"].drop_nulls().sum() == 0


def test_mutation_a_group_beside_nobody_is_called_moved_by_a_jump_of_everyone(monkeypatch):
    drawn = world(7, 29_000, swing=-0.12, going_home=False)
    contrasts = movement.contrasts

    def alone(model, asked):
        inside = model.attributes.indicators(model.frame_codes())
        share = inside * model.frame.voters[:, None]
        return (share / share.sum(axis=0)).T @ inside, contrasts(model, asked)[1]

    monkeypatch.setattr(movement, "contrasts", alone)
    assert fit(drawn, event=EVENT).table["p_value"].drop_nulls().median() < 0.5
