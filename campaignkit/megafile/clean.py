"""Values made comparable: each canonical column's cleaning, and the address key, as Polars expressions."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

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
    return pl.when(lower.str.contains(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")).then(lower)


def phone(text: pl.Expr) -> pl.Expr:
    """Write a US phone number as E.164; null where it is none (area codes and exchanges begin with 2 to 9).

    Examples
    --------
    >>> pl.select(phone(pl.lit("(216) 555-0101"))).item(), pl.select(phone(pl.lit("1-216-555-0101 ext. 7"))).item()
    ('+12165550101', '+12165550101')
    """
    digits = text.str.replace(r"(?i)\s*(x|ext|extension)\.?\s*\d+\s*$", "").str.replace_all(r"\D", "")
    national = pl.when(digits.str.len_chars() == 11).then(digits.str.strip_prefix("1")).otherwise(digits)
    return pl.when(national.str.contains(r"^[2-9]\d\d[2-9]\d{6}$")).then(pl.lit("+1") + national)


def zip5(text: pl.Expr) -> pl.Expr:
    """Return the first five digits of a zip code; null where they are not there.

    Examples
    --------
    >>> pl.select(zip5(pl.lit("44101-1234"))).item()
    '44101'
    """
    return text.str.extract(r"^(\d{5})(?:-?\d{4})?$")


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
    """Return two capitals; null for anything else."""
    upper = text.cast(pl.String).str.to_uppercase()
    return pl.when(upper.str.contains(r"^[A-Z]{2}$")).then(upper)


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
    words = _standard_words(both)
    street = words.str.replace(r"\s*\bAPT\b.*$", "")
    door = words.str.extract(r"\bAPT\b(.*)$").str.replace_all(r"\bAPT\b|\s", "").fill_null("")
    box = street.str.contains(r"^(P ?O ?)?BOX \w+$") | (street == "")
    return pl.when(~box & zip_code.is_not_null()).then(pl.concat_str([street, door, zip_code], separator="|"))


def _standard_words(text: pl.Expr) -> pl.Expr:
    upper = text.cast(pl.String).str.to_uppercase().str.replace_all("#", " # ").str.replace_all(r"['.]", "")
    words = upper.str.replace_all(r"[^\p{L}\p{N}#/-]+", " ").str.strip_chars().str.split(" ")
    return words.list.eval(pl.element().replace(_ADDRESS_WORDS)).list.join(" ")
