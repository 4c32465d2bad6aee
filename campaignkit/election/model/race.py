"""The race: units with electoral votes, and the joint distribution of their logits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import logit

from campaignkit.election.data import DISTRICT_STATES, electoral_votes
from campaignkit.election.data import districts as shipped_districts
from campaignkit.election.model.fitting import Fit
from campaignkit.election.model.states import Results, read_results, state_codes
from campaignkit.errors import BadValue
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.prediction.gaussian_mixture import GaussianMixture
from campaignkit.stats.prediction.truncated_draws import truncated_draws
from campaignkit.tables import open_columns

NEEDED = 270
AT_LARGE = 2  # electoral votes that go to the statewide winner where districts have their own
DISTRICT_SD = 0.08  # of a district's swing beyond its state's, on the logit scale


@dataclass(frozen=True)
class Race:
    """Units (states, and districts with an electoral vote of their own) and the distribution of their logits.

    Attributes
    ----------
    units : list of str
    states : list of str
        The state of each unit.
    votes : array of int
        Each unit's electoral votes.
    mixture : GaussianMixture
        Of the units' logits.
    national : array
        How the national logit moves with each unit's; 0 for districts.
    national_offset : float
        What is added to it.
    """

    units: list[str]
    states: list[str]
    votes: Whole
    mixture: GaussianMixture
    national: Floats
    national_offset: float

    def unit(self, name: str) -> int:
        """Return a unit's position.

        Raises
        ------
        BadValue
            No unit has that name.
        """
        code = state_codes(pl.Series([name]), "the condition").item()
        if code not in self.units:
            raise BadValue(
                f"{name!r} has no electoral votes of its own here; simulate(districts=True) counts districts."
            )
        return self.units.index(code)

    def batches(
        self, n: int, seed: int, bounds: Mapping[int, tuple[float, float]] | None = None
    ) -> Iterator[tuple[Floats, Floats | None]]:
        """Yield draws of the units' logits, with their weights where there are bounds."""
        if bounds:
            yield from truncated_draws(self.mixture, bounds, n, seed)
        else:
            yield from ((drawn, None) for drawn in self.mixture.draws(n, seed))

    def shifted(self, by: Floats) -> Race:
        """Return the race with each unit's mean logit shifted."""
        moved = GaussianMixture(self.mixture.weight, self.mixture.mean + by, self.mixture.covariance)
        return Race(self.units, self.states, self.votes, moved, self.national, self.national_offset)


def race_of(fit: Fit, year: int, results: Any, districts: Any = None) -> Race:
    """Return the race of an election.

    Parameters
    ----------
    fit : Fit
        The posterior of the states.
    year : int
        Of the election.
    results : table
        As for `forecast`.
    districts : table, True or None
        Columns `district`, `state`, `year`, `dem`, `rep`: past votes of the districts that choose an elector of their
        own. True: the table that ships. None: every state gives all its votes to its winner.
    """
    votes = electoral_votes(year)
    names, prior = votes["state"].to_list(), fit.election.prior
    counts = votes["electoral_votes"].to_numpy().astype(np.int64)
    if districts is None or districts is False:
        return Race(names, names, counts, fit.posterior.mixture, prior.national, prior.national_offset)
    table = _districts(shipped_districts() if districts is True else districts)
    leans = _leans(table, read_results(results))
    within = [names.index(state) for state in table["state"]]
    rows = np.vstack([np.eye(len(names)), np.eye(len(names))[within]])
    mixture = fit.posterior.mixture.linear(rows, np.concatenate([np.zeros(len(names)), leans]))
    own = np.diag(np.concatenate([np.full(len(names), 0.0), np.full(len(leans), DISTRICT_SD**2)]))
    mixture = GaussianMixture(mixture.weight, mixture.mean, mixture.covariance + own)
    for state in table["state"].unique():
        if (expected := counts[names.index(state)] - AT_LARGE) != table.filter(pl.col("state") == state).height:
            raise BadValue(f"districts: {state} has {expected} districts in {year}; one row for each was expected.")
        counts[names.index(state)] = AT_LARGE
    return Race(
        [*names, *table["district"]], [*names, *table["state"]], np.concatenate([counts, np.ones(len(leans),
        np.int64)]),
        mixture, np.concatenate([prior.national, np.zeros(len(leans))]), prior.national_offset,
    )  # fmt: skip


def _districts(data: Any) -> pl.DataFrame:
    names = ["district", "state", "year", "dem", "rep"]
    table = open_columns(data, names, "districts").collect(names).sort("district")
    table = table.with_columns(state_codes(table["state"], "districts").alias("state"))
    if others := set(table["state"]) - set(DISTRICT_STATES):
        raise BadValue(
            f"districts: {', '.join(sorted(others))} gives all its votes to its winner; only ME and NE do not."
        )
    return table


def _leans(table: pl.DataFrame, results: Results) -> Floats:
    """Return how far each district lay from its state when both voted, in logits."""
    states = electoral_votes(2012)["state"].to_list()
    leans = []
    for state, year, dem, rep in table.select("state", "year", "dem", "rep").iter_rows():
        if year not in results.share:
            raise BadValue(f"districts: results hold no election of {year} to compare with.")
        leans.append(float(logit(dem / (dem + rep)) - logit(results.share[year][states.index(state)])))
    return np.array(leans)
