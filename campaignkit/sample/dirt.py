"""How a source writes people down: nicknames, typos, old addresses, other spellings, gaps.

Dirt belongs to a person and a source: all rows of one donor carry the same spelling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from campaignkit.sample import names, places

FLAGS = ["nickname", "typo_first", "typo_last", "moved", "address_variant", "no_phone", "no_email", "no_birth_date",
         "no_birth_year", "wrong_birth_date"]  # fmt: skip


@dataclass(frozen=True)
class Rates:
    """Shares of a source's people whose record has each kind of dirt; the defaults are the campaign's own lists'."""

    nickname: float = 0.3
    typo: float = 0.06
    moved: float = 0.2
    address_variant: float = 1 / 3
    no_phone: float = 0.4
    no_email: float = 0.0
    no_birth_date: float = 0.0
    no_birth_year: float = 0.0
    wrong_birth_date: float = 0.02
    other_case: float = 0.08
    upper: bool = False


CLEAN = Rates(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, upper=True)


def written(
    rng: np.random.Generator, people: pl.DataFrame, rates: Rates, known: dict[str, pl.Series] | None = None
) -> pl.DataFrame:
    """Return people as one source writes them down.

    Parameters
    ----------
    known
        Flags already decided (``moved``, ``no_phone``, ``no_email``), as series aligned with `people`.

    Returns
    -------
    person, first_name, middle_name, last_name, suffix, sex, birth_date, birth_year, phone, email, address (with the
    unit), street, unit, city, state, zip5, county, and one boolean for each of `FLAGS`.
    """
    size = len(people)
    chance = {name: getattr(rates, name) for name in FLAGS if hasattr(rates, name)}
    flags = {name: pl.Series(rng.random(size) < share) for name, share in chance.items()}
    flags["typo_first"], flags["typo_last"] = (pl.Series(rng.random(size) < rates.typo) for _ in range(2))
    # only those who moved have an old address to be listed at
    flags["moved"] = people["has_moved"] & pl.Series(rng.random(size) < rates.moved / 0.25)
    flags.update(known or {})
    flags["no_birth_date"] = flags["no_birth_date"] | flags["no_birth_year"]
    frame = people.with_columns(**{name: flags[name] for name in FLAGS})
    frame = _addresses(rng, _names(rng, frame, rates))
    frame = frame.with_columns(
        phone=pl.when(~pl.col("no_phone")).then("phone"),
        email=pl.when(~pl.col("no_email")).then("email"),
        birth_date=_dates(rng, size),
    ).with_columns(birth_year=pl.when(~pl.col("no_birth_year")).then(pl.col("true_year")))
    columns = ["first_name", "middle_name", "last_name", "suffix", "address", "street_line", "city"]
    frame = _cases(rng, frame, rates, columns)
    return frame.select(
        "person", *columns, "sex", "birth_date", "birth_year", "phone", "email", "unit", "state", "zip5", "county",
        *FLAGS,
    )  # fmt: skip


def _dates(rng: np.random.Generator, size: int) -> pl.Expr:
    """A wrong birth date is a few days off, or has day and month changed about."""
    off = pl.Series(rng.integers(1, 28, size))
    wrong = pl.col("birth_date").dt.offset_by(pl.concat_str(off.cast(pl.String), pl.lit("d")))
    return pl.when("no_birth_date").then(None).when("wrong_birth_date").then(wrong).otherwise("birth_date")


def _names(rng: np.random.Generator, frame: pl.DataFrame, rates: Rates) -> pl.DataFrame:
    size = len(frame)
    frame = frame.with_columns(true_year=pl.col("birth_date").dt.year())
    if rates.nickname:
        frame = frame.join(names.nicknames(), on="first_name", how="left", maintain_order="left")
        frame = frame.with_columns(nickname=pl.col("nickname") & pl.col("nicks").is_not_null())
        # the first nicknames are the common ones: half take the first
        which = pl.Series(np.minimum(rng.geometric(0.5, size) - 1, 3))
        nick = pl.col("nicks").list.get(which % pl.col("nicks").list.len())
        frame = frame.with_columns(first_name=pl.when("nickname").then(nick).otherwise("first_name"))
    if rates.typo:
        # a name of two letters would be beyond knowing
        long = [pl.col(f"{name}_name").str.len_chars() > 2 for name in ("first", "last")]
        frame = frame.with_columns(typo_first=pl.col("typo_first") & long[0], typo_last=pl.col("typo_last") & long[1])
        frame = frame.with_columns(
            first_name=typo(rng, frame["first_name"], frame["typo_first"]),
            last_name=typo(rng, frame["last_name"], frame["typo_last"]),
        )
    return frame


