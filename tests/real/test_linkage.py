"""resolve() beside Splink alone at the settings of Splink's own demos, on published linkage data with known truth.

    python -m tests.real.test_linkage

prints precision, recall and F1 of both. FEBRL 4 is linked without soc_sec_id, which no campaign has.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from scipy.stats import poisson

from campaignkit.megafile.resolve import resolve
from tests.benchmarks import bench_resolve

REPO = Path(__file__).parents[2]
DATA = Path(os.environ.get("CAMPAIGNKIT_REAL_DATA", REPO.parent / "shared" / "data")) / "linkage"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared linkage data are not at {DATA}")


def febrl() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the two files of FEBRL 4, in their own columns, `true` being who it is."""
    sides = []
    for name in ("febrl4a", "febrl4b"):
        side = pl.read_csv(DATA / f"{name}.csv", infer_schema=False)
        side = side.rename({column: column.strip() for column in side.columns}).drop("soc_sec_id")
        side = side.with_columns(pl.all().str.strip_chars()).with_columns(pl.all().replace("", None))
        sides.append(side.with_columns(true=pl.col("rec_id").str.extract(r"^(rec-\d+)")))
    return sides[0], sides[1]


def fake_1000() -> pl.DataFrame:
    return pl.read_csv(DATA / "fake_1000.csv", infer_schema=False).with_columns(
        pl.col("dob").str.to_date(strict=False), pl.col("unique_id").cast(pl.Int64)
    )


def febrl_records() -> pl.DataFrame:
    """Return both files as resolve takes them: an Australian post code stands in for a zip code."""
    return pl.concat(
        side.select(
            "true", source=pl.lit(name), record_id="rec_id", first_name="given_name", last_name="surname",
            address=pl.concat_str("street_number", "address_1", separator=" "), city="suburb", state="state",
            zip5="postcode", birth_date=pl.col("date_of_birth").str.to_date("%Y%m%d", strict=False),
        )
        for name, side in zip("ab", febrl(), strict=True)
    )  # fmt: skip


def fake_records() -> pl.DataFrame:
    return fake_1000().select(
        true="cluster", source=pl.lit("fake"), record_id="unique_id", first_name="first_name", last_name="surname",
        birth_date="dob", city="city", email="email",
    )  # fmt: skip


def quality(clusters: pl.DataFrame, found: str) -> dict[str, float]:
    """Return precision, recall and F1 over pairs of records in one cluster."""

    def pairs(by: list[str]) -> int:
        n = clusters.drop_nulls(by).group_by(by).len()["len"].cast(pl.Int64)
        return int((n * (n - 1) // 2).sum())

    right, links, true = pairs([found, "true"]), pairs([found]), pairs(["true"])
    return {"precision": right / links, "recall": right / true, "f1": 2 * right / (links + true)}


def ours(records: pl.DataFrame, one_per_person: bool) -> dict[str, float]:
    found = resolve(records.drop("true"), one_per_person=one_per_person, progress=False)
    return quality(found.table.with_columns(true=records["true"]), "person_id")


def splink_on_febrl() -> dict[float, dict[str, float]]:
    """Return Splink alone by threshold: the detailed model of its FEBRL 4 demo, less soc_sec_id."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    settings = SettingsCreator(
        unique_id_column_name="rec_id",
        link_type="link_only",
        blocking_rules_to_generate_predictions=[
            block_on("given_name", "surname"),
            "l.given_name = r.surname and l.surname = r.given_name",
            block_on("date_of_birth"),
            block_on("state", "address_1"),
            block_on("street_number", "address_1"),
            block_on("postcode"),
        ],
        comparisons=[
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True
            ),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
        ],
    )
    api = DuckDBAPI()
    linker = Linker([api.register(side.to_arrow()) for side in febrl()], settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("given_name", "surname", "date_of_birth")], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for column in ("date_of_birth", "postcode"):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(column), estimate_without_term_frequencies=True
        )
    scored = linker.inference.predict(threshold_match_probability=0.2)
    return {threshold: _clustered(linker, scored, threshold) for threshold in (0.2, 0.5, 0.9, 0.99)}


def splink_on_fake() -> dict[float, dict[str, float]]:
    """Return Splink alone by threshold: its demo of accuracy analysis, which is of this very data set."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[block_on(c) for c in ("first_name", "surname", "dob", "email")],
        comparisons=[
            cl.ForenameSurnameComparison("first_name", "surname"),
            cl.DateOfBirthComparison("dob", input_is_string=False),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        additional_columns_to_retain=["true"],
    )
    api = DuckDBAPI()
    records = fake_1000().rename({"cluster": "true"})
    linker = Linker(api.register(records.to_arrow()), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [
            "l.first_name = r.first_name and levenshtein(r.dob::VARCHAR, l.dob::VARCHAR) <= 1",
            "l.surname = r.surname and levenshtein(r.dob::VARCHAR, l.dob::VARCHAR) <= 1",
            "l.first_name = r.first_name and levenshtein(r.surname, l.surname) <= 2",
            "l.email = r.email",
        ],
        recall=0.7,
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=5)
    for columns in (("dob",), ("email",), ("first_name", "surname")):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*columns), estimate_without_term_frequencies=True
        )
    scored = linker.inference.predict(threshold_match_probability=0.2)
    return {threshold: _clustered(linker, scored, threshold) for threshold in (0.2, 0.5, 0.9, 0.95)}


