"""Who watches what: a made-up population's television, a panel of it, a rate card and last cycle's buys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from campaignkit.stats.optimize.spots import buy

DAYS = 14
KINDS = 8  # of viewers
MARKETS = ("Columbus", "Denver", "Tampa", "Cleveland", "Richmond", "Las Vegas")
ADULTS_EACH = 40  # adults that one person of the made-up population stands for
HABIT = 0.9  # nobody watches a half-hour on more of the days than this
POPULATION = 50_000
CELL = ("market", "network", "half_hour")
POINTS = 500  # rating points of the target that last cycle's money could have bought at best
CHEAPER, DELIVERED = 0.14, 0.93  # how much cheaper a plan is that delivers this share of the best
STATIONS = 4  # the first networks are local stations with news
NETWORKS = tuple(f"station {at + 1}" if at < STATIONS else f"cable {at - STATIONS + 1:02d}" for at in range(200))
NEWS = (12.0, 17.0, 17.5, 18.0, 18.5, 23.0)  # when they have it


@dataclass(frozen=True)
class Television:
    """A population whose every person has a chance to watch every half-hour of every network.

    Attributes
    ----------
    market : array of int
        Each person's.
    target : array of bool
        Whether the campaign wants to reach the person.
    person_network, person_hour : array of float32, persons × networks, persons × half-hours
        How keen each person is on each network, and at each time of day.
    network_hour, target_hour : array of float32, markets × networks × half-hours
        How many watch, and how many times more of the target.
    markets, networks : sequence of str
        Their names.
    adults_each : float
        Adults that one person of the population stands for.
    """

    market: np.ndarray
    target: np.ndarray
    person_network: np.ndarray
    person_hour: np.ndarray
    network_hour: np.ndarray
    target_hour: np.ndarray
    markets: Sequence[str] = MARKETS
    networks: Sequence[str] = NETWORKS
    adults_each: float = ADULTS_EACH

    @property
    def shape(self) -> tuple[int, int, int]:
        """Markets, networks and half-hours."""
        return self.network_hour.shape

    def chances(self, persons: np.ndarray, market: int, network: int) -> np.ndarray:
        """Return the chance of each person of a market to watch each half-hour of a network on a day."""
        more = np.where(self.target[persons][:, None], self.target_hour[market, network], np.float32(1))
        keen = self.person_network[persons, network][:, None] * self.person_hour[persons]
        return np.minimum(keen * self.network_hour[market, network] * more, np.float32(HABIT))

    def rates(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the adults and the people of the target who watch each cell on a day."""
        adults, targets = np.zeros(self.shape), np.zeros(self.shape)
        for market in range(self.shape[0]):
            persons = np.flatnonzero(self.market == market)
            wanted = self.target[persons]
            for network in range(self.shape[1]):
                chance = self.chances(persons, market, network)
                adults[market, network] = chance.sum(axis=0, dtype=float)
                targets[market, network] = chance[wanted].sum(axis=0, dtype=float)
        return self.adults_each * adults.ravel(), self.adults_each * targets.ravel()

    def reached(self, spots: np.ndarray) -> float:
        """Return how many people of the target see at least one spot of a plan, in the long run."""
        bought, total = spots.reshape(self.shape), 0.0
        for market in range(self.shape[0]):
            persons = np.flatnonzero((self.market == market) & self.target)
            missed = np.zeros(len(persons))
            for network in np.flatnonzero(bought[market].any(axis=1)):
                chance = self.chances(persons, market, int(network))
                missed += np.log1p(-chance) @ bought[market, network]
            total += float((1 - np.exp(missed)).sum())
        return self.adults_each * total

    def panel(self, rng: np.random.Generator, size: int, *, again: bool = True) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Draw a panel, in each market in proportion, and what it watched on 14 days.

        With `again` a person may be drawn more than once, each time as another; else `person` is the person's row.
        """
        people, seen, first = [], [], 0
        inside = np.bincount(self.market, minlength=self.shape[0])
        for market, size_here in enumerate(np.round(size * inside / inside.sum()).astype(int)):
            persons = rng.choice(np.flatnonzero(self.market == market), size_here, replace=again)
            number = np.arange(first, first + size_here) if again else persons
            people.append(self._members(persons, number, market, inside[market] / size_here))
            for network in range(self.shape[1]):
                row, hour, days = _watched(rng, self.chances(persons, market, network))
                seen.append((number[row], np.full(len(row), market), np.full(len(row), network), hour, days))
            first += size_here
        person, market, network, hour, days = (np.concatenate(part) for part in zip(*seen, strict=True))
        viewing = pl.DataFrame({"person": person, "market": market, "network": network, "half_hour": hour})
        return pl.concat(people), self.spoken(viewing).with_columns(days=pl.Series(days))

    def _members(self, persons: np.ndarray, number: np.ndarray, market: int, stands_for: float) -> pl.DataFrame:
        members = pl.DataFrame({"person": number, "target": self.target[persons]})
        return members.with_columns(market=pl.lit(self.markets[market]), weight=pl.lit(self.adults_each * stands_for))

    def cells(self) -> pl.DataFrame:
        """Return the cells in the order of `rates`."""
        market, network, hour = (part.ravel() for part in np.indices(self.shape))
        return self.spoken(pl.DataFrame({"market": market, "network": network, "half_hour": hour}))

    def spoken(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Return cells with names for numbers."""
        clock = [f"{at // 2:02d}:{30 * (at % 2):02d}" for at in range(48)]
        names = {"market": list(self.markets), "network": list(self.networks), "half_hour": clock}
        return cells.with_columns(
            pl.col(name).replace_strict(range(len(texts)), texts, return_dtype=pl.String)
            for name, texts in names.items()
        )


