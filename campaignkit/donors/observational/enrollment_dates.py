"""Who had joined when the outcome began, held against the dates."""

from __future__ import annotations

import datetime as dt

import polars as pl

from campaignkit.errors import BadValue


def day_of(value: object, name: str, like: str) -> dt.date:
    """Return a date, from one or from text such as 2012-07-02."""
    try:
        return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise BadValue(f"{name} is {value!r}; a date like {like!r} was expected.") from error


def check_enrollment_dates(
    table: pl.DataFrame, treated: str, signed_up: str | None, begins: dt.date | None
) -> list[str]:
    """Hold who counts as treated against the date they signed up; return warnings of others who joined later.

    Raises
    ------
    BadValue
        Somebody counts as treated who signed up when the outcome had begun, or never; or the reverse.
    """
    if signed_up is None:
        return []
    if not table[signed_up].dtype.is_temporal():
        raise BadValue(f"signed_up: column {signed_up!r} is {table[signed_up].dtype}; dates were expected.")
    before = (pl.col(signed_up).cast(pl.Date) < begins).fill_null(False)
    wrong = table.filter(pl.col(treated).cast(pl.Boolean) != before)
    if wrong.height:
        raise BadValue(
            f"treated: of {wrong.height:,} people {treated!r} does not say what {signed_up!r} does: who signed "
            f"up before {begins}. People who join once the outcome counts may join because of it. Make it "
            f"(pl.col({signed_up!r}) < pl.lit(day)).fill_null(False)."
        )
    later = table.filter(~before & pl.col(signed_up).is_not_null()).height
    return [f"{later:,} of the others joined later, so the comparison holds some of the effect."] if later else []
