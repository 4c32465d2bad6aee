"""The campaign's tracking polls, of its own voters: four streams of interviews and a panel around the first debate.

The streams, the panel and the event are those of `polls`; what it draws for kinds of voters is drawn here for each
registered voter of the sample campaign, so that the interviews are of people who are on file.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from campaignkit.sample import effects
from campaignkit.sample.electorate import Electorate, after_event
from campaignkit.sample.outreach import ANSWERS, STREAMS
from campaignkit.sample.people import gather
from campaignkit.sample.polls import EVENT, REPORTS, Stillness, panel_reports, stream_interviews
from campaignkit.vocabulary import age_band

QUESTION = "If the election were held today, who would you vote for, our candidate or the opponent?"
PARTY_QUESTION = "Generally speaking, do you think of yourself as a Democrat, a Republican or an independent?"
PAST_QUESTION = "In the election of 2008, who did you vote for as president?"
PARTY_ANSWERS = {"D": "Democrat", "I": "Independent", "R": "Republican"}
PAST_ANSWERS = {"D": "The Democrat", "none": "Did not vote, or for somebody else", "R": "The Republican"}

FIRST, LAST = dt.date(2012, 9, 4), dt.date(2012, 10, 29)
SWING = -0.015  # what the debate really changes; the rest of the fall is who answers
QUIET = 0.3
WALK, HOUSE, MISREPORT, AGAIN, UNDECIDED = 0.008, 0.1, 0.03, 0.65, 0.05
VOLUME_DRIFT = 1.0  # canvassers and volunteers come and go
INTERVIEWS, PANEL = 3_500, 3_500  # of each stream, and members, where the sample has 130,000 people
_PER = 130_000
_2008 = dt.date(2008, 11, 4)


@dataclass(frozen=True)
class Once:
    """What is the same in all batches: how everyone walks from day to day, and the streams' house effects."""

    walk: np.ndarray
    houses: np.ndarray


def once(rng: np.random.Generator) -> Once:
    """Draw what is the same in all batches."""
    days = (LAST - FIRST).days + 1
    houses = rng.normal(0, HOUSE, len(STREAMS))
    return Once(np.cumsum(np.r_[0, rng.normal(0, WALK, days - 1)]), houses - houses.mean())


def tracking(
    rng: np.random.Generator, shared: Once, people: pl.DataFrame, ballots: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Draw a batch's interviews and panel, and their truth.

    Returns
    -------
    tables
        ``interviews`` (person, stream, asked_on, party, past_vote, answer) and ``panel`` (the same, report by report).
    truth
        ``groups`` (variable, level, asked_on, voters, supports), ``panel`` (person, before, after, switched) and
        ``effects``.
    """
    voters = people.filter("registered")
    world = _electorate(rng, shared, voters, ballots)
    event = (EVENT - FIRST).days
    still = Stillness(world, event, "party", QUIET)
    share = len(people) / _PER
    asked = [
        stream_interviews(rng, world, still, name, round(INTERVIEWS * share), house, VOLUME_DRIFT)
        for name, house in zip(STREAMS, shared.houses, strict=True)
    ]
    interviews = pl.concat(asked).with_columns(asked_on=pl.lit(FIRST) + pl.duration(days=pl.col("day")))
    interviews = interviews.unique(["voter", "stream"], keep="first", maintain_order=True)
    panel, switched = panel_reports(rng, world, still, event, round(PANEL * share), AGAIN, FIRST)
    panel = panel.unique("voter", keep="first", maintain_order=True)
    switched = panel.select("person", "voter").join(switched, on="person", maintain_order="left").drop("person")
    tables = {"interviews": _answered(rng, interviews), "panel": _answered(rng, _report_by_report(panel))}
    truth = {"groups": _groups(world), "panel": switched.rename({"voter": "person"}), "effects": _came_out(tables)}
    return tables, truth


def _electorate(
    rng: np.random.Generator, shared: Once, voters: pl.DataFrame, ballots: pl.DataFrame
) -> Electorate:  # fmt: skip
    """Return the voters as an electorate in which each is a kind of their own."""
    voted = voters["person"].is_in(ballots.filter(pl.col("election_date") == _2008)["person"].implode())
    chance = voters["p_supports"].to_numpy()
    lean = np.clip(np.log(chance / (1 - chance)), -3, 3)
    party = voters["party"].replace({"U": "I"})
    toward = 0.8 * (party == "D").to_numpy() - 0.8 * (party == "R").to_numpy() + 0.9 * lean
    for_us = rng.random(len(voters)) < 1 / (1 + np.exp(-toward))
    past = np.where(voted.to_numpy(), np.where(for_us, "D", "R"), "none")
    table = voters.select(
        "sex", age_band(pl.col("age")).alias("age_band"), "race", "education", voter="person", region="state"
    ).with_columns(party=party, past_vote=pl.Series(past))
    share = np.full(len(voters), 1 / len(voters))
    path = shared.walk[:, None] + lean
    event = (EVENT - FIRST).days
    path = after_event(table, share, path, event, SWING / (1 - 2 * MISREPORT), going_home=True)
    return Electorate(table, share, path, MISREPORT)


def _report_by_report(panel: pl.DataFrame) -> pl.DataFrame:
    """Return one row per report of the panel's members."""
    reports = [
        panel.select("voter", "party", "past_vote", supports=name, asked_on=f"{name}_on", stream=pl.lit("online"))
        for name in REPORTS
    ]
    return pl.concat(reports).drop_nulls("supports").sort("asked_on", "voter")


def _answered(rng: np.random.Generator, asked: pl.DataFrame) -> pl.DataFrame:
    """Return what was answered: a few are undecided, whomever they lean to."""
    undecided = rng.random(len(asked)) < UNDECIDED
    answer = np.where(undecided, 2, np.where(asked["supports"].to_numpy(), 0, 1))
    return asked.select(
        "stream", "asked_on", pl.col("party").replace_strict(PARTY_ANSWERS),
        pl.col("past_vote").replace_strict(PAST_ANSWERS), gather(ANSWERS, answer).alias("answer"), person="voter",
    )  # fmt: skip


def _groups(world: Electorate) -> pl.DataFrame:
    """Return what share of each group would say it supports us, day by day; and the film star's group among them."""
    inside = ((world.table["sex"] == "F") & (world.table["age_band"] == "40–49")).to_numpy()
    stars = pl.DataFrame(
        {"variable": "film star's group", "level": "women 40–49", "day": np.arange(len(world.logit)),
         "share": inside.mean(), "supports": world.says()[:, inside].mean(axis=1)}
    )  # fmt: skip
    return pl.concat([world.truth(), stars.select("variable", "level", "day", "share", "supports")]).select(
        pl.col("variable").replace({"region": "state"}), "level",
        asked_on=pl.lit(FIRST) + pl.duration(days=pl.col("day")),
        voters=(pl.col("share") * len(world.share)).round().cast(pl.Int64), supports="supports",
    )  # fmt: skip


def _came_out(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the cells of what the polls show: before and after the debate, by who was asked how."""
    answered = pl.concat([tables["interviews"], tables["panel"].with_columns(stream=pl.lit("panel"))])
    answered = answered.filter(pl.col("answer") != ANSWERS[2]).with_columns(
        said_us=pl.col("answer") == ANSWERS[0], after=pl.col("asked_on") >= EVENT
    )
    return effects.cells(answered, "tracking", "said_us", ["stream", "after"])
