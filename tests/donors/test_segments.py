"""discover_segments: exact counts, honest evidence, each effect once, and the edges."""

import datetime as dt
from itertools import combinations

import duckdb
import numpy as np
import polars as pl
import polars.selectors as cs
import pysubgroup as ps
import pytest
from pysubgroup.datasets import get_credit_data, get_titanic_data
from scipy.stats import hypergeom

from campaignkit import sample, tables
from campaignkit.donors import discover_segments
from campaignkit.donors.subgroups import cubes, split_sample
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from campaignkit.splits import id_texts, split_keys

PLANTED = "region West, women, age 40–49"
NOISE = ["race", "education", "income_band", "urbanicity", "homeowner", "interest"]
BY = ["region", "sex", "age_band", *NOISE]


@pytest.fixture(scope="module")
def contest() -> pl.DataFrame:
    return sample.draw("contest", 40_000, seed=4, appeal=3.5).table


@pytest.fixture(scope="module")
def found(contest):
    return discover_segments(contest, "entered", BY, unit="person", cluster="household")


# --- against pysubgroup ----------------------------------------------------------------------------------


def titanic() -> tuple[pl.DataFrame, str, list[str]]:
    data = get_titanic_data()
    table = pl.DataFrame(
        {
            "Survived": data["Survived"].astype(bool).tolist(),
            **{name: [str(value) for value in data[name]] for name in ("Pclass", "Sex", "SibSp", "Parch", "Embarked")},
        }
    )  # fmt: skip
    return table, "Survived", ["Pclass", "Sex", "SibSp", "Parch", "Embarked"]


def credit() -> tuple[pl.DataFrame, str, list[str]]:
    data = get_credit_data()
    texts = [name for name in data.columns if name != "class" and data[name].dtype.kind not in "fiu"]
    table = pl.DataFrame({name: data[name].astype(str).tolist() for name in texts})
    return table.with_columns(bad=pl.Series((data["class"].astype(str) == "bad").tolist())), "bad", texts


def crowd() -> tuple[pl.DataFrame, str, list[str]]:
    table = sample.draw("contest", 20_000, seed=9).table
    return table.with_columns(pl.col("homeowner").cast(pl.String)), "entered", [*BY]


@pytest.mark.parametrize("data", [titanic, credit, crowd])
def test_top_20_by_wracc_is_pysubgroups(data):
    table, outcome, by = data()
    pandas = table.to_pandas()
    task = ps.SubgroupDiscoveryTask(
        pandas, ps.BinaryTarget(outcome, True), ps.create_nominal_selectors(pandas[by]), result_set_size=20, depth=3,
        qf=ps.WRAccQF(),
    )  # fmt: skip
    theirs = sorted(((score, len(rule.selectors)) for score, rule, _ in ps.DFS().execute(task).results), reverse=True)
    rules = {
        frozenset(str(s).replace("'", "") for s in rule.selectors): score
        for score, rule, _ in ps.DFS().execute(task).results
    }
    ours = discover_segments(table, outcome, by, rank="wracc", distinct=False, holdout=None, min_size=1, top=20).table
    assert ours["wracc"].to_list() == pytest.approx([score for score, _ in theirs], abs=1e-12)
    mine = {
        frozenset(part.replace('"', "").replace("'", "").replace(" = ", "==") for part in where.split(" AND ")): score
        for where, score in ours.select("where", "wracc").rows()
    }
    cut = ours["wracc"][-1] + 1e-12  # those tied with the last may differ
    assert {rule for rule, score in mine.items() if score > cut} == {
        rule for rule, score in rules.items() if score > cut
    }


# --- counts and evidence --------------------------------------------------------------------------------


def test_every_conjunction_is_counted():
    rng = np.random.default_rng(3)
    table = pl.DataFrame(
        {
            "a": np.array(["x", "y", None])[rng.integers(0, 3, 500)].tolist(), "b": rng.choice([True, False], 500), "c": rng.integers(0, 4, 500),
            "y": rng.random(500) < 0.3,
        }
    )  # fmt: skip
    ours = discover_segments(table, "y", ["a", "b", "c"], holdout=None, distinct=False, min_size=1, top=10**6)
    expected = 0
    for size in (1, 2, 3):
        for columns in combinations(["a", "b", "c"], size):
            expected += table.group_by(columns).len().height
    assert ours.searched == ours.table.height == expected
    with duckdb.connect() as con:
        con.register("people", table)
        for where, n, k in ours.table.select("where", "size", "positives").rows():
            assert con.execute(f"SELECT count(*), count(*) FILTER (y) FROM people WHERE {where}").fetchone() == (n, k)


