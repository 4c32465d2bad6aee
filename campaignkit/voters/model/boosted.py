"""Gradient-boosted trees behind the same interface: fitted by scikit-learn on cells, kept as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
from scipy.special import expit

from campaignkit.cells import cells
from campaignkit.errors import BadValue
from campaignkit.sql import quote_identifier
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.terms import join_codes
from campaignkit.voters.model.design import Design
from campaignkit.voters.model.logit_model import TABLE, ModelFit
from campaignkit.voters.model.reading import features_keys
from campaignkit.voters.model.regularization import chosen
from campaignkit.voters.model.weighted_cells import WeightedCells

FEW = 50_000  # rows that one thread learns from faster than several
NODE = ("feature", "threshold", "left", "right", "value", "leaf")


@dataclass(frozen=True)
class BoostedModel:
    """Trees over levels.

    Attributes
    ----------
    design : Design
        What the levels are; its columns are not used.
    places : tuple of arrays
        Of each feature's codes the number that trees split on: the order of numbers, or of categories by their rate.
    start : float
        The log odds before any tree.
    trees : tuple of dict of arrays
        One a tree: for every node the feature, the threshold (go left at or below it), both children, the value,
        whether it is a leaf.
    """

    design: Design
    places: tuple[Floats, ...]
    start: float
    trees: tuple[dict[str, Any], ...]
    kind: str = "boosted"

    def probabilities(self, codes: Sequence[Whole]) -> Floats:
        """Return the probability of each cell."""
        x = [place[code] for place, code in zip(self.places, codes, strict=True)]
        at = np.arange(len(x[0])) if x else np.arange(0)
        columns = np.stack(x, axis=1)
        total = np.full(len(at), self.start)
        for tree in self.trees:
            node = np.zeros(len(at), np.int64)
            while True:
                inner = np.flatnonzero(~tree["leaf"][node])
                if not len(inner):
                    break
                here = node[inner]
                left = columns[inner, tree["feature"][here]] <= tree["threshold"][here]
                node[inner] = np.where(left, tree["left"][here], tree["right"][here])
            total += tree["value"][node]
        return expit(total)

    def with_prediction(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Return the table with a column of probabilities: each combination of levels is scored, and looked up.

        The combinations are counted at once, in one pass; no row is read.
        """
        spec, levels = self.design.spec, self.design.levels
        keys = frame.select(*features_keys(frame, spec))
        seen = cells(keys, [f"f{i}" for i in range(len(levels))])
        codes = self.design.codes(seen)
        sizes = [len(feature_levels.labels) for feature_levels in levels]
        table = pl.DataFrame({"__cell": join_codes(codes, sizes), name: self.probabilities(codes)}).unique("__cell")
        schema = frame.collect_schema()
        cell = nw.lit(0)
        for feature_levels, size in zip(levels, sizes, strict=True):
            key = feature_levels.feature.key(schema[feature_levels.feature.name])
            cell = cell * size + feature_levels.lookup(key, np.arange(size))
        return _joined(frame.with_columns(cell.cast(nw.Int64).alias("__cell")), table)

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        trees = [{part: tree[part].tolist() for part in NODE} for tree in self.trees]
        places = [place.tolist() for place in self.places]
        return {
            "kind": self.kind,
            "design": self.design.to_dict(),
            "places": places,
            "start": self.start,
            "trees": trees,
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> BoostedModel:
        """Return what `to_dict` gave."""
        trees = tuple({part: np.array(tree[part]) for part in NODE} for tree in saved["trees"])
        places = tuple(np.array(place, float) for place in saved["places"])
        return cls(Design.from_dict(saved["design"]), places, saved["start"], trees)


def _joined(frame: nw.LazyFrame[Any], table: pl.DataFrame) -> nw.LazyFrame[Any]:
    """Return the frame with a small table's other column joined by ``__cell``, on its own engine."""
    native = frame.to_native()
    name = table.columns[1]
    if isinstance(native, pl.LazyFrame):
        return nw.from_native(native.join(table.lazy(), on="__cell", how="left", maintain_order="left").drop("__cell"))
    if isinstance(native, duckdb.DuckDBPyRelation):
        numbers = ", ".join(f"({cell}, {value!r}::DOUBLE)" for cell, value in table.iter_rows())
        quoted = quote_identifier(name)
        joined = f"people LEFT JOIN (VALUES {numbers}) v(cell, value) ON people.__cell = v.cell"
        looked = f"SELECT people.* EXCLUDE (__cell), v.value AS {quoted} FROM {joined}"
        return nw.from_native(native.query("people", looked))
    small = native.sparkSession.createDataFrame(table.to_arrow())
    return nw.from_native(native.join(small, on="__cell", how="left").drop("__cell"))


def fit_boosted(design: Design, fitted: WeightedCells, seed: int) -> ModelFit:
    """Fit trees on cells, each counting by its weight, held back as far as serves people held out.

    Raises
    ------
    BadValue
        scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits  # comes with scikit-learn
    except ImportError as error:
        raise BadValue("model='boosted' needs scikit-learn: pip install 'campaignkit[boost]'.") from error
    places = tuple(_places(design, fitted, i) for i in range(len(design.levels)))
    x = np.stack([place[code] for place, code in zip(places, fitted.codes, strict=True)], axis=1)
    weight = np.concatenate([fitted.k, fitted.n - fitted.k])
    there = weight > 0
    rows, y, weight = np.concatenate([x, x])[there], np.repeat([1, 0], len(x))[there], weight[there]
    people = weight * np.tile(fitted.rows / fitted.n, 2)[there]
    weight = weight * fitted.rows.sum() / fitted.n.sum()
    with threadpool_limits(1 if len(y) < FEW else None, user_api="openmp"):
        setting = chosen(HistGradientBoostingClassifier, rows, y, weight, people, seed)
        learner = HistGradientBoostingClassifier(**setting).fit(rows, y, sample_weight=weight)
    # no public attribute holds the trees; the extra `boost` is pinned below scikit-learn 2
    model = BoostedModel(
        design, places, float(np.ravel(learner._baseline_prediction)[0]), tuple(map(_nodes, learner._predictors))
    )
    return ModelFit(model, _table(design, fitted), "", fitted)


def _places(design: Design, fitted: WeightedCells, i: int) -> Floats:
    """Return what each code of a feature is to a tree: numbers in their order, categories in that of their rates."""
    levels, code = design.levels[i], fitted.codes[i]
    size = len(levels.labels)
    n, k = (np.bincount(code, part, size) for part in (fitted.n, fitted.k))
    rates = (k + fitted.k.sum() / fitted.n.sum()) / (n + 1)
    if levels.feature.kind == "category":
        return np.argsort(np.argsort(rates, kind="stable"), kind="stable").astype(float)
    keys = dict(zip(levels.codes, levels.keys, strict=True))
    order = sorted(range(size), key=lambda at: (keys[at] is None, keys[at] or 0))
    return np.argsort(order).astype(float)


def _nodes(predictors: Sequence[Any]) -> dict[str, Any]:
    """Return one round's tree as arrays; scikit-learn keeps them in a record array."""
    nodes = predictors[0].nodes
    names = {"feature": "feature_idx", "threshold": "num_threshold", "leaf": "is_leaf"}
    tree = {part: np.array(nodes[names.get(part, part)]) for part in NODE}
    return tree | {"leaf": tree["leaf"].astype(bool), "threshold": np.nan_to_num(tree["threshold"], posinf=1e300)}


def _table(design: Design, fitted: WeightedCells) -> pl.DataFrame:
    rows = []
    for levels, code in zip(design.levels, fitted.codes, strict=True):
        people, n, k = (np.bincount(code, part, len(levels.labels)) for part in (fitted.rows, fitted.n, fitted.k))
        for label, size, all_, some in zip(levels.labels, people, n, k, strict=True):
            rate = some / all_ if all_ else None
            rows.append(
                (levels.feature.name, label, levels.feature.block, int(size), rate, None, None, None, None, None)
            )
    return pl.DataFrame(rows, schema=TABLE, orient="row")
