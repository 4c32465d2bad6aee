"""A drawn electorate of 12,000 cells and interviews of it, as MRP's model has it or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

SIZES = {"state": 50, "race": 4, "age": 4, "education": 5, "sex": 3}  # 12,000 cells
SD = {"state": 0.25, "race": 0.6, "age": 0.2, "education": 0.25, "sex": 0.15}
REGIONS = 5


@dataclass(frozen=True)
class World:
    """What was drawn.

    Attributes
    ----------
    frame : polars.DataFrame
        One row per cell: attributes, ``people``, and ``chance``, the true share that is ours.
    responses : polars.DataFrame
        One row per interview: attributes, ``ours``, ``precinct``.
    features : polars.DataFrame
        One row per state: ``share_before``, ``region``.
    """

    frame: pl.DataFrame
    responses: pl.DataFrame
    features: pl.DataFrame

    def truth(self, attribute: str) -> pl.DataFrame:
        """Return each level's true share."""
        share = (pl.col("chance") * pl.col("people")).sum() / pl.col("people").sum()
        return self.frame.group_by(attribute).agg(truth=share).rename({attribute: "level"})


def draw(seed: int, n: int = 5_000, pairs_sd: float = 0.0, clusters: int = 0, cluster_sd: float = 0.6) -> World:
    """Draw a world.

    Parameters
    ----------
    seed, n : int
        n: interviews.
    pairs_sd : float
        Standard deviation, in logits, of state × race and region × education, which the model leaves out.
    clusters : int
        Interviews a cluster; 0: they are independent.
    cluster_sd : float
        Of the clusters' logits.
    """
    rng = np.random.default_rng([seed, 12])
    codes = np.stack(np.meshgrid(*(np.arange(k) for k in SIZES.values()), indexing="ij"), axis=-1).reshape(
        -1, len(SIZES)
    )
    region = rng.integers(0, REGIONS, SIZES["state"])
    before = rng.normal(0, 0.35, SIZES["state"])
    effects = {name: rng.normal(0, SD[name], k) for name, k in SIZES.items()}
    effects["state"] = effects["state"] + 0.5 * before
    eta = -0.1 + sum(effects[name][codes[:, at]] for at, name in enumerate(SIZES))
    if pairs_sd:
        eta = eta + rng.normal(0, pairs_sd, (SIZES["state"], SIZES["race"]))[codes[:, 0], codes[:, 1]]
        eta = eta + rng.normal(0, pairs_sd, (REGIONS, SIZES["education"]))[region[codes[:, 0]], codes[:, 3]]
    people = _people(rng, codes)
    asked, cluster = _asked(rng, people * rng.lognormal(0, 0.3, 5)[codes[:, 3]], codes[:, 0], n, clusters)
    own = rng.normal(0, cluster_sd, cluster.max() + 1)[cluster] if clusters else 0.0
    ours = rng.random(n) < 1 / (1 + np.exp(-(eta[asked] + own)))
    chance = _mean_chance(eta, cluster_sd if clusters else 0.0)
    frame = pl.DataFrame({name: codes[:, at] for at, name in enumerate(SIZES)}).with_columns(
        people=people, chance=chance
    )
    responses = frame[asked].drop("people", "chance").with_columns(ours=pl.Series(ours), precinct=pl.Series(cluster))
    features = pl.DataFrame(
        {"state": np.arange(SIZES["state"]), "share_before": before, "region": [f"r{r}" for r in region]}
    )
    return World(frame, responses, features)


def _people(rng: np.random.Generator, codes: np.ndarray) -> np.ndarray:
    """Voters by cell: states of unlike sizes, composed unlike."""
    size = rng.lognormal(0, 0.9, SIZES["state"])[codes[:, 0]]
    for at, name in enumerate(SIZES):
        if at:
            mix = rng.dirichlet(np.full(SIZES[name], 6.0)) * np.exp(rng.normal(0, 0.3, (SIZES["state"], SIZES[name])))
            size = size * mix[codes[:, 0], codes[:, at]]
    return np.maximum(np.round(size / size.sum() * 1e8), 1.0)


def _asked(rng, chance: np.ndarray, state: np.ndarray, n: int, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Which cell each interview is of, and its cluster: interviews of a cluster are of one state."""
    asked = rng.choice(len(chance), n, p=chance / chance.sum())
    if not clusters:
        return asked, np.arange(n)
    order = np.argsort(state[asked], kind="stable")
    asked = asked[order]
    within = np.arange(n) - np.searchsorted(state[asked], state[asked])
    label = state[asked] * n + within // clusters
    return asked, np.unique(label, return_inverse=True)[1]


def _mean_chance(eta: np.ndarray, sd: float) -> np.ndarray:
    """The mean chance over clusters: Gauss–Hermite."""
    if not sd:
        return 1 / (1 + np.exp(-eta))
    x, w = np.polynomial.hermite_e.hermegauss(15)
    return (w / w.sum()) @ (1 / (1 + np.exp(-(eta[None] + sd * x[:, None]))))
