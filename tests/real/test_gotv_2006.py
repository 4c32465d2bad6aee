"""Gerber, Green & Larimer 2006: the published arm means, and the standard error by block."""

import numpy as np
import polars as pl
import pytest

from campaignkit.experiments import analyze
from tests.real.published import published

MEANS = {"No Postcard": 0.29664, "Civic Duty": 0.31454, "Hawthorne": 0.32237, "Self": 0.34515, "Neighbors": 0.37795}


@pytest.fixture(scope="module")
def voters():
    return pl.read_parquet(published("gotv_2006/social_pressure.parquet"))


def difference(found):
    return found.table.filter(arm="Neighbors").row(0, named=True)


def test_arm_means_to_five_digits(voters):
    found = analyze(voters, "treatment", "primary_06", control="No Postcard", cluster="cluster")
    assert dict(found.table.select("arm", pl.col("level").round(5)).rows()) == MEANS
    assert found.table["n"].sum() == 344_084


def test_standard_errors_of_neighbors_over_civic_duty(voters):
    """Naive .00336, with one variance for all five arms as in a regression (Welch's own: .00343); by block .00416."""
    found = analyze(voters, "treatment", "primary_06", control="Civic Duty")
    n, p = found.table["n"].to_numpy(), found.table["level"].to_numpy()
    variance = (n * p * (1 - p)).sum() / (n.sum() - 5)
    two = found.table["arm"].is_in(["Neighbors", "Civic Duty"]).to_numpy()
    assert round(np.sqrt(variance * (1 / n[two]).sum()), 5) == 0.00336
    assert round(difference(found)["std_error"], 5) == 0.00343
    by_block = difference(analyze(voters, "treatment", "primary_06", control="Civic Duty", cluster="cluster"))
    assert round(by_block["std_error"], 5) == 0.00416
    assert by_block["clusters"] == 10_000


def test_without_clusters_the_error_is_too_small(voters):
    naive = difference(analyze(voters, "treatment", "primary_06", control="Civic Duty"))
    by_block = difference(analyze(voters, "treatment", "primary_06", control="Civic Duty", cluster="cluster"))
    assert naive["std_error"] < 0.85 * by_block["std_error"]


def test_sizes_are_told_until_the_shares_are(voters):
    assert analyze(voters, "treatment", "primary_06", control="No Postcard").sizes.mismatch
    shares = {name: 5 if name == "No Postcard" else 1 for name in MEANS}
    assert not analyze(voters, "treatment", "primary_06", control="No Postcard", shares=shares).sizes.mismatch
