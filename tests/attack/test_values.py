"""Values that nobody has are warned of and make no list; scores no better than chance say so wherever they rank."""

import json
import re
import warnings

import numpy as np
import polars as pl
import pytest

from campaignkit import voters
from campaignkit.errors import BadValue
from tests.megafile.campaign import write_facts

PEOPLE = 2_000


@pytest.fixture(scope="module")
def megafile(tmp_path_factory):
    """Two thousand people of few kinds, and a coin thrown for each."""
    rng = np.random.default_rng(3)
    person = pl.DataFrame(
        {
            "person_id": range(1, PEOPLE + 1),
            "sex": rng.choice(["F", "M"], PEOPLE),
            "race": rng.choice(["white", "black", "hispanic"], PEOPLE),
            "county": rng.choice(["Fulton", "Franklin", *(f"County {at}" for at in range(400))], PEOPLE),
            "cd": rng.choice(["5", "12"], PEOPLE),
            "party": rng.choice(["D", "R"], PEOPLE),
            "phone": [f"+1216555{at:04}" for at in range(PEOPLE)],
            "email": [f"p{at}@x.org" for at in range(PEOPLE)],
            "last_name": rng.choice(["Smith", "Jones"], PEOPLE),
            "voter_status": rng.choice(["active", "inactive"], PEOPLE),
        }
    )
    consumer = pl.DataFrame({"person_id": range(1, PEOPLE + 1), "education": rng.choice(["college", "school"], PEOPLE)})
    with write_facts(
        tmp_path_factory.mktemp("values") / "kinds.duckdb", {"person": person, "consumer": consumer}
    ) as megafile:
        yield megafile


UNMATCHED = {
    "sex = 'Female'": "sex = 'Female': nobody has that. There is: F, M.",
    "race = 'Black'": "race = 'Black': nobody has that; did you mean 'black'?",
    "county = 'FULTON'": "county = 'FULTON': nobody has that; did you mean 'Fulton'?",
    "cd = '05'": "cd = '05': nobody has that; did you mean '5'?",
    "'05' = cd": "cd = '05'",
    "sex <> 'Female'": "sex = 'Female'",
    "not (sex = 'f')": "sex = 'f'",
    "sex in ('F', 'Male')": "sex = 'Male'",
    "sex not in ('Male')": "sex = 'Male'",
    "sex in ['F', 'Male']": "sex = 'Male'",
    "sex is distinct from 'f'": "sex = 'f'",
    "party like 'Dem%'": "party = 'Dem%'",
    "party like 'Democrat'": "party = 'Democrat'",
    "county not like 'FULTON'": "county = 'FULTON'",
    "race ilike 'BLAK'": "race = 'BLAK'",
    "age_band = '30-39'": "age_band = '30-39': nobody has that; did you mean '30–39'?",
    "education = 'College'": "education = 'College'",
    "case when sex = 'Female' then true else false end": "sex = 'Female'",
    "p.sex = 'Female' or donor": "sex = 'Female'",
}


@pytest.mark.parametrize("predicate", UNMATCHED)
def test_a_value_that_nobody_has_is_warned_of_and_makes_no_list(megafile, predicate):
    with pytest.warns(UserWarning, match=re.escape(UNMATCHED[predicate])):
        universe = megafile.universe(predicate)
    universe.count()
    for audience in (universe, megafile.universe() - universe):
        with pytest.raises(BadValue, match=r"No list is made on values that nobody has.*nobody has that"):
            audience.call_list("phone", "turnout")
        with pytest.raises(BadValue, match="No list is made"):
            audience.hashed("email", "persuade")


def test_a_rank_by_a_value_that_nobody_has_makes_no_list(megafile):
    with pytest.raises(BadValue, match="party = 'Dem'"):
        megafile.universe().call_list("phone", "turnout", rank_by="case when party = 'Dem' then 1 else 0 end")


