"""Records of a table of one's own, cleaned as a build cleans those of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from campaignkit.errors import BadValue
from campaignkit.megafile import schema
from campaignkit.megafile.ingest import clean

#: Columns that say something of a person; a table has whichever it has.
DESCRIBING = (
    "first_name", "middle_name", "last_name", "suffix", "birth_date", "birth_year", "sex", "address", "unit", "city",
    "state", "zip5", "phone", "email", "state_voter_id",
)  # fmt: skip

SLICE = 50_000  # rows


def check_keys(missing: Mapping[str, int], twice: int) -> None:
    """Refuse records without a source or a record_id, and a record_id that two of a source have.

    Raises
    ------
    BadValue
        There are any.
    """
    for name, records in missing.items():
        if records:
            raise BadValue(f"{records:,} records have no {name}; each must have one.")
    if twice:
        raise BadValue(f"{twice:,} records repeat a record_id of their source; number the records within each source.")


def cleaned_records(table: pl.DataFrame) -> pl.DataFrame:
    """Return the records with all that linking reads, cleaned as a build cleans them and numbered in their order."""
    types = schema.layout_columns("source_record")
    cleaners = clean.cleaners()
    columns = []
    for name in DESCRIBING:
        value = pl.col(name) if name in table.columns else pl.lit(None)
        if table.schema.get(name) == pl.String and types[name] == pl.Date():
            value = value.str.to_date(strict=False)
        elif isinstance(types[name], pl.String):
            value = _cleaned(value.cast(pl.String).str.strip_chars(), name, cleaners)
        columns.append(value.cast(types[name]).alias(name))
    # by slices: an address passes through many words on its way to its key
    parts = [_keyed(part.select("source", *columns)) for part in table.iter_slices(SLICE)]
    rows = pl.concat(parts) if parts else _keyed(table.select("source", *columns))
    return rows.with_row_index("record_id").with_columns(pl.col("record_id").cast(pl.Int64))


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    written = ["address", "unit", "zip5"]
    key = clean.address_key(*map(pl.col, written))
    once = rows.select(written).unique().with_columns(address_key=key)  # household members' addresses are read once
    return rows.join(once, on=written, how="left", nulls_equal=True, maintain_order="left").drop("address", "unit")


def _cleaned(text: pl.Expr, name: str, cleaners: dict[str, Any]) -> pl.Expr:
    text = pl.when(text != "").then(text)
    if name not in cleaners:
        return text
    value = cleaners[name](text)
    # a postcode or state of another country is still the same or not
    return pl.coalesce(value, text.str.to_uppercase()) if name in ("zip5", "state") else value