def test_p_values_are_exact_not_normal(contest):
    table = contest.with_columns(rare=pl.col("person") % 97 == 0)
    ours = discover_segments(table, "rare", BY[:4], holdout=None, distinct=False, top=500).table
    total, positives = table.height, int(table["rare"].sum())
    exact = hypergeom.sf(ours["positives"].to_numpy() - 1, total, positives, ours["size"].to_numpy())
    assert ours["p_value"].to_numpy() == pytest.approx(exact, rel=1e-4)


def test_the_planted_segment_is_found_first_and_held_up(found):
    assert found.table["segment"][0] == PLANTED
    assert found.confirmed["segment"][0] == PLANTED
    assert found.table["holdout_size"][0] > 300
    assert "clusters (household)" in found.method
    assert PLANTED in found.summary()
    assert found.chart().to_dict()["description"] == found.summary()


def test_each_effect_is_shown_once(found):
    assert found.redundant.height > 0
    assert set(found.redundant["variant_of"]) <= set(found.table["segment"])
    assert found.table.filter(pl.any_horizontal(pl.col("segment").str.contains(name) for name in NOISE)).is_empty()
    assert (found.table["gain_p_adjusted"] <= found.q).all()


def test_nearly_the_same_people_are_one(contest):
    again = contest.with_columns(coast=pl.col("region") == "West")
    ours = discover_segments(again, "entered", ["region", "coast", "sex", "age_band"], unit="person")
    assert not (ours.table["segment"].str.contains("West") & ours.table["segment"].str.contains("coast")).any()
    twins = ours.redundant.filter(reason="nearly the same people")
    assert "coast, women, age 40–49" in [*twins["segment"], *ours.table["segment"]]
    assert (PLANTED in ours.table["segment"]) != ("coast, women, age 40–49" in ours.table["segment"])


def test_a_parent_that_only_holds_the_child_goes():
    world = sample.draw("contest", 40_000, seed=11, appeal=5.0, main=1.0).table
    ours = discover_segments(world, "entered", BY[:4], unit="person")
    assert ours.table["segment"].to_list() == [PLANTED]
    assert "region West, women" in ours.redundant["segment"].to_list()


def test_a_parent_with_an_effect_of_its_own_stays():
    world = sample.draw("contest", 60_000, seed=11, appeal=3.0, main=1.8).table
    ours = discover_segments(world, "entered", BY[:4], unit="person")
    assert {PLANTED, "region West", "women", "age 40–49"} <= set(ours.table["segment"])


def test_nothing_there_shows_nothing():
    world = sample.draw("contest", 20_000, seed=2, appeal=1.0, main=1.0).table
    ours = discover_segments(world, "entered", BY, unit="person")
    assert ours.table.is_empty()
    assert ours.chart() is None
    assert "No segment stands out" in ours.summary()
    assert "No segment stands out" in repr(ours)
    assert ours._repr_html_()


@pytest.mark.slow
def test_normal_tails_would_announce_what_is_not_there():
    """At a base rate of 1% the z score of thousands of small segments passes what an exact p-value does not."""
    from scipy.stats import norm

    announced = {"normal": 0, "exact": 0}
    for seed in range(6):
        world = sample.draw("contest", 30_000, seed, appeal=1.0, main=1.0, rate=0.01).table
        ours = discover_segments(world, "entered", BY, holdout=None, distinct=False, top=3000, min_size=50)
        z, p = ours.table["z"].to_numpy(), ours.table["p_value"].to_numpy()
        announced["normal"] += norm.sf(z).min() * ours.searched <= 0.05
        announced["exact"] += p.min() * ours.searched <= 0.05
    assert announced["normal"] >= 3
    assert announced["exact"] <= 1


