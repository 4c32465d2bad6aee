"""assign: the same draw on every engine, whole clusters, stated shares."""

import hashlib

import duckdb
import polars as pl
import pytest

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments import assign


def people(n=3000):
    household = [i // 3 for i in range(n)]
    return pl.DataFrame(
        {"person_id": range(n), "household_id": household, "state": ["OH" if h % 4 else "NC" for h in household]}
    )


def drawn(data, **options):
    return assign(data, ["control", "a", "b"], unit="person_id", salt="june", **options)


def test_the_hash_is_sha256_of_text_and_salt():
    share = int(hashlib.sha256(b"17|june").hexdigest()[:13], 16) / 16**13
    arm = drawn(people()).table.filter(person_id=17)["arm"].item()
    assert arm == ["control", "a", "b"][int(share * 3)]


def test_engines_and_types_of_id_agree():
    table = people()
    ours = drawn(table).table["arm"].to_list()
    text = table.with_columns(pl.col("person_id").cast(pl.String))
    floats = table.with_columns(pl.col("person_id").cast(pl.Float64))
    con = duckdb.connect()
    for other in (table.lazy(), table.to_pandas(), table.to_arrow(), con.from_arrow(table.to_arrow()), text, floats):
        found = drawn(other).table.with_columns(pl.col("person_id").cast(pl.Float64).cast(pl.Int64)).sort("person_id")
        assert found["arm"].to_list() == ours


def test_late_arrivals_move_nobody():
    early, late = drawn(people(1000)).table, drawn(people(3000)).table
    assert late.head(1000)["arm"].to_list() == early["arm"].to_list()


def test_another_salt_is_another_draw():
    a, b = (assign(people(), ["x", "y"], unit="person_id", salt=s).table["arm"] for s in ("june", "july"))
    assert 0.45 < (a == b).mean() < 0.55


def test_shares_are_kept_about():
    found = drawn(people(30_000), shares={"control": 0.5, "a": 0.3, "b": 0.2})
    by_arm = dict(found.table.group_by("arm").len().rows())
    assert by_arm["control"] == pytest.approx(15_000, abs=350)
    assert by_arm["b"] == pytest.approx(6000, abs=280)


@pytest.mark.parametrize("method", ["hash", "blocked"])
def test_clusters_go_together(method):
    found = drawn(people(), cluster="household_id", strata="state", method=method).table
    assert found.group_by("household_id").agg(pl.col("arm").n_unique())["arm"].max() == 1


def test_blocks_are_exact_to_one_cluster():
    for cluster in (None, "household_id"):
        found = drawn(people(), cluster=cluster, strata="state", shares=[3, 2, 2], method="blocked")
        whole = pl.col("clusters").sum().over("state")
        gap = found.balance.select((pl.col("clusters") - pl.col("expected_share") * whole).abs().max()).item()
        assert gap < 1


def test_who_has_no_household_goes_alone():
    table = people().with_columns(household_id=pl.when(pl.col("person_id") >= 300).then("household_id"))
    found = drawn(table, cluster="household_id")
    assert found.balance["clusters"].sum() == 900 + 300


def test_bad_lists_are_errors():
    twice = pl.concat([people(), people().head(2)])
    with pytest.raises(BadValue, match="2 rows repeat a 'person_id'"):
        drawn(twice)
    astray = people().with_columns(state=pl.when(pl.col("person_id") == 1).then(pl.lit("CO")).otherwise("state"))
    with pytest.raises(BadValue, match="1 of 'household_id' are in two strata"):
        drawn(astray, cluster="household_id", strata="state")
    with pytest.raises(BadValue, match="null in 1 rows"):
        drawn(people().with_columns(person_id=pl.when(pl.col("person_id") > 0).then("person_id")))
    with pytest.raises(BadValue, match="two or more different names"):
        assign(people(), ["a", "a"], unit="person_id", salt="x")
    with pytest.raises(BadValue, match="above 0"):
        drawn(people(), shares=[1, 0, 1])
    with pytest.raises(NotEnoughData, match="empty"):
        drawn(people().head(0))
    with pytest.raises(BadValue, match="fractions"):
        drawn(people().with_columns(pl.col("person_id") + 0.5))


def test_balance_is_shown_by_stratum_and_column():
    found = drawn(people().with_columns(age=pl.col("person_id") % 60), strata="state", balance="age")
    assert found.balance.select(pl.col("n").sum()).item() == 3000
    assert found.means["difference"].abs().max() < 0.15
    assert "by a hash of each id" in found.summary()
    assert found.chart().to_dict()["description"] == found.summary()
