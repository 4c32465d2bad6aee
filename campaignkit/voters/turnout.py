"""Who will vote: fitted on one election's rolls and history, tested on the next, moved to known county totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw
import polars as pl

from campaignkit.cells import cells
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData, listed
from campaignkit.restrictions import remember
from campaignkit.sql import quote_literal
from campaignkit.tables import as_lazy, check_columns, open_table
from campaignkit.vocabulary import age_band_sql
from campaignkit.voters.features import Bands
from campaignkit.voters.models import Model
from campaignkit.voters.scores import Score, fit_score
from campaignkit.voters.screens import Screens, screens
from campaignkit.voters.shifted import shift_to

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Turnout", "fit_turnout", "turnout_history"]

GENERALS = 3  # past generals, each a feature
CYCLES = 2  # two-year cycles, in each of which a primary vote is a feature
AGES = (20, 22, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85)
YEARS = (0.5, 1, 2, 4, 8, 12, 20)
PLACE = ("state", "county")
TOTAL = "voted"
HISTORY = [f"general_{at}" for at in range(1, GENERALS + 1)] + [f"primary_{at}" for at in range(1, CYCLES + 1)]


def turnout_history(
    who: Any, election: date | str, elections: Mapping[date, str] | None = None
) -> duckdb.DuckDBPyRelation:
    """Return one row a person on the rolls at an election, with what was known of them before it.

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
    day = _day(election)
    known = {_day(on): kind for on, kind in (elections or _elections(who)).items()}
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


def _day(value: Any) -> date:
    try:
        return value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadValue(f"An election is a date like '2012-11-06', not {value!r}.") from error


def _elections(who: Any) -> dict[date, str]:
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


@dataclass(frozen=True, eq=False, repr=False)
class Turnout(Score):
    """A score of who will vote.

    It is a `Score` of the election it was fitted on, and more:

    Attributes
    ----------
    fit_on, election : date
        The election it was fitted on, and the one it is for.
    test_on : date or None
        The election it was tested on, later than `fit_on`.
    tested : Score or None
        The same score judged by everybody on the rolls at `test_on`, as it is.
    tested_to_totals : Score or None
        The same, moved to that election's county totals: how good the ranking and the shape are once the level is
        known.
    counties : polars.DataFrame or None
        How the score was moved to the totals of `election`: as `shift_to` says; None: it was not.
    """

    fit_on: date = date.min
    election: date = date.min
    test_on: date | None = None
    tested: Score | None = None
    tested_to_totals: Score | None = None
    counties: pl.DataFrame | None = None
    _now: Any = None

    def summary(self) -> str:
        """Say how well the next election was foretold, and what moves with its level."""
        if self.tested is None:
            start = f"Fitted on {self.fit_on:%Y-%m-%d}, for {self.election:%Y-%m-%d}; not tested on a later election."
            return f"{start} {super().summary()}"
        q = self.tested.quality
        said = (
            f"Fitted on {self.fit_on:%Y-%m-%d} and tested on the {q.rows:,} people on the rolls at "
            f"{self.test_on:%Y-%m-%d}: it ranks a voter above a non-voter in {q.auc:.1%} of pairs, and is off by "
            f"{100 * q.ece:.1f} points on average"
        )
        if self.tested_to_totals is not None:
            said += f", {100 * self.tested_to_totals.quality.ece:.1f} once moved to that day's county totals"
        return f"{said}. {self._level()} It says who tends to vote, not whom a call would bring."

    def _level(self) -> str:
        if self.counties is None:
            return f"For {self.election:%Y-%m-%d} its level is that of {self.fit_on:%Y-%m-%d}: no totals were given."
        moved = self.counties.filter(pl.col("left_as_it_is").is_null())
        return (
            f"For {self.election:%Y-%m-%d} {moved.height} of {self.counties.height} counties were moved to their "
            f"totals, {moved['total'].sum():,.0f} votes."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the calibration at the test, or in the fit where there was none."""
        tested = self.tested_to_totals or self.tested
        return super().chart() if tested is None else tested.calibration().chart()

    def write(
        self, mf: Any, data: Any = None, *, unit: str | None = None, restricted: Iterable[str] | None = None
    ) -> int:
        """Write everybody's chance to vote at the election to come; see `Score.write`. None: the rolls as they are.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         voters = mf.universe("voter", "state == 'NC'")
        ...         turnout = ck.voters.fit_turnout(voters, election="2012-11-06", fit_on="2008-11-04", features=())
        ...         turnout.write(mf) == mf.universe("score('turnout') > 0").count()
        True
        """
        return super().write(mf, self._now if data is None else data, unit=unit, restricted=restricted)

    def screens(self, by: str = "age_band") -> Screens:
        """Compare likely-voter screens with weighting everybody by their chance, at the test election.

        Parameters
        ----------
        by : str
            A column of the test's table, or "age_band", in whose shares an electorate is judged.

        Examples
        --------
        >>> import campaignkit as ck
        >>> voters = ck.sample.megafile().universe("voter", "state == 'NC'")
        >>> turnout = ck.voters.fit_turnout(
        ...     voters, election="2012-11-06", fit_on="2008-11-04", test_on="2010-11-02", features=()
        ... )
        >>> turnout.screens().table["screen"][0]
        'all on the rolls'
        """
        tested = self.tested_to_totals or self.tested
        if tested is None:
            raise BadValue("Screens are judged at a later election: fit_turnout(..., test_on=...).")
        return screens(tested, by)


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
    seed: int = 0,
) -> Turnout:
    """Fit who will vote on one election, test it on a later one, and move it to known county totals.

    Parameters
    ----------
    who : Universe
        The voters: ``mf.universe("voter")``.
    election : date or str
        The election to foretell.
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
    name, model, ridge, holdout, seed
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
    fit_day, day = _day(fit_on), _day(election)
    test_day = None if test_on is None else _day(test_on)
    known = _elections(who)
    _check_days(fit_day, test_day, day, known)
    for one in features:
        check_scalar(one, "features", choices=("sex", "race", "party"))
    tables = {at: turnout_history(who, at, known) for at in (fit_day, test_day, day) if at is not None}
    fitted, now = tables[fit_day], tables[day]
    blocks = _blocks(tables.values(), list(features))
    interactions = [("general_1", one) for one in blocks["history"][1:]]
    score = fit_score(
        fitted, "voted", blocks, name=name, purpose="turnout", unit="person_id", cluster="household_id", model=model,
        interactions=interactions if model == "logit" else (), ridge=ridge, holdout=holdout, seed=seed,
    )  # fmt: skip
    tested, moved = (None, None) if test_day is None else _tested(score, tables[test_day], totals, test_day)
    final, counties = _moved(score, now, totals, day, None if like is None else _day(like))
    fields: dict[str, Any] = {field: getattr(score, field) for field in Score.__dataclass_fields__}
    fields |= {"model": final, "_judged": score.model}
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
            f"The elections are to be fitted, tested and foretold in this order; got {listed(map(str, days))}."
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


def _moved(score: Score, now: Any, totals: Any, day: date, like: date | None) -> tuple[Model, pl.DataFrame | None]:
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
