"""Who supports the campaign, who is registered, who voted when, and every true score."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from campaignkit.sample import places
from campaignkit.sample.people import EDUCATIONS, INCOMES, TODAY, days

# election: date by state (OH, NC), type, base of the turnout logit
ELECTIONS = [
    ((dt.date(2004, 11, 2), dt.date(2004, 11, 2)), "general", 0.9),
    ((dt.date(2006, 11, 7), dt.date(2006, 11, 7)), "general", -0.2),
    ((dt.date(2008, 3, 4), dt.date(2008, 5, 6)), "primary", -0.7),
    ((dt.date(2008, 11, 4), dt.date(2008, 11, 4)), "general", 1.0),
    ((dt.date(2010, 5, 4), dt.date(2010, 5, 4)), "primary", -1.8),
    ((dt.date(2010, 11, 2), dt.date(2010, 11, 2)), "general", -0.2),
    ((dt.date(2012, 3, 6), dt.date(2012, 5, 8)), "primary", -1.3),
]
NEXT = (dt.date(2012, 11, 6), 0.75)

# score: intercept, sd of the logit, weights of the basics, weights of the consumer traits
SCORES = {
    "support": (
        0.1,
        1.5,
        {
            "age": -0.25,
            "female": 0.3,
            "black": 1.1,
            "hispanic": 0.5,
            "asian": 0.3,
            "urban": 0.45,
            "rural": -0.35,
            "county": 0.4,
            "voted": -0.05,
            "primary_d": 1.3,
            "primary_r": -1.5,
        },
        {"college": 0.7, "income": -0.5, "homeowner": -0.5, "outdoors": -0.5},
    ),
    "persuadable": (
        -1.6,
        0.8,
        {
            "age": -0.2,
            "female": 0.3,
            "urban": -0.3,
            "rural": 0.2,
            "county": 0.3,
            "voted": -0.4,
            "primary_d": -0.6,
            "primary_r": -0.6,
        },
        {"college": -0.4, "income": -0.3, "homeowner": 0.3},
    ),
    "give_online": (
        -1.9,
        1.0,
        {
            "age": 0.25,
            "female": 0.1,
            "black": -0.3,
            "urban": 0.4,
            "rural": -0.3,
            "county": 0.2,
            "voted": 0.4,
            "primary_d": 0.5,
        },
        {"college": 0.7, "income": 0.7, "homeowner": 0.2},
    ),
    "give_mail": (
        -3.2,
        1.0,
        {"age": 0.8, "female": 0.2, "black": -0.2, "rural": 0.2, "county": 0.2, "voted": 0.4},
        {"college": 0.3, "income": 0.6, "homeowner": 0.6},
    ),
    "volunteer": (
        -3.1,
        1.0,
        {
            "age": 0.2,
            "female": 0.4,
            "black": 0.3,
            "urban": 0.5,
            "county": 0.2,
            "voted": 0.4,
            "primary_d": 0.5,
        },
        {"college": 0.6, "income": -0.3, "homeowner": -0.2},
    ),
}
BASICS_SHARE = 0.75


def logistic(value: np.ndarray) -> np.ndarray:
    """Return the probability of a logit."""
    return 1 / (1 + np.exp(-value))


def behave(
    rng: np.random.Generator, people: pl.DataFrame, county_effect: np.ndarray
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add support, registration, turnout and scores to people; return them and their ballots.

    Parameters
    ----------
    county_effect
        One number for each row of `places.places()`; the same in all batches.
    """
    traits = _traits(people, county_effect)
    swing = people["state"].is_in(places.SWING).to_numpy()
    lean = 1.3 * (_weigh(traits, SCORES["support"][2]) - 0.42) + rng.normal(0, 0.8, len(people))
    supporter = ~swing | (rng.random(len(people)) < logistic(1.2 * lean - 0.6))
    registered, trap = _register(rng, people, supporter, swing)
    people = people.with_columns(
        pl.Series("supporter", supporter), pl.Series("registered", registered), pl.Series("trap", trap)
    )
    people = _file_facts(rng, people, lean)
    voted, ballots = _vote(rng, people, traits, lean)
    traits["voted"] = (voted.mean(axis=1) - 0.45) * 2 * registered
    primary = ballots.filter(pl.col("election_type") == "primary").group_by("person").agg(pl.col("party").last())
    party = people.select("person").join(primary, on="person", how="left", maintain_order="left")["party"]
    traits["primary_d"] = (party == "D").fill_null(False).to_numpy().astype(float)
    traits["primary_r"] = (party == "R").fill_null(False).to_numpy().astype(float)
    people = people.with_columns(pl.Series("last_primary", party))
    return _scores(rng, people, traits), ballots


