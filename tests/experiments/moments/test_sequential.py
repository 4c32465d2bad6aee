"""Looking every day: the sequence holds at all looks, clusters enter whole, and the tuning does not move."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from campaignkit.errors import BadValue
from campaignkit.experiments import analyze
from campaignkit.experiments.moments.sequential import START_EVENTS, START_UNITS
from campaignkit.stats.intervals.confidence_sequences import confidence_sequence, tuned, width


def daily(seed, n=6000, lift=1.0, money=True):
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(n) < 0.5, "b", "control")
    gave = rng.random(n) < np.where(arm == "b", 0.05 * lift, 0.05)
    amount = np.where(gave, np.exp(3 + rng.normal(size=n)), 0.0) if money else gave
    day = np.sort(rng.integers(0, 30, n))
    return pl.DataFrame({"arm": arm, "gift": amount, "day": day, "household": rng.integers(0, n // 2, n)})


def test_the_width_is_the_papers():
    """Theorem 2.2 written out, at n = 500 with rho² tuned for 1,000."""
    rho2, n, alpha = tuned(1000), 500, 0.05
    by_hand = np.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha)) * np.sqrt(n)
    assert width(n, rho2) == pytest.approx(by_hand, rel=1e-12)


def test_the_tuning_makes_it_narrowest_there():
    at = [float(width(1000, tuned(n))) for n in (900, 1000, 1100)]
    assert at[1] < min(at[0], at[2])


def test_p_values_invert_the_sequence():
    rho2 = tuned(400)
    for z in (2.0, 3.1, 4.0):
        found = confidence_sequence([z], [1.0], [400], rho2)
        assert (found.p_value[0] < 0.05) == (found.lower[0] > 0)


def test_daily_looks_rarely_alarm():
    """Of 60 A/A tests of gifts looked at on 30 days a fixed-n test alarms in some 18."""
    alarms = 0
    for seed in range(60):
        table = analyze(daily(seed), "arm", "gift", sequence="day").sequential.table
        alarms += table.filter((pl.col("lower") > 0) | (pl.col("upper") < 0)).height > 0
    assert alarms <= 6


def test_a_real_effect_is_found_and_stays_found():
    found = analyze(daily(1, n=40_000, lift=1.6, money=False), "arm", "gift", sequence="day")
    row = found.table.filter(arm="b").row(0, named=True)
    assert row["lower"] > 0
    assert row["p_value"] < 0.05
    p = found.sequential.table["p_value"]
    assert (p.diff().drop_nulls() <= 0).all()


def test_the_last_look_is_all_the_data():
    table = daily(2)
    last, whole = analyze(table, "arm", "gift", sequence="day"), analyze(table, "arm", "gift", kind="mean")
    a, b = (x.table.filter(arm="b").row(0, named=True) for x in (last, whole))
    assert a["estimate"] == pytest.approx(b["estimate"], rel=1e-9)
    assert a["std_error"] == pytest.approx(b["std_error"], rel=1e-9)
    assert a["upper"] - a["lower"] > 1.4 * (b["upper"] - b["lower"])


def test_earlier_looks_do_not_change_when_days_are_added():
    table = daily(3)
    short = analyze(table.filter(pl.col("day") < 15), "arm", "gift", sequence="day").sequential
    long = analyze(table, "arm", "gift", sequence="day").sequential
    assert short.tuned.equals(long.tuned)
    early = long.table.filter(pl.col("day") < 15)
    for name in ("estimate", "lower", "upper", "p_value"):
        assert short.table[name].to_list() == pytest.approx(early[name].to_list(), rel=1e-8), name


def test_the_first_look_waits_for_enough():
    table = daily(4)
    first = analyze(table, "arm", "gift", sequence="day").sequential.table["day"].min()
    before = table.filter(pl.col("day") < first)
    now = table.filter(pl.col("day") <= first)
    assert now.group_by("arm").len()["len"].min() >= START_UNITS
    assert now.filter(pl.col("gift") > 0).height >= START_EVENTS > before.filter(pl.col("gift") > 0).height


def test_clusters_enter_whole_on_their_first_day():
    table = daily(5).with_columns(pl.col("arm").first().over("household"))
    found = analyze(table, "arm", "gift", cluster="household", sequence="day")
    first = table.with_columns(pl.col("day").min().over("household"))
    again = analyze(first, "arm", "gift", cluster="household", sequence="day")
    for name in ("n", "estimate", "lower", "upper"):
        assert found.sequential.table[name].to_list() == pytest.approx(again.sequential.table[name].to_list(), rel=1e-9)
    day = found.sequential.table["day"][3]
    units = first.filter(pl.col("day") <= day)["household"].n_unique()
    assert found.sequential.table["n"][3] == units


def test_dates_and_a_chart_over_days():
    start = dt.date(2012, 6, 1)
    table = daily(6).with_columns(sent_on=pl.lit(start) + pl.duration(days="day"))
    found = analyze(table, "arm", "gift", sequence="sent_on", tune=5000)
    assert found.sequential.tuned["tuned"].to_list() == [5000.0]
    assert found.sequential.table["day"].dtype == pl.Date
    assert found.chart().to_dict()["description"] == found.summary()
    assert "sequence" in found.method["gift"]


def test_too_early_is_null_not_narrow():
    found = analyze(daily(7, n=150), "arm", "gift", sequence="day")
    assert found.sequential.table.is_empty()
    assert found.table["lower"].to_list() == [None, None]
    assert found.chart() is None


def test_strata_do_not_go_with_a_sequence():
    with pytest.raises(BadValue, match="sequence and strata"):
        analyze(daily(8), "arm", "gift", sequence="day", strata="household")


def test_looks_at_ten_to_one_rarely_exclude_the_truth():
    """A small arm with few events so far had a small variance just when its rate was low by luck."""
    wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = 16_500
        arm = np.where(rng.random(n) < 1 / 11, "b", "control")
        gave = rng.random(n) < 0.02
        table = pl.DataFrame({"arm": arm, "day": np.arange(n) // 550, "gift": gave * np.exp(rng.normal(3, 1, n))})
        looks = analyze(table, "arm", "gift", sequence="day").sequential.table
        wrong += looks.filter((pl.col("lower") > 0) | (pl.col("upper") < 0)).height > 0
    assert wrong <= 2  # before: about six
