"""Values made comparable: each canonical column's cleaning, and the address key, as Polars expressions.

An expression that is named twice is worked out twice, so each step here is named once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

MOST = 1_000_000_000  # of dollars, hours: more is a phone number or an id
LEAST_AGE, MOST_AGE = 10, 115

_SUFFIXES = {"JR": "JR", "SR": "SR", "JUNIOR": "JR", "SENIOR": "SR", "2ND": "II", "3RD": "III", "4TH": "IV"}

#: Words of an address that are written in more than one way (USPS Publication 28, appendices B and C).
_ADDRESS_WORDS = {
    "STREET": "ST", "STR": "ST", "AVENUE": "AVE", "AV": "AVE", "ROAD": "RD", "DRIVE": "DR", "LANE": "LN",
    "COURT": "CT", "PLACE": "PL", "BOULEVARD": "BLVD", "CIRCLE": "CIR", "TERRACE": "TER", "PARKWAY": "PKWY",
    "HIGHWAY": "HWY", "TRAIL": "TRL", "SQUARE": "SQ", "CROSSING": "XING", "TURNPIKE": "TPKE", "ALLEY": "ALY",
    "PIKE": "PIKE", "HEIGHTS": "HTS", "MOUNT": "MT", "SAINT": "ST", "POINT": "PT", "CREEK": "CRK",
    "NORTH": "N", "SOUTH": "S", "EAST": "E", "WEST": "W", "NORTHEAST": "NE", "NORTHWEST": "NW",
    "SOUTHEAST": "SE", "SOUTHWEST": "SW", "APARTMENT": "APT", "SUITE": "APT", "STE": "APT", "UNIT": "APT",
    "NUMBER": "APT", "NO": "APT", "#": "APT", "LOT": "APT", "ROOM": "APT", "RM": "APT",
}  # fmt: skip

STATES = {
    "ALABAMA": "AL", "ALASKA": "AK", "ARIZONA": "AZ", "ARKANSAS": "AR", "CALIFORNIA": "CA", "COLORADO": "CO",
    "CONNECTICUT": "CT", "DELAWARE": "DE", "DISTRICT OF COLUMBIA": "DC", "FLORIDA": "FL", "GEORGIA": "GA",
    "HAWAII": "HI", "IDAHO": "ID", "ILLINOIS": "IL", "INDIANA": "IN", "IOWA": "IA", "KANSAS": "KS", "KENTUCKY": "KY",
    "LOUISIANA": "LA", "MAINE": "ME", "MARYLAND": "MD", "MASSACHUSETTS": "MA", "MICHIGAN": "MI", "MINNESOTA": "MN",
    "MISSISSIPPI": "MS", "MISSOURI": "MO", "MONTANA": "MT", "NEBRASKA": "NE", "NEVADA": "NV", "NEW HAMPSHIRE": "NH",
    "NEW JERSEY": "NJ", "NEW MEXICO": "NM", "NEW YORK": "NY", "NORTH CAROLINA": "NC", "NORTH DAKOTA": "ND",
    "OHIO": "OH", "OKLAHOMA": "OK", "OREGON": "OR", "PENNSYLVANIA": "PA", "RHODE ISLAND": "RI",
    "SOUTH CAROLINA": "SC", "SOUTH DAKOTA": "SD", "TENNESSEE": "TN", "TEXAS": "TX", "UTAH": "UT", "VERMONT": "VT",
    "VIRGINIA": "VA", "WASHINGTON": "WA", "WEST VIRGINIA": "WV", "WISCONSIN": "WI", "WYOMING": "WY",
    "PUERTO RICO": "PR", "GUAM": "GU", "AMERICAN SAMOA": "AS", "VIRGIN ISLANDS": "VI", "U.S. VIRGIN ISLANDS": "VI",
    "NORTHERN MARIANA ISLANDS": "MP",
}  # fmt: skip
_ZERO_STATES = ["CT", "MA", "ME", "NH", "NJ", "RI", "VT", "PR", "VI", "AE", "NY"]  # NY: Fishers Island, 06390


def cleaners() -> dict[str, Callable[[pl.Expr], pl.Expr]]:
    """Return the cleaning of each canonical text column that has one; trimming has been done before."""
    return {
        "email": email, "phone": phone, "zip5": zip5, "suffix": suffix, "state": state, "van_state": state,
        "first_name": spaces, "middle_name": spaces, "last_name": spaces, "address": spaces, "city": spaces,
        "county": county,
    }  # fmt: skip


def spaces(text: pl.Expr) -> pl.Expr:
    """Make runs of white space one space."""
    return text.str.replace_all(r"\s+", " ")


def county(text: pl.Expr) -> pl.Expr:
    """Write a county's name in title case, so that one state's WAKE and another list's Wake are one county."""
    return spaces(text).str.to_titlecase()


