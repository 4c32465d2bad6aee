"""What is read of an experiment: its columns, its groups of people, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaignkit.errors import BadValue
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.moments import Moments

KINDS = ("rate", "money", "mean")


@dataclass(frozen=True)
class Columns:
    """Which columns hold what; None where there is none."""

    arm: tuple[str, ...]
    outcomes: tuple[str, ...]
    strata: tuple[str, ...] = ()
    unit: str | None = None
    cluster: str | None = None
    pre: Mapping[str, str] = field(default_factory=dict)
    weight: str | None = None
    per: str | None = None
    sequence: str | None = None
    kind: str | None = None
    nested: bool = True  # whether clusters must lie within strata

    @property
    def keys(self) -> list[str]:
        """What makes a group."""
        return [*self.arm, *self.strata, *([] if self.sequence is None else [self.sequence])]

    @property
    def plain(self) -> bool:
        """Whether each row is a unit that counts 1 and has no forerunner: then first moments of y are all it takes."""
        return self.cluster is None and self.weight is None and self.per is None and not self.pre

    @property
    def named(self) -> list[str]:
        """All columns that are read."""
        single = (self.unit, self.cluster, self.weight, self.per, self.sequence)
        names = [*self.arm, *self.strata, *self.outcomes, *self.pre.values(), *(one for one in single if one)]
        return list(dict.fromkeys(names))


@dataclass(frozen=True)
class Outcome:
    """One outcome in every group of `Groups.table`."""

    name: str
    kind: str
    moments: Moments
    rows: NDArray[np.int64]  # people with the outcome
    missing: NDArray[np.int64]
    cross: Floats | None = None  # Σ over clusters of (y, d, p)' of the group times (y, d, p) of the control
    top_share: dict[Any, float] = field(default_factory=dict)  # by arm


@dataclass(frozen=True)
class Groups:
    """Groups of people and what came of them.

    Attributes
    ----------
    table
        One row a group: its keys, `rows` (people) and `units` (rows or clusters).
    unassigned
        Rows without an arm, set aside.
    spans
        Whether some cluster has people in more than one arm.
    alone
        People of no known cluster, each taken for a cluster of their own.
    """

    table: pl.DataFrame
    outcomes: list[Outcome]
    unassigned: int
    spans: bool
    alone: int = 0

    def notes(self, columns: Columns) -> tuple[str, ...]:
        """Say what was set aside, and who was taken for a cluster of their own."""
        said = []
        if self.unassigned:
            said.append(f"{self.unassigned:,} rows have no {' or '.join(columns.arm)} and were set aside.")
        if self.alone:
            said.append(f"{self.alone:,} people have no {columns.cluster} and count as one each.")
        return tuple(said)


def column_map(value: Any, outcomes: Sequence[str], name: str) -> dict[str, str]:
    """Return a column for each outcome: one column for the only outcome, or a mapping."""
    if value is None:
        return {}
    if isinstance(value, str):
        if len(outcomes) > 1:
            raise BadValue(f"{name} is {value!r}; with several outcomes say which for each: {{outcome: column}}.")
        return {outcomes[0]: value}
    if not isinstance(value, Mapping) or set(value) - set(outcomes):
        raise BadValue(f"{name} is {value!r}; a mapping of outcomes to columns was expected.")
    return dict(value)


def assigned(table: pl.DataFrame, columns: Columns) -> tuple[int, pl.DataFrame]:
    without = pl.any_horizontal(pl.col(name).is_null() for name in columns.arm)
    unassigned = int(table.filter(without)["n"].sum())
    table = table.filter(~without)
    if columns.sequence is not None and table[columns.sequence].null_count():
        raise BadValue(f"sequence: {columns.sequence!r} is null in some rows; give them their day.")
    return unassigned, table


def kind_of(low: Any, high: Any, total: float, nonzero: float) -> str:
    """Return what an outcome is; `nonzero` is a count or sum of squares that equals the sum if all are 0 or 1."""
    if low is None or (low >= 0 and high <= 1 and abs(total - nonzero) <= 1e-9 * max(total, 1.0)):
        return "rate"
    return "money" if low == 0 and high > 0 else "mean"


def fill_nonzero(mean: Floats, products: Floats, n: Floats, share: Floats) -> None:
    """Put in what follows for the share of non-zeros where each row counts 1: y · g = y."""
    y = mean[:, 0]
    mean[:, 3] = share
    products[:, 3, 3] = n * share * (1 - share)
    products[:, 0, 3] = products[:, 3, 0] = n * y * (1 - share)
