"""A table of treated people and others → the arrays that a comparison needs, and what was set aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaignkit.checks import column_names
from campaignkit.errors import BadValue, NotEnoughData, listed
from campaignkit.spark import TIMES, counted_rows, fetch_note, is_key, is_spark, repeated
from campaignkit.splits import id_texts, shares_of, split_keys
from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.causal.comparison import Comparison
from campaignkit.stats.causal.multiple_imputation import fillings
from campaignkit.stats.regression.least_squares import chunks
from campaignkit.tables import Roles, Table, booleans, numbers, open_columns, require_ids, weights
from campaignkit.wording import counted

FOLDS = 5
MOST_LEVELS = 100  # of a text
DEPENDENT = 1e-9  # the share of a column's variance that is its own, below which it has none


@dataclass(frozen=True)
class Column:
    """One column of the covariates' matrix: its own name, the covariate that it came from, and its scale."""

    name: str
    covariate: str
    center: float
    scale: float


@dataclass(frozen=True)
class ObservationalData:
    """The arrays, and what must be said of them.

    Attributes
    ----------
    comparison : Comparison
        Sorted by fold and arm; where numbers have gaps, filled for the first time.
    columns : tuple of Column
        Those of `comparison.x` after the first.
    order : array
        For each row, its position in the table.
    others : dict of str to array
        The numbers read along, in the comparison's order.
    notes : tuple of str
        What was set aside or filled.
    filled : dict of str to float
        By covariate with gaps, the share of people it is unknown for.
    refilled : tuple of Comparison
        The same with gaps filled anew, as `stats.causal.multiple_imputation` says; empty where there are none.
    """

    comparison: Comparison
    columns: tuple[Column, ...]
    order: NDArray[np.intp]
    others: dict[str, Floats]
    notes: tuple[str, ...]
    filled: dict[str, float] = field(default_factory=dict)
    refilled: tuple[Comparison, ...] = ()

    def columns_without(self, covariates: Iterable[str]) -> NDArray[np.intp]:
        """Return the positions in `comparison.x` of the 1 and of all columns but those of some covariates."""
        left_out = set(covariates)
        kept = [at for at, column in enumerate(self.columns, 1) if column.covariate not in left_out]
        return np.array([0, *kept])


def roles_of(treated: str, outcome: str, covariates: Iterable[str], **others: Any) -> Roles:
    """Return which column plays which part; `others` as `tables.Roles` has them.

    Raises
    ------
    BadValue
        A column plays two roles.
    """
    roles = Roles(arms=(treated,), outcomes=(outcome,), by=tuple(covariates), **others)
    return roles.check(arms="treated", by="covariates")


def read_table(data: object, roles: Roles) -> pl.DataFrame:
    """Return the named columns of any table as a Polars frame."""
    table = open_columns(data, roles.names)
    require_ids(table, roles.ids)
    return table.collect(roles.names)


def read_combinations(data: object, roles: Roles) -> tuple[pl.DataFrame, Roles, list[str]]:
    """Return the same table for a question to which only a row's values and its cluster matter, its roles and a note.

    Of a Spark table each combination of values is fetched once with its count, and stands here as often as it came,
    where it does not matter who it is of: each row is another unit's, or all have a cluster. Units are then left out.
    """
    table = open_columns(data, roles.names)
    require_ids(table, roles.ids)
    if not is_spark(table.frame) or not _unit_tells_nothing(table, roles):
        read = table.collect(roles.names)
        return read, roles, fetch_note(data, read.height, f"rows of {counted(read.width, 'column')}")
    roles = replace(roles, unit=None)
    combinations = counted_rows(table.lazy(), roles.names)
    note = fetch_note(data, combinations.height, f"combinations of {counted(len(roles.names), 'column')}")
    return pl.concat([combinations.drop(TIMES).clear(), *repeated(combinations)]), roles, note


def _unit_tells_nothing(table: Table, roles: Roles) -> bool:
    frame, cluster = table.lazy(), roles.cluster
    if any(kind.is_nested() for kind in frame.select(*roles.names).collect_schema().values()):
        return False
    if cluster is None:
        return roles.unit is None or is_key(frame, roles.unit)
    return not frame.filter(nw.col(cluster).is_null()).select(nw.len()).collect("polars").item()