def email(text: pl.Expr) -> pl.Expr:
    """Lower-case an e-mail address; null where it is none.

    Examples
    --------
    >>> pl.select(email(pl.lit("Ann@Example.ORG "))).item(), pl.select(email(pl.lit("Ann <mailto:ann@x.org>"))).item()
    ('ann@example.org', 'ann@x.org')
    """
    written = pl.when(text.str.contains("<", literal=True)).then(text.str.extract("<([^<>]*)>")).otherwise(text)
    seen = written.str.replace_all("[\u00ad\u200b-\u200f\u2060\ufeff]", "")
    lower = seen.str.strip_chars().str.to_lowercase().str.strip_prefix("mailto:")
    return lower.str.extract(r"^([^@\s]+@[^@\s]+\.[^@\s.]+)$")


def phone(text: pl.Expr) -> pl.Expr:
    """Write a US phone number as E.164; null where it is none (area codes and exchanges begin with 2 to 9).

    Examples
    --------
    >>> pl.select(phone(pl.lit("(216) 555-0101"))).item(), pl.select(phone(pl.lit("1-216-555-0101 ext. 7"))).item()
    ('+12165550101', '+12165550101')
    """
    digits = text.str.replace(r"(?i)\s*(x|ext|extension)\.?\s*\d+\s*$", "").str.replace_all(r"\D", "")
    return pl.lit("+1") + digits.str.extract(r"^1?([2-9]\d\d[2-9]\d{6})$")


def zip5(text: pl.Expr) -> pl.Expr:
    """Return the first five digits of a zip code; null where they are not there.

    A spreadsheet takes the zeros off the front (``2134``, ``21341234``) and puts ``.0`` behind; both are undone.

    Examples
    --------
    >>> pl.select(zip5(pl.lit("44101-1234"))).item(), pl.select(zip5(pl.lit("2134"))).item()
    ('44101', '02134')
    """
    plain = text.str.strip_suffix(".0")
    return plain.str.extract(r"^(\d{5})(?:-?\d{4})?$").fill_null(
        plain.str.extract(r"^(\d{3,4})(?:-\d{4})?$").fill_null(plain.str.extract(r"^(\d{3,4})\d{4}$")).str.zfill(5)
    )


def suffix(text: pl.Expr) -> pl.Expr:
    """Write a generational suffix one way (JR, SR, II, III, IV); null for others, such as MD.

    Examples
    --------
    >>> pl.select(suffix(pl.lit("Jr."))).item()
    'JR'
    """
    upper = text.cast(pl.String).str.to_uppercase().str.replace_all(r"[.,\s]", "").replace(_SUFFIXES)
    return pl.when(upper.is_in(["JR", "SR", "II", "III", "IV"])).then(upper)


def state(text: pl.Expr) -> pl.Expr:
    """Return two capitals, also of a state's name; null for anything else.

    Examples
    --------
    >>> pl.select(state(pl.lit("new york"))).item()
    'NY'
    """
    upper = spaces(text.cast(pl.String).str.to_uppercase().str.strip_chars(" .")).replace(STATES)
    return upper.str.extract(r"^([A-Z]{2})$")


