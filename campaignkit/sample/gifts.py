"""Gifts, and Quick Donate: cards kept on file, chosen by those who would have given most anyway."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from campaignkit.sample.effects import cells
from campaignkit.sample.people import INCOMES, TODAY, days
from campaignkit.sample.voters import logistic

FACTOR = 1.6
OPENED, OFFERED = dt.date(2011, 4, 4), dt.date(2012, 1, 16)
WINDOW = (dt.date(2012, 7, 2), dt.date(2012, 9, 30))
STICKER = 0.9  # in the logit of enrolling
ASKS = np.array([3, 5, 10, 15, 20, 25, 35, 50, 75, 100, 150, 250, 500, 1000, 2500])


def _day(date: dt.date) -> int:
    return (date - dt.date(1970, 1, 1)).days


def amounts(rng: np.random.Generator, level: np.ndarray) -> np.ndarray:
    """Draw dollars: lognormal about a person's level, most of them at the amounts that the page asks for."""
    raw = np.clip(np.exp(level + rng.normal(0, 0.75, len(level))), 1, 2500)
    ask = ASKS[np.argmin(np.abs(np.log(raw[:, None]) - np.log(ASKS)), axis=1)] if len(raw) else raw
    return np.where(rng.random(len(raw)) < 0.85, ask, np.round(raw, 2))


def giving(rng: np.random.Generator, people: pl.DataFrame) -> dict[str, np.ndarray]:
    """Draw each person's true weekly rate of online gifts and log dollar level."""
    propensity = people["p_give_online"].to_numpy()
    score = np.log(propensity / (1 - propensity)) + 1.9
    income = people["income_band"].replace_strict(INCOMES, range(5), return_dtype=pl.Int8).to_numpy() - 2
    rate = np.exp(-5.0 + 0.6 * score + rng.normal(0, 0.9, len(people)))
    level = 3.0 + 0.16 * income + rng.normal(0, 0.45, len(people))
    return {"rate": np.minimum(rate, 0.8), "level": level}


def _drawn(rng: np.random.Generator, rate: np.ndarray, level: np.ndarray, first: int, last: int) -> pl.DataFrame:
    """Gifts of everyone (by row number) between two days, more of them as the campaign goes on."""
    count = rng.poisson(rate * (last - first + 1) / 7)
    row = np.repeat(np.arange(len(rate)), count)
    on = first + np.floor((last - first + 1) * rng.random(len(row)) ** 0.9).astype(np.int64)
    return pl.DataFrame({"row": row, "day": on, "amount": amounts(rng, level[row])})


def quick_donate(rng: np.random.Generator, people: pl.DataFrame, hidden: float = 0.0) -> dict[str, pl.DataFrame]:
    """Draw online gifts and who joined Quick Donate.

    Parameters
    ----------
    people
        person, p_give_online, income_band and age.
    hidden
        How much enrolling also follows what no file shows (each person's true rate of giving); 0: nothing.

    Returns
    -------
    donors
        One row per donor of 2011: offered (the sticker, at random), enrolled_on (null: never), quick_donate (joined
        before the window), gifts_before, dollars_before, gifts_after (dollars in the window), and the truth:
        y0, y1 (dollars in the window had they never, or early, joined), p_enrol.
    gifts
        One row per online gift: person, day, amount, quick_donate.
    """
    own = giving(rng, people)
    early = _drawn(rng, own["rate"] * 0.6, own["level"], _day(OPENED), _day(OFFERED) - 1)
    # with a card on file gifts come FACTOR times as often; without it the surplus ones never happen
    late = _drawn(rng, own["rate"] * 1.5 * FACTOR, own["level"], _day(OFFERED), _day(WINDOW[1]))
    late = late.with_columns(surplus=pl.Series(rng.random(len(late)) > 1 / FACTOR))
    past = early.group_by("row").agg(gifts_before=pl.len(), dollars_before=pl.col("amount").sum()).sort("row")
    row = past["row"].to_numpy()
    donors = _enrol(rng, people[row], past.drop("row"), own["rate"][row], hidden)
    by_row = pl.DataFrame({"row": row, "enrolled_day": donors["enrolled_on"].cast(pl.Int32)})
    late = late.join(by_row, on="row", how="left", maintain_order="left").with_columns(
        member=(pl.col("day") >= pl.col("enrolled_day")).fill_null(False)
    )
    donors = _outcomes(donors.with_columns(pl.Series("row", row)), late)
    early = early.with_columns(member=pl.lit(False))
    seen = pl.concat([early, late.filter(pl.col("member") | ~pl.col("surplus")).select(early.columns)])
    gifts = seen.with_columns(person=people["person"].gather(seen["row"])).rename({"member": "quick_donate"})
    return {"donors": donors.drop("row"), "gifts": gifts.drop("row").sort("person", "day", "amount")}