def _traits(people: pl.DataFrame, county_effect: np.ndarray) -> dict[str, np.ndarray]:
    at = dict(zip(places.places().select(pl.concat_str("state", "city")).to_series(), county_effect, strict=True))
    county = people.select(pl.concat_str("state", "city").replace_strict(at, return_dtype=pl.Float64)).to_series()
    kinds = {name: people["race"].to_numpy() == name for name in ("black", "hispanic", "asian")}
    traits = {
        "age": (people["age"].to_numpy() - 47) / 17,
        "female": people["sex"].to_numpy() == "F",
        **kinds,
        "urban": people["urbanicity"].to_numpy() == "urban",
        "rural": people["urbanicity"].to_numpy() == "rural",
        "county": county.to_numpy(),
        "college": people["education"].is_in(EDUCATIONS[3:]).to_numpy(),
        "income": (people["income_band"].replace_strict(INCOMES, range(5), return_dtype=pl.Int8).to_numpy() - 2) / 1.4,
        "homeowner": people["homeowner"].to_numpy(),
        "outdoors": people["interest"].is_in(["hunting", "gardening"]).to_numpy(),
    }
    return {name: value.astype(float) for name, value in traits.items()}


def _weigh(traits: dict[str, np.ndarray], weights: dict[str, float]) -> np.ndarray:
    return np.sum([traits[name] * weight for name, weight in weights.items() if name in traits], axis=0)


