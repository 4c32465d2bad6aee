"""What the builder shows is what the megafile counts, whichever table answers; errors are on the screen."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaignkit import Megafile
from campaignkit.widgets import UniverseBuilder, cube
from campaignkit.widgets.choices import DOLLARS, OLDEST, YOUNGEST
from campaignkit.widgets.cube import BROKEN_DOWN, Cube, tally_of
from campaignkit.widgets.selection import CONTACT, GIVING, Selection
from campaignkit.widgets.shell import STALE
from tests.megafile.campaign import TODAY, pick, write_facts

PEOPLE = 3_000
HOSTILE = "</script><b onclick='x'>\"D';--"
ELECTIONS = ("2006-11-07", "2008-11-04", "2010-11-02")


@pytest.fixture(scope="module")
def mf(tmp_path_factory: pytest.TempPathFactory) -> Megafile:
    """People with gaps everywhere, values at every edge, and a party whose name would break a page or a query."""
    return write_facts(Path(tmp_path_factory.mktemp("widgets")) / "m.duckdb", facts())


def facts() -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(5)
    ids = list(range(1, PEOPLE + 1))
    born = [TODAY - timedelta(days=int(days)) for days in rng.integers(14 * 365, 106 * 365, PEOPLE)]
    person = pl.DataFrame(
        {
            "person_id": ids,
            "birth_date": [None if i % 11 == 0 else born[i] for i in range(PEOPLE)],
            "birth_year": [1950 if i % 22 == 0 else None for i in range(PEOPLE)],
            "sex": pick(rng, ["F", "M", None], PEOPLE),
            "race": pick(rng, ["white", "black", None], PEOPLE),
            "party": pick(rng, ["D", "R", HOSTILE, None], PEOPLE),
            "state": pick(rng, ["OH", "PA", "PR", None], PEOPLE),
            "county": pick(rng, ["Adams", "O'Brien", None], PEOPLE),
        },
        schema_overrides={"birth_year": pl.Int16},
    )
    some = rng.choice(ids, 1500)
    gift = pl.DataFrame(
        {
            "person_id": some,
            "given_on": [
                TODAY - timedelta(days=days) for days in pick(rng, [0, 1, 89, 90, 91, 364, 365, 366, 900], 1500)
            ],
            "amount": pick(rng, [-25.0, 5.0, 25.0, 50.0, 99.99, 100.0, 250.0, 1000.0], 1500),
            "channel": pick(rng, ["online", "mail", None], 1500),
        }
    )
    contact = pl.DataFrame(
        {
            "person_id": rng.choice(ids, 2000),
            "contacted_on": [TODAY - timedelta(days=days) for days in pick(rng, [0, 29, 30, 31, 200], 2000)],
            "channel": pick(rng, ["phone", "door", 'it\'s a "text"'], 2000),
        }
    )
    votes = pl.DataFrame(
        {
            "person_id": rng.choice(ids, 4000),
            "election_date": [
                date.fromisoformat(day) for day in pick(rng, ["2004-11-02", *ELECTIONS, "2012-11-06"], 4000)
            ],
            "election_type": "general",
        }
    )
    scored = rng.choice(ids, 2500, replace=False)
    score = pl.concat(
        pl.DataFrame({"person_id": scored, "name": name, "value": values, "scored_on": TODAY})
        for name, values in (
            ("turnout", np.round(rng.uniform(0, 1, 2500), 2)),
            ("it's", np.round(rng.uniform(-0.4, 0.5, 2500), 2)),
        )
    )
    return {"person": person, "gift": gift, "contact": contact, "vote_history": votes, "score": score}


@pytest.fixture(scope="module")
def counted(mf: Megafile) -> Cube:
    return Cube(mf)


def assert_same(counted: Cube, selection: Selection, by: str | None = None) -> None:
    """The tally's count is the universe's, and each breakdown is the universe's own."""
    found, universe = counted.tally(selection), counted.megafile.universe(*selection.predicates())
    assert found.people == universe.count()
    for name in BROKEN_DOWN:
        assert found.groups[name] == dict(universe.by(name).table.select(name, "n").rows()), name
    assert by is None or found.answered_by == by


AGES = [
    (YOUNGEST, OLDEST),
    (20, OLDEST),
    (40, 49),
    (40, 44),
    (41, 49),
    (40, 50),
    (YOUNGEST, 64),
    (17, 18),
    (99, OLDEST),
]


