"""Switchers: who answered is told from who changed, nobody is flagged by one report, and flags stay off lists."""

import datetime as dt
import shutil

import numpy as np
import polars as pl
import pytest

import campaignkit as ck
from campaignkit import polls, sample
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData, SourceRestricted
from campaignkit.polls import switchers as function
from campaignkit.polls.model import panel_reports
from campaignkit.stats.survey.repeated_reports import PATTERNS, repeated_reports

EVENT = dt.date(2012, 10, 4)
PEOPLE = {"before": ["before_1", "before_2"], "after": ["after_1", "after_2"], "unit": "person"}
KEYS = {"party": "party", "past_vote": "past_vote"}
ASKED = {"outcome": "supports", "date": "asked_on", "event": EVENT, "stream": "stream", "by": ["sex", "race"]}


def world(seed: int = 1, **options) -> sample.Drawn:
    return sample.draw("polls", 29_000, seed, **{"walk": 0.0} | options)


def split(drawn: sample.Drawn, **options) -> polls.Switchers:
    return polls.switchers(drawn["panel"], drawn["interviews"], **PEOPLE | KEYS | ASKED | options)


def part(found: polls.Switchers, name: str) -> dict:
    return found.table.row(by_predicate=pl.col("part") == name, named=True)


@pytest.fixture(scope="module")
def quiet() -> polls.Switchers:
    return split(world(answering="party"))


@pytest.fixture(scope="module")
def home() -> tuple[sample.Drawn, polls.Switchers]:
    drawn = world(2, swing=-0.04)
    return drawn, split(drawn)


def test_a_swing_of_who_answers_is_not_declared(quiet):
    assert part(quiet, "as polled")["upper"] < -0.015
    assert abs(part(quiet, "who changed")["estimate"]) < 0.012
    assert part(quiet, "who answered")["upper"] < 0
    assert quiet.declared is False
    assert "no swing is declared" in quiet.summary()


def test_parts_add_up(quiet):
    total = part(quiet, "who answered")["estimate"] + part(quiet, "who changed")["estimate"]
    assert total == pytest.approx(part(quiet, "as polled")["estimate"])


def test_a_real_swing_is_declared_and_who_made_it_is_named(home):
    _, found = home
    changed = part(found, "who changed")
    assert found.declared
    assert changed["lower"] < -0.04 < changed["upper"]
    first = found.who.sort("points").row(0, named=True)
    assert "R" in (first["party"], first["past_vote"])
    assert found.who.filter(party="D", past_vote="D")["estimate"].abs().item() < 0.02
    assert found.who["points"].sum() == pytest.approx(part(found, "panel, the same people")["estimate"], abs=1e-9)
    assert found.chart().to_dict()["description"] == found.summary()


def test_people_are_flagged_who_changed(home):
    drawn, found = home
    truth = drawn.truth["panel"].filter(pl.col("person").is_in(found.flagged["person"].implode()))
    assert truth["switched"].mean() >= 0.95
    four = drawn["panel"].drop_nulls([*PEOPLE["before"], *PEOPLE["after"]]).join(drawn.truth["panel"], on="person")
    changed = four.filter("switched")["person"]
    assert changed.is_in(found.flagged["person"].implode()).mean() >= 0.8
    assert found.reports.misreport == pytest.approx(0.03, abs=0.01)
    single = drawn["panel"].drop_nulls(["before_1", "after_1"]).join(drawn.truth["panel"], on="person")
    assert (~single.filter(pl.col("before_1") != pl.col("after_1"))["switched"]).mean() > 0.4


def test_nobody_is_flagged_where_nobody_changed(quiet):
    assert quiet.flagged.height <= 2


def test_willingness_by_choice_fools_interviews_and_not_the_panel():
    found = split(world(3, answering="choice", quiet=0.15))
    assert part(found, "interviews, party and past vote held")["upper"] < 0
    assert found.used == "panel"
    assert found.declared is False


def test_without_a_panel_who_changed_is_not_identified():
    drawn = world(2, swing=-0.04)
    found = polls.switchers(None, drawn["interviews"], **KEYS | ASKED)
    assert found.declared is None
    assert found.used == "none"
    assert part(found, "who changed")["estimate"] is None
    assert found.flagged.is_empty()
    assert "not identified" in found.summary()
    assert found.chart() is not None


def test_a_panel_alone_speaks_for_itself(home):
    drawn, _ = home
    found = polls.switchers(drawn["panel"], **PEOPLE | KEYS)
    assert found.used == "panel"
    assert part(found, "as polled")["estimate"] is None
    assert found.declared


def test_one_report_before_and_after_flags_nobody(home):
    drawn, _ = home
    found = polls.switchers(drawn["panel"], before="before_1", after="after_1", unit="person", **KEYS)
    assert found.flagged.is_empty()
    assert found.reports is None
    assert "two reports before" in found.summary()


def test_a_frame_gives_the_composition(home):
    drawn, found = home
    frame = drawn["interviews"].group_by("party", "past_vote", "sex", "race").len("voters")
    framed = split(drawn, frame=frame, frame_weight="voters")
    assert part(framed, "who changed")["estimate"] == pytest.approx(part(found, "who changed")["estimate"], abs=0.01)


def flagged_of_a_megafile(purposes=()) -> tuple[ck.Megafile, pl.DataFrame]:
    mf = ck.sample.megafile()
    ids = mf.universe("voter").people()["person_id"]
    panel = world(2, swing=-0.04)["panel"].head(len(ids))
    panel = panel.with_columns(person_id=ids.head(panel.height)).drop("person")
    return mf, polls.switchers(panel, **PEOPLE | {"unit": "person_id"} | KEYS, purposes=purposes).flagged


