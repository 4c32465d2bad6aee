"""Shifts, texts, friends, surveys and contacts at the door."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from campaignkit.sample.effects import cells
from campaignkit.sample.people import days, gather
from campaignkit.sample.voters import logistic

STREAMS = ("van", "phone", "online", "text")
QUESTION = "If the election were held today, who would you vote for?"
ANSWERS = ["Our candidate", "The opponent", "Undecided"]
NOISE, UNDECIDED = 0.05, 0.08


def _between(rng: np.random.Generator, first: dt.date, last: dt.date, size: int) -> pl.Series:
    start = (first - dt.date(1970, 1, 1)).days
    return days(start + rng.integers(0, (last - first).days, size))


def shifts(rng: np.random.Generator, supporters: pl.DataFrame) -> pl.DataFrame:
    """Draw volunteer shifts: most volunteers work a few, some work many."""
    keen = supporters["p_volunteer"].to_numpy()
    works = rng.random(len(supporters)) < keen * 0.8
    row = np.repeat(np.flatnonzero(works), rng.geometric(0.4, works.sum()))
    return pl.DataFrame(
        {
            "person": supporters["person"].gather(row),
            "shift_on": _between(rng, dt.date(2012, 4, 1), dt.date(2012, 9, 30), len(row)),
            "activity": gather(["phone bank", "canvass", "data entry", "registration"], rng.integers(0, 4, len(row))),
            "hours": rng.choice([2.0, 2.5, 3.0, 4.0], len(row)),
        }
    ).sort("person", "shift_on")


def text_optins(rng: np.random.Generator, supporters: pl.DataFrame) -> pl.DataFrame:
    """Draw who answered whether the campaign may text them."""
    asked = supporters.filter(pl.Series(rng.random(len(supporters)) < 0.3)).select("person", "phone")
    return asked.with_columns(
        answer=gather(["yes", "no", "unknown"], rng.choice(3, len(asked), p=[0.62, 0.18, 0.2])),
        answered_on=_between(rng, dt.date(2012, 2, 1), dt.date(2012, 9, 28), len(asked)),
    )


def friends(rng: np.random.Generator, people: pl.DataFrame) -> pl.DataFrame:
    """Draw the friends of the app's users: four in five from the same state, the rest from the swing states.

    In a swing state friends are voters. One row per supporter and friend: person (the friend), supporter, tied_on.
    """
    users = people.filter(people["supporter"] & pl.Series(rng.random(len(people)) < 0.02))
    row = np.repeat(np.arange(len(users)), rng.poisson(9, len(users)))
    pool = (
        people.filter(pl.col("registered") | pl.col("county").is_null())
        .select("person", "state")
        .sort("state", "person")
    )
    state = pool["state"].rle_id().to_numpy()
    code = dict(zip(pool["state"].unique(maintain_order=True), range(pool["state"].n_unique()), strict=True))
    own = users["state"].replace_strict(code, return_dtype=pl.Int64).to_numpy()[row]
    swing = np.where(rng.random(len(row)) < 0.5, code["OH"], code["NC"])
    wanted = np.where(rng.random(len(row)) < 0.8, own, swing)
    low, high = (np.searchsorted(state, wanted, side=side) for side in ("left", "right"))
    friend = pool["person"].gather(rng.integers(low, high))
    table = pl.DataFrame({"person": friend, "supporter": users["person"].gather(row)})
    table = table.with_columns(tied_on=_between(rng, dt.date(2012, 7, 1), dt.date(2012, 9, 28), len(row)))
    return (
        table.filter(pl.col("person") != pl.col("supporter"))
        .unique(["person", "supporter"], keep="first")
        .sort("supporter", "person")
    )


def tie_strengths(rng: np.random.Generator, ties: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Add `strength`, from 0 to 1: stronger between those of one age; one in twelve is hidden from the app, null."""
    ages = people.select("person", "age")
    friend = ties.join(ages, on="person", how="left", maintain_order="left")["age"].to_numpy()
    user = ties.join(
        ages.rename({"person": "supporter"}), on="supporter", how="left", maintain_order="left"
    )["age"].to_numpy()  # fmt: skip
    strength = logistic(0.2 - np.abs(friend - user) / 20 + rng.normal(0, 1, ties.height)).round(2)
    hidden = pl.Series(rng.random(ties.height) < 1 / 12)
    return ties.with_columns(strength=pl.Series(strength)).with_columns(strength=pl.when(~hidden).then("strength"))


def surveys(rng: np.random.Generator, people: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw four streams of answers; each reaches other people, and all hear true support with some noise."""
    age = (people["age"].to_numpy() - 47) / 17
    for_us = people["supports"].to_numpy()
    democrat = (people["party"] == "D").to_numpy() * 1.0
    voter = people["registered"].to_numpy()
    swing = people["county"].is_not_null().to_numpy()
    reach = {
        "van": np.where(voter, logistic(-2.6 + 0.5 * democrat + 0.2 * age), 0),
        "phone": np.where(voter, logistic(-2.9 + 0.9 * age), 0),
        "online": np.where(swing, logistic(-3.6 - 0.5 * age + 0.6 * democrat + 0.4 * for_us), 0),
        "text": np.where(swing, logistic(-3.9 - 0.9 * age + 0.3 * democrat), 0),
    }
    frames = []
    for stream in STREAMS:
        row = np.flatnonzero(rng.random(len(people)) < reach[stream])
        heard = for_us[row] ^ (rng.random(len(row)) < NOISE)
        answer = np.where(rng.random(len(row)) < UNDECIDED, 2, np.where(heard, 0, 1))
        asked = _between(rng, dt.date(2012, 6, 4), dt.date(2012, 9, 29), len(row))
        frames.append(
            pl.DataFrame(
                {
                    "person": people["person"].gather(row),
                    "stream": pl.Series([stream]).gather(np.zeros(len(row), dtype=np.uint32)),
                    "asked_on": asked,
                    "answer": gather(ANSWERS, answer),
                    "supports": for_us[row],
                    "will_vote": people["will_vote"].gather(row),
                }
            )
        )
    table = pl.concat(frames)
    seen = table.with_columns(said_us=pl.col("answer") == ANSWERS[0])
    out = [cells(seen, "surveys", name, ["stream"]) for name in ("said_us", "supports")]
    truth = people.filter(pl.Series(swing)).select("supports", "will_vote")
    out.append(cells(truth, "support_swing", "supports", ["will_vote"]))
    return table, pl.concat(out)


def doors(rng: np.random.Generator, people: pl.DataFrame) -> pl.DataFrame:
    """Draw visits to voters' doors, apart from the experiment."""
    row = np.flatnonzero(people["registered"].to_numpy() & (rng.random(len(people)) < 0.09))
    results = ["Canvassed", "Not Home", "Refused", "Moved", "Deceased", "Inaccessible"]
    return pl.DataFrame(
        {
            "person": people["person"].gather(row),
            "contacted_on": _between(rng, dt.date(2012, 5, 1), dt.date(2012, 9, 29), len(row)),
            "result": gather(results, rng.choice(6, len(row), p=[0.3, 0.52, 0.07, 0.05, 0.01, 0.05])),
        }
    )