@pytest.mark.parametrize("ages", AGES)
def test_ages_are_the_cubes_at_five_years_and_the_peoples_between(counted: Cube, ages: tuple[int, int]) -> None:
    low, high = ages
    at_edges = (low == YOUNGEST or low % 5 == 0) and (high == OLDEST or high % 5 == 4)
    assert_same(counted, Selection(ages=ages, sex=("F",)), "cube" if at_edges else "people")


@pytest.mark.parametrize("giving", GIVING)
def test_giving(counted: Cube, giving: str) -> None:
    assert_same(counted, Selection(giving=giving), "cube")


@pytest.mark.parametrize("contact", [*CONTACT, "tried by phone", "never tried by door", 'tried by it\'s a "text"'])
def test_contact(counted: Cube, contact: str) -> None:
    assert_same(counted, Selection(contact=contact), "cube" if contact in CONTACT else "people")


@pytest.mark.parametrize("dollars", [*DOLLARS, 24.5, 99.99, 300])
def test_dollars_are_exact_between_their_steps_too(counted: Cube, dollars: float) -> None:
    assert_same(counted, Selection(dollars=dollars), "people" if dollars in DOLLARS else "megafile")


def test_votes(counted: Cube) -> None:
    assert counted.offered.elections == ELECTIONS  # the next election is not yet held
    for yes, no in product(ELECTIONS, repeat=2):
        assert_same(counted, Selection(voted=((yes, True), (no, False))), "cube")


def test_an_election_that_is_not_offered_is_counted_in_the_megafile(counted: Cube) -> None:
    assert_same(counted, Selection(voted=(("2004-11-02", True),)), "megafile")


@pytest.mark.slow
def test_scores_at_every_edge_and_between(counted: Cube) -> None:
    for name, steps in counted.offered.scores.items():
        for edge in steps:
            for bounds in ((edge, None), (None, edge)):
                found = counted.tally(selection := Selection(scores=((name, *bounds),)))
                assert found.answered_by == "people"
                assert found.people == counted.megafile.universe(*selection.predicates()).count()
        assert_same(counted, Selection(scores=((name, steps[2], steps[7]),)), "people")
        assert_same(counted, Selection(scores=((name, 0.123, 0.3),)), "megafile")


def test_places_and_unknown_values(counted: Cube) -> None:
    assert_same(counted, Selection(states=("OH", None), party=(HOSTILE, None), race=(None,)), "cube")
    assert_same(counted, Selection(states=("OH",), counties=(("OH", "O'Brien"), ("PA", "Adams"))), "people")


def test_a_condition_of_ones_own(counted: Cube) -> None:
    assert_same(counted, Selection(also="last_gift_days > 30 or age is null", sex=("M",)), "megafile")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_selection_counts_as_the_megafile_does(counted: Cube, data: st.DataObject) -> None:
    offered = counted.offered

    def some(values: tuple) -> tuple:
        return tuple(data.draw(st.lists(st.sampled_from(values), unique=True, max_size=2)))

    ends = sorted(data.draw(st.tuples(st.integers(YOUNGEST, OLDEST), st.integers(YOUNGEST, OLDEST))))
    selection = Selection(
        states=some(offered.states), counties=some(offered.counties), sex=some(offered.sex), race=some(offered.race),
        party=some(offered.party), ages=tuple(ends), voted=tuple((day, True) for day in some(offered.elections)),
        giving=data.draw(st.sampled_from(list(GIVING))), contact=data.draw(st.sampled_from(list(CONTACT))),
        dollars=data.draw(st.sampled_from([0, 25, 40, 100])),
    )  # fmt: skip
    assert counted.tally(selection).people == counted.megafile.universe(*selection.predicates()).count()


def test_a_cube_whose_edges_are_off_by_one_is_found_out(mf: Megafile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cube, "_steps", lambda value, edges: f"({len(list(edges))} * ({value} > 25)::INTEGER)")
    with pytest.raises(AssertionError):
        assert_same(Cube(mf), Selection(dollars=25))


def test_a_universe_tallied_without_a_cube_is_the_same(counted: Cube) -> None:
    everyone = tally_of(counted.megafile.universe())
    assert everyone.groups == counted.tally(Selection()).groups


# --- the widget -----------------------------------------------------------------------------------------------


