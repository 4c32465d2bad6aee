"""How many sharers and what holdout it takes to measure friends' asks, and what published studies found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.result import Result
from campaignkit.stats.intervals.power import first_reaching
from campaignkit.stats.intervals.power import power as power_of
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import counted, points, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["SharingPlan", "plan_sharing", "published_effects"]

MOST = 1e9  # sharers

_STUDIES = (
    ("Bond et al. 2012: Facebook, 2010, seeing that friends voted", 0.0039, "intent to treat",
     "Nature 489, 295–298; more through close friends"),
    ("Outvote 2018: texts to friends", 0.083, "complier; 95%: 1.2 to 15.3 points",
     "Schein et al. 2021, Proceedings of The Web Conference, 2025–2036"),
    ("Turnout Nation 2019: captains", 0.132, "intent to treat; 43 captains",
     "Green and McClellan 2020, working paper"),
    ("Vote tripling 2020: early voters remind friends", 0.0095, "housemates of the same party",
     "Zucker 2021, report on Florida's August primary"),
    ("Friend reminders 2022", 0.0, "about nil", "trials of the midterm, known here at second hand"),
)  # fmt: skip


def published_effects() -> pl.DataFrame:
    """Return what studies of friends' asks found: study, effect on turnout (a difference of shares), whose, source.

    They differ in what was asked, who was asked and how it was counted: they show what may happen, not what will.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.outreach.published_effects()["effect"].max()
    0.132
    """
    return pl.DataFrame(_STUDIES, schema=["study", "effect", "of", "source"], orient="row")


@dataclass(frozen=True, eq=False, repr=False)
class SharingPlan(Result):
    """What it takes to measure what friends' asks do.

    `table` has one row per effect and holdout: ``effect`` (of a message, a difference of shares), ``holdout``,
    ``sharers`` and ``friends`` that show it with the wanted power (null: no number does), and ``power`` with the
    sharers there are (null if none were given).

    Attributes
    ----------
    least : polars.DataFrame
        By ``holdout``: the smallest ``effect`` that the sharers there are would show, and ``assurance``: the chance to
        show an effect drawn from the published ones. Empty if no sharers were given.
    prior : polars.DataFrame
        The published effects.
    sharers : int or None
    rate : float
    wanted : float
        The power.
    confidence_level : float
    """

    least: pl.DataFrame
    prior: pl.DataFrame
    sharers: int | None
    rate: float
    wanted: float
    confidence_level: float

    def summary(self) -> str:
        """Say how many sharers the first effect takes, what yours would show, and what studies found."""
        row = self.table.row(0, named=True)
        takes = "No number of sharers" if row["sharers"] is None else counted(row["sharers"], "sharer")
        text = (
            f"{takes} can show an effect of {points(row['effect'])} points with {row['holdout']:.0%} of asks held out "
            f"({self.wanted:.0%} power, if {share(self.rate)} vote without the ask)."
        )
        if self.sharers is not None:
            best = self.least.sort("effect").row(0, named=True)
            text += (
                f" Your {counted(self.sharers, 'sharer')} can show {points(best['effect'])} points at best, with "
                f"{best['holdout']:.0%} held out. If the effect is like a published one, the chance of showing it is "
                f"{best['assurance']:.0%}."
            )
        seen = self.prior["effect"]
        return f"{text} Published effects run from {100 * seen.min():.0f} to {100 * seen.max():.0f} points."  # ty: ignore

    def chart(self) -> alt.TopLevelMixin:
        """Draw the sharers that each effect takes, by holdout."""
        rows = self.table.drop_nulls("sharers").with_columns(
            effect=(100 * pl.col("effect")).round(2).cast(pl.String) + " points",
            holdout=(100 * pl.col("holdout")).round(2).cast(pl.String).str.strip_suffix(".0") + "% held out",
        )
        title = f"Sharers it takes to show an effect with {self.wanted:.0%} power, by share held out"
        return charts.bars(rows, "effect", "sharers", series="holdout", description=self.summary(), title=title)


def plan_sharing(
    sharers: int | None = None,
    *,
    effects: float | Iterable[float] = (0.01, 0.02, 0.04),
    holdout: float | Iterable[float] = (0.05, 0.1, 0.2),
    asks_per_sharer: float = 5,
    sharers_per_friend: float = 1,
    rate: float = 0.5,
    delivered: float = 1.0,
    power: float = 0.8,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> SharingPlan:
    """Say how many sharers, and what holdout of asks, it takes to show the effect of a message.

    Parameters
    ----------
    sharers : int or None
        How many you have. None: only what each effect takes.
    effects : float or list of float
        The effect of a message, a difference of shares: 0.02 is two points.
    holdout : float or list of float
        Shares of friends held out, by a coin flip for each (see `friend_asks`).
    asks_per_sharer, sharers_per_friend : float
        On average, as planned.
    rate : float
        The share of friends who would vote, or register, without the ask.
    delivered : float
        The share of asks that are passed on; the effect on everyone to be asked about shrinks by as much.
    power : float
        The chance to show the effect.
    confidence_level : float

    Returns
    -------
    SharingPlan

    Raises
    ------
    BadValue
        A share is not between 0 and 1, or an effect would lift the rate above 1.

    Notes
    -----
    Welch's test on friends, as `sharing_effect` compares them. A coin flip for each sharer takes more.

    References
    ----------
    Spiegelhalter, Abrams and Myles (2004), Bayesian Approaches to Clinical Trials and Health-Care Evaluation, for
    assurance: the power averaged over a prior, here the published effects, each as likely as any other.

    Examples
    --------
    >>> import campaignkit as ck
    >>> planned = ck.outreach.plan_sharing(20_000, effects=[0.02], holdout=0.1)
    >>> planned.table.select("effect", "holdout", "sharers").rows()
    [(0.02, 0.1, 10903)]
    """
    wanted_effects, shares = _numbers(effects, "effects"), _numbers(holdout, "holdout")
    _check(sharers, wanted_effects, shares, asks_per_sharer, sharers_per_friend, rate, delivered, power)
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    trial = _Trial(asks_per_sharer / sharers_per_friend, rate, delivered, 1 - confidence_level)
    rows = []
    for effect in wanted_effects:
        for held in shares:
            needed = first_reaching(
                power, lambda n, e=effect, h=held: trial.power(e, n, h), 4 / held, 100 / held, MOST
            )  # fmt: skip
            count = None if np.isnan(needed) else int(np.ceil(needed))
            friends = None if count is None else round(count * trial.friends)
            now = None if sharers is None else trial.power(effect, sharers, held)
            rows.append((effect, held, count, friends, now))
    schema = {
        "effect": pl.Float64, "holdout": pl.Float64, "sharers": pl.Int64, "friends": pl.Int64, "power": pl.Float64
    }  # fmt: skip
    table, prior = pl.DataFrame(rows, schema=schema, orient="row"), published_effects()
    least = [] if sharers is None else [_least(trial, sharers, held, power, prior) for held in shares]
    known = pl.DataFrame(least, schema=dict.fromkeys(("holdout", "effect", "assurance"), pl.Float64), orient="row")
    return SharingPlan(table, known, prior, sharers, rate, power, confidence_level)


@dataclass(frozen=True)
class _Trial:
    friends: float  # a sharer
    rate: float
    delivered: float
    alpha: float

    def power(self, effect: float, sharers: float, holdout: float) -> float:
        """Return the chance to show a message's effect."""
        moved = self.rate + effect * self.delivered
        n, variance = sharers * self.friends, self.rate * (1 - self.rate)
        held, asked = max(n * holdout, 2.0), max(n * (1 - holdout), 2.0)
        return power_of(effect * self.delivered, variance, held, asked, self.alpha, max(moved * (1 - moved), 1e-9))


