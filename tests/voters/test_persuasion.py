"""fit_persuasion: what it must find, what it must refuse, and that it is the same wherever the table lies."""

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData, SourceRestricted
from campaignkit.tables import Roles
from campaignkit.voters import Bands, Persuasion, fit_persuasion
from campaignkit.voters.model.experiment_cells import Contrast, read_experiment
from campaignkit.voters.model.features import feature_spec
from campaignkit.voters.model.holdout import Holdout

FEATURES = {"basics": ["sex", Bands("age", [30, 45, 65])], "consumer": ["income"]}
ADDED = {"F": 0.16, "M": 0.02}


def calls(n=6000, seed=1, share=0.5, added=ADDED, size=1):
    """Women are moved, men hardly; who earns more supports us more, called or not."""
    rng = np.random.default_rng(seed)
    home = np.arange(n) // size
    people = pl.DataFrame(
        {
            "person": np.arange(n), "home": home, "sex": rng.choice(["F", "M"], n), "age": rng.integers(18, 90, n),
            "income": rng.choice(["low", "mid", "high"], n), "called": rng.random(home[-1] + 1)[home] < share,
        }
    )  # fmt: skip
    effect = people["sex"].replace_strict(added, return_dtype=pl.Float64).to_numpy()
    base = 0.25 + 0.2 * (people["income"] == "high").to_numpy()
    yes = rng.random(n) < base + effect * people["called"].to_numpy()
    return people.with_columns(supports=pl.Series(yes), planted=pl.Series(effect))


def fitted(table, **options):
    options = {"control": False, "unit": "person"} | options
    features = options.pop("features", FEATURES)
    return fit_persuasion(table, "called", "supports", features, **options)


def correlation(found, table):
    return spearmanr(found.predict(table).collect()[found.name], table["planted"])[0]


# --- what it must find ------------------------------------------------------------------------------------


def test_the_planted_come_first():
    table = calls()
    found = fitted(table)
    assert found.method == "class_transformation"
    assert found.beats_random
    assert correlation(found, table) > 0.75
    assert "does more at the top" in found.summary()
    assert found.table["estimate"][0] > found.table["estimate"][-1] + 0.05


def test_unequal_arms_are_ranked_right():
    added = {"F": 0.03, "M": 0.0}
    table = calls(40_000, share=0.15, added=added)
    found = fitted(table)
    assert found.method == "doubly_robust"
    assert "not even" in found.method_reason
    by_income = found.explain().filter(feature="income")["predicted"]
    assert by_income.max() - by_income.min() < 0.03  # who supports us anyway is not taken for who is moved
    assert correlation(found, table) > 0.6


@pytest.mark.slow
def test_nothing_planted_is_not_claimed():
    found = [fitted(calls(2000, seed, added={"F": 0.05, "M": 0.05}), seed=seed) for seed in range(20)]
    assert sum(one.beats_random for one in found) <= 3
    said = next(one for one in found if not one.beats_random).summary()
    assert "does not clearly beat contacting everyone or no one" in said


def test_a_ranking_is_judged_by_people_it_never_saw():
    values = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        noise = {f"x{i}": rng.integers(0, 6, 1500).astype(str) for i in range(8)}
        table = calls(1500, seed, added={"F": 0.0, "M": 0.0}).with_columns(
            **{k: pl.Series(v) for k, v in noise.items()}
        )
        values.append(fitted(table, features=list(noise), ridge=0.01, seed=seed).qini.value)
    assert np.mean(values) < 0.05  # judged by those it was fitted on it is 0.2


def test_nobody_is_judged_by_those_whom_they_fitted():
    roles = Roles(outcomes=("supports",), arms=("called",), unit="person")
    read = read_experiment(calls(2000), feature_spec(FEATURES), roles, Contrast(False), Holdout())
    splits = read.splits()
    for at, (fits, judges) in enumerate(splits):
        assert not (fits & judges).any()
        assert not any((fits & later).any() for _, later in splits[at:])


def test_households_widen_the_interval():
    table = calls(6000, size=1)
    four = pl.concat([table.with_columns(copy=pl.lit(i)) for i in range(4)]).with_columns(
        person4=pl.col("person") * 4 + pl.col("copy")
    )
    one, copied = fitted(table), fitted(four, unit="person4", cluster="person")
    assert copied.qini.std_error == pytest.approx(one.qini.std_error, rel=0.1)
    assert copied.average.std_error == pytest.approx(one.average.std_error, rel=0.01)


def test_contact_that_backfires_is_warned_of():
    found = fitted(calls(8000, added={"F": 0.1, "M": -0.12}))
    assert found.backfires.height >= 2
    assert any("may backfire" in one for one in found.warnings)
    assert (found.backfires["upper"] < 0).all()