def observational_data(
    table: pl.DataFrame, roles: Roles, *, everyone: bool = False, seed: int = 0
) -> ObservationalData:
    """Return a table as arrays, its folds drawn by the sha256 of each cluster's (or unit's) id and the seed.

    Raises
    ------
    BadValue, NotEnoughData
        As `estimate_lift` says.
    """
    treated, y = who_joined(table[roles.arms[0]], "treated"), numbers(table[roles.outcomes[0]], "outcome")
    others = {name: numbers(table[name], "placebo") for name in roles.others}
    fold, cluster = _folds(table, roles, seed)
    order = np.lexsort([treated, fold])
    x, columns, notes = _matrix(table, roles.by, order)
    _check_sizes(treated, x.shape[1], roles.arms[0])
    edges = np.searchsorted(fold[order], np.arange(FOLDS + 1))
    folds = tuple(slice(int(a), int(b)) for a, b in pairwise(edges) if b > a)
    comparison = Comparison(
        x,
        y[order],
        treated[order],
        row_weights(table, roles)[order],
        None if cluster is None else cluster[order],
        folds,
        everyone,
    )
    others = {name: value[order] for name, value in others.items()}
    gaps = _gaps(table, columns, order)
    filled = {columns[at - 1].name: float(gap.mean()) for at, gap in gaps.items()}
    first, *refilled = fillings(comparison, gaps, [*others.values()], seed) if gaps else [comparison]
    return ObservationalData(first, columns, order, others, notes, filled, tuple(refilled))


def _gaps(table: pl.DataFrame, columns: Sequence[Column], order: NDArray[np.intp]) -> dict[int, Mask]:
    """Return by position in the matrix where a number is unknown; of texts, that is a value of its own."""
    numeric = {at: column.name for at, column in enumerate(columns, 1) if column.name == column.covariate}
    unknown = {at: table[name].is_null() for at, name in numeric.items()}
    return {at: mask.to_numpy()[order] for at, mask in unknown.items() if mask.any()}


def who_joined(column: pl.Series, argument: str) -> Mask:
    """Return who joined (or was offered), from yes and no; dates and null are refused."""
    if column.dtype.is_temporal():
        raise BadValue(
            f"{argument}: column {column.name!r} is {column.dtype}. Make it true/false as of a day before the outcome "
            f"begins: (pl.col({column.name!r}) < day).fill_null(False); signed_up= and outcome_from= check the dates."
        )
    return booleans(column, argument)


def _folds(table: pl.DataFrame, roles: Roles, seed: int) -> tuple[Whole, Whole | None]:
    """Return each row's fold, whole clusters together, and the clusters numbered from 0 (None: none)."""
    key = split_keys(id_texts(table, roles.ids), seed)
    fold = (shares_of(key) * FOLDS).astype(np.int64)
    if not roles.ids:
        return fold, None
    known, cluster = np.unique(key, return_inverse=True)
    return fold, None if len(known) == len(key) else cluster


def row_clusters(table: pl.DataFrame, roles: Roles) -> Whole | None:
    """Return the rows' clusters numbered from 0; None: each row for itself."""
    return _folds(table, roles, 0)[1] if roles.ids else None


def row_weights(table: pl.DataFrame, roles: Roles) -> Floats:
    """Return the rows' weights: 1 where there are none."""
    return np.ones(table.height) if roles.weight is None else weights(table[roles.weight])


def _check_sizes(treated: Mask, columns: int, name: str) -> None:
    yes, no = int(treated.sum()), int((~treated).sum())
    for count, who in ((yes, f"with {name}"), (no, f"without {name}")):
        if count < 2 or (who.startswith("without") and count <= columns):
            raise NotEnoughData(
                f"{count:,} people {who} are too few for {columns - 1} columns of covariates; pass more people, or "
                "name fewer covariates."
            )


# --- covariates -------------------------------------------------------------------------------------------


def _matrix(
    table: pl.DataFrame, covariates: Sequence[str], order: NDArray[np.intp]
) -> tuple[Floats, tuple[Column, ...], tuple[str, ...]]:
    """Return 1 and the covariates, centered and scaled, without columns that say nothing new."""
    raw: list[tuple[str, str, Floats]] = []
    notes: list[str] = []
    for name in covariates:
        encoded, filled = _encoded(table[name])
        raw += [(label, name, values) for label, values in encoded]
        if filled:
            notes.append(f"{name} is unknown of {filled:,} people; a column says so, and balancing and models see it.")
    rows, columns = np.empty((len(raw) + 1, table.height)), []
    rows[0] = 1.0
    for label, name, values in raw:
        center, scale = float(values.mean()), float(values.std())
        if scale <= 1e-12 * max(abs(center), 1e-300):
            notes.append(f"{label} is the same for everyone and was left out.")
            continue
        columns.append(Column(label, name, center, scale))
        np.divide(values[order] - center, scale, out=rows[len(columns)])
    kept = independent(rows[: len(columns) + 1] @ rows[: len(columns) + 1].T / table.height)
    given = [column.name for at, column in enumerate(columns, 1) if at not in kept]
    notes += [f"{name} follows from the other covariates and was left out." for name in given]
    if len(kept) == 1:
        raise BadValue(f"covariates: none of {listed(covariates)} differs between people.")
    x = np.empty((table.height, len(kept)))
    for part in chunks(*x.shape):
        x[part] = rows[kept, part].T
    return x, tuple(columns[at - 1] for at in kept if at), tuple(notes)


def covariate_matrix(table: pl.DataFrame, covariates: Sequence[str]) -> Floats:
    """Return 1 and the covariates as columns, in the table's order."""
    return _matrix(table, covariates, np.arange(table.height))[0]


