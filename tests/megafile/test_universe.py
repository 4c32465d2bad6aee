"""Universes: what predicates mean, held against plain Polars; set algebra; dates; names that are wrong."""

import datetime
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaignkit.errors import BadValue, ColumnNotFound
from campaignkit.megafile.breakdown import break_down
from tests.megafile.campaign import TODAY, days, pick, write_facts

PEOPLE = 300


@pytest.fixture(scope="module")
def facts():
    """Random people and facts, some dated after today, with nulls where files have them."""
    rng = np.random.default_rng(7)
    person = pl.DataFrame(
        {
            "person_id": range(1, PEOPLE + 1),
            "sex": pick(rng, ["F", "M", None], PEOPLE),
            "state": pick(rng, ["OH", "NC", None], PEOPLE),
            "region": pick(rng, ["South", "Midwest"], PEOPLE),
            "birth_date": [
                None if rng.random() < 0.2 else datetime.date(1950, 1, 1) + datetime.timedelta(days=int(d))
                for d in rng.integers(0, 15000, PEOPLE)
            ],
            "birth_year": rng.integers(1930, 1994, PEOPLE),
            "last_name": pick(rng, ["O'Brien", "Peña", "<b>Bo</b>"], PEOPLE),
        }
    )
    gift = pl.DataFrame(
        {
            "person_id": rng.integers(1, PEOPLE + 1, 500),
            "given_on": days(rng, 500, 900, 30),
            "amount": pick(rng, [-5.0, 10.0, 250.5], 500),
            "channel": pick(rng, ["online", "mail"], 500),
        }
    )
    contact = pl.DataFrame(
        {
            "person_id": rng.integers(1, PEOPLE + 1, 300),
            "contacted_on": days(rng, 300, 900, 30),
            "channel": pick(rng, ["phone", "door"], 300),
        }
    )
    vote = pl.DataFrame(
        {
            "person_id": rng.integers(1, PEOPLE + 1, 300),
            "election_date": pick(rng, [datetime.date(2008, 11, 4), datetime.date(2010, 11, 2)], 300),
            "election_type": ["general"] * 300,
        }
    )
    return {"person": person, "gift": gift, "contact": contact, "vote_history": vote}


@pytest.fixture(scope="module")
def megafile(facts, tmp_path_factory):
    with write_facts(tmp_path_factory.mktemp("universe") / "random.duckdb", facts) as megafile:
        yield megafile


def ids(universe):
    return set(universe.people("person_id")["person_id"].to_list())


def age(row, as_of):
    if row["birth_date"] is None:
        return as_of.year - row["birth_year"]
    before = (as_of.month, as_of.day) < (row["birth_date"].month, row["birth_date"].day)
    return as_of.year - row["birth_date"].year - before


def who(facts, predicate, as_of):
    """The reference: the same predicates in plain Polars and Python."""
    person, gift, contact, vote = (facts[t] for t in ("person", "gift", "contact", "vote_history"))
    gift = gift.filter(pl.col("given_on") <= as_of)
    contact = contact.filter(pl.col("contacted_on") <= as_of)
    vote = vote.filter(pl.col("election_date") <= as_of)
    some = lambda rows: set(rows["person_id"].to_list())  # noqa: E731
    recent = pl.col("given_on") > as_of - datetime.timedelta(days=90)
    cold = (
        contact.group_by("person_id")
        .agg(pl.col("contacted_on").max())
        .filter(pl.col("contacted_on") < as_of - datetime.timedelta(days=30))
    )
    return {
        "sex = 'F'": lambda: some(person.filter(pl.col("sex") == "F")),
        "age between 40 and 49": lambda: {
            r["person_id"] for r in person.iter_rows(named=True) if 40 <= age(r, as_of) <= 49
        },
        "gave('online')": lambda: some(gift.filter((pl.col("channel") == "online") & (pl.col("amount") > 0))),
        "gave('mail', '90d')": lambda: some(
            gift.filter((pl.col("channel") == "mail") & (pl.col("amount") > 0) & recent)
        ),
        "gifts('90d') > 100": lambda: some(
            gift.filter(recent).group_by("person_id").agg(pl.col("amount").sum()).filter(pl.col("amount") > 100)
        ),
        "not contacted('phone')": lambda: some(person) - some(contact.filter(pl.col("channel") == "phone")),
        "voted_in('2008-11-04')": lambda: some(vote.filter(pl.col("election_date") == datetime.date(2008, 11, 4))),
        "last_contact_days > 30": lambda: some(cold),
        "state is null or state = 'OH'": lambda: some(
            person.filter(pl.col("state").is_null() | (pl.col("state") == "OH"))
        ),
        "last_name = 'O''Brien'": lambda: some(person.filter(pl.col("last_name") == "O'Brien")),
    }[predicate]()


