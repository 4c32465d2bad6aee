"""Do MRP's intervals cover where its model is right, where it leaves pairs out, and where interviews come in clusters?"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from campaignkit.polls import mrp
from tests.polls.worlds import World, draw

BY = ["race", "age", "education", "sex"]
LEVEL = 0.9


def states(world: World, seed: int, **options: Any) -> dict[str, float]:
    """Return coverage and errors of the states' estimates beside direct ones."""
    found = mrp(
        world.responses, "ours", BY, world.frame.drop("chance"), area="state", frame_weight="people",
        estimate_by="state", confidence_level=LEVEL, seed=seed, **options,
    )  # fmt: skip
    truth = world.truth("state").with_columns(pl.col("level").cast(pl.String))
    table = found.table.filter(attribute="state").join(truth, on="level")
    error = table["estimate"] - table["truth"]
    asked = table.filter(pl.col("n") > 0)
    large = asked.filter(pl.col("n") >= 200)
    direct = asked["direct_share"] - asked["truth"]
    return {
        "cover": float(table["truth"].is_between(table["lower"], table["upper"]).mean()),  # ty: ignore
        "rmse, points": 100 * _rms(error),
        "width, points": 100 * float((table["upper"] - table["lower"]).mean()),  # ty: ignore
        "rmse over direct": _rms(asked["estimate"] - asked["truth"]) / _rms(direct),
        "rmse over direct, n ≥ 200": _rms(large["estimate"] - large["truth"]) / _rms(large["direct_share"] - large["truth"]),
        "design effect": found.design_effect,
        "effective points": found.effective_points,
    }  # fmt: skip


def _rms(values: pl.Series) -> float:
    return float(np.sqrt((values**2).mean()))  # ty: ignore


def right(seed: int) -> dict[str, float]:
    return states(draw(seed), seed)


def pairs_left_out(seed: int) -> dict[str, float]:
    return states(draw(seed, pairs_sd=0.25), seed)


def clusters(seed: int) -> dict[str, float]:
    world = draw(seed, clusters=20)
    known, ignored = states(world, seed, cluster="precinct"), states(world, seed)
    return {**known, **{f"{name}, ignored": ignored[name] for name in ("cover", "rmse, points")}}


def features(seed: int) -> dict[str, float]:
    """States' features given: the cell model with them, and with areas drawn toward them."""
    world = draw(seed)
    drawn = states(world, seed, area_features=world.features)
    alone = states(world, seed, area_features=world.features, shrink_areas=False)
    return {**drawn, **{f"{name}, cell model": alone[name] for name in ("cover", "rmse, points")}}


WORLDS = {
    "mrp, model right": (right, 1000),
    "mrp, pairs left out": (pairs_left_out, 1000),
    "mrp, clusters of 20": (clusters, 1000),
    "mrp, area features": (features, 300),
}
SAYS = {
    "mrp, model right": "5,000 interviews of a frame of 12,000 cells in 50 states, drawn as the model has it.",
    "mrp, pairs left out": "State × race and region × education add logits with a standard deviation of .25 each, which the "
    "model does not know.",
    "mrp, clusters of 20": "Interviews come in clusters of 20 whose logits differ by a standard deviation of .6; `cluster=` "
    "given, and ignored.",
    "mrp, area features": "An earlier share and the region of each state are known; areas drawn toward them (the default), and "
    "the cell model with them alone.",
}  # fmt: skip


def report(rows: pl.DataFrame) -> str:
    """Return each world's means as Markdown; intervals are of 90%."""
    parts = []
    for world, says in SAYS.items():
        part = rows.filter(pl.col("world") == world)
        if part.is_empty():
            continue
        parts.append(f"\n## {world}\n\n{says} {part.height:,} repeats, 90% intervals of the states.\n")
        parts.append("| quantity | mean | ± |\n|---|---|---|")
        for name in part.columns:
            values = part[name].drop_nulls()
            if name not in ("world", "seed") and len(values):
                error = float(values.std() or 0.0) / len(values) ** 0.5  # ty: ignore
                parts.append(f"| {name} | {values.mean():.3f} | {error:.3f} |")
    return "\n".join(parts) + "\n"
