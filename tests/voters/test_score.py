"""fit_score: equal to statsmodels on the rows, judged by people held out, the same on every engine, clear when broken."""

import json
import warnings

import duckdb
import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from campaignkit import sample
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData, SourceRestricted
from campaignkit.megafile import Megafile
from campaignkit.splits import shares_of, split_keys
from campaignkit.stats.prediction.metrics import calibration_error, score_groups
from campaignkit.voters import Bands, Score, Spline, fit_score
from campaignkit.voters.model import boosted
from tests.voters.people import people

KINDS = [{}, {"weight": "w"}, {"cluster": "household"}, {"weight": "w", "cluster": "household"}]


def fitted(data=None, features=("a", "b", "c"), **options):
    data = people() if data is None else data
    return fit_score(data, "y", list(features), **{"name": "s", "purpose": "turnout", "unit": "id"} | options)


def matrix(score, table):
    columns = []
    for term, level in score.model.design.names:
        column = np.ones(table.height)
        for feature, value in zip(term.split(" × "), level.split(" × "), strict=True) if level else ():
            column *= (table[feature].cast(pl.String) == value).to_numpy()
        columns.append(column)
    return np.column_stack(columns)


def statsmodels(score, table, weight=None, cluster=None):
    import statsmodels.api as sm

    weights = {"var_weights": table[weight].to_numpy()} if weight else {}
    groups = table[cluster].to_numpy() if cluster else np.arange(table.height)
    robust = {"cov_type": "cluster", "cov_kwds": {"groups": groups}} if weight or cluster else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = sm.GLM(
            table["y"].to_numpy().astype(float), matrix(score, table), family=sm.families.Binomial(), **weights
        )
        return model.fit(tol=1e-14, **robust)


def check_statsmodels(options, interactions):
    table = people()
    score = fitted(table, holdout=None, interactions=interactions, **options)
    peer = statsmodels(score, table, **options)
    assert np.abs(score.table["estimate"].to_numpy() - peer.params).max() < 1e-8
    assert np.abs(score.table["std_error"].to_numpy() - peer.bse).max() < 1e-8


@pytest.mark.parametrize("interactions", [(), [("a", "b")], [("a", "b", "c")]], ids=len)
@pytest.mark.parametrize("options", KINDS, ids=str)
def test_equals_statsmodels_on_the_rows(options, interactions):
    check_statsmodels(options, interactions)


def test_clusters_equal_statsmodels():
    check_statsmodels({"cluster": "household"}, ())


def test_weights_equal_statsmodels():
    check_statsmodels({"weight": "w"}, ())


def test_ridge_is_the_posterior_mode_of_normal_priors():
    table = people()
    score = fitted(table, holdout=None, ridge=3.0)
    x, beta = matrix(score, table), score.table["estimate"].to_numpy()
    p = 1 / (1 + np.exp(-x @ beta))
    penalty = np.r_[0.0, np.full(len(beta) - 1, 3.0)]
    assert np.abs(x.T @ (table["y"].to_numpy() - p) - penalty * beta).max() < 1e-6
    information = x.T @ (x * (p * (1 - p))[:, None]) + np.diag(penalty)
    assert np.allclose(score.table["std_error"], np.sqrt(np.diag(np.linalg.inv(information))), rtol=1e-8)


def test_who_is_held_out_is_said_by_the_hash_of_the_cluster_and_had_no_part_in_the_fit():
    table = people()
    score = fitted(table, cluster="household", seed=5)
    held = shares_of(split_keys(table["household"].cast(pl.String), "5")) >= 0.75
    assert score.quality.rows == held.sum()
    alone = fitted(table.filter(~held), cluster="household", holdout=None)
    assert np.allclose(score.table["estimate"], alone.table["estimate"], atol=1e-10)