def test_clusters_widen_what_their_members_share():
    """Whole households enter together: without cluster= one lucky building is a discovery."""
    rng = np.random.default_rng(0)
    house = np.repeat(np.arange(400), 10)
    entered = np.repeat(rng.random(400) < 0.1, 10)
    town = np.repeat(rng.integers(0, 20, 400), 10)
    entered |= np.isin(house, np.flatnonzero(town[::10] == 3)[:5])
    table = pl.DataFrame({"person": np.arange(4000), "house": house, "town": town, "entered": entered})
    options = {"unit": "person", "holdout": None, "distinct": False, "min_size": 50, "max_depth": 1}
    alone = discover_segments(table, "entered", "town", **options)
    together = discover_segments(table, "entered", "town", cluster="house", **options)
    assert alone.table["p_adjusted"].min() < 1e-6
    assert together.table["p_adjusted"].min() > 0.01
    assert together.table["design_effect"].to_numpy() == pytest.approx(10, rel=0.01)


def test_units_that_repeat_are_clusters():
    table = sample.draw("contest", 4_000, seed=1).table
    twice = pl.concat([table, table])
    once = discover_segments(table, "entered", BY[:3], holdout=None, distinct=False, unit="person", min_size=50).table
    again = discover_segments(twice, "entered", BY[:3], holdout=None, distinct=False, unit="person", min_size=100)
    assert "clusters (person)" in again.method
    assert again.table["p_value"].sort().to_list() == pytest.approx(once["p_value"].sort().to_list(), rel=1e-6)


def test_weights_that_are_all_alike_change_nothing(contest):
    table = contest.with_columns(w=pl.lit(3.0))
    plain, weighted = (
        discover_segments(table, "entered", BY[:5], unit="person", distinct=False, weight=w) for w in (None, "w")
    )
    assert weighted.table["p_value"].to_list() == pytest.approx(plain.table["p_value"].to_list(), rel=1e-6)
    assert "weights" in weighted.method


# --- the halves -----------------------------------------------------------------------------------------


def test_the_holdout_is_other_people(contest):
    ours = discover_segments(contest, "entered", BY[:3], unit="person", cluster="household", distinct=False, top=500)
    assert ours.people + ours.held_out == contest.height
    both = ours.table["size"] + ours.table["holdout_size"]
    with duckdb.connect() as con:
        con.register("people", contest)
        whole = [con.execute(f"SELECT count(*) FROM people WHERE {w}").fetchone()[0] for w in ours.table["where"]]
    assert both.to_list() == whole


def test_without_a_holdout_the_best_look_better_than_they_are():
    """The search half of a world with nothing in it looks fine; the held-out half does not."""
    world = sample.draw("contest", 20_000, seed=5, appeal=1.0, main=1.0).table
    ours = discover_segments(world, "entered", BY, unit="person", distinct=False, rank="lift", top=20).table
    assert ours["lift"].min() > 1.5
    assert ours["holdout_lift"].mean() < 1.25
    alone = discover_segments(world, "entered", BY, holdout=None, distinct=False, rank="lift")
    assert alone.table["holdout_lift"].null_count() == alone.table.height
    assert (
        "Nobody was held out"
        in discover_segments(
            sample.draw("contest", 20_000, seed=5, appeal=4.0).table, "entered", BY[:3], holdout=None
        ).summary()
    )


def test_a_cluster_is_in_one_half_and_the_split_is_the_same_on_every_engine(contest):
    key = split_keys(id_texts(contest, ["household", "person"]), 7)
    assert pl.DataFrame({"h": contest["household"], "k": key}).unique().height == contest["household"].n_unique()
    as_text = contest.with_columns(pl.col("household").cast(pl.String))
    text = split_keys(id_texts(as_text, ["household", "person"]), 7)
    assert (key == text).all()
    import hashlib

    first = int(hashlib.sha256(f"{contest['household'][0]}|7".encode()).hexdigest()[:15], 16)
    assert key[0] == first


def test_every_engine_gives_the_same(contest, found, tmp_path):
    contest.write_parquet(tmp_path / "people.parquet")
    with duckdb.connect() as con:
        relations = {
            "lazy": pl.scan_parquet(tmp_path / "people.parquet"),
            "duckdb": con.read_parquet(str(tmp_path / "people.parquet")),
            "pandas": contest.drop("invited_on", "entered_on").to_pandas(),
            "arrow": contest.to_arrow(),
        }
        for name, data in relations.items():
            again = discover_segments(data, "entered", BY, unit="person", cluster="household")
            assert again.table.equals(found.table), name


