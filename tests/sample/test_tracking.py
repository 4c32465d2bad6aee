"""The tracking polls of the sample campaign: what was planted comes out, and the files hold the very same interviews."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from campaignkit import Megafile, sample
from campaignkit.sample import tracking, world
from campaignkit.sample.tracking import EVENT, QUESTION

PEOPLE, SEED = 3_000, 7


@pytest.fixture(scope="module")
def drawn():
    tables, _ = world.batch(SEED, 0, 0, 60_000)
    shared = tracking.once(world.stream(SEED, -1, "tracking"))
    with pytest.MonkeyPatch.context() as many:
        many.setattr(tracking, "INTERVIEWS", 40_000)  # so that chance hides little of what was planted
        return tracking.tracking(world.stream(SEED, 0, "tracking"), shared, tables["people"], tables["ballots"])


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracking")
    sample.write(folder / "first", PEOPLE, SEED)
    sample.write_tracking(folder / "second", PEOPLE, SEED)
    return folder


def fall(interviews: pl.DataFrame) -> float:
    """Return the change of the answers, the mean of the streams' own: their volumes drift."""
    decided = interviews.filter(pl.col("answer") != "Undecided")
    ours = decided.group_by("stream", pl.col("asked_on") >= EVENT).agg((pl.col("answer") == "Our candidate").mean())
    halves = ours.pivot("asked_on", index="stream", values="answer")
    return (halves["true"] - halves["false"]).mean()


def test_the_polls_fall_far_more_than_the_voters_do(drawn):
    tables, truth = drawn
    everyone = truth["groups"].filter(variable="all").sort("asked_on")
    at = (EVENT - tracking.FIRST).days
    walk = everyone["supports"][at] - everyone["supports"][at - 1]
    assert walk == pytest.approx(tracking.SWING, abs=0.004)  # the day's own step beside it
    assert fall(tables["interviews"]) < 1.5 * tracking.SWING


def test_only_people_from_the_other_side_leave_and_nobody_comes(drawn):
    _, truth = drawn
    moved = truth["panel"].filter("switched")
    assert moved.height > 5
    assert moved["before"].all()
    assert not moved["after"].any()
    ours = pl.col("level") == "D"
    parties = truth["groups"].filter(pl.col("variable") == "past_vote", pl.col("asked_on").is_in([EVENT]))
    before = truth["groups"].filter(
        pl.col("variable") == "past_vote", pl.col("asked_on") == EVENT - pl.duration(days=1)
    )
    change = {
        side: parties.filter(keep)["supports"].mean() - before.filter(keep)["supports"].mean()
        for side, keep in (("ours", ours), ("theirs", pl.col("level") == "R"))
    }
    assert abs(change["ours"]) < abs(change["theirs"]) / 2


def test_the_panel_gives_up_to_two_reports_before_and_two_after(drawn):
    reports = drawn[0]["panel"].with_columns(after=pl.col("asked_on") >= EVENT)
    counts = reports.group_by("person", "after").len()
    assert counts["len"].max() == 2
    whole = counts.filter(pl.col("len") == 2).group_by("person").len().filter(pl.col("len") == 2)
    assert whole.height > 500


def test_each_stream_leans_its_own_way(drawn):
    shared = tracking.once(world.stream(SEED, -1, "tracking"))
    assert shared.houses.mean() == pytest.approx(0, abs=1e-12)
    assert np.ptp(shared.houses) > 0.05


def test_same_seed_writes_the_same_bytes(exports, tmp_path):
    sample.write_tracking(tmp_path, PEOPLE, SEED)
    for path in (exports / "second").glob("*.*"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.slow
def test_a_refresh_takes_in_every_interview(exports):
    path = exports / "campaign.duckdb"
    Megafile.build(exports / "first", path, model=False, progress=False).close()
    with Megafile.open(path) as mf:
        before = mf.sql("SELECT count(*) FROM survey_response").item()
        mf.refresh(exports / "second", progress=False)
        new = mf.sources.filter(pl.col("as_of") == mf.as_of)
        assert new.select(pl.col("rejected", "vanished").sum()).row(0) == (0, 0)
        assert new["extra_columns"].list.len().sum() == 0
        assert new["unread"].list.len().sum() == 0
        asked = mf.interviews(QUESTION, ["voter"], yes="Our candidate", no="The opponent")
        assert mf.sql("SELECT count(*) FROM survey_response").item() > before
        streams = dict(asked.group_by("stream").len().iter_rows())
    assert set(streams) == {"online", "phone", "text", "van"}
    truth = pl.read_parquet(exports / "second" / "truth" / "effects.parquet")
    shown = truth["n"].sum()
    answered = asked["supports"].is_not_null().sum()
    assert 0.97 * shown < answered <= shown  # one in a hundred breaks off
    assert asked["voter"].fill_null(False).mean() > 0.75


def test_headers_are_those_of_the_tools(exports):
    lines = gzip.decompress((exports / "second" / "qualtrics_panel_20121031.csv.gz").read_bytes()).decode().split("\n")
    assert lines[0].startswith("StartDate,EndDate,Status,IPAddress,Progress,")
    assert lines[2].startswith('"{""ImportId"":""startDate""}"')
    monkey = gzip.decompress(Path(exports / "second" / "surveymonkey_text_20121031.csv.gz").read_bytes()).decode()
    assert monkey.split("\n")[1].endswith("Response,Response,Response")