def _enrol(
    rng: np.random.Generator, people: pl.DataFrame, past: pl.DataFrame, rate: np.ndarray, hidden: float
) -> pl.DataFrame:
    size = len(people)
    offered = rng.random(size) < 0.5
    logit = (
        -4.05
        + 0.95 * (np.log(past["dollars_before"].to_numpy()) - 3)
        + 1.1 * np.log(past["gifts_before"].to_numpy())
        + 2.2 * people["p_give_online"].to_numpy()
        - 0.015 * (people["age"].to_numpy() - 47)
        + STICKER * offered
        + hidden * (np.log(rate) + 4.0)
    )
    probability = logistic(logit)
    joined = rng.random(size) < probability
    # four in five before the window
    on = _day(OFFERED) + np.where(rng.random(size) < 0.85, rng.integers(1, 160, size), rng.integers(168, 240, size))
    date = pl.select(pl.when(pl.Series(joined)).then(days(on)).alias("enrolled_on")).to_series()
    kept = [name for name in people.columns if name in _ANALYSIS]
    return pl.concat([people.select(kept), past], how="horizontal").with_columns(
        date,
        offered=pl.Series(offered),
        p_enrol=pl.Series(probability),
        quick_donate=(date < WINDOW[0]).fill_null(False),
    )


_ANALYSIS = ["person", "household", "sex", "age", "age_band", "race", "region", "state", "education", "income_band",
             "urbanicity", "p_give_online"]  # fmt: skip


def _outcomes(donors: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    inside = late.filter(pl.col("day").is_between(_day(WINDOW[0]), _day(WINDOW[1])))
    happens = pl.col("member") | ~pl.col("surplus")
    after = inside.group_by("row").agg(
        y1=pl.col("amount").sum(),
        y0=pl.col("amount").filter(~pl.col("surplus")).sum(),
        gifts_after=pl.col("amount").filter(happens).sum(),
    )
    joined = donors.join(after, on="row", how="left", maintain_order="left")
    return joined.with_columns(pl.col("y0", "y1", "gifts_after").fill_null(0.0))


def mail_gifts(rng: np.random.Generator, supporters: pl.DataFrame) -> pl.DataFrame:
    """Draw gifts by cheque, mostly from older people."""
    propensity = supporters["p_give_mail"].to_numpy()
    row = np.repeat(np.arange(len(supporters)), rng.poisson(propensity * 1.2))
    level = 3.6 + rng.normal(0, 0.5, len(supporters))
    on = rng.integers(_day(dt.date(2011, 6, 1)), _day(TODAY) - 3, len(row))
    return pl.DataFrame(
        {
            "person": supporters["person"].gather(row),
            "day": on,
            "amount": np.round(amounts(rng, level[row]), 0),
        }
    ).sort("person", "day", "amount")


def came_out(donors: pl.DataFrame) -> pl.DataFrame:
    """Return what came of Quick Donate: raw and causal totals, and the sticker's effect on enrolling."""
    status = (
        pl.when("quick_donate")
        .then(pl.lit("member"))
        .when(pl.col("enrolled_on").is_null())
        .then(pl.lit("other donor"))
        .otherwise(pl.lit("joined later"))
    )
    table = donors.with_columns(status=status, enrolled=pl.col("enrolled_on").is_not_null())
    parts = [cells(table, "quick_donate", name, ["status"]) for name in ("gifts_after", "y0", "y1", "dollars_before")]
    return pl.concat([*parts, cells(table, "sticker", "enrolled", ["offered"])])