@pytest.fixture
def builder(mf: Megafile) -> UniverseBuilder:
    return UniverseBuilder(mf)


def test_controls_change_the_count_the_chart_and_the_sql(builder: UniverseBuilder, mf: Megafile) -> None:
    before = list(builder.chart.params.tally)
    builder.controls.states.value = ("OH",)
    builder.controls.counties.value = (("OH", "O'Brien"),)
    builder.controls.age.value = (40, 49)
    builder.controls.sex["F"].value = True
    builder.controls.sex[None].value = True
    builder.controls.party[HOSTILE].value = True
    builder.controls.voted["2008-11-04"].value = "did not vote"
    builder.controls.scores["it's"].value = (-0.2, 0.5)
    assert builder.readout.error == ""
    count = builder.universe.count()
    assert count == builder.count == mf.universe(*builder.predicates).count()
    assert builder.readout.headline == f"{count:,} people"
    assert builder.chart.params.tally[0] == count != before[0]
    assert len(builder.chart.params.tally) == len(before)
    assert mf.sql(builder._query.sql).height == count


def test_every_control_is_heard(builder: UniverseBuilder) -> None:
    moves = {
        "states": ("PA",), "age": (30, 60), "giving": "has given", "dollars": 50.0, "contact": "tried by phone",
        "also": "donor",
    }  # fmt: skip
    for name, value in moves.items():
        before = builder.readout.headline
        getattr(builder.controls, name).value = value
        assert builder.readout.error == ""
        assert builder.readout.headline != before, name
        builder.controls.clear()
    assert builder.predicates == []
    assert builder.count == PEOPLE


def test_what_is_wrong_shows_on_the_screen_and_goes_away(builder: UniverseBuilder) -> None:
    count = builder.count
    builder.controls.also.value = "gaave('online')"
    assert "did you mean 'gave'" in builder.readout.error
    assert builder.count == count
    builder.controls.also.value = "1 / "
    assert "not a condition" in builder.readout.error
    builder.controls.also.value = ""
    assert builder.readout.error == ""


