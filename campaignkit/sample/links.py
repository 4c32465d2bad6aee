"""Which records could be known for one person's, from what they share as written."""

from __future__ import annotations

import polars as pl

from campaignkit.sample.crm_files import supporter_key
from campaignkit.sample.dirt import FLAGS
from campaignkit.sample.effects import cells

ANCHORS = ["phone", "email", "birth_date", "address"]


def pairs(supporters: pl.DataFrame, voters: pl.DataFrame) -> pl.DataFrame:
    """Return the true pairs of a supporter's record and a voter's, what they share, and what hides it.

    ``shares_address`` compares addresses as written but for case; ``same_place`` says that both mean the same
    address, however they write it. ``shares_any`` is true if phone, e-mail, birth date or written address agree.
    """
    names = [
        "person",
        "first_name",
        "last_name",
        "birth_date",
        "birth_year",
        "phone",
        "email",
        "address",
        "zip5",
    ]
    ours = supporters.select(*names, *FLAGS).with_columns(supporter_id=supporter_key(supporters["person"]))
    theirs = pl.concat([_state_file(voters), _van(voters)]).select("source_b", "key", "file_moved", *names)
    table = theirs.join(ours, on="person", suffix="_s", maintain_order="left")
    same = [_same(name) for name in ("phone", "email", "birth_date", "birth_year", "zip5")]
    folded = [_same(name, folded=True) for name in ("first_name", "last_name", "address")]
    table = table.with_columns(*same, *folded, same_place=pl.col("moved") == pl.col("file_moved"))
    return table.with_columns(shares_any=pl.any_horizontal(f"shares_{name}" for name in ANCHORS)).select(
        "person",
        "supporter_id",
        "source_b",
        pl.col("key").alias("key_b"),
        "^shares_.*$",
        "same_place",
        "file_moved",
        *FLAGS,
    )


def _state_file(voters: pl.DataFrame) -> pl.DataFrame:
    """The state's file has a birth date in Ohio only, a phone in North Carolina only, and no e-mail."""
    ohio = pl.col("state") == "OH"
    return voters.with_columns(
        source_b=pl.when(ohio).then(pl.lit("oh_voter")).otherwise(pl.lit("nc_voter")),
        key="state_voter_id",
        file_moved="moved",
        birth_date=pl.when(ohio).then("birth_date"),
        phone=pl.when(~ohio & pl.col("file_phone")).then("phone"),
        address=pl.when(ohio | ~pl.col("confidential")).then("address"),
        email=pl.lit(None, dtype=pl.String),
    )


def _van(voters: pl.DataFrame) -> pl.DataFrame:
    return voters.with_columns(
        source_b=pl.lit("van"),
        key="van_id",
        file_moved="moved",
        phone=pl.when("van_phone").then("phone"),
        email=pl.lit(None, dtype=pl.String),
    )


def _same(name: str, folded: bool = False) -> pl.Expr:
    left, right = pl.col(name), pl.col(f"{name}_s")
    if folded:
        left, right = left.str.to_lowercase(), right.str.to_lowercase()
    return (left == right).fill_null(False).alias(f"shares_{name}")


def anchors(source: str, written: pl.DataFrame) -> pl.DataFrame:
    """Return what a source's records can be known by: source, person, anchor, value."""
    text = {
        "phone": pl.col("phone"),
        "email": pl.col("email").str.to_lowercase(),
        "birth_date": pl.col("birth_date").cast(pl.String),
        "address": pl.col("address").str.to_lowercase() + "|" + pl.col("zip5"),
    }
    return pl.concat(
        written.select("person", source=pl.lit(source), anchor=pl.lit(name), value=value.hash())
        for name, value in text.items()
    )


def voter_anchors(voters: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the anchors of both state files and of VAN."""
    file, van = _state_file(voters), _van(voters)
    split = [(state, file.filter(pl.col("source_b") == state)) for state in ("oh_voter", "nc_voter")]
    return [anchors(source, part) for source, part in [*split, ("van", van)]]


def linkable(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Return, by source, how many of its people in other sources too share an anchor with one of those.

    Birth dates count only where the person shares them; a linker must still find the person by name.
    """
    table = pl.concat(parts)
    several = pl.col("source").n_unique().over("person") > 1
    shared = (pl.col("source").n_unique().over("person", "anchor", "value") > 1) & pl.col("value").is_not_null()
    table = table.filter(several).with_columns(linkable=shared)
    records = table.group_by("source", "person").agg(pl.col("linkable").any()).sort("source", "person")
    return cells(records, "linkable", "linkable", ["source"])