def test_numbers_of_the_held_out_equal_scikit_learns():
    table = people()
    score = fitted(table)
    held = table.filter(shares_of(split_keys(table["id"].cast(pl.String), "0")) >= 0.75)
    p = score.predict(held).collect()["s"].to_numpy()
    assert score.auc == pytest.approx(roc_auc_score(held["y"], p), abs=1e-12)
    assert score.quality.log_loss == pytest.approx(log_loss(held["y"], p), abs=1e-12)
    deciles = score.calibration().table
    assert deciles["n"].sum() == held.height
    assert deciles.select((pl.col("difference").abs() * pl.col("n")).sum() / held.height).item() == pytest.approx(
        score.quality.ece
    )


def test_gains_reach_everybody_and_rank_by_score():
    table = fitted().gains().table
    assert table["reached_share"][-1] == pytest.approx(1)
    assert table["reached_share"].is_sorted()
    assert table["score_from"].is_sorted(descending=True)
    assert table["lift"][0] > 1.1


def test_a_memorised_cell_does_not_help_the_held_out():
    """With hundreds of levels of pure noise a score judged by its own people looks good; held out it does not."""
    rng = np.random.default_rng(1)
    noise = pl.DataFrame(
        {"id": np.arange(8000), "v": rng.integers(0, 300, 8000).astype(str), "y": rng.random(8000) < 0.3}
    )
    score = fitted(noise, ["v"], ridge=0.01)
    assert score.quality.auc_lower < 0.53
    assert fitted(noise, ["v"], ridge=0.01, holdout=None).auc > 0.56


def engines(table):
    return {
        "polars": table,
        "lazy": table.lazy(),
        "duckdb": duckdb.sql('SELECT * FROM "table"'),
        "pandas": table.to_pandas(),
    }


@pytest.mark.slow
@pytest.mark.parametrize("model", ["logit", "boosted"])
def test_every_engine_fits_and_predicts_alike(model):
    table = people(4_000).with_columns(pl.when(pl.col("id") % 10 > 0).then("a").alias("a"))
    features = ["a", "c", Spline("age", 1), Bands("w", [0.5, 0.9])]
    options = {"interactions": [("a", "c")]} if model == "logit" else {}
    first = None
    for name, data in engines(table).items():
        score = fitted(data, features, model=model, cluster="household", ridge=0.5, **options)
        found = score.predict(data)
        rows = (found.pl() if name == "duckdb" else found.collect()).sort("id")
        values = (score.auc, score.quality.ece, *rows["s"])
        first = first or values
        assert values == pytest.approx(first, abs=1e-9), name


def test_trees_equal_scikit_learns_own(monkeypatch):
    from sklearn.ensemble import HistGradientBoostingClassifier

    setting = {"early_stopping": False, "random_state": 0, "min_samples_leaf": 1}  # leaves count cells here, rows there
    monkeypatch.setattr(boosted, "chosen", lambda *given: setting)
    score = fitted(model="boosted", holdout=None)
    table = people()
    codes = score.model.design.codes(table.select(f0="a", f1="b", f2="c"))
    x = np.stack([place[code] for place, code in zip(score.model.places, codes, strict=True)], axis=1)
    peer = HistGradientBoostingClassifier(**setting).fit(x, table["y"])
    assert np.abs(score.model.probabilities(codes) - peer.predict_proba(x)[:, 1]).max() < 0.01  # weights against rows
    assert roc_auc_score(table["y"], score.model.probabilities(codes)) == pytest.approx(
        roc_auc_score(table["y"], peer.predict_proba(x)[:, 1]), abs=2e-3
    )


