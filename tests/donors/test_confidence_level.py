"""confidence_level moves every interval of donors/, and is refused where it can't be one."""

from collections.abc import Callable
from functools import cache, partial

import polars as pl
import pytest

from campaignkit import donors, sample
from campaignkit.errors import BadValue
from campaignkit.result import Result
from tests.donors import test_encouragement, test_event_study, test_lift

PAIRS = {
    "segments": ["lift", "holdout_lift", "amount", "holdout_amount"],
    "hosts": ["", "similarity", "entries", "dollars"],
    "lift": ["", "ratio"],
    "event_study": [""],
    "encouragement": ["", "ratio"],
}


@cache
def contest(host: str) -> pl.DataFrame:
    table = sample.draw("contest", 8_000, seed=4, host=host, appeal=3.5).table
    return table.with_columns(gave=pl.when("entered").then(pl.col("age").cast(pl.Float64)))


def segments(level: float) -> Result:
    return donors.discover_segments(
        contest("host_a"), "entered", ["region", "sex"], unit="person", amount="gave", distinct=False,
        confidence_level=level,
    )  # fmt: skip


def hosts(level: float) -> Result:
    table = pl.concat(contest(host) for host in ("host_a", "host_b", "host_c"))
    return donors.match_hosts(
        table, "entered", "host", ["region", "sex", "age_band"], like="host_a", unit="person", amount="gave",
        confidence_level=level,
    )  # fmt: skip


def lift(level: float) -> donors.Lift:
    return test_lift.lift(test_lift.people(), placebo={"before": []}, confidence_level=level)


def event_study(level: float) -> donors.EventStudy:
    return test_event_study.study(*test_event_study.world(600, seed=2), confidence_level=level)


def encouragement(level: float) -> donors.Encouragement:
    return test_encouragement.offer(test_encouragement.people(2000), confidence_level=level)


FUNCTIONS = {f.__name__: f for f in (segments, hosts, lift, event_study, encouragement)}


def widths(table: pl.DataFrame, pair: str) -> list[float]:
    names = (f"{pair}_lower", f"{pair}_upper") if pair else ("lower", "upper")
    known = table.drop_nulls(names).filter(pl.col(names[0]) != pl.col(names[1]))
    return (known[names[1]] - known[names[0]]).to_list()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_lower_level_narrows_every_interval(name):
    wide, narrow = FUNCTIONS[name](0.95), FUNCTIONS[name](0.8)
    assert (wide.confidence_level, narrow.confidence_level) == (0.95, 0.8)
    for pair in PAIRS[name]:
        of_wide, of_narrow = widths(wide.table, pair), widths(narrow.table, pair)
        assert len(of_wide) == len(of_narrow) > 0
        assert all(a > b for a, b in zip(of_wide, of_narrow, strict=True)), pair


def test_the_other_tables_of_a_lift_follow():
    wide, narrow = lift(0.95), lift(0.8)
    for table in ("trimming", "placebo"):
        pairs = zip(widths(getattr(wide, table), ""), widths(getattr(narrow, table), ""), strict=True)
        assert all(a > b for a, b in pairs), table
    benchmarks = zip(*(widths(one.sensitivity.benchmarks, "adjusted") for one in (wide, narrow)), strict=True)
    assert all(a > b for a, b in benchmarks)
    assert narrow.sensitivity.robustness_bound > wide.sensitivity.robustness_bound
    assert widths(wide.value(enrollment_rate=0.1).table, "")[0] > widths(narrow.value(enrollment_rate=0.1).table, "")[0]


def test_the_other_intervals_of_an_event_study_follow():
    wide, narrow = event_study(0.95), event_study(0.8)
    assert wide.overall.upper > narrow.overall.upper
    assert all(a > b for a, b in zip(widths(wide.cells, ""), widths(narrow.cells, ""), strict=True))


@pytest.mark.parametrize("name", ["segments", "hosts", "lift"])
@pytest.mark.parametrize("level", [0.4, 1.0, 95])
def test_what_is_no_level_is_refused(name, level):
    call: Callable[[], Result] = partial(FUNCTIONS[name], level)
    with pytest.raises(BadValue, match="confidence_level is"):
        call()