@pytest.mark.slow
def test_many_batches_are_one_table(contest, found, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "BATCH", 1_500)
    shuffled = contest.sample(fraction=1.0, shuffle=True, seed=3)  # so that batches meet values in other orders
    shuffled.write_parquet(tmp_path / "people.parquet")
    categories = shuffled.with_columns(pl.col("region", "sex", "age_band", "race").cast(pl.Categorical))
    categories.write_parquet(tmp_path / "categories.parquet")
    with duckdb.connect() as con:
        for data in (
            shuffled, categories, pl.scan_parquet(tmp_path / "people.parquet"),
            pl.scan_parquet(tmp_path / "categories.parquet"), con.read_parquet(str(tmp_path / "people.parquet")),
            con.read_parquet(str(tmp_path / "categories.parquet")),
        ):  # fmt: skip
            again = discover_segments(data, "entered", BY, unit="person", cluster="household").table
            ours = again.select(cs.string(), cs.integer())
            assert ours.equals(found.table.select(cs.string(), cs.integer()))


def test_another_seed_is_another_split(contest, found):
    again = discover_segments(contest, "entered", BY, unit="person", cluster="household", seed=1)
    assert again.table["size"][0] != found.table["size"][0]
    assert discover_segments(contest, "entered", BY, unit="person", cluster="household").table.equals(found.table)


# --- ranks, amounts, columns ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rank", "column"),
    [("z", "z"), ("lower", "lift_lower"), ("lift", "lift"), ("wracc", "wracc"), ("dollars", "amount_mean")],
)
def test_ranks(contest, rank, column):
    gave = pl.when("entered").then(pl.col("age") * 1.0)
    table = contest.with_columns(gave=gave)
    ours = discover_segments(
        table, "entered", BY[:4], unit="person", amount="gave", rank=rank, distinct=False, top=50
    ).table
    assert ours[column].is_sorted(descending=True)
    assert (ours["amount_lower"] <= ours["amount_mean"]).all()
    first = ours["where"][0]
    with duckdb.connect() as con:
        con.register("people", table)
        mean = con.execute(f"SELECT sum(gave) / count(*) FROM people WHERE {first}").fetchone()[0]
    n = ours.select("size", "holdout_size").row(0)
    assert (n[0] * ours["amount_mean"][0] + n[1] * ours["holdout_amount_mean"][0]) / sum(n) == pytest.approx(mean)


def test_numbers_are_cut_at_stated_edges_or_at_quantiles():
    rng = np.random.default_rng(1)
    age = pl.Series(rng.integers(18, 90, 4000))
    gift = pl.Series(np.where(rng.random(4000) < 0.1, np.nan, rng.exponential(50, 4000)))
    table = pl.DataFrame({"age": age, "gift": gift, "y": rng.random(4000) < 0.2, "n": rng.integers(0, 3, 4000)})
    table = table.with_columns(gift=pl.when(pl.int_range(pl.len()) % 20 == 0).then(None).otherwise("gift"))
    by = {"age": [30, 45.5], "gift": 4, "n": None}
    ours = discover_segments(table, "y", by, holdout=None, distinct=False, min_size=1, top=10**6, max_depth=1).table
    assert set(ours["segment"]) == {
        "age under 30", "age 30 to under 45.5", "age 45.5 or more", "n 0", "n 1", "n 2", "gift unknown",
        "gift not a number", *(s for s in ours["segment"] if s.startswith("gift ")),
    }  # fmt: skip
    assert ours.filter(pl.col("segment").str.starts_with("gift")).height == 6
    with duckdb.connect() as con:
        con.register("people", table)
        for where, n in ours.select("where", "size").rows():
            assert con.execute(f"SELECT count(*) FROM people WHERE {where}").fetchone()[0] == n


def test_a_column_that_is_the_outcome_in_other_words_is_told(contest):
    told = contest.with_columns(since=pl.when("entered").then(pl.col("person") % 90), never=~pl.col("entered"))
    found = discover_segments(told, "entered", ["region", "sex", "since", "never"], unit="person")
    assert "nobody with since unknown has the outcome" in found.leaking_values
    assert "everybody with not never has the outcome" in found.leaking_values
    assert "Do not search a column that restates" in found.summary()
    assert not discover_segments(contest, "entered", ["region", "sex", "age_band"], unit="person").leaking_values


def test_the_person_is_the_unit_of_a_universe():
    import campaignkit as ck

    invited = ck.sample.megafile(progress=False).universe("invited('host_a')")
    named, default = (
        discover_segments(invited, "entered('host_a')", ["region", "sex"], min_size=50, unit=unit, distinct=False)
        for unit in ("person_id", None)
    )
    assert named.table.equals(default.table)
    assert default.held_out > 0