def test_an_error_that_nobody_foresaw_shows_too(builder: UniverseBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(builder._cube, "tally", broken)
    builder.controls.sex["F"].value = True
    assert builder.readout.error == "RuntimeError: the disk is gone"


def test_clearing_states_clears_their_counties(builder: UniverseBuilder) -> None:
    builder.controls.states.value = ("OH",)
    builder.controls.counties.value = (("OH", "Adams"),)
    builder.controls.states.value = ("PA",)
    assert builder.controls.selection().counties == ()
    assert builder.readout.error == ""


def test_only_text_reaches_the_page(builder: UniverseBuilder) -> None:
    """Values from the file stand in traits, which the script writes as text, and in the chart's data."""
    builder.controls.party[HOSTILE].value = True
    script = (Path(cube.__file__).parent / "readout.js").read_text(encoding="utf-8")
    assert "innerHTML" not in script
    shown = builder._repr_mimebundle_()
    assert "text/html" not in shown
    assert HOSTILE not in shown["text/plain"]


@pytest.mark.slow
def test_in_the_book_it_is_a_still_with_a_text(builder: UniverseBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGNKIT_VEGA", "page")
    shown = builder._repr_mimebundle_()
    assert set(shown) == {"text/plain", "text/html"}
    assert f'alt="A map of the states and bars by age, sex, party and race: {PEOPLE:,} people' in shown["text/html"]
    assert "<b onclick" not in shown["text/html"]


def test_an_empty_megafile_is_no_error(tmp_path: Path) -> None:
    empty = UniverseBuilder(write_facts(tmp_path / "empty.duckdb", {}))
    assert empty.readout.headline == "0 people"
    assert empty.readout.error == ""


# --- clicks, undo, zero and stale states -------------------------------------------------------------------------


def click(builder: UniverseBuilder, group: str, *values: str | None) -> None:
    """Tell of clicks as the browser does: the selection holds the places that were clicked an odd number of times."""
    places = [place for place, row in enumerate(builder._audience.rows, 1) if row in {(group, v) for v in values}]
    points = [{"at": place} for place in places]
    told = {
        "value": {"at": places, "vlPoint": {"or": points}} if points else {},
        "store": [{"values": [1]}] * len(points),
    }
    builder.chart._vl_selections = {**builder.chart._vl_selections, f"clicked_{group}": told}


@pytest.fixture
def clicked(mf: Megafile) -> UniverseBuilder:
    return UniverseBuilder(mf)


def test_a_click_picks_as_the_control_would_and_a_second_lets_go(clicked: UniverseBuilder, mf: Megafile) -> None:
    click(clicked, "state", "OH")
    assert clicked.controls.states.value == ("OH",)
    click(clicked, "state", "OH", "PA")
    assert set(clicked.controls.states.value) == {"OH", "PA"}
    click(clicked, "sex", None)
    click(clicked, "party", HOSTILE)
    click(clicked, "age_band", "40–49")
    assert clicked.readout.error == ""
    assert clicked.controls.age.value == (40, 49)
    assert clicked.count == mf.universe(*clicked.predicates).count() == clicked.chart.params.tally[0]
    assert clicked.universe.by("age_band").table["age_band"].to_list() in ([], ["40–49"])
    click(clicked, "state", "PA")
    assert clicked.controls.states.value == ("PA",)
    click(clicked, "age_band")
    assert clicked.controls.age.value == (YOUNGEST, OLDEST)


def test_every_band_that_is_clicked_is_the_people_of_its_bar(clicked: UniverseBuilder) -> None:
    bars = clicked._audience.everyone.groups["age_band"]
    for band, people in bars.items():
        click(clicked, "age_band", band)
        if band is None:
            assert "age IS NULL" in clicked.readout.error
        else:
            assert clicked.count == people, band
        clicked.controls.clear()
        click(clicked, "age_band")
        clicked.controls.clear()


def test_undo_takes_clicks_and_controls_back_one_by_one(clicked: UniverseBuilder) -> None:
    controls = clicked.controls
    assert controls.undo.disabled
    counts = [clicked.count]
    click(clicked, "state", "OH")
    counts.append(clicked.count)
    controls.counties.value = (("OH", "Adams"),)
    counts.append(clicked.count)
    click(clicked, "sex", "F")
    counts.append(clicked.count)
    controls.clear()
    assert clicked.count == counts[0]
    for count in reversed(counts):
        assert not controls.undo.disabled
        controls.undo.click()
        assert clicked.count == count
    assert controls.undo.disabled
    controls.undo.click()
    assert clicked.count == PEOPLE
    assert clicked.predicates == []


def test_nobody_is_drawn_and_said_as_nobody(clicked: UniverseBuilder) -> None:
    clicked.controls.also.value = "age > 50 and age < 40"
    assert clicked.readout.headline == "0 people"
    assert "Undo takes the last step back" in clicked.readout.detail
    assert set(clicked.chart.params.tally) == {0}
    spec = clicked.still().to_dict()
    states = spec["vconcat"][0]["hconcat"][0]
    assert states["encoding"]["fillOpacity"]["condition"]["test"] == "datum.n > 0"
    assert states["encoding"]["fillOpacity"]["value"] < 0.1
    assert "'nobody in any state'" in states["title"]["text"]["expr"]


def test_after_an_error_what_is_shown_is_stale_until_something_works(clicked: UniverseBuilder) -> None:
    assert STALE not in clicked.box._dom_classes
    clicked.controls.also.value = "gaave()"
    assert STALE in clicked.box._dom_classes
    clicked.controls.undo.click()
    assert clicked.readout.error == ""
    assert STALE not in clicked.box._dom_classes


def test_the_readout_is_busy_while_it_counts_and_not_after(
    clicked: UniverseBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    clicked.readout.observe(lambda change: seen.append(change["new"]), "busy")
    clicked.controls.sex["F"].value = True
    assert seen == [True, False]

    def broken(*_: object) -> None:
        seen.append("counting")
        raise RuntimeError

    monkeypatch.setattr(clicked._cube, "tally", broken)
    click(clicked, "state", "OH")  # a handler within a handler
    assert seen == [True, False, True, "counting", False]
    assert clicked.readout.error


def test_a_newer_megafile_at_the_path_is_said(tmp_path: Path) -> None:
    path = tmp_path / "m.duckdb"
    builder = UniverseBuilder(write_facts(path, {}))
    assert "newer megafile" not in builder.readout.detail
    write_facts(tmp_path / "n.duckdb", {}).close()
    (tmp_path / "n.duckdb").replace(path)
    with pytest.warns(UserWarning, match="newer"):
        builder.controls.age.value = (40, 49)
    assert "a newer megafile lies at its path" in builder.readout.detail