def number(text: pl.Expr, data_type: pl.DataType) -> pl.Expr:
    """Read a number; null where it is not plainly one, such as ``25,50`` or ``1.234,56``, or is beyond belief.

    Commas part thousands; ``$``, ``€`` or ``USD`` may stand before or behind; brackets mean minus.

    Examples
    --------
    >>> amounts = pl.Series(["$1,000.50", "(25.00)", "25,50", "1.234,56", "10000000000"])
    >>> pl.select(number(pl.lit(amounts), pl.Decimal(14, 2))).to_series().cast(pl.Float64).to_list()
    [1000.5, -25.0, None, None, None]
    """
    bare = text.str.replace_all(r"(?i)[$€\s]|USD|EUR", "").str.replace(r"^\((.+)\)$", "-$1")
    cents = r"\d{0,2}|\d\d0{2,}" if isinstance(data_type, pl.Decimal) else r"\d*"  # 1.234 may be a thousand and more
    plain = bare.str.extract(rf"^([-+]?(?:\d+|\d{{1,3}}(?:,\d{{3}})+)?(?:\.(?:{cents}))?)$")
    digits = plain.str.replace_all(r"[,+]", "")
    if data_type.is_integer():
        return digits.str.replace(r"\.0*$", "").cast(data_type, strict=False)
    return _where(digits.cast(data_type, strict=False), lambda read: read.abs() < MOST)


def plausible_date(day: pl.Expr) -> pl.Expr:
    """Return dates from 1850 to 2100; null for others: a year of two digits reads as 0070.

    Examples
    --------
    >>> pl.select(plausible_date(pl.lit("0070-03-01").str.to_date("%Y-%m-%d"))).item() is None
    True
    """
    return _where(day, lambda day: day.is_between(date(1850, 1, 1), date(2100, 12, 31)))


def _where(made: pl.Expr, holds: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return values for which something holds, null for others; they are worked out once."""
    value = pl.field("value")
    held = pl.struct(made.alias("value")).struct.with_fields(value=pl.when(holds(value)).then(value))
    return held.struct.field("value")


def plausible_birth(year: pl.Expr, as_of: date | None) -> pl.Expr:
    """Return whether someone born in a year was 10 to 115 in the year of `as_of`; None: at any time."""
    if as_of is None:
        return year.is_not_null()
    return year.is_between(as_of.year - MOST_AGE, as_of.year - LEAST_AGE)


def plausible_zip(zip_code: pl.Expr, state_code: pl.Expr | None) -> pl.Expr:
    """Return whether a zip code that begins with 0 is of a state whose codes do, or of no known one."""
    if state_code is None:
        return zip_code.is_not_null()
    return ~zip_code.str.starts_with("0") | state_code.is_in(_ZERO_STATES) | state_code.is_null()


def address_key(address: pl.Expr, unit: pl.Expr, zip_code: pl.Expr) -> pl.Expr:
    """Return a key that is the same however an address is written; null without a street or for a PO box.

    Examples
    --------
    >>> pl.select(address_key(pl.lit("12 North Main Street, Apt. 4"), pl.lit(None), pl.lit("44101"))).item()
    '12 N MAIN ST|4|44101'
    >>> pl.select(address_key(pl.lit("12 N. MAIN ST"), pl.lit("# 4"), pl.lit("44101"))).item()
    '12 N MAIN ST|4|44101'
    """
    both = pl.concat_str([address, pl.lit(" APT ") + unit], ignore_nulls=True)
    words, street, door = pl.field("words"), pl.field("street"), pl.field("door")
    parts = pl.struct(_standard_words(both).alias("words")).struct.with_fields(
        street=words.str.replace(r"\s*\bAPT\b.*$", ""),
        door=words.str.extract(r"\bAPT\b(.*)$").str.replace_all(r"\bAPT\b|\s", "").fill_null(""),
    )
    box = street.str.contains(r"^(P ?O ?)?BOX \w+$") | (street == "")
    home = parts.struct.with_fields(home=pl.when(~box).then(pl.concat_str([street, door], separator="|")))
    return pl.concat_str([home.struct.field("home"), zip_code], separator="|")


def _standard_words(text: pl.Expr) -> pl.Expr:
    upper = text.cast(pl.String).str.to_uppercase().str.replace_all("#", " # ").str.replace_all(r"['.]", "")
    words = upper.str.replace_all(r"[^\p{L}\p{N}#/-]+", " ").str.strip_chars().str.split(" ")
    return words.list.eval(pl.element().replace(_ADDRESS_WORDS)).list.join(" ")
