"""Does the morning page name what happened overnight? Drawn nights with planted causes, and nights without."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
from scipy.optimize import brentq
from scipy.special import expit, logit

from campaignkit import briefing, sample
from campaignkit.briefing.changes_result import CAUSES
from tests.calibration.quantities import table, worlds

BY, FIRST, NIGHTS, A_NIGHT = ["sex", "age_band", "race", "region", "education"], 295_000, 15, 3_000
MOVE = 0.08


def draw(seed: int) -> tuple[pl.DataFrame, np.random.Generator, dict[str, pl.Series]]:
    """Return the interviews, a generator for what is planted, and which are of the latest night."""
    world = sample.draw("polls", NIGHTS * A_NIGHT, FIRST + seed, panel=0, days=NIGHTS, event=None)
    rows = world["interviews"]
    return rows, np.random.default_rng([FIRST, seed]), rows["asked_on"] == rows["asked_on"].max()


def judged(rows: pl.DataFrame, right: tuple[str, str] | None) -> dict:
    """Say whether the cause that is named is the planted one."""
    begun = time.process_time()
    found = briefing.changes(rows, "supports", BY, "asked_on", stream="stream")
    spent = time.process_time() - begun
    named = found.cause in ("export", "mix", "move")
    correct = right is not None and (found.cause, *found.named) == right
    return {
        "named": named, "right": correct, "wrong": named and not correct, "cannot tell": not named, "right or cannot tell": correct or not named,
        "unclear": found.cause == "unclear", "detectable": found.detectable, "CPU seconds": spent,
        **{f"said {cause}": found.cause == cause for cause in CAUSES},
    }  # fmt: skip


def nothing(seed: int) -> dict:
    """Nothing happened: streams' volumes and mixes drift as always, everyone walks by .01 a day."""
    return judged(draw(seed)[0], None)


def stream_of(rows: pl.DataFrame, rng: np.random.Generator) -> str:
    return str(rng.choice(rows["stream"].unique().sort().to_list()))


def mix(seed: int) -> dict:
    """One stream reaches other people on the latest night: those of one age or region 2.5 times as often, as many in all."""
    rows, rng, latest = draw(seed)
    name, by = stream_of(rows, rng), str(rng.choice(["age_band", "region"]))
    own = rows.filter(latest & (rows["stream"] == name))
    level = rng.choice(own[by].unique().sort().to_list())
    weight = np.where(own[by].to_numpy() == level, 2.5, 1.0)
    drawn = rng.choice(own.height, own.height, p=weight / weight.sum())
    return judged(pl.concat([rows.filter(~(latest & (rows["stream"] == name))), own[drawn]]), ("mix", name))


def move(seed: int) -> dict:
    """A group with a quarter of the voters or more moves by eight points overnight, up or down, in all streams, alike on the logit scale."""
    rows, rng, latest = draw(seed)
    groups = [(by, level) for by in BY for level, share in (
        rows.group_by(by).agg(share=pl.len() / rows.height).sort(by).iter_rows()) if share >= 0.25]  # fmt: skip
    by, level = groups[int(rng.integers(len(groups)))]
    up = bool(rng.random() < 0.5)
    inside = (latest & (rows[by] == level)).to_numpy()
    kind = rows.filter(~latest).group_by("race", "education").agg(p=pl.col("supports").mean().clip(0.02, 0.98))
    p = rows.join(kind, on=["race", "education"], how="left", maintain_order="left")["p"].fill_null(0.5).to_numpy()
    shift = brentq(lambda d: (expit(logit(p[inside]) + d) - p[inside]).mean() - (MOVE if up else -MOVE), -3, 3)
    then, supports = expit(logit(p) + shift), rows["supports"].to_numpy().copy()
    chance = (then - p) / (1 - p) if up else (p - then) / p
    supports[inside & (supports != up) & (rng.random(len(supports)) < chance)] = up
    return judged(rows.with_columns(supports=pl.Series(supports)), ("move", f"{by} {level}"))


def export(seed: int) -> dict:
    """One stream's export is bad on the latest night: cut to 5 to 25%, yes and no swapped, or half of the answers missing."""
    rows, rng, latest = draw(seed)
    name, kind = stream_of(rows, rng), int(rng.integers(3))
    own = latest & (rows["stream"] == name)
    lucky = pl.Series(rng.random(rows.height))
    if kind == 0:
        rows = rows.filter(~own | (pl.int_range(pl.len()).rank().over(own) <= rng.uniform(0.05, 0.25) * own.sum()))
    elif kind == 1:
        rows = rows.with_columns(supports=pl.when(own).then(~pl.col("supports")).otherwise("supports"))
    else:
        rows = rows.with_columns(supports=pl.when(own & (lucky < 0.5)).then(None).otherwise("supports"))
    return judged(rows, ("export", name)) | {("cut", "swapped", "missing")[kind]: None}


DRAWS = {"nothing happened": nothing, "a stream's mix shifts": mix, "a real move": move, "a bad export": export}
WORLDS = {
    name: (draw_one, 200 if name == "nothing happened" else 100) for name, (draw_one, _) in worlds(DRAWS, 1).items()
}
ABOUT = "3,000 interviews a night of four streams, 14 nights before; 20 groups. 'right' names the cause and the very stream or group."


def report(rows: pl.DataFrame) -> str:
    return table(rows, DRAWS, ABOUT)