def test_arms_that_follow_a_feature_are_allowed_for_and_said():
    table = calls(12_000, seed=3, added={"F": 0.0, "M": 0.0})
    rng = np.random.default_rng(0)
    chance = table["income"].replace_strict({"low": 0.3, "mid": 0.5, "high": 0.7}, return_dtype=pl.Float64).to_numpy()
    called = rng.random(12_000) < chance
    yes = rng.random(12_000) < 0.25 + 0.2 * (table["income"] == "high").to_numpy()
    table = table.with_columns(called=pl.Series(called), supports=pl.Series(yes))
    found = fitted(table)
    assert found.method == "doubly_robust"
    assert "arms differ by the features" in found.summary()
    assert not found.beats_random
    assert found.average.lower < 0 < found.average.upper
    with pytest.raises(BadValue, match="doubly_robust"):
        fitted(table, method="class_transformation")


def test_a_holdout_judges_once():
    table = calls()
    found = fitted(table, holdout=0.25)
    assert found.table["n"].sum() == pytest.approx(1500, abs=120)
    assert len(found._ranked.models) == 1
    assert found._ranked.models[0].beta == pytest.approx(found.model.beta)


def test_deciles_and_levels_add_up():
    table = calls()
    found = fitted(table)
    judged = found.table["n"].sum()
    assert judged == pytest.approx(4800, abs=150)  # eight folds of ten
    assert found.deciles(4)["n"].sum() == judged
    for _, part in found.explain().group_by("feature"):
        assert part["n"].sum() == judged
    assert found.curve["gain"][-1] == pytest.approx(found.average.value, abs=0.01)


def test_weights_are_people():
    table = calls(2500)
    twice = pl.concat([table, table.filter(pl.col("income") == "low")]).with_row_index("row")
    weighed = table.with_columns(w=pl.when(pl.col("income") == "low").then(2.0).otherwise(1.0))
    one, two = fitted(weighed, weight="w"), fitted(twice, unit="row", cluster="person", seed=0)
    assert one.average.value == pytest.approx(two.average.value)
    assert one.average.std_error == pytest.approx(two.average.std_error, rel=0.01)


# --- everywhere alike, kept and used ----------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["lazy", "duckdb", "pandas", "pyarrow"])
def test_every_engine_says_the_same(engine):
    table = calls(3000).drop("planted")
    con = duckdb.connect()
    con.register("t", table)
    there = {
        "lazy": table.lazy(), "duckdb": con.table("t"), "pandas": table.to_pandas(), "pyarrow": table.to_arrow(),
    }[engine]  # fmt: skip
    here, found = fitted(table), fitted(there)
    assert found.qini.value == pytest.approx(here.qini.value, abs=1e-12)
    predicted = nw.from_native(found.predict(there)).lazy().collect("polars").to_native()
    expected = here.predict(table).collect()
    assert predicted.sort("person")["persuasion"].to_numpy() == pytest.approx(
        expected["persuasion"].to_numpy(), abs=1e-9
    )


def test_predict_reads_nothing_and_is_the_models():
    table = calls(3000)
    found = fitted(table)
    lazy = found.predict(table.lazy(), column="moved")
    assert isinstance(lazy, pl.LazyFrame)
    explained = found.explain().filter(feature="sex", level="F")
    assert lazy.collect().filter(sex="F")["moved"].mean() == pytest.approx(explained["predicted"].item(), abs=0.01)
    with pytest.raises(BadValue, match="column"):
        found.predict(table, column="age")
    with pytest.raises(ColumnNotFound):
        found.predict(table.drop("sex"))


def test_a_level_reaches_every_interval():
    table = calls(3000)
    narrow, wide = (fitted(table, confidence_level=level) for level in (0.8, 0.99))
    for estimate in ("qini", "average"):
        a, b = (getattr(found, estimate) for found in (narrow, wide))
        assert a.upper - a.lower < 0.75 * (b.upper - b.lower)
    for part in (lambda found: found.table, lambda found: found.deciles(3), lambda found: found.explain()):
        a, b = part(narrow), part(wide)
        assert ((a["upper"] - a["lower"]) < 0.75 * (b["upper"] - b["lower"])).all()
    assert "80% interval" in narrow.summary()


def test_saved_and_loaded_it_predicts_the_same(tmp_path):
    table = calls(3000)
    found = fitted(table)
    again = Persuasion.load(found.save_model(tmp_path / "moved.json"))
    assert again.predict(table).collect().equals(found.predict(table).collect())
    assert again.summary() == found.summary()
    assert again.table.equals(found.table)
    with pytest.raises(BadValue, match="loaded"):
        again.deciles(5)
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(BadValue, match="no ranking"):
        Persuasion.load(tmp_path / "broken.json")


def test_it_shows_and_draws():
    found = fitted(calls(3000))
    assert found.chart().to_dict()["description"] == found.summary()
    assert "ck-result" in found._repr_html_()


