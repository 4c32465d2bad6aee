"""Who voted when, could have, or did not: what was known of each voter before an election."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from campaignkit.errors import BadValue
from campaignkit.restrictions import remember
from campaignkit.sql import quote_literal
from campaignkit.vocabulary import age_band_sql

GENERALS = 3  # past generals, each a feature
CYCLES = 2  # two-year cycles, in each of which a primary vote is a feature
HISTORY = [f"general_{at}" for at in range(1, GENERALS + 1)] + [f"primary_{at}" for at in range(1, CYCLES + 1)]


def turnout_history(
    who: Any, election: date | str, elections: Mapping[date, str] | None = None
) -> duckdb.DuckDBPyRelation:
    """Return one row per person on the rolls at an election, with what was known of them before it.

    Parameters
    ----------
    who : Universe
        Of people, such as ``mf.universe("voter")``; who registered after the election is left out.
    election : date or str
        The election. Nothing later enters, whatever the universe's own date.
    elections : mapping of date to str, or None
        The elections that the votes are of, and their types ("general", "primary"). None: those of the megafile's
        vote_history.

    Returns
    -------
    DuckDB relation
        person_id, household_id, state, county; ``voted`` (null if the universe knows nothing of that day yet);
        ``general_1`` (the last general before), ``general_2`` …, ``primary_1`` (any primary of the two years before),
        ``primary_2`` …: "voted", "did not", or "could not" (registered later, or under 18 then); ``age`` (years, that
        day), ``age_band``, ``registered_years`` (since registration); ``sex``, ``race``, ``party`` of the latest files.

    Examples
    --------
    >>> import campaignkit as ck
    >>> history = ck.voters.turnout_history(ck.sample.megafile().universe("voter"), "2010-11-02")
    >>> history.aggregate("general_1, avg(voted::INT) AS rate").order("rate DESC").pl()["general_1"].to_list()
    ['voted', 'did not', 'could not']
    """
    day = day_of(election)
    known = {day_of(on): kind for on, kind in (elections or elections_of(who)).items()}
    generals = sorted((on for on, kind in known.items() if kind == "general" and on < day), reverse=True)[:GENERALS]
    cycles = [
        [on for on, kind in known.items() if kind == "primary" and _in_cycle(on, day, at)] for at in range(CYCLES)
    ]
    days = [*generals, *(on for cycle in cycles for on in cycle)]
    votes = {f"v{on:%Y%m%d}": f"voted_in('{on}')" for on in [*days, *([day] if day <= who.as_of else [])]}
    columns = ("state", "county", "registered_on", "birth_date", "birth_year", "sex", "race", "party")
    raw = who.features({name: name for name in columns} | votes)
    history = raw.filter(f"registered_on IS NULL OR registered_on <= {quote_literal(day)}").project(
        _projected(day, generals, [cycle for cycle in cycles if cycle], day <= who.as_of)
    )
    return remember(history, who.restricted)


def day_of(value: Any) -> date:
    """Return a date that was given as one or as text."""
    try:
        return value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadValue(f"An election is a date like '2012-11-06', not {value!r}.") from error


def elections_of(who: Any) -> dict[date, str]:
    """Return the elections that a universe's megafile knows votes of, with their types."""
    held = who.megafile.sql("SELECT election_date, max(election_type) FROM vote_history GROUP BY election_date")
    return dict(held.rows())


def _in_cycle(on: date, day: date, at: int) -> bool:
    return 730 * at < (day - on).days <= 730 * (at + 1)


def _projected(day: date, generals: list[date], cycles: list[list[date]], held: bool) -> str:
    """Return the columns of `turnout_history` as SQL over the raw facts."""
    parts = ["person_id", "household_id", "state", "county", "sex", "race", "party"]
    parts.append(f"v{day:%Y%m%d} AS voted" if held else "NULL::BOOLEAN AS voted")
    parts += [f"{_took_part([on])} AS general_{at}" for at, on in enumerate(generals, 1)]
    parts += [f"{_took_part(cycle)} AS primary_{at}" for at, cycle in enumerate(cycles, 1)]
    parts += [f"{_age(day)} AS age", f"({quote_literal(day)} - registered_on) / 365.25 AS registered_years"]
    parts.append(f"{age_band_sql('age')} AS age_band")
    return ", ".join(parts)


def _took_part(days: list[date]) -> str:
    last = max(days)
    voted = " OR ".join(f"v{on:%Y%m%d}" for on in days)
    late = f"coalesce(registered_on > {quote_literal(last)}, false) OR coalesce({_age(last)} < 18, false)"
    return f"CASE WHEN {voted} THEN 'voted' WHEN {late} THEN 'could not' ELSE 'did not' END"


def _age(day: date) -> str:
    on = quote_literal(day)
    return f"coalesce(date_sub('year', birth_date, {on}), year({on}) - birth_year)"
