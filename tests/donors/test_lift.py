"""A lift agrees with the packages that do each part, counts all that was estimated, and never answers silently."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from dataclasses import replace

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from campaignkit import donors
from campaignkit.donors.observational.estimators import DEFAULT, Run
from campaignkit.donors.observational.observational_data import is_function_of, observational_data, roles_of
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from campaignkit.stats.causal import comparison, crossfit, matching, weighting
from campaignkit.stats.regression.logit import fit_logit, fit_without_each

X = ["x1", "x2", "x3"]


def people(n: int = 1200, seed: int = 0, slope: float = 0.8) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    joined = rng.random(n) < expit(-0.8 + slope * x[:, 0] + 0.5 * x[:, 1])
    gifts = 20 + 3 * x[:, 0] + 2 * x[:, 1] + x[:, 2] + 2 * joined + rng.gamma(2, 1.5, n)
    before = 10 + 2 * x[:, 0] + rng.normal(size=n)
    columns = {"person": np.arange(n), "joined": joined, "gifts": gifts, "before": before}
    return pl.DataFrame(columns | {name: x[:, at] for at, name in enumerate(X)})


def made(table: pl.DataFrame, **options) -> comparison.Comparison:
    everyone = options.pop("everyone", False)
    roles = roles_of("joined", "gifts", X, unit="person", **options)
    return observational_data(table, roles, everyone=everyone).comparison


def lift(table: object, **options) -> donors.Lift:
    return donors.estimate_lift(table, "joined", "gifts", options.pop("covariates", X), unit="person", **options)


def row(found: donors.Lift, estimator: str) -> dict:
    return found.table.row(found.table["estimator"].to_list().index(estimator), named=True)


# --- beside other packages --------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [1, "all"])
def test_imputation_and_weighting_agree_with_statsmodels_treatment_effects(group):
    import statsmodels.api as sm
    from statsmodels.treatment.treatment_effects import TreatmentEffect

    table = people()
    x, y, t = (
        sm.add_constant(table.select(X).to_numpy()),
        table["gifts"].to_numpy(),
        table["joined"].to_numpy().astype(int),
    )
    effect = TreatmentEffect(sm.OLS(y, x), t, results_select=sm.Logit(t, x).fit(disp=0))
    found = lift(table, estimand="ATT" if group == 1 else "ATE")
    for name, theirs in {"imputation": effect.ra(effect_group=group), "ipw": effect.ipw(effect_group=group)}.items():
        ours = row(found, name)
        assert ours["estimate"] == pytest.approx(float(np.ravel(theirs.effect)[0]), rel=1e-5)
        assert ours["std_error"] == pytest.approx(float(theirs.results_gmm.bse[0]), rel=0.01)


def test_regression_agrees_with_statsmodels_plain_and_clustered():
    import statsmodels.api as sm

    table = people().with_columns(home=pl.col("person") // 3)
    z = sm.add_constant(np.column_stack([table["joined"].to_numpy().astype(float), table.select(X).to_numpy()]))
    fit = sm.OLS(table["gifts"].to_numpy(), z)
    plain = row(lift(table), "regression")
    assert plain["estimate"] == pytest.approx(fit.fit().params[1], rel=1e-10)
    n = len(z)
    assert plain["std_error"] == pytest.approx(
        fit.fit(cov_type="HC1").bse[1] * np.sqrt((n - 1) / n * n / (n - 1)), rel=1e-9
    )
    groups = table["home"].to_numpy()
    clustered = fit.fit(cov_type="cluster", cov_kwds={"groups": groups}).bse[1]
    assert row(lift(table, cluster="home"), "regression")["std_error"] == pytest.approx(clustered, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("estimand", "score"), [("ATT", "ATTE"), ("ATE", "ATE")])
def test_aipw_agrees_with_doubleml_on_the_same_folds(estimand, score):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from doubleml import DoubleMLData, DoubleMLIRM
        from sklearn.linear_model import LinearRegression, LogisticRegression

        c = made(people(slope=0.5), everyone=estimand == "ATE")
        data = DoubleMLData.from_arrays(c.x[:, 1:], c.y, c.treated.astype(int))
        learner = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
        theirs = DoubleMLIRM(data, LinearRegression(), learner, n_folds=5, score=score)
        rows = np.arange(len(c.y))
        folds = [(np.setdiff1d(rows, rows[fold]), rows[fold]) for fold in c.folds]
        theirs.set_sample_splitting([folds])
        theirs.fit()
    means = Run(c, ["aipw"], 0).means["aipw"]
    ours = comparison.difference(means, None, 1e9)
    assert ours.value == pytest.approx(float(theirs.coef[0]), rel=1e-5)
    n = len(c.y)
    assert ours.std_error * np.sqrt((n - 1) / n) == pytest.approx(float(theirs.se[0]), rel=1e-4)


def test_logit_agrees_with_statsmodels_with_weights_and_without_each_fold():
    import statsmodels.api as sm

    c = made(people())
    t, w = c.treated.astype(float), np.random.default_rng(1).integers(1, 4, len(c.y)).astype(float)
    fit = sm.GLM(t, c.x, family=sm.families.Binomial(), freq_weights=w).fit(tol=1e-14)
    whole = fit_logit(c.x, t, w)
    assert np.abs(whole.beta - fit.params).max() < 1e-9
    without = fit_without_each(c.x, t, w, c.folds, whole)
    for fold, beta in zip(c.folds, without, strict=True):
        kept = np.ones(len(t), bool)
        kept[fold] = False
        assert np.abs(beta - fit_logit(c.x[kept], t[kept], w[kept]).beta).max() < 1e-8


def test_many_rows_take_the_short_way_to_the_same_logits(monkeypatch):
    c = made(people(4000))
    t = c.treated.astype(float)
    slow = fit_without_each(c.x, t, c.weight, c.folds, fit_logit(c.x, t, c.weight))
    monkeypatch.setattr("campaignkit.stats.regression.logit.FEW", 1000)
    fast = fit_without_each(c.x, t, c.weight, c.folds, fit_logit(c.x, t, c.weight))
    assert max(np.abs(a - b).max() for a, b in zip(slow, fast, strict=True)) < 1e-7


# --- each estimator by itself ------------------------------------------------------------------------------


def test_entropy_balancing_makes_means_equal_and_sums_to_the_treated():
    found = lift(people())
    apart = found.balance.filter(pl.col("weighting") == "entropy")["difference"].abs().max()
    assert apart < 1e-7
    before = found.balance.filter(pl.col("weighting") == "before")["difference"].abs().max()
    assert before > 0.5


def test_matching_finds_who_a_plain_search_finds():
    c = made(people(150))
    logit = fit_logit(c.x, c.treated.astype(float), c.weight)
    others = np.flatnonzero(~c.treated)
    nearest = [others[np.argmin(np.abs(logit.eta[others] - eta))] for eta in logit.eta[c.treated]]
    found = matching.nearest_neighbours(c, logit)
    assert found.mean_control.value == pytest.approx(c.y[nearest].mean(), rel=1e-12)
    counts = np.bincount(nearest, minlength=len(c.y))
    assert found.mean_control.weight == pytest.approx(counts)


def test_equally_near_neighbours_share():
    table = pl.DataFrame(
        {
            "person": range(40),
            "joined": [True] * 10 + [False] * 30,
            "gifts": [5.0] * 10 + [1.0, 2.0, 3.0] * 10,
            "x": [0.0, 1] * 20,
        }
    )
    c = observational_data(table, roles_of("joined", "gifts", ["x"], unit="person")).comparison
    found = matching.nearest_neighbours(c, fit_logit(c.x, c.treated.astype(float), c.weight))
    assert found.mean_control.value == pytest.approx(2.0)


def test_matching_errors_are_those_of_abadie_and_imbens():
    """Their formula written out: sum of squares about the matches, (K² − K)σ², −c'I⁻¹c + d'I⁻¹d for the logit."""
    c = made(people(3000, seed=5).with_columns(pl.col("gifts") + 6 * pl.col("x3")))  # which does not drive joining
    logit = fit_logit(c.x, c.treated.astype(float), c.weight)
    means = matching.nearest_neighbours(c, logit)
    ours = comparison.difference(means, None, 1e9).std_error
    p, x, y, t = logit.p, c.x, c.y, c.treated
    others = np.flatnonzero(~t)
    order = others[np.argsort(logit.eta[others])]
    pick = np.array([others[np.argmin(np.abs(logit.eta[others] - e))] for e in logit.eta])
    tau = (y[t] - y[pick[t]]).mean()
    k = np.bincount(pick[t], minlength=len(y))
    sigma = np.zeros(len(y))
    near = np.append(order[1:], order[-2])
    sigma[order] = (y[order] - y[near]) ** 2 / 2
    known = (((y - y[pick]) - tau) ** 2 * t + ~t * (k**2 - k) * sigma).sum() / t.sum() ** 2
    beta = {arm: np.linalg.lstsq(x[t == arm], y[t == arm], rcond=None)[0] for arm in (True, False)}
    mu = {arm: x @ b for arm, b in beta.items()}
    f = p * (1 - p)
    smooth = lambda values: _by_propensity(values, logit.eta)  # noqa: E731
    covariance = {
        arm: np.column_stack([smooth(x[:, j] * mu[arm]) - smooth(x[:, j]) * smooth(mu[arm]) for j in range(x.shape[1])])
        for arm in mu
    }
    n1 = p.sum()
    c_term = (x * (f * (smooth(mu[True]) - smooth(mu[False]) - tau))[:, None]).sum(0)
    c_term = c_term + (f[:, None] * (covariance[True] + (p / (1 - p))[:, None] * covariance[False])).sum(0)
    d_term = (x * (f * (mu[True] - mu[False] - tau))[:, None]).sum(0)
    inverse = np.linalg.inv(logit.information)
    theirs = known + (d_term @ inverse @ d_term - c_term @ inverse @ c_term) / n1**2
    assert ours == pytest.approx(np.sqrt(theirs), rel=0.1)
    assert np.sqrt(known) > 1.2 * ours  # as if the propensity had been known


def _by_propensity(values: np.ndarray, eta: np.ndarray) -> np.ndarray:
    order, found = np.argsort(eta), np.empty(len(eta))
    found[order] = np.convolve(values[order], np.ones(61), "same") / np.convolve(np.ones(len(eta)), np.ones(61), "same")
    return found


def test_weights_are_people_counted_several_times():
    table = people(400).with_columns(w=pl.col("person") % 3 + 1)
    repeated = table.select(pl.all().repeat_by("w")).explode(pl.all())
    weighted, plain = lift(table, weight="w"), lift(repeated)
    for name in ("difference", "regression", "imputation", "ipw", "entropy", "aipw", "matching"):
        assert row(weighted, name)["estimate"] == pytest.approx(row(plain, name)["estimate"], rel=1e-7), name
        if name != "matching":  # its smoothing looks at rows
            assert row(weighted, name)["std_error"] == pytest.approx(row(plain, name)["std_error"], rel=0.01)


def test_ratio_is_of_the_two_means_and_null_where_one_is_negative():
    found = row(lift(people()), "entropy")
    assert found["ratio"] == pytest.approx(found["mean_treated"] / found["mean_control"])
    assert found["ratio_lower"] < found["ratio"] < found["ratio_upper"]
    below = lift(people().with_columns(pl.col("gifts") - 50))
    assert row(below, "entropy")["ratio"] is None
    assert below.sensitivity.e_value is None
    assert "times" not in below._left()


# --- what fails if something is left out -------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ["ipw", "entropy"])
def test_errors_count_that_weights_were_estimated(estimator):
    """The error is that of a bootstrap that estimates the weights anew; with weights as known it is a quarter more."""
    c = made(people(500, seed=3))
    rng = np.random.default_rng(0)
    run = Run(c, [estimator], 0)
    ours = comparison.difference(run.means[estimator], None, 1e9).std_error
    values = []
    for _ in range(150):
        at = np.sort(rng.integers(0, 500, 500))
        again = replace(c, x=c.x[at], y=c.y[at], treated=c.treated[at], weight=c.weight[at], folds=(slice(0, 500),))
        found = Run(again, [estimator], 0).means[estimator]
        values.append(found.mean_treated.value - found.mean_control.value)
    assert ours == pytest.approx(np.std(values), rel=0.15)
    weight = run.means[estimator].mean_control.weight
    known = weight * (c.y - run.means[estimator].mean_control.value) / weight.sum()
    naive = np.sqrt(comparison.variance(run.means[estimator].mean_treated.influence - known, None))
    assert naive > 1.2 * np.std(values)


@pytest.mark.parametrize("estimator", DEFAULT)
def test_errors_are_summed_within_clusters(estimator):
    """Four copies of everybody say no more than one: the same error by cluster, half of it without."""
    table = people(400, seed=2)
    copies = pl.concat(
        [table.with_columns(row=pl.lit(i), home="person", person=pl.col("person") * 4 + i) for i in range(4)]
    )
    one = row(lift(table), estimator)["std_error"]
    by_home = row(lift(copies, cluster="home"), estimator)["std_error"]
    ignored = row(lift(copies), estimator)["std_error"]
    assert by_home == pytest.approx(one, rel=0.15 if estimator == "matching" else 0.03)
    assert ignored < 0.7 * by_home


def test_no_fold_sees_its_own_rows():
    """Cross-fitting does not leak: changing a fold's outcomes and treatments changes no prediction for that fold."""
    c = made(people(600))
    fold = c.folds[2]
    y, treated = c.y.copy(), c.treated.copy()
    y[fold] += 1000 * np.arange(fold.stop - fold.start)
    treated[fold] = ~treated[fold]
    changed = replace(c, y=y, treated=treated)
    one, other = (crossfit.linear_nuisances(k, Run(k, ["aipw"], 0).logit) for k in (c, changed))
    assert one.eta[fold] == pytest.approx(other.eta[fold], abs=1e-8)
    assert one.mean_control[fold] == pytest.approx(other.mean_control[fold], abs=1e-6)
    assert not np.allclose(one.mean_control[c.folds[0]], other.mean_control[c.folds[0]])


