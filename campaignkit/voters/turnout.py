"""Who will vote: fitted on one election's rolls and history, tested on the next, moved to known county totals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import duckdb
import narwhals as nw
import polars as pl

from campaignkit.cells import cells
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData, listed
from campaignkit.tables import as_lazy, check_columns, open_table
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.voters.model.features import Bands
from campaignkit.voters.model.predictor import ProbabilityModel
from campaignkit.voters.model.shifted_model import shift_to
from campaignkit.voters.model.vote_history import HISTORY, day_of, elections_of, turnout_history
from campaignkit.voters.score import fit_score
from campaignkit.voters.score_result import Score
from campaignkit.voters.turnout_result import PLACE, Turnout

__all__ = ["Turnout", "fit_turnout", "turnout_history"]

AGES = (20, 22, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85)
YEARS = (0.5, 1, 2, 4, 8, 12, 20)
TOTAL = "voted"


def fit_turnout(
    who: Any,
    *,
    election: date | str,
    fit_on: date | str,
    test_on: date | str | None = None,
    totals: Any = None,
    like: date | str | None = None,
    features: Iterable[str] = ("sex",),
    name: str = "turnout",
    model: str = "logit",
    ridge: float = 1.0,
    holdout: float | None = 0.25,
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
) -> Turnout:
    """Fit who will vote on one election, test it on a later one, and move it to known county totals.

    Parameters
    ----------
    who : Universe
        The voters: ``mf.universe("voter")``.
    election : date or str
        The election to predict.
    fit_on : date or str
        The election whose votes are fitted, from what was known before it. Best of the same kind as `election`.
    test_on : date or str or None
        A later election to test on, from what was known before that. None: no test.
    totals : table or None
        Votes by county as published, such as ``mf.table("county_turnout")``: state, county, election_date, registered,
        voted. The test is moved to its own day's; the score to those of `election`, or `like`. None: not moved.
    like : date or str or None
        An election whose share of registered voters each county is taken to repeat at `election`: an assumption, to be
        said with every number. None: only published or expected totals of `election` itself are used.
    features : iterable of str
        What beside history, age and registration: of sex, race and party.
    name, model, ridge, holdout, confidence_level, seed
        As in `fit_score`.

    Returns
    -------
    Turnout

    Raises
    ------
    BadValue
        The elections are not in order, or nothing is known of one.
    NotEnoughData
        As `fit_score`; or no county's total is below its people.

    Notes
    -----
    The features are votes in the three generals and primaries of the two cycles before (voted, did not, could not:
    the newly registered are a level of their own), age and years since registration, each in bands, the first general
    crossed with the others. Only people still on the rolls are seen: who moved away or died since `fit_on` is not,
    which makes the past look more regular than it was. Party, race and sex are of the latest files.

    Examples
    --------
    >>> import campaignkit as ck
    >>> mf = ck.sample.megafile()
    >>> turnout = ck.voters.fit_turnout(
    ...     mf.universe("voter"), election="2012-11-06", fit_on="2008-11-04", test_on="2010-11-02",
    ...     totals=mf.table("county_turnout"), like="2008-11-04",
    ... )
    >>> turnout.tested.quality.ece > turnout.tested_to_totals.quality.ece
    True
    """
    fit_day, day = day_of(fit_on), day_of(election)
    test_day = None if test_on is None else day_of(test_on)
    known = elections_of(who)
    _check_days(fit_day, test_day, day, known)
    for feature in features:
        check_scalar(feature, "features", choices=("sex", "race", "party"))
    tables = {at: turnout_history(who, at, known) for at in (fit_day, test_day, day) if at is not None}
    fitted, now = tables[fit_day], tables[day]
    blocks = _blocks(tables.values(), list(features))
    interactions = [("general_1", election_voted) for election_voted in blocks["history"][1:]]
    score = fit_score(
        fitted, "voted", blocks, name=name, purpose="turnout", unit="person_id", cluster="household_id", model=model,
        interactions=interactions if model == "logit" else (), ridge=ridge, holdout=holdout,
        confidence_level=confidence_level, seed=seed,
    )  # fmt: skip
    tested, moved = (None, None) if test_day is None else _tested(score, tables[test_day], totals, test_day)
    final, counties = _moved(score, now, totals, day, None if like is None else day_of(like))
    fields: dict[str, Any] = {field.name: getattr(score, field.name) for field in dataclasses.fields(Score)}
    fields |= {"model": final, "_unshifted": score.model}
    return Turnout(
        **fields, fit_on=fit_day, election=day, test_on=test_day,
        tested=tested, tested_to_totals=moved, counties=counties, _now=now,
    )  # fmt: skip


def _check_days(fit_on: date, test_on: date | None, election: date, known: Mapping[date, str]) -> None:
    for name, day in (("fit_on", fit_on), ("test_on", test_on)):
        if day is not None and day not in known:
            raise BadValue(
                f"{name}: nobody's vote on {day} is known; elections known: {listed(map(str, sorted(known)))}."
            )
    days = [day for day in (fit_on, test_on, election) if day is not None]
    if any(a >= b for a, b in pairwise(days)):
        raise BadValue(
            f"The elections must be fitted, tested and predicted in this order; got {listed(map(str, days))}."
        )
    if not any(kind == "general" and day < fit_on for day, kind in known.items()):
        raise NotEnoughData(f"No general election before {fit_on} is known; fit on a later one.")


def _blocks(tables: Iterable[duckdb.DuckDBPyRelation], features: list[str]) -> dict[str, list[Any]]:
    """Return the features that every table has, in blocks."""
    shared = set.intersection(*(set(table.columns) for table in tables))
    history = [name for name in HISTORY if name in shared]
    return {"history": history, "basics": [Bands("age", AGES), Bands("registered_years", YEARS), *features]}


def _tested(score: Score, table: Any, totals: Any, day: date) -> tuple[Score, Score | None]:
    """Return the score judged at a later election, as it is and moved to that day's totals."""
    tested = score.judge(table)
    known = None if totals is None else _on(totals, day)
    if known is None or known.is_empty():
        return tested, None
    model, _ = shift_to(score.model, as_lazy(open_table(table)), known, PLACE, TOTAL)
    return tested, replace(score, model=model).judge(table)


def _moved(
    score: Score, now: Any, totals: Any, day: date, like: date | None
) -> tuple[ProbabilityModel, pl.DataFrame | None]:
    """Return the model for the election to come, and what was done in each county."""
    if totals is None:
        return score.model, None
    known = _on(totals, like or day)
    if known.is_empty():
        if like is not None:
            raise BadValue(f"totals has no rows of {like}, which like= names.")
        return score.model, None
    frame = as_lazy(open_table(now))
    if like is not None:
        people = cells(frame, list(PLACE)).rename({"n": "people"})
        known = known.join(people, on=list(PLACE), how="inner")
        known = known.with_columns(voted=pl.col("voted") / pl.col("registered") * pl.col("people"))
    return shift_to(score.model, frame, known, PLACE, TOTAL)


def _on(totals: Any, day: date) -> pl.DataFrame:
    check_columns(totals, *PLACE, "election_date", "registered", TOTAL, where="totals")
    rows = as_lazy(open_table(totals)).filter(nw.col("election_date") == day)
    return rows.select(*PLACE, "registered", TOTAL).collect("polars").to_native()
