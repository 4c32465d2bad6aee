"""Who lives where: households and the people in them, all true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl

from campaignkit.sample import names, places
from campaignkit.vocabulary import age_band

TODAY = dt.date(2012, 10, 1)
_DAY0 = (TODAY - dt.date(1970, 1, 1)).days
RACES = ["white", "black", "hispanic", "asian", "other"]
INTERESTS = ["sports", "cooking", "gardening", "film", "music", "hunting", "travel", "none"]
EDUCATIONS = ["no degree", "high school", "some college", "college", "graduate"]
INCOMES = ["<25k", "25-50k", "50-75k", "75-100k", "100k+"]

# kind of household: share, size, whether related, grown children
KINDS = [
    ("single", 0.31, 1), ("couple", 0.31, 2), ("family3", 0.12, 3), ("family4", 0.07, 4), ("family5", 0.02, 5),
    ("family6", 0.006, 6), ("parent", 0.06, 2), ("roommates2", 0.06, 2), ("roommates3", 0.03, 3),
    ("roommates4", 0.014, 4),
]  # fmt: skip


def days(value: np.ndarray) -> pl.Series:
    """Return dates from days since 1970."""
    return pl.Series(np.asarray(value, dtype=np.int32)).cast(pl.Date)


def pick(rng: np.random.Generator, values: list[str], share: Sequence[float], size: int) -> np.ndarray:
    """Draw values with the given shares."""
    weight = np.asarray(share, dtype=float)
    return np.asarray(values, dtype=object)[rng.choice(len(values), size, p=weight / weight.sum())]


def gather(values: list, index: np.ndarray) -> pl.Series:
    """Return ``values[index]`` as a series; fast for text."""
    return pl.Series(values).gather(pl.Series(index.astype(np.uint32)))


def scramble(number: np.ndarray, modulus: int = 10_000_019, factor: int = 6_180_343) -> np.ndarray:
    """Return each number's own place in a fixed shuffle of ``range(modulus)``; a prime above ten million."""
    return (np.asarray(number, dtype=np.int64) * factor + 271_829) % modulus


def attributes(rng: np.random.Generator, size: int) -> pl.DataFrame:
    """Draw the attributes that campaign tables need, without names or addresses, for one-off tables."""
    state = places.states().filter(~pl.col("state").is_in(places.SWING))
    at = rng.choice(len(state), size, p=state["people"].to_numpy() / state["people"].sum())
    age = (18 + 74 * rng.beta(2, 2.4, size)).astype(np.int32)
    household = np.cumsum(rng.random(size) < 0.6)
    frame = pl.DataFrame(
        {
            "person": np.arange(size, dtype=np.int64),
            "household": household.astype(np.int64),
            "sex": gather(["F", "M"], rng.random(size) > 0.53),
            "age": age,
            "race": pl.Series(pick(rng, RACES, [72, 14, 8, 4, 2], size), dtype=pl.String),
            "state": state["state"].gather(at),
            "region": state["region"].gather(at),
            "education": gather(EDUCATIONS, rng.choice(5, size, p=[0.1, 0.27, 0.28, 0.22, 0.13])),
            "income_band": gather(INCOMES, rng.choice(5, size, p=[0.23, 0.26, 0.2, 0.14, 0.17])),
            "urbanicity": gather(["urban", "suburban", "rural"], rng.choice(3, size, p=[0.35, 0.45, 0.2])),
            "homeowner": rng.random(size) < 0.62,
            "interest": gather(INTERESTS, rng.integers(0, len(INTERESTS), size)),
        }
    )
    return frame.with_columns(age_band(pl.col("age")).alias("age_band"))


