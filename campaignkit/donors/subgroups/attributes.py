"""A column's values as small integers, and the words and the SQL that stand for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from campaignkit.errors import BadValue
from campaignkit.labels import condition, label
from campaignkit.sql import quote_literal
from campaignkit.stats.arrays import Floats, Mask

Binning = int | Sequence[float] | None

VALUES = 20  # whole numbers with no more values than this are taken as they are
QUANTILES = 5  # and all others cut into so many groups of about one size


@dataclass(frozen=True)
class Attribute:
    """One column: each row's code, and what each code means.

    Attributes
    ----------
    name : str
    codes : array of uint8, uint16 or uint32
    labels, wheres : list of str
        By code. A row whose code is their length has a value too rare to make a segment.
    """

    name: str
    codes: NDArray[Any]
    labels: list[str]
    wheres: list[str]

    @property
    def values(self) -> int:
        """How many values can make a condition."""
        return len(self.labels)

    def pick(self, rows: Mask) -> Attribute:
        """Return it for some of the rows."""
        return Attribute(self.name, self.codes[rows], self.labels, self.wheres)

    def keep(self, kept: Mask) -> Attribute:
        """Return it with only these values making conditions."""
        order = np.flatnonzero(kept)
        new = np.full(self.values + 1, len(order))
        new[order] = np.arange(len(order))
        codes = new.astype(np.min_scalar_type(len(order)))[self.codes]
        return Attribute(self.name, codes, [self.labels[i] for i in order], [self.wheres[i] for i in order])


class Collector(Protocol):
    """Takes a column batch by batch, and gives its attribute at the end."""

    name: str

    def add(self, values: pl.Series) -> None:
        """Take the next rows."""

    def finish(self) -> Attribute:
        """Return the attribute of all rows."""


def binnings(by: str | Iterable[str] | Mapping[str, Binning]) -> dict[str, Binning]:
    """Return the columns to search and how each is binned, from a list of names or a mapping.

    Examples
    --------
    >>> binnings(["region", "age"])
    {'region': None, 'age': None}
    >>> binnings({"region": None, "age": [40, 50]})
    {'region': None, 'age': [40, 50]}
    """
    named: dict[Any, Any] = dict(by) if isinstance(by, Mapping) else {}
    listed = [by] if isinstance(by, str) else list(by)
    for name in listed:
        if not isinstance(name, str):
            raise BadValue(f"by holds {name!r}; columns are named by strings.")
        if listed.count(name) > 1:
            raise BadValue(f"by names {name!r} twice; name it once.")
        _check_binning(name, named.setdefault(name, None))
    if not named:
        raise BadValue("by is empty; name at least one column to search.")
    return named


def _check_binning(name: str, binning: Any) -> None:
    if binning is None or (isinstance(binning, int) and not isinstance(binning, bool) and binning >= 2):
        return
    edges = [] if isinstance(binning, str | int | bool) or not isinstance(binning, Iterable) else list(binning)
    numbers = all(isinstance(edge, int | float) and np.isfinite(edge) for edge in edges)
    if not edges or not numbers or any(a >= b for a, b in pairwise(edges)):
        raise BadValue(
            f"by: {name!r} is binned by {binning!r}; rising edges such as [30, 45], a number of quantile groups of at "
            "least 2, or None were expected."
        )


def collector(name: str, dtype: Any, sql: str, binning: Binning) -> Collector:
    """Return what reads a column of this type.

    Raises
    ------
    BadValue
        The type has no values to search (times, lists), or text is to be binned.
    """
    if dtype.is_numeric():
        return _Numbers(name, sql, binning, whole=dtype.is_integer())
    if binning is not None:
        raise BadValue(f"by: {name!r} is {dtype}; only numbers are binned.")
    if dtype in (nw.String, nw.Categorical, nw.Boolean, nw.Date) or isinstance(dtype, nw.Enum) or dtype == nw.Enum:
        return _Texts(name, sql, dtype)
    mend = "Make it a text, a number, a date or a boolean"
    raise BadValue(f"by: {name!r} is {dtype}. {mend}, or leave it out.")


class _Texts:
    """Text, dates and booleans: each value is a condition."""

    def __init__(self, name: str, sql: str, dtype: Any) -> None:
        self.name, self.sql, self.dtype = name, sql, dtype
        self.categories = pl.Categories.random()
        self.parts: list[NDArray[Any]] = []
        self.known: list[pl.DataFrame] = []  # code and text
        self.alive: list[pl.Series] = []  # Polars numbers the texts anew once no column has the categories

    def add(self, values: pl.Series) -> None:
        if not isinstance(values.dtype, pl.Categorical | pl.Enum):
            values = values.cast(pl.String).cast(pl.Categorical(self.categories))
        self.alive.append(values.clear())
        codes = (values.to_physical().cast(pl.UInt32) + 1).fill_null(0).to_numpy()
        where = np.zeros(int(codes.max(initial=0)) + 1, np.int64)
        where[codes] = np.arange(len(codes))  # one row that has each code
        there = where[np.bincount(codes, minlength=len(where)) > 0]
        self.known.append(pl.DataFrame({"code": codes[there], "text": values.gather(there).cast(pl.String)}))
        self.parts.append(codes.astype(np.min_scalar_type(len(where))))

    def finish(self) -> Attribute:
        codes = np.concatenate(self.parts)
        table = pl.concat(self.known).unique().sort("text", nulls_last=True)
        order, texts = table["code"].to_list(), table["text"].to_list()
        assert len(set(order)) == len(set(texts)) == len(order), f"codes of {self.name} changed between batches"
        new = np.zeros(max(order) + 1, np.min_scalar_type(len(order)))
        new[order] = np.arange(len(order))
        values = [None if text is None else self._value(text) for text in texts]
        return Attribute(
            self.name, new[codes], [self._label(value) for value in values], [_equals(self.sql, v) for v in values]
        )

    def _value(self, text: str) -> Any:
        if self.dtype == nw.Boolean:
            return text == "true"
        return np.datetime64(text).astype(object) if self.dtype == nw.Date else text

    def _label(self, value: Any) -> str:
        if value is None:
            return f"{label(self.name)} unknown"
        if isinstance(value, bool):
            return label(self.name) if value else f"not {label(self.name)}"
        return condition(self.name, value)


class _Numbers:
    """Numbers: each value where they are whole and few, else ranges."""

    def __init__(self, name: str, sql: str, binning: Binning, *, whole: bool) -> None:
        self.name, self.sql, self.binning, self.whole = name, sql, binning, whole
        self.parts: list[pl.Series] = []

    def add(self, values: pl.Series) -> None:
        self.parts.append(values if values.dtype.is_float() else values.cast(pl.Float64))

    def finish(self) -> Attribute:
        values = pl.concat(self.parts)
        known = values.fill_nan(None).drop_nulls()
        distinct = known.unique()
        if self.binning is None and self.whole and len(distinct) <= VALUES:
            return self._as_values(values, distinct.sort().to_numpy())
        return self._as_ranges(values, self._edges(known))

    def _edges(self, known: pl.Series) -> Floats:
        if self.binning is not None and not isinstance(self.binning, int):
            return np.asarray(list(self.binning), float)
        groups = QUANTILES if self.binning is None else self.binning
        cuts = np.linspace(0, 1, groups + 1)[1:-1]
        quantiles = [known.quantile(float(cut), "higher") for cut in cuts]
        edges = np.unique([edge for edge in quantiles if edge is not None])
        return edges[edges > known.to_numpy().min()] if len(edges) else edges

    def _as_values(self, values: pl.Series, distinct: Floats) -> Attribute:
        codes = np.searchsorted(distinct, values.fill_null(0).to_numpy())
        whole = [int(value) for value in distinct]
        labels = [condition(self.name, value) for value in whole]
        return self._with_unknown(values, codes, labels, [_equals(self.sql, value) for value in whole])

    def _as_ranges(self, values: pl.Series, edges: Floats) -> Attribute:
        codes = np.searchsorted(edges, values.fill_null(0).to_numpy(), side="right")
        nan = f" AND NOT isnan({self.sql})" if values.is_nan().any() else ""
        texts, words = [_number(edge, 15) for edge in edges], [_number(edge, 4) for edge in edges]
        words = words if len(set(words)) == len(words) else texts
        if not texts:
            labels, wheres = [condition(self.name, "known")], [f"{self.sql} IS NOT NULL{nan}"]
        else:
            labels = [condition(self.name, f"under {words[0]}")]
            labels += [condition(self.name, f"{low} to under {high}") for low, high in pairwise(words)]
            labels += [condition(self.name, f"{words[-1]} or more")]
            wheres = [f"{self.sql} < {texts[0]}"]
            wheres += [f"{self.sql} >= {low} AND {self.sql} < {high}" for low, high in pairwise(texts)]
            wheres += [f"{self.sql} >= {texts[-1]}{nan}"]
        return self._with_unknown(values, codes, labels, wheres)

    def _with_unknown(self, values: pl.Series, codes: NDArray[Any], labels: list[str], wheres: list[str]) -> Attribute:
        codes = np.minimum(codes, len(labels))
        for missing, value, where in (
            (values.is_nan(), "not a number", f"isnan({self.sql})"),
            (values.is_null(), "unknown", f"{self.sql} IS NULL"),
        ):
            rows = missing.fill_null(False).to_numpy()
            if rows.any():
                codes[rows] = len(labels)
                labels, wheres = [*labels, condition(self.name, value)], [*wheres, where]
        return Attribute(self.name, codes.astype(np.min_scalar_type(len(labels))), labels, wheres)


def _number(edge: float, digits: int) -> str:
    """Write an edge: in words to a few digits, in SQL so that it is the same number."""
    text = f"{edge:.{digits}g}"
    return repr(float(edge)) if digits >= 15 and float(text) != edge else text


def _equals(sql: str, value: Any) -> str:
    return f"{sql} IS NULL" if value is None else f"{sql} = {quote_literal(value)}"
