"""Any engine's table → arrays, a batch at a time: codes of attributes, outcome, weight, dollars, clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaignkit.donors.attributes import Attribute, Binning, collector
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.splits import id_texts, shares_of, split_keys
from campaignkit.tables import open_columns, require_ids


@dataclass(frozen=True)
class Rows:
    """A table's rows as arrays of one length.

    Attributes
    ----------
    attributes : list of Attribute
        One a column of `by`, with its codes.
    outcome : array of bool
    weight, amount : array of float64, or None
    cluster : array of int64, or None
        Which rows are drawn together; None: each for itself.
    held_out : array of bool, or None
        Which rows confirm; None: all search.
    set_aside : int
        Rows without an outcome, which are in none of the arrays.
    """

    attributes: list[Attribute]
    outcome: NDArray[np.bool_]
    weight: NDArray[np.float64] | None
    amount: NDArray[np.float64] | None
    cluster: NDArray[np.int64] | None
    held_out: NDArray[np.bool_] | None
    set_aside: int


@dataclass(frozen=True)
class Columns:
    """Which column plays which part."""

    outcome: str
    by: Mapping[str, Binning]
    unit: str | None
    cluster: str | None
    weight: str | None
    amount: str | None

    @property
    def named(self) -> list[str]:
        """All columns, each once."""
        others = [self.outcome, self.unit, self.cluster, self.weight, self.amount]
        return list(dict.fromkeys([*self.by, *(name for name in others if name is not None)]))


def read(data: object, columns: Columns, holdout: float | None, seed: int) -> Rows:
    """Read the named columns of any table once, and split its clusters.

    Raises
    ------
    BadValue, ColumnNotFound, NotEnoughData
        As `discover_segments` says.
    """
    opened = open_columns(data, columns.named)
    ids = [name for name in (columns.cluster, columns.unit) if name is not None]
    if holdout is not None:
        require_ids(opened, ids)
    schema, spoken = opened.frame.collect_schema(), opened.spoken
    if not schema[columns.outcome].is_numeric() and schema[columns.outcome] != nw.Boolean:
        raise BadValue(f"outcome: column {columns.outcome!r} is {schema[columns.outcome]}; booleans or 0/1 expected.")
    collectors = [collector(name, schema[name], spoken[name], binning) for name, binning in columns.by.items()]
    parts: dict[str, list[NDArray[Any]]] = {"outcome": [], "weight": [], "amount": [], "key": []}
    first, set_aside = 0, 0
    for batch in opened.batches(columns.named):
        known, dropped = _with_outcome(batch, columns.outcome)
        set_aside += dropped
        for one in collectors:
            one.add(known[one.name])
        for part, values in _numbers(known, columns).items():
            parts[part].append(values)
        if ids or holdout is not None:
            parts["key"].append(split_keys(id_texts(known, ids, first), seed))
        first += batch.height
    if not parts["outcome"] or not sum(map(len, parts["outcome"])):
        raise NotEnoughData("The table has no rows with an outcome.")
    joined = {part: np.concatenate(values) if values else None for part, values in parts.items()}
    cluster, held_out = _split(joined["key"], columns, holdout)
    outcome = joined["outcome"]
    assert outcome is not None
    return Rows(
        [one.finish() for one in collectors], outcome, joined["weight"], joined["amount"], cluster, held_out, set_aside
    )


def _with_outcome(batch: pl.DataFrame, outcome: str) -> tuple[pl.DataFrame, int]:
    values = batch[outcome]
    missing = values.is_null() | values.is_nan() if values.dtype.is_float() else values.is_null()
    dropped = int(missing.sum())
    return (batch.filter(~missing), dropped) if dropped else (batch, 0)


def _numbers(batch: pl.DataFrame, columns: Columns) -> dict[str, NDArray[Any]]:
    outcome = batch[columns.outcome]
    odd = outcome.filter((outcome != 0) & (outcome != 1)) if outcome.dtype != pl.Boolean else outcome.head(0)
    if len(odd):
        raise BadValue(f"outcome: column {columns.outcome!r} holds {odd[0]}; true/false or 0/1 were expected.")
    found: dict[str, NDArray[Any]] = {"outcome": outcome.cast(pl.Boolean).to_numpy()}
    if columns.weight is not None:
        found["weight"] = _checked(batch[columns.weight], "weight", least=0.0)
    if columns.amount is not None:
        found["amount"] = _checked(batch[columns.amount].fill_null(0), "amount", least=-np.inf)
        if batch.select(pl.col(columns.amount).is_null() & pl.Series(found["outcome"])).to_series().any():
            raise BadValue(f"amount: {columns.amount!r} is null on rows with the outcome; say 0 where nothing came.")
    return found


def _checked(values: pl.Series, name: str, least: float) -> NDArray[np.float64]:
    if not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        raise BadValue(f"{name}: column {values.name!r} is {values.dtype}; numbers were expected.")
    numbers = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    bad = ~np.isfinite(numbers) | (numbers < least)
    if bad.any():
        raise BadValue(
            f"{name}: column {values.name!r} is null, NaN, infinite or below {least:g} in {bad.sum():,} rows."
        )
    return numbers


def _split(
    key: NDArray[np.int64] | None, columns: Columns, holdout: float | None
) -> tuple[NDArray[np.int64] | None, NDArray[np.bool_] | None]:
    """Return the clusters (units that come more than once are clusters too) and who is held out."""
    if key is None:
        return None, None
    held_out = None if holdout is None else shares_of(key) >= 1 - holdout
    alone = columns.cluster is None and (columns.unit is None or pl.Series(key).n_unique() == len(key))
    return None if alone else key, held_out
