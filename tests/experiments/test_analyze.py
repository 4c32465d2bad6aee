"""analyze: equal to tea-tasting where both can, right by brute force where it can't, and clear about bad data."""

import duckdb
import numpy as np
import polars as pl
import pytest
import tea_tasting as tt
from scipy import stats

from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from campaignkit.experiments import analyze, assign, effects_by, factorial, winners
from campaignkit.stats.intervals.multiplicity import holm

TIGHT = 1e-9


def people(n=4000, seed=1):
    rng = np.random.default_rng(seed)
    arm = rng.choice(["control", "b", "c"], n)
    pre = rng.gamma(2.0, 3.0, n)
    size = rng.integers(1, 7, n // 3)
    household = np.repeat(np.arange(size.size), size)[:n]
    household = np.concatenate([household, np.arange(n - household.size) + size.size])
    return pl.DataFrame(
        {
            "person": np.arange(n),
            "household": household,
            "arm": arm,
            "pre": pre,
            "spent": pre + rng.gamma(2.0, 1.0, n) + 0.3 * (arm == "b"),
            "sent": rng.integers(1, 6, n),
            "voted": rng.random(n) < 0.3 + 0.05 * (arm == "c"),
            "gift": np.where(rng.random(n) < 0.05, np.round(np.exp(3 + rng.normal(size=n)), 2), 0.0),
            "weight": rng.uniform(0.5, 2.0, n),
            "region": rng.choice(["West", "East", "South"], n),
        }
    )


def whole_households(table):
    return table.with_columns(pl.col("arm", "region").first().over("household"))


def row(found, arm, outcome=None):
    table = found.table.filter(pl.col("arm") == arm)
    return (table if outcome is None else table.filter(pl.col("outcome") == outcome)).row(0, named=True)


def same(ours, theirs, rel=1e-9):
    """Whether two columns agree, null like null."""
    a, b = (np.array(x.cast(pl.Float64).fill_null(np.nan).to_list()) for x in (ours, theirs))
    return np.allclose(a, b, rtol=rel, atol=0, equal_nan=True)


def tea(table, metric):
    results = tt.Experiment({"m": metric}, "arm").analyze(table, control="control", all_variants=True)
    return {pair[1]: result["m"] for pair, result in results.items()}


def assert_same(found, theirs):
    for arm in ("b", "c"):
        mine, other = row(found, arm), theirs[arm]
        pairs = {
            "estimate": other.effect_size,
            "lower": other.effect_size_ci_lower,
            "upper": other.effect_size_ci_upper,
            "ratio": other.rel_effect_size + 1,
            "ratio_lower": other.rel_effect_size_ci_lower + 1,
            "ratio_upper": other.rel_effect_size_ci_upper + 1,
            "p_value": other.pvalue,
        }
        for name, value in pairs.items():
            assert mine[name] == pytest.approx(value, rel=TIGHT, abs=1e-12), name


# --- equal to tea-tasting -------------------------------------------------------------------------------


def test_means_equal_tea_tasting():
    table = people()
    assert_same(analyze(table, "arm", "spent", correction="none"), tea(table, tt.Mean("spent")))


def test_a_rate_taken_for_a_mean_equals_tea_tasting():
    table = people()
    assert_same(analyze(table, "arm", "voted", kind="mean"), tea(table.cast({"voted": pl.Int8}), tt.Mean("voted")))


def test_cuped_equals_tea_tasting():
    table = people()
    assert_same(analyze(table, "arm", "spent", covariate="pre"), tea(table, tt.Mean("spent", "pre")))


def test_ratios_equal_tea_tasting():
    table = people()
    assert_same(analyze(table, "arm", "gift", denominator="sent"), tea(table, tt.RatioOfMeans("gift", "sent")))


def test_clusters_equal_tea_tasting_on_their_totals():
    table = whole_households(people()).with_columns(one=pl.lit(1), also=pl.lit(1))
    totals = table.group_by("household", "arm").agg(pl.col("spent", "pre", "one", "also").sum())
    assert_same(analyze(table, "arm", "spent", cluster="household"), tea(totals, tt.RatioOfMeans("spent", "one")))
    theirs = tea(totals, tt.RatioOfMeans("spent", "one", "pre", "also"))
    assert_same(analyze(table, "arm", "spent", cluster="household", covariate="pre"), theirs)


def test_weights_equal_tea_tastings_ratio():
    table = people().with_columns(weighted=pl.col("spent") * pl.col("weight"))
    theirs = tea(table, tt.RatioOfMeans("weighted", "weight"))
    assert_same(analyze(table, "arm", "spent", weight="weight"), theirs)


def test_sample_ratio_equals_a_chi_squared():
    table = people().filter(~((pl.col("arm") == "b") & (pl.col("person") % 3 == 0)))
    from scipy.stats import chisquare

    found = analyze(table, "arm", "spent")
    assert found.sizes.p_value == pytest.approx(chisquare(found.sizes.table["units"].to_numpy()).pvalue, rel=1e-9)


# --- right by brute force -------------------------------------------------------------------------------


def test_clusters_that_span_arms_are_right():
    """Var(a − b) = Σ over clusters of (u_a − u_b)², u the clusters' residual sums over the arm's people."""
    table = people()
    found = row(analyze(table, "arm", "spent", cluster="household"), "b")
    residuals = {}
    for arm in ("b", "control"):
        part = table.filter(arm=arm)
        level = part["spent"].mean()
        sums = part.group_by("household").agg(u=(pl.col("spent") - level).sum() / part.height)
        residuals[arm] = sums, len(sums) / (len(sums) - 1)
    both = residuals["b"][0].join(residuals["control"][0], on="household", how="inner")
    own = sum((sums["u"] ** 2).sum() * factor for sums, factor in residuals.values())
    assert found["std_error"] == pytest.approx(np.sqrt(own - 2 * (both["u"] * both["u_right"]).sum()), rel=1e-9)


def test_clusters_count_as_one_draw():
    table = whole_households(people())
    twice = pl.concat([table, table])
    once, doubled = (row(analyze(x, "arm", "voted", cluster="household"), "c") for x in (table, twice))
    assert doubled["std_error"] == pytest.approx(once["std_error"], rel=1e-9)
    assert doubled["p_value"] == pytest.approx(once["p_value"], rel=1e-9)
    assert doubled["clusters"] == once["clusters"]
    assert doubled["n"] == 2 * once["n"]


def test_strata_are_averaged_by_their_sizes():
    table = people()
    found = row(analyze(table, "arm", "spent", strata="region"), "b")
    by_hand, variance = 0.0, 0.0
    for (_,), part in table.group_by("region"):
        share = part.height / table.height
        arms = [part.filter(arm=x)["spent"] for x in ("b", "control")]
        by_hand += share * (arms[0].mean() - arms[1].mean())
        variance += share**2 * sum(x.var() / len(x) for x in arms)
    assert found["estimate"] == pytest.approx(by_hand, rel=1e-12)
    assert found["std_error"] == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_one_unit_per_cluster_is_no_clusters():
    table = people()
    for outcome in ("spent", "voted", "gift"):
        plain = row(analyze(table, "arm", outcome), "b")
        alone = row(analyze(table, "arm", outcome, cluster="person"), "b")
        for name in ("estimate", "std_error", "level", "mean_given", "rate", "givers"):
            assert (alone[name] is None) == (plain[name] is None)
            assert alone[name] is None or alone[name] == pytest.approx(plain[name], rel=1e-9), name
        for name in ("lower", "upper", "p_value"):
            assert alone[name] == pytest.approx(plain[name], rel=0.01), name


def test_gifts_are_told_in_full():
    table = people()
    found = row(analyze(table, "arm", "gift"), "b")
    gifts = table.filter((pl.col("arm") == "b") & (pl.col("gift") > 0))["gift"].sort(descending=True)
    n = table.filter(arm="b").height
    assert found["kind"] == "money"
    assert found["givers"] == len(gifts)
    assert found["rate"] == pytest.approx(len(gifts) / n)
    assert found["mean_given"] == pytest.approx(gifts.mean())
    assert found["level"] == pytest.approx(gifts.sum() / n)
    top = int(np.ceil(len(gifts) / 100))
    assert found["top_share"] == pytest.approx(gifts[:top].sum() / gifts.sum(), rel=5e-3)
    assert found["level_upper"] - found["level"] > found["level"] - found["level_lower"]  # bends with the skew


def test_money_interval_and_p_value_agree():
    found = analyze(people(seed=3), "arm", "gift", correction="none").table.drop_nulls("p_value")
    outside = (found["lower"] > 0) | (found["upper"] < 0)
    assert ((found["p_value"] < 0.05) == outside).all()


def test_rates_have_newcombes_interval():
    """Newcombe (1998), Statistics in Medicine 17, table II, example (a): 56/70 − 48/80."""
    table = pl.DataFrame(
        {"arm": ["b"] * 70 + ["control"] * 80, "yes": [True] * 56 + [False] * 14 + [True] * 48 + [False] * 32}
    )
    found = row(analyze(table, "arm", "yes"), "b")
    assert (round(found["lower"], 4), round(found["upper"], 4)) == (0.0524, 0.3339)


def test_holm_is_applied_to_all_comparisons():
    found = analyze(people(), "arm", ["spent", "voted"], correction="holm").table.drop_nulls("p_value")
    assert found["p_adjusted"].to_list() == pytest.approx(holm(found["p_value"].to_numpy()).tolist())
    assert (found["p_adjusted"] > found["p_value"]).any()


def test_many_outcomes_are_each_as_alone():
    table = people()
    together = analyze(table, "arm", ["spent", "voted", "gift"], correction="none").table
    for outcome in ("spent", "voted", "gift"):
        alone = analyze(table, "arm", outcome, correction="none").table
        these = together.filter(outcome=outcome)
        for name in ("n", "level", "estimate", "lower", "upper", "p_value"):
            assert same(these[name], alone[name]), name


@pytest.mark.slow
def test_engines_agree():
    table = people(seed=4)
    ours = analyze(table, "arm", ["spent", "voted", "gift"], cluster="household").table
    con = duckdb.connect()
    for other in (table.lazy(), table.to_pandas(), table.to_arrow(), con.from_arrow(table.to_arrow())):
        theirs = analyze(other, "arm", ["spent", "voted", "gift"], cluster="household").table
        assert theirs["arm"].to_list() == ours["arm"].to_list()
        for name in ("n", "clusters", "level", "estimate", "lower", "p_value", "top_share"):
            assert same(theirs[name], ours[name]), name


def test_sizes_far_from_zero_do_not_cancel():
    table = people().with_columns(far=pl.col("spent") + 1e9)
    near, far = (row(analyze(table, "arm", x), "b") for x in ("spent", "far"))
    assert far["std_error"] == pytest.approx(near["std_error"], rel=1e-6)


# --- edges ----------------------------------------------------------------------------------------------


def test_an_arm_with_nobody_to_ask_is_an_error():
    table = people().with_columns(voted=pl.when(pl.col("arm") != "b").then("voted"))
    with pytest.raises(NotEnoughData, match="Arm 'b' has 0 people with a value of 'voted'"):
        analyze(table, "arm", "voted")


def test_a_control_with_nobody_is_an_error_that_names_the_nearest():
    with pytest.raises(BadValue, match="did you mean 'control'"):
        analyze(people(), "arm", "voted", control="contrl")
    with pytest.raises(BadValue, match="Say which arm is the control"):
        analyze(people().filter(pl.col("arm") != "control"), "arm", "voted")


@pytest.mark.parametrize("cluster", [None, "household"])
def test_all_zeros_are_nothing_to_compare(cluster):
    table = people().with_columns(nothing=pl.lit(0), never=pl.lit(False), none=pl.lit(0.0))
    found = analyze(table, "arm", ["nothing", "never", "none"], cluster=cluster).table
    assert found["level"].to_list() == [0.0] * 9
    assert (found["level_upper"] > 0).all()  # nobody of a thousand is not nobody ever
    compared = found.drop_nulls("estimate")
    assert (compared["lower"] < 0).all()
    assert (compared["upper"] > 0).all()
    assert compared["p_value"].to_list() == [1.0] * 6


def test_an_arm_without_gifts_gets_an_interval():
    table = people().with_columns(gift=pl.when(pl.col("arm") == "b").then(0.0).otherwise("gift"))
    found = row(analyze(table, "arm", "gift"), "b")
    assert found["level"] == 0.0
    assert found["level_upper"] > 0
    assert found["upper"] < 0 < found["level_upper"]
    assert found["p_value"] < 0.001


def test_one_enormous_gift_does_not_make_an_arm_better():
    table = people(seed=7)
    first = table.filter(arm="b")["person"][0]
    table = table.with_columns(gift=pl.when(pl.col("person") == first).then(25_000.0).otherwise("gift"))
    found = row(analyze(table, "arm", "gift", correction="none"), "b")
    assert found["lower"] < 0 < found["estimate"]
    assert found["p_value"] > 0.05
    assert found["top_share"] > 0.8


def test_duplicated_units_are_an_error():
    table = pl.concat([people(), people().head(3)])
    with pytest.raises(BadValue, match="one row per unit was expected"):
        analyze(table, "arm", "voted", unit="person")
    assert analyze(people(), "arm", "voted", unit="person").table.height == 3


def test_an_arm_missing_in_a_stratum_is_an_error_that_says_where():
    table = people().filter(~((pl.col("arm") == "b") & (pl.col("region") == "East")))
    with pytest.raises(NotEnoughData, match="'b' has nobody in stratum region 'East'"):
        analyze(table, "arm", "voted", strata="region")


def test_a_cluster_in_two_strata_is_an_error():
    with pytest.raises(BadValue, match="two strata"):
        analyze(people(), "arm", "voted", cluster="household", strata="region")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"covariate": "gap"}, "covariate: 'gap' is null in 10 rows"),
        ({"weight": "gap"}, "weight: 'gap' is null or negative in 10 rows"),
        ({"sequence": "gap"}, "sequence: 'gap' is null"),
    ],
)
def test_gaps_that_may_not_be_are_errors(options, said):
    table = people().with_columns(gap=pl.when(pl.col("person") >= 10).then(pl.col("person") % 7))
    with pytest.raises(BadValue, match=said):
        analyze(table, "arm", "spent", **options)