def typo(rng: np.random.Generator, text: pl.Series, where: pl.Series) -> pl.Series:
    """Insert, delete, substitute or transpose one letter of the text where told.

    Examples
    --------
    >>> typo(np.random.default_rng(3), pl.Series(["Robert"]), pl.Series([False])).to_list()
    ['Robert']
    """
    size = len(text)
    letter = pl.Series(list("etaoinsrhldc")).gather(pl.Series(rng.integers(0, 12, size).astype(np.uint32)))
    table = pl.DataFrame({"s": text, "where": where, "draw": rng.random(size), "way": rng.integers(0, 4, size)})
    # the first letter is seldom wrong; a transposition needs a letter after it
    at = (1 + (pl.col("draw") * (pl.col("s").str.len_chars() - 2).clip(0)).cast(pl.Int64)).alias("at")
    table = table.with_columns(at, letter=letter)
    s, head = pl.col("s"), pl.col("s").str.slice(0, pl.col("at"))
    rest, here, then = (
        s.str.slice(pl.col("at") + 1), s.str.slice(pl.col("at"), 1), s.str.slice(pl.col("at") + 1, 1),
    )  # fmt: skip
    way = pl.col("way")
    wrong = (
        pl.when(way == 0).then(head + pl.col("letter") + here + rest)
        .when(way == 1).then(head + rest)
        .when((way == 2) | (here == then)).then(head + pl.col("letter") + rest)
        .otherwise(head + then + here + s.str.slice(pl.col("at") + 2))
    )  # fmt: skip
    wrong = pl.when(wrong == s).then(head + pl.lit("x") + here + rest).otherwise(wrong)
    return table.select(pl.when(pl.col("where") & (s.str.len_chars() > 2)).then(wrong).otherwise(s)).to_series()


def _addresses(rng: np.random.Generator, frame: pl.DataFrame) -> pl.DataFrame:
    part = {
        name: pl.when("moved").then(f"old_{name}").otherwise(name)
        for name in (
            "number",
            "direction",
            "street",
            "street_type",
            "unit",
            "po_box",
            "zip5",
            "city",
            "county",
        )
    }
    frame = frame.with_columns(**part, style=pl.Series(rng.integers(0, 5, len(frame))))
    variant, style = pl.col("address_variant"), pl.col("style")
    number = pl.col("number").cast(pl.String)
    short = [_text(pairs, "direction" if at == 0 else "street_type", 0) for at, pairs in enumerate(_PARTS)]
    long = [_text(pairs, "direction" if at == 0 else "street_type", 1) for at, pairs in enumerate(_PARTS)]
    whole = pl.concat_str(number, long[0], pl.col("street"), long[1], separator=" ")
    brief = pl.concat_str(number, short[0], pl.col("street"), short[1], separator=" ")
    dotted = pl.concat_str(number, short[0], pl.col("street"), short[1] + ".", separator=" ")
    line = pl.when(~variant).then(brief).when(style <= 1).then(whole).when(style == 2).then(dotted).otherwise(brief)
    line = line.str.replace_all(r"\s+", " ")
    box = pl.when(variant).then(pl.lit("P.O. Box ")).otherwise(pl.lit("PO Box ")) + number
    prefix = pl.when(variant & (style >= 3)).then(pl.lit("#")).when(variant & (style == 1)).then(pl.lit("Unit "))
    unit = prefix.otherwise(pl.lit("Apt ")) + pl.col("unit")
    line = pl.when("po_box").then(box).otherwise(line)
    line = pl.when(variant & (style == 4)).then(line.str.to_lowercase()).otherwise(line)
    # a variant that would read the same is none
    real = variant & ((style <= 2) | (style == 4) | pl.col("unit").is_not_null())
    return frame.with_columns(
        street_line=line,
        unit=unit,
        address=pl.concat_str(line, unit, separator=" ", ignore_nulls=True),
        address_variant=real,
    )


_PARTS = [places.DIRECTIONS, places.STREET_TYPES]


def _text(pairs: list[tuple[str, str]], column: str, which: int) -> pl.Expr:
    texts = [pair[which] for pair in pairs]
    return pl.col(column).replace_strict(range(len(texts)), texts, return_dtype=pl.String)


def _cases(rng: np.random.Generator, frame: pl.DataFrame, rates: Rates, columns: list[str]) -> pl.DataFrame:
    if rates.upper:
        return frame.with_columns(pl.col(*columns, "unit").str.to_uppercase())
    way = pl.Series(rng.random(len(frame)))
    lower, upper = way < rates.other_case / 2, way > 1 - rates.other_case / 2
    return frame.with_columns(
        pl.when(lower).then(pl.col(name).str.to_lowercase()).when(upper).then(pl.col(name).str.to_uppercase()).otherwise(name)
        .alias(name)
        for name in ("first_name", "last_name", "city", "email")
    )  # fmt: skip
