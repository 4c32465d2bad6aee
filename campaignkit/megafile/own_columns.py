"""Columns of one's own: what types and rules of survivorship they may have, and their SQL as attributes and facts."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

#: A column's type: what its text is read as, and what SQL makes of the text that is stored.
TYPES: dict[str, tuple[pl.DataType, str]] = {
    "text": (pl.String(), "VARCHAR"),
    "number": (pl.Float64(), "DOUBLE"),
    "dollars": (pl.Decimal(14, 2), "DOUBLE"),
    "date": (pl.Date(), "DATE"),
    "yes/no": (pl.Boolean(), "BOOLEAN"),
}

#: Which value survives where a person's records differ: SQL over `value` and the record's place in time.
KEEP = {
    "latest": "arg_max({value}, record.seen_id)",
    "earliest": "arg_min({value}, record.seen_id)",
    "highest": "max({value})",
    "lowest": "min({value})",
    "total": "sum({value})",
}

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class OwnColumn:
    """A column of one's own, as a megafile's `own_column` says it.

    Attributes
    ----------
    name, label : str
        As predicates write it, and as sentences say it.
    kind : str
        attribute, fact (dated) or added (by an analyst).
    type : str
        One of `TYPES`; of a fact, what its value is.
    keep : str or None
        One of `KEEP`; of facts and added columns None.
    restricted : str or None
        What bars its use for soliciting; None: nothing.
    layout : str or None
        Whose it is; None: an analyst's.
    """

    name: str
    kind: str
    type: str
    label: str
    keep: str | None = None
    restricted: str | None = None
    layout: str | None = None


def attribute_sql(column: OwnColumn) -> str:
    """Return an attribute's value of the person `p`, as SQL.

    Examples
    --------
    >>> attribute_sql(OwnColumn("last_ask", "attribute", "dollars", "last ask", "highest"))[:67]
    '(SELECT max(TRY_CAST(attribute.value AS DOUBLE)) FROM attribute JOI'
    """
    sql_type = TYPES[column.type][1]
    if column.kind == "added":
        value = f"any_value(TRY_CAST(added_value.value AS {sql_type}))"
        return (
            f"(SELECT {value} FROM added_value WHERE added_value.person_id = p.person_id "
            f"AND added_value.name = '{column.name}')"
        )
    value = KEEP[column.keep or "latest"].format(value=f"TRY_CAST(attribute.value AS {sql_type})")
    return (
        f"(SELECT {value} FROM attribute JOIN record USING (record_id) WHERE attribute.person_id = p.person_id "
        f"AND attribute.name = '{column.name}')"
    )
