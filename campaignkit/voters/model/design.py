"""Features → the columns of a regression on cells, and back: its linear predictor as one expression over any table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.terms import Term, Terms, aliased, join_codes
from campaignkit.voters.model.features import FeatureSpec
from campaignkit.voters.model.levels import RARE, Levels, levels_of

MOST_COLUMNS = 2_000
MOST_LEVELS = 1_000_000  # of a product


@dataclass(frozen=True)
class Design:
    """The columns of a regression, for any table that has the features.

    Attributes
    ----------
    spec : FeatureSpec
        Features and interactions.
    levels : tuple of Levels
        One a feature.
    products : tuple of tuples of int
        Which features each term is of: () the intercept, (0,) the first, (0, 2) a product.
    bases : tuple of arrays
        What each level of a term puts into its columns.
    names : tuple of (str, str)
        Of every column the term and the level: ("sex", "F"), ("sex × race", "F × Black").
    dropped : tuple of (str, str)
        Columns that would say nothing of their own, being sums of earlier ones, or of products too rare.
    """

    spec: FeatureSpec
    levels: tuple[Levels, ...]
    products: tuple[tuple[int, ...], ...]
    bases: tuple[Floats, ...]
    names: tuple[tuple[str, str], ...]
    dropped: tuple[tuple[str, str], ...]

    @property
    def constant(self) -> tuple[str, ...]:
        """Features with one level, which say nothing."""
        return tuple(levels.feature.name for levels in self.levels if len(levels.labels) == 1)

    @property
    def blocks(self) -> list[str]:
        """Each column's block; "" the intercept's."""
        block = {levels.feature.name: levels.feature.block for levels in self.levels}
        return [
            " × ".join(dict.fromkeys(block[part] for part in term.split(" × ") if part in block))
            for term, _ in self.names
        ]

    def codes(self, cells: pl.DataFrame) -> list[np.ndarray]:
        """Return each feature's codes, one a cell; `cells` has the keys as f0, f1 …"""
        return [levels.code(cells[f"f{i}"]) for i, levels in enumerate(self.levels)]

    def terms(self, codes: Sequence[np.ndarray]) -> Terms:
        """Return the regression's columns for cells of these codes."""
        return Terms(
            tuple(Term(self._joined(codes, of), basis) for of, basis in zip(self.products, self.bases, strict=True))
        )

    def _joined(self, codes: Sequence[np.ndarray], of: tuple[int, ...]) -> np.ndarray:
        if not of:
            return np.zeros(len(codes[0]), np.int64)
        return join_codes([codes[i] for i in of], [len(self.levels[i].labels) for i in of])

    def linear(self, frame: nw.LazyFrame[Any], beta: Floats) -> nw.Expr:
        """Return the linear predictor X beta as an expression over a table; nothing is read.

        A value never seen counts as the rare ones do, and where there are none as the feature's commonest; `unseen`
        counts them. Beyond a spline's ends the end's value holds.
        """
        schema = frame.collect_schema()
        total = nw.lit(float(beta[0]))
        for of, table in self.lookups(beta):
            keys = [self.levels[i].feature.key(schema[self.levels[i].feature.name]) for i in of]
            total = total + self._looked_up(of, keys, table)
        return total

    def _looked_up(self, of: tuple[int, ...], keys: Sequence[nw.Expr], table: Floats) -> nw.Expr:
        if len(of) == 1:
            return self.levels[of[0]].lookup(keys[0], table)
        sizes = [len(self.levels[i].labels) for i in of]
        codes = [self.levels[i].lookup(key, np.arange(size)) for i, key, size in zip(of, keys, sizes, strict=True)]
        joined = reduce(lambda whole, part: whole * part[1] + part[0], zip(codes[1:], sizes[1:], strict=True), codes[0])
        told = np.flatnonzero(table)
        if not len(told):
            return nw.lit(0.0)
        return joined.replace_strict(told.tolist(), table[told].tolist(), default=nw.lit(0.0), return_dtype=nw.Float64)

    def lookups(self, beta: Floats) -> list[tuple[tuple[int, ...], Floats]]:
        """Return what to add to the intercept: for sets of features, a number for each combination of their codes.

        Terms within a larger one are added into its table, so that a row needs one look-up for each largest set.
        """
        empty = Terms(tuple(Term(np.zeros(0, np.int64), basis) for basis in self.bases))
        tables = dict(zip(self.products, empty.tables(beta), strict=True))
        largest = [of for of in self.products if of and not any(set(of) < set(other) for other in self.products)]
        held: set[tuple[int, ...]] = set()
        lookups = []
        for of in largest:
            sizes = [len(self.levels[i].labels) for i in of]
            table = np.zeros(sizes)
            for part in (part for part in self.products if part and part not in held and set(part) <= set(of)):
                held.add(part)
                table += tables[part].reshape([size if i in part else 1 for i, size in zip(of, sizes, strict=True)])
            lookups.append((of, table.ravel()))
        return [(of, table) for of, table in lookups if table.any()]

    def unseen(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Return the values that the fit never saw: feature, value, n (rows)."""
        parts = []
        for i, levels in enumerate(self.levels):
            odd = cells.filter(levels.unseen(cells[f"f{i}"])).group_by(f"f{i}").agg(pl.col("n").sum())
            label = [levels.feature.label(key) for key in odd[f"f{i}"].to_list()]
            parts.append(pl.DataFrame({"feature": [levels.feature.name] * len(label), "value": label, "n": odd["n"]}))
        whole = pl.concat([part.cast({"feature": pl.String, "value": pl.String, "n": pl.Int64}) for part in parts])
        return whole.sort("feature", "n", "value", descending=[False, True, False])

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {
            "interactions": [list(names) for names in self.spec.interactions],
            "levels": [levels.to_dict() for levels in self.levels],
            "products": [list(of) for of in self.products],
            "bases": [basis.tolist() for basis in self.bases],
            "names": [list(name) for name in self.names],
            "dropped": [list(name) for name in self.dropped],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Design:
        """Return what `to_dict` gave."""
        levels = tuple(Levels.from_dict(feature) for feature in saved["levels"])
        spec = FeatureSpec(
            tuple(kept.feature for kept in levels), tuple(tuple(names) for names in saved["interactions"])
        )
        bases = tuple(np.array(basis, float).reshape(len(basis), -1) for basis in saved["bases"])
        names, dropped = (tuple((term, level) for term, level in saved[part]) for part in ("names", "dropped"))
        return cls(spec, levels, tuple(tuple(of) for of in saved["products"]), bases, names, dropped)


def make_design(spec: FeatureSpec, cells: pl.DataFrame) -> Design:
    """Make the columns of a regression from the cells it will be fitted on.

    Parameters
    ----------
    spec : FeatureSpec
        Features, their kinds known (as `reading.count_cells` returns them), and interactions.
    cells : polars.DataFrame
        Keys as f0, f1 … and n: of the rows that fit, and no others.

    Raises
    ------
    BadValue
        There would be more than 2,000 columns.
    NotEnoughData
        No feature has two levels with 20 rows.
    """
    levels = tuple(levels_of(feature, cells[f"f{i}"], cells["n"]) for i, feature in enumerate(spec.features))
    at = {name: i for i, name in enumerate(spec.names)}
    products = (
        (),
        *((i,) for i in range(len(levels))),
        *(tuple(at[name] for name in names) for names in spec.interactions),
    )
    if not any(feature_levels.names for feature_levels in levels):
        raise NotEnoughData(
            f"No feature has two values with at least {RARE} rows each to fit on; there is nothing to tell apart."
        )
    _check_size(levels, products)
    bases, names = zip(*(_basis([levels[i] for i in of]) for of in products), strict=True)
    whole = Design(spec, levels, products, bases, tuple(name for part in names for name in part), ())
    return _with_own_columns(whole, cells)


def _check_size(levels: Sequence[Levels], products: Sequence[tuple[int, ...]]) -> None:
    columns = 0
    for of in products:
        columns += int(np.prod([len(levels[i].names) for i in of]))
        if columns > MOST_COLUMNS or np.prod([float(len(levels[i].labels)) for i in of]) > MOST_LEVELS:
            widest = max(levels, key=lambda feature_levels: len(feature_levels.names))
            raise BadValue(
                f"The features make more than {MOST_COLUMNS:,} coefficients; group the values of "
                f"{widest.feature.name!r} ({len(widest.labels):,} levels), or leave out an interaction."
            )


def _basis(parts: Sequence[Levels]) -> tuple[Floats, list[tuple[str, str]]]:
    """Return what each combination of codes puts into a term's columns, and the columns' names."""
    basis, names = np.ones((1, 1)), [""]
    for part in parts:
        basis = np.einsum("ab,cd->acbd", basis, part.basis).reshape(len(basis) * len(part.basis), -1)
        names = [f"{name} × {level}" if name else level for name in names for level in part.names]
    term = " × ".join(part.feature.name for part in parts) or "(intercept)"
    return basis, [(term, name) for name in names]


def _with_own_columns(whole: Design, cells: pl.DataFrame) -> Design:
    """Return the design without columns of too few rows or that are sums of earlier ones."""
    terms = whole.terms(whole.codes(cells))
    n = cells["n"].to_numpy().astype(float)
    support = np.concatenate([(term.basis != 0).T.astype(float) @ term.sums(n) for term in terms.terms])
    rare = support < RARE
    gram = terms.packed().gram(n)
    gram[rare] = gram[:, rare] = 0.0
    dropped = aliased(gram)
    parts = [~dropped[part] for part in terms.slices]
    bases = tuple(basis[:, kept] for basis, kept in zip(whole.bases, parts, strict=True))
    names = tuple(name for name, gone in zip(whole.names, dropped, strict=True) if not gone)
    gone = tuple(name for name, out in zip(whole.names, dropped, strict=True) if out)
    return Design(whole.spec, whole.levels, whole.products, bases, names, gone)