def test_clusters_are_never_split_between_folds():
    table = people(600).with_columns(home=pl.col("person") // 4)
    found = observational_data(table, roles_of("joined", "gifts", X, unit="person", cluster="home"))
    homes = table["home"].to_numpy()[found.order]
    seen = [set(homes[fold]) for fold in found.comparison.folds]
    assert sum(map(len, seen)) == table["home"].n_unique()


# --- the same answer from anywhere -------------------------------------------------------------------------


def test_order_of_rows_and_kind_of_table_do_not_matter():
    table = people(600)
    one = lift(table).table
    shuffled = lift(table.sample(fraction=1.0, shuffle=True, seed=1)).table
    with duckdb.connect() as con:
        lazy = lift(con.from_arrow(table.to_arrow())).table
    texts = lift(table.with_columns(pl.col("person").cast(pl.String))).table
    for other in (shuffled, lazy, lift(table.to_pandas()).table, lift(table.lazy()).table, texts):
        for name in ("estimate", "std_error", "ratio"):
            assert one[name].to_numpy() == pytest.approx(other[name].to_numpy(), rel=1e-8)


def test_another_seed_draws_other_folds_only():
    table = people(600)
    one, other = lift(table, seed=1).table, lift(table, seed=2).table
    differ = {
        n for n, a, b in zip(one["estimator"], one["estimate"], other["estimate"], strict=True) if abs(a - b) > 1e-9
    }
    assert differ == {"aipw", "aipw_spline"}


def test_texts_become_columns_and_unknown_numbers_are_said():
    table = people(800).with_columns(
        region=pl.Series(["West", "East", None, "South"] * 200),
        age=pl.when(pl.col("person") % 10 > 0).then(40 + pl.col("x1")),
    )
    found = lift(table, covariates=[*X, "region", "age"])
    names = found.balance["covariate"].unique().to_list()
    assert {"region unknown", "region South", "age unknown"} <= set(names)
    assert any("age is unknown of 80 people" in said for said in found.warnings)


# --- placebos -----------------------------------------------------------------------------------------------


def test_a_failed_placebo_is_said_first_and_a_passed_one_proves_little():
    table = people()
    bad = lift(table, placebo={"x1": ["x1"]})
    assert bad.failed["placebo"].to_list() == ["x1"]
    assert bad.failed["estimate"].item() > 0.1
    assert bad.summary().startswith("The placebo test failed: x1 still differs by")
    assert "Asking" in bad.value(enrollment_rate=0.1).summary()
    assert "A placebo test failed" in bad.value(enrollment_rate=0.1).summary()
    good = lift(table, placebo={"before": []})
    assert good.failed.is_empty()
    assert "proves little" in good.summary()


def test_a_placebo_whose_functions_stay_in_is_refused():
    table = people().with_columns(none=pl.col("before") < 9, logged=(pl.col("before") + 100).log())
    with pytest.raises(BadValue, match="'none' is a function of 'before'"):
        lift(table, covariates=[*X, "before", "none"], placebo={"before": ["before"]})
    with pytest.raises(BadValue, match="'logged' is a function of 'before'"):
        lift(table, covariates=[*X, "logged"], placebo={"before": []})
    with pytest.raises(BadValue, match="is a function of 'before'"):
        lift(table, covariates=[*X, "before"], placebo={"before": []})
    sums = table.with_columns(part=pl.col("before") - pl.col("x1"))
    with pytest.raises(BadValue, match="give 'before' away"):
        lift(sums, covariates=[*X, "part"], placebo={"before": []})
    assert lift(table, covariates=[*X, "before", "none"], placebo={"before": ["before", "none"]}).placebo.height == 8


def test_placebos_are_corrected_for_their_number():
    table = people(600).with_columns(
        **{f"p{i}": pl.col("x1") * 0 + pl.col("person") * 37 % (101 + i) for i in range(4)}
    )
    found = lift(table, placebo={f"p{i}": [] for i in range(4)}, estimators=["entropy"])
    assert (found.placebo["p_adjusted"] >= found.placebo["p_value"]).all()


def test_an_interval_that_holds_no_effect_needs_no_hidden_trait():
    some, none = lift(people()), lift(people().with_columns(pl.col("gifts") - 2 * pl.col("joined")))
    assert 1 < some.sensitivity.e_value_bound < some.sensitivity.e_value
    assert none.sensitivity.e_value_bound == 1.0 < none.sensitivity.e_value


def test_functions_are_told_from_what_goes_along():
    rng = np.random.default_rng(0)
    base = rng.gamma(1, 10, 500).round(1)
    assert is_function_of(np.log1p(base), base)
    assert is_function_of(((base > 3) & (base < 20)).astype(float), base)
    assert not is_function_of(base + rng.normal(0, 1, 500), base)
    assert not is_function_of((rng.random(500) < 0.01).astype(float), base)


# --- never a silent number ----------------------------------------------------------------------------------


def test_no_overlap_is_one_clear_error():
    table = people().with_columns(member=pl.col("joined").cast(pl.Float64) + 0.1 * pl.col("x2"))
    apart = table.with_columns(pl.col("member") + pl.col("joined") * 10)
    with pytest.raises(NotEnoughData, match="There is no overlap"):
        lift(apart, covariates=[*X, "member"])


def test_some_without_a_counterpart_are_counted_not_dropped():
    table = people().with_columns(vip=pl.col("joined") & (pl.col("person") % 9 == 0))
    found = lift(table, covariates=[*X, "vip"])
    assert row(found, "entropy")["estimate"] is None
    assert any("have no comparable person" in said for said in found.warnings)
    assert any("Entropy balancing has no answer" in said for said in found.warnings)
    assert found.trimming["n_left_out"].to_list()[1] > 0
    assert "entropy" in found.set_aside
    assert re.search(r"Left out: .*entropy balancing.* \(no answer", found.summary())
    assert "Left out" not in lift(people()).summary()
    assert found.lead == "aipw"
    assert found.n_treated == int(table["joined"].sum())


def test_constant_and_collinear_covariates_are_left_out_and_said():
    table = people().with_columns(one=pl.lit(1), sum=pl.col("x1") + pl.col("x2"))
    found = lift(table, covariates=[*X, "one", "sum"])
    assert "one is the same for everyone and was left out." in found.warnings
    assert "sum follows from the other covariates and was left out." in found.warnings
    assert row(found, "entropy")["estimate"] == pytest.approx(row(lift(table), "entropy")["estimate"])
    with pytest.raises(BadValue, match="none of one differs"):
        lift(table, covariates=["one"])


def test_twenty_treated_are_warned_of():
    table = people(400)
    few = pl.concat([table.filter("joined").head(20), table.filter(~pl.col("joined"))])
    assert any("only 20 people" in said for said in lift(few).warnings)
    with pytest.raises(NotEnoughData, match="1 people with joined"):
        lift(pl.concat([table.filter("joined").head(1), table.filter(~pl.col("joined"))]))


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pl.when(pl.col("joined")).then(1), "is null in .* rows, and null says neither"),
        (pl.col("joined").cast(pl.Int64) + 1, "holds 2; true/false or 0/1"),
        (pl.when(pl.col("joined")).then(pl.lit("yes")).otherwise(pl.lit("no")), "is String; true/false or 0/1"),
        (pl.when(pl.col("joined")).then(pl.date(2012, 1, 1)), "is Date.*as of a day before the outcome"),
    ],
)
def test_treated_says_yes_or_no(column, says):
    with pytest.raises(BadValue, match=says):
        lift(people().with_columns(joined=column))
    zero_one = lift(people().with_columns(pl.col("joined").cast(pl.Int8)))
    assert zero_one.n_treated == int(people()["joined"].sum())