def _watched(rng: np.random.Generator, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw on how many days each person watches each half-hour; only those watched at all are returned."""
    luck = rng.random(chance.shape, dtype=np.float32)
    row, hour = np.nonzero(luck > (1 - chance) ** DAYS)
    p, u = chance[row, hour].astype(float), luck[row, hour].astype(float)
    days, term = np.zeros(len(p), np.int64), (1 - p) ** DAYS
    below = term.copy()
    for day in range(1, DAYS + 1):
        days[u > below] = day
        term = term * p / (1 - p) * (DAYS - day + 1) / day
        below += term
    return row, hour, np.maximum(days, 1)


def television(rng: np.random.Generator, people: int, markets: int = 3, networks: int = 60) -> Television:
    """Draw a population: eight kinds of viewers, heavy and light ones, and programs that the target likes more."""
    market = rng.choice(markets, people, p=np.arange(markets + 1, 1, -1) / np.arange(markets + 1, 1, -1).sum())
    kind = rng.choice(KINDS, people, p=rng.dirichlet(np.full(KINDS, 6.0)))
    target = rng.random(people) < np.clip(rng.normal(0.19, 0.05, KINDS), 0.06, 0.4)[kind]
    return habits(rng, market, kind, target, markets, networks)


def habits(
    rng: np.random.Generator, market: np.ndarray, kind: np.ndarray, target: np.ndarray, markets: int, networks: int
) -> Television:
    """Draw what people watch, by their kinds."""
    hours, people = 48, len(kind)
    size = 1 / (np.arange(networks) + 4.0)  # a few large networks, many small ones
    taste = rng.lognormal(0, 0.7, (KINDS, networks))[kind] * rng.gamma(0.7, 1 / 0.7, (people, networks))
    peaks, widths = rng.uniform(8, 23, (KINDS, 2)), rng.uniform(1.5, 4, (KINDS, 2))
    clock = np.arange(hours) / 2
    shape = 0.06 + sum(np.exp(-(((clock - peaks[:, [at]]) / widths[:, [at]]) ** 2)) for at in range(2))
    shape *= 0.3 + np.exp(-(((clock - 20.5) / 3.0) ** 2)) + 0.3 * np.exp(-(((clock - 8) / 2.0) ** 2))
    heavy = rng.gamma(1.4, 1 / 1.4, people)
    own_hour = shape[kind] * rng.gamma(3, 1 / 3, (people, hours))
    program = rng.lognormal(-0.125, 0.5, (networks, hours)) * rng.lognormal(0, 0.15, (markets, networks, hours))
    liked = rng.lognormal(0, 0.3, (networks, 1)) * rng.lognormal(0, 0.12, (networks, hours))
    liked = liked * rng.lognormal(0, 0.1, (markets, networks, 1)) * rng.lognormal(0, 0.05, (markets, networks, hours))
    keen = (heavy[:, None] * taste * size).astype(np.float32)
    a_day = float(keen.mean(axis=0).sum() * own_hour.mean(axis=0).sum())
    program *= 9.5 / a_day  # half-hours watched on a day
    return Television(
        market, target, keen, own_hour.astype(np.float32), program.astype(np.float32), liked.astype(np.float32)
    )


def rate_card(rng: np.random.Generator, cells: pl.DataFrame, adults: np.ndarray) -> pl.DataFrame:
    """Draw what a spot costs, by all adults who watch, and how many are left."""
    cost = np.maximum(0.012 * adults * rng.lognormal(0, 0.3, len(adults)), 4.0).round(2)
    return cells.with_columns(cost=pl.Series(cost), spots=pl.Series(rng.integers(1, 11, len(adults))))


def last_cycle(
    rng: np.random.Generator, avails: pl.DataFrame, targets: np.ndarray, budget: float, cheaper: float = CHEAPER,
    delivered: float = DELIVERED,
) -> np.ndarray:  # fmt: skip
    """Return the usual buyer's spots: around the stations' news, and of the rest what is not bad.

    The two parts are mixed so that a plan that delivers so much of the best buys the target that much cheaper.
    """
    cost, left = avails["cost"].to_numpy(), avails["spots"].to_numpy().astype(float)
    clock = (
        avails["half_hour"].str.slice(0, 2).cast(pl.Float64) + avails["half_hour"].str.slice(3, 2).cast(pl.Float64) / 60
    )
    news = (avails["network"].str.starts_with("station") & clock.is_in(NEWS)).to_numpy()
    beside = rng.permutation(np.repeat(np.flatnonzero(news), left[news].astype(int)))
    ratio = targets / cost * rng.lognormal(0, 0.15, len(cost))
    rest = np.argsort(-np.where(news, 0, ratio))
    rest = np.repeat(rest, left[rest].astype(int))
    wanted = delivered * (1 - cheaper) * (buy(targets, cost, left, budget).amount @ targets)
    low, high = 0.0, 1.0
    for _ in range(25):
        mixed = (low + high) / 2
        spots = _bought(beside, cost, (1 - mixed) * budget)
        spots += _bought(rest, cost, budget - float(spots @ cost))
        low, high = (mixed, high) if spots @ targets < wanted else (low, mixed)
    return spots


def _bought(order: np.ndarray, cost: np.ndarray, money: float) -> np.ndarray:
    """Return the spots of an order that the money is enough for, from its start."""
    enough = int(np.searchsorted(np.cumsum(cost[order]), money, side="right"))
    return np.bincount(order[:enough], minlength=len(cost)).astype(float)


def usual_budget(avails: pl.DataFrame, targets: np.ndarray, people: float) -> float:
    """Return what the best plan costs that shows the target `POINTS` rating points."""
    cost, left = avails["cost"].to_numpy(), avails["spots"].to_numpy()
    order = np.argsort(-targets / cost)
    seen = np.cumsum((targets * left)[order])
    last = min(int(np.searchsorted(seen, POINTS / 100 * people)), len(seen) - 1)
    return float(np.cumsum((cost * left)[order])[last].round(-2))


def tv_market(
    stream: Callable[[str], np.random.Generator], size: int, markets: int, networks: int, budget: float | None
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Draw a population, and of it a panel, a rate card and last cycle's buys, with the truth of each cell."""
    world = television(stream("television"), POPULATION, markets, networks)
    people, viewing = world.panel(stream("panel"), size)
    adults, targets = world.rates()
    avails = rate_card(stream("rates"), world.cells(), adults)
    wanted = float(ADULTS_EACH * world.target.sum())
    money = usual_budget(avails, targets, wanted) if budget is None else budget
    bought = avails.select(*CELL, "cost").with_columns(
        spots=pl.Series(last_cycle(stream("buys"), avails, targets, money))
    )
    cells = world.cells().with_columns(adults=pl.Series(adults), targets=pl.Series(targets))
    tables = {"viewing": viewing, "panel": people, "avails": avails, "last_cycle": bought.filter(pl.col("spots") > 0)}
    truth = {"cells": cells, "people": pl.DataFrame({"adults": [ADULTS_EACH * len(world.market)], "targets": [wanted]})}
    return tables, truth
