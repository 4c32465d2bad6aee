"""Polls as read: pollsters' names settled, unusable polls set aside and counted, shares turned into logits."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from campaignkit.election.data import NATION, pollster_aliases
from campaignkit.election.model.settings import Settings
from campaignkit.election.model.states import Prior, places, state_codes
from campaignkit.errors import BadValue
from campaignkit.stats.arrays import Floats
from campaignkit.tables import check_columns, open_table

NEEDED = ("state", "pollster", "start_date", "end_date", "sample_size", "dem", "rep")
OPTIONAL = ("mode", "population", "sponsor")
LIKELY = "likely"
SPONSORS = {"d": 1.0, "dem": 1.0, "democratic": 1.0, "r": -1.0, "rep": -1.0, "republican": -1.0}


@dataclass(frozen=True)
class Polls:
    """Polls as read.

    Attributes
    ----------
    table : polars.DataFrame
        One row per poll that is used: NEEDED and OPTIONAL columns, `named` (the pollster as given), `middle` (the
        middle day), `share` (the Democrat's, of the two-party vote).
    set_aside : polars.DataFrame
        `reason` and `n`: polls that are not used.
    pollsters : polars.DataFrame
        `named`, `pollster` and `reason`, for names that were changed.
    """

    table: pl.DataFrame
    set_aside: pl.DataFrame
    pollsters: pl.DataFrame


def read_polls(
    data: Any,
    on: dt.date,
    as_of: dt.date,
    *,
    aliases: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Polls:
    """Return the polls known on a date, one for each pollster, state and middle day.

    Parameters
    ----------
    data : table
        NEEDED columns and any of the OPTIONAL ones. `dem` and `rep` are percentages; `sponsor` is the party that paid
        (null: neither).
    on, as_of : date
        Election day, and the day of the forecast.
    aliases : mapping, optional
        Pollsters' names beyond those the package knows.
    columns : mapping, optional
        From a name above to the table's own.

    Raises
    ------
    ColumnNotFound
        A needed column is missing.
    BadValue
        A state is unknown, a share is not between 0 and 100 or both add up to more, or a poll ends before it starts or
        after the election.
    """
    table = _named(data, columns or {})
    state = state_codes(table["state"], "polls") if table.height else table["state"]
    table = table.with_columns(state.alias("state"), table["pollster"].alias("named"))
    _check(table, on)
    names, mended = _pollsters(table["named"], aliases or {})
    days = (1 + (pl.col("end_date") - pl.col("start_date")).dt.total_days()) // 2
    table = table.with_columns(
        names.alias("pollster"),
        middle=pl.col("end_date") - pl.duration(days=days),
        share=pl.col("dem") / (pl.col("dem") + pl.col("rep")),
    )
    kept, aside = _usable(table, as_of)
    return Polls(kept.sort("middle", "state", "pollster"), aside, mended)


def _named(data: Any, columns: Mapping[str, str]) -> pl.DataFrame:
    """Return the table with the names used here, and nulls for the columns it does not have."""
    frame = open_table(data)
    own = {name: columns.get(name, name) for name in (*NEEDED, *OPTIONAL)}
    check_columns(data, *(own[name] for name in (*NEEDED, *columns)), where="polls")
    there = frame.collect_schema().names()
    table = frame.lazy().select(*(column for column in own.values() if column in there)).collect("polars").to_native()
    table = table.rename({column: name for name, column in own.items() if column in there})
    lacking = [pl.lit(None, pl.String).alias(name) for name in OPTIONAL if own[name] not in there]
    return table.with_columns(*lacking).with_columns(
        pl.col("start_date", "end_date").cast(pl.Date),
        pl.col("sample_size", "dem", "rep").cast(pl.Float64),
        pl.col("pollster", *OPTIONAL).cast(pl.String),
    )


def _check(table: pl.DataFrame, on: dt.date) -> None:
    """Refuse polls that cannot be right."""
    wrong = {
        "dem or rep is null, not above 0, or they add up to more than 100 (shares are in percent)": ~(
            (pl.col("dem") > 0) & (pl.col("rep") > 0) & (pl.col("dem") + pl.col("rep") <= 100)
        ).fill_null(False),
        "dem and rep add up to less than 2; shares are in percent, such as 47": pl.col("dem") + pl.col("rep") < 2,
        "the pollster or a date is null": pl.any_horizontal(pl.col("pollster", "start_date", "end_date").is_null()),
        "end_date is before start_date": pl.col("end_date") < pl.col("start_date"),
        f"end_date is after the election on {on}": pl.col("end_date") > on,
    }
    for reason, condition in wrong.items():
        rows = table.filter(condition)
        if rows.height:
            first = rows.select("state", "pollster", "end_date", "dem", "rep").row(0)
            raise BadValue(f"polls: {reason}, in {rows.height:,} of {table.height:,} rows; the first is {first}.")


def _pollsters(named: pl.Series, own: Mapping[str, str]) -> tuple[pl.Series, pl.DataFrame]:
    """Return the names to use, and which were changed why: an alias table, or the same spelling."""
    shipped = pollster_aliases()
    known = {_folded(name): name for name in shipped["pollster"]}  # the name meant is one of its own spellings
    known |= {_folded(alias): name for alias, name in shipped.iter_rows()}
    known |= {_folded(alias): name for alias, name in own.items()}
    used: dict[str, tuple[str, str]] = {}
    spelled: dict[str, str] = {}
    for name in named.unique(maintain_order=True).to_list():
        folded = _folded(name)
        if folded in known:
            used[name] = known[folded], "alias table"
        else:
            used[name] = spelled.setdefault(folded, name.strip()), "spelling"
            known.setdefault(folded, used[name][0])
    mended = [(name, right, why) for name, (right, why) in used.items() if name != right]
    schema = {"named": pl.String, "pollster": pl.String, "reason": pl.String}
    renamed = named.replace_strict({name: right for name, (right, _) in used.items()}, return_dtype=pl.String)
    return renamed, pl.DataFrame(mended, schema=schema, orient="row").sort("pollster", "named")


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", name.casefold()).strip()


def _usable(table: pl.DataFrame, as_of: dt.date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the polls to use, and how many are not used for which reason."""
    likely = pl.col("population").str.to_lowercase().str.contains(LIKELY).fill_null(False)
    twice = pl.struct("state", "middle", "pollster")
    known = [*places()["state"].to_list(), NATION]
    steps = {
        "ended after the day of the forecast": pl.col("end_date") > as_of,
        "of a congressional district": ~pl.col("state").is_in(known),
        "sample size unknown or below 2": ~(pl.col("sample_size") > 1).fill_null(False),
        "another poll by the same pollster in that state on that day": ~twice.is_first_distinct(),
    }
    kept, counts = table.sort("state", "middle", ~likely, pl.col("dem") + pl.col("rep")), []
    for reason, condition in steps.items():
        out = kept.select(condition.alias("out"))["out"]
        counts.append((reason, int(out.sum())))
        kept = kept.filter(~out)
    aside = pl.DataFrame(counts, schema={"reason": pl.String, "n": pl.Int64}, orient="row")
    return kept, aside.filter(pl.col("n") > 0)


@dataclass(frozen=True)
class PollArrays:
    """Polls as observations of the states' logits on election day.

    Attributes
    ----------
    design : array, one row per poll
        How a poll's logit moves with each state's.
    y : array
        Its logit, less a national poll's offset.
    noise : array
        The covariance of everything else: sampling, houses, modes, populations, sponsors, drift to election day.
    houses : list of str
        The pollsters, in the order of `house`.
    house : array
        The pollster of each poll.
    """

    design: Floats
    y: Floats
    noise: Floats
    houses: list[str]
    house: np.ndarray


def poll_arrays(polls: pl.DataFrame, prior: Prior, on: dt.date, settings: Settings) -> PollArrays:
    """Return polls as arrays; see `PollArrays`."""
    codes = {code: at for at, code in enumerate([*places()["state"], NATION])}
    unit = polls["state"].replace_strict(codes, return_dtype=pl.Int64).to_numpy()
    rows = np.vstack([np.eye(len(codes) - 1), prior.national])
    houses = polls["pollster"].unique().sort().to_list()
    house = polls["pollster"].replace_strict({name: at for at, name in enumerate(houses)}, return_dtype=pl.Int64)
    share = polls["share"].to_numpy()
    size = polls["sample_size"].to_numpy() * (polls["dem"] + polls["rep"]).to_numpy() / 100
    days = (pl.lit(on) - pl.col("middle")).dt.total_days()
    left = polls.select(days.cast(pl.Float64))["literal"].to_numpy() if polls.height else np.zeros(0)
    noise = _drift(unit, left, rows, prior, settings.drift_sd)
    for sd, codes_ in (
        (settings.house_sd, house.to_numpy()),
        (settings.mode_sd, _codes(polls["mode"])),
        (settings.population_sd, _codes(polls["population"])),
    ):
        if sd:
            noise += sd**2 * ((codes_[:, None] == codes_) & (codes_ >= 0))
    sponsor = polls["sponsor"].str.to_lowercase().replace_strict(SPONSORS, default=0.0, return_dtype=pl.Float64)
    if settings.sponsor_sd and (lean := sponsor.to_numpy()).any():
        noise += settings.sponsor_sd**2 * np.outer(lean, lean)
    if settings.unadjusted_sd:
        free = (~polls["pollster"].str.contains(f"^({'|'.join(map(re.escape, settings.adjusters))})")).to_numpy()
        near = 0.7 ** np.abs(left[:, None] - left)
        noise += settings.unadjusted_sd**2 * np.outer(free, free) * (near + 1)
    noise[np.diag_indices_from(noise)] += 1 / (size * share * (1 - share)) + settings.noise_sd**2
    offset = np.where(unit == len(codes) - 1, prior.national_offset, 0.0)
    return PollArrays(rows[unit], np.log(share / (1 - share)) - offset, noise, houses, house.to_numpy())


def _drift(unit: np.ndarray, left: Floats, rows: Floats, prior: Prior, sd: float) -> Floats:
    """Return the covariance of the states' drift between a poll's middle day and the election."""
    scaled = prior.covariance * sd**2 / (prior.turnout @ prior.covariance @ prior.turnout)
    each = rows @ scaled @ rows.T
    return each[unit[:, None], unit] * np.minimum(left[:, None], left)


def _codes(column: pl.Series) -> np.ndarray:
    """Return whole numbers for texts; −1 where null."""
    return column.str.to_lowercase().cast(pl.Categorical).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