def _least(trial: _Trial, sharers: int, held: float, wanted: float, prior: pl.DataFrame) -> tuple[float, float, float]:
    most = (1 - trial.rate) / trial.delivered - 1e-9
    least = first_reaching(wanted, lambda effect: trial.power(effect, sharers, held), 1e-7, 1e-4, most)
    each = [trial.power(min(effect, most), sharers, held) for effect in prior["effect"]]
    return held, least, float(np.mean(each))


def _numbers(value: Any, name: str) -> list[float]:
    values = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    if not values:
        raise BadValue(f"{name} is empty; say at least one.")
    return [float(check_scalar(number, name, typ=float, gt=0, lt=1)) for number in values]


def _check(
    sharers: Any, effects: list[float], shares: list[float], asks: Any, each: Any, rate: Any, delivered: Any, power: Any
) -> None:  # fmt: skip
    check_scalar(sharers, "sharers", typ=int, ge=1, optional=True)
    check_scalar(asks, "asks_per_sharer", typ=float, gt=0)
    check_scalar(each, "sharers_per_friend", typ=float, ge=1)
    check_scalar(rate, "rate", typ=float, gt=0, lt=1)
    check_scalar(delivered, "delivered", typ=float, gt=0, le=1)
    check_scalar(power, "power", typ=float, gt=0.5, lt=1)
    if rate + max(effects) * delivered >= 1:
        raise BadValue(f"effects: {max(effects):g} on top of a rate of {rate:g} would be more than everybody.")
    if sharers is not None and sharers * asks / each * min(shares) < 2:
        raise BadValue(f"{sharers:,} sharers with {min(shares):.0%} held out leave fewer than two friends held out.")