def _register(
    rng: np.random.Generator, people: pl.DataFrame, supporter: np.ndarray, swing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Choose who is on no voter file: 30% of swing supporters, a fifth of those beside a voter of their name."""
    table = pl.DataFrame(
        {
            "family": people["family"],
            "household": people["household"],
            "name": people["last_name"],
            "s": supporter,
        }
    ).with_columns(pl.Series("swing", swing), draw=rng.random(len(people)))
    clan = ["household", "name"]
    table = table.with_columns(
        all_s=pl.col("s").all().over(clan), size=pl.len().over(clan), key=pl.col("draw").first().over(clan)
    )
    total = int((supporter & swing).sum())
    # whole families off the file: families of supporters first, so that few others go with them
    key = (pl.col("key") + pl.when("all_s").then(0.0).otherwise(0.6)).alias("key")
    ranked = table.select(key, (pl.col("s") & pl.col("swing")).alias("s")).with_row_index("row").sort("key", "row")
    off = np.zeros(len(people), dtype=bool)
    off[ranked["row"].to_numpy()] = (ranked["s"].cum_sum() <= 0.24 * total).to_numpy()
    off &= table["s"].to_numpy() | (table["key"].to_numpy() < 0.5)
    lone = table.with_columns(pl.Series("off", off)).with_columns(
        chosen=pl.col("swing") & pl.col("s") & ~pl.col("off") & (pl.col("size") > 1)
    )
    # one for each family stays off; the others of the family are registered, which makes the trap
    lone = lone.with_columns(first=pl.col("chosen") & (pl.when("chosen").then("draw").rank("ordinal").over(clan) == 1))
    order = np.where(lone["first"].fill_null(False).to_numpy(), rng.random(len(people)), 9)
    trap = np.zeros(len(people), dtype=bool)
    trap[np.argsort(order, kind="stable")[: round(0.06 * total)]] = True
    trap &= order < 9
    beside = pl.DataFrame({"h": people["household"], "n": people["last_name"], "trap": trap})
    beside = beside.select(pl.col("trap").any().over("h", "n")).to_series().to_numpy()
    others = ~supporter & ~beside & (rng.random(len(people)) < 0.035)
    return swing & ~off & ~trap & ~others, trap


def _file_facts(rng: np.random.Generator, people: pl.DataFrame, lean: np.ndarray) -> pl.DataFrame:
    size = len(people)
    eighteen = people["birth_date"].dt.offset_by("18y").cast(pl.Int32).to_numpy()
    latest = (TODAY - dt.date(1970, 1, 1)).days - 30
    wait = rng.exponential(5 * 365, size)
    on = np.clip(eighteen + wait, latest - 30 * 365 - rng.integers(0, 3000, size), latest - rng.integers(0, 200, size))
    point = rng.random(size)
    party = np.select([point < logistic(1.6 * lean - 0.8), point > 1 - logistic(-1.6 * lean - 1.0)], ["D", "R"], "U")
    return people.with_columns(
        days(on).alias("registered_on"),
        pl.Series("party", party),
        pl.Series("file_old_address", people["has_moved"].to_numpy() & (rng.random(size) < 0.32)),
        pl.Series("confidential", rng.random(size) < 0.002),
        pl.Series("inactive", rng.random(size) < 0.07),
        pl.Series("precinct", people["zip5"].cast(pl.Int64) * 7 % 40 + 1),
    )


def _vote(
    rng: np.random.Generator, people: pl.DataFrame, traits: dict[str, np.ndarray], lean: np.ndarray
) -> tuple[np.ndarray, pl.DataFrame]:
    size = len(people)
    age, since = traits["age"], people["registered_on"].cast(pl.Int32).to_numpy()
    habit = rng.normal(0, 0.7, size)
    partisan = np.abs(np.clip(lean, -2, 2)) * 0.35
    static = 0.55 * age + 0.45 * traits["college"] + 0.15 * traits["black"] + partisan + habit
    ohio = people["state"].to_numpy() == "OH"
    registered = people["registered"].to_numpy()
    voted = np.zeros((size, len(ELECTIONS)), dtype=bool)
    frames, past = [], np.zeros(size)
    for number, (dates, kind, base) in enumerate(ELECTIONS):
        day = np.where(ohio, *[(date - dt.date(1970, 1, 1)).days for date in dates])
        younger = age - (2012 - dates[0].year) / 17
        chance = logistic(base + static - 0.35 * younger**2 + 0.9 * past)
        came = registered & (since + 30 <= day) & (rng.random(size) < chance)
        voted[:, number] = came
        past = 0.6 * past + np.where(came, 0.5, -0.25)
        frames.append(_ballots(rng, people, np.flatnonzero(came), day, kind, lean))
    people_chance = logistic(NEXT[1] + static - 0.35 * age**2 + 0.9 * past)
    people_chance = np.where(registered, people_chance, 0.0)
    # told apart from the frame so that the loop above stays the one place that knows the logit
    traits["turnout_2012"] = people_chance
    return voted, pl.concat(frames)


def _ballots(
    rng: np.random.Generator,
    people: pl.DataFrame,
    came: np.ndarray,
    day: np.ndarray,
    kind: str,
    lean: np.ndarray,
) -> pl.DataFrame:
    which = np.where(rng.random(len(came)) < logistic(2.2 * lean[came]), "D", "R")
    return pl.DataFrame(
        {
            "person": people["person"].gather(came),
            "election_date": days(day[came]),
            "election_type": pl.Series([kind]).gather(np.zeros(len(came), dtype=np.uint32)),
            "method": pl.Series(["polls", "early", "mail"]).gather(rng.choice(3, len(came), p=[0.62, 0.28, 0.1])),
            "party": pl.Series(which if kind == "primary" else [None] * len(came), dtype=pl.String),
        }
    )


def _scores(rng: np.random.Generator, people: pl.DataFrame, traits: dict[str, np.ndarray]) -> pl.DataFrame:
    out = {}
    for name, (intercept, spread, basics, consumer) in SCORES.items():
        known, bought = (_standard(_weigh(traits, weights)) for weights in (basics, consumer))
        eta = intercept + spread * (np.sqrt(BASICS_SHARE) * known + np.sqrt(1 - BASICS_SHARE) * bought)
        out[name] = logistic(eta)
    # those who signed up support the campaign, whatever the score of people like them; the rest do less than it says
    rest = logistic(np.log(out["support"] / (1 - out["support"])) - 1.0)
    supports = np.where(people["supporter"].to_numpy(), 0.96, rest)
    return people.with_columns(
        *(pl.Series(f"p_{name}", value) for name, value in out.items()),
        pl.Series("p_supports", supports),
        pl.Series("supports", rng.random(len(people)) < supports),
        pl.Series("p_turnout", traits["turnout_2012"]),
        pl.Series("will_vote", rng.random(len(people)) < traits["turnout_2012"]),
    )


def _standard(value: np.ndarray) -> np.ndarray:
    return (value - value.mean()) / max(value.std(), 1e-9)
