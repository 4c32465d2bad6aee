"""How two records compare: each comparison's levels from best to worst, and what is known of them beforehand.

m is the share of pairs at a level among records of one person, u among strangers, h among household members. Fitting
starts from these, and they are used as they are where there is too little to fit on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: Columns whose values are weighted by how common they are.
FREQUENCIES = ("first", "last", "city")

#: Pairs that agree on all columns of one of these are looked at. Columns are those that `identity` prepares.
BLOCKS = (
    ("email",), ("phone",), ("address_key",), ("birth_text", "last"), ("birth_text", "initial"),
    ("birth_text", "zip5"), ("birth_text", "house"), ("last", "zip5"), ("first", "zip5", "birth_year"),
    ("first", "zip5", "last_initial"), ("house", "street", "initial"), ("first", "last", "birth_year"),
    ("first", "last", "city"), ("first", "last", "middle"),
    ("last", "birth_year", "initial"),
)  # fmt: skip

#: A name that more records than these have is common: what is blocked by it finds the more strangers the more people
#: there are, and their pairs can't outweigh so many others of that name.
COMMON = 60_000

#: What a pair must agree on besides where its last name is common.
WHERE_LAST_IS_COMMON = {
    ("last", "zip5"): "initial", ("last", "birth_year", "initial"): "city", ("first", "last", "birth_year"): "city",
    ("first", "last", "middle"): "birth_year",
}  # fmt: skip

#: Blocks by initial, in which a common first name must be the same.
BY_INITIAL = (("birth_text", "initial"), ("house", "street", "initial"))

#: These find more, and are used where they find at most `MOST_LOOSE` pairs.
LOOSE_BLOCKS = (("first", "last"), ("birth_text",), ("last",), ("first",), ("zip5",))
MOST_LOOSE = 300_000

_PRIOR_PAIRS = 200  # how many counted pairs of household members outweigh what is known beforehand


@dataclass(frozen=True)
class Level:
    """One degree of agreement; `sql` speaks of columns with _l and _r."""

    name: str
    sql: str
    m: float
    u: float
    h: float | None = None
    frequency: str | None = None


@dataclass(frozen=True)
class Comparison:
    """One thing two records are compared by; `null` is SQL for when they can't be."""

    name: str
    needs: tuple[str, ...]
    null: str
    levels: tuple[Level, ...]
    vetoes: bool = False
    same: str | None = None  # the column that is equal at the first level, where that is all it says

    @property
    def tells_household_members_apart(self) -> bool:
        """Whether it differs among those who live together."""
        return self.levels[0].h is not None

    def reads(self, columns: tuple[str, ...]) -> bool:
        """Whether it looks at one of these columns; pairs that agree on them teach it nothing.

        Examples
        --------
        >>> next(c for c in COMPARISONS if c.name == "last_name").reads(("birth_text", "last"))
        True
        """
        conditions = " ".join([self.null, *(level.sql for level in self.levels)])
        return any(re.search(rf"\b{column}_[lr]\b", conditions) for column in columns)

    def among_household_members(self, counted: dict[int, int]) -> list[float]:
        """Return the share of household members at each level, counted pairs leaning on what is known beforehand.

        Examples
        --------
        >>> sex = next(c for c in COMPARISONS if c.name == "sex")
        >>> sex.among_household_members({1: 300, 0: 500, -1: 99})
        [0.36, 0.64]
        """
        last = len(self.levels) - 1
        pairs = [counted.get(last - at, 0) for at in range(len(self.levels))]
        whole = sum(pairs) + _PRIOR_PAIRS
        return [
            float(f"{(n + _PRIOR_PAIRS * (level.h or 0)) / whole:.6g}")
            for n, level in zip(pairs, self.levels, strict=True)
        ]

    def to_splink(self) -> dict[str, Any]:
        """Return it as Splink's settings take it."""
        levels: list[dict[str, Any]] = [{"sql_condition": self.null, "label_for_charts": "null", "is_null_level": True}]
        for level in self.levels:
            made = {
                "sql_condition": level.sql, "label_for_charts": level.name, "m_probability": level.m,
                "u_probability": level.u,
            }  # fmt: skip
            if level.frequency:
                made |= {"tf_adjustment_column": level.frequency, "tf_adjustment_weight": 1.0}
            levels.append(made)
        return {"output_column_name": self.name, "comparison_levels": levels}


def _missing(column: str) -> str:
    return f"{column}_l IS NULL OR {column}_r IS NULL"


def _one_slip(column: str, least: int = 4) -> str:
    return (
        f"jaro_winkler_similarity({column}_l, {column}_r) >= 0.9 OR (length({column}_l) >= {least} "
        f"AND damerau_levenshtein({column}_l, {column}_r) = 1)"
    )


def _begins(column: str, least: int) -> str:
    left, right = f"{column}_l", f"{column}_r"
    return (
        f"(length({right}) >= {least} AND starts_with({left}, {right})) OR "
        f"(length({left}) >= {least} AND starts_with({right}, {left}))"
    )


_SWAPPED = "first_l = other_last_r AND other_last_l = first_r"
_SWAPPED_LAST = "last_l = other_first_r AND other_first_l = last_r"
_DAY_AS_MONTH = (
    "substr(birth_text_l, 1, 4) = substr(birth_text_r, 1, 4) AND "
    "substr(birth_text_l, 5, 2) = substr(birth_text_r, 7, 2) AND "
    "substr(birth_text_l, 7, 2) = substr(birth_text_r, 5, 2)"
)
_BOTH_ADDRESSES = "address_key_l IS NOT NULL AND address_key_r IS NOT NULL"
_ELSE = "ELSE"

