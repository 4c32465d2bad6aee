"""A table's columns by name; of a universe also its facts, and the person as its unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from campaignkit.checks import check_columns, open_table
from campaignkit.errors import BadValue
from campaignkit.sql import quote_identifier

PERSON, HOUSEHOLD = "person_id", "household_id"  # every universe has them


def named_table(data: object, names: Sequence[str], where: str = "the table") -> tuple[Any, dict[str, str]]:
    """Return the table, and how SQL speaks of each column.

    Of what has ``.features()``, as a universe does, names may also be facts such as ``gifts('90d')``; these
    stand in SQL as they are written.

    Parameters
    ----------
    data : table
        As for `open_table`.
    names : sequence of str
        Columns, and of a universe facts.
    where : str
        What the error calls the table.

    Raises
    ------
    ColumnNotFound
        A name is neither.

    Examples
    --------
    >>> import campaignkit as ck
    >>> donors = ck.sample.megafile().universe("donor")
    >>> frame, spoken = named_table(donors, ["state", "gifts('90d')"])
    >>> spoken
    {'state': '"state"', "gifts('90d')": "gifts('90d')"}
    """
    frame = open_table(data)
    available = frame.collect_schema().names()
    facts = [name for name in names if name not in available]
    if is_universe(data) and facts:
        wanted = {name: name if name in facts else quote_identifier(name) for name in names}
        frame = open_table(data.features({k: v for k, v in wanted.items() if k not in (PERSON, HOUSEHOLD)}))  # ty: ignore
    else:
        facts = []
    check_columns(frame, *names, where=where)
    return frame, {name: name if name in facts else quote_identifier(name) for name in names}


def is_universe(data: object) -> bool:
    """Return whether data are people of a megafile, of whom facts can be asked: one row a person."""
    return callable(getattr(data, "features", None)) and callable(getattr(data, "relation", None))


def unit_of(data: object, unit: str | None) -> str | None:
    """Return the unit's column: of a universe, where none is named, the person's."""
    return PERSON if unit is None and is_universe(data) else unit


def needed_unit(data: object, unit: str | None) -> str:
    """Return the same where there must be one.

    Raises
    ------
    BadValue
        None is named, and the table is no universe.
    """
    if (found := unit_of(data, unit)) is None:
        raise BadValue("unit is None; name the column of the person's id. (Of a universe it is 'person_id'.)")
    return found
