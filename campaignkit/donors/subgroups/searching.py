"""Every conjunction searched, and those chosen that are an effect of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaignkit.donors.subgroups import evidence
from campaignkit.donors.subgroups.distinct import Effects, Variant
from campaignkit.donors.subgroups.split_sample import Counts, SplitSample
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.intervals.multiplicity import benjamini_hochberg, holm


@dataclass(frozen=True)
class Search:
    """What was searched: each conjunction's conditions, counts and evidence; arrays with one entry per conjunction."""

    items: NDArray[np.int32]
    counts: Counts
    p_value: Floats
    p_adjusted: Floats
    gains: evidence.Gains
    gain_adjusted: Floats


def search_all(sample: SplitSample, max_depth: int, min_size: int, *, dollars: bool) -> Search:
    """Search every conjunction of enough people, and weigh the evidence on each."""
    items, counts = sample.search(max_depth, min_size, dollars=dollars)
    p_value = evidence.p_values(counts)
    gains = evidence.gains(items, counts, p_value)
    adjusted = benjamini_hochberg(p_value)
    return Search(items, counts, p_value, adjusted, gains, holm(gains.p_value))


def choose(
    sample: SplitSample, search: Search, rank: str, top: int, q: float, distinct: bool, confidence_level: float
) -> tuple[Whole, list[Variant]]:
    """Return the conjunctions to show, the best first, and those that are variants of another."""
    score = evidence.ranks(search.counts, rank, confidence_level)
    if not distinct:
        return np.argsort(-score, kind="stable")[:top], []
    passed = np.flatnonzero((search.p_adjusted <= q) & (search.gain_adjusted <= q))
    z = evidence.z_scores(search.counts)[passed]
    order = passed[np.argsort(-z, kind="stable")].tolist()
    kept, variants = Effects(sample, search.items, search.counts, q / max(len(order), 1)).choose(order)
    best = np.array(sorted(kept, key=lambda row: -score[row])[:top], np.int64)
    return best, variants
