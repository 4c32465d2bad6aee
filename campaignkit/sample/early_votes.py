"""October's asks along the app's ties, half of them held out; and who has voted early by the 30th."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl

from campaignkit.sample.crm_files import keyed, with_supporter
from campaignkit.sample.people import days
from campaignkit.sample.sinks import Format
from campaignkit.sample.voters import logistic

DIRECT, SPILLED = 0.07, 0.06  # what a message adds to the chance to vote early, and all of a circle's messages
HOLDOUT, MOST, A_WEEK = 0.5, 12, 3  # asks of a user, in all and each week
PURPOSE = "vote early"
ELECTION, FIRST, LAST = dt.date(2012, 11, 6), dt.date(2012, 10, 1), dt.date(2012, 10, 30)
_REFUSED = ("Refused", "Moved", "Deceased", "Do Not Call", "Wrong Number", "Disconnected")
FORMATS = {
    "friend_asks": Format(
        "friend_asks_20121031.csv.gz",
        ["ask_id", "supporter_id", "friend_id", "purpose", "planned_on", "held_out", "sent_on", "clicked_on"],
    ),
    "early_votes": Format(
        "early_votes_20121031.csv.gz", ["van_id", "state", "election_date", "method", "returned_on"]
    ),
}  # fmt: skip

Stream = Callable[[str], np.random.Generator]


def october(stream: Stream, tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Draw October's asks about a batch's friends, and which of its voters vote early.

    Returns
    -------
    asks
        One row per ask: person (the friend), supporter, planned_on, held_out, sent_on, clicked_on.
    early_votes
        One row per ballot returned: person, method, returned_on.
    truth
        One row per ask: person, supporter, held_out, p_sent (that the supporter passes it on if it is not held out),
        p_alone (to vote early without any ask), heard (the share of the other voters among the supporter's friends who
        got a message), direct and spilled (what a message to them, and to all of those, adds).

    Notes
    -----
    Friends of one user are alike: each user's circle votes early more or less than others, users of keen circles pass
    more on, and the asks are chosen by support and turnout. So those who got a message would have voted early more
    often than the rest without it.
    """
    rng = stream("friend asks")
    ties = tables["friends"]
    users = ties.select(pl.col("supporter").unique(maintain_order=True))
    ties = ties.join(users.with_columns(circle=rng.normal(0, 1, users.height)), on="supporter", maintain_order="left")
    voters = tables["people"].filter("registered")
    of_friends = ties.group_by("person", maintain_order=True).agg(pl.col("circle").mean())
    voters = voters.join(of_friends, on="person", how="left", maintain_order="left")
    voters = voters.with_columns(p_alone=pl.Series(_chance_alone(voters)))
    asks = _passed_on(rng, _planned(rng, tables, ties, voters), voters)
    heard = _heard(ties.join(voters.select("person"), on="person", how="semi", maintain_order="left"), asks)
    voters = voters.join(heard, on="person", how="left", maintain_order="left")
    voters = voters.join(asks.select("person", "planned_on", "sent"), on="person", how="left", maintain_order="left")
    ballots = _ballots(stream("early votes"), voters.with_columns(pl.col("heard", "sent").fill_null(0)))
    clicked = rng.random(asks.height) < np.where(asks["person"].is_in(ballots["person"].implode()), 0.6, 0.2)
    truth = asks.join(voters.select("person", "p_alone", "heard"), on="person", how="left", maintain_order="left")
    click = pl.col("sent_on") + pl.duration(days=pl.lit(pl.Series(rng.integers(0, 3, asks.height))))
    return {
        "asks": asks.with_columns(clicked_on=pl.when(pl.col("sent") & pl.Series(clicked)).then(click)),
        "early_votes": ballots,
        "truth": truth.select(
            "person", "supporter", "held_out", pl.col("p_sent", "p_alone", "heard").round(3).cast(pl.Float32),
            direct=pl.lit(DIRECT), spilled=pl.lit(SPILLED),
        ),
    }  # fmt: skip


def _chance_alone(voters: pl.DataFrame) -> np.ndarray:
    """Return the chance to vote early without any ask, of those who will vote at all."""
    party = (voters["party"] == "D").to_numpy() * 0.4
    circle = voters["circle"].fill_null(0.0).to_numpy()
    state = np.where(voters["state"] == "OH", -2.1, -1.4)
    chance = logistic(state + party + 1.1 * circle + 0.02 * (voters["age"].to_numpy() - 47))
    return np.where(voters["will_vote"], chance, 0.0)


def _planned(
    rng: np.random.Generator, tables: dict[str, pl.DataFrame], ties: pl.DataFrame, voters: pl.DataFrame
) -> pl.DataFrame:
    """Return the asks, held out or not; nobody who refused is at either end."""
    from campaignkit.outreach.friend_asks import friend_asks

    closed = _closed(tables)
    users = tables["people"].filter("email_on_file").select(supporter="person")
    value = (pl.col("p_support") * pl.col("p_turnout")).alias("value")
    worth = (
        ties.join(voters.select("person", value), on="person", maintain_order="left")
        .join(users, on="supporter", how="semi", maintain_order="left")
        .filter(~pl.any_horizontal(pl.col("person", "supporter").is_in(closed.implode())))
        .with_columns(pl.col("strength").fill_null(pl.col("strength").mean()))
    )
    asks = worth if worth.is_empty() else friend_asks(
        worth, "value", strength="strength", asks_per_sharer=MOST, holdout=None, sharer="supporter", friend="person",
        placeholders=["circle", "strength"],
    ).table  # fmt: skip
    asks = asks.sort("supporter", "person")
    week = pl.int_range(pl.len()).over("supporter") // A_WEEK
    return asks.select(
        "person", "supporter", "circle", "strength", held_out=pl.Series(rng.random(asks.height) < HOLDOUT),
        planned_on=pl.lit(FIRST) + pl.duration(weeks=week),
    )  # fmt: skip