def test_where_is_what_a_universe_takes():
    import campaignkit as ck

    mf = ck.sample.megafile(progress=False)
    invited = mf.universe("invited('host_a')")
    by = {"region": None, "sex": None, "age": [30, 40, 50, 65], "gift_count('mail')": [1, 3], "party": None}
    ours = discover_segments(
        invited, "entered('host_a')", by, unit="person_id", cluster="household_id", distinct=False, top=400
    )
    assert "gift_count('mail')" in " ".join(ours.table["where"])
    for where, n, m in ours.table.select("where", "size", "holdout_size").rows()[:10]:
        assert (invited & mf.universe(where)).count() == n + m
    assert "IS NULL" in " ".join(ours.table["where"])


def test_quotes_and_odd_names_survive():
    table = pl.DataFrame({'a "b"': ["O'Brien", 'x"y', "z, w"] * 200, "y": [True, False, False] * 200})
    ours = discover_segments(table, "y", 'a "b"', holdout=None, min_size=10)
    assert ours.table["segment"].to_list() == ['a "b" O\'Brien']
    with duckdb.connect() as con:
        con.register("people", table)
        assert con.execute(f"SELECT count(*) FROM people WHERE {ours.table['where'][0]}").fetchone() == (200,)


def test_dates_are_values():
    days = [dt.date(2012, 5, 7), dt.date(2012, 6, 1)] * 300
    table = pl.DataFrame({"day": days, "y": [True, False] * 300})
    ours = discover_segments(table, "y", ["day"], holdout=None, min_size=10).table
    assert ours["where"].to_list() == ["\"day\" = DATE '2012-05-07'"]


# --- edges ----------------------------------------------------------------------------------------------


def test_a_column_of_51_states(contest):
    states = contest.with_columns(state=pl.col("person") % 51)
    states = states.with_columns(pl.format("S{}", "state"))
    ours = discover_segments(
        states, "entered", ["state", "sex", "age_band"], unit="person", distinct=False, min_size=20, top=5000
    )
    assert ours.table["segment"].str.contains("state").sum() > 400
    sizes = states.group_by("state").len()["len"].sum()
    alone = ours.table.filter(pl.col("segment").str.starts_with("state") & ~pl.col("segment").str.contains(","))
    assert (alone["size"] + alone["holdout_size"]).sum() == sizes


def test_a_column_of_one_value_makes_no_condition(contest):
    ours = discover_segments(contest.with_columns(all=pl.lit("same")), "entered", [*BY[:3], "all"], unit="person")
    assert ours.constant == ("all",)
    assert not ours.table["segment"].str.contains("all same").any()
    with pytest.raises(NotEnoughData, match="sets 200 people"):
        discover_segments(contest.with_columns(all=pl.lit("same")).drop("sex"), "entered", ["all"], unit="person")


@pytest.mark.parametrize(("value", "said"), [(True, "everybody has"), (False, "nobody has")])
def test_all_or_no_positives_is_one_clear_error(contest, value, said):
    with pytest.raises(NotEnoughData, match=said):
        discover_segments(contest.with_columns(entered=pl.lit(value)), "entered", BY, unit="person")


@pytest.mark.slow
def test_two_hundred_columns_at_depth_two():
    rng = np.random.default_rng(0)
    columns = {f"c{i}": rng.integers(0, 3, 6000).astype(str) for i in range(200)}
    y = rng.random(6000) < np.where((columns["c7"] == "1") & (columns["c150"] == "2"), 0.35, 0.1)
    ours = discover_segments(pl.DataFrame({**columns, "y": y}), "y", list(columns), max_depth=2)
    assert ours.searched == 200 * 3 + 199 * 100 * 9
    assert ours.table["segment"][0] == "c7 1, c150 2"


def test_nulls_everywhere(contest):
    rng = np.random.default_rng(8)
    holes = [
        pl.when(pl.Series(rng.random(contest.height) < 0.5)).then(pl.col(name)).alias(name)
        for name in [*BY, "household"]
    ]
    table = contest.with_columns(holes).with_columns(
        pl.when(pl.col("person") % 4 > 0).then("entered").alias("entered"), void=pl.lit(None)
    )
    table = table.with_columns(pl.col("void").cast(pl.String))
    ours = discover_segments(
        table, "entered", [*BY, "void"], unit="person", cluster="household", distinct=False, top=10**5
    )
    assert ours.set_aside == contest.height // 4
    assert ours.constant == ("void",)
    unknown = ours.table.filter(pl.col("segment") == "region unknown")
    assert unknown["where"].to_list() == ['"region" IS NULL']
    assert "left out" in ours.summary()


