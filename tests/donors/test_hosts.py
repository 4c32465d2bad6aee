"""match_hosts: pulls shrunk as data are thin, the best with its probability, and what may mislead."""

import duckdb
import numpy as np
import polars as pl
import pytest

from campaignkit import sample
from campaignkit.donors import match_hosts
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData

BY = ["region", "sex", "age_band", "race", "interest"]
SEGMENT = "sex = 'F' AND age_band = '40–49'"
REGION = "region = 'Northeast'"
WANTED = {"like": "host_a", "unit": "person", "segment": SEGMENT, "region": REGION}


def invited() -> pl.DataFrame:
    hosts = ["host_a", "host_b", "host_c", "host_d", "host_e"]
    return pl.concat(sample.draw("contest", 30_000, seed=i, host=host).table for i, host in enumerate(hosts))


@pytest.fixture(scope="module")
def contests() -> pl.DataFrame:
    return invited()


@pytest.fixture(scope="module")
def found(contests):
    return match_hosts(contests, "entered", "host", BY, **WANTED)


def test_the_host_planted_for_them_is_best(found):
    best = found.table.row(0, named=True)
    assert best["host"] == "host_d"
    assert best["probability_best"] > 0.99
    assert best["similarity"] > found.table.filter(pl.col("host") == "host_b")["similarity"][0]
    assert best["similarity_lower"] < best["similarity"] < best["similarity_upper"]
    assert "host_d" in found.summary()
    assert found.chart().to_dict()["description"] == found.summary()
    assert found._repr_html_()


def test_counts_are_those_of_the_wanted_group(contests, found):
    with duckdb.connect() as con:
        con.register("t", contests)
        rows = con.execute(
            f"SELECT host, count(*), sum(entered::INT) FROM t WHERE {SEGMENT} AND {REGION} GROUP BY host"
        ).fetchall()
    assert {(h, n, k) for h, n, k in rows} == set(found.table.select("host", "n", "positives").rows())


def test_the_host_to_be_matched_is_shown_and_does_not_compete(found):
    last = found.table.row(-1, named=True)
    assert (last["host"], last["candidate"], last["probability_best"], last["similarity"]) == (
        "host_a",
        False,
        None,
        None,
    )
    assert found.table["probability_best"].sum() == pytest.approx(1)


def test_entries_are_of_the_stated_mailing(contests, found):
    ten = match_hosts(contests, "entered", "host", BY, mailing=100_000, **WANTED)
    assert (ten.table["entries"] / found.table["entries"]).to_list() == pytest.approx([10] * 5)
    assert (found.table["entries_lower"] < found.table["entries"]).all()
    assert (found.table["entries"] == found.table["estimate"] * 10_000).all()


def test_a_thin_host_leans_on_the_others_and_is_said_to(contests):
    few = contests.filter((pl.col("host") != "host_b") | (pl.col("person") < 500))
    row = match_hosts(few, "entered", "host", BY, **WANTED).table.filter(pl.col("host") == "host_b").row(0, named=True)
    assert row["n"] < 25
    assert row["thin"]
    assert row["lower"] < 0.05 < row["upper"]
    none = contests.filter((pl.col("host") != "host_b") | (pl.col("region") == "West"))
    unseen = match_hosts(none, "entered", "host", BY, **WANTED)
    row = unseen.table.filter(pl.col("host") == "host_b").row(0, named=True)
    assert (row["n"], row["observed"], row["thin"]) == (0, None, True)
    assert "Little is known about host_b" in unseen.summary()


def test_invitations_that_were_not_random_are_named(contests, found):
    assert found.table["invited_apart"].null_count() == 5
    biased = contests.filter((pl.col("host") != "host_c") | (pl.col("sex") == "F") | (pl.col("person") % 2 == 0))
    apart = match_hosts(biased, "entered", "host", BY, **WANTED)
    assert "differ in sex" in apart.table.filter(pl.col("host") == "host_c")["invited_apart"][0]
    assert "Invitations differed" in apart.summary()
    known = contests.with_columns(random=pl.col("host") != "host_c")
    told = match_hosts(known, "entered", "host", BY, at_random="random", **WANTED)
    assert told.table.filter(pl.col("host") == "host_c")["invited_apart"][0] == "not invited at random"


