"""Friends who pass an ask on: ties by likeness, asks with a holdout, and what the friends then do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from campaignkit.sample.voters import logistic

FRIENDS_EACH = 8  # friends that there are, for each sharer
TIES, AMONG_FRIENDS = 12, 4  # of a sharer, and of a friend to other friends, on average
NEAR = 0.02  # how far apart, in shares of all friends by likeness, those are who are alike

Stream = Callable[[str], np.random.Generator]


Ties = tuple[pl.DataFrame, np.ndarray]  # and each person's likeness


def drawn_ties(rng: np.random.Generator, sharers: int, homophily: float, heavy: float) -> Ties:
    """Draw ties of sharers, and among friends, to those alike; return them and each person's likeness.

    Persons are numbered, friends from 0, sharers after them. `heavy` is how unequally sharers have ties.
    """
    friends = FRIENDS_EACH * sharers
    alike = np.concatenate([np.sort(rng.normal(0, 1, friends)), rng.normal(0, 1, sharers)])
    degree = 1 + rng.poisson(rng.gamma(1 / heavy, heavy, sharers) * (TIES - 1))
    sharer = np.concatenate(
        [np.repeat(np.arange(sharers) + friends, degree), np.repeat(np.arange(friends), AMONG_FRIENDS // 2)]
    )
    place = np.searchsorted(alike[:friends], alike[sharer]) / friends
    near = (place + NEAR * rng.normal(0, 1, len(sharer))) % 1
    place_of_friend = np.where(rng.random(len(sharer)) < homophily, near, rng.random(len(sharer)))
    table = pl.DataFrame({"sharer": sharer, "friend": (place_of_friend * friends).astype(np.int64)})
    return table.filter(pl.col("sharer") != pl.col("friend")).unique(maintain_order=True), alike


def graph_ties(rng: np.random.Generator, graph: pl.DataFrame, homophily: float) -> Ties:
    """Return a graph's ties in both directions, and for each person a likeness that neighbors share."""
    start, end = (graph.to_series(at).cast(pl.Int64).to_numpy() for at in range(2))
    start, end = np.concatenate([start, end]), np.concatenate([end, start])
    people = int(start.max()) + 1
    alike, degree = rng.normal(0, 1, people), np.maximum(np.bincount(start, minlength=people), 1)
    for _ in range(3):
        near = np.bincount(start, alike[end], people) / degree
        alike = homophily * near / near.std() + (1 - homophily) * alike
    return pl.DataFrame({"sharer": start, "friend": end}), (alike - alike.mean()) / alike.std()


def sharing(
    stream: Stream, sharers: int, *, seed: int = 0, direct: float = 0.06, spilled: float = 0.0, homophily: float = 0.8,
    heavy: float = 0.5, delivered: float = 1.0, leaked: float = 0.0, holdout: float = 0.1, holdout_by: str = "friend",
    asks_per_sharer: int = 5, sharers_per_friend: int = 1, popular: float = 0.0, graph: pl.DataFrame | None = None,
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:  # fmt: skip
    """Draw ties, asks along them with a holdout, and what friends did; with what was planted."""
    from campaignkit.outreach.friend_asks import friend_asks

    rng = stream("ties")
    ties, alike = drawn_ties(rng, sharers, homophily, heavy) if graph is None else graph_ties(rng, graph, homophily)
    users = np.arange(len(alike)) >= len(alike) - sharers if graph is None else rng.random(len(alike)) < 0.4
    gain = 0.04 * np.exp(0.9 * alike + rng.normal(0, 0.4, len(alike)))
    strength = rng.beta(2, 3, ties.height)
    ties = ties.with_columns(strength=pl.Series(strength), gain=pl.Series(gain[ties["friend"].to_numpy()]))
    asked_along = ties.filter(pl.Series(users[ties["sharer"].to_numpy()]))
    asks = friend_asks(
        asked_along, "gain", strength="strength", asks_per_sharer=asks_per_sharer, holdout=holdout,
        sharers_per_friend=sharers_per_friend, holdout_by=holdout_by, seed=seed,
    ).table  # fmt: skip
    sent = np.zeros(len(alike), bool)
    sent[asks.filter(~pl.col("held_out"))["friend"].to_numpy()] = True
    habit = alike + popular * _popularity(ties, len(alike))
    when_sent, when_held = (_chance_of_message(share, habit) for share in (delivered, leaked))
    chance = np.where(sent, when_sent, when_held)
    friends, alone = _outcomes(stream("votes"), ties, habit, chance, direct, spilled)
    planned = asks["friend"].unique().to_numpy()
    everyone = pl.DataFrame({"friend": np.arange(len(alike))}).with_columns(friends)
    among = everyone.filter(pl.col("friend").is_in(asked_along["friend"].unique().implode()))
    moved = float((when_sent - when_held)[planned].mean())
    planted = {"direct": direct, "spilled": spilled * moved, "asked about": direct * moved}
    truth = {"person": among.select("friend").join(alone, on="friend"), "effects": pl.DataFrame(planted)}
    return {"asks": asks, "friends": among, "ties": ties}, truth


def _popularity(ties: pl.DataFrame, people: int) -> np.ndarray:
    """Return each person's number of ties, its logarithm standardized."""
    both = np.concatenate([ties["sharer"].to_numpy(), ties["friend"].to_numpy()])
    many = np.log1p(np.bincount(both, minlength=people))
    return (many - many.mean()) / max(many.std(), 1e-12)


def _chance_of_message(share: float, habit: np.ndarray) -> np.ndarray:
    """Return the chance that a message reaches: more often those who would vote anyway, unless all or none."""
    return np.full(len(habit), share) if share in (0, 1) else logistic(np.log(share / (1 - share)) + 0.7 * habit)


def _outcomes(
    rng: np.random.Generator, ties: pl.DataFrame, habit: np.ndarray, message: np.ndarray, direct: float, spilled: float
) -> tuple[list[pl.Series], pl.DataFrame]:
    """Draw who messages reached, who voted and who acted; and the chance to vote without any ask."""
    n = len(habit)
    reached = rng.random(n) < message
    one, two = ties["sharer"].to_numpy(), ties["friend"].to_numpy()
    neighbors = pl.DataFrame({"a": np.concatenate([one, two]), "b": np.concatenate([two, one])}).unique()
    a, b = neighbors["a"].to_numpy(), neighbors["b"].to_numpy()
    heard = np.bincount(a, reached[b], n) / np.maximum(np.bincount(a, minlength=n), 1)
    alone = 0.12 + 0.6 * logistic(0.9 * habit + rng.normal(0, 0.5, n))
    voted = rng.random(n) < np.clip(alone + direct * reached + spilled * heard, 0, 1)
    acted = reached & (rng.random(n) < np.where(voted, 0.3, 0.08))
    columns = {"voted": voted, "acted": acted, "delivered": reached, "past_votes": rng.binomial(3, alone)}
    series = [pl.Series(name, values) for name, values in columns.items()]
    return series, pl.DataFrame({"friend": np.arange(n), "chance_alone": alone, "neighbors_reached": heard})