PREDICATES = [
    "sex = 'F'", "age between 40 and 49", "gave('online')", "gave('mail', '90d')", "gifts('90d') > 100",
    "not contacted('phone')", "voted_in('2008-11-04')", "last_contact_days > 30", "state is null or state = 'OH'",
    "last_name = 'O''Brien'",
]  # fmt: skip
expression = st.recursive(
    st.sampled_from(PREDICATES), lambda inner: st.tuples(st.sampled_from("&|-"), inner, inner), max_leaves=5
)
SETS = {"&": set.intersection, "|": set.union, "-": set.difference}
UNIVERSES = {"&": lambda a, b: a & b, "|": lambda a, b: a | b, "-": lambda a, b: a - b}


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=expression, back=st.integers(0, 500))
def test_set_algebra_and_dates_equal_plain_polars(megafile, facts, said, back):
    as_of = TODAY - datetime.timedelta(days=back)

    def walk(node, leaf, combine):
        if isinstance(node, str):
            return leaf(node)
        return combine[node[0]](walk(node[1], leaf, combine), walk(node[2], leaf, combine))

    universe = walk(said, lambda p: megafile.universe(p, as_of=as_of), UNIVERSES)
    expected = walk(said, lambda p: who(facts, p, as_of), SETS)
    assert ids(universe) == expected
    assert universe.count() == len(expected)
    assert set(megafile.sql(universe.sql)["person_id"].to_list()) == expected


def test_facts_after_the_date_do_not_exist(megafile, facts):
    future = facts["gift"].filter(pl.col("given_on") > TODAY)
    assert future.height > 0
    seen = megafile.universe().features(["gifts()"]).pl()["gifts"].sum()
    assert seen == pytest.approx(facts["gift"].filter(pl.col("given_on") <= TODAY)["amount"].sum())


def test_features_name_themselves_and_leave_nobody_out(megafile):
    table = megafile.universe().features(["sex", "gifts('90d')", "voted_in('2008-11-04')"]).pl()
    assert table.columns == ["person_id", "household_id", "sex", "gifts_90d", "voted_in_2008_11_04"]
    assert table.height == PEOPLE
    with pytest.raises(BadValue, match="one name"):
        megafile.universe().features(["gave('90d')", "gave( '90d' )"])


def test_by_counts_groups_and_averages_facts(megafile, facts):
    found = megafile.universe().by("region", measures=["gave()", "gifts('365d')"])
    assert found.table.filter(pl.col("measure") == "gave")["n"].sum() == PEOPLE
    south = set(facts["person"].filter(pl.col("region") == "South")["person_id"].to_list())
    rate = len(who_gave(facts) & south) / len(south)
    row = found.table.filter((pl.col("measure") == "gave") & (pl.col("region") == "South")).row(0, named=True)
    assert row["estimate"] == pytest.approx(rate)
    assert row["lower"] < rate < row["upper"]
    assert "No group stands out beyond noise; the highest is" in found.summary()
    assert found.chart() is not None


def test_a_breakdown_leads_with_who_stands_out_and_not_with_the_noisiest():
    rng = np.random.default_rng(4)
    sizes, rates = {"large": 4000, "middling": 3000, "tiny": 12}, {"large": 0.10, "middling": 0.05, "tiny": 0.07}
    people = pl.concat([
        pl.DataFrame({"kind": kind, "gave": (rng.random(n) < rates[kind]).astype(float)}) for kind, n in sizes.items()
    ])  # fmt: skip
    tiny = people.with_columns(
        gave=pl.when(pl.col("kind") == "tiny").then(pl.int_range(pl.len()) % 3 == 0).otherwise("gave")
    )
    said = break_down(tiny, ["kind"], ["gave"], "everyone").summary()
    assert re.search(r"\. The group that stands out is (large|middling): \d+\.\d% gave", said)
    alike = people.with_columns(gave=pl.Series((rng.random(people.height) < 0.05).astype(float)))
    assert "No group stands out" in break_down(alike, ["kind"], ["gave"], "everyone").summary()


def who_gave(facts):
    given_ = facts["gift"].filter((pl.col("given_on") <= TODAY) & (pl.col("amount") > 0))
    return set(given_["person_id"].to_list())


def test_totals_are_means_times_people(megafile):
    measures = {"sum(gifts('365d'))", "gifts('365d')", "sum(gave())"}
    found = megafile.universe().by("region", measures=sorted(measures)).table
    mean, total, givers = (
        found.filter(pl.col("measure") == name) for name in ("gifts_365d", "sum_gifts_365d", "sum_gave")
    )
    for column in ("estimate", "lower", "upper"):
        assert total[column].to_list() == pytest.approx((mean[column] * mean["n"]).to_list(), nan_ok=True)
    asked = megafile.universe().features(["region", "gave()"]).pl().group_by("region").agg(pl.col("gave").sum())
    known = dict(asked.iter_rows())
    assert {region: round(n) for region, n in givers.select("region", "estimate").iter_rows()} == known
    with pytest.raises(BadValue):
        megafile.universe().by("region", measures=["sum(age) or sum(age)"])
    assert (
        megafile.universe()
        .by("region", measures=["sum(gave())"])
        .summary()
        .endswith("Larger groups have larger totals.")
    )


