"""Small worlds of friends who are asked about."""

from functools import lru_cache

import numpy as np
import polars as pl

from campaignkit import outreach, sample


@lru_cache
def drawn(seed=3, **options):
    return sample.draw("sharing", 1_000, seed=seed, **options)


def effect(world, **more):
    return outreach.sharing_effect(world["asks"], world["friends"], "voted", **more)


@lru_cache
def moved_by_sharer(seed=0, sharers=200, each=10):
    """Draw friends who do as their sharer's other friends do, and sharers whose asks were held out by a coin."""
    rng = np.random.default_rng(seed)
    sharer = np.repeat(np.arange(sharers), each)
    friend = 10_000 + np.arange(len(sharer))
    held = (rng.random(sharers) < 0.5)[sharer]
    voted = rng.random(len(sharer)) < rng.beta(0.5, 0.5, sharers)[sharer]
    asks = pl.DataFrame({"sharer": sharer, "friend": friend, "held_out": held})
    return {"asks": asks, "friends": pl.DataFrame({"friend": friend, "voted": voted})}