COMPARISONS = (
    Comparison("first_name", ("first",), _missing("first"), (
        Level("same", "first_l = first_r", 0.72, 0.012, 0.01, "first"),
        Level("a form of the other", "list_has_any(forms_l, forms_r)", 0.16, 0.006, 0.005),
        Level("swapped with the last name", _SWAPPED, 0.003, 1e-5, 1e-4),
        Level("one slip", _one_slip("first"), 0.07, 0.006, 0.008),
        Level("one begins with the other", _begins("first", 1), 0.02, 0.008, 0.01),
        Level("another", _ELSE, 0.027, 0.968, 0.9669),
    ), same="first"),
    Comparison("last_name", ("last",), _missing("last"), (
        Level("same", "last_l = last_r", 0.90, 0.002, None, "last"),
        Level("swapped with the first name", _SWAPPED_LAST, 0.003, 1e-5),
        Level("one slip", _one_slip("last"), 0.06, 0.003),
        Level("one holds the other", f"{_begins('last', 4)} OR (length(last_r) >= 4 AND ends_with(last_l, last_r)) "
              "OR (length(last_l) >= 4 AND ends_with(last_r, last_l))", 0.01, 0.001),
        Level("another", _ELSE, 0.027, 0.994),
    ), same="last"),
    Comparison("birth_date", ("birth_text",), _missing("birth_text"), (
        Level("same", "birth_text_l = birth_text_r", 0.93, 4e-5, 0.012),
        Level("one slip", f"damerau_levenshtein(birth_text_l, birth_text_r) = 1 OR ({_DAY_AS_MONTH}) "
              "OR abs(birth_date_l - birth_date_r) <= 31", 0.05, 0.003, 0.004),
        Level("same day", "substr(birth_text_l, 5, 4) = substr(birth_text_r, 5, 4)", 0.004, 0.0025, 0.004),
        Level("same year", "birth_year_l = birth_year_r", 0.006, 0.014, 0.03),
        Level("another", _ELSE, 0.01, 0.98, 0.95),
    ), same="birth_text"),
    Comparison("birth_year", ("birth_year",),
        f"({_missing('birth_year')}) OR (birth_text_l IS NOT NULL AND birth_text_r IS NOT NULL)", (
        Level("same", "birth_year_l = birth_year_r", 0.95, 0.016, 0.05),
        Level("one off", "abs(birth_year_l - birth_year_r) = 1", 0.03, 0.03, 0.08),
        Level("another", _ELSE, 0.02, 0.954, 0.87),
    )),
    Comparison("address", ("address_key",), _missing("address_key"), (
        Level("same", "address_key_l = address_key_r", 0.70, 1e-5),
        Level("nearly", "house_l = house_r AND ((zip5_l = zip5_r AND "
              "jaro_winkler_similarity(street_l, street_r) >= 0.85) OR street_l = street_r)", 0.06, 1e-5),
        Level("same zip", "zip5_l = zip5_r", 0.10, 0.003),
        Level("same city", "city_l = city_r", 0.08, 0.01),
        Level("another", _ELSE, 0.06, 0.987),
    ), same="address_key"),
    Comparison("zip", ("zip5",), f"({_BOTH_ADDRESSES}) OR {_missing('zip5')}", (
        Level("same", "zip5_l = zip5_r", 0.80, 0.003),
        Level("another", _ELSE, 0.20, 0.997),
    )),
    Comparison("city", ("city", "state"), f"({_BOTH_ADDRESSES}) OR (zip5_l IS NOT NULL AND zip5_r IS NOT NULL) "
        f"OR ({_missing('place')})", (
        Level("same", "city_l = city_r", 0.70, 0.02, None, "city"),
        Level("same state", "state_l = state_r", 0.20, 0.4),
        Level("another", _ELSE, 0.10, 0.58),
    )),
    Comparison("phone", ("phone",), _missing("phone"), (
        Level("same", "phone_l = phone_r", 0.80, 2e-6),
        Level("another", _ELSE, 0.20, 0.999998),
    ), same="phone"),
    Comparison("email", ("email",), _missing("email"), (
        Level("same", "email_l = email_r", 0.80, 2e-6, 0.05),
        Level("same name before the @", "email_user_l = email_user_r", 0.05, 2e-5, 0.005),
        Level("one slip", "jaro_winkler_similarity(email_user_l, email_user_r) >= 0.92", 0.05, 0.003, 0.02),
        Level("another", _ELSE, 0.10, 0.99698, 0.925),
    ), same="email"),
    Comparison("sex", ("sex",), _missing("sex"), (
        Level("same", "sex_l = sex_r", 0.99, 0.5, 0.3),
        Level("another", _ELSE, 0.01, 0.5, 0.7),
    )),
    Comparison("suffix", ("suffix",), _missing("suffix"), (
        Level("same", "suffix_l = suffix_r", 0.98, 0.35, 0.1),
        Level("another", _ELSE, 0.02, 0.65, 0.9),
    ), vetoes=True),
    Comparison("middle", ("middle",), _missing("middle"), (
        Level("same initial", "middle_l = middle_r", 0.96, 0.08, 0.1),
        Level("another", _ELSE, 0.04, 0.92, 0.9),
    )),
)  # fmt: skip
