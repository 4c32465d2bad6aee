"""The 2008 Pew interviews as the census has people, and the results of 2004 and 2008."""

from __future__ import annotations

import numpy as np
import polars as pl

from tests.real.published import published

REGIONS = {
    "Northeast": "CT ME MA NH RI VT NJ NY PA", "Midwest": "IL IN MI OH WI IA KS MN MO NE ND SD",
    "South": "DE MD VA WV NC SC GA FL KY TN MS AL OK TX AR LA DC", "West": "ID MT WY NV UT CO AZ NM AK WA OR CA HI",
}  # fmt: skip
EDUCATION = {
    "none": "No HS", "high school, incomplete": "No HS", "high school graduate": "HS", "business, technical": "Some college",
    "some college": "Some college", "college graduate": "4-Year College", "post-graduate": "Post-grad",
}  # fmt: skip
BY = ["race", "age", "sex", "education"]


def everyone() -> pl.DataFrame:
    """Return all who were asked, with the census's levels; DC, which the census table lacks, is left out."""
    bands = pl.lit("70+")
    for end, band in ((69, "60-69"), (59, "50-59"), (49, "40-49"), (39, "30-39"), (29, "18-29")):
        bands = pl.when(pl.col("age") <= end).then(pl.lit(band)).otherwise(bands)
    race = (
        pl.when(pl.col("race") == "black").then(pl.lit("Black"))
        .when(pl.col("hispanic") == "yes").then(pl.lit("Hispanic"))
        .when(pl.col("race") == "white").then(pl.lit("White"))
        .otherwise(pl.lit("Other"))
    )  # fmt: skip
    sure = (pl.col("plans_to_vote") == "yes") & (pl.col("chance_of_voting") == 10)
    usual = pl.col("how_often_votes").is_in(["always", "nearly always"])
    table = pl.read_parquet(published("polls/pew_2008.parquet"))
    return table.select(
        "survey", "interviewed_on", "state", "party", "vote", "weight", race=race,
        age=pl.when(pl.col("age").is_not_null()).then(bands),
        sex=pl.col("sex").replace_strict({"female": "F", "male": "M"}),
        education=pl.col("education").replace_strict(EDUCATION, default=None),
        registered=(pl.col("registered") == "absolutely certain").fill_null(False),
        likely=((pl.col("plans_to_vote") == "already voted") | (sure & usual)).fill_null(False),
    ).filter(pl.col("state") != "DC").drop_nulls(["state", *BY])  # fmt: skip


def interviews() -> pl.DataFrame:
    """Return interviews for one of the two candidates."""
    table = everyone().filter(pl.col("vote").is_in(["dem/lean dem", "rep/lean rep"]))
    return table.with_columns(ours=pl.col("vote") == "dem/lean dem")


def census() -> pl.DataFrame:
    """Return adults by state and attributes."""
    return pl.read_parquet(published("polls/census_cells.parquet"))


def shares(year: int) -> pl.DataFrame:
    """Return the Democrat's share of the two parties by state."""
    results = pl.read_parquet(published("polls/president_results_1976_2012.parquet")).filter(year=year)
    return results.select("state", "total_votes", share=pl.col("dem") / (pl.col("dem") + pl.col("rep")))


def features() -> pl.DataFrame:
    """Return what was known of states before: the logit of 2004's share, and the region."""
    region = {state: name for name, states in REGIONS.items() for state in states.split()}
    past = shares(2004)
    logit = np.log(past["share"] / (1 - past["share"]))
    return past.select("state", logit_2004=logit, region=pl.col("state").replace_strict(region))
