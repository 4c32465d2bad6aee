"""What to know before an experiment's interval is believed: few clusters, a few large gifts, a tiny arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from campaignkit.errors import listed
from campaignkit.experiments.moments.comparing import Arms, levels
from campaignkit.experiments.moments.groups import Outcome
from campaignkit.labels import heading
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.clustered import FEW_CLUSTERS
from campaignkit.stats.intervals.skewness import TOO_SKEWED, lognormal_skewness

SMALL_ARM = 30  # units, below which a mean of unknown skew may be far from normal


def warnings_of(analyzed: Iterable[tuple[Outcome, Arms]], cluster: str | None) -> dict[str, str]:
    """Return warnings by name: ``few_clusters``, ``skewed_gifts``, ``small_arm``; empty where there are none."""
    found: dict[str, str] = {}
    for outcome, arms in analyzed:
        if cluster is not None and "few_clusters" not in found:
            found |= few_clusters(arms.names, effective_clusters(arms), cluster)
        found |= _skewed(outcome, arms)
        found |= _small(outcome, arms)
    return found


def effective_clusters(arms: Arms) -> Floats:
    """Return how many clusters of one size each arm's would be worth, all strata together."""
    df = levels(arms).df
    return np.where(np.isfinite(df), df + 1, arms.moments.n.sum(axis=1))


def few_clusters(names: list[Any], effective: Floats, cluster: str) -> dict[str, str]:
    """Return the warning that some arm rests on few clusters, or on a few that hold most of its people."""
    least = int(np.argmin(effective))
    if effective[least] >= FEW_CLUSTERS:
        return {}
    return {
        "few_clusters": (
            f"Few or unequal clusters: those of {names[least]} ({cluster}) tell us as much as {effective[least]:.0f} "
            "equal ones. The intervals allow for it and are wide."
        )
    }


def _skewed(outcome: Outcome, arms: Arms) -> Mapping[str, str]:
    if arms.kind != "money":
        return {}
    givers = (arms.moments.n * arms.moments.mean[..., 3]).sum(axis=1)
    logs = np.array([outcome.log_variance.get(name, 0.0) for name in arms.names])
    skewed = lognormal_skewness(logs, np.maximum(givers, 1)) > TOO_SKEWED
    if not skewed.any():
        return {}
    which = listed([str(name) for name, bad in zip(arms.names, skewed, strict=True) if bad])
    text = (
        f"{heading(outcome.name)}: a few large gifts decide the result in {which}; there, 95% intervals of dollars "
        "hold about 90% of the time."
    )
    return {"skewed_gifts": text}


def _small(outcome: Outcome, arms: Arms) -> Mapping[str, str]:
    units = arms.moments.n.sum(axis=1)
    least = int(np.argmin(units))
    if arms.kind != "mean" or arms.moments.left is not None or units[least] >= SMALL_ARM:
        return {}
    text = (
        f"{outcome.name}: {arms.names[least]} has only {int(units[least])}; if {outcome.name} is skewed, its intervals "
        "are too narrow."
    )
    return {"small_arm": text}