def people(rng: np.random.Generator, size: int, first: int, first_household: int) -> pl.DataFrame:
    """Draw `size` people in households, half of them in the two swing states.

    Parameters
    ----------
    first, first_household
        The first person's and household's number, so that batches do not overlap.

    Returns
    -------
    One row per person, neighbours in a household next to each other.
    """
    swing = _live_in(rng, size // 2, first, first_household, swing=True)
    last = int(swing["household"][-1]) + 1
    other = _live_in(rng, size - size // 2, first + size // 2, last, swing=False)
    return pl.concat([swing, other])


def _live_in(rng: np.random.Generator, size: int, first: int, first_household: int, swing: bool) -> pl.DataFrame:
    home = _homes(rng, size, swing)
    kind, start, position, household = _compose(rng, size)
    place = home["place"][household]
    who = _persons(rng, kind[household], position, household, home["race"][household], start)
    frame = pl.DataFrame(
        {
            "person": np.arange(first, first + size, dtype=np.int64),
            "household": (household + first_household).astype(np.int64),
            **who,
        }
    )
    where = places.places().select("state", "region", "county", "county_number", "city", "zip3")[place]
    now = home["address"][household]
    moved = rng.random(size) < 0.25
    elsewhere = np.where(rng.random(size) < 0.5, place, _same_state(rng, place))
    before = address(rng, elsewhere).rename(lambda name: f"old_{name}")
    old_city = places.places().select(pl.col("city").alias("old_city"), pl.col("county").alias("old_county"))[elsewhere]
    frame = pl.concat([frame, where, now, before, old_city], how="horizontal")
    frame = frame.with_columns(pl.Series("has_moved", moved), pl.Series("trait_home", home["owner"][household]))
    return _contactable(rng, _consumer(rng, frame))


def _homes(rng: np.random.Generator, size: int, swing: bool) -> dict:
    table = places.places().with_row_index("place")
    table = table.filter(pl.col("state").is_in(places.SWING) == swing)
    weight = table["weight"].to_numpy()
    place = np.sort(rng.choice(table["place"].to_numpy(), size, p=weight / weight.sum()))
    rng.shuffle(place)
    share = [72, 14, 8, 4, 2] if not swing else [76, 16, 4, 2, 2]
    return {
        "place": place,
        "race": pick(rng, RACES, share, size),
        "address": _shared(rng, place),
        "owner": rng.random(size) < 0.64,
    }


def address(rng: np.random.Generator, place: np.ndarray) -> pl.DataFrame:
    """Draw a street address in each place, in parts so that it can be written many ways."""
    size = len(place)
    box = rng.random(size) < 0.015
    kind = rng.choice(len(places.STREET_TYPES), size, p=[0.28, 0.17, 0.16, 0.14, 0.08, 0.07, 0.03, 0.03, 0.03, 0.01])
    number = (10 ** rng.uniform(1.7, 4, size)).astype(np.int64)
    zips = pl.Series(places.places()["zip3"]).gather(place) + pl.Series(rng.integers(1, 31, size)).cast(
        pl.String
    ).str.zfill(2)
    return pl.DataFrame(
        {
            "number": number,
            "direction": rng.choice(5, size, p=[0.64, 0.1, 0.09, 0.09, 0.08]).astype(np.int8),
            "street": gather(places.STREET_NAMES, rng.integers(0, len(places.STREET_NAMES), size)),
            "street_type": kind.astype(np.int8),
            "unit": pl.Series([None], dtype=pl.String).gather(np.zeros(size, dtype=np.uint32)),
            "po_box": box,
            "zip5": zips,
        }
    )


def _shared(rng: np.random.Generator, place: np.ndarray) -> pl.DataFrame:
    """Addresses of households: some share a building, with units (apartments) or without (a home, a hall)."""
    size = len(place)
    kind = rng.choice(3, size, p=[0.8, 0.192, 0.008])
    per = np.array([1, 8, 20])[kind]
    order = np.lexsort((place, kind))
    group = kind[order].astype(np.int64) * 100_000 + place[order]
    starts = np.r_[True, group[1:] != group[:-1]]
    within = np.arange(size) - np.maximum.accumulate(np.where(starts, np.arange(size), 0))
    rank = np.empty(size, dtype=np.int64)
    rank[order] = within
    leader = np.empty(size, dtype=np.int64)
    leader[order] = order[np.arange(size) - within % per[order]]
    unit = pl.select(
        pl.when(pl.Series(kind == 1)).then(
            pl.Series(rank % 8 // 4 + 1).cast(pl.String) + gather(list("ABCD"), rank % 4)
        )
    ).to_series()
    own = address(rng, place)[leader]
    return own.with_columns(unit.alias("unit"), (pl.col("po_box") & pl.Series(kind == 0)).alias("po_box"))


def _same_state(rng: np.random.Generator, place: np.ndarray) -> np.ndarray:
    """Another place of the same state; places of a state lie next to each other."""
    state = places.places()["state"].rle_id().to_numpy()
    first = np.searchsorted(state, state[place], side="left")
    last = np.searchsorted(state, state[place], side="right")
    return rng.integers(first, last)


def _compose(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    share = np.array([kind[1] for kind in KINDS])
    sizes = np.array([kind[2] for kind in KINDS])
    kind = rng.choice(len(KINDS), size, p=share / share.sum())
    start = np.r_[0, np.cumsum(sizes[kind])]
    kind = kind[: np.searchsorted(start, size)]
    household = np.repeat(np.arange(len(kind)), sizes[kind])[:size]
    return kind, start[: len(kind)], np.arange(size) - start[household], household


def _persons(
    rng: np.random.Generator, kind: np.ndarray, position: np.ndarray, household: np.ndarray, race: np.ndarray,
    start: np.ndarray,
) -> dict:  # fmt: skip
    size = len(kind)
    family = (kind >= 2) & (kind <= 5)
    child = (family & (position >= 2)) | ((kind == 6) & (position == 1))
    spouse = (kind >= 1) & (kind <= 5) & (position == 1)
    roommate = (kind >= 7) & (position > 0)
    head = start[household]
    female = rng.random(size) < 0.53
    female = np.where(spouse, ~female[head] ^ (rng.random(size) < 0.03), female)
    birth = _birth_days(rng, kind, child, spouse, head)
    twin = child & (position == np.where(kind == 6, 9, 3)) & (rng.random(size) < 0.12)
    birth = np.where(twin, birth[np.maximum(np.arange(size) - 1, 0)], birth)
    year = birth.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    first = names.first_names(rng, female, year)
    junior = child & ~female & ~female[head] & (rng.random(size) < 0.12) & (position <= 2)
    senior = np.zeros(size, dtype=bool)
    senior[head[junior]] = True
    last, own = _surnames(rng, race, household, spouse, roommate)
    named = pl.DataFrame({"first": first, "father": first.gather(head), "junior": junior})
    named = named.select(pl.when("junior").then("father").otherwise("first").alias("first_name"))
    none = pl.lit(None, dtype=pl.String)
    middle = names.middle_names(rng, female)
    return {
        "first_name": named["first_name"],
        "middle_name": pl.select(pl.when(pl.Series(rng.random(size) < 0.85)).then(middle).otherwise(none)).to_series(),
        "last_name": last,
        "suffix": pl.select(
            pl.when(pl.Series(junior)).then(pl.lit("JR")).when(pl.Series(senior)).then(pl.lit("SR")).otherwise(none)
        ).to_series(),
        "sex": gather(["M", "F"], female),
        "birth_date": days(birth),
        "age": _age(birth),
        "race": pl.Series(race, dtype=pl.String),
        "family": (own + household * 8).astype(np.int64),
        "twin": twin | np.r_[twin[1:], False],
        "married": spouse | np.isin(kind, [1, 2, 3, 4, 5]) & (position == 0),
        "children": family | (kind == 6),
    }


def _birth_days(
    rng: np.random.Generator, kind: np.ndarray, child: np.ndarray, spouse: np.ndarray, head: np.ndarray
) -> np.ndarray:
    size = len(kind)
    age = 18 + 74 * rng.beta(2, 2.4, size)
    age = np.where((kind >= 2) & (kind <= 6), 40 + 38 * rng.beta(1.6, 2.8, size), age)
    age = np.where(kind >= 7, 18 + 24 * rng.beta(1.2, 2, size), age)
    age = np.where(spouse, age[head] + rng.normal(0, 3.5, size), age)
    age = np.where(child, age[head] - rng.uniform(19, 38, size), age)
    # whoever would be too young or old is some other age: one cut-off would make many share a birth date
    age = np.where(age < 18.02, 18.02 + 5 * rng.random(size), age)
    age = np.where((age > 96) | (child & (age > 45)), 30 + 15 * rng.random(size), age)
    return _DAY0 - (age * 365.25).astype(np.int64)


def _age(birth: np.ndarray) -> np.ndarray:
    born = birth.astype("datetime64[D]")
    months = born.astype("datetime64[M]").astype(np.int64)
    day = (born - born.astype("datetime64[M]")).astype(np.int64) + 1
    today = (TODAY.year - 1970) * 12 + TODAY.month - 1
    return ((today - months - (day > TODAY.day)) // 12).astype(np.int32)


def _surnames(
    rng: np.random.Generator,
    race: np.ndarray,
    household: np.ndarray,
    spouse: np.ndarray,
    roommate: np.ndarray,
) -> tuple[pl.Series, np.ndarray]:
    size = len(race)
    drawn = names.last_names(rng, race)
    heads = np.searchsorted(household, household, side="left")
    way = rng.random(size)
    keeps = (spouse & (way < 0.13)) | roommate
    hyphen = spouse & (way > 0.95)
    frame = pl.DataFrame({"own": drawn, "shared": drawn.gather(heads), "keeps": keeps, "hyphen": hyphen})
    simple = ~pl.col("own").str.contains("-") & ~pl.col("shared").str.contains("-")
    last = frame.select(
        pl.when("keeps").then("own")
        .when(pl.col("hyphen") & simple).then(pl.col("own") + "-" + pl.col("shared"))
        .otherwise("shared").alias("last_name")
    )["last_name"]  # fmt: skip
    return last, np.where(keeps | hyphen, np.minimum(np.arange(size) - heads, 7), 0)


def _consumer(rng: np.random.Generator, frame: pl.DataFrame) -> pl.DataFrame:
    size = len(frame)
    lift = np.select([frame["race"].to_numpy() == "asian", frame["race"].to_numpy() == "white"], [0.5, 0.15], -0.2)
    trait = rng.normal(0, 1, size) + lift
    school = np.clip(np.searchsorted([-1.3, -0.35, 0.35, 1.15], trait), 0, 4)
    money = np.searchsorted([-0.9, -0.1, 0.5, 1.05], 0.55 * trait + 0.8 * rng.normal(0, 1, size))
    big = places.places()["weight"].to_numpy()
    known = dict(zip(places.places().select(pl.concat_str("state", "city")).to_series(), big, strict=True))
    weight = frame.select(pl.concat_str("state", "city").replace_strict(known, return_dtype=pl.Float64)).to_series()
    heads = np.searchsorted(frame["household"].to_numpy(), frame["household"].to_numpy())
    metropolis = np.where(frame["county"].is_null().to_numpy(), 3.4, 2.2)
    dense = np.log10(weight.to_numpy()) - metropolis + rng.normal(0, 0.5, size)[heads]
    return frame.with_columns(
        age_band(pl.col("age")).alias("age_band"),
        gather(EDUCATIONS, school).alias("education"),
        gather(INCOMES, money).alias("income_band"),
        gather(["rural", "suburban", "urban"], np.searchsorted([-0.45, 0.55], dense)).alias("urbanicity"),
        pl.col("trait_home").alias("homeowner"),
        gather(INTERESTS, rng.integers(0, len(INTERESTS), size)).alias("interest"),
    ).drop("trait_home")


def _contactable(rng: np.random.Generator, frame: pl.DataFrame) -> pl.DataFrame:
    """Give everyone a phone and an e-mail; which source knows them is decided when files are written."""
    person, household = frame["person"].to_numpy(), frame["household"].to_numpy()
    area = dict(places.states().select("state", "area_codes").iter_rows())
    code = rng.integers(0, 2, len(frame))
    table = frame.select(
        "state",
        "first_name",
        "last_name",
        code=pl.Series(code),
        own=pl.Series(scramble(person, 7_999_993)),
        line=pl.Series(scramble(household + 3_999_999, 7_999_993, 5_000_111)),
        shares=pl.Series(scramble(household, 9_973, 4_001) % 3 == 0),
        number=pl.Series(scramble(person, factor=7_351_427)),
        domain=gather(["example.com", "example.org", "mail.example.com", "example.net"], scramble(person, 9_967) % 4),
        style=pl.Series(rng.integers(0, 3, len(frame))),
    )
    two = pl.col("state").replace_strict(area, return_dtype=pl.List(pl.String))
    digits = (pl.when("shares").then("line").otherwise("own") + 2_000_000).cast(pl.String)
    plain = [pl.col(name).str.to_lowercase().str.replace_all(r"[^a-z]", "") for name in ("first_name", "last_name")]
    local = (
        pl.when(pl.col("style") == 0).then(plain[0] + "." + plain[1])
        .when(pl.col("style") == 1).then(plain[0].str.slice(0, 1) + plain[1]).otherwise(plain[0])
    )  # fmt: skip
    return frame.with_columns(
        table.select(
            (two.list.get(pl.col("code") % two.list.len()) + digits).alias("phone"),
            (local + pl.col("number").cast(pl.String) + "@" + pl.col("domain")).alias("email"),
        )
    )
