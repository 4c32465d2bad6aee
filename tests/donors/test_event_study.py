"""An event study from sums is the one that rows would give, and people without a gift count."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import polars as pl
import pytest

from campaignkit import donors
from campaignkit.donors.observational.periods import grid_of, grouped, panel_of
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.stats.causal import staggered

START = dt.date(2012, 1, 2)
WEEKS = 8


def world(
    people: int = 300, seed: int = 0, effect: float = 4.0, growth: float = 0.0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(seed)
    own = rng.gamma(2, 2, people)
    joined = np.where(rng.random(people) < 0.4, rng.integers(1, WEEKS, people), 99)
    since = np.arange(WEEKS)[None, :] - joined[:, None]
    mean = own[:, None] + 0.5 * np.arange(WEEKS) + (effect + growth * since) * (since >= 0)
    amount = np.where(
        rng.random((people, WEEKS)) < 0.4, np.round(mean * rng.gamma(2, 0.5, (people, WEEKS)) / 0.4, 2), 0
    )
    who, week = np.nonzero(amount)
    on = pl.lit(START) + pl.duration(days=pl.col("at"))
    gifts = pl.DataFrame({"person": who, "at": week * 7 + who % 7, "amount": amount[who, week]}).with_columns(on=on)
    day = pl.when(pl.col("j") < 99).then(pl.lit(START) + pl.duration(days=7 * pl.col("j") + 3))
    table = pl.DataFrame({"person": np.arange(people), "j": joined, "own": own, "home": np.arange(people) // 2})
    return table.with_columns(enrolled_on=day), gifts


def study(table, gifts, **options) -> donors.EventStudy:
    return donors.event_study(
        table, gifts, unit="person", enrolled_on="enrolled_on", gift_date="on", amount="amount", start=START,
        end=START + dt.timedelta(days=7 * WEEKS - 1), **{"window": (-3, 3)} | options,
    )  # fmt: skip


def dense(table: pl.DataFrame, gifts: pl.DataFrame) -> np.ndarray:
    given = np.zeros((table.height, WEEKS))
    np.add.at(given, (gifts["person"].to_numpy(), gifts["at"].to_numpy() // 7), gifts["amount"].to_numpy())
    return given


@pytest.mark.parametrize("control", ["not_yet", "never"])
def test_each_cell_is_a_difference_of_two_differences(control):
    table, gifts = world()
    given, joined = dense(table, gifts), table["j"].to_numpy()
    found = study(table, gifts, control=control)
    assert found.cells.height > 20
    for one in found.cells.iter_rows(named=True):
        g, t = ((one[name] - START).days // 7 for name in ("joined", "period"))
        base = g - 1
        controls = joined == 99 if control == "never" else joined > max(t, base)
        controls &= joined != g
        change = given[:, t] - given[:, base]
        mine, theirs = change[joined == g], change[controls]
        assert one["estimate"] == pytest.approx(mine.mean() - theirs.mean(), abs=1e-10)
        error = np.sqrt(mine.var() / len(mine) + theirs.var() / len(theirs)) * np.sqrt(len(given) / (len(given) - 1))
        assert one["std_error"] == pytest.approx(error, rel=1e-9)
        assert (one["n"], one["n_controls"]) == (len(mine), len(theirs))


def test_averages_and_their_errors_are_those_of_rows():
    """Beside the path that lays out people × weeks, with no covariate but 1."""
    table, gifts = world()
    grid = grid_of(START, START + dt.timedelta(days=7 * WEEKS - 1), "week")
    kept, _ = grouped(table, "enrolled_on", grid, 0)
    panel, _ = panel_of(kept, gifts, "person", "home", "on", "amount", grid)
    cells = staggered.cells_of(np.bincount(panel.joined, minlength=panel.groups), grid.periods, 0, "not_yet", (-3, 3))
    one, other = (
        staggered.effects(panel, cells),
        staggered.effects_with_covariates(panel, cells, np.ones((kept.height, 1))),
    )
    assert one.by_event == pytest.approx(other.by_event, abs=1e-10)
    assert one.covariance == pytest.approx(other.covariance, rel=1e-8, abs=1e-12)
    assert one.cell_errors == pytest.approx(other.cell_errors, rel=1e-8)
    assert (one.overall, one.level) == pytest.approx((other.overall, other.level))
    assert study(table, gifts, covariates="own").overall.value == pytest.approx(one.overall, abs=1.5)


@pytest.mark.slow
def test_errors_of_averages_agree_with_a_bootstrap():
    table, gifts = world(250, seed=4)
    found = study(table, gifts)
    rng, values = np.random.default_rng(0), []
    for _ in range(60):
        drawn = pl.DataFrame({"person": rng.integers(0, 250, 250), "new": np.arange(250)})
        again = drawn.join(table, on="person", how="left")
        more = drawn.join(gifts, on="person", how="inner")
        values.append(
            study(
                again.drop("person").rename({"new": "person"}), more.drop("person").rename({"new": "person"})
            ).overall.value
        )
    assert found.overall.std_error == pytest.approx(np.std(values), rel=0.3)


def test_it_finds_the_effect_and_a_parallel_past():
    found = study(*world(1500, seed=2))
    assert found.overall.lower < 4 < found.overall.upper
    assert found.pre_trend_p > 0.01
    assert found.ratio.value > 1.2
    assert found.table.filter(pl.col("event") == -1)["estimate"].item() == 0


def test_an_effect_that_grows_is_not_held_against_those_who_joined_before():
    """Where everybody joins, a two-way fixed-effects regression finds less than half: it takes growth for a trend."""
    table, gifts = world(6000, seed=5, growth=3.0)
    table = table.filter(pl.col("j") < 99)
    since = np.arange(WEEKS - 1)[None, :] - table["j"].to_numpy()[:, None]  # in the last week nobody is left to join
    planted = (4 + 3 * since[(since >= 0) & (since <= 3)]).mean()
    found = study(table, gifts).overall
    assert planted == pytest.approx(found.value, abs=3 * found.std_error)
    assert found.std_error < 0.15 * planted


def test_a_past_that_was_not_parallel_is_said_first():
    table, gifts = world(1500, seed=3)
    early = table.filter(pl.col("j") < 99).select("person", "j")
    more = gifts.join(early, on="person", how="left").with_columns(
        amount=pl.when(pl.col("at") // 7 < pl.col("j"))
        .then(pl.col("amount") + 9 * (pl.col("at") // 7))
        .otherwise("amount")
    )
    found = study(table, more)
    assert found.pre_trend_p < 0.01
    assert found.summary().startswith("The groups did not move alike before joining")


def test_whoever_gave_nothing_counts_as_zeros():
    table, gifts = world()
    silent = table.filter(pl.col("j") == 99).with_columns(pl.col("person") + 10_000)
    with_them = study(pl.concat([table, silent]), gifts)
    assert with_them.not_joined == 2 * silent.height
    assert with_them.cells["n_controls"].sum() > study(table, gifts).cells["n_controls"].sum()
    assert with_them.overall.value != pytest.approx(study(table, gifts).overall.value)


def test_the_same_from_duckdb_and_in_any_order():
    table, gifts = world()
    one = study(table, gifts).table
    with duckdb.connect() as con:
        other = study(
            con.from_arrow(table.to_arrow()),
            con.from_arrow(gifts.sample(fraction=1.0, shuffle=True, seed=1).to_arrow()),
        ).table
    assert one["estimate"].to_numpy() == pytest.approx(other["estimate"].to_numpy(), abs=1e-9)
    assert one["std_error"].to_numpy() == pytest.approx(other["std_error"].to_numpy(), abs=1e-9)


def test_copies_of_everybody_in_one_cluster_say_no_more():
    table, gifts = world()
    copies = pl.concat([table.with_columns(pl.col("person") + 1000 * i, home="person") for i in range(3)])
    given = pl.concat([gifts.with_columns(pl.col("person") + 1000 * i) for i in range(3)])
    one, clustered, ignored = study(table, gifts), study(copies, given, cluster="home"), study(copies, given)
    assert clustered.overall.std_error == pytest.approx(one.overall.std_error, rel=1e-9)
    assert ignored.overall.std_error < 0.65 * one.overall.std_error


def test_months_anticipation_and_what_is_cut():
    table, gifts = world()
    found = study(table, gifts, anticipation=1)
    assert found.table.filter(pl.col("event") == -2)["estimate"].item() == 0
    cut = donors.event_study(
        table, gifts, unit="person", enrolled_on="enrolled_on", gift_date="on", amount="amount", start=START,
        end=START + dt.timedelta(days=7 * WEEKS + 2), window=(-3, 3),
    )  # fmt: skip
    assert any("last 3 days" in said for said in cut.warnings)
    assert cut.overall.value == pytest.approx(study(table, gifts).overall.value)
    days = donors.event_study(
        table, gifts, unit="person", enrolled_on="enrolled_on", gift_date="on", amount="amount", start="2012-01-02",
        end="2012-02-26", period="day", window=(-2, 2),
    )  # fmt: skip
    assert days.period == "day"
    with pytest.raises(BadValue, match="first day of a month"):
        donors.event_study(
            table, gifts, unit="person", enrolled_on="enrolled_on", gift_date="on", amount="amount", start=START,
            end="2012-12-31", period="month",
        )  # fmt: skip


def test_what_cannot_be_is_refused():
    table, gifts = world()
    with pytest.raises(BadValue, match="comes more than once"):
        study(pl.concat([table, table]), gifts)
    with pytest.raises(BadValue, match="null, NaN or infinite in 1 gifts"):
        study(table, gifts.with_columns(amount=pl.when(pl.int_range(pl.len()) > 0).then("amount")))
    with pytest.raises(BadValue, match="make them alike"):
        study(table, gifts.with_columns(pl.col("person").cast(pl.String)))
    with pytest.raises(NotEnoughData, match="Nobody who joined"):
        study(table.with_columns(enrolled_on=pl.lit(None, pl.Date)), gifts)
    with pytest.raises(BadValue, match="window is"):
        study(table, gifts, window=(0, 3))
    early = study(table.with_columns(enrolled_on=pl.col("enrolled_on") - pl.duration(days=7)), gifts)
    assert any("joined before a base period" in said for said in early.warnings)
    assert "ck-summary" in study(table, gifts)._repr_html_()


def test_bounds_are_wider_than_the_interval_and_the_pre_tests_power_is_said():
    found = study(*world())
    assert found.robust.lower < found.overall.lower < found.overall.upper < found.robust.upper
    assert found.detectable_slope > 0
    assert "would be noticed in 80% of studies" in found.summary() or found.pre_trend_p < 0.05
    since = found.table.filter(pl.col("event") >= 0)
    assert (since["robust_lower"] < since["lower"]).all()
    assert (
        found.table.filter(pl.col("event") < 0)["robust_lower"].null_count()
        == found.table.filter(pl.col("event") < 0).height
    )


def few_clusters() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ten chapters of log-normal size that join whole in week 4, and ten that never do; each has its own path."""
    rng = np.random.default_rng(0)
    chapter = np.repeat(np.arange(20), np.maximum(np.exp(rng.normal(2.5, 1, 20)).astype(int), 2))
    amount = 40 + rng.normal(0, 3, (20, WEEKS))[chapter] + rng.normal(0, 2, (len(chapter), WEEKS))
    who, week = (at.ravel() for at in np.indices(amount.shape))
    day = pl.when(pl.col("home") < 10).then(pl.lit(START + dt.timedelta(days=7 * 4 + 3)))
    table = pl.DataFrame({"person": np.arange(len(chapter)), "home": chapter}).with_columns(enrolled_on=day)
    on = pl.lit(START) + pl.duration(days=7 * pl.col("week"))
    gifts = pl.DataFrame({"person": who, "week": week, "amount": amount.ravel()}).with_columns(on=on)
    return table, gifts


def test_few_unequal_clusters_have_the_jackknifes_error_and_are_said():
    table, gifts = few_clusters()
    found = study(table, gifts, cluster="home")
    without = []
    for home in range(20):
        kept = table.filter(pl.col("home") != home)
        without.append(study(kept, gifts.join(kept, on="person", how="semi")).overall.value)
    off = np.array(without) - found.overall.value
    assert found.overall.std_error == pytest.approx(np.sqrt(19 / 20 * off @ off), rel=1e-9)
    assert "few_clusters" in found.named_warnings
    assert "few_clusters" not in study(*world()).named_warnings