def _closed(tables: dict[str, pl.DataFrame]) -> pl.Series:
    """Return who said no by any channel, and who has a phone or an e-mail of theirs."""
    people = tables["people"]
    left = tables["email_events"].filter(pl.col("event").is_in(["unsubscribe", "bounce"]))
    contacts = [tables[name].filter(pl.col("result").is_in(_REFUSED)) for name in ("doors", "scripts")]
    no = tables["text_optins"].filter(pl.col("answer") == "no")
    said = [table["person"] for table in (left, no, tables["winback"], *contacts, people.filter("confidential"))]
    refused = pl.concat(said).unique().sort()
    points = people.filter(pl.col("person").is_in(refused.implode()))
    alike = [pl.col(name).is_in(points[name].drop_nulls().implode()) for name in ("phone", "email")]
    return pl.concat([refused, people.filter(pl.any_horizontal(alike).fill_null(False))["person"]]).unique().sort()


def _passed_on(rng: np.random.Generator, asks: pl.DataFrame, voters: pl.DataFrame) -> pl.DataFrame:
    """Add p_sent, sent and sent_on: likelier by keen users, along strong ties, to those who vote."""
    chance = asks.join(voters.select("person", "p_turnout", "p_alone"), on="person", how="left", maintain_order="left")
    turnout = chance["p_turnout"].to_numpy()
    p_sent = logistic(
        -0.2 + 1.2 * asks["circle"].to_numpy() + 2 * asks["strength"].to_numpy() + 2 * (turnout - 0.6)
        + 4 * chance["p_alone"].to_numpy()
    )  # fmt: skip
    sent = ~asks["held_out"].to_numpy() & (rng.random(asks.height) < p_sent)
    wait = pl.duration(days=pl.lit(pl.Series(rng.integers(0, 3, asks.height))))
    asks = asks.with_columns(p_sent=pl.Series(p_sent), sent=pl.Series(sent))
    return asks.with_columns(sent_on=pl.when("sent").then(pl.col("planned_on") + wait))


def _heard(ties: pl.DataFrame, asks: pl.DataFrame) -> pl.DataFrame:
    """Return, for each friend, the share of the other friends of the same users who got a message."""
    sent = asks.select("person", pl.col("sent").cast(pl.Int64))
    table = ties.join(sent, on="person", how="left", maintain_order="left").with_columns(pl.col("sent").fill_null(0))
    others = (pl.col("sent").sum().over("supporter") - pl.col("sent"), pl.len().over("supporter") - 1)
    table = table.select("person", reached=others[0], others=others[1])
    totals = table.group_by("person", maintain_order=True).agg(pl.col("reached", "others").sum())
    return totals.select("person", heard=pl.col("reached") / pl.max_horizontal("others", 1))


def _ballots(rng: np.random.Generator, voters: pl.DataFrame) -> pl.DataFrame:
    """Draw who votes early, how, and when: after they were to be asked about, if they were."""
    added = DIRECT * voters["sent"].cast(pl.Float64).to_numpy() + SPILLED * voters["heard"].to_numpy()
    early = rng.random(voters.height) < np.clip(voters["p_alone"].to_numpy() + added, 0, 1)
    ohio = (voters["state"] == "OH").to_numpy()
    mail = rng.random(voters.height) < np.where(ohio, 0.6, 0.2)
    day = lambda date: (date - dt.date(1970, 1, 1)).days  # noqa: E731
    opened = day(FIRST) + np.where(ohio | mail, 1, 17)
    asked = (voters["planned_on"].cast(pl.Int32) + 3).fill_null(0).to_numpy()
    start = np.maximum(opened, asked)
    returned = start + (rng.random(voters.height) * (day(LAST) + 1 - start)).astype(int)
    method = pl.when(pl.Series(mail)).then(pl.lit("mail")).otherwise(pl.lit("in person"))
    ballots = voters.select("person", method=method, returned_on=days(returned))
    return ballots.filter(pl.Series(early))


def rows(drawn: dict[str, pl.DataFrame], keys: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the two files' rows.

    Parameters
    ----------
    drawn : dict
        What `october` draws.
    keys : table
        person, van_id, state.
    """
    asks = with_supporter(drawn["asks"], "supporter")
    yes = pl.when("held_out").then(pl.lit("yes")).otherwise(pl.lit("no"))
    ballots = drawn["early_votes"].join(keys, on="person", how="left", maintain_order="left")
    return {
        "friend_asks": asks.select(
            keyed(asks["person"], "A", 2_357_111).alias("ask_id"), "supporter_id",
            keyed(asks["person"], "F", 5_772_157).alias("friend_id"), pl.lit(PURPOSE), "planned_on",
            yes.alias("held_out"), "sent_on", "clicked_on",
        ).sort("planned_on", "ask_id"),
        "early_votes": ballots.select(
            "van_id", "state", pl.lit(ELECTION).alias("election_date"), "method", "returned_on"
        ).sort("returned_on", "van_id"),
    }  # fmt: skip
