"""A small television market with its truth, drawn once."""

from functools import lru_cache

import numpy as np
import polars as pl

from campaignkit import outreach, sample

BY = ["network", "half_hour"]
CELL = ["market", *BY]


@lru_cache
def drawn():
    return sample.draw("tv_market", 1_500, seed=4, markets=2, networks=12)


def audiences(**changed):
    given = {
        "viewing": drawn()["viewing"], "target": "target", "by": BY, "unit": "person", "weight": "weight",
        "market": "market", "exposures": "days", "days": 14, "panel": drawn()["panel"],
    }  # fmt: skip
    return outreach.audiences(**{**given, **changed})


@lru_cache
def rated():
    return audiences()


def plan(budget=4_000.0, found=None, avails=None, **more):
    return outreach.buy_plan(found or rated(), drawn()["avails"] if avails is None else avails, budget, **more)


def truth(found=None):
    """Return the true audience of the target in each cell of the panel."""
    cells = (found or rated()).cells
    return cells.join(drawn().truth["cells"], on=CELL, how="left", maintain_order="left")["targets"].to_numpy()


def nothing_to_find(seed=0, cells=400, persons=1200):
    """Draw a market in which every cell reaches the target alike: whatever a plan sees in one is chance."""
    rng = np.random.default_rng(seed)
    target = rng.random(persons) < 0.2
    watched = rng.binomial(14, 0.01, (persons, cells))
    person, cell = np.nonzero(watched)
    viewing = pl.DataFrame({"person": person, "network": cell // 20, "hour": cell % 20, "days": watched[person, cell]})
    panel = pl.DataFrame({"person": np.arange(persons), "target": target})
    found = outreach.audiences(
        viewing, "target", ["network", "hour"], unit="person", exposures="days", days=14, panel=panel
    )
    avails = pl.DataFrame({"network": np.arange(cells) // 20, "hour": np.arange(cells) % 20, "cost": 1.0, "spots": 5})
    return found, avails, 0.01 * float(target.sum())
