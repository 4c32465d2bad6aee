"""The sample campaign through the megafile: every line accounted for, every reject the planted one, links held to truth."""

import polars as pl
import pytest

from campaignkit import Megafile, sample
from campaignkit.sample.truth import link_quality


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign") / "exports"
    sample.write(folder, 6_000, 11)
    return folder


@pytest.fixture(scope="module")
def megafile(exports):
    with Megafile.build(exports, exports.parent / "campaign.duckdb", progress=False) as megafile:
        yield megafile


@pytest.mark.slow
def test_every_physical_line_is_accounted_for(megafile):
    sources = megafile.sources
    assert (sources["header_lines"] + sources["accepted_lines"] + sources["rejected_lines"]).equals(sources["lines"])
    assert (sources["accepted"] + sources["rejected"]).equals(sources["records"])
    assert sources["unlinked"].sum() == 0


def test_the_rejects_are_the_planted_ones(megafile, exports):
    planted = pl.read_parquet(exports / "truth" / "rejects.parquet")
    found = megafile.rejects.with_columns(pl.col("file").str.replace("!.*", ""))
    assert sorted(found["file"]) == sorted(planted["file"])
    assert sorted(found["raw"]) == sorted(planted["raw"])


def test_only_dates_that_north_carolina_masks_are_unread(megafile):
    unread = megafile.sources.select("layout", "unread").explode("unread").unnest("unread").drop_nulls("column")
    assert set(unread.select("layout", "column").rows()) <= {("nc_voter", "registered_on")}
    assert megafile.sources["extra_columns"].list.len().sum() == 0


def test_links_are_right_and_most_are_found(megafile, exports):
    quality = link_quality(megafile, exports / "truth").filter(pl.col("true_pairs") >= 200)
    assert quality["precision"].min() >= 0.97
    voters = quality.filter((pl.col("right") == "supporter") & pl.col("left").str.ends_with("_voter"))
    assert voters["right_links"].sum() / voters["true_pairs"].sum() >= 0.93


def test_each_accepted_person_record_is_one_person_and_each_fact_has_its_person(megafile):
    assert megafile.sql("SELECT count(*) FROM source_record WHERE person_id IS NULL").item() == 0
    orphans = "SELECT count(*) FROM {} f LEFT JOIN person p USING (person_id) WHERE f.person_id IS NOT NULL AND p.person_id IS NULL"
    for table in ("gift", "contact", "vote_history", "email_send", "contest_entry", "suppression", "source_record"):
        assert megafile.sql(orphans.format(table)).item() == 0
    assert (
        megafile.sql("SELECT count(DISTINCT person_id) FROM source_record").item()
        == megafile.sql("SELECT count(*) FROM person").item()
    )


def test_fec_rows_live_only_in_fec_gift(megafile):
    assert megafile.sql("SELECT count(*) FROM fec_gift").item() > 0
    assert megafile.sql("SELECT count(*) FROM source_record WHERE source LIKE 'fec%'").item() == 0
    assert megafile.sql("SELECT count(*) FROM person WHERE list_contains(sources, 'fec')").item() == 0


def test_what_people_said_closes_the_channel_they_said_it_on(megafile):
    reasons = set(megafile.sql("SELECT DISTINCT channel, reason FROM suppression").rows())
    assert {
        ("email", "unsubscribed"),
        ("phone", "refused"),
        ("text", "refused"),
        ("door", "moved"),
    } <= reasons
    refused = "SELECT count(*) FROM contact WHERE lower(result) = 'refused' AND channel = 'phone'"
    closed = "SELECT count(*) FROM suppression WHERE reason = 'refused' AND channel = 'phone'"
    assert megafile.sql(refused).item() == megafile.sql(closed).item()


def test_a_household_is_an_address_with_at_most_twelve(megafile):
    assert megafile.sql("SELECT max(people) FROM household").item() <= 12
    assert megafile.sql("SELECT count(*) FROM household WHERE address_key LIKE '%BOX %'").item() == 0


def test_quick_donate_looks_four_times_as_good_as_it_is(megafile, exports):
    after = megafile.sql("""
        SELECT coalesce(e.person_id IS NOT NULL, false) AS member, sum(amount)::DOUBLE / count(DISTINCT g.person_id) AS dollars
        FROM gift g LEFT JOIN (SELECT DISTINCT person_id FROM enrollment WHERE program = 'quick_donate') e USING (person_id)
        WHERE given_on >= '2012-07-02' GROUP BY member ORDER BY member""")
    assert after["dollars"][1] > 1.5 * after["dollars"][0]