def test_ratings(contests):
    rng = np.random.default_rng(0)
    rated = contests.with_columns(stars=pl.col("entered") * 1.0 + pl.Series(rng.normal(3, 1, contests.height)))
    found = match_hosts(rated, "stars", "host", BY, **WANTED)
    assert found.ratings
    assert found.table["host"][0] == "host_d"
    assert found.table["entries"].null_count() == 5
    with duckdb.connect() as con:
        con.register("t", rated)
        mean = con.execute(f"SELECT avg(stars) FROM t WHERE host = 'host_d' AND {SEGMENT} AND {REGION}").fetchone()[0]
    assert found.table["observed"][0] == pytest.approx(mean)
    assert "is rated" in found.summary()


def test_dollars(contests):
    rng = np.random.default_rng(0)
    gave = pl.when("entered").then(pl.Series(rng.exponential(40, contests.height)))
    found = match_hosts(contests.with_columns(gave=gave), "entered", "host", BY, amount="gave", **WANTED)
    assert found.table["dollars"][0] == pytest.approx(found.table["entries"][0] * 40, rel=0.15)
    assert f"${found.table['dollars'][0]:,.0f}" in found.summary()


def test_a_table_of_entrants_only_is_refused(contests):
    with pytest.raises(NotEnoughData, match="Everyone in the table entered"):
        match_hosts(contests.filter("entered"), "entered", "host", BY, **WANTED)
    mixed = contests.filter(pl.col("entered") | (pl.col("host") != "host_b"))
    with pytest.raises(NotEnoughData, match="entered with host_b"):
        match_hosts(mixed, "entered", "host", BY, **WANTED)


def test_rows_without_an_outcome_are_counted(contests):
    holes = contests.with_columns(entered=pl.when(pl.col("person") % 5 > 0).then("entered"))
    assert match_hosts(holes, "entered", "host", BY, **WANTED).set_aside == 30_000


def test_everyone_without_a_segment(contests):
    found = match_hosts(contests, "entered", "host", BY, like="host_a", unit="person")
    assert found.wanted == "everyone"
    assert found.table["n"].to_list() == [30_000] * 5


def test_every_engine_gives_the_same(contests, found, tmp_path):
    contests.write_parquet(tmp_path / "c.parquet")
    with duckdb.connect() as con:
        for data in (pl.scan_parquet(tmp_path / "c.parquet"), con.read_parquet(str(tmp_path / "c.parquet"))):
            assert match_hosts(data, "entered", "host", BY, **WANTED).table.equals(found.table)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"like": "host_z"}, BadValue, "The hosts are: host_a"),
        ({"by": []}, BadValue, "by is empty"),
        ({"segment": "age > 40"}, BadValue, "not a condition on region"),
        ({"region": "region = 'Mars'"}, NotEnoughData, "Nobody was invited"),
        ({"unit": "state"}, BadValue, "several rows"),
        ({"host": "hosst"}, ColumnNotFound, "did you mean 'host'"),
        ({"outcome": "race", "by": ["sex"]}, BadValue, "numbers"),
        ({"mailing": 0}, BadValue, "mailing is 0"),
    ],
)
def test_bad_arguments_are_told(contests, options, error, said):
    call = {"data": contests, "outcome": "entered", "host": "host", "by": BY, **WANTED} | options
    with pytest.raises(error, match=said):
        match_hosts(**call)


def test_two_candidates_are_needed(contests):
    two = contests.filter(pl.col("host").is_in(["host_a", "host_b"]))
    with pytest.raises(NotEnoughData, match="at least two candidates"):
        match_hosts(two, "entered", "host", BY, **WANTED)
