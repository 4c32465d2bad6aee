"""Who answered, or who changed? Drawn electorates around an event, with the usual ways of reading polls beside ours."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from campaignkit import polls, sample
from tests.calibration.quantities import table, worlds

FIRST, INTERVIEWS, EVENT, BY = 25_000, 29_000, dt.date(2012, 10, 4), ["sex", "age_band", "race"]
BEFORE, AFTER = ["before_1", "before_2"], ["after_1", "after_2"]


def _split(seed: int, **options) -> dict:
    drawn = sample.draw("polls", INTERVIEWS, FIRST + seed, **options)
    found = polls.switchers(
        drawn["panel"], drawn["interviews"], before=BEFORE, after=AFTER, party="party", past_vote="past_vote",
        unit="person", outcome="supports", date="asked_on", event=EVENT, stream="stream", by=BY,
    )  # fmt: skip
    path = drawn["groups"].filter(variable="all").sort("asked_on")
    after = path["asked_on"] >= EVENT
    truth = path.filter(after)["supports"][0] - path.filter(~after)["supports"][-1]
    parts = {row["part"]: row for row in found.table.iter_rows(named=True)}
    changed = parts["who changed"]
    z = lambda part: abs(parts[part]["estimate"] / parts[part]["std_error"])  # noqa: E731
    row = {
        "truth": truth, "error": changed["estimate"] - truth, "squared error": (changed["estimate"] - truth) ** 2,
        "covers": bool(changed["lower"] <= truth <= changed["upper"]), "declared": found.declared,
        "interviews and panel averaged": found.used == "both",
        "error, as polled": parts["as polled"]["estimate"] - truth,
        "error, interviews with party and past vote held": parts["interviews, party and past vote held"]["estimate"] - truth,
        "error, panel alone": parts["panel, the same people"]["estimate"] - truth,
        "declared, as polled": bool(z("as polled") > 1.96),
        "declared, interviews with party and past vote held": bool(z("interviews, party and past vote held") > 1.96),
    }  # fmt: skip
    return row | _flags(drawn, found)


def _flags(drawn: sample.Drawn, found: polls.Switchers) -> dict:
    """Who was flagged, and who would be by one report before and one after."""
    truth = drawn.truth["panel"].select("person", "switched")
    four = drawn["panel"].drop_nulls([*BEFORE, *AFTER]).join(truth, on="person")
    flagged = four["person"].is_in(found.flagged["person"].implode())
    single = drawn["panel"].drop_nulls(["before_1", "after_1"]).join(truth, on="person")
    differ = single["before_1"] != single["after_1"]
    row = {"flagged share": float(flagged.mean()), "flagged by one report each, share": float(differ.mean())}
    if four["switched"].any():
        row |= {
            "recall": float(flagged.filter(four["switched"]).mean()),
            "flagged by one report each, wrongly": float((~single["switched"]).filter(differ).mean()),
        }
        if flagged.any():
            row["flagged wrongly"] = float((~four["switched"]).filter(flagged).mean())
    return row


def quiet_party(seed: int) -> dict:
    """Nobody changes (the walk stands still); our people, by party and past vote, answer up to 30% less."""
    return _split(seed, answering="party", walk=0.0)


def quiet_choice(seed: int) -> dict:
    """Nobody changes; whoever now supports us answers 15% less, whatever the party."""
    return _split(seed, answering="choice", quiet=0.15, walk=0.0)


def nothing(seed: int) -> dict:
    """Nobody changes and all answer as before."""
    return _split(seed, walk=0.0)


def home(seed: int) -> dict:
    """The other side's soft supporters go home, 4 points; all answer as before."""
    return _split(seed, swing=-0.04, walk=0.0)


def both(seed: int) -> dict:
    """They go home, 4 points, and our people answer up to 30% less."""
    return _split(seed, swing=-0.04, answering="party", walk=0.0)


DRAWS = {
    "ours go quiet, by party": quiet_party, "ours go quiet, by choice": quiet_choice, "nothing happens": nothing,
    "theirs go home": home, "theirs go home and ours go quiet": both,
}  # fmt: skip
WORLDS = worlds(DRAWS, 400)
ABOUT = (
    "29,000 interviews of four streams in 30 days around an event, party said wrongly by 5%, past vote by 8%; a panel of "
    "4,000, 62% of them answering again, with 3% of reports wrong. 95% intervals. Shares: .01 is a point."
)


def report(rows: pl.DataFrame) -> str:
    summed = (
        rows.filter(pl.col("world").is_in(list(DRAWS)))
        .group_by("world", maintain_order=True)
        .agg(pl.col("squared error").mean().sqrt())
    )
    rmse = "; ".join(f"{world} {np.round(value, 4)}" for world, value in summed.iter_rows())
    return table(rows, DRAWS, f"\n{ABOUT}\n\nRMSE of who changed: {rmse}.")
