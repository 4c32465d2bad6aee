"""A made-up electorate by kinds of voters: who they are, how each leans, and how that moves from day to day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from campaignkit.sample.people import EDUCATIONS, RACES, gather
from campaignkit.sample.voters import logistic
from campaignkit.vocabulary import AGE_LABELS

REGIONS = ["Northeast", "Northwest", "Central", "Southeast", "Southwest"]
#: What voters are told apart by, and roughly how many there are of each.
BY = {
    "sex": (["F", "M"], [0.52, 0.48]),
    "age_band": (list(AGE_LABELS[1:]), [0.17, 0.16, 0.18, 0.19, 0.16, 0.14]),
    "race": (RACES[:4], [0.78, 0.14, 0.05, 0.03]),
    "region": (REGIONS, [0.36, 0.14, 0.2, 0.1, 0.2]),
    "education": ([EDUCATIONS[1], EDUCATIONS[2], EDUCATIONS[3]], [0.42, 0.3, 0.28]),
}  # fmt: skip
PARTIES = ["D", "I", "R"]
PAST_VOTES = ["D", "none", "R"]  # recalled; none: did not vote for either
RACE_LEANS = [-0.35, 2.2, 0.8, 0.5]
SUPPORT = 0.52  # of the electorate on the first day


@dataclass(frozen=True)
class Electorate:
    """Kinds of voters, one for each combination of attributes, party and past vote.

    Attributes
    ----------
    table : polars.DataFrame
        The attributes, `party` and `past_vote` of each kind.
    share : array
        Of the electorate.
    logit : array, days × kinds
        Of supporting the candidate.
    wobble : float
        The chance that a report is not the person's choice, whoever asks.
    """

    table: pl.DataFrame
    share: np.ndarray
    logit: np.ndarray
    wobble: float

    def says(self, shift: float = 0.0) -> np.ndarray:
        """Return the chance of each kind to say on each day that it supports; `shift` is an asker's own effect."""
        return self.wobble + (1 - 2 * self.wobble) * logistic(self.logit + shift)

    def groups(self) -> list[tuple[str, str, np.ndarray]]:
        """Return each attribute, its levels, and who is in them; first of all everyone."""
        everyone = [("all", "everyone", np.ones(len(self.share), bool))]
        return everyone + [
            (name, level, (self.table[name] == level).to_numpy())
            for name in [*BY, "party", "past_vote"]
            for level in self.table[name].unique(maintain_order=True)
        ]

    def relative(self, groups: pl.DataFrame) -> list[float]:
        """Return how many points (as a share) groups moved apart from the rest: 0 where all log odds move alike."""
        p = logistic(self.logit[0])
        weight, moved = self.share * p * (1 - p), self.logit[-1] - self.logit[0]
        apart = []
        for name, level in groups.select("variable", "level").rows():
            inside = (self.table[name] == level).to_numpy() * 1.0
            apart.append(np.average(moved, weights=weight * inside) - np.average(moved, weights=weight * (1 - inside)))
        return [float(weight.sum() * by) for by in apart]

    def truth(self) -> pl.DataFrame:
        """Return the share that would say it supports, by `variable`, `level` and `day`; `share`: of the electorate."""
        says, days = self.says(), np.arange(len(self.logit))
        rows = []
        for name, level, inside in self.groups():
            weight = self.share * inside
            rows.append(
                pl.DataFrame({"day": days, "supports": says @ weight / weight.sum()}).with_columns(
                    variable=pl.lit(name), level=pl.lit(level), share=pl.lit(weight.sum())
                )
            )
        return pl.concat(rows).select("variable", "level", "day", "share", "supports")


def electorate(
    rng: np.random.Generator, days: int, *, walk: float, movers: int, drift: float, at_once: bool,
    event: int | None, swing: float, going_home: bool, wobble: float,
) -> tuple[Electorate, pl.DataFrame]:  # fmt: skip
    """Draw an electorate and how it moves, with the groups that move and by how much.

    Parameters
    ----------
    days
        How many.
    walk
        Standard deviation of a day's step that everyone takes, on the logit scale.
    movers, drift, at_once
        How many groups move on their own, by how many points (as a share) from the first day to the last, and whether
        they do so on the day of the event.
    event, swing, going_home
        The first day after an event (None: there is none), the change that it makes in the electorate, and whether
        the other side's soft supporters make it alone, or everyone alike.
    wobble
        As in `Electorate`.
    """
    from scipy.optimize import brentq

    table, share, leaning = _kinds(rng)
    home = np.full(len(share), leaning) - brentq(lambda at: share @ logistic(leaning - at) - SUPPORT, -9, 9)
    path = np.cumsum(np.r_[0, rng.normal(0, walk, days - 1)])[:, None] + home
    time = (np.arange(days) >= (event or 0)) * 1.0 if at_once else np.linspace(0, 1, days)
    path, moved = _drifting(rng, table, share, path, movers, drift / (1 - 2 * wobble), time)
    moved = moved.with_columns(pl.col("points") * (1 - 2 * wobble))
    if event is not None and swing:
        path = after_event(table, share, path, event, swing / (1 - 2 * wobble), going_home)
    return Electorate(table, share, path, wobble), moved


