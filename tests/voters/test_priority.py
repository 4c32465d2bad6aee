"""Expected net votes a contact, counted out; and recipes, which must not know the future."""

import shutil

import numpy as np
import polars as pl
import pytest

import campaignkit as ck
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.voters import fit_persuasion, priority
from campaignkit.voters.recipes import RECIPES, gives_online


def people(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "person_id": np.arange(n), "s": rng.random(n), "q": rng.random(n) * 0.9, "d": rng.normal(0, 0.02, n),
            "u": rng.random(n) * 0.1, "r": rng.random(n),
        }
    )  # fmt: skip


def net_votes(support, turnout):
    """Everybody stays at home, votes for us or votes for them."""
    return turnout * support * 1 + turnout * (1 - support) * -1 + (1 - turnout) * 0


def test_net_votes_are_those_counted_out():
    table = people()
    found = priority(table, support="s", turnout="q", persuasion="d", mobilization="u", reach="r")
    s, q, d, u, r = (table[name].to_numpy() for name in ("s", "q", "d", "u", "r"))
    expected = r * (net_votes(s + d, q + u) - net_votes(s, q))
    assert found.predict().collect()["priority"].to_numpy() == pytest.approx(expected, abs=1e-12)
    assert found.table["net_votes"].sum() == pytest.approx(expected.sum())
    assert found.table["lowest"][0] == pytest.approx(np.sort(expected)[-100])
    assert found.below_zero == (expected < 0).sum()
    assert found.table["running"][-1] == pytest.approx(expected.sum())


def test_effects_of_the_assigned_are_made_those_of_the_reached():
    table = people()
    assigned = table.with_columns(d=pl.col("d") * 0.5, u=pl.col("u") * 0.5)
    parts = {"support": "s", "turnout": "q", "persuasion": "d", "mobilization": "u", "reach": "r"}
    one, two = priority(table, **parts), priority(assigned, experiment_reach=0.5, **parts)
    assert one.predict().collect()["priority"].to_numpy() == pytest.approx(
        two.predict().collect()["priority"].to_numpy()
    )
    assert "divided by the 50% reached" in two.summary()


def test_a_number_mobilizes_those_on_the_fence():
    table = pl.DataFrame({"person_id": [1, 2, 3], "q": [0.5, 0.9, 1.0], "s": [1.0, 1.0, 1.0]})
    found = priority(table, support="s", turnout="q", mobilization=0.04)
    assert found.predict().collect()["priority"].to_list() == pytest.approx([0.04, 0.04 * 0.36, 0.0])


def test_who_has_no_score_has_no_priority_and_is_counted():
    table = people().with_columns(s=pl.when(pl.col("person_id") % 4 > 0).then("s"))
    found = priority(table, support="s", turnout="q", persuasion="d")
    assert (found.people, found.set_aside) == (750, 250)
    assert found.predict().collect()["priority"].null_count() == 250
    assert "250 people lack one of the scores" in found.summary()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"s": pl.lit(1.2)}, "support: column 's' holds 1.2"),
        ({"q": pl.lit(-0.1)}, "turnout: column 'q' holds -0.1"),
        ({"d": pl.lit("x")}, "priority: column 'd' is String"),
    ],
)
def test_what_is_no_chance_is_refused(change, says):
    with pytest.raises(BadValue, match=says):
        priority(people().with_columns(**change), support="s", turnout="q", persuasion="d")


def test_numbers_out_of_range_and_nobody_are_refused():
    with pytest.raises(BadValue, match="turnout is 70"):
        priority(people(), support="s", turnout=70)
    with pytest.raises(NotEnoughData, match="Nobody has all"):
        priority(people().with_columns(s=pl.lit(None, dtype=pl.Float64)), support="s", turnout="q")


def test_it_ranks_a_universe_by_its_facts():
    voters = ck.sample.megafile(progress=False).universe("voter", state="OH")
    found = priority(voters, support=0.6, turnout="voted_in('2008-11-04')", mobilization=0.0, persuasion=0.02)
    ranked = found.predict().pl()
    assert found.people == ranked.height == voters.count()
    assert set(ranked["priority"].round(6)) == {0.0, 0.04}
    assert found.chart().to_dict()["description"] == found.summary()


# --- recipes ----------------------------------------------------------------------------------------------


def test_recipes_know_nothing_of_the_time_that_they_foretell():
    mf = ck.sample.megafile(progress=False)
    earlier, later = gives_online.dates(mf)
    assert (later - earlier).days == 90
    table = gives_online.known(mf).pl()
    counted = mf.sql(
        "SELECT person_id, count(*) FILTER (given_on <= ?) AS before, bool_or(given_on > ?) AS after FROM gift "
        "WHERE channel = 'online' AND amount > 0 AND given_on <= ? GROUP BY 1",
        [earlier, earlier, later],
    )
    both = table.join(counted, on="person_id", how="left").fill_null(0)
    assert both["gifts_online"].to_list() == both["before"].to_list()
    assert both["outcome"].to_list() == both["after"].fill_null(False).to_list()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_every_recipe_has_its_table(recipe):
    mf = ck.sample.megafile(progress=False)
    known, current = recipe.known(mf).pl(), recipe.current(mf).pl()
    assert known["person_id"].is_unique().all()
    assert 0.01 < known["outcome"].mean() < 0.5
    assert set(known.columns) - {"outcome"} == set(current.columns)
    assert recipe.features.keys() == recipe.blocks.keys()


def test_it_is_written_and_ranks_a_list(tmp_path):
    shutil.copy(ck.sample.megafile(progress=False).path, tmp_path / "campaign.duckdb")
    mf = ck.Megafile.open(tmp_path / "campaign.duckdb")
    voters = mf.universe("voter", state="OH")
    facts = {"sex": "sex", "called": "assigned('scripts', 'health')", "drawn": "assigned('scripts')"}
    table = voters.features(facts | {"voted": "voted_in('2008-11-04')"}).pl().filter("drawn")
    moved = fit_persuasion(table, "called", "voted", ["sex"], control=False, unit="person_id")
    assert moved.write_scores(mf, voters.features(["sex"])) == voters.count()
    found = priority(voters, support=0.6, turnout="voted_in('2008-11-04')", persuasion="score('persuasion')", reach=0.5)
    assert found.write_scores(mf) == found.people == voters.count()
    ranked = voters.call_list("phone", purpose="persuade", rank_by="score('priority')", limit=50).table
    assert ranked["rank_value"].is_sorted(descending=True)
    best = found.predict().pl()["priority"].max()
    assert ranked["rank_value"][0] == pytest.approx(best)
