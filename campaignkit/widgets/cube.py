"""Counts in milliseconds: every person's answers as small codes, made once, and a cube of these.

Three things can answer, the quickest that can: the *cube*, exact at its bins' edges; the *people* as codes, which have
single years, counties and the steps of scores too; and the *megafile* itself, which knows everything.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from campaignkit.progress import Steps
from campaignkit.sql import quote_literal
from campaignkit.vocabulary import AGE_BANDS, AGE_LABELS
from campaignkit.widgets.choices import DOLLARS, Choices, choices
from campaignkit.widgets.selection import BIN, Selection, score_column

if TYPE_CHECKING:
    from campaignkit.megafile import Megafile, Universe

BROKEN_DOWN = ("state", "sex", "age_band", "party", "race")
TEXTS = ("state", "sex", "race", "party")
CUBE = (*TEXTS, "who", "history", "giving", "contact")


@dataclass(frozen=True)
class Tally:
    """How many, and who they are.

    Attributes
    ----------
    people : int
        How many.
    groups : dict
        For each of BROKEN_DOWN, people by value; null is a value; values that nobody has are left out.
    answered_by : str
        ``cube``, ``people`` or ``megafile``.
    seconds : float
        What it took.
    """

    people: int
    groups: dict[str, dict[str | None, int]]
    answered_by: str
    seconds: float


class Cube:
    """A megafile's people as codes, in memory, for one widget.

    Parameters
    ----------
    megafile : Megafile
        Whose people. What is written to it later is not seen.
    progress : bool or None
        Whether to show the steps. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.
    """

    def __init__(self, megafile: Megafile, progress: bool | None = None) -> None:
        self.megafile = megafile
        self.offered = choices(megafile)
        self._con = megafile.cursor()  # its temporary tables end with it
        steps = Steps("universe builder", progress)
        with steps.step("coding people"):
            for name, keys in _code_tables(self.offered).items():
                self._con.register("keys", keys)
                self._con.execute(f"CREATE TEMP TABLE {name} AS FROM keys")
                self._con.unregister("keys")
            self._con.execute(f"CREATE TEMP TABLE people AS {_people(self.megafile.universe(), self.offered)}")
        with steps.step("making the cube"):
            self._con.execute(
                f"CREATE TEMP TABLE cube AS SELECT {', '.join(CUBE)}, (age // {BIN})::SMALLINT AS age, "
                "count(*)::BIGINT AS n FROM people GROUP BY ALL"
            )
        steps.close()

    def tally(self, selection: Selection) -> Tally:
        """Return how many people a selection holds and who they are; its predicates are checked by the megafile."""
        started = time.perf_counter()
        coded = selection.coded(self.offered)
        if coded is None:
            return tally_of(self.megafile.universe(*selection.predicates()))
        by, condition = coded
        groups = self._coded(by, condition)
        return Tally(sum(groups["state"].values()), groups, by, time.perf_counter() - started)

    def _coded(self, table: str, condition: str) -> dict[str, dict[str | None, int]]:
        n = "sum(n)" if table == "cube" else "count(*)"
        alike = f"SELECT who, {n} AS n FROM {table} WHERE {condition} GROUP BY who"
        rows = self._con.sql(_grouped(f"SELECT {_apart(self.offered)}, n FROM ({alike})", "sum(n)")).fetchall()
        return _read(rows, [_values(self.offered, name) for name in BROKEN_DOWN])


def tally_of(universe: Universe) -> Tally:
    """Return the tally of a universe, counted in its megafile."""
    started = time.perf_counter()
    band = universe.translated("age_band").sql
    inner = f"SELECT p.state, p.sex, ({band}) AS age_band, p.party, p.race FROM person p WHERE {universe.where}"
    groups = _read(universe.megafile.sql(_grouped(inner, "count(*)")).rows())
    return Tally(sum(groups["state"].values()), groups, "megafile", time.perf_counter() - started)


def _read(rows: Iterable[tuple], coded: list[tuple[str | None, ...]] | None = None) -> dict[str, dict[str | None, int]]:
    """Return what a query by `_grouped` found, by group and value; codes are given back their values."""
    groups: dict[str, dict[str | None, int]] = {name: {} for name in BROKEN_DOWN}
    for *values, which, n in rows:
        place = [16, 8, 4, 2, 1].index(31 - which)
        value = values[place] if coded is None else coded[place][values[place]]
        groups[BROKEN_DOWN[place]][value] = n
    return groups


def _values(offered: Choices, name: str) -> tuple[str | None, ...]:
    """Return the values of one of BROKEN_DOWN in the order of its codes."""
    if name == "age_band":
        return (None, *AGE_LABELS)
    return getattr(offered, "states" if name == "state" else name)


def _together(offered: Choices) -> str:
    """Return who a person is, for all of BROKEN_DOWN, as one number: the counts then need one group-by, not five."""
    bands = " ".join(f"WHEN age < {top} THEN {place}" for place, (top, _) in enumerate(AGE_BANDS, 1))
    age = f"(CASE WHEN age IS NULL THEN 0 {bands} ELSE {len(AGE_LABELS)} END)"
    who = "0"
    for name in BROKEN_DOWN:
        code = age if name == "age_band" else f"({name}::INTEGER - 1)"
        who = f"({who} * {max(len(_values(offered, name)), 1)} + {code})"
    return f"{who}::INTEGER"


def _apart(offered: Choices) -> str:
    """Return that number's parts as columns."""
    parts, below = [], 1
    for name in reversed(BROKEN_DOWN):
        size = max(len(_values(offered, name)), 1)
        parts.append(f"who // {below} % {size} AS {name}")
        below *= size
    return ", ".join(parts)


