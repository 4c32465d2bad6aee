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


@lru_cache
def nothing_to_find(seed=0, cells=400, persons=1200):
    """Draw a market in which every dollar reaches the target alike: whatever a plan sees in a cell is chance.

    Returns audiences, avails, and how many of the target a dollar shows a spot.
    """
    rng = np.random.default_rng(seed)
    target = rng.random(persons) < 0.2
    rate = 0.01 * rng.lognormal(0, 0.6, cells)
    watched = rng.binomial(14, rate, (persons, cells))
    person, cell = np.nonzero(watched)
    viewing = pl.DataFrame({"person": person, "network": cell // 20, "hour": cell % 20, "days": watched[person, cell]})
    panel = pl.DataFrame({"person": np.arange(persons), "target": target})
    found = outreach.audiences(
        viewing, "target", ["network", "hour"], unit="person", exposures="days", days=14, panel=panel
    )
    avails = pl.DataFrame({"network": np.arange(cells) // 20, "hour": np.arange(cells) % 20, "spots": 5})
    return found, avails.with_columns(cost=pl.Series(100 * rate)), float(target.sum()) / 100