def test_sign_up_after_the_outcome_began_is_refused_and_later_joiners_are_said():
    begins = dt.date(2012, 7, 2)
    day = pl.when("joined").then(begins - dt.timedelta(days=9)).when(pl.col("person") % 10 == 0).then(begins)
    table = people().with_columns(on=day)
    found = lift(table, signed_up="on", outcome_from="2012-07-02")
    later = table.filter(pl.col("on") == begins).height
    assert f"{later:,} of the others joined later, so the comparison holds some of the effect." in found.warnings
    with pytest.raises(BadValue, match="who signed up before 2012-06-01"):
        lift(table, signed_up="on", outcome_from="2012-06-01")
    with pytest.raises(BadValue, match="go together"):
        lift(table, signed_up="on")


def test_gaps_and_wrong_names_are_refused():
    table = people()
    with pytest.raises(BadValue, match="'gifts' is null, NaN or infinite in 1 rows"):
        lift(table.with_columns(pl.when(pl.col("person") > 0).then("gifts")))
    with pytest.raises(ColumnNotFound, match="did you mean 'x1'"):
        lift(table, covariates=["xx1"])
    with pytest.raises(BadValue, match="did you mean 'entropy'"):
        lift(table, estimators=["entropi"])
    with pytest.raises(BadValue, match="follows from the outcome"):
        lift(table.with_columns(big=pl.col("gifts") > 22), covariates=[*X, "big"])
    with pytest.raises(BadValue, match="covariates is empty"):
        lift(table, covariates=[])
    with pytest.raises(BadValue, match="unit is None"):
        donors.estimate_lift(table.lazy(), "joined", "gifts", X)
    with pytest.raises(BadValue, match="enrollment_rate is 5"):
        lift(table).value(enrollment_rate=5)


