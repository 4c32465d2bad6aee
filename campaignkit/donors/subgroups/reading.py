"""Any engine's table → arrays, a batch at a time: codes of attributes, outcome, weight, dollars, clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaignkit.donors.subgroups.attributes import Attribute, Binning, collector
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.spark import counted_rows, is_key, is_spark, repeated
from campaignkit.splits import SHARE, id_texts, shares_of, split_keys, with_shares
from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.tables import Roles, Table, booleans, numbers, open_roles, require_ids

HELD_OUT = "__held_out"  # a column of counted rows


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
    fetched : int or None
        Rows that were read from Spark; None: the table is not Spark's.
    """

    attributes: list[Attribute]
    outcome: Mask
    weight: Floats | None
    amount: Floats | None
    cluster: Whole | None
    held_out: Mask | None
    set_aside: int
    fetched: int | None = None


def read(
    data: object, roles: Roles, binnings: Mapping[str, Binning], amount: str | None, holdout: float | None, seed: int
) -> Rows:
    """Read the columns of any table once, and split its clusters; `amount` is among the roles' others.

    Raises
    ------
    BadValue, ColumnNotFound, NotEnoughData
        As `discover_segments` says.
    """
    table = open_roles(data, roles)
    if holdout is not None:
        require_ids(table, roles.ids)
    (outcome,) = roles.outcomes
    schema = table.frame.collect_schema()
    collectors = [collector(name, schema[name], table.spoken[name], cuts) for name, cuts in binnings.items()]
    parts: dict[str, list[NDArray[Any]]] = {"outcome": [], "weight": [], "amount": [], "key": [], HELD_OUT: []}
    first, set_aside = 0, 0
    on_spark = counted_on_spark(table, roles, holdout, seed)
    for batch in table.batches(roles.names) if on_spark is None else repeated(on_spark):
        known = batch.drop_nans(outcome) if schema[outcome].is_float() else batch
        known = known.drop_nulls(outcome)
        set_aside += batch.height - known.height
        for column in collectors:
            column.add(known[column.name])
        for part, values in _numbers(known, outcome, roles.weight, amount).items():
            parts[part].append(values)
        if HELD_OUT in known.columns:
            parts[HELD_OUT].append(known[HELD_OUT].to_numpy())
        elif on_spark is None and (roles.ids or holdout is not None):
            parts["key"].append(split_keys(id_texts(known, roles.ids, first), seed))
        first += batch.height
    joined = {part: np.concatenate(values) if values else None for part, values in parts.items()}
    if joined["outcome"] is None or not len(joined["outcome"]):
        raise NotEnoughData("The table has no rows with an outcome.")
    cluster, held_out = _split(joined["key"], roles, holdout)
    attributes = [column.finish() for column in collectors]
    fetched = (first if on_spark is None else on_spark.height) if is_spark(table.frame) else None
    return Rows(
        attributes, joined["outcome"], joined["weight"], joined["amount"], cluster,
        held_out if joined[HELD_OUT] is None else joined[HELD_OUT], set_aside, fetched,
    )  # fmt: skip


def counted_on_spark(table: Table, roles: Roles, holdout: float | None, seed: int) -> pl.DataFrame | None:
    """Return a Spark table's rows that differ, with how often each comes and whether it is held out, counted there.

    None: the table is not Spark's; or rows are clustered (by `cluster`, a unit that comes more than once or is null),
    so that who each belongs to counts.
    """
    if not is_spark(table.frame) or roles.cluster is not None:
        return None
    frame = table.lazy().select(*roles.names)
    keys = [name for name in roles.names if name != roles.unit]
    if roles.unit is not None:
        if not is_key(frame, roles.unit):
            return None
        if holdout is not None:
            frame = with_shares(frame, [roles.unit], seed).with_columns((nw.col(SHARE) >= 1 - holdout).alias(HELD_OUT))
            keys.append(HELD_OUT)
    return counted_rows(frame, keys)


def _numbers(batch: pl.DataFrame, outcome: str, weight: str | None, amount: str | None) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"outcome": booleans(batch[outcome])}
    if weight is not None:
        arrays["weight"] = numbers(batch[weight], "weight", least=0.0, mend="Put 0 where a row should not count.")
    if amount is not None:
        arrays["amount"] = numbers(batch[amount].fill_null(0), "amount")
        if (batch[amount].is_null() & pl.Series(arrays["outcome"])).any():
            raise BadValue(f"amount: {amount!r} is null on rows with the outcome; put 0 where nothing came in.")
    return arrays


def _split(key: Whole | None, roles: Roles, holdout: float | None) -> tuple[Whole | None, Mask | None]:
    """Return the clusters (units that come more than once are clusters too) and who is held out."""
    if key is None:
        return None, None
    held_out = None if holdout is None else shares_of(key) >= 1 - holdout
    alone = roles.cluster is None and (roles.unit is None or pl.Series(key).n_unique() == len(key))
    return None if alone else key, held_out
