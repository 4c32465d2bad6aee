"""What a score is made from: columns taken as categories, numbers cut into bands or followed by a spline, in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import narwhals as nw
import numpy as np

from campaignkit.errors import BadValue, nearest

VALUES = 20  # numbers with no more values than this are taken as they are
GROUPS = 10  # and all others cut into so many groups of about one size
DIGITS = 4  # to so many significant digits


@dataclass(frozen=True)
class Bands:
    """A column of numbers cut at edges: below the first, from each to below the next, the last or more.

    Examples
    --------
    >>> Bands("age", [30, 45, 65])
    Bands(column='age', edges=[30, 45, 65])
    """

    column: str
    edges: Sequence[float]


@dataclass(frozen=True)
class Spline:
    """A column of numbers followed by a natural cubic spline, once rounded to a multiple of `grid`.

    Parameters
    ----------
    column : str
        The column.
    grid : float
        To what it is rounded: 1 for years of age. Beyond the least and the largest seen, the end's value holds.
    knots : int
        How many, at quantiles: 3 or more; a spline has one coefficient less.

    Examples
    --------
    >>> Spline("age", grid=1)
    Spline(column='age', grid=1, knots=5)
    """

    column: str
    grid: float
    knots: int = 5


@dataclass(frozen=True)
class Feature:
    """One column, and how its values become levels.

    Attributes
    ----------
    name : str
    block : str
        The block it is in.
    kind : {"category", "bands", "spline"}
        "" until the column's type is known.
    edges : tuple of float
        Of bands.
    grid : float
    knots : int
        Of a spline.
    """

    name: str
    block: str
    kind: str = ""
    edges: tuple[float, ...] = ()
    grid: float = 0.0
    knots: int = 0

    def key(self, dtype: Any) -> nw.Expr:
        """Return the value by which rows are grouped: the category, or the whole number of the band or grid point."""
        column = nw.col(self.name)
        if self.kind == "category":
            if isinstance(dtype, nw.Categorical | nw.Enum | nw.Unknown):
                return column.cast(nw.String)
            return nw.when(~column.is_nan()).then(column) if dtype.is_float() else column
        number = column.cast(nw.Float64)
        number = nw.when(~number.is_nan()).then(number)
        if self.kind == "spline":
            return (number / self.grid + 0.5).floor().cast(nw.Int64)
        band = nw.when(number < self.edges[0]).then(nw.lit(0))
        for at, edge in enumerate(self.edges[1:], 1):
            band = band.when(number < edge).then(nw.lit(at))
        return band.when(number >= self.edges[-1]).then(nw.lit(len(self.edges))).cast(nw.Int64)

    def label(self, key: Any) -> str:
        """Return a key in words.

        Examples
        --------
        >>> Feature("age", "all", "bands", (30, 45)).label(1), Feature("age", "all", "spline", grid=0.5).label(3)
        ('30 to under 45', '1.5')
        """
        if key is None:
            return "(missing)"
        if self.kind == "spline":
            return f"{key * self.grid:g}"
        if self.kind == "category":
            return str(key)
        if key == 0:
            return f"under {self.edges[0]:g}"
        return (
            f"{self.edges[-1]:g} or more"
            if key == len(self.edges)
            else f"{self.edges[key - 1]:g} to under {self.edges[key]:g}"
        )


@dataclass(frozen=True)
class FeatureSpec:
    """Features and their interactions, as an analyst named them.

    Attributes
    ----------
    features : tuple of Feature
    interactions : tuple of tuples of str
        Every product that is in the model, those within larger ones before them.
    """

    features: tuple[Feature, ...]
    interactions: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> list[str]:
        """The features' columns."""
        return [feature.name for feature in self.features]

    @property
    def blocks(self) -> list[str]:
        """The names of the blocks."""
        return list(dict.fromkeys(feature.block for feature in self.features))


def feature_spec(features: Any, interactions: Iterable[Iterable[str]] = ()) -> FeatureSpec:
    """Return what was asked for, checked.

    Parameters
    ----------
    features : list of str, Bands or Spline, or mapping of block names to such lists
        A list is one block, "features".
    interactions : iterable of tuples of str
        Features whose combinations count on their own; of three or more, all pairs too.

    Raises
    ------
    BadValue
        A feature comes twice, an interaction names none of them, or edges do not rise.

    Examples
    --------
    >>> feature_spec({"basics": ["sex", Bands("age", [30, 45])], "consumer": ["income"]}).blocks
    ['basics', 'consumer']
    >>> feature_spec(["a", "b", "c"], [("a", "b", "c")]).interactions
    (('a', 'b'), ('a', 'c'), ('b', 'c'), ('a', 'b', 'c'))
    """
    blocks = features if isinstance(features, Mapping) else {"features": features}
    named = [_feature(item, str(block)) for block, items in blocks.items() for item in _items(items)]
    names = [feature.name for feature in named]
    if not names:
        raise BadValue("features is empty; name at least one column.")
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadValue(f"features names {twice[0]!r} twice; name it once, in one block.")
    return FeatureSpec(tuple(named), _products(interactions, names))