def test_missing_outcomes_and_arms_are_counted():
    table = people().with_columns(
        arm=pl.when(pl.col("person") >= 5).then("arm"),
        spent=pl.when(pl.col("person") % 10 > 0).then("spent").otherwise(float("nan")),
    )
    found = analyze(table, "arm", "spent")
    assert found.unassigned == 5
    assert found.table["missing"].sum() == 399
    assert "5 rows have no arm" in found.summary()
    assert "399 people with no answer are left out." in found.summary()
    assert "left out" not in analyze(people(), "arm", "spent").summary()


@pytest.mark.parametrize("unit", ["person", None])
@pytest.mark.parametrize("spans", [False, True])
def test_people_of_no_known_cluster_are_clusters_of_their_own(unit, spans):
    table = people() if spans else whole_households(people())
    gaps = table.with_columns(household=pl.when(pl.col("person") % 5 > 0).then("household"))
    own = gaps.with_columns(pl.col("household").fill_null(10_000 + pl.col("person")))
    theirs = analyze(own, "arm", "spent", cluster="household", covariate="pre")
    assert theirs.notes == ()
    for data in (gaps, gaps.lazy(), duckdb.connect().from_arrow(gaps.to_arrow())):
        ours = analyze(data, "arm", "spent", cluster="household", covariate="pre", unit=unit)
        assert ours.table["clusters"].to_list() == theirs.table["clusters"].to_list()
        assert same(ours.table["std_error"], theirs.table["std_error"])
        assert same(ours.table["estimate"], theirs.table["estimate"])
        assert "800 people have no household and count as one each." in ours.summary()
    for found in (
        winners(gaps, "arm", "spent", cluster="household"),
        effects_by(gaps, "arm", "spent", "voted", cluster="household", control="control"),
        factorial(gaps, ["arm", "region"], "spent", cluster="household"),
    ):
        assert "800 people have no household" in found.summary()