def test_rare_values_make_no_condition_but_count(contest):
    table = contest.with_columns(
        town=pl.when(pl.col("person") % 3 > 0).then(pl.lit("big")).otherwise(pl.col("person").cast(pl.String))
    )
    ours = discover_segments(table, "entered", ["town", "sex"], unit="person", distinct=False, top=1000)
    assert set(ours.table["segment"]) == {"town big", "women", "men", "town big, women", "town big, men"}


def test_categories_enums_and_numbers_as_0_1(contest):
    enum = contest.with_columns(
        pl.col("region").cast(pl.Enum(["West", "South", "Midwest", "Northeast"])),
        pl.col("sex").cast(pl.Categorical),
        pl.col("entered").cast(pl.Float64),
    )
    ours, same = (discover_segments(t, "entered", BY[:3], unit="person").table for t in (enum, contest))
    assert ours.equals(same)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rank": "zz"}, "rank is 'zz'"),
        ({"rank": "dollars"}, "amount is None"),
        ({"max_depth": 0}, "max_depth is 0"),
        ({"holdout": 1.0}, "holdout is 1.0"),
        ({"q": 5}, "q is 5"),
        ({"by": []}, "by is empty"),
        ({"by": ["sex", "sex"]}, "twice"),
        ({"by": ["sex", "entered"]}, "named both as outcome and by"),
        ({"by": {"age": [50, 40]}}, "rising edges"),
        ({"by": {"sex": [1, 2]}}, "only numbers are binned"),
        ({"by": ["invited_on", "when"]}, "Datetime"),
        ({"outcome": "age"}, "holds"),
        ({"outcome": "race"}, "true/false or 0/1"),
        ({"weight": "minus"}, "weight: column 'minus'"),
        ({"amount": "minus"}, None),
    ],
)
def test_bad_arguments_are_told(contest, options, said):
    table = contest.head(2000).with_columns(when=pl.lit(dt.datetime(2012, 1, 1)), minus=pl.lit(-1.0))
    call = {"data": table, "outcome": "entered", "by": ["region", "sex"], "unit": "person", "min_size": 20} | options
    if said is None:
        discover_segments(**call)
        return
    with pytest.raises(BadValue, match=said):
        discover_segments(**call)


def test_a_missing_column_and_a_lazy_table_without_a_unit(contest):
    with pytest.raises(ColumnNotFound, match="did you mean 'region'"):
        discover_segments(contest, "entered", ["regoin"])
    with pytest.raises(BadValue, match="unit is None"):
        discover_segments(contest.lazy(), "entered", ["region"])


def test_clusters_too_large_are_refused(contest, monkeypatch):
    monkeypatch.setattr(split_sample, "PAIRS", 10_000)
    with pytest.raises(BadValue, match="smaller clusters"):
        discover_segments(contest, "entered", [*BY[1:], "state"], unit="person", cluster="region")


def test_every_combination_of_columns_is_read_once():
    for sides, depth in (([2, 3, 51, 4, 5, 2, 9], 3), ([2] * 30, 2), ([4000, 3000, 2], 3), ([7], 4)):
        read = [subset for _, subsets in cubes.blocks(sides, min(depth, len(sides))) for subset in subsets]
        assert len(read) == len(set(read)) == cubes.combinations_of(len(sides), depth)


@pytest.mark.slow
def test_proof_world():
    """100k invited, 5%, a segment of 2% with odds ratio 2.6, main effects of 1.2, six columns of noise."""
    first = 0
    for seed in range(50):
        world = sample.draw("contest", 100_000, seed, appeal=2.6, share=0.02, rate=0.05).table
        ours = discover_segments(world, "entered", BY, unit="person", cluster="household", seed=seed)
        first += ours.table.height > 0 and ours.table["segment"][0] == PLANTED
    assert first >= 48


def test_proof_world_in_small():
    for seed in range(100, 105):
        world = sample.draw("contest", 100_000, seed, appeal=2.6, share=0.02, rate=0.05).table
        ours = discover_segments(world, "entered", BY, unit="person", cluster="household")
        assert ours.table["segment"][0] == PLANTED