# --- what is broken ---------------------------------------------------------------------------------------


def test_null_outcomes_and_arms_are_counted():
    table = calls(4000).with_columns(
        supports=pl.when(pl.col("person") % 10 > 0).then("supports"),
        called=pl.when(pl.col("person") % 7 > 0).then("called"),
    )
    found = fitted(table)
    counts = {arm: (n, missing) for arm, n, missing in found.arms.select("arm", "n", "missing").iter_rows()}
    assert sum(n for n, _ in counts.values()) == 4000
    assert counts[None][0] == table["called"].null_count()
    assert sum(missing for _, missing in counts.values()) == 400
    assert found.table["n"].sum() == pytest.approx(0.8 * table.drop_nulls(["called", "supports"]).height, rel=0.03)


def test_outcomes_missing_in_one_arm_are_warned_of():
    table = calls(4000).with_columns(supports=pl.when(~pl.col("called") | (pl.col("person") % 5 > 0)).then("supports"))
    assert any("outcome is missing" in one for one in fitted(table).warnings)


def test_an_all_null_feature_says_nothing_and_breaks_nothing():
    table = calls(3000)
    with_null = table.with_columns(empty=pl.lit(None, dtype=pl.String))
    found = fitted(with_null, features=["sex", "income", "empty"])
    assert found.qini.value == pytest.approx(fitted(table, features=["sex", "income"]).qini.value)
    assert found.model.design.constant == ("empty",)


def test_five_hundred_categories_are_held_apart_or_together():
    table = calls(6000).with_columns(precinct=(pl.col("person") * 7919 % 500).cast(pl.String))
    found = fitted(table, features=["sex", "precinct"])
    assert np.isfinite(found.qini.value)


@pytest.mark.parametrize(
    ("change", "options", "error", "says"),
    [
        (lambda t: t.filter(~pl.col("called")), {}, NotEnoughData, "nobody was treated"),
        (lambda t: t.filter("called"), {}, BadValue, "control is False, which 'called' never is"),
        (lambda t: t.with_columns(supports=pl.lit(True)), {}, NotEnoughData, "at least 25 of each"),
        (lambda t: t.head(50), {}, NotEnoughData, "at least 25 of each"),
        (lambda t: t.with_columns(supports=pl.col("age")), {}, BadValue, "other values than true/false"),
        (lambda t: t.with_columns(supports=pl.lit("yes")), {}, BadValue, "supports"),
        (lambda t: t.with_columns(person=pl.lit(None, dtype=pl.Int64)), {}, BadValue, "is null in 3,000 rows"),
        (lambda t: t.lazy(), {"unit": None}, BadValue, "no lasting position"),
        (lambda t: t.with_columns(home=pl.col("person") % 6), {"cluster": "home"}, NotEnoughData, "clusters"),
        (lambda t: t, {"features": ["sex", "supports"]}, BadValue, "features holds the outcome"),
        (lambda t: t, {"features": ["sex", "called"]}, BadValue, "features holds the arm"),
        (lambda t: t, {"features": ["sexx"]}, ColumnNotFound, "did you mean 'sex'"),
        (lambda t: t, {"features": []}, BadValue, "features is empty"),
        (lambda t: t.with_columns(same=pl.lit("x")), {"features": ["same"]}, NotEnoughData, "nothing to tell apart"),
        (lambda t: t, {"method": "forest"}, BadValue, "method is 'forest'"),
        (lambda t: t, {"holdout": 1.5}, BadValue, "holdout"),
        (lambda t: t, {"treatment": "late"}, BadValue, "treatment is 'late'"),
        (lambda t: t.rename({"income": "fec_gifts"}), {"features": ["sex", "fec_gifts"], "purpose": "fundraise"},
         SourceRestricted, "FEC"),
    ],
)  # fmt: skip
def test_what_is_broken_is_said_once(change, options, error, says):
    with pytest.raises(error, match=says):
        fitted(change(calls(3000)), **options)


def test_of_three_arms_one_must_be_chosen():
    table = calls(6000).with_columns(
        called=pl.when("called").then(pl.when(pl.col("person") % 2 > 0).then(pl.lit("early")).otherwise(pl.lit("late")))
        .otherwise(pl.lit("none"))
    )  # fmt: skip
    with pytest.raises(BadValue, match="treatment='early'"):
        fitted(table, control="none")
    with pytest.raises(BadValue, match="did you mean 'none'"):
        fitted(table, control="nonne")
    one, both = (fitted(table, control="none", treatment=which) for which in ("early", ["early", "late"]))
    assert one.method == "doubly_robust"
    assert both.method == "class_transformation", both.method_reason
    assert dict(one.arms.select("arm", "role").iter_rows())["late"] == "left out"