@pytest.mark.slow
def test_it_shows_as_sentence_charts_and_tables():
    found = lift(people(), placebo={"before": []})
    shown = found._repr_html_()
    assert "ck-summary" in shown
    for chart in (found.chart(), found.love_plot(), found.overlap_chart(), found.placebo_chart()):
        assert chart.to_dict()["description"]
    assert found.value(enrollment_rate=0.05, cost=0.02).table["estimate"].len() == 7
    boosted = lift(people(), estimators=["difference", "aipw_boost"])
    assert row(boosted, "aipw_boost")["estimate"] == pytest.approx(2.0, abs=1.0)


def test_value_carries_the_interval_to_dollars():
    found = lift(people())
    worth = found.value(enrollment_rate=0.1, cost=0.05, people=2000)
    lead, dollars = row(found, found.lead), worth.table.filter(pl.col("estimator") == found.lead).row(0, named=True)
    for name in ("estimate", "lower", "upper"):
        assert dollars[name] == pytest.approx(2000 * (0.1 * lead[name] - 0.05))
    assert dollars["break_even_rate"] == pytest.approx(0.05 / lead["estimate"])


def test_infeasible_balance_is_none_and_not_a_number():
    c = made(people(200))
    x = np.column_stack([c.x, c.treated * 5.0])
    assert weighting.entropy_balancing(replace(c, x=x)) is None


