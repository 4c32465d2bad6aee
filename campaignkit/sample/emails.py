"""E-mail tests: one day with eighteen variants, three small tests, and what the staff thought would happen."""

from __future__ import annotations

import datetime as dt
from itertools import product

import numpy as np
import polars as pl

from campaignkit.sample.effects import cells
from campaignkit.sample.gifts import amounts

BIG_DAY = dt.date(2012, 6, 26)
SUBJECTS = {"I will be outspent": 2.6, "Deadline tonight": 1.8, "Our plan for June": 1.0}
SENDERS = {"Candidate": 1.9, "Campaign manager": 1.3, "Field director": 1.0}
MESSAGES = {"short": 1.6, "long": 1.0}
TOGETHER = 1.27  # what the best three add to each other
WORST = 0.0018
GUESSERS = {"staff_1": 0.75, **{f"staff_{number}": 0.12 for number in range(2, 8)}, "staff_8": 0.0}


def variants() -> pl.DataFrame:
    """Return one row per variant: email_id, test, subject, sender, message, sent_on, share, p_gift, p_open."""
    rows = []
    for (subject, s), (sender, f), (message, m) in product(SUBJECTS.items(), SENDERS.items(), MESSAGES.items()):
        together = TOGETHER if s * f * m > 7.5 else 1.0
        rows.append(("deadline_june", subject, sender, message, BIG_DAY, 1.0, WORST * s * f * m * together))
    small = [
        ("button", dt.date(2012, 5, 3), ["red", "blue"], [0.004, 0.004]),
        ("ask_amount", dt.date(2012, 5, 22), ["$3", "$10", "past gift"], [0.007, 0.005, 0.0085]),
        ("sender_name", dt.date(2012, 6, 7), ["Candidate", "Candidate (first name)"], [0.005, 0.0065]),
    ]
    for test, day, names, rates in small:
        for name, rate in zip(names, rates, strict=True):
            sender = name if test == "sender_name" else "Candidate"
            rows.append((test, "Can you help?", sender, name, day, 0.12, rate))
    columns = ["test", "subject", "sender", "message", "sent_on", "share", "p_gift"]
    table = pl.DataFrame(rows, schema=columns, orient="row").with_row_index("variant")
    number = (pl.col("variant").rank("ordinal").over("test")).cast(pl.String).str.zfill(2)
    return table.with_columns(
        email_id=pl.col("test") + "_" + number,
        # openings hang mostly on the subject line
        p_open=(0.10 + 0.05 * pl.col("subject").replace_strict(SUBJECTS, default=1.4, return_dtype=pl.Float64)),
    )


def email(rng: np.random.Generator, people: pl.DataFrame, test: str = "deadline_june") -> pl.DataFrame:
    """Send one test to people; each gets one variant at random.

    Parameters
    ----------
    people
        person; and p_give_online, if giving is to follow it.

    Returns
    -------
    One row per person: email_id, test, subject, sender, message, sent_on, opened, clicked, gave, amount, unsubscribed,
    and the truth: p_gift of the variant for an average person.
    """
    table = variants().filter(pl.col("test") == test)
    people = people.filter(pl.Series(rng.random(len(people)) < table["share"][0]))
    size = len(people)
    sent = table[rng.integers(0, len(table), size)]
    keen = np.ones(size)
    if "p_give_online" in people.columns:
        keen = people["p_give_online"].to_numpy() / 0.178
    gave = rng.random(size) < np.clip(sent["p_gift"].to_numpy() * keen, 0, 0.5)
    clicked = gave | (rng.random(size) < sent["p_gift"].to_numpy() * 1.5 + 0.006)
    opened = clicked | (rng.random(size) < sent["p_open"].to_numpy())
    level = 3.0 + rng.normal(0, 0.5, size)
    money = pl.select(pl.when(pl.Series(gave)).then(pl.Series(amounts(rng, level)))).to_series()
    return pl.concat([people, sent.drop("variant", "share", "p_open")], how="horizontal").with_columns(
        opened=pl.Series(opened),
        clicked=pl.Series(clicked),
        gave=pl.Series(gave),
        amount=money,
        unsubscribed=pl.Series(opened & ~gave & (rng.random(size) < 0.008)),
    )


def emails(rng: np.random.Generator, supporters: pl.DataFrame) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Send all tests; return sends, events and gifts, and what came of each variant."""
    columns = ["person", "p_give_online"]
    tests = variants()["test"].unique(maintain_order=True).to_list()
    table = pl.concat([email(rng, supporters.select(columns), test) for test in tests])
    sends = table.select("person", "email_id", "test", "subject", "sender", "message", "sent_on")
    later = pl.Series(np.minimum(rng.geometric(0.7, len(table)) - 1, 5).astype(np.int32))
    dated = table.with_columns(happened_on=(pl.col("sent_on").cast(pl.Int32) + later).cast(pl.Date))
    kinds = {"open": "opened", "click": "clicked", "gift": "gave", "unsubscribe": "unsubscribed"}
    events = [
        dated.filter(pl.col(flag)).select(
            "person", "email_id", "happened_on", event=pl.lit(event),
            amount=pl.col("amount") if event == "gift" else pl.lit(None, dtype=pl.Float64),
        )
        for event, flag in kinds.items()
    ]  # fmt: skip
    bounced = rng.random(len(table)) < 0.01
    quiet = dated.filter(pl.Series(bounced) & ~pl.col("opened"))
    bounces = quiet.select(
        "person",
        "email_id",
        happened_on="sent_on",
        event=pl.lit("bounce"),
        amount=pl.lit(None, dtype=pl.Float64),
    )
    gifts = dated.filter("gave").select(
        "person", "amount", day=pl.col("happened_on").cast(pl.Int64), refcode="email_id"
    )
    seen = pl.concat([cells(table, "email", name, ["email_id"]) for name in ("gave", "opened", "unsubscribed")])
    events = pl.concat([*events, bounces]).sort("person", "email_id", "happened_on", "event")
    return {"email_sends": sends, "email_events": events, "email_gifts": gifts}, seen


def guesses(rng: np.random.Generator) -> pl.DataFrame:
    """Return what each of the staff expected of each variant: one decent forecaster, the rest poor, one at chance."""
    table = variants()
    truth = np.log(table["p_gift"].to_numpy() * 1000)
    frames = []
    for staff, skill in GUESSERS.items():
        noise = rng.normal(0, 0.65 * np.sqrt(1 - skill**2), len(table))
        guess = np.exp(truth.mean() + 0.4 + skill * (truth - truth.mean()) + noise)
        frames.append(table.select("test", "email_id", staff_id=pl.lit(staff), guess=pl.Series(np.round(guess, 1))))
    return pl.concat(frames)
