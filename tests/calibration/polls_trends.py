"""Do trends keep their promises? Drawn electorates, with the usual ways of saying who moved beside ours."""

from __future__ import annotations

import datetime as dt
import time

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from campaignkit import polls, sample
from campaignkit.stats.intervals.multiplicity import adjusted
from tests.calibration.quantities import table, worlds

BY, FIRST, INTERVIEWS, LEVEL = ["sex", "age_band", "race", "region", "education"], 3_000, 29_000, 0.9
EVENT, WEEK = dt.date(2012, 10, 4), dt.timedelta(days=7)
ALIKE = 0.01  # a group that moved by less than this (a share) apart from the rest counts as one that did not
PQ = 0.21  # mean p(1 − p) of cells: from log odds to points
GROUP = ["variable", "level"]


def draw(seed: int, **options) -> sample.Drawn:
    return sample.draw("polls", INTERVIEWS, FIRST + seed, panel=0, **options)


def fit(world: sample.Drawn, **options) -> polls.Trends:
    return polls.trends(
        world["interviews"], "supports", BY, "asked_on", stream="stream", frame=world["frame"], frame_weight="n",
        confidence_level=LEVEL, **options,
    )  # fmt: skip


def weighted_means(rows: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Return each group's mean of some interviews raked to the frame's margins, with its usual error."""
    weight = np.ones(rows.height)
    codes = {name: rows[name].cast(pl.Enum(frame[name].unique().sort())).to_physical().to_numpy() for name in BY}
    wanted = {name: frame.group_by(name).agg(pl.col("n").sum()).sort(name)["n"].to_numpy() for name in BY}
    for _ in range(25):
        for name, code in codes.items():
            weight *= (wanted[name] / np.maximum(np.bincount(code, weight, len(wanted[name])), 1e-9))[code]
    rows = rows.with_columns(w=pl.Series(weight), everyone=pl.lit("everyone"))
    w, y = pl.col("w"), pl.col("supports").cast(pl.Float64)
    mean = (w * y).sum() / w.sum()
    parts = [
        rows.group_by(level=pl.col(name)).agg(mean=mean, error=(w**2 * (y - mean) ** 2).sum().sqrt() / w.sum())
        .with_columns(variable=pl.lit("all" if name == "everyone" else name))
        for name in ["everyone", *BY]
    ]  # fmt: skip
    return pl.concat(parts).select(*GROUP, "mean", "error")


def weeks(world: sample.Drawn) -> pl.DataFrame:
    """Return the last week's weighted mean, and how far it is from the first week's in errors."""
    rows = world["interviews"]
    first, last = rows["asked_on"].min(), rows["asked_on"].max()
    before = weighted_means(rows.filter(pl.col("asked_on") < first + WEEK), world["frame"])
    after = weighted_means(rows.filter(pl.col("asked_on") > last - WEEK), world["frame"])
    both = after.join(before, on=GROUP, suffix="_before")
    z = (pl.col("mean") - pl.col("mean_before")) / (pl.col("error") ** 2 + pl.col("error_before") ** 2).sqrt()
    return both.select(*GROUP, week="mean", week_error="error", week_z=z)


def levels(now: polls.Trends, world: sample.Drawn) -> dict:
    """Levels and changes beside the truth, and a week's weighted mean."""
    ends = (
        world["groups"]
        .sort("asked_on")
        .group_by(GROUP)
        .agg(old=pl.col("supports").first(), new=pl.col("supports").last())
    )
    both = now.table.join(ends, on=GROUP).join(weeks(world), on=GROUP)
    change, half = both["new"] - both["old"], float(ndtri(0.5 + LEVEL / 2)) * both["week_error"]
    rmse = lambda errors: float((errors**2).mean()) ** 0.5  # noqa: E731
    ours, week = rmse(both["estimate"] - both["new"]), rmse(both["week"] - both["new"])
    return {
        "level covers": ((both["lower"] <= both["new"]) & (both["new"] <= both["upper"])).mean(),
        "level covers, week's mean": ((both["week"] - both["new"]).abs() <= half).mean(),
        "change covers": ((both["change_lower"] <= change) & (change <= both["change_upper"])).mean(),
        "level RMSE": ours, "level RMSE, week's mean": week, "RMSE over the week's mean's": ours / week,
    }  # fmt: skip


def claims(now: polls.Trends, world: sample.Drawn) -> dict:
    """What is claimed to have moved apart from the rest, by ours and by usual ways."""
    both = now.table.join(world.truth["moved"], on=GROUP, suffix="_true").join(weeks(world), on=GROUP)
    alike, planted = both["relative_true"].abs() < ALIKE, both["points"] != 0
    spread = (both["change_upper"] - both["change_lower"]) / (2 * ndtri(0.5 + LEVEL / 2))
    own = 2 * ndtr(-((both["change"] - now.table["change"][0]) / spread).abs().to_numpy())
    ways = {
        "bh": adjusted(both["p_value"], "bh") <= 0.05, "holm": adjusted(both["p_value"], "holm") <= 0.05,
        "posterior's z": adjusted(own, "bh") <= 0.05, "first and last week's z": both["week_z"].abs().to_numpy() > 1.96,
    }  # fmt: skip
    found = {}
    for name, claimed in ((name, pl.Series(way)) for name, way in ways.items()):
        found[f"false claim, {name}"] = bool((claimed & alike).any())
        if planted.any():
            found[f"FDR, {name}"] = float((claimed & alike).sum() / max(claimed.sum(), 1))
            found[f"power, {name}"] = float(claimed.filter(planted).mean())
    if planted.any():
        z = (both["relative_true"].abs() / PQ / both["relative_std_error"]).filter(planted).to_numpy()
        found["movers' z, were they estimated without error"] = float(z.mean())
        found["power that this z allows, Bonferroni"] = float(ndtr(z + ndtri(0.025 / both.height)).mean())
    seen = both.filter(pl.Series(ways["bh"]) & planted)
    if seen.height:
        apart = (seen["change"] - now.table["change"][0]) / seen["relative_true"]
        found["claimed, by the test over true"] = float((seen["relative"] * PQ / seen["relative_true"]).mean())
        found["claimed, shrunk over true"] = float(apart.mean())
    return found


def nobody(seed: int) -> dict:
    """Everyone walks together by .02 a day on the logit scale, no group apart."""
    world = draw(seed, event=None, walk=0.02)
    begun = time.process_time()
    now = fit(world)
    spent = time.process_time() - begun
    return {"CPU seconds": spent, **levels(now, world), **claims(now, world)}


def three(seed: int) -> dict:
    """Three groups of twenty drift by 4 points in 30 days."""
    world = draw(seed, event=None, movers=3)
    now = fit(world)
    return {**levels(now, world), **claims(now, world)}


def dated(seed: int) -> dict:
    """Three groups of twenty step by 4 points at a known date."""
    world = draw(seed, movers=3, at_once=True)
    return claims(fit(world, event=EVENT), world)


def jump(seed: int) -> dict:
    """Everyone jumps by 4 points on one day, alike on the logit scale: days just after, and who is said to have moved."""
    world, row = draw(seed, swing=-0.04, going_home=False), {}
    for name, event in (("not declared", None), ("declared", EVENT)):
        now = fit(world, event=event)
        after = now.path.join(world["groups"].rename({"asked_on": "date"}), on=[*GROUP, "date"])
        after = after.filter(pl.col("date").is_between(EVENT, EVENT + dt.timedelta(days=2)))
        inside = (after["lower"] <= after["supports"]) & (after["supports"] <= after["upper"])
        row[f"days after cover, {name}"] = inside.mean()
        row[f"everyone's days after cover, {name}"] = inside.filter(after["variable"] == "all").mean()
        row[f"any claim, {name}"] = bool(now.table["moved"].fill_null(False).any())
    return row


DRAWS = {
    "nobody moves": nobody, "three groups drift": three, "three groups step": dated, "a jump of everyone": jump,
}  # fmt: skip
WORLDS = worlds(DRAWS, 400)
ABOUT = (
    "29,000 interviews of four streams in 30 days; 720 cells, 20 groups; 90% intervals; what is claimed at adjusted "
    "p ≤ .05. A claim is false where the group moved by less than a point apart from the rest. Beside ours: the last "
    "week's interviews raked to the same margins, with their usual error; and the difference of first and last week so "
    "weighted, group by group. Party and past vote move answers within cells, which the model does not see."
)


def report(rows: pl.DataFrame) -> str:
    return table(rows, DRAWS, f"\n{ABOUT}")
