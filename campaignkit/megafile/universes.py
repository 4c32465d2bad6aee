"""Making universes: of predicates and equalities, or of the people of a table."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from datetime import date
from typing import Any

import duckdb
import polars as pl

from campaignkit.cells import cells
from campaignkit.errors import BadValue, listed, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.audience import bracketed
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.expressions.known_values import MOST
from campaignkit.megafile.predicates import Translated, translate
from campaignkit.megafile.universe import Universe
from campaignkit.restrictions import NOT_FOR, panel_restrictions_of, restrictions_of, stated
from campaignkit.sql import quote_identifier, quote_literal
from campaignkit.tables import check_columns, open_table

VOCABULARY = 200  # values of a column, above which a keyword may be anything


def make_universe(
    megafile: Connection, predicates: tuple[str, ...], as_of: date | str | None, equals: dict[str, Any]
) -> Universe:
    """Return the universe that some predicates and equalities say; see `Megafile.universe`."""
    day = day_of(as_of, megafile.as_of)
    for name, value in equals.items():
        _check_vocabulary(megafile, name, value)
    texts = [*predicates, *(_equality(name, value) for name, value in equals.items())]
    parts = [translate(megafile, text, day) for text in texts]
    _check_yes_or_no(megafile, texts, parts)
    where = " AND ".join(f"({part.sql})" for part in parts) or "true"
    restricted = frozenset[str]().union(*(part.restricted for part in parts))
    unmatched = tuple(dict.fromkeys(sentence for part in parts for sentence in part.unmatched))
    for sentence in unmatched:
        warnings.warn(sentence, stacklevel=3)
    return Universe(megafile, day, where, " and ".join(map(bracketed, texts)) or "everyone", restricted, unmatched)


def _check_yes_or_no(megafile: Connection, texts: list[str], parts: list[Translated]) -> None:
    """Refuse predicates that DuckDB can't run on a person, or that are no yes or no."""
    if not parts:
        return
    try:
        columns = ", ".join(f"({part.sql}) AS c{place}" for place, part in enumerate(parts))
        types = megafile.relation(f"SELECT {columns} FROM person p LIMIT 0").types
    except duckdb.Error as error:
        raise BadValue(f"{' and '.join(texts)}: {error}") from error
    for text, part, kind in zip(texts, parts, types, strict=True):
        if str(kind) != "BOOLEAN" and part.sql != "NULL":
            raise BadValue(f"{text!r} is {kind}, no yes or no; compare it with something.")


def universe_of(
    megafile: Connection, people: Any, restricted: Iterable[str] | None, as_of: date | str | None
) -> Universe:
    """Return the people of a table as a universe; see `Megafile.universe_of`."""
    known = stated(restrictions_of(people), restricted)
    if isinstance(people, Iterable) and not hasattr(people, "columns"):
        try:
            people = pl.DataFrame({"person_id": list(people)}, schema={"person_id": pl.Int64})
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise BadValue("people are a table with a person_id, or whole numbers that are person_ids.") from error
    check_columns(people, "person_id")
    ids = cells(people, "person_id").select(pl.col("person_id").cast(pl.Int64)).drop_nulls().sort("person_id")
    known |= flagged_in(people)
    digest = hashlib.sha256(ids["person_id"].to_numpy().tobytes()).hexdigest()
    kept = megafile.keep_people(f"people_{digest[:16]}", ids)
    inside = f"p.person_id IN (SELECT person_id FROM {kept})"
    return Universe(megafile, day_of(as_of, megafile.as_of), inside, f"{ids.height:,} people of a table", known)


def flagged_in(people: Any) -> frozenset[str]:
    """Return what a table's own columns and ids say may not be done with its people.

    People flagged by a panel are known by their ids and by a column; what FEC reports say by names that begin with
    ``fec_``, as exported columns of theirs do.
    """
    names = open_table(people).collect_schema().names()
    reports = frozenset(name for name in names if name.lower().startswith("fec_"))
    ids = cells(people, "person_id")["person_id"].to_list() if "person_id" in names else []
    texts = cells(people, NOT_FOR)[NOT_FOR].to_list() if NOT_FOR in names else []
    return reports | panel_restrictions_of(ids, texts)


def as_date(day: date | str | None) -> date | None:
    """Return a date that somebody gave; None where they gave none.

    Raises
    ------
    BadValue
        If it is none.
    """
    try:
        return date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError as error:
        raise BadValue(f"as_of is a date like '2012-09-01', not {day!r}.") from error


def day_of(as_of: date | str | None, latest: date) -> date:
    """Return a date that somebody gave, or else the megafile's own.

    Raises
    ------
    BadValue
        If it is none, or later than the megafile.
    """
    day = as_date(as_of) or latest
    if day > latest:
        raise BadValue(f"The megafile knows nothing after {latest}; as_of={day} is later.")
    return day


def _check_vocabulary(megafile: Connection, column: str, value: Any) -> None:
    """Refuse a text that nobody has in a column of few values: it would be an audience of nobody, silently."""
    given = [literal for literal in (value if isinstance(value, list | tuple) else [value]) if isinstance(literal, str)]
    if not given or schema.columns_of("person").get(column) != "VARCHAR":
        return
    known = megafile.values("person", column, most=MOST)
    if not known or len(known) > VOCABULARY:
        return
    for literal in given:
        if literal not in known:
            raise BadValue(f"{column}={literal!r}: nobody has that{nearest(literal, known)} There is: {listed(known)}.")


def _equality(name: str, value: Any) -> str:
    column = name if name.isidentifier() else quote_identifier(name)
    if value is None:
        return f"{column} IS NULL"
    return f"{column} {'IN' if isinstance(value, list | tuple) else '='} {quote_literal(value)}"
