"""What is read of an experiment: its columns, its groups of people, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.experiments.moments.counts import Counts
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.intervals.moments import Moments
from campaignkit.tables import Roles
from campaignkit.vocabulary import CONFIDENCE_LEVEL

KINDS = ("rate", "money", "mean")


@dataclass(frozen=True)
class Design:
    """How an experiment was made, column by column.

    Attributes
    ----------
    roles : Roles
        `by` are the strata, `others` the covariates.
    covariates : mapping of str to str
        By outcome, what was known before the arms were drawn.
    denominator : str or None
        What outcomes are divided by. None: people.
    sequence : str or None
        The day on which a row came in.
    kind : str or None
        One of `KINDS`. None: as the values say.
    nested : bool
        Whether clusters must lie within strata.
    confidence_level : float
        Of all intervals.
    counts : Counts or None
        The columns of a table of counts. None: the table has one row per person.
    """

    roles: Roles
    covariates: Mapping[str, str] = field(default_factory=dict)
    denominator: str | None = None
    sequence: str | None = None
    kind: str | None = None
    nested: bool = True
    confidence_level: float = CONFIDENCE_LEVEL
    counts: Counts | None = None

    @property
    def keys(self) -> list[str]:
        """What makes a group."""
        return [*self.roles.arms, *self.roles.by, *([] if self.sequence is None else [self.sequence])]

    @property
    def independent(self) -> bool:
        """Whether each row is a unit that counts 1 and has no covariate: then first moments of y are all it takes."""
        others = (self.roles.cluster, self.roles.weight, self.denominator)
        return others == (None,) * 3 and not self.covariates

    @property
    def names(self) -> list[str]:
        """All columns that are read."""
        own = [name for name in (self.denominator, self.sequence) if name is not None]
        own += [] if self.counts is None else self.counts.names
        return list(dict.fromkeys([*self.roles.names, *own]))


def design_of(
    arms: Iterable[str], outcomes: Iterable[str], *, by: Iterable[str] = (), unit: str | None = None,
    cluster: str | None = None, weight: str | None = None, covariate: Any = None, **own: Any,
) -> Design:  # fmt: skip
    """Return an experiment's design from the arguments of a question."""
    check_scalar(own.get("kind"), "kind", choices=KINDS, optional=True)
    check_scalar(own.get("confidence_level", 0.5), "confidence_level", typ=float, ge=0.5, lt=1)
    outcomes = tuple(outcomes)
    covariates = column_map(covariate, outcomes, "covariate")
    roles = Roles(
        outcomes=outcomes, arms=tuple(arms), by=tuple(by), unit=unit, cluster=cluster, weight=weight,
        others=tuple(covariates.values()),
    )  # fmt: skip
    design = Design(roles.check("others", by="strata", others="covariate"), covariates, **own)
    if design.counts is not None and not (design.independent and unit is None):
        raise BadValue(
            "A table of counts tells nothing of single people: unit, cluster, weight, covariate and denominator need "
            "one row per person."
        )
    return design


@dataclass(frozen=True)
class Outcome:
    """One outcome in every group of `Groups.table`."""

    name: str
    kind: str
    moments: Moments
    rows: Whole  # people with the outcome
    missing: Whole
    cross: Floats | None = None  # Σ over clusters of (y, d, p)' of the group times (y, d, p) of the control
    top_share: dict[Any, float] = field(default_factory=dict)  # by arm
    log_variance: dict[Any, float] = field(default_factory=dict)  # by arm: of the gifts' natural logarithms


@dataclass(frozen=True)
class Groups:
    """Groups of people and what came of them.

    Attributes
    ----------
    table
        One row per group: its keys, `rows` (people) and `units` (rows or clusters).
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

    def notes(self, design: Design) -> tuple[str, ...]:
        """Say what was set aside, and who was taken for a cluster of their own."""
        notes = []
        if self.unassigned:
            notes.append(f"{self.unassigned:,} rows have no {' or '.join(design.roles.arms)} and were set aside.")
        if self.alone:
            notes.append(f"{self.alone:,} people have no {design.roles.cluster} and count as one each.")
        return tuple(notes)


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


def assigned(table: pl.DataFrame, design: Design) -> tuple[int, pl.DataFrame]:
    without = pl.any_horizontal(pl.col(name).is_null() for name in design.roles.arms)
    unassigned = int(table.filter(without)["n"].sum())
    table = table.filter(~without)
    if design.sequence is not None and table[design.sequence].null_count():
        raise BadValue(f"sequence: {design.sequence!r} is null in some rows; give them their day.")
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