# --- what means do not tell; gaps; clusters; yes as 1.0 -------------------------------------------------------


def u_shaped(seed=0, n=1200):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    joined = rng.random(n) < 1 / (1 + np.exp(1.6 - 0.7 * x[:, 0] ** 2))
    gifts = 20 + 2 * x[:, 0] ** 2 + x[:, 1] + 2 * joined + rng.normal(0, 3, n)
    return pl.DataFrame({"person": np.arange(n), "joined": joined, "gifts": gifts, "x1": x[:, 0], "x2": x[:, 1]})


def test_u_shaped_joining_is_seen_and_the_lead_is_right():
    found = donors.estimate_lift(u_shaped(), "joined", "gifts", ["x1", "x2"], unit="person")
    assert "higher_moments" in found.named_warnings
    assert not set(found.credible["estimator"]) & {"regression", "imputation", "ipw", "entropy", "aipw"}
    lead = row(found, found.lead)
    assert lead["lower"] <= 2.0 <= lead["upper"]
    assert found.lead in found.credible["estimator"]
    assert "higher_moments" not in lift(people()).named_warnings


def test_least_squares_is_not_credible_for_skewed_gifts():
    rng = np.random.default_rng(1)
    table = people(1500).with_columns(gifts=(pl.col("x1") * 0.5 + 3).exp() * pl.Series(rng.gamma(0.5, 2, 1500)))
    found = lift(table)
    assert {"imputation", "regression"} <= set(found.misled)
    assert {"imputation_log", "aipw_log"} <= set(found.table["estimator"])


