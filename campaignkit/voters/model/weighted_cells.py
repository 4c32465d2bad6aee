"""Cells of people with their codes: those a score is fitted on, and those it is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.splits import with_shares
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.prediction.metrics import Predictions
from campaignkit.stats.regression.terms import join_codes, split_codes
from campaignkit.tables import Roles, open_columns, require_ids, yes_or_no
from campaignkit.voters.model.design import Design
from campaignkit.voters.model.features import FeatureSpec
from campaignkit.voters.model.holdout import Holdout, check_cells
from campaignkit.voters.model.predictor import Predictor
from campaignkit.voters.model.reading import count_cells

MOST_CODES = 2**62


@dataclass(frozen=True)
class WeightedCells:
    """Cells, each with its codes and counts.

    Attributes
    ----------
    codes : tuple of arrays
        One a feature.
    n, k, nn, kk : array
        The sum of weights, that of those with the outcome, and both of squared weights.
    rows : array
        How many rows.
    cluster : array of int or None
        Numbered from 0; -1 where it is null. None: there are no clusters.
    segment : Series or None
        Another column's value, where one was asked for.
    """

    codes: tuple[Whole, ...]
    n: Floats
    k: Floats
    nn: Floats
    kk: Floats
    rows: Floats
    cluster: Whole | None = None
    segment: pl.Series | None = None

    def with_predictions(self, p: Floats) -> Predictions:
        """Return them beside what was predicted of them."""
        return Predictions(p, self.n, self.k, self.nn, self.kk, self.cluster)

    @property
    def totals(self) -> tuple[int, float]:
        """How many rows, and the share with the outcome."""
        return int(self.rows.sum()), float(self.k.sum() / self.n.sum()) if self.n.sum() else float("nan")


def read_cells(
    data: Any,
    spec: FeatureSpec,
    roles: Roles,
    holdout: Holdout,
    by: str | None = None,
    scores: Mapping[str, Predictor] | None = None,
) -> tuple[FeatureSpec, pl.DataFrame, frozenset[str], int]:
    """Read a table: one row per cell, outcome, half, cluster, value of `by`, and prediction of each of `scores`.

    Returns
    -------
    spec : FeatureSpec
        With the features' kinds.
    cells : polars.DataFrame
        f0, f1 …, ``y``, ``held`` (whether held out), ``g`` (cluster as text, if any), ``segment`` (the value of `by`,
        as text), ``n, w, ww``.
    restricted : frozenset of str
        What may not serve soliciting.
    set_aside : int
        Rows without an outcome, which are not in the cells.
    """
    needed = [name for model in (scores or {}).values() for name in model.design.spec.names]
    table = open_columns(data, list(dict.fromkeys([*spec.names, *roles.names, *([by] if by else []), *needed])))
    frame, outcome = table.lazy(), roles.outcomes[0]
    keys = {"y": yes_or_no(frame, outcome)}
    check = {"odd": ~nw.col(outcome).is_null() & keys["y"].is_null()}
    if holdout.share is not None:
        require_ids(table, roles.ids)
        frame = with_shares(frame, roles.ids, holdout.seed)
        check["unknown"] = nw.col("__share").is_null()
        keys["held"] = nw.col("__share") >= 1 - holdout.share
    if roles.cluster is not None:
        keys["g"] = nw.col(roles.cluster).cast(nw.String)
    if by is not None:
        keys["segment"] = nw.col(by).cast(nw.String)
    for column, model in (scores or {}).items():
        frame = model.with_prediction(frame, f"__{column}")
        keys[column] = nw.col(f"__{column}")
    spec, cells = count_cells(frame, spec, keys | check, roles.weight)
    check_cells(cells, roles)
    cells = cells.drop(*check)
    if "held" not in keys:
        cells = cells.with_columns(held=pl.lit(False))
    set_aside = int(cells.filter(pl.col("y").is_null())["n"].sum())
    return spec, cells.filter(pl.col("y").is_not_null()), table.restricted, set_aside


def weighted_cells(design: Design, cells: pl.DataFrame) -> WeightedCells:
    """Return cells with their codes, outcomes folded together.

    Parameters
    ----------
    design : Design
    cells : polars.DataFrame
        As `read_cells` returns them.
    """
    beside = [name for name in cells.columns if name in ("g", "segment")]
    sizes = [len(levels.labels) for levels in design.levels]
    packs = _packs(sizes)
    codes = design.codes(cells)
    packed = {f"c{at}": pl.Series(join_codes(codes[part], sizes[part])) for at, part in enumerate(packs)}
    folded, numbers = _folded(cells.select("y", "n", "w", "ww", *beside, **packed), [*packed, *beside])
    codes = [code for at, part in enumerate(packs) for code in split_codes(folded[f"c{at}"].to_numpy(), sizes[part])]
    segment = folded["segment"] if "segment" in beside else None
    return WeightedCells(tuple(codes), **numbers, cluster=_clusters(folded), segment=segment)


def _packs(sizes: Sequence[int]) -> list[slice]:
    """Return runs of features whose combinations one whole number can hold: sorting by these is quick."""
    ends, product = [0], 1
    for at, size in enumerate(sizes):
        product *= size
        if product > MOST_CODES:
            ends.append(at)
            product = size
    return [slice(first, last) for first, last in pairwise([*ends, len(sizes)])]


def predictions_by_cell(cells: pl.DataFrame, score: str) -> Predictions:
    """Return cells beside a column of predictions, in an order that is the same for every column."""
    folded, numbers = _folded(cells, [name for name in ("s0", "s1", "g") if name in cells.columns])
    del numbers["rows"]
    return Predictions(folded[score].to_numpy(), **numbers, cluster=_clusters(folded))


def _folded(table: pl.DataFrame, by: list[str]) -> tuple[pl.DataFrame, dict[str, Floats]]:
    """Return one row for each value of `by`, those with the outcome and those without put together.

    They are sorted, so that draws among them are the same on every engine.
    """
    yes = pl.col("y")
    folded = table.group_by(by).agg(
        rows=pl.col("n").sum(), n=pl.col("w").sum(), k=pl.col("w").filter(yes).sum(),
        nn=pl.col("ww").sum(), kk=pl.col("ww").filter(yes).sum(),
    ).sort(by, nulls_last=True)  # fmt: skip
    return folded, {name: folded[name].to_numpy().astype(float) for name in ("n", "k", "nn", "kk", "rows")}


def _clusters(folded: pl.DataFrame) -> Whole | None:
    if "g" not in folded.columns:
        return None
    return folded["g"].rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1


def pooled(whole: WeightedCells) -> WeightedCells:
    """Return the cells without clusters, cells of the same codes put together."""
    if whole.cluster is None and whole.segment is None:
        return whole
    names = [f"c{i}" for i in range(len(whole.codes))]
    parts = ("n", "k", "nn", "kk", "rows")  # as WeightedCells has them
    table = pl.DataFrame(dict(zip(names, whole.codes, strict=True)) | {part: getattr(whole, part) for part in parts})
    folded = table.group_by(names, maintain_order=True).agg(pl.col(part).sum() for part in parts)
    n, k, nn, kk, rows = (folded[part].to_numpy() for part in parts)
    return WeightedCells(tuple(folded[n].to_numpy() for n in names), n, k, nn, kk, rows)
