"""A feature's values → codes 0, 1, 2 …, and the columns of a regression that each code puts numbers into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.stats.arrays import Floats, Whole
from campaignkit.voters.model.features import Feature

RARE = 20  # rows below which a level has no coefficient of its own
OTHER, MISSING = "(other)", "(missing)"


@dataclass(frozen=True)
class Levels:
    """What a feature's keys mean.

    Attributes
    ----------
    feature : Feature
    keys : tuple
        Every key seen; null is None. Of a spline: every point of the grid from the least to the largest.
    codes : tuple of int
        The code of each key: 0 is the commonest, with which others are compared. Rare keys share one.
    other : int
        The code of keys never seen: that of the rare ones where these are enough, else 0.
    basis : array, codes × columns
        What each code puts into the columns.
    labels : tuple of str
        One a code.
    names : tuple of str
        One a column.
    """

    feature: Feature
    keys: tuple[Any, ...]
    codes: tuple[int, ...]
    other: int
    basis: Floats
    labels: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def missing(self) -> int:
        """The code of null."""
        return dict(zip(self.keys, self.codes, strict=True)).get(None, self.other)

    def code(self, keys: pl.Series) -> Whole:
        """Return the code of each key."""
        known = {key: code for key, code in zip(self.keys, self.codes, strict=True) if key is not None}
        keys = self._within(keys)
        if not known:
            coded = pl.select(pl.when(keys.is_null()).then(self.missing).otherwise(self.other)).to_series()
        else:
            dtype = pl.Int64
            coded = keys.replace_strict(list(known), list(known.values()), default=self.other, return_dtype=dtype)
            coded = pl.select(pl.when(keys.is_null()).then(self.missing).otherwise(coded)).to_series()
        return coded.to_numpy().astype(np.int64)

    def _within(self, keys: pl.Series) -> pl.Series:
        if self.feature.kind != "spline":
            return keys
        points = [key for key in self.keys if key is not None]
        return keys.clip(min(points), max(points)) if points else keys

    def unseen(self, keys: pl.Series) -> pl.Series:
        """Return which keys were never seen; of a spline, which are beyond its ends."""
        known = [key for key in self.keys if key is not None]
        odd = ~keys.is_in(known) if known else ~keys.is_null()
        return odd.fill_null(None not in self.keys)

    def lookup(self, key: nw.Expr, table: Floats | Whole) -> nw.Expr:
        """Return an expression of a key: the table's number for its code."""
        kind = nw.Float64 if table.dtype.kind == "f" else nw.Int64
        values = {k: table[code].item() for k, code in zip(self.keys, self.codes, strict=True) if k is not None}
        rest = nw.lit(table[self.other].item(), kind)
        if self.feature.kind == "spline" and values:
            key = key.clip(min(values), max(values))
        values = {k: value for k, value in values.items() if value != table[self.other]}
        looked_up = (
            key.replace_strict(list(values), list(values.values()), default=rest, return_dtype=kind) if values else rest
        )
        if table[self.missing] == table[self.other]:
            return nw.when(key.is_null()).then(rest).otherwise(looked_up)
        return nw.when(key.is_null()).then(nw.lit(table[self.missing].item(), kind)).otherwise(looked_up)

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        feature = self.feature.__dict__ | {"edges": list(self.feature.edges)}
        rest = {name: list(getattr(self, name)) for name in ("keys", "codes", "labels", "names")}
        return {"feature": feature, "other": self.other, "basis": self.basis.tolist(), **rest}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Levels:
        """Return what `to_dict` gave."""
        feature = Feature(**saved["feature"] | {"edges": tuple(saved["feature"]["edges"])})
        parts = {name: tuple(saved[name]) for name in ("keys", "codes", "labels", "names")}
        basis = np.array(saved["basis"], float).reshape(len(parts["labels"]), len(parts["names"]))
        return cls(feature=feature, other=saved["other"], basis=basis, **parts)


