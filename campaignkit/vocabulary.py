"""Words and numbers that the whole house shares: age bands, their SQL and labels, the level of intervals."""

from __future__ import annotations

import polars as pl

CONFIDENCE_LEVEL = 0.95  # of intervals, where none is asked for

#: Age bands: the age at which each ends, and its label. Whoever is older is in the last.
AGE_BANDS = ((18, "under 18"), (30, "18–29"), (40, "30–39"), (50, "40–49"), (60, "50–59"), (70, "60–69"))
OLDEST = "70+"
AGE_LABELS = (*(label for _, label in AGE_BANDS), OLDEST)


def age_band(age: pl.Expr) -> pl.Expr:
    """Return the band of an age in whole years; null where it is unknown.

    Examples
    --------
    >>> pl.DataFrame({"age": [17, 18, 49, 70, None]}).select(age_band(pl.col("age"))).to_series().to_list()
    ['under 18', '18–29', '40–49', '70+', None]
    """
    band: pl.Expr = pl.lit(OLDEST)
    for end, label in reversed(AGE_BANDS):
        band = pl.when(age < end).then(pl.lit(label)).otherwise(band)
    return pl.when(age.is_not_null()).then(band)


def age_band_sql(age: str) -> str:
    """Return the same as SQL.

    Examples
    --------
    >>> age_band_sql("age")[:72]
    "CASE WHEN age IS NULL THEN NULL WHEN age < 18 THEN 'under 18' WHEN age <"
    """
    cases = " ".join(f"WHEN {age} < {end} THEN '{label}'" for end, label in AGE_BANDS)
    return f"CASE WHEN {age} IS NULL THEN NULL {cases} ELSE '{OLDEST}' END"
