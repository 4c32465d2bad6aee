"""Win dinner with a host: who was invited, who entered, and which people each host was planted to appeal to."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from campaignkit.sample.effects import cells
from campaignkit.sample.people import days
from campaignkit.sample.voters import logistic

HOSTS = {
    "host_a": ("Lorna Vale", "film star", dt.date(2012, 5, 7)),
    "host_b": ("Dez Porter", "basketball player", dt.date(2012, 6, 11)),
    "host_c": ("Benny Calloway", "singer", dt.date(2012, 7, 9)),
    "host_d": ("Maud Ellery", "actress of the East", dt.date(2012, 8, 6)),
    "host_e": ("Pia Lindqvist", "chef", dt.date(2012, 9, 3)),
}
BASE = -3.05
MAIN = {"sex F": np.log(1.2), "age 40-49": np.log(1.2), "region West": np.log(1.2)}
APPEAL = {"host_a": 2.6, "host_b": 2.0, "host_c": 1.8, "host_d": 2.6, "host_e": 1.0}
NOT_AT_RANDOM = "host_c"


def fans_of(host: str, people: pl.DataFrame) -> np.ndarray:
    """Return which people the host was planted to appeal to."""
    fans = {
        "host_a": (pl.col("region") == "West") & (pl.col("sex") == "F") & (pl.col("age_band") == "40–49"),
        "host_b": (pl.col("sex") == "M") & (pl.col("age") < 35),
        "host_c": pl.col("age") >= 55,
        "host_d": (pl.col("region") == "Northeast") & (pl.col("sex") == "F") & (pl.col("age_band") == "40–49"),
        "host_e": pl.lit(False),
    }
    return people.select(pl.repeat(False, pl.len()) | fans[host]).to_series().to_numpy()


def contest(
    rng: np.random.Generator,
    people: pl.DataFrame,
    host: str,
    appeal: float | None = None,
    invited: float = 1.0,
    *,
    rate: float | None = None,
    main: float = 1.2,
    together: float = 0.0,
) -> pl.DataFrame:
    """Invite people to one host's contest.

    Parameters
    ----------
    people
        person, household, sex, age, age_band, region; past_donor if the host is the one not invited at random.
    appeal
        The extra odds ratio of the planted group; None: the host's own.
    invited
        The share invited.
    rate
        How many of those outside the planted group enter, about; None: 5%.
    main
        The odds ratio of women, of those of 40–49 and of the West; 1.0: none of these either.
    together
        The standard deviation of each household's own leaning, in log odds; 0: its people decide alone.

    Returns
    -------
    One row per invitation: person, household, host, invited_on, at_random, entered, entered_on, and the truth:
    fan (in the planted group), p_enter.
    """
    at_random = host != NOT_AT_RANDOM or "past_donor" not in people.columns
    chance = invited
    if not at_random:
        chance = np.where(people["past_donor"].to_numpy(), min(invited * 1.2, 1.0), invited * 0.94)
    people = people.filter(pl.Series(rng.random(len(people)) < chance))
    fan = fans_of(host, people)
    woman = (people["sex"] == "F").to_numpy()
    middle = (people["age_band"] == "40–49").to_numpy()
    west = (people["region"] == "West").to_numpy()
    odds = APPEAL[host] if appeal is None else appeal
    leaning = np.log(main) * (woman + 1.0 * middle + west) + np.log(odds) * fan
    if together:
        house = people["household"].rank("dense").to_numpy() - 1
        leaning = leaning + rng.normal(0, together, house.max() + 1)[house]
    base = BASE if rate is None else np.log(rate / (1 - rate)) - np.log(main) * (woman + 1.0 * middle + west).mean()
    probability = logistic(base + leaning)
    entered = rng.random(len(people)) < probability
    first = (HOSTS[host][2] - dt.date(1970, 1, 1)).days
    on = first + np.minimum(rng.geometric(0.35, len(people)) - 1, 13)
    return people.with_columns(
        host=pl.lit(host),
        invited_on=pl.lit(HOSTS[host][2]),
        at_random=pl.lit(at_random),
        entered=pl.Series(entered),
        entered_on=pl.select(pl.when(pl.Series(entered)).then(days(on))).to_series(),
        fan=pl.Series(fan),
        p_enter=pl.Series(probability),
    )


def contests(rng: np.random.Generator, supporters: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Invite supporters to all five contests; return invitations and what came of the planted effects."""
    columns = ["person", "household", "sex", "age", "age_band", "region", "past_donor"]
    drawn = [contest(rng, supporters.select(columns), host, invited=0.82) for host in HOSTS]
    table = pl.concat(drawn)
    seen = cells(table, "contest", "entered", ["host", "fan"])
    return table.select("person", "host", "invited_on", "at_random", "entered", "entered_on", "fan", "p_enter"), seen