def test_gaps_in_a_covariate_are_warned_of_with_their_share():
    table = people().with_columns(x1=pl.when(pl.col("person") % 10 > 2).then(pl.col("x1")))
    found = lift(table)
    assert "30% of x1" in found.named_warnings["missing_covariates"]


def test_gaps_in_the_confounder_leave_no_bias():
    """Filled with its mean it leaves a third of the confounding; 2 was planted in each."""
    estimates, covered = [], 0
    for seed in range(8):
        table = people(seed=seed).with_columns(x1=pl.when(pl.col("person") % 10 > 2).then(pl.col("x1")))
        found = lift(table, estimators=["entropy", "regression"])
        lead = row(found, found.lead)
        estimates.append(lead["estimate"])
        covered += lead["lower"] <= 2 <= lead["upper"]
    assert abs(np.mean(estimates) - 2) < 0.15
    assert covered >= 6


def test_a_placebo_is_compared_in_every_filling():
    table = people(600).with_columns(x2=pl.when(pl.col("person") % 10 > 2).then(pl.col("x2")))
    found = lift(table, placebo={"before": ["x1"]}, estimators=["entropy"])
    assert found.failed["placebo"].to_list() == ["before"]
    assert found.placebo["std_error"].item() > 0


def test_treated_as_one_point_zero_is_yes():
    table = people(600)
    one, other = lift(table), lift(table.with_columns(pl.col("joined").cast(pl.Float64)))
    assert one.table.equals(other.table)


def test_few_clusters_are_said():
    table = people(600).with_columns(home=pl.col("person") % 12)
    assert "few_clusters" in lift(table, cluster="home").named_warnings