def independent(matrix: Floats) -> list[int]:
    """Return which columns, taken in order, do not follow from those before, given X'X over the rows.

    Examples
    --------
    >>> x = np.array([[1.0, 0, 1], [1, 1, 2], [1, 2, 3]])
    >>> independent(x.T @ x / 3)
    [0, 1]
    """
    left, kept = matrix.copy(), []
    for at in range(len(matrix)):
        if left[at, at] > DEPENDENT * matrix[at, at]:
            kept.append(at)
            left = left - np.outer(left[:, at], left[at]) / left[at, at]
    return kept


def _encoded(column: pl.Series) -> tuple[list[tuple[str, Floats]], int]:
    """Return a covariate's columns by name, and how many of its numbers were filled."""
    name, missing = column.name, column.null_count()
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        values = column.cast(pl.Float64)
        if values.is_infinite().any() or values.is_nan().any():
            raise BadValue(f"covariates: column {name!r} holds NaN or infinite numbers; make them null.")
        if not missing:
            return [(name, values.to_numpy())], 0
        gaps = values.is_null().cast(pl.Float64).to_numpy()
        return [(name, values.fill_null(values.mean()).to_numpy()), (f"{name} unknown", gaps)], missing
    if column.dtype.is_temporal() or column.dtype.is_nested():
        raise BadValue(f"covariates: column {name!r} is {column.dtype}; make it a number or a text before the call.")
    texts = column.cast(pl.String).fill_null("unknown")
    levels = texts.value_counts().sort("count", name, descending=[True, False])[name].to_list()
    if len(levels) > MOST_LEVELS:
        raise BadValue(f"covariates: {name!r} has {len(levels):,} values; group them into at most {MOST_LEVELS}.")
    return [(f"{name} {level}", (texts == level).cast(pl.Float64).to_numpy()) for level in levels[1:] or levels], 0


def is_function_of(values: Floats, source: Floats, order: NDArray[np.intp] | None = None) -> bool:
    """Return whether numbers plainly follow from others: steps of them, or rising or falling with them throughout.

    Rows where the source is equal must have equal values; and from one value of the source to the next they must
    change far more rarely than in random order, or always in one direction. `order` is the source's, where it is known.

    Examples
    --------
    >>> earned = np.array([0.0, 0, 0, 5, 7, 9] * 20) + np.arange(120) * 1e-3 * np.array([0, 0, 0, 1, 1, 1] * 20)
    >>> is_function_of((earned == 0).astype(float), earned), is_function_of(np.arange(120.0) % 7, earned)
    (True, False)
    """
    if order is None:
        order = np.argsort(source, kind="stable")
    steps, same = np.diff(values[order]), np.diff(source[order]) == 0
    if (steps[same] != 0).any():
        return False
    one_way = bool((steps >= 0).all() or (steps <= 0).all())
    if not one_way and (steps != 0).sum() > 0.05 * len(values):
        return False
    shares = np.unique(values, return_counts=True)[1] / len(values)
    by_chance = len(values) * (1 - shares @ shares)
    return bool(by_chance >= 20) and (one_way or int((steps != 0).sum()) <= 0.05 * by_chance)


def check_placebo(placebo: Mapping[str, Iterable[str]] | None, covariates: list[str]) -> dict[str, list[str]]:
    """Return placebo outcomes and the covariates each leaves out, as lists."""
    if placebo is None:
        return {}
    if not isinstance(placebo, Mapping):
        raise BadValue(f"placebo is {placebo!r}; a mapping such as {{'gifts_before': ['gifts_before']}} was expected.")
    placebos = {name: column_names(left_out, f"placebo[{name!r}]") for name, left_out in placebo.items()}
    for name, left_out in placebos.items():
        unknown = [covariate for covariate in left_out if covariate not in covariates]
        if unknown:
            raise BadValue(f"placebo[{name!r}] leaves out {listed(map(repr, unknown))}, which is no covariate.")
        if set(left_out) == set(covariates):
            raise BadValue(f"placebo[{name!r}] leaves out every covariate; nothing would be compared.")
    return placebos


def refuse_functions(data: ObservationalData, outcome: str, values: Floats, left_out: list[str], argument: str) -> None:
    """Raise where a covariate that stays in follows from an outcome."""
    order = np.argsort(values, kind="stable")
    for at, column in enumerate(data.columns, 1):
        if column.covariate not in left_out and is_function_of(data.comparison.x[:, at], values, order):
            if argument == "outcome":
                raise BadValue(f"covariates: {column.covariate!r} follows from the outcome {outcome!r}; leave it out.")
            mend: Any = {outcome: [*left_out, column.covariate]}
            raise BadValue(
                f"placebo: covariate {column.covariate!r} is a function of {outcome!r}, so balancing it settles "
                f"the answer in advance; leave it out too: placebo={mend}."
            )