def _clustered(linker, scored, threshold: float) -> dict[str, float]:
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        scored, threshold_match_probability=threshold
    )
    return quality(clusters.as_duckdbpyrelation().pl(), "cluster_id")


@pytest.mark.slow
@needs_data
def test_febrl_is_linked_no_worse_than_by_splink_alone():
    """Better than Splink's at each threshold, the demo's 0.99 among them."""
    alone = splink_on_febrl()
    assert alone[0.99]["precision"] > 0.99  # the reference itself works
    found = ours(febrl_records(), one_per_person=True)
    assert found["f1"] >= max(one["f1"] for one in alone.values())
    assert found["precision"] >= 0.99


@pytest.mark.slow
@needs_data
def test_fake_1000_is_deduplicated_no_worse_than_by_splink_alone():
    alone = splink_on_fake()
    found = ours(fake_records(), one_per_person=False)
    assert found["f1"] >= max(one["f1"] for one in alone.values())
    assert found["precision"] >= 0.97


NAMES_AND_DATES = ["true", "source", "record_id", "first_name", "last_name", "birth_date"]


def drawn_records(folder: Path, voters: int, supporters: int, seed: int) -> pl.DataFrame:
    """Return a drawn voter file and a campaign's own dirty list, of which two thirds are on it."""
    bench_resolve.make(folder, voters, supporters, seed)
    parts = [
        pl.read_parquet(folder / f"{name}.parquet").with_columns(
            true=pl.read_parquet(folder / f"{name}_truth.parquet")["person"].cast(pl.String)
        )
        for name in ("voters", "supporters")
    ]
    return pl.concat(parts)


def wrong_links(records: pl.DataFrame, one_per_person: bool) -> tuple[float, int]:
    """Return how many of the model's links it expects to be wrong, and how many are: with another's first record."""
    found = resolve(records.drop("true"), one_per_person=one_per_person, progress=False).table
    found = found.with_columns(true=records["true"].cast(pl.String))
    first = found.filter(pl.col("matched_by").is_null()).select("person_id", first="true")
    links = found.filter(pl.col("matched_by") == "model").join(first, on="person_id")
    return float((1 - links["match_probability"]).sum()), int((links["true"] != links["first"]).sum())


@needs_data
@pytest.mark.slow
def test_names_and_dates_alone_are_wrong_as_often_as_expected(tmp_path):
    """Over published and drawn files together, without addresses: within Poisson's 95% of expected, give or take 30%."""
    files = [(febrl_records(), True), (fake_records(), False)]
    files += [(drawn_records(tmp_path, 5000, 2000, 1), True), (drawn_records(tmp_path, 4000, 3000, 3), True)]
    judged = [wrong_links(records.select(NAMES_AND_DATES), one) for records, one in files]
    expected, wrong = (sum(part) for part in zip(*judged, strict=True))
    assert poisson.ppf(0.025, 0.7 * expected) <= wrong <= poisson.ppf(0.975, 1.3 * expected)


@needs_data
def test_exact_tiers_alone_would_not_do():
    """Why there is a model: on dirty names and dates without addresses, deterministic rules find few."""
    records = fake_records()
    by_rules = resolve(records.drop("true"), one_per_person=False, model=False)
    assert quality(by_rules.table.with_columns(true=records["true"]), "person_id")["recall"] < 0.6


if __name__ == "__main__":
    for name, mine, theirs in (
        ("FEBRL 4", ours(febrl_records(), True), splink_on_febrl()),
        ("fake_1000", ours(fake_records(), False), splink_on_fake()),
    ):
        print(name, "resolve", {k: round(v, 4) for k, v in mine.items()})
        for threshold, one in theirs.items():
            print(name, f"Splink alone, clusters at {threshold}", {k: round(v, 4) for k, v in one.items()})