def _grouped(inner: str, n: str) -> str:
    """Return the query that counts the rows of `inner` in five ways in one pass."""
    columns, sets = ", ".join(BROKEN_DOWN), ", ".join(f"({name})" for name in BROKEN_DOWN)
    return (
        f"SELECT {columns}, grouping_id({columns}) AS which, {n}::BIGINT AS n FROM ({inner}) "
        f"GROUP BY GROUPING SETS ({sets})"
    )


def _code_tables(offered: Choices) -> dict[str, pl.DataFrame]:
    """Return the tables that give each value its code: its place among what is offered, from 1."""
    tables = {
        f"{name}_code": pl.DataFrame(
            {"value": list(values), "code": range(1, len(values) + 1)},
            schema={"value": pl.String, "code": pl.Int16},
        )
        for name in TEXTS
        for values in [_values(offered, name)]
    }
    rows = [(state, county, place) for place, (state, county) in enumerate(offered.counties, 1)]
    schema = {"state": pl.String, "county": pl.String, "code": pl.Int16}
    return tables | {"county_code": pl.DataFrame(rows, schema=schema, orient="row")}


def _people(everyone: Universe, offered: Choices) -> str:
    """Return the query for every person's codes, sorted so that a county's people lie together."""

    def sql(feature: str) -> str:
        return f"({everyone.translated(feature).sql})"

    columns = {
        "county": "c.code",
        **{name: f"{name}_code.code" for name in TEXTS},
        "age": sql("age"),
        "history": _bits(sql(f"voted_in({quote_literal(day)})") for day in offered.elections),
        "giving": _first(sql("gave('90d')"), sql("gave('365d')"), sql("gave()")),
        "dollars": _steps(sql("gifts()"), DOLLARS),
        "contact": _first(sql("contacted('30d')"), sql("contacted()")),
        "channels": _bits(sql(f"contacted({quote_literal(way)})") for way in offered.channels),
        **{
            score_column(offered, name): _steps(sql(f"score({quote_literal(name)})"), steps[1:])
            for name, steps in offered.scores.items()
        },
    }
    picked = ", ".join(f"({text})::SMALLINT AS {name}" for name, text in columns.items())
    joins = " ".join(f"LEFT JOIN {name}_code ON {name}_code.value IS NOT DISTINCT FROM p.{name}" for name in TEXTS)
    coded = (
        f"SELECT {picked} FROM person p {joins} LEFT JOIN county_code c ON c.state = p.state AND c.county = p.county"
    )
    return f"SELECT *, {_together(offered)} AS who FROM ({coded}) ORDER BY county"


def _first(*conditions: str) -> str:
    """Return the code of the first condition that holds, counted down to 1; of none: 0."""
    cases = " ".join(f"WHEN {condition} THEN {len(conditions) - place}" for place, condition in enumerate(conditions))
    return f"CASE {cases} ELSE 0 END"


def _bits(conditions: Iterable[str]) -> str:
    return " + ".join(f"{condition}::INTEGER * {1 << place}" for place, condition in enumerate(conditions)) or "0"


def _steps(value: str, edges: Iterable[float]) -> str:
    """Return how many of some edges a value reaches, by the very comparisons that predicates make; null stays null."""
    reached = " + ".join(f"(v >= {edge:.15g})::INTEGER" for edge in edges)
    return f"(SELECT {reached} FROM (SELECT {value} AS v))"
