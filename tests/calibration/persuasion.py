"""Do rankings by persuadability keep their word? Worlds with and without effects to find, even arms and not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit
from scipy.stats import spearmanr

from campaignkit import sample, voters
from campaignkit.sample.calls import EFFECTS, GROUPS
from campaignkit.stats.prediction.uplift import Outcomes, qini

FEATURES = ["sex", "age", "party", "area", "homeowner"]
SIZES = (2, 5, 3, 4, 2)
CELLS = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), -1).reshape(-1, len(SIZES))
SHARES = [
    np.array(s)
    for s in ((0.47, 0.53), (0.2, 0.25, 0.2, 0.2, 0.15), (0.35, 0.4, 0.25), (0.4, 0.3, 0.2, 0.1), (0.4, 0.6))
]
PI = np.prod([share[CELLS[:, i]] for i, share in enumerate(SHARES)], axis=0)


def _baseline() -> np.ndarray:
    sex, age, party, area, home = CELLS.T
    return -0.3 + 0.3 * sex - 0.15 * (age - 2) + np.array([1.0, 0.0, -1.1])[party] + 0.2 * (area == 0) - 0.3 * home


BASE = expit(_baseline())
# effects as differences of shares
LINEAR = 0.05 + 0.03 * CELLS[:, 0] - 0.015 * (CELLS[:, 1] - 2) + np.array([-0.03, 0.05, -0.03])[CELLS[:, 2]]
LOGIT = expit(_baseline() + 0.25 + 0.4 * (CELLS[:, 0] - 0.5) - 0.2 * (CELLS[:, 1] - 2)) - BASE
# only one corner moves, and another is put off: nothing that main effects could hold
CORNER = 0.16 * ((CELLS[:, 0] == 1) & (CELLS[:, 1] <= 1)) - 0.08 * ((CELLS[:, 1] == 4) & (CELLS[:, 3] == 0))
NONE, SAME = np.zeros(len(CELLS)), np.full(len(CELLS), 0.05)


NOTHING = 1e-9  # a true Qini of no more is rounding


@dataclass(frozen=True)
class World:
    """A population of cells and an experiment on it."""

    effect: np.ndarray
    n: int = 6000
    share: float | np.ndarray = 0.5
    size: int = 1  # people in a cluster, assigned together
    alike: float = 0.0  # how far a cluster's people lean alike, on the logit

    def draw(self, rng: np.random.Generator) -> pl.DataFrame:
        group = np.arange(self.n) // self.size
        values = [rng.choice(size, self.n, p=share) for size, share in zip(SIZES, SHARES, strict=True)]
        for shared in (2, 3):  # neighbours are of one party and area
            values[shared] = values[shared][group * self.size]
        at = np.ravel_multi_index(values, SIZES)
        lean = self.alike * rng.normal(size=group[-1] + 1)[group]
        chance = np.clip(expit(np.log(BASE / (1 - BASE))[at] * np.sqrt(1 + 0.35 * self.alike**2) + lean), 0, 1)
        share = np.broadcast_to(self.share, len(PI))[at]
        treated = rng.random(group[-1] + 1)[group] < share
        yes = rng.random(self.n) < np.clip(chance + self.effect[at] * treated, 0, 1)
        columns = {name: CELLS[at, i] for i, name in enumerate(FEATURES)}
        return pl.DataFrame(
            {"person": np.arange(self.n), "precinct": group, "called": treated, "votes": yes, **columns}
        )

    def truth(self, found: voters.Persuasion) -> float:
        """The Qini of the rankings that were judged, on everybody there could be; averaged over them."""
        judged, mean = found._ranked, float(PI @ np.broadcast_to(self.share, len(PI)))
        cells = pl.DataFrame({name: CELLS[:, i] for i, name in enumerate(FEATURES)})
        keyed = cells.rename({name: f"f{i}" for i, name in enumerate(FEATURES)})
        treated, yes = np.repeat([True, True, False, False], len(PI)), np.tile(np.repeat([True, False], len(PI)), 2)
        with_it = BASE + self.effect
        weight = np.r_[
            PI * mean * with_it, PI * mean * (1 - with_it), PI * (1 - mean) * BASE, PI * (1 - mean) * (1 - BASE)
        ]
        of = Outcomes(treated, yes, weight, weight)
        found_ = []
        terms = found.model.design.terms(found.model.design.codes(keyed))  # one design for all
        for model in judged.models:
            score = model.effects(terms)
            found_.append(qini(np.tile(score, 4), of)[0])
        return float(np.mean(found_))

    def correlation(self, found: voters.Persuasion) -> float:
        cells = pl.DataFrame({name: CELLS[:, i] for i, name in enumerate(FEATURES)})
        score = found.predict(cells).collect()["persuasion"].to_numpy()
        rows = np.random.default_rng(0).choice(len(PI), 5000, p=PI)
        return float(spearmanr(score[rows], self.effect[rows])[0])


def _fit(table: pl.DataFrame, **options: object) -> voters.Persuasion:
    options = {"unit": "person", "control": False} | options
    return voters.fit_persuasion(table, "called", "votes", FEATURES, **options)


def _row(world: World, found: voters.Persuasion) -> dict:
    true = world.truth(found)
    row = {
        "qini covered": found.qini.lower <= true <= found.qini.upper,
        "below": true > found.qini.upper,
        "above": true < found.qini.lower,
        "claimed": found.beats_random,
        "false claim": found.beats_random and true <= NOTHING,
        "backfire said": found.backfires.height > 0,
        "backfire sure": found.backfires.filter(pl.col("p_adjusted") < 0.05).height > 0,
        "doubly robust": found.method == "doubly_robust",
        "qini": found.qini.value,
        "true qini": true,
    }
    if np.ptp(world.effect) > 0:
        row["rank correlation"] = world.correlation(found)
    return row


def _world(world: World, key: int, **options: object) -> Callable[[int], dict]:
    def draw(seed: int) -> dict:
        table = world.draw(np.random.default_rng([seed, key]))
        return _row(world, _fit(table, seed=seed, **options))

    return draw


def _clustered(seed: int) -> dict:
    table = PRECINCTS.draw(np.random.default_rng([seed, 6]))
    row = _row(PRECINCTS, _fit(table, seed=seed, cluster="precinct"))
    alone = _fit(table, seed=seed)
    return row | {"ignored: qini covered": alone.qini.lower <= PRECINCTS.truth(alone) <= alone.qini.upper}


def _no_precincts(seed: int) -> dict:
    world = World(NONE, size=20, alike=0.8)
    table = world.draw(np.random.default_rng([seed, 9]))
    row = _row(world, _fit(table, seed=seed, cluster="precinct"))
    return row | {"ignored: claimed": _fit(table, seed=seed).beats_random}


def _plain_transformation(seed: int) -> dict:
    """What class transformation would do where one in five is treated."""
    table = UNEQUAL.draw(np.random.default_rng([seed, 4]))
    row = _row(UNEQUAL, _fit(table, seed=seed))
    other = _fit(table, seed=seed, method="class_transformation")
    return row | {"class transformation: rank correlation": UNEQUAL.correlation(other)}


def _scripts(seed: int) -> dict:
    drawn = sample.draw("scripts", 60_000, seed)
    features = {"basics": ["sex", voters.Bands("age", [35, 65]), "state"]}
    found = voters.fit_persuasion(
        drawn.table, "arm", "supports_after", features, control="control", treatment="health", unit="person",
        interactions=[("sex", "age")], seed=seed,
    )  # fmt: skip
    score = found.predict(drawn.table).collect()["persuasion"]
    planted = drawn.table["group"].replace_strict(GROUPS, EFFECTS["health"], return_dtype=pl.Float64)
    return {"claimed": found.beats_random, "rank correlation": spearmanr(score, planted)[0], "qini": found.qini.value}


UNEQUAL = World(LINEAR, share=0.2)
STRATA = World(LINEAR, n=8000, share=np.array([0.3, 0.5, 0.7])[CELLS[:, 2]])
PRECINCTS = World(LINEAR, size=20, alike=0.8)
WORLDS: dict[str, tuple[Callable[[int], dict], int]] = {
    "no effect": (_world(World(NONE), 1), 3000),
    "the same effect for all": (_world(World(SAME), 2), 3000),
    "no effect, 1,000 people": (_world(World(NONE, n=1000), 3), 2000),
    "logit effects": (_world(World(LOGIT), 5), 2000),
    "unequal arms": (_plain_transformation, 2000),
    "unequal arms, no effect": (_world(World(NONE, share=0.2), 7), 2000),
    "arms by stratum": (_world(STRATA, 8), 2000),
    "arms by stratum, no effect": (_world(World(NONE, n=8000, share=STRATA.share), 12), 2000),
    "precincts assigned": (_clustered, 2000),
    "precincts assigned, no effect": (_no_precincts, 2000),
    "a corner moves, another is put off": (_world(World(CORNER), 10), 2000),
    "a quarter held out": (_world(World(LINEAR), 11, holdout=0.25), 2000),
    "the sample's scripts": (_scripts, 1000),
}
SAYS = {
    "no effect": "6,000 people, half of them called at random; support differs from 15% to 75% by feature, calls do nothing.",
    "the same effect for all": "Calls add 5 points for everybody: who is called first makes no difference.",
    "no effect, 1,000 people": "As the first, with fewer.",
    "logit effects": "Effects are what a logit with arm × sex and arm × age says.",
    "unequal arms": "One in five is called; effects are sums over features, from −1 to +16 points. Beside it, class "
    "transformation on the same people.",
    "unequal arms, no effect": "One in five is called, to no effect.",
    "arms by stratum": "3, 5 and 7 in ten are called by party, and support differs by party.",
    "arms by stratum, no effect": "The same, calls doing nothing: to take those called for those moved is the error.",
    "precincts assigned": "300 precincts of 20 are called whole, lean alike, and are each of one party and area.",
    "precincts assigned, no effect": "The same, calls doing nothing.",
    "a corner moves, another is put off": "16 points for young women, −8 for the oldest in one kind of area, 0 for all "
    "others; the model has no interactions.",
    "a quarter held out": "A quarter judges one ranking, which is the one returned.",
    "the sample's scripts": "60,000 voters of the sample campaign's generator: three arms, two in five unanswered; "
    "planted is the health script's effect by sex and age.",
}  # fmt: skip


def _plain(draw: Callable[[int], dict]) -> Callable[[int], dict]:
    return lambda seed: {name: np.asarray(value).item() for name, value in draw(seed).items()}


WORLDS = {name: (_plain(draw), most) for name, (draw, most) in WORLDS.items()}
MEANS = ("qini", "true qini", "rank correlation", "class transformation: rank correlation")


def report(rows: pl.DataFrame) -> str:
    rows = rows.with_columns((pl.col("claimed") & (pl.col("true qini") <= NOTHING)).alias("false claim"))
    parts = [
        "Intervals are 95%. `qini covered`: the interval holds the Qini that these very rankings have on everybody there "
        "could be; `above` and `below` say on which side it missed. `claimed`: said to beat everyone or no one; `false "
        "claim`: said of rankings that do not. `backfire said`: a tenth's own interval is below 0; `backfire sure`: "
        "after Holm. `rank correlation`: Spearman's, of predicted and planted effects over people.\n"
    ]
    for world in WORLDS:
        part = rows.filter(pl.col("world") == world)
        if part.is_empty():
            continue
        parts.append(
            f"\n## {world}\n\n{SAYS[world]} {part.height:,} repeats.\n\n| quantity | share | ± |\n|---|---|---|"
        )
        for name in part.columns:
            values = part[name].drop_nulls()
            if name in ("world", "seed") or values.is_empty():
                continue
            values = values.cast(pl.Float64)
            mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
            parts.append(f"| {name}{' (mean)' if name in MEANS else ''} | {mean:.3f} | {error:.3f} |")
    return "\n".join(parts) + "\n"