@pytest.mark.parametrize("purpose", ["fundraise", "persuade", "turnout", "volunteer"])
def test_flagged_people_are_barred_from_lists_but_for_what_they_agreed_to(purpose):
    mf, flagged = flagged_of_a_megafile()
    barred = mf.universe_of(flagged, restricted=())
    with pytest.raises(SourceRestricted, match="did not agree"):
        barred.call_list("phone", purpose=purpose)
    with pytest.raises(SourceRestricted, match="did not agree"):
        (mf.universe("voter") | barred).call_list("phone", purpose=purpose)
    agreed = mf.universe_of(flagged_of_a_megafile([purpose])[1], restricted=())
    assert agreed.call_list("phone", purpose=purpose).purpose == purpose


@pytest.mark.parametrize(
    "changed",
    [
        lambda flagged: flagged.filter("before"),
        lambda flagged: flagged.clone(),
        lambda flagged: flagged.to_pandas(),
        lambda flagged: flagged.select("person_id"),
        lambda flagged: flagged["person_id"].to_list(),
        lambda flagged: flagged.head(1),
        lambda flagged: pl.read_csv(flagged.write_csv().encode()).with_columns(pl.col("person_id") + 1),
    ],
    ids=["filter", "clone", "pandas", "ids", "list", "head", "another process"],
)
def test_a_filtered_or_copied_table_of_flagged_people_stays_barred(changed):
    mf, flagged = flagged_of_a_megafile()
    barred = mf.universe_of(changed(flagged), restricted=())
    with pytest.raises(SourceRestricted, match="did not agree"):
        barred.call_list("phone", purpose="persuade")


def test_a_long_list_that_has_a_few_flagged_people_is_not_barred():
    mf, flagged = flagged_of_a_megafile(["persuade"])
    everyone = mf.universe_of(mf.universe("voter").people()["person_id"].to_list(), restricted=())
    assert everyone.count() > 2 * flagged.height
    assert everyone.call_list("phone", purpose="turnout").table.height > 0


def test_scores_of_flagged_people_are_barred(tmp_path):
    mf, flagged = flagged_of_a_megafile()
    with ck.Megafile.open(shutil.copy(mf.path, tmp_path)) as copied:
        copied.write_scores("left", flagged.select("person_id", value="probability"), restricted=())
        with pytest.raises(SourceRestricted, match="did not agree"):
            copied.universe("score('left') > 0.5").call_list("phone", purpose="persuade")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"outcome": None}, BadValue, "outcome, date and event"),
        ({"event": None}, BadValue, "outcome, date and event"),
        ({"event": "2013-01-01"}, NotEnoughData, "after the event"),
        ({"event": "2012-01-01"}, NotEnoughData, "before the event"),
        ({"after": []}, BadValue, "at least one column"),
        ({"unit": None}, BadValue, "unit is None"),
        ({"party": "partty"}, ColumnNotFound, "did you mean 'party'"),
        ({"after": "region"}, BadValue, "numbers"),
        ({"purposes": "persuasion"}, BadValue, "did you mean 'persuade'"),
        ({"before": "party"}, BadValue, "both as"),
    ],
)
def test_bad_arguments_are_refused(options, error, says):
    drawn = sample.draw("polls", 1_000, 1)
    with pytest.raises(error, match=says):
        split(drawn, **options)


def test_bad_panels_are_refused():
    drawn = sample.draw("polls", 1_000, 1)
    with pytest.raises(BadValue, match="both None"):
        polls.switchers(None, None, **KEYS)
    silent = drawn["panel"].with_columns(after_1=pl.lit(None, pl.Boolean), after_2=pl.lit(None, pl.Boolean))
    with pytest.raises(NotEnoughData, match="before and after"):
        polls.switchers(silent, **PEOPLE | KEYS)
    twice = pl.concat([drawn["panel"], drawn["panel"].head(1)])
    with pytest.raises(BadValue, match="one row per person"):
        polls.switchers(twice, **PEOPLE | KEYS)


# --- mutations -----------------------------------------------------------------------------------------


def test_mutation_a_bootstrap_of_reports_not_people_would_be_too_sure(monkeypatch, home):
    drawn, found = home
    monkeypatch.setattr(panel_reports, "WIDER", 0.5)
    narrow = part(split(drawn), "panel, the same people")["std_error"]
    assert part(found, "panel, the same people")["std_error"] > 2 * narrow


def test_mutation_an_open_gate_lets_false_swings_in(monkeypatch):
    drawn = world(3, answering="choice", quiet=0.15)
    module = __import__("sys").modules[function.__module__]
    monkeypatch.setattr(module, "GATE", 100.0)
    found = split(drawn)
    assert found.used == "both"
    assert part(found, "who changed")["upper"] < 0


def test_mutation_without_the_evidence_switching_is_read_into_wrong_reports(monkeypatch):
    """Three unlucky pairs of slips in one direction are told from switching by the likelihood alone."""
    expected = sum(
        0.5 * 0.03 ** (side != PATTERNS).sum(axis=1) * 0.97 ** (side == PATTERNS).sum(axis=1) for side in (0, 1)
    )
    counts = np.round(1_800 * expected)
    counts[12] += 2  # said it twice, then twice not
    assert repeated_reports(counts).switched[12] < 0.5
    module = __import__("sys").modules[repeated_reports.__module__]
    monkeypatch.setattr(module, "EVIDENCE", 0.0)
    assert repeated_reports(counts).switched[12] > 0.5
