"""The sample campaign's voters as viewers: a panel of their homes, rates, last cycle's order; what they read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from campaignkit.sample import television as tv
from campaignkit.sample.effects import cells

#: Media markets by state and the counties that the sample has of them.
MARKETS = {
    "Charlotte": ("NC", ("Mecklenburg", "Gaston", "Cabarrus", "Union", "Catawba")),
    "Cleveland": ("OH", ("Cuyahoga", "Summit", "Lorain", "Lake", "Medina", "Portage", "Stark")),
    "Columbus": ("OH", ("Franklin", "Delaware", "Fairfield", "Licking")),
    "Raleigh": ("NC", ("Wake", "Durham", "Johnston", "Orange", "Cumberland", "Wayne")),
}
NETWORKS = (
    "station 3", "station 5", "station 8", "station 10", "News One", "Sports One", "Movies", "Home and Garden",
    "Comedy", "Cooking", "Country Music", "History", "Reruns", "Cartoons", "Weather", "Sports Two",
    "Travel", "Crime", "Soaps", "Science", "Auctions", "Westerns", "Late Music", "Fishing",
)  # fmt: skip
LIKED = {"Reruns": 1.9, "Late Music": 1.7, "Comedy": 1.5, "News One": 0.6, "Country Music": 0.7}  # by the target
PANEL, ADULTS_EACH = 2_200, 400  # homes; adults that a home of the sample stands for
MIDTERM = dt.date(2010, 11, 2)
CHANNELS = {  # share of respondents who use it weekly, and how many times more of the target than of all
    "facebook": (0.52, 1.0), "youtube": (0.38, 1.1), "reddit": (0.08, 2.0), "twitter": (0.14, 1.0),
    "local_paper": (0.36, 0.75), "public_radio": (0.15, 0.9), "country_radio": (0.24, 1.0),
    "hip_hop_radio": (0.12, 1.2), "talk_radio": (0.17, 0.7),
    "sports_site": (0.22, 1.0), "dating_app": (0.06, 1.0), "weather_app": (0.31, 1.0),
}  # fmt: skip


def turnout_target(people: pl.DataFrame, ballots: pl.DataFrame) -> np.ndarray:
    """Return who is wanted: registered, no Republican, and at home in November 2010."""
    voted = ballots.filter(pl.col("election_date") == MIDTERM)["person"].implode()
    wanted = pl.col("registered") & (pl.col("party") != "R").fill_null(True) & ~pl.col("person").is_in(voted)
    return people.select(wanted).to_series().to_numpy()


def media_use(
    rng: np.random.Generator, surveys: pl.DataFrame, target: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ask respondents of the online survey which channels they use weekly; return answers and how they came out.

    Parameters
    ----------
    surveys : table
        person, stream.
    target : table
        person, target.
    """
    asked = surveys.filter(pl.col("stream") == "online").select("person").join(target, on="person", how="left")
    wanted = asked["target"].to_numpy()
    share = wanted.mean() if len(wanted) else 0.0
    habit = np.exp(rng.normal(0, 0.4, len(wanted)) - 0.08)
    uses = {}
    for channel, (used, liked) in CHANNELS.items():
        rest = max(used * (1 - share * liked) / max(1 - share, 1e-9), 0.0)
        uses[channel] = pl.Series(
            rng.random(len(wanted)) < np.minimum(np.where(wanted, used * liked, rest) * habit, 0.97)
        )
    table = asked.with_columns(**uses)
    long = table.unpivot(list(CHANNELS), index=["person", "target"], variable_name="channel", value_name="uses")
    return table.drop("target"), cells(long, "media use", "uses", ["channel", "target"])


def campaign_television(
    stream: Callable[[str], np.random.Generator], people: pl.DataFrame, ballots: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Draw what the voters of four markets watch, a panel of their homes, rates, and last cycle's order.

    A home is its first registered voter, who holds the account. The panel's matched homes are known by that voter.

    Returns
    -------
    tables : dict
        ``tv_panel``: person, market, weight (adults); ``tv_viewing``: person, network, half_hour, days (of 14);
        ``tv_rates``: market, network, half_hour, cost, spots; ``tv_buys_last_cycle``: the same of what was bought.
    truth : dict
        ``tv_cells``: adults and targets who see a spot of each cell; ``tv_orders``: target impressions and reach of
        last cycle's order; ``tv_target``: who is wanted, of all voters.
    """
    homes, market = _homes(people.with_columns(target=pl.Series(turnout_target(people, ballots))))
    world = _world(stream("campaign television"), homes, market)
    size = min(PANEL, len(homes) // 5)
    members, viewing = world.panel(stream("campaign panel"), size, again=False)
    adults, targets = world.rates()
    avails = tv.rate_card(stream("campaign rates"), world.cells(), adults)
    budget = tv.usual_budget(avails, targets, ADULTS_EACH * float(world.target.sum()))
    spots = tv.last_cycle(stream("campaign buys"), avails, targets, budget)
    order = avails.select(*tv.CELL, "cost").with_columns(spots=pl.Series(spots.astype(np.int64)))
    who = homes.select("person").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    named = lambda table: table.rename({"person": "row"}).join(who, on="row", maintain_order="left")  # noqa: E731
    tables = {
        "tv_panel": named(members).select("person", "market", "weight"),
        "tv_viewing": named(viewing)
        .select("person", "network", "half_hour", "days")
        .sort("person", "network", "half_hour"),
        "tv_rates": avails, "tv_buys_last_cycle": order.filter(pl.col("spots") > 0),
    }  # fmt: skip
    known = {"target_impressions": float(spots @ targets), "target_reach": world.reached(spots), "dollars": budget}
    truth = {
        "tv_cells": world.cells().with_columns(adults=pl.Series(adults), targets=pl.Series(targets)),
        "tv_orders": pl.DataFrame({"order": ["last cycle"], **{name: [value] for name, value in known.items()}}),
        "tv_target": homes.select("person", "target"),
    }
    return tables, truth


def _homes(people: pl.DataFrame) -> tuple[pl.DataFrame, np.ndarray]:
    """Return the first registered voter of each household in a market, with age and target; and the market."""
    places = [(state, county, at) for at, (state, names) in enumerate(MARKETS.values()) for county in names]
    place = pl.DataFrame(places, schema=["state", "county", "market"], orient="row")
    homes = people.filter("registered").join(place, on=["state", "county"], maintain_order="left")
    homes = homes.unique("household", keep="first", maintain_order=True).select("person", "age", "target", "market")
    return homes, homes["market"].to_numpy()


def _world(rng: np.random.Generator, homes: pl.DataFrame, market: np.ndarray) -> tv.Television:
    """Return homes as viewers: older people are of other kinds, and the target likes some networks more."""
    kinds = rng.dirichlet(np.full(tv.KINDS, 4.0), 2)
    old = (homes["age"] >= 50).to_numpy()
    luck = rng.random(len(homes))
    kind = np.where(old, *(np.minimum(np.searchsorted(kinds[at].cumsum(), luck), tv.KINDS - 1) for at in (0, 1)))
    world = tv.habits(rng, market, kind, homes["target"].to_numpy(), len(MARKETS), len(NETWORKS))
    liked = np.array([LIKED.get(name, 1.0) for name in NETWORKS], np.float32)
    return replace(
        world, target_hour=world.target_hour * liked[:, None], markets=tuple(MARKETS), networks=NETWORKS,
        adults_each=ADULTS_EACH,
    )  # fmt: skip