@pytest.mark.slow
def test_trees_of_a_rare_outcome_lose_no_more_than_scikit_learns_defaults():
    """With leaves of one person they said 1.0 of some, and lost twice what a guess of the mean does."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    features = ["age", "gifts", "days", "votes"]

    def drawn(n, seed):
        rng = np.random.default_rng(seed)
        most = {"age": 72, "gifts": 200, "days": 60, "votes": 12}
        table = pl.DataFrame({"id": np.arange(n)} | {name: rng.integers(0, size, n) for name, size in most.items()})
        age, gifts, _, votes = (table[name].to_numpy() for name in features)
        chance = expit(-6 + 0.03 * (age - 32) + 0.15 * votes + 0.6 * np.sin(gifts / 20))
        return table.with_columns(y=pl.Series(rng.random(n) < chance))

    table, others = drawn(4_000, 0), drawn(20_000, 1)
    score = fitted(table, features, model="boosted", holdout=None)
    ours = score.predict(others).collect().sort("id")["s"].to_numpy()
    peer = HistGradientBoostingClassifier(random_state=0).fit(table.select(features), table["y"])
    theirs = peer.predict_proba(others.select(features))[:, 1]
    assert log_loss(others["y"], ours) <= log_loss(others["y"], theirs)
    assert ours.max() < 0.5


def test_the_floor_of_calibration_error_counts_that_coefficients_are_estimates():
    """A score of the right form is over its noise as often as said; taken for perfect, twice as often."""
    score = fitted(people(1_200), ["a", "b", "c"])
    predictions = score._held.with_predictions(score.model.probabilities(score._held.codes))
    perfect = calibration_error(predictions, score_groups(predictions.p, predictions.n, 10))
    q = score.quality
    assert q.ece == perfect[0]
    assert q.ece_floor > 1.03 * perfect[1]
    assert q.ece_noise > 1.03 * perfect[2]
    assert score.calibration().noise == q.ece_noise


@pytest.mark.parametrize("options", [{}, {"cluster": "household"}, {"weight": "w"}, {"ridge": 5.0}], ids=str)
def test_statsmodels_results_are_the_scores_own(options):
    score = fitted(people(), ["a", "b", "c"], interactions=[("a", "b")], **options)
    results = score.to_statsmodels()
    assert results.params.to_numpy() == pytest.approx(score.table["estimate"].to_numpy(), abs=1e-12)
    assert results.bse.to_numpy() == pytest.approx(score.table["std_error"].to_numpy(), rel=1e-12)
    assert results.pvalues.to_numpy() == pytest.approx(score.table["p_value"].to_numpy(), abs=1e-12)
    assert results.conf_int()[0].to_numpy() == pytest.approx(score.table["lower"].to_numpy(), rel=1e-6)
    assert "a[y]:b[q]" in results.summary().as_text()
    assert results.wald_test("a[y] = a[z]", scalar=True).pvalue < 1
    with pytest.warns(UserWarning, match="weights"):
        assert results.get_margeff().margeff.shape == (score.table.height - 1,)


def test_statsmodels_results_have_the_rows_likelihood():
    table = people()
    score = fitted(table, ["a", "b"], holdout=None)
    results = score.to_statsmodels()
    x = np.column_stack(
        [np.ones(table.height), *(table[name] == level for name, level in (("a", "y"), ("a", "z"), ("b", "q")))]
    )
    peer = sm.GLM(table["y"].to_numpy().astype(float), x, family=sm.families.Binomial()).fit(tol=1e-12)
    assert sorted(results.params) == pytest.approx(sorted(peer.params), abs=1e-6)
    assert (results.llf, results.aic, results.deviance) == pytest.approx((peer.llf, peer.aic, peer.deviance), rel=1e-9)
    assert results.df_resid == peer.df_resid


def test_trees_and_loaded_scores_have_no_glm(tmp_path):
    loaded = Score.load(fitted().save_model(tmp_path / "score.json"))
    for score in (loaded, fitted(model="boosted")):
        with pytest.raises(BadValue, match="Only a logit"):
            score.to_statsmodels()


def test_a_level_reaches_every_interval():
    table = people()
    narrow, wide = (fitted(table, confidence_level=level) for level in (0.8, 0.99))

    def intervals(score):
        q, calibration = score.quality, score.calibration().table
        importance, against = score.importance().table, score.compare(fitted(table, ["b"], name="less"))
        pairs = [score.table, calibration, importance]
        widths = [float((part["upper"] - part["lower"]).max()) for part in pairs]
        return [*widths, q.auc_upper - q.auc_lower, against.upper - against.lower]

    assert all(a < 0.75 * b for a, b in zip(intervals(narrow), intervals(wide), strict=True))
    assert "80% interval" in narrow.summary()
    assert narrow.table["p_value"].equals(wide.table["p_value"])


@pytest.mark.parametrize("model", ["logit", "boosted"])
def test_a_saved_score_predicts_as_before_and_holds_nobodys_data(tmp_path, model):
    table = people()
    score = fitted(table, ["a", Spline("age", 1), "c"], model=model)
    again = Score.load(score.save_model(tmp_path / "score.json"))
    one, two = (which.predict(table).collect()["s"].to_list() for which in (again, score))
    assert one == pytest.approx(two, abs=1e-14)
    assert (again.summary(), again.table.equals(score.table)) == (score.summary(), True)
    with pytest.raises(BadValue, match="judge"):
        again.gains()
    assert again.judge(table).quality.rows == table.height
    assert set(json.loads((tmp_path / "score.json").read_text())) & {"held", "source", "_held"} == set()


def test_compare_pairs_the_same_people():
    table = people()
    found = fitted(table).compare(fitted(table, ["b"], name="less"))
    assert found.n == fitted(table).quality.rows
    assert found.lower > 0
    same = fitted(table).compare(fitted(table))
    assert (same.gap, same.lower) == (0, 0)


def test_importance_names_the_block_that_matters():
    table = people(12_000, shared=0.0).with_columns(noise=pl.col("id") % 7)
    score = fit_score(table, "y", {"real": ["a", "c"], "noise": ["noise"]}, name="s", purpose="turnout", unit="id")
    found = score.importance()
    assert found.table["block"].to_list() == ["real", "noise"]
    assert found.table["carried_share"][0] > 5 * abs(found.table["carried_share"][1])
    assert found.table.equals(score.importance().table)


# --- levels ---------------------------------------------------------------------------------------------------


def test_rare_and_unseen_values_share_a_level_and_are_counted():
    table = people()
    rare = table.with_columns(a=pl.when(pl.col("id") < 30).then(pl.format("r{}", pl.col("id") % 10)).otherwise("a"))
    score = fitted(rare, ["a", "b"], holdout=None)
    assert set(score.levels.filter(feature="a", level="(other)")["value"]) == {f"r{i}" for i in range(10)}
    new = pl.DataFrame({"a": ["never", None, "r3"], "b": ["p", "p", "p"]})
    assert score.predict(new).collect()["s"].n_unique() == 1  # all three as the rare ones
    assert score.unseen(new).rows() == [("a", "(missing)", 1), ("a", "never", 1)]


def test_null_is_a_level():
    table = people().with_columns(a=pl.when(pl.col("id") % 5 > 0).then("a"))
    assert "(missing)" in fitted(table).table["level"].to_list()


def test_numbers_are_cut_at_stated_edges():
    table = people().with_columns(dollars=pl.Series(np.random.default_rng(0).lognormal(3, 1, 6000)))
    score = fitted(table, ["dollars"], holdout=None)
    levels = score.levels.filter(feature="dollars")
    assert levels.height == 10
    assert fitted(table, [Bands("age", [30, 45])]).levels["level"].sort().to_list() == [
        "30 to under 45",
        "45 or more",
        "under 30",
    ]


def test_columns_that_repeat_others_are_left_out_and_named():
    table = people().with_columns(same=pl.col("a").replace_strict({"x": "1", "y": "2", "z": "2"}))
    score = fitted(table, ["a", "same"])
    assert score.model.design.dropped == (("same", "2"),)


# --- broken inputs ----------------------------------------------------------------------------------------------


def test_constant_outcome():
    with pytest.raises(NotEnoughData, match="0 have not"):
        fitted(people().with_columns(y=pl.lit(True)))


def test_all_null_feature_says_nothing_and_is_named():
    score = fitted(people().with_columns(n=pl.lit(None, pl.String), m=pl.lit(None)), ["a", "n", "m"])
    assert score.model.design.constant == ("n", "m")
    assert "n, m have one value only" in score.summary()


def test_only_a_constant_feature():
    with pytest.raises(NotEnoughData, match="nothing to tell apart"):
        fitted(people().with_columns(n=pl.lit("x")), ["n"])


def test_five_hundred_categories():
    rng = np.random.default_rng(0)
    table = people(40_000).with_columns(v=pl.Series(rng.integers(0, 500, 40_000).astype(str)))
    score = fitted(table, ["v", "a"])
    assert score.table.filter(term="v").height == 499


def test_too_many_columns():
    table = people(9_000).with_columns(v=pl.col("id") // 30, u=pl.col("id") % 300)
    table = table.with_columns(pl.col("u", "v").cast(pl.String))
    with pytest.raises(BadValue, match="more than 2,000 coefficients"):
        fitted(table, ["u", "v"], interactions=[("u", "v")])


def test_fifty_rows_warn():
    score = fitted(people(50))
    assert "rows of the rarer outcome: try ridge=" in score.summary()
    assert score.quality.auc_upper - score.quality.auc_lower > 0.3
    with pytest.raises(NotEnoughData, match="at least 10 of each"):
        fitted(people(25))


@pytest.mark.parametrize("rows", [0, 1])
def test_no_rows_and_one(rows):
    with pytest.raises(NotEnoughData):
        fitted(people().head(rows))


def test_unicode_levels_and_quotes():
    names = {"x": "Doña Ana", "y": 'O\'Brien "C"', "z": "北"}
    table = people().with_columns(pl.col("a").replace_strict(names))
    score = fitted(table)
    assert set(score.table.filter(term="a")["level"]) == set(names.values()) - {"Doña Ana"}
    relation = duckdb.sql('SELECT * FROM "table" ORDER BY id')
    assert score.predict(relation).pl().sort("id")["s"].to_numpy() == pytest.approx(
        score.predict(table).collect()["s"].to_numpy()
    )


def test_separation_names_the_column_and_ridge():
    table = people().with_columns(y=pl.col("y") | (pl.col("a") == "z"))
    with pytest.raises(NotEnoughData, match=r"a z, everybody.*ridge=1"):
        fitted(table)
    assert fitted(table, ridge=1.0).table["estimate"].is_finite().all()


def test_separation_by_two_columns_together():
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"id": np.arange(4000), "a": rng.integers(0, 2, 4000), "b": rng.integers(0, 2, 4000)})
    table = table.with_columns(y=(pl.col("a") + pl.col("b") + pl.col("id") % 2) >= 2)
    with pytest.raises(NotEnoughData, match="separated"):
        fitted(table, ["a", "b"])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"features": ["a", "bb"]}, ColumnNotFound, "did you mean 'b'"),
        ({"features": ["a", "y"]}, BadValue, "what it predicts"),
        ({"features": ["a", "a"]}, BadValue, "twice"),
        ({"features": []}, BadValue, "empty"),
        ({"interactions": [("a", "bb")]}, BadValue, "did you mean 'b'"),
        ({"purpose": "turn out"}, BadValue, "turnout"),
        ({"model": "forest"}, BadValue, "logit"),
        ({"holdout": 1.0}, BadValue, "holdout"),
        ({"ridge": -1.0}, BadValue, "ridge"),
        ({"features": [Bands("a", [1, 2])]}, BadValue, "take numbers"),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused(options, error, match):
    with pytest.raises(error, match=match):
        fitted(**options)


def test_odd_outcomes_weights_and_ids_are_refused():
    table = people()
    with pytest.raises(BadValue, match="other values"):
        fitted(table.with_columns(y=pl.col("c")))
    with pytest.raises(BadValue, match="negative"):
        fitted(table.with_columns(w=-pl.col("w")), weight="w")
    with pytest.raises(BadValue, match="null in"):
        fitted(table.with_columns(id=pl.when(pl.col("id") > 5).then("id")))
    with pytest.raises(BadValue, match="no lasting position"):
        fitted(table.lazy(), unit=None)


def test_rows_without_an_outcome_are_set_aside_and_counted():
    table = people().with_columns(y=pl.when(pl.col("id") % 4 > 0).then("y"))
    score = fitted(table)
    assert score.set_aside == 1500
    assert "1,500 rows without an outcome" in score.summary()


# --- what FEC reports say, and writing ----------------------------------------------------------------------------


def test_fec_columns_feed_no_fundraising_score():
    table = people().with_columns(fec_gifts=pl.col("c"))
    with pytest.raises(SourceRestricted, match="30111"):
        fitted(table, ["a", "fec_gifts"], purpose="fundraise")
    assert fitted(table, ["a", "fec_gifts"]).restricted == {"fec_gifts"}
    with pytest.raises(SourceRestricted):
        fitted(table, ["a"], purpose="fundraise", restricted=["fec_gift"])


@pytest.fixture
def megafile(tmp_path):
    standing = sample.megafile()
    copy = tmp_path / "campaign.duckdb"
    copy.write_bytes(standing.path.read_bytes())
    with Megafile.open(copy) as mf:
        yield mf


def test_scores_are_written_where_lists_are_made_and_restriction_follows(megafile):
    features = megafile.universe("voter").features(["sex", "age_band", "voted_in('2008-11-04')", "fec_gifts()"])
    score = fit_score(
        features, "voted_in_2008_11_04", ["sex", "age_band", "fec_gifts"], name="voted", purpose="turnout",
        unit="person_id", ridge=1.0,
    )  # fmt: skip
    assert score.write_scores(megafile) == megafile.universe("voter").count()
    assert score.write_scores(megafile) == megafile.sql("SELECT count(*) FROM score").item()
    listed = megafile.universe("voter").call_list("phone", "turnout", rank_by="score('voted')", limit=50)
    assert listed.table["rank_value"].is_sorted(descending=True)
    with pytest.raises(SourceRestricted):
        megafile.universe("voter").call_list("phone", "fundraise", rank_by="score('voted')")


def test_scores_of_nobody_are_refused_and_change_nothing(megafile):
    before = megafile.path.stat().st_mtime_ns
    for rows, match in (
        (pl.DataFrame({"person_id": [-1], "value": [0.5]}), "nobody's"),
        (pl.DataFrame({"person_id": [1, 1], "value": [0.5, 0.5]}), "repeat a person_id"),
        (
            pl.DataFrame({"person_id": [None], "value": [0.5]}, schema={"person_id": pl.Int64, "value": pl.Float64}),
            "no person",
        ),
    ):
        with pytest.raises(BadValue, match=match):
            megafile.write_scores("x", rows)
    assert megafile.path.stat().st_mtime_ns == before


def test_a_universe_may_name_facts_and_its_restricted_ones_are_known():
    who = sample.megafile().universe("voter")
    score = fit_score(who, "gave('online')", ["sex", "age_band"], name="online", purpose="fundraise", unit="person_id")
    assert score.quality.auc > 0.5
    assert score.predict(who.features({"sex": "sex", "age_band": "age_band"})).columns[-1] == "online"
    with pytest.raises(SourceRestricted, match="fec"):
        fit_score(who, "gave('online')", ["sex", "fec_gifts()"], name="x", purpose="fundraise", unit="person_id")