def levels_of(feature: Feature, keys: pl.Series, n: pl.Series) -> Levels:
    """Return the levels of a feature, from its keys and how many rows have each.

    Parameters
    ----------
    feature : Feature
    keys : Series
        Keys, any number of times.
    n : Series
        The rows of each.
    """
    counted = pl.DataFrame({"key": keys, "n": n}).group_by("key").agg(pl.col("n").sum()).sort("key", nulls_last=True)
    pairs = list(counted.iter_rows())
    return _spline(feature, pairs) if feature.kind == "spline" else _categories(feature, pairs)


def _categories(feature: Feature, pairs: list[tuple[Any, int]]) -> Levels:
    common = max(pairs, key=lambda pair: pair[1])[0]
    kept = [key for key, n in pairs if n >= RARE and key != common]
    rare = [key for key, n in pairs if n < RARE and key != common]
    enough = sum(n for key, n in pairs if key in set(rare)) >= RARE
    code: dict[Any, int] = {common: 0} | {key: at for at, key in enumerate(kept, 1)}
    other = len(kept) + 1 if enough else 0
    code |= dict.fromkeys(rare, other)
    labels = [feature.label(key) for key in [common, *kept]] + ([OTHER] if enough else [])
    basis = np.eye(len(labels))[:, 1:]
    return Levels(feature, tuple(code), tuple(code.values()), other, basis, tuple(labels), tuple(labels[1:]))


def _spline(feature: Feature, pairs: list[tuple[Any, int]]) -> Levels:
    known = [(key, n) for key, n in pairs if key is not None]
    if len(known) < 2:
        return _categories(feature, pairs)
    missing = sum(n for key, n in pairs if key is None)
    points = np.arange(known[0][0], known[-1][0] + 1)
    curve = natural_spline(
        points * feature.grid, *(np.array(part, float) for part in zip(*known, strict=True)), feature
    )
    middle = int(np.searchsorted(np.cumsum([n for _, n in known]), sum(n for _, n in known) / 2))
    codes = dict(zip(points.tolist(), range(len(points)), strict=True))
    at = codes[known[middle][0]]
    labels, names = (
        [feature.label(point) for point in points.tolist()],
        [f"spline {i + 1}" for i in range(curve.shape[1])],
    )
    if missing < RARE:
        return Levels(feature, (*codes, None), (*codes.values(), at), at, curve, tuple(labels), tuple(names))
    basis = np.zeros((len(points) + 1, curve.shape[1] + 1))
    basis[:-1, :-1], basis[-1, :-1], basis[-1, -1] = curve, curve[at], 1.0
    return Levels(
        feature, (*codes, None), (*codes.values(), len(points)), at, basis, (*labels, MISSING), (*names, MISSING)
    )  # fmt: skip


def natural_spline(points: Floats, keys: Floats, n: Floats, feature: Feature) -> Floats:
    """Return a natural cubic spline's columns at some points, linear beyond its outer knots.

    Knots stand at equally spaced quantiles from 5% to 95%. The first column is linear, centered; all are in standard
    deviations of the variable.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, section 2.4.5.
    """
    x = keys * feature.grid
    middle, spread = np.average(x, weights=n), 1.0
    spread = float(np.sqrt(np.average((x - middle) ** 2, weights=n))) or 1.0
    shares = np.linspace(0.05, 0.95, feature.knots)
    t = np.unique(x[np.minimum(np.searchsorted(np.cumsum(n), shares * n.sum()), len(x) - 1)])
    z, t = (points - middle) / spread, (t - middle) / spread
    columns = [z]
    for knot in t[:-2]:
        cubes = [np.maximum(z - at, 0) ** 3 for at in (knot, t[-2], t[-1])]
        last = t[-1] - t[-2]
        columns.append(
            (cubes[0] - cubes[1] * (t[-1] - knot) / last + cubes[2] * (t[-2] - knot) / last) / (t[-1] - t[0]) ** 2
        )
    return np.column_stack(columns)