def test_an_empty_universe_is_nobody_everywhere(megafile):
    nobody = megafile.universe("sex = 'F'", "sex = 'M'")
    assert nobody.count() == 0
    assert nobody.sample(5).is_empty()
    assert nobody.by("region").summary().startswith("Nobody")


def test_a_sample_is_the_same_for_the_same_seed(megafile):
    everyone = megafile.universe()
    first = everyone.sample(20, seed=1)
    assert first.equals(everyone.sample(20, seed=1))
    assert not first.equals(everyone.sample(20, seed=2))
    assert first.height == 20


def test_equalities_take_values_lists_and_none(megafile, facts):
    person = facts["person"]
    assert megafile.universe(sex="F").count() == (person["sex"] == "F").sum()
    assert megafile.universe(state=["OH", "NC"]).count() == person["state"].is_in(["OH", "NC"]).sum()
    assert megafile.universe(state=None).count() == person["state"].is_null().sum()
    assert megafile.universe(last_name="O'Brien").count() == (person["last_name"] == "O'Brien").sum()


@pytest.mark.parametrize(
    ("equals", "message"),
    [
        ({"region": "Midwst"}, "region='Midwst': nobody has that; did you mean 'Midwest'?"),
        ({"state": ["OH", "Ohio"]}, "state='Ohio': nobody has that; did you mean 'OH'? There is: NC, OH."),
        ({"sex": "f"}, "did you mean 'F'?"),
    ],
)
def test_a_value_nobody_has_is_told_the_nearest(megafile, equals, message):
    with pytest.raises(BadValue, match=re.escape(message)):
        megafile.universe(**equals)


def test_explain_wants_a_number(megafile):
    with pytest.raises(BadValue, match="person_id is 'nope'; int was expected"):
        megafile.explain("nope")
    with pytest.raises(BadValue, match="There is no person -1"):
        megafile.explain(np.int64(-1))


WRONG = {
    "partty = 'D'": (ColumnNotFound, "did you mean 'party'"),
    "gaave('online')": (ColumnNotFound, "did you mean 'gave'"),
    "last_contact_day > 3": (ColumnNotFound, "did you mean 'last_contact_days'"),
    "age between 40 an 49": (BadValue, "not a condition DuckDB can read"),
    "gave(90)": (BadValue, "takes text in single quotes"),
    "voted_in()": (BadValue, "takes 1 to 1 arguments, not 0"),
    "voted_in('4 Nov 2008')": (BadValue, "date like '2008-11-04'"),
    "person_id in (select 1)": (BadValue, "can't hold a query"),
    "age, sex": (BadValue, "not one condition"),
    "true; drop table person": (BadValue, "not a condition DuckDB can read"),
    "true) FROM person WHERE (true": (BadValue, "not one condition"),
    "true) UNION SELECT (true": (BadValue, "not one condition"),
    "true -- hide": (BadValue, "not a condition DuckDB can read"),
    "gave('{as_of}')": (BadValue, "can't stand in an argument"),
    "gave('onlin')": (BadValue, "no gift has the channel 'onlin'; did you mean 'online'"),
    "not contacted('call')": (BadValue, "no contact has the channel 'call'"),
    "gave('90 days')": (BadValue, "no gift has the channel '90 days'"),
    "birth_date > 5": (BadValue, "birth_date > 5"),
}


@pytest.mark.parametrize("predicate", WRONG)
def test_a_wrong_predicate_says_what_is_wrong(megafile, predicate):
    error, message = WRONG[predicate]
    with pytest.raises(error, match=message.replace("(", r"\(").replace(")", r"\)")):
        megafile.universe(predicate)


def test_universes_of_two_dates_do_not_mix(megafile):
    with pytest.raises(BadValue, match="one date"):
        megafile.universe("donor") & megafile.universe("donor", as_of="2012-01-01")
    with pytest.raises(BadValue, match="knows nothing after"):
        megafile.universe("donor", as_of="2013-01-01")


def test_restricted_facts_are_remembered(megafile):
    both = megafile.universe("fec_gifts() > 200") & megafile.universe("donor")
    assert both.restricted == {"fec_gifts"}
    assert megafile.universe("donor").restricted == frozenset()


def test_every_fact_and_attribute_runs(megafile):
    examples = {"voted_in": "'2008-11-04'", "invited": "'a'", "entered": "'a'", "enrolled": "'q'", "assigned": "'e', 'a'",
                "answered": "'q', 'a'", "suppressed": "'phone'", "in_source": "'x'", "score": "'t'", "tagged": "'t'"}  # fmt: skip
    for row in megafile.facts.iter_rows(named=True):
        call = f"{row['name']}({examples.get(row['name'], '')})" if row["arguments"] else row["name"]
        assert megafile.universe().features({"x": call}).pl().height == PEOPLE


def test_names_reach_html_escaped(megafile):
    assert "<b>Bo" not in megafile.universe(last_name="<b>Bo</b>")._repr_html_()
    assert "<b>Bo" not in megafile.universe().by("last_name")._repr_html_().replace("&lt;b&gt;", "")
