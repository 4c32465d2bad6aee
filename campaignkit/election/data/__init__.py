"""Data that ship with the package: results, public polls of 2012, electoral votes by cycle, pollsters' names.

NOTICE, beside the files, gives sources and licenses.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import polars as pl

from campaignkit.errors import BadValue

APPORTIONMENTS = (1992, 2004, 2012, 2024)  # the first election under each census
NATION = "US"
DISTRICT_STATES = ("ME", "NE")  # two votes for the state, one for each congressional district


@cache
def _read(name: str) -> pl.DataFrame:
    source = files(__name__) / name
    with source.open("rb") as file:
        return pl.read_csv(file) if name.endswith(".csv") else pl.read_parquet(file)


def polls_2012() -> pl.DataFrame:
    """Return 1,175 public polls of the 2012 presidential election, of states and the nation, March to November.

    Columns: `state` (``US`` is the nation, ``ME-2`` a district), `pollster` (as published), `start_date`, `end_date`,
    `sample_size` (null in 4), `dem` and `rep` (percent), `mode` and `population`. The source lists every poll as live
    phone, which is not so. From The Economist (MIT; see NOTICE).

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.election.polls_2012().height
    1175
    """
    return _read("polls_2012.parquet")


def results() -> pl.DataFrame:
    """Return the results of presidential elections from 1976 to 2012, one row for each year and state.

    Columns: `year`, `state`, `total_votes`, and `dem`, `rep`, `other` as shares of the total (`other` is null where
    not known). From The Economist (MIT; see NOTICE).

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.election.results().filter(year=2012, state="OH").select(pl.col("dem", "rep").round(3)).row(0)
    (0.507, 0.477)
    """
    return _read("results_1976_2012.parquet")


def electoral_votes(year: int) -> pl.DataFrame:
    """Return each state's electoral votes in a presidential election, with its name and census region.

    Parameters
    ----------
    year : int
        1992 to 2028, every fourth.

    Returns
    -------
    polars.DataFrame
        51 rows: `state`, `state_name`, `region`, `division`, `electoral_votes` (538 in all).

    Raises
    ------
    BadValue
        No presidential election was held, or its apportionment is not known.

    Examples
    --------
    >>> import campaignkit as ck
    >>> votes = ck.election.electoral_votes(2008)
    >>> votes.filter(state="OH")["electoral_votes"].item(), votes["electoral_votes"].sum()
    (20, 538)
    """
    if year % 4 or not APPORTIONMENTS[0] <= year <= 2028:
        raise BadValue(f"year is {year}; a presidential election from 1992 to 2028 was expected.")
    cycle = max(first for first in APPORTIONMENTS if first <= year)
    return _read("states.csv").select(
        "state", "state_name", "region", "division", electoral_votes=pl.col(f"ev_{cycle}")
    )


def tiles() -> pl.DataFrame:
    """Return each state's row and column on a tile map.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.election.tiles().filter(state="AK").row(0)
    ('AK', 0, 0)
    """
    return _read("states.csv").select("state", "map_row", "map_column")


def districts() -> pl.DataFrame:
    """Return each party's share of the 2008 presidential vote in the congressional districts of Maine and Nebraska.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.election.districts().filter(district="NE-2").select("dem", "rep").row(0)
    (0.4997, 0.4875)
    """
    return _read("districts.csv")


def pollster_aliases() -> pl.DataFrame:
    """Return the names one pollster goes by in public polls: each `alias`, and the `pollster` it stands for.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.election.pollster_aliases().filter(alias="PPP")["pollster"].item()
    'Public Policy Polling'
    """
    return _read("pollster_aliases.csv")