@pytest.mark.slow
def test_a_universes_facts_are_outcomes_and_its_people_the_units():
    import campaignkit as ck

    donors = ck.sample.megafile(progress=False).universe("donor", "sex is not null")
    options = {"control": "M", "cluster": "household_id"}
    ours = analyze(
        donors, "sex", ["gifts('90d')", "gave('online')"], covariate={"gifts('90d')": "gifts('365d')"}, **options
    )
    named = {"sex": "sex", "gifts": "gifts('90d')", "online": "gave('online')", "before": "gifts('365d')"}
    theirs = analyze(donors.features(named), "sex", ["gifts", "online"], covariate={"gifts": "before"}, **options)
    for name in ("n", "estimate", "std_error"):
        assert same(ours.table[name], theirs.table[name])
    assert ours.table["outcome"].to_list()[0] == "gifts('90d')"
    drawn = assign(donors, ["a", "b"], salt="one")
    assert drawn.table.columns == ["person_id", "arm"]
    with pytest.raises(BadValue, match="unit is None; name the column"):
        assign(people(), ["a", "b"], salt="one")


def test_wrong_names_and_types_are_told():
    with pytest.raises(ColumnNotFound, match="did you mean 'voted'"):
        analyze(people(), "arm", "votd")
    with pytest.raises(BadValue, match="numbers, decimals or booleans"):
        analyze(people(), "arm", "region")
    with pytest.raises(BadValue, match="did you mean 'holm'"):
        analyze(people(), "arm", "voted", correction="holmes")
    with pytest.raises(BadValue, match="shares names other arms"):
        analyze(people(), "arm", "voted", shares={"control": 1, "b": 1})