MATCHED = [
    "sex = 'F'", "race ilike 'BLACK'", "county like 'Frank%'", "county in ('Fulton', 'Franklin')", "cd = '5' or cd = '12'",
    "last_name = 'Nobody'", "phone like '+1330%'", "sex is null", "age_band = '30–39'", "lower(race) = 'black'", "city = 'Akron'",
    "contains(county, 'ult')", "sex < 'G'", "party || sex = 'DF'", "cast(cd as integer) = 5",
]  # fmt: skip


@pytest.mark.parametrize("predicate", MATCHED)
def test_a_value_that_is_there_or_may_be_anything_is_not_warned_of(megafile, predicate):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        megafile.universe(predicate).call_list("phone", "turnout")


def test_a_keyword_is_still_an_error(megafile):
    with pytest.raises(BadValue, match=re.escape("sex='Female': nobody has that. There is: F, M.")):
        megafile.universe(sex="Female")
    with pytest.warns(UserWarning, match="did you mean 'Fulton'"):  # of more than 200 values, as in a predicate
        megafile.universe(county="FULTON")


@pytest.fixture
def coin():
    """Two hundred and forty people; half do something, at random."""
    rng = np.random.default_rng(1)
    return pl.DataFrame(
        {"person_id": range(1, 401), "side": rng.choice(["a", "b"], 400), "did": rng.random(400) < 0.5,
         "arm": rng.choice(["control", "call"], 400)}
    )  # fmt: skip


def test_a_score_no_better_than_chance_says_so_wherever_it_ranks(megafile, coin, tmp_path):
    score = voters.fit_score(coin, "did", ["side"], name="coin", purpose="turnout", unit="person_id")
    assert score.quality.auc_lower <= 0.5
    assert "no better than chance" in score.summary()
    with pytest.warns(UserWarning, match=r"score\('coin'\) ranks no better than chance: AUC"):
        score.write_scores(megafile)
    with pytest.warns(UserWarning, match=r"The list ranks by score\('coin'\).*no better than chance"):
        made = megafile.universe().call_list("phone", "turnout", rank_by="score('coin')", limit=5)
    assert "no better than chance" in made.warnings[0]
    *_, manifest = made.write(tmp_path / "tonight.csv")
    assert "no better than chance" in json.loads(manifest.read_text())["warnings"][0]


def test_a_ranking_and_a_priority_no_better_than_chance_say_so_too(megafile, coin):
    found = voters.fit_persuasion(
        coin, "arm", "did", ["side"], control="control", treatment="call", unit="person_id", name="moved"
    )
    assert not found.beats_random
    with pytest.warns(UserWarning, match=r"score\('moved'\) ranks no better than chance: Qini"):
        found.write_scores(megafile)
    first = voters.priority(megafile.universe(), support=0.6, turnout=0.5, persuasion="score('moved')")
    assert "no better than chance" in first.summary()
    with pytest.warns(UserWarning, match=r"score\('priority'\) is made of scores of which score\('moved'\)"):
        first.write_scores(megafile)


def test_a_score_that_ranks_has_nothing_to_say(megafile, coin):
    told = coin.with_columns(side=pl.when("did").then(pl.lit("a")).otherwise("side"))
    score = voters.fit_score(told, "did", ["side"], name="told", purpose="turnout", unit="person_id", ridge=1.0)
    assert score.warning is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score.write_scores(megafile)
        assert megafile.universe().call_list("phone", "turnout", rank_by="score('told')", limit=5).warnings == ()


def test_a_score_of_facts_is_written_of_the_universe_it_was_fitted_on(megafile, coin):
    megafile.write_scores("did", coin.select("person_id", value=pl.col("did").cast(pl.Float64)))
    everyone = megafile.universe("score('did') is not null")
    facts = ["sex", "score('did')", "gift_count('90d')"]
    score = voters.fit_score(everyone, "score('did') = 1", facts, name="facts", purpose="turnout", ridge=1.0)
    assert score.write_scores(megafile) == everyone.count() == megafile.universe("score('facts') >= 0").count()
    assert "score('did')" in score.predict(everyone).columns
