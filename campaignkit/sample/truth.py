"""How well the megafile knows who is who, held against the sample campaign's truth."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from campaignkit.megafile import Megafile


def link_quality(megafile: Megafile, truth: str | Path) -> pl.DataFrame:
    """Return precision and recall of links by source pair.

    Parameters
    ----------
    megafile : Megafile
        Built from the exports that `truth` belongs to.
    truth : str or Path
        The folder with identity.parquet: source, record_key, person.

    Returns
    -------
    DataFrame
        One row a pair of sources: left, right, links (pairs of records held to be one person), right_links (those
        that are), true_pairs (pairs that are one person), precision, recall. A record that truth does not know
        counts as nobody's.
    """
    identity = pl.read_parquet(Path(truth) / "identity.parquet").with_columns(
        pl.col("record_key").cast(pl.String)
    )
    found = megafile.sql("SELECT source, record_key, person_id FROM source_record")
    records = found.join(
        identity.select("source", "record_key", "person"), on=["source", "record_key"], how="left"
    )
    links, true_pairs = _pairs(records, ["person_id"]), _pairs(records, ["person"])
    both = _pairs(records, ["person_id", "person"])
    pairs = (
        links.rename({"pairs": "links"})
        .join(true_pairs.rename({"pairs": "true_pairs"}), on=["left", "right"], how="full", coalesce=True)
        .join(both.rename({"pairs": "right_links"}), on=["left", "right"], how="left")
        .with_columns(pl.col("links", "true_pairs", "right_links").fill_null(0))
    )
    return pairs.select(
        "left", "right", "links", "right_links", "true_pairs",
        precision=pl.when(pl.col("links") > 0).then(pl.col("right_links") / pl.col("links")),
        recall=pl.when(pl.col("true_pairs") > 0).then(pl.col("right_links") / pl.col("true_pairs")),
    ).sort("true_pairs", "left", "right", descending=[True, False, False])  # fmt: skip


def _pairs(records: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Count pairs of records of different sources that agree on `by`, without listing them."""
    counts = records.drop_nulls(by).group_by(*by, "source").len("n")
    left = counts.rename({"source": "left", "n": "n_left"})
    right = counts.rename({"source": "right", "n": "n_right"})
    pairs = left.join(right, on=by).filter(pl.col("left") < pl.col("right"))
    return pairs.group_by("left", "right").agg(
        (pl.col("n_left") * pl.col("n_right")).sum().cast(pl.Int64).alias("pairs")
    )
