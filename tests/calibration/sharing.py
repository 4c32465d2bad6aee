"""What friends' asks did, on the published graph of 4,039 people (or a drawn one) with planted effects."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from campaignkit import outreach, sample
from tests.calibration.quantities import table, worlds
from tests.real.published import FOLDER

FIRST = 7_000
GRAPH = FOLDER / "sharing" / "facebook_friends.parquet"
DIRECT, SPILLED = 0.07, 0.06


@lru_cache
def graph() -> pl.DataFrame | None:
    return pl.read_parquet(GRAPH) if GRAPH.exists() else None


def _covers(row: dict, truth: float) -> bool:
    return bool(row["lower"] <= truth <= row["upper"])


def _world(seed: int, *, people: int = 1_000, real: bool = True, **options) -> dict:
    by = options.get("holdout_by", "friend")
    given = {
        "direct": DIRECT,
        "spilled": SPILLED,
        "holdout": 0.5,
        "asks_per_sharer": 2,
        "graph": graph() if real else None,
        **options,
    }
    drawn = sample.draw("sharing", people, seed=FIRST + seed, **given)
    crossed = "delivered" in options
    found = outreach.sharing_effect(
        drawn["asks"], drawn["friends"], "voted", design=by, holdout=given["holdout"], acted="acted",
        delivered="delivered" if crossed else None, ties=drawn["ties"] if by == "friend" else None,
    )  # fmt: skip
    truth = drawn.truth["effects"].row(0, named=True)
    row, naive = found.row(), found.row("contacted against not")
    out = {
        "truth": truth["asked about"], "error": row["estimate"] - truth["asked about"], "std_error": row["std_error"],
        "covers": _covers(row, truth["asked about"]), "rejects zero": row["p_value"] < 0.05,
        "naive error": naive["estimate"] - truth["direct"], "naive covers": _covers(naive, truth["direct"]),
        "naive rejects zero": naive["p_value"] < 0.05, "response rate": found.response_rate,
    }  # fmt: skip
    if crossed:
        late = found.row("delivered")
        out |= {
            "delivered: error": late["estimate"] - truth["direct"],
            "delivered: covers": _covers(late, truth["direct"]),
        }
    if by == "friend":
        more = found.row("all of their friends asked about, against none")
        out |= {
            "spilled: truth": truth["spilled"], "spilled: error": more["estimate"] - truth["spilled"],
            "spilled: covers": _covers(more, truth["spilled"]),
        }  # fmt: skip
    return out


def holdout_of_asks(seed: int) -> dict:
    """A coin for each friend, half of the asks held out."""
    return _world(seed)


def crossover(seed: int) -> dict:
    """The same; seven in ten messages go out, and one in ten of those held out gets one."""
    return _world(seed, delivered=0.7, leaked=0.1)


def one_in_three_opens(seed: int) -> dict:
    """As an app sees it: one message in three is opened, and who opens it, or has many friends, is likelier to vote."""
    return _world(seed, delivered=1 / 3, popular=0.5)


def heavy_and_alike(seed: int) -> dict:
    """A drawn world of 1,000 sharers: a few have most of the ties, and friends are much alike."""
    return _world(seed, real=False, homophily=0.98, heavy=3.0)


def nothing(seed: int) -> dict:
    """A coin for each friend; nobody is moved, and nothing spills over."""
    return _world(seed, direct=0.0, spilled=0.0)


def coin_per_sharer(seed: int) -> dict:
    """A coin for each sharer, two sharers a friend at most."""
    return _world(seed, holdout_by="sharer", sharers_per_friend=2)


def coin_per_sharer_heavy(seed: int) -> dict:
    """A coin for each sharer of the drawn world, ten asks each, three sharers a friend at most, nothing spilled over."""
    return _world(
        seed, real=False, homophily=0.98, heavy=3.0, holdout_by="sharer", sharers_per_friend=3, asks_per_sharer=10,
        spilled=0.0,
    )  # fmt: skip


def alike(seed: int) -> dict:
    """The published graph, a coin for each friend; neighbors are as alike as can be (homophily .98)."""
    return _world(seed, homophily=0.98)


def coin_per_sharer_hubs(seed: int) -> dict:
    """The published graph, a coin for each sharer, homophily .98, ten asks each, three sharers a friend at most."""
    return _world(seed, homophily=0.98, holdout_by="sharer", sharers_per_friend=3, asks_per_sharer=10)


DRAWS = {
    "holdout of asks": holdout_of_asks, "strong homophily": alike, "crossover": crossover,
    "heavy sharers, homophily": heavy_and_alike, "nothing": nothing, "coin per sharer": coin_per_sharer,
    "coin per sharer, heavy": coin_per_sharer_heavy, "coin per sharer, hubs": coin_per_sharer_hubs,
    "one message in three is opened": one_in_three_opens,
}  # fmt: skip
WORLDS = worlds(DRAWS, 400)


def report(rows: pl.DataFrame) -> str:
    where = (
        "The graph is SNAP's ego-Facebook" if GRAPH.exists() else "The graph is drawn (the published one was absent)"
    )
    return table(
        rows, DRAWS,
        f"{where}, two in five of its people are sharers with two asks. A message adds {100 * DIRECT:.0f} points to "
        f"the chance to vote, and messages to all of one's friends {100 * SPILLED:.0f} more, unless said otherwise; "
        "friends' chances and scores are alike by homophily. Intervals are 95%.\n",
    )  # fmt: skip
