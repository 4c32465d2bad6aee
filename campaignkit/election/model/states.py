"""What is known of the states before any poll: last results, which states are alike, and turnout."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit, logit

from campaignkit.election.data import DISTRICT_STATES, NATION, electoral_votes
from campaignkit.errors import BadValue, NotEnoughData, nearest
from campaignkit.stats.arrays import Floats
from campaignkit.tables import check_numbers, open_columns, open_table

PAST_SHARES = 3  # last elections whose results show, with the census regions, which states are alike
SHARED, DAMPING = 0.25, 0.9  # of the states' correlation: the part all share; the most two states can have


def places() -> pl.DataFrame:
    """Return the 50 states and DC, in the order used in arrays.

    Examples
    --------
    >>> places()["state"][:3].to_list()
    ['AK', 'AL', 'AR']
    """
    return electoral_votes(2012)


def state_name(code: str) -> str:
    """Return a state's name; a district's code, and what is no state, as it is.

    Examples
    --------
    >>> state_name("OH"), state_name("ME-1")
    ('Ohio', 'ME-1')
    """
    return dict(places().select("state", "state_name").iter_rows()).get(code, code)


def state_codes(column: pl.Series, where: str) -> pl.Series:
    """Return states by their postal codes; the nation is US, and a district ME-1.

    Raises
    ------
    BadValue
        A name is not a state's; the error suggests the nearest.

    Examples
    --------
    >>> state_codes(pl.Series(["Ohio", "--", "ne-2"]), "polls").to_list()
    ['OH', 'US', 'NE-2']
    """
    states = places()
    codes = {name.casefold(): code for name, code in states.select("state_name", "state").iter_rows()}
    codes |= {code.casefold(): code for code in states["state"]}
    codes |= {"us": NATION, "--": NATION, "national": NATION, "nation": NATION}
    codes |= {f"{state}-{at}".casefold(): f"{state}-{at}" for state in DISTRICT_STATES for at in (1, 2, 3)}
    codes |= {f"{state[0]}{at}".casefold(): f"{state}-{at}" for state in DISTRICT_STATES for at in (1, 2, 3)}
    names = column.cast(pl.String).str.strip_chars()
    for name in names.unique().to_list():
        if name is None or name.casefold() not in codes:
            known = [*states["state_name"].to_list(), *states["state"].to_list()]
            raise BadValue(f"{where}: {name!r} is not a state{nearest(str(name), known)} The nation is 'US'.")
    return names.str.to_lowercase().replace_strict(codes)


def election_day(year: int) -> dt.date:
    """Return the Tuesday after the first Monday of November.

    Examples
    --------
    >>> election_day(2012)
    datetime.date(2012, 11, 6)
    """
    return dt.date(year, 11, 2) + dt.timedelta(days=(1 - dt.date(year, 11, 2).weekday()) % 7)


@dataclass(frozen=True)
class Results:
    """Past results as arrays.

    Attributes
    ----------
    share : dict of int to array
        By year: the Democrat's share of each state's two-party vote.
    turnout : dict of int to array
        By year: each state's share of the nation's votes.
    """

    share: dict[int, Floats]
    turnout: dict[int, Floats]

    @property
    def years(self) -> list[int]:
        """The years, earliest first."""
        return sorted(self.share)

    def before(self, year: int) -> list[int]:
        """Return the years before one, latest first."""
        return [past for past in reversed(self.years) if past < year]


def read_results(data: Any) -> Results:
    """Return past results: columns `year`, `state`, `dem`, `rep` (votes or shares) and `total_votes`.

    Raises
    ------
    BadValue
        A state is unknown, or has two rows or none in a year, or a number is null or not above 0.
    """
    names = ["year", "state", "dem", "rep", "total_votes"]
    table = open_columns(data, names, "results").collect(names)
    check_numbers(table, "year", "dem", "rep", "total_votes", argument="results")
    if table.filter(
        ~pl.all_horizontal((pl.col(name) > 0).fill_null(False) for name in names if name != "state")
    ).height:
        raise BadValue("results: a year, a share or a count of votes is null or not above 0.")
    table = table.with_columns(state_codes(table["state"], "results").alias("state"))
    share, turnout = {}, {}
    for (year,), part in table.partition_by("year", as_dict=True).items():
        aligned = places().select("state").join(part, on="state", how="left", maintain_order="left")
        if aligned.height > 51 or aligned["dem"].null_count():
            wrong = (
                aligned.filter(pl.col("dem").is_null() | pl.col("state").is_duplicated())["state"].unique().to_list()
            )
            raise BadValue(
                f"results of {year}: one row for each state was expected; see {', '.join(sorted(wrong)[:6])}."
            )
        dem, rep, votes = (aligned[name].cast(pl.Float64).to_numpy() for name in ("dem", "rep", "total_votes"))
        share[int(year)], turnout[int(year)] = dem / (dem + rep), votes / votes.sum()
    return Results(share, turnout)


@dataclass(frozen=True)
class Prior:
    """What is known before the polls.

    Attributes
    ----------
    mean : array
        Each state's logit.
    covariance : array
        Of states' swings and poll errors, before scaling: 1 on the diagonal, or scaled to the nation.
    turnout : array
        Each state's share of the nation's votes in the last election.
    national : array
        How the national logit moves with each state's.
    national_offset : float
        The national logit when every state is at `mean`, less `national` @ `mean`.
    """

    mean: Floats
    covariance: Floats
    turnout: Floats
    national: Floats
    national_offset: float


def prior_of(
    results: Results,
    year: int,
    states: Any = None,
    fundamentals: Floats | None = None,
    *,
    unit_national: bool = False,
    national_by_turnout: bool = False,
) -> Prior:
    """Return what was known before an election's polls, from earlier elections only.

    Raises
    ------
    NotEnoughData
        There is no earlier result.
    """
    past = results.before(year)
    if not past:
        raise NotEnoughData(f"results hold no election before {year}; at least one was expected.")
    turnout = results.turnout[past[0]]
    mean = logit(results.share[past[0]] if fundamentals is None else fundamentals)
    covariance = _covariance(_features(results, past, states))
    if unit_national:
        covariance = covariance / (turnout @ covariance @ turnout)
    if national_by_turnout:
        return Prior(mean, covariance, turnout, turnout, 0.0)
    share = expit(mean)
    nation = float(turnout @ share)
    slope = turnout * share * (1 - share) / (nation * (1 - nation))
    return Prior(mean, covariance, turnout, slope, float(logit(nation) - slope @ mean))


def _features(results: Results, past: list[int], states: Any) -> Floats:
    """Return the features that make states alike, one row per state, each between 0 and 1."""
    if states is None:
        columns = [results.share[year] for year in past[:PAST_SHARES]]
        kinds = places().select("region", "division").to_dummies()
        columns += [kinds[name].to_numpy() for name in kinds.columns]
    else:
        table = open_table(states).lazy().collect("polars").to_native()
        numbers = [name for name, kind in table.schema.items() if kind.is_numeric()]
        if "state" not in table.columns or not numbers:
            raise BadValue("states: a column 'state' and columns of numbers were expected.")
        table = table.with_columns(state_codes(table["state"], "states").alias("state"))
        aligned = places().select("state").join(table, on="state", how="left", maintain_order="left").select(numbers)
        if aligned.height != 51 or aligned.null_count().sum_horizontal().item():
            raise BadValue("states: one row without nulls for each of the 50 states and DC was expected.")
        columns = [results.share[past[0]], *(aligned[name].to_numpy() for name in numbers)]
    scaled = [(column - column.min()) / (np.ptp(column) or 1.0) for column in np.asarray(columns, dtype=float)]
    return np.column_stack(scaled)


def _covariance(features: Floats) -> Floats:
    """Return how states move together: the correlation of their features plus a shared part, damped."""
    correlation = np.maximum(np.corrcoef(features), 0)
    value, vector = np.linalg.eigh(correlation)
    correlation = (vector * np.maximum(value, 1e-6)) @ vector.T
    damped = DAMPING * ((1 - SHARED) * correlation + SHARED)
    np.fill_diagonal(damped, (1 - SHARED) * np.diag(correlation) + SHARED)
    return damped


def read_fundamentals(data: Any, results: Results, year: int, as_of: dt.date) -> Floats | None:
    """Return the shares that the fundamentals expect in each state.

    Parameters
    ----------
    data : table or None
        Columns `state` and `share` (of the two parties, 0 to 1); optional `date` (the latest up to `as_of` counts)
        and `year`. One row US moves every state's last result by the same logit.
    """
    if data is None:
        return None
    table = open_table(data).lazy().collect("polars").to_native()
    open_columns(table, ["state", "share"], "fundamentals")
    if "year" in table.columns:
        table = table.filter(pl.col("year") == year)
    if "date" in table.columns:
        table = table.filter(pl.col("date") <= as_of)
        table = table.filter(pl.col("date") == pl.col("date").max().over("state"))
    if table.is_empty():
        return None
    if table.filter(~((pl.col("share") > 0) & (pl.col("share") < 1)).fill_null(False)).height:
        raise BadValue("fundamentals: a share is null or not between 0 and 1.")
    table = table.with_columns(state_codes(table["state"], "fundamentals").alias("state"))
    if table["state"].is_duplicated().any():
        raise BadValue("fundamentals: a state has two rows; name the column of their dates 'date'.")
    last = results.before(year)[0]
    if table["state"].to_list() == [NATION]:
        nation = float(results.turnout[last] @ results.share[last])
        return np.asarray(expit(logit(results.share[last]) + logit(table["share"].item()) - logit(nation)))
    aligned = places().select("state").join(table, on="state", how="left", maintain_order="left")
    if aligned["share"].null_count():
        lacking = aligned.filter(pl.col("share").is_null())["state"].to_list()
        raise BadValue(
            f"fundamentals: no share for {', '.join(lacking[:6])}; a row for each state, or one for US, was expected."
        )
    return aligned["share"].to_numpy()
