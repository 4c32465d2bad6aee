"""From a forecast's inputs to its posterior: earlier elections first, for the scales, then this one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from campaignkit.election.model.poll_table import Polls, read_polls
from campaignkit.election.model.scales import Election, election_of, evidence, past_elections, weights
from campaignkit.election.model.settings import Settings
from campaignkit.election.model.states import Results, election_day, read_fundamentals, read_results
from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.variance_components import Posterior, posterior
from campaignkit.tables import open_table


@dataclass(frozen=True)
class Inputs:
    """The arguments of a forecast; see `forecast`."""

    polls: Any
    results: Any
    on: dt.date
    as_of: dt.date
    states: Any
    fundamentals: Any
    history: Any
    settings: Settings
    aliases: Mapping[str, str]
    columns: Mapping[str, str]

    @property
    def horizon(self) -> dt.timedelta:
        """The time left to the election."""
        return self.on - self.as_of


@dataclass(frozen=True)
class Fit:
    """A posterior and what went into it.

    Attributes
    ----------
    polls : Polls
        As read.
    election : Election
        As the model sees it.
    weight : array
        Of each setting of the scales.
    posterior : Posterior
        Of the states' logits on election day.
    learned_from : list of int
        The elections that the scales were learned from.
    polled : list of int
        Those of them with polls.
    """

    polls: Polls
    election: Election
    weight: Floats
    posterior: Posterior
    learned_from: list[int]
    polled: list[int]


def fit(inputs: Inputs, known: dict[tuple[int, int], Floats] | None = None) -> Fit:
    """Return the posterior.

    Parameters
    ----------
    inputs : Inputs
        The arguments of the forecast.
    known : dict, optional
        Evidence of earlier elections about the scales, by year and days left. It is added to, which saves work when
        many forecasts follow each other.
    """
    results = read_results(inputs.results)
    polls = read_polls(inputs.polls, inputs.on, inputs.as_of, aliases=inputs.aliases, columns=inputs.columns)
    earlier = by_year(inputs.history, inputs.columns)
    learned_from = past_elections(results, inputs.on.year, set(earlier)) if inputs.settings.learned else []
    logs, kept = [], known if known is not None else {}
    for year in learned_from:
        key = (year, inputs.horizon.days)
        if key not in kept:
            kept[key] = _past_evidence(inputs, results, year, earlier.get(year))
        logs.append(kept[key])
    weight = weights(logs, inputs.settings)
    expected = read_fundamentals(inputs.fundamentals, results, inputs.on.year, inputs.as_of)
    election = election_of(polls.table, results, inputs.on, inputs.settings, inputs.states, expected)
    fitted = posterior(election.rotated, inputs.settings.grid(), weight, election.prior.turnout)
    return Fit(polls, election, weight, fitted, learned_from, [year for year in learned_from if year in earlier])


def _past_evidence(inputs: Inputs, results: Results, year: int, polls: pl.DataFrame | None) -> Floats:
    """Return an earlier election's evidence about the scales, as many days before it as this forecast is."""
    on = election_day(year)
    as_of = on - inputs.horizon
    table = no_polls() if polls is None else polls
    own = {} if polls is None else inputs.columns
    read = read_polls(table, on, as_of, aliases=inputs.aliases, columns=own).table
    expected = read_fundamentals(inputs.fundamentals, results, year, as_of) if _dated(inputs.fundamentals) else None
    election = election_of(read, results, on, inputs.settings, inputs.states, expected)
    return evidence(election, results.share[year], inputs.settings)


def _dated(fundamentals: Any) -> bool:
    """Return whether fundamentals cover several elections."""
    return fundamentals is not None and "year" in open_table(fundamentals).collect_schema().names()


def by_year(history: Any, columns: Mapping[str, str]) -> dict[int, pl.DataFrame]:
    """Return earlier elections' polls by the year in which they ended."""
    if history is None:
        return {}
    table = open_table(history).lazy().collect("polars").to_native()
    ended = pl.col(columns.get("end_date", "end_date")).cast(pl.Date).dt.year()
    years = table.select(ended.alias("year"))["year"].drop_nulls().unique().sort()
    return {int(year): table.filter(ended == year) for year in years}


def no_polls() -> pl.DataFrame:
    """Return a table of polls without rows.

    Examples
    --------
    >>> no_polls().height
    0
    """
    text, number = pl.String, pl.Float64
    return pl.DataFrame(
        schema={"state": text, "pollster": text, "start_date": pl.Date, "end_date": pl.Date, "sample_size": number,
                "dem": number, "rep": number}
    )  # fmt: skip
