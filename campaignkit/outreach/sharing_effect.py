"""What friends' asks did: friends who were asked about, compared with friends held out by a coin flip."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl
from scipy.stats import binom

from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.outreach.friend_asks_result import Asks
from campaignkit.outreach.model.sharing_data import Names, SharingData, read_sharing
from campaignkit.outreach.sharing_effect_result import ASKED, DELIVERED, NAIVE, SPILLED, SharingEffect
from campaignkit.stats.arrays import Floats, Mask
from campaignkit.stats.causal.exposure import Contrast, contrast, independent_variance, shared_variance, spillover
from campaignkit.stats.intervals.estimate import interval
from campaignkit.stats.regression.least_squares import gram, solve
from campaignkit.vocabulary import CONFIDENCE_LEVEL

__all__ = ["sharing_effect"]

FEWEST = 20  # friends on each side of a comparison that is shown
LEAST_F = 10.0  # of the first stage


def sharing_effect(
    asks: object,
    friends: object,
    outcome: str,
    *,
    ties: object | None = None,
    design: str | None = None,
    holdout: float | None = None,
    delivered: str | None = None,
    acted: str | None = None,
    covariates: str | Iterable[str] | None = None,
    sharer: str = "sharer",
    friend: str = "friend",
    held_out: str = "held_out",
    confidence_level: float = CONFIDENCE_LEVEL,
) -> SharingEffect:
    """Measure the effect of being asked about, compared with friends whose asks a coin flip held out.

    Parameters
    ----------
    asks : Asks or table
        All planned asks, held out or not: ids of sharer and friend, and `held_out`. A megafile keeps logged ones in
        ``friend_ask``.
    friends : table
        One row per friend, including any who were never to be asked about: the id and the columns below.
    outcome : str
        Whether the friend did it (voted, registered), by the voter file and not by what they said: booleans or 0/1.
        Friends with a null, or missing from the table, are set aside and counted.
    ties : table, optional
        The tied pairs, in the columns `sharer` and `friend`, to measure what spills over from one friend who is asked
        about to another. None: spillover is not measured. It cannot be with a coin flip for each sharer.
    design : {"friend", "sharer"} or None
        Whose coin flip held asks out. None: as in `asks`, otherwise "friend".
    holdout : float or None
        The chance of being held out. None: as in `asks`, otherwise the share that was.
    delivered : str or None
        Column of `friends`: whether a message reached the friend, held out or not. None: not logged.
    acted : str or None
        Column of `friends`: whether the friend clicked, or said that they would. None: not known.
    covariates : str or list of str, optional
        Number columns of `friends` from before the asks, such as past votes; they make the interval narrower.
    sharer, friend, held_out : str
        Columns of `asks`. An `Asks` result brings its own.
    confidence_level : float

    Returns
    -------
    SharingEffect

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        Outcomes are not yes/no, a friend has two rows, or asks were not held out by the design's coin flip.
    NotEnoughData
        No ask was held out, or all were.

    Notes
    -----
    Coin flip per friend: each friend's asks depend on their own flip alone, so the difference of means is unbiased and
    its errors are those of independent rows, however friends share sharers. Coin flip per sharer: a friend of d sharers
    is asked about with probability 1 − holdout ** d; means are weighted by it (Hájek), and pairs of friends who share
    a sharer count in the variance. Both give the direct effect: what spills over to those held out is in both means.
    The effect of the whole program would need places that are held out whole.

    References
    ----------
    Aronow and Samii (2017), Annals of Applied Statistics 11, 1912–1947; Hudgens and Halloran (2008), Journal of the
    American Statistical Association 103, 832–842, for direct, spilled-over and total effects.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("sharing", 1_000, seed=1)
    >>> found = ck.outreach.sharing_effect(drawn["asks"], drawn["friends"], "voted", acted="acted")
    >>> found.table["quantity"].to_list()
    ['asked about', 'contacted against not']
    """
    if isinstance(asks, Asks):
        sharer, friend, held_out = asks.sharer, asks.friend, "held_out"
        design, holdout, asks = design or asks.holdout_by, holdout or asks.holdout, asks.table
    design = design or "friend"
    _check(outcome, design, holdout, confidence_level)
    names = Names(sharer, friend, held_out, outcome, delivered, acted, column_names(covariates, "covariates"))
    data = read_sharing(asks, friends, ties, names, design)
    share_held = float(1 - data.asked.mean()) if holdout is None and design == "friend" else holdout
    if share_held is None:
        raise BadValue("holdout is None; say what share of sharers the coin flip held out.")
    if min(data.asked.sum(), (~data.asked).sum()) < 2:
        raise NotEnoughData("Fewer than two friends with a known outcome were asked about, or held out.")
    rows = _effects(data, design, share_held, confidence_level)
    if ties is not None and design == "friend":
        rows += _spilled(data, share_held, confidence_level)
    rows.append(_naive(data, confidence_level))
    response = None if data.acted is None else float(data.acted[data.asked].mean())
    others = _actors(data)
    return SharingEffect(
        pl.DataFrame(rows, schema=SCHEMA, orient="row"), outcome, design, share_held, response, *others,
        data.without_outcome, _per_sharer(data), confidence_level,
    )  # fmt: skip


SCHEMA = {
    "quantity": pl.String, "causal": pl.Boolean, "n": pl.Int64, "n_control": pl.Int64, "estimate": pl.Float64,
    "std_error": pl.Float64, "lower": pl.Float64, "upper": pl.Float64, "p_value": pl.Float64, "rate": pl.Float64,
    "control_rate": pl.Float64,
}  # fmt: skip


def _check(outcome: object, design: object, holdout: object, level: object) -> None:
    check_scalar(outcome, "outcome", typ=str)
    check_scalar(design, "design", choices=("friend", "sharer"))
    check_scalar(holdout, "holdout", typ=float, gt=0, lt=1, optional=True)
    check_scalar(level, "confidence_level", typ=float, gt=0, lt=1)


def _effects(data: SharingData, design: str, holdout: float, level: float) -> list[tuple]:
    """Return the effects of being asked about, of how many sharers ask, and of a delivered message."""
    by_sharer = design == "sharer"
    variance = (lambda u: shared_variance(u, data.row, data.sharer)) if by_sharer else independent_variance
    df = max(int(data.sharer.max(initial=1)) if by_sharer else len(data.outcome) - 2, 1)
    none = _none_sent(data, by_sharer, holdout)
    y = _adjusted(data)
    every = contrast(y, data.asked, 1 - none, ~data.asked, none)
    rows = [_row(ASKED, every, data.asked, ~data.asked, variance, df, level)]
    rows += _by_sharers(data, y, by_sharer, holdout, variance, df, level)
    if data.delivered is not None:
        first = contrast(data.delivered, data.asked, 1 - none, ~data.asked, none)
        if first.estimate <= 0 or first.estimate**2 < LEAST_F * variance(first.influence):
            raise NotEnoughData(
                f"Messages reached {first.exposed:.1%} of those asked about and {first.unexposed:.1%} of those held "
                "out. That gap is too small to say what a message did; leave delivered out."
            )
        rows.append(_row(DELIVERED, every.ratio(first), data.asked, ~data.asked, variance, df, level))
    return rows


def _none_sent(data: SharingData, by_sharer: bool, holdout: float) -> Floats:
    """Return how likely it was that no ask about a friend was sent."""
    return np.power(holdout, data.planned if by_sharer else np.ones_like(data.planned))


def _by_sharers(
    data: SharingData, y: Floats, by_sharer: bool, holdout: float, variance: Callable[[Floats], float], df: int,
    level: float,
) -> list[tuple]:  # fmt: skip
    """Return the effect of being asked about by exactly so many sharers, where they differ."""
    rows, most = [], int(data.planned.max())
    for count in range(1, most + 1) if most > 1 else ():
        able = data.planned >= count if by_sharer else data.planned == count
        exposed, unexposed = able & (data.sent == count), able & ~data.asked
        if min(exposed.sum(), unexposed.sum()) < FEWEST:
            continue
        none = _none_sent(data, by_sharer, holdout)
        chance = binom.pmf(count, data.planned, 1 - holdout) if by_sharer else 1 - none
        compared = contrast(y, exposed, chance, unexposed, none)
        name = f"asked about by {count} sharer{'s' if count > 1 else ''}"
        rows.append(_row(name, compared, exposed, unexposed, variance, df, level))
    return rows


def _row(
    name: str, effect: Contrast, exposed: Mask, unexposed: Mask, variance: Callable[[Floats], float], df: int,
    level: float,
) -> tuple:  # fmt: skip
    error = float(np.sqrt(variance(effect.influence)))
    e = interval(effect.estimate, error, df, level)
    rates = [None if np.isnan(rate) else rate for rate in (effect.exposed, effect.unexposed)]
    parts = (e.value, e.std_error, e.lower, e.upper, _p(e.p_value))
    return name, True, int(exposed.sum()), int(unexposed.sum()), *parts, *rates


def _p(value: float) -> float | None:
    return None if np.isnan(value) else value


def _adjusted(data: SharingData) -> Floats:
    """Return outcomes less what the covariates predict, the coin flip held fixed."""
    if not data.covariates.shape[1]:
        return data.outcome
    centered = data.covariates - data.covariates.mean(axis=0)
    x = np.column_stack([np.ones(len(centered)), data.asked, centered])
    return data.outcome - centered @ solve(gram(x), x.T @ data.outcome)[2:]


def _spilled(data: SharingData, holdout: float, level: float) -> list[tuple]:
    if not data.one.size:
        raise NotEnoughData("No two friends who were to be asked about are tied to each other; leave ties out.")
    effect = spillover(_adjusted(data), data.asked, 1 - holdout, data.one, data.two, data.degree)
    e = interval(effect.estimate, effect.std_error, max(len(data.outcome) - 4, 1), level)
    parts = (e.value, e.std_error, e.lower, e.upper, _p(e.p_value))
    return [(SPILLED, True, effect.rows, None, *parts, None, None)]


def _naive(data: SharingData, level: float) -> tuple:
    """Return those contacted compared with everybody else: what not to believe."""
    table = data.everyone
    y, contacted = table["outcome"].to_numpy(), table["contacted"].to_numpy()
    if not 0 < contacted.sum() < len(contacted):
        return NAIVE, False, int(contacted.sum()), int((~contacted).sum()), *(None,) * 7
    half = np.full(len(y), 0.5)
    effect = contrast(y, contacted, half, ~contacted, half)
    row = _row(NAIVE, effect, contacted, ~contacted, independent_variance, len(y) - 2, level)
    return (row[0], False, *row[2:])


def _actors(data: SharingData) -> tuple[float | None, float | None]:
    """Return the outcome's rate among those asked about who acted, and who did not."""
    if data.acted is None:
        return None, None
    acted = data.acted > 0
    rates = [data.outcome[data.asked & group] for group in (acted, ~acted)]
    return tuple(float(rate.mean()) if rate.size else None for rate in rates)  # ty: ignore


def _per_sharer(data: SharingData) -> pl.DataFrame:
    """Return how many friends were to be asked about by how many sharers, and how many were."""
    table = pl.DataFrame({"sharers_planned": data.planned, "sharers_sent": data.sent})
    return table.group_by("sharers_planned", "sharers_sent").len("friends").sort("sharers_planned", "sharers_sent")
