"""How well the megafile knows who is who, held against the sample campaign's truth."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from campaignkit.megafile import Megafile
from campaignkit.sample.dirt import FLAGS
from campaignkit.sql import connect, quote_literal


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
        One row per pair of sources: left, right, links (pairs of records held to be one person), right_links (those
        that are), true_pairs (pairs that are one person), precision, recall. A record that truth does not know
        counts as nobody's.

    Examples
    --------
    >>> import campaignkit as ck
    >>> quality = ck.sample.link_quality(ck.sample.megafile(), ck.sample.exports_folder() / "truth")
    >>> quality.columns
    ['left', 'right', 'links', 'right_links', 'true_pairs', 'precision', 'recall']
    """
    with connect(temp_directory=f"{megafile.path}.tmp") as con:  # ten million people's records are not held in Python
        con.execute(f"ATTACH {quote_literal(str(megafile.path))} AS megafile (READ_ONLY)")
        con.execute(
            """CREATE TEMP TABLE known AS SELECT s.source, s.person_id, i.person FROM megafile.source_record s
            LEFT JOIN (SELECT source, record_key::VARCHAR AS record_key, person FROM read_parquet(?)) i
            USING (source, record_key)""",
            [str(Path(truth) / "identity.parquet")],
        )
        return con.sql(f"""
            SELECT "left", "right", coalesce(l.pairs, 0) AS links, coalesce(b.pairs, 0) AS right_links,
                   coalesce(t.pairs, 0) AS true_pairs, right_links / nullif(links, 0) AS precision,
                   right_links / nullif(true_pairs, 0) AS recall
            FROM ({_pairs("person_id")}) l FULL JOIN ({_pairs("person")}) t USING ("left", "right")
            LEFT JOIN ({_pairs("person_id, person")}) b USING ("left", "right")
            ORDER BY true_pairs DESC, "left", "right" """).pl()


def _pairs(by: str) -> str:
    """Return SQL that counts pairs of records of different sources that agree on `by`, without listing them."""
    known = " AND ".join(f"{column} IS NOT NULL" for column in by.split(", "))
    held = f"(SELECT {by}, source, count(*) AS n FROM known WHERE {known} GROUP BY ALL)"
    return f"""SELECT a.source AS "left", b.source AS "right", sum(a.n * b.n)::BIGINT AS pairs
        FROM {held} a JOIN {held} b USING ({by}) WHERE a.source < b.source GROUP BY ALL"""


def supporter_quality(megafile: Megafile, truth: str | Path, source: str = "supporter") -> pl.DataFrame:
    """Return how well a source is linked to the voter files, by class of dirt and by what the pair shares.

    Parameters
    ----------
    megafile : Megafile
        Built from the exports that `truth` belongs to.
    truth : str or Path
        The folder with links.parquet (the true pairs: what they share, what hides it), identity.parquet and
        people.parquet.
    source : str
        The source whose links truth lists.

    Returns
    -------
    DataFrame
        One row per voter source and class: source, class (all; anchor: the pair shares an address, phone, e-mail or
        birth date; no anchor; not in the file: the person has no record there; or a kind of dirt on the supporter's
        record), true_pairs, links, right_links, in_household (false links to another of the household), precision,
        recall, f1 and in_household_share (of links). Null where there is nothing to divide by.
    """
    truth = Path(truth)
    pairs = pl.read_parquet(truth / "links.parquet").rename({"supporter_id": "key_a"})
    flags = [name for name in FLAGS if name in pairs.columns]
    judged = _judged(megafile, truth, source, pairs)
    parts = []
    for voter in pairs["source_b"].unique().sort():
        true = pairs.filter(pl.col("source_b") == voter)
        judged_links = judged.filter(pl.col("source_b") == voter)
        classes = {"all": pl.lit(True), "anchor": pl.col("shares_any"), "no anchor": ~pl.col("shares_any")}
        classes |= {flag: pl.col(flag) for flag in flags}
        parts += [
            _class_row(voter, name, true.filter(rows), judged_links.filter(rows)) for name, rows in classes.items()
        ]
        absent = judged_links.join(true, on="key_a", how="anti")
        parts.append(_class_row(voter, "not in the file", true.clear(), absent))
    links, right, true = pl.col("links"), pl.col("right_links"), pl.col("true_pairs")
    return pl.concat(parts).with_columns(
        precision=pl.when(links > 0).then(right / links),
        recall=pl.when(true > 0).then(right / true),
        f1=pl.when(true > 0).then(2 * right / (links + true)),
        in_household_share=pl.when(links > 0).then(pl.col("in_household") / links),
    )


def _judged(megafile: Megafile, truth: Path, source: str, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the links between `source` and the voter sources, right or wrong, with what they share and their dirt."""
    linked = megafile.sql(
        """SELECT a.record_key AS key_a, b.source AS source_b, b.record_key AS key_b,
               coalesce(a.phone = b.phone, false) OR coalesce(a.email = b.email, false)
               OR coalesce(a.birth_date = b.birth_date, false)
               OR coalesce(a.address_key = b.address_key, false) AS anchor
        FROM source_record a JOIN source_record b USING (person_id)
        WHERE a.source = ? AND b.source IN (SELECT unnest(?))""",
        [source, pairs["source_b"].unique().to_list()],
    )
    identity = pl.read_parquet(truth / "identity.parquet").with_columns(pl.col("record_key").cast(pl.String))
    home = pl.read_parquet(truth / "people.parquet", columns=["person", "household"])
    who = identity.join(home, on="person", how="left")
    ours = who.filter(pl.col("source") == source).select(key_a="record_key", ours="person", our_home="household")
    theirs = who.select(source_b="source", key_b="record_key", theirs="person", their_home="household")
    dirt = pairs.select("key_a", *(name for name in FLAGS if name in pairs.columns)).unique("key_a")
    known = pairs.select("key_a", "source_b", "key_b", "shares_any")
    judged = (
        linked.join(ours, on="key_a", how="left")
        .join(theirs, on=["source_b", "key_b"], how="left")
        .join(dirt, on="key_a", how="left")
        .join(known, on=["key_a", "source_b", "key_b"], how="left")
    )
    right = (pl.col("ours") == pl.col("theirs")).fill_null(False)
    return judged.with_columns(
        right=right,
        in_household=~right & (pl.col("our_home") == pl.col("their_home")).fill_null(False),
        shares_any=pl.coalesce("shares_any", "anchor"),
    )


def _class_row(voter: str, name: str, true: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    counts = {
        "true_pairs": true.height, "links": judged.height, "right_links": judged["right"].sum(),
        "in_household": judged["in_household"].sum(),
    }  # fmt: skip
    return pl.DataFrame({"source": voter, "class": name, **counts})