# --- what it says ---------------------------------------------------------------------------------------


def test_a_wrong_sample_ratio_is_said_first():
    table = people().filter(~((pl.col("arm") == "b") & (pl.col("person") % 3 == 0)))
    found = analyze(table, "arm", "voted")
    assert found.sizes.mismatch
    assert found.summary().startswith("Arm sizes are not equal (p < 0.001)")
    stated = analyze(table, "arm", "voted", shares={"control": 3, "b": 2, "c": 3})
    assert stated.summary().startswith("Arm sizes match the plan")


def test_losing_one_arms_answers_is_said():
    table = people().with_columns(voted=pl.when((pl.col("arm") != "b") | (pl.col("person") % 2 == 0)).then("voted"))
    assert "voted is missing more often in some arms" in analyze(table, "arm", "voted").summary()


def test_the_chart_and_the_page_are_made():
    found = analyze(people(), "arm", ["voted", "gift"])
    assert "Voted" in found.chart().to_dict()["title"]
    assert "<table" in found._repr_html_()
    assert found.method["gift"].startswith("Hall")


# --- few, unequal, spanning and paired clusters; small arms; skewed gifts -----------------------------------


def clustered(sizes, rates, seed=0):
    """Two arms of clusters of these sizes, drawn whole, by turns."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    arm = np.where(cluster % 2, "b", "control")
    return pl.DataFrame({"arm": arm, "cluster": cluster, "yes": rng.random(len(cluster)) < np.take(rates, cluster % 2)})


def test_few_clusters_and_a_large_effect_have_a_p_value():
    """Three clusters an arm, +33 points: the quantiles of t left the numbers, and 'nothing varied'."""
    found = analyze(clustered([60] * 6, (0.27, 0.6)), "arm", "yes", cluster="cluster")
    assert 0 < row(found, "b")["p_value"] < 0.05
    assert "nothing varied" not in found.summary()
    assert "few_clusters" in found.warnings


def test_one_huge_cluster_leaves_a_wide_interval():
    sizes = [2000, 2000, *[50] * 38]
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(40), sizes)
    y = rng.normal(0, 0.4, 40)[cluster] + rng.normal(size=len(cluster))
    table = pl.DataFrame({"arm": np.where(cluster % 2, "b", "control"), "cluster": cluster, "y": y})
    found = analyze(table, "arm", "y", cluster="cluster")
    assert found.warnings["few_clusters"].startswith("Few or unequal clusters")
    totals = table.group_by("arm", "cluster").agg(pl.col("y").sum(), d=pl.len())
    variance = 0.0
    for _, part in totals.group_by("arm"):
        y, d = part["y"].to_numpy(), part["d"].to_numpy().astype(float)
        left = (y.sum() - y) / (d.sum() - d) - y.sum() / d.sum()
        variance += 19 / 20 * (left @ left)
    assert row(found, "b")["std_error"] == pytest.approx(np.sqrt(variance), rel=1e-9)


@pytest.mark.parametrize(("blocks", "people"), [(200, 50), (30, 40)])
def test_blocks_of_yes_and_no_have_the_interval_of_their_differences(blocks, people):
    """Within blocks the arms are alike: MOVER's halves do not cancel, and were up to twice too wide."""
    rng = np.random.default_rng(4)
    block = np.repeat(np.arange(blocks), people)
    p = rng.beta(0.6, 1.4, blocks)[block]
    arm = np.tile(["b", "control"], blocks * people // 2)
    table = pl.DataFrame({"arm": arm, "block": block, "yes": rng.random(len(block)) < p})
    mine = row(analyze(table, "arm", "yes", cluster="block"), "b")
    means = table.group_by("block").agg(
        d=pl.col("yes").filter(pl.col("arm") == "b").mean() - pl.col("yes").filter(pl.col("arm") == "control").mean()
    )
    error = means["d"].std() / np.sqrt(blocks)
    assert mine["std_error"] == pytest.approx(error, rel=0.05)
    assert mine["upper"] - mine["lower"] == pytest.approx(2 * stats.t.ppf(0.975, blocks - 1) * error, rel=0.05)


def test_matched_pairs_are_compared_within():
    table = clustered([40, 40, 60, 60, 30, 30, 50, 50, 80, 80, 45, 45], (0.3, 0.4), seed=5)
    table = table.with_columns(pair=pl.col("cluster") // 2)
    found = analyze(table, "arm", "yes", cluster="cluster", strata="pair")
    totals = (
        table.group_by("pair", "arm")
        .agg(pl.col("yes").mean(), n=pl.len())
        .pivot("arm", index="pair", values=["yes", "n"])
    )
    share = (totals["n_b"] + totals["n_control"]).to_numpy() / table.height
    apart = (totals["yes_b"] - totals["yes_control"]).to_numpy()
    estimate = share @ apart
    left = (estimate - share * apart) / (1 - share) - estimate
    mine = row(found, "b")
    assert mine["estimate"] == pytest.approx(estimate, rel=1e-9)
    assert mine["std_error"] == pytest.approx(np.sqrt(5 / 6 * (left @ left)), rel=1e-9)
    assert 0 < mine["p_value"] < 1


def test_arms_unequal_by_plan_raise_no_alarm_and_ask():
    rng = np.random.default_rng(6)
    arm = np.where(rng.random(22_000) < 1 / 11, "b", "control")
    found = analyze(pl.DataFrame({"arm": arm, "yes": rng.random(22_000) < 0.1}), "arm", "yes")
    assert not found.sizes.alarm
    assert "assumes 1 : 10 was planned" in found.summary()
    assert "shares=" in found.summary()


def test_a_few_large_gifts_are_warned_of_and_gentle_ones_are_not():
    rng = np.random.default_rng(7)
    for s, warned in ((1.5, True), (0.5, False)):
        gave = np.arange(8000) % 50 == 0
        table = pl.DataFrame(
            {"arm": np.where(rng.random(8000) < 0.5, "b", "control"), "gift": gave * np.exp(rng.normal(3, s, 8000))}
        )
        assert ("skewed_gifts" in analyze(table, "arm", "gift").warnings) == warned


def test_a_tiny_arm_of_a_number_is_warned_of():
    rng = np.random.default_rng(8)
    table = pl.DataFrame({"arm": ["control"] * 100 + ["b"] * 10, "y": -rng.exponential(1, 110)})
    assert "small_arm" in analyze(table, "arm", "y").warnings
