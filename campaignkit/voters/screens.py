"""Who is counted as the electorate: likely-voter screens beside weighting everybody by their chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts, wording
from campaignkit.errors import NotEnoughData
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats
from campaignkit.voters.model.design import Design
from campaignkit.voters.model.weighted_cells import WeightedCells
from campaignkit.voters.score_result import Score

if TYPE_CHECKING:
    import altair as alt

WEIGHTED = "everybody, weighted by their chance"


@dataclass(frozen=True, eq=False, repr=False)
class Screens(Result):
    """How well each way of counting the electorate foretold the one that came.

    `table` has one row per way: `screen`, `electorate` (people, or the sum of chances), `size_ratio` (that over those
    who voted), `caught_share` (of those who voted, counted with their weight), `voted_rate` (of the people counted),
    `misplaced_share` (of the electorate that would have to change its group for the shares of `by` to be right),
    `largest_gap` (the group furthest off) and `gap` (its share as counted less its share of those who voted).

    Attributes
    ----------
    by : str
        The groups.
    """

    by: str

    def summary(self) -> str:
        """Say how far off the best-known screen and the weights are."""
        best = self.table.sort("misplaced_share").row(0, named=True)
        weights = self.table.filter(pl.col("screen") == WEIGHTED).row(0, named=True)
        others = self.table.filter(pl.col("screen") != WEIGHTED).sort("misplaced_share", descending=True)
        worst = others.row(0, named=True)
        gap = f"{worst['largest_gap']} {wording.change(worst['gap'], 'rate')}"
        return (
            f"Weighting everyone by their chance of voting misplaces {wording.share(weights['misplaced_share'])} of "
            f"the electorate by {self.by}. The worst screen, {worst['screen']!r}, misplaces "
            f"{wording.share(worst['misplaced_share'])} ({gap}). The best way is {best['screen']!r}, at "
            f"{wording.share(best['misplaced_share'])}. This is one election's electorate, of people still on the "
            "rolls."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the share misplaced by each."""
        return charts.bars(
            self.table,
            "screen",
            "misplaced_share",
            description=self.summary(),
            title=f"Electorate misplaced, by {self.by}",
        )


def screens(tested: Score, by: str) -> Screens:
    """Compare screens with weights, by a score judged at an election; see `Turnout.screens`."""
    held, _ = tested._cells(by=by)
    p = tested.model.probabilities(held.codes)
    ways = _ways(tested.model.design, held, p)
    groups = held.segment.fill_null("(missing)") if held.segment is not None else pl.Series(["all"] * len(p))
    labels = groups.unique().sort()
    at = groups.replace_strict(labels, np.arange(len(labels)), return_dtype=pl.Int64).to_numpy()
    if not held.k.sum():
        raise NotEnoughData("Nobody voted; there is no electorate to compare with.")
    return Screens(pl.DataFrame([_row(name, w, held, at, labels.to_list()) for name, w in ways.items()]), by)


def _ways(design: Design, held: WeightedCells, p: Floats) -> dict[str, Floats]:
    """Return the weight of each cell's people in each way of counting."""
    names = [levels.feature.name for levels in design.levels]
    voted = [
        np.array([label == "voted" for label in design.levels[i].labels])[held.codes[i]]
        for i, name in enumerate(names)
        if name.startswith("general_")
    ]
    order = np.argsort(-p, kind="stable")
    below = np.cumsum(held.n[order]) - held.n[order] / 2 <= (held.n * p).sum()
    likeliest = np.zeros(len(p))
    likeliest[order] = below
    ways: dict[str, Floats] = {"all on the rolls": np.ones(len(p)), "voted in the last general": voted[0].astype(float)}
    if len(voted) > 1:
        ways["voted in each of the last two"] = (voted[0] & voted[1]).astype(float)
    ways["chance of 50% or more"] = (p >= 0.5).astype(float)
    ways["likeliest, as many as are expected"] = likeliest
    ways[WEIGHTED] = p
    return ways


def _row(name: str, weight: Floats, held: WeightedCells, at: Any, labels: list[str]) -> dict[str, Any]:
    counted, voters = weight * held.n, held.k.sum()
    total = counted.sum() or 1.0
    shares = np.bincount(at, counted, len(labels)) / total - np.bincount(at, held.k, len(labels)) / voters
    worst = int(np.argmax(np.abs(shares)))
    return {
        "screen": name, "electorate": float(counted.sum()), "size_ratio": float(counted.sum() / voters),
        "caught_share": float(weight @ held.k / voters), "voted_rate": float(weight @ held.k / total),
        "misplaced_share": float(np.abs(shares).sum() / 2), "largest_gap": labels[worst], "gap": float(shares[worst]),
    }  # fmt: skip