def after_event(
    table: pl.DataFrame, share: np.ndarray, path: np.ndarray, event: int, swing: float, going_home: bool
) -> np.ndarray:
    """Return a path that from the day of an event on is moved: by `swing`, as a share of the electorate."""
    from scipy.optimize import brentq

    soft = _softness(table, swing) if going_home else np.ones(len(share))
    goal = share @ logistic(path[event]) + swing
    step = brentq(lambda by: share @ logistic(path[event] + by * soft) - goal, -30, 30)
    return np.concatenate([path[:event], path[event:] + step * soft])


def _kinds(rng: np.random.Generator) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Return all kinds, their shares and leanings."""
    from scipy.special import softmax

    sizes = [len(levels) for levels, _ in BY.values()]
    codes = [part.ravel() for part in np.indices([*sizes, 3, 3])]
    people, leaning = np.ones(len(codes[0])), np.zeros(len(codes[0]))
    for code, (name, (levels, shares)) in zip(codes, BY.items(), strict=False):
        people *= np.array(shares)[code]
        leaning += np.array(RACE_LEANS)[code] if name == "race" else rng.normal(0, 0.2, len(levels))[code]
    for a in range(len(sizes)):
        for b in range(a):
            people *= rng.lognormal(0, 0.15, (sizes[a], sizes[b]))[codes[a], codes[b]]
            leaning += rng.normal(0, 0.12, (sizes[a], sizes[b]))[codes[a], codes[b]]
    party, past = codes[-2], codes[-1]
    leaning -= np.average(leaning, weights=people)
    of_party = softmax(np.stack([0.9 * leaning + 0.1, np.zeros(len(leaning)), -0.9 * leaning], axis=1), axis=1)
    lean_past = 1.8 * (1 - party) + 0.4 * leaning
    of_past = softmax(np.stack([lean_past, np.full(len(party), 0.2), -lean_past], axis=1), axis=1)
    rows = np.arange(len(party))
    share = people * of_party[rows, party] * of_past[rows, past]
    names = [(name, levels) for name, (levels, _) in BY.items()] + [("party", PARTIES), ("past_vote", PAST_VOTES)]
    table = pl.DataFrame([gather(levels, code).alias(name) for (name, levels), code in zip(names, codes, strict=True)])
    return table, share / share.sum(), 0.4 * leaning + 1.5 * (1 - party) + 1.1 * (1 - past)


def _softness(table: pl.DataFrame, swing: float) -> np.ndarray:
    """Return how far each kind follows an event: the other side's people wholly, ours not at all."""
    theirs = "R" if swing < 0 else "D"
    other = (table["party"] == theirs).to_numpy() * 1.0 + (table["past_vote"] == theirs).to_numpy()
    neither = ((table["party"] == "I") & (table["past_vote"] == "none")).to_numpy()
    return np.where(other > 0, 1.0, np.where(neither, 0.3, 0.0))


def _drifting(
    rng: np.random.Generator,
    table: pl.DataFrame,
    share: np.ndarray,
    path: np.ndarray,
    movers: int,
    drift: float,
    time: np.ndarray,
) -> tuple[np.ndarray, pl.DataFrame]:
    """Let some groups drift, each in its own time, and return all groups with how far each was moved."""
    groups = [(name, level) for name, (levels, _) in BY.items() for level in levels]
    moved = dict.fromkeys(groups, 0.0)
    for at in rng.choice(len(groups), movers, replace=False):
        name, level = groups[at]
        inside = (table[name] == level).to_numpy()
        weight = share * inside / share[inside].sum()
        points = drift * rng.choice([-1, 1])
        step = _step_to(path[-1], weight, points)
        path = path + step * time[:, None] ** rng.uniform(0.6, 1.7) * inside
        moved[name, level] = points
    names, levels = zip(*moved, strict=True)
    return path, pl.DataFrame({"variable": names, "level": levels, "points": list(moved.values())})


def _step_to(at: np.ndarray, weight: np.ndarray, points: float) -> float:
    """Return what to add to log odds for their mean share to change by some points."""
    from scipy.optimize import brentq

    start = weight @ logistic(at)
    return brentq(lambda by: weight @ logistic(at + by) - np.clip(start + points, 0.01, 0.99), -9, 9)


def with_errors(rng: np.random.Generator, table: pl.DataFrame, name: str, values: list[str], rate: float) -> pl.Series:
    """Return a column as people say it: at a rate, another value than the true one."""
    true = table[name].replace_strict(values, range(len(values)), return_dtype=pl.Int64).to_numpy()
    other = (true + rng.integers(1, len(values), len(true))) % len(values)
    return gather(values, np.where(rng.random(len(true)) < rate, other, true)).alias(name)
