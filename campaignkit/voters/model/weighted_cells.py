"""Cells of people with their codes: those a score is fitted on, and those it is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.splits import with_shares
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.prediction.metrics import Judged
from campaignkit.stats.regression.terms import join_codes, split_codes
from campaignkit.tables import open_columns, require_ids, yes_or_no
from campaignkit.voters.design import Design
from campaignkit.voters.features import Asked
from campaignkit.voters.reading import read

MOST_CODES = 2**62


@dataclass(frozen=True)
class Roles:
    """Which column is what.

    Attributes
    ----------
    outcome : str
    unit, cluster, weight : str or None
        As `fit_score` says.
    holdout : float or None
        The share of clusters (or units) to be judged by.
    seed : int
        Of who is in it.
    """

    outcome: str
    unit: str | None = None
    cluster: str | None = None
    weight: str | None = None
    holdout: float | None = None
    seed: int = 0

    @property
    def named(self) -> list[str]:
        """The columns, each once."""
        return list(dict.fromkeys(c for c in (self.outcome, self.unit, self.cluster, self.weight) if c is not None))


class Scorer(Protocol):
    """What can put a column of predictions beside a table."""

    @property
    def design(self) -> Design:
        """Its features."""
        ...

    def scored(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Return the table with the column."""
        ...


@dataclass(frozen=True)
class Cases:
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
    by : Series or None
        Another column's value, where one was asked for.
    """

    codes: tuple[Whole, ...]
    n: Floats
    k: Floats
    nn: Floats
    kk: Floats
    rows: Floats
    cluster: Whole | None = None
    by: pl.Series | None = None

    def judged(self, p: Floats) -> Judged:
        """Return them beside what was predicted of them."""
        return Judged(p, self.n, self.k, self.nn, self.kk, self.cluster)

    @property
    def totals(self) -> tuple[int, float]:
        """How many rows, and the share with the outcome."""
        return int(self.rows.sum()), float(self.k.sum() / self.n.sum()) if self.n.sum() else float("nan")


def gather(
    data: Any, asked: Asked, roles: Roles, also: Sequence[str] = (), scores: Mapping[str, Scorer] | None = None
) -> tuple[Asked, pl.DataFrame, frozenset[str], int]:
    """Read a table: one row a cell, outcome, half, cluster, value of `also`, and prediction of each of `scores`.

    Returns
    -------
    asked : Asked
        With the features' kinds.
    cells : polars.DataFrame
        f0, f1 …, ``y``, ``held`` (whether held out), ``g`` (cluster as text, if any), ``b0`` …, ``n, w, ww``.
    restricted : frozenset of str
        What may not serve soliciting.
    set_aside : int
        Rows without an outcome, which are not in the cells.
    """
    table = open_columns(data, list(dict.fromkeys([*asked.names, *roles.named, *also, *_needed(scores)])))
    frame, restricted = table.lazy(), table.restricted
    keys = {"y": yes_or_no(frame, roles.outcome)}
    check = {"odd": ~nw.col(roles.outcome).is_null() & keys["y"].is_null()}
    if roles.holdout is not None:
        ids = [name for name in (roles.cluster, roles.unit) if name is not None]
        require_ids(table, ids)
        frame = with_shares(frame, ids, roles.seed)
        check["unknown"] = nw.col("__share").is_null()
        keys["held"] = nw.col("__share") >= 1 - roles.holdout
    if roles.cluster is not None:
        keys["g"] = nw.col(roles.cluster).cast(nw.String)
    keys |= {f"b{i}": nw.col(name).cast(nw.String) for i, name in enumerate(also)}
    for column, model in (scores or {}).items():
        frame = model.scored(frame, f"__{column}")
        keys[column] = nw.col(f"__{column}")
    found = read(frame, asked, keys | check, roles.weight)
    _refuse(found.cells, roles)
    cells = found.cells.drop(*check)
    if "held" not in keys:
        cells = cells.with_columns(held=pl.lit(False))
    set_aside = int(cells.filter(pl.col("y").is_null())["n"].sum())
    return found.asked, cells.filter(pl.col("y").is_not_null()), restricted, set_aside


def _needed(scores: Mapping[str, Scorer] | None) -> list[str]:
    return [name for model in (scores or {}).values() for name in model.design.asked.names]


def _refuse(cells: pl.DataFrame, roles: Roles) -> None:
    if cells["odd"].any():
        raise BadValue(f"outcome: column {roles.outcome!r} holds other values than true/false or 0/1.")
    if "unknown" in cells.columns and cells["unknown"].any():
        count = cells.filter("unknown")["n"].sum()
        raise BadValue(f"unit: {roles.unit or roles.cluster!r} is null in {count:,} rows; say who they are.")


def cases(design: Design, cells: pl.DataFrame) -> Cases:
    """Return cells with their codes, outcomes folded together.

    Parameters
    ----------
    design : Design
    cells : polars.DataFrame
        As `gather` returns them.
    """
    beside = [name for name in cells.columns if name in ("g", "b0")]
    sizes = [len(levels.labels) for levels in design.levels]
    packs = _packs(sizes)
    codes = design.codes(cells)
    packed = {f"c{at}": pl.Series(join_codes(codes[part], sizes[part])) for at, part in enumerate(packs)}
    folded, numbers = _folded(cells.select("y", "n", "w", "ww", *beside, **packed), [*packed, *beside])
    apart = [one for at, part in enumerate(packs) for one in split_codes(folded[f"c{at}"].to_numpy(), sizes[part])]
    by = folded["b0"] if "b0" in beside else None
    return Cases(tuple(apart), **numbers, cluster=_clusters(folded), by=by)


def _packs(sizes: Sequence[int]) -> list[slice]:
    """Return runs of features whose combinations one whole number can hold: sorting by these is quick."""
    ends, product = [0], 1
    for at, size in enumerate(sizes):
        product *= size
        if product > MOST_CODES:
            ends.append(at)
            product = size
    return [slice(first, last) for first, last in pairwise([*ends, len(sizes)])]


def cases_by_score(cells: pl.DataFrame, score: str) -> Judged:
    """Return cells beside a column of predictions, in an order that is the same for every column."""
    folded, numbers = _folded(cells, [name for name in ("s0", "s1", "g") if name in cells.columns])
    del numbers["rows"]
    return Judged(folded[score].to_numpy(), **numbers, cluster=_clusters(folded))


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


def pooled(whole: Cases) -> Cases:
    """Return the cases without clusters, cells of the same codes put together."""
    if whole.cluster is None and whole.by is None:
        return whole
    names = [f"c{i}" for i in range(len(whole.codes))]
    parts = ("n", "k", "nn", "kk", "rows")  # as Cases has them
    table = pl.DataFrame(dict(zip(names, whole.codes, strict=True)) | {part: getattr(whole, part) for part in parts})
    folded = table.group_by(names, maintain_order=True).agg(pl.col(part).sum() for part in parts)
    n, k, nn, kk, rows = (folded[part].to_numpy() for part in parts)
    return Cases(tuple(folded[n].to_numpy() for n in names), n, k, nn, kk, rows)
