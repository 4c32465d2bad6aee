"""SQL that is the same wherever it is written: identifiers quoted here, values always parameters."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

from campaignkit.errors import BadValue
from campaignkit.progress import make_askable, shown

if TYPE_CHECKING:
    import polars as pl

HASH_DIGITS = 13  # hex digits of a sha256: 52 bits, what a Float64 holds exactly


def quote_identifier(name: str) -> str:
    """Return a column or table name quoted for SQL.

    Examples
    --------
    >>> quote_identifier('say "hi"')
    '"say ""hi\"""'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: object) -> str:
    """Return a value as SQL text, for statements that are shown, copied and kept; run queries take parameters.

    Parameters
    ----------
    value : str, bool, int, float, date, or None
        The value; a list or tuple of these becomes a list in round brackets.

    Raises
    ------
    BadValue
        If it is of another type, or a float that is not finite.

    Examples
    --------
    >>> quote_literal("O'Brien"), quote_literal(True), quote_literal(["F", "M"])
    ("'O''Brien'", 'true', "('F', 'M')")
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "NULL"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, date):
        return f"DATE '{value:%Y-%m-%d}'"
    if isinstance(value, list | tuple) and value:
        return "(" + ", ".join(quote_literal(item) for item in value) + ")"
    raise BadValue(f"{value!r} can't be written as SQL; pass text, a number, a date, true, false or None.")


def quote_identifiers(names: list[str], table: str | None = None) -> str:
    """Return names quoted and joined by commas, each behind its table where one is given.

    Examples
    --------
    >>> quote_identifiers(["state", "zip5"], table="p")
    '"p"."state", "p"."zip5"'
    """
    prefix = "" if table is None else quote_identifier(table) + "."
    return ", ".join(prefix + quote_identifier(name) for name in names)


def canonical_ids(ids: pl.Series) -> pl.Series:
    """Return ids as canonical text: decimal digits or the text itself, whatever the engine's type was.

    Raises
    ------
    BadValue
        If they are of another type, or numbers with a fraction.

    Examples
    --------
    >>> import polars as pl
    >>> canonical_ids(pl.Series("id", [12.0, None])).to_list()  # as pandas holds whole numbers beside nulls
    ['12', None]
    """
    import polars as pl

    if ids.dtype.is_float():
        whole = ids.fill_nan(None).cast(pl.Int64, strict=False)
        if (whole.cast(pl.Float64) != ids.fill_nan(None)).any():
            raise BadValue(f"{ids.name!r} holds fractions; ids are whole numbers or text.")
        return whole.cast(pl.String)
    if ids.dtype.is_nested():
        raise BadValue(f"{ids.name!r} is {ids.dtype}; ids are whole numbers or text.")
    return ids.cast(pl.String)


def hashed_shares(texts: pl.Series, salt: str) -> pl.Series:
    """Return a number in [0, 1) for each text: the first 52 bits of the sha256 of ``text|salt``, the same everywhere.

    Examples
    --------
    >>> import polars as pl
    >>> hashed_shares(pl.Series(["12", "13"]), "june").round(6).to_list()
    [0.208066, 0.453849]
    """
    import duckdb
    import numpy as np
    import polars as pl

    with duckdb.connect() as con, shown("ids", f"hashing {len(texts):,} of them", con):
        make_askable(con)
        con.register("texts", pl.DataFrame({"row": range(len(texts)), "t": texts}))
        digits = f"left(sha256(t || '|' || ?), {HASH_DIGITS})"
        found = con.execute(f"SELECT ('0x' || {digits})::BIGINT AS h FROM texts ORDER BY row", [salt]).fetchnumpy()["h"]
    return pl.Series(texts.name, np.asarray(found, float) / 16**HASH_DIGITS)