def _items(items: Any) -> list[Any]:
    if isinstance(items, str | Bands | Spline):
        return [items]
    if not isinstance(items, Iterable):
        raise BadValue(f"features holds {items!r}; a list of columns was expected.")
    return list(items)


def _feature(item: Any, block: str) -> Feature:
    if isinstance(item, Bands):
        edges = tuple(float(edge) for edge in item.edges)
        if not edges or not np.isfinite(edges).all() or any(a >= b for a, b in pairwise(edges)):
            raise BadValue(f"features: {item.column!r} is cut at {list(item.edges)}; rising edges were expected.")
        return Feature(item.column, block, "bands", edges)
    if isinstance(item, Spline):
        if not (item.grid > 0 and np.isfinite(item.grid) and 3 <= item.knots <= 20):
            raise BadValue(f"features: {item!r}; a grid above 0 and 3 to 20 knots were expected.")
        return Feature(item.column, block, "spline", grid=float(item.grid), knots=item.knots)
    if not isinstance(item, str):
        raise BadValue(f"features holds {item!r}; columns are named by strings, Bands(...) or Spline(...).")
    return Feature(item, block)


def _products(interactions: Iterable[Iterable[str]], names: list[str]) -> tuple[tuple[str, ...], ...]:
    products: dict[tuple[str, ...], None] = {}
    for names_of in interactions:
        if isinstance(names_of, str) or len(named := list(names_of)) < 2 or len(set(named)) < len(named):
            raise BadValue(
                f"interactions holds {names_of!r}; tuples of different features were expected: [('age', 'sex')]."
            )
        for name in named:
            if name not in names:
                raise BadValue(f"interactions names {name!r}, which is no feature{nearest(str(name), names)}")
        ordered = sorted(named, key=names.index)
        products |= dict.fromkeys(part for size in range(2, len(named) + 1) for part in combinations(ordered, size))
    return tuple(sorted(products, key=len))


def resolve(frame: nw.LazyFrame[Any], spec: FeatureSpec) -> FeatureSpec:
    """Return the features with their kinds: by the column's type and, for numbers, by how many values it has.

    Raises
    ------
    BadValue
        A column is of a type that makes no levels, or Bands or Spline name one that holds no numbers.
    """
    schema = frame.collect_schema()
    many = [f.name for f in spec.features if not f.kind and schema[f.name].is_numeric()]
    counts = frame.select(nw.col(name).n_unique().alias(f"u{i}") for i, name in enumerate(many)) if many else None
    values = dict(zip(many, counts.collect("polars").to_native().row(0), strict=True)) if counts is not None else {}
    cut = [name for name, count in values.items() if count > VALUES + 1]
    edges = _edges(frame, cut) if cut else {}
    return replace(spec, features=tuple(_typed(f, schema[f.name], edges) for f in spec.features))


def _typed(feature: Feature, dtype: Any, edges: Mapping[str, tuple[float, ...]]) -> Feature:
    if feature.kind:
        if feature.kind != "category" and not dtype.is_numeric():
            raise BadValue(f"features: {feature.name!r} is {dtype}; Bands and Spline take numbers.")
        return feature
    if dtype.is_nested() or dtype.is_temporal():
        mend = "make a number of days or years of it" if dtype.is_temporal() else "take a part of it"
        raise BadValue(f"features: {feature.name!r} is {dtype}; text, booleans and numbers make levels. {mend}.")
    if feature.name in edges:
        return replace(feature, kind="bands", edges=edges[feature.name])
    return replace(feature, kind="category")


def _edges(frame: nw.LazyFrame[Any], names: list[str]) -> dict[str, tuple[float, ...]]:
    """Return edges near the deciles, to few digits, so that they can be stated and every engine finds the same."""
    shares = [at / GROUPS for at in range(1, GROUPS)]
    numbers = {
        name: nw.when(~nw.col(name).cast(nw.Float64).is_nan()).then(nw.col(name).cast(nw.Float64)) for name in names
    }
    columns = frame.select(**{f"x{i}": number for i, number in enumerate(numbers.values())})
    spec = [
        nw.col(f"x{i}").quantile(q, "linear").alias(f"q{i}_{at}")
        for i in range(len(names))
        for at, q in enumerate(shares)
    ]
    ends = [getattr(nw.col(f"x{i}"), end)().alias(f"{end}{i}") for i in range(len(names)) for end in ("min", "max")]
    row = columns.select(*spec, *ends).collect("polars").to_native().row(0, named=True)
    edges_by_name = {}
    for i, name in enumerate(names):
        rounded = {float(f"{row[f'q{i}_{at}']:.{DIGITS}g}") for at in range(len(shares))}
        inside = sorted(edge for edge in rounded if row[f"min{i}"] < edge <= row[f"max{i}"])
        edges_by_name[name] = tuple(inside) or (float(row[f"max{i}"]),)
    return edges_by_name
