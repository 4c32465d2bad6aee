"""Interviews as cells: how many, of what weight, and what share said yes, for each combination of attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.polls.model.frames import FrameCells, as_texts, codes_of
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.tables import Roles, Table, open_roles, yes_or_no


@dataclass(frozen=True)
class Responses:
    """Interviews by cell, and by cluster within it where there are clusters.

    Attributes
    ----------
    codes : array of int
        Each cell's level of each of the frame's attributes: cells × attributes.
    n : array of float64
        Interviews.
    w, ww, wy : array of float64
        The weights' sum, their squares' sum, and the weight of those who said yes.
    cluster : array of int or None
        Which cluster each cell's interviews are of.
    set_aside : int
        Interviews without an answer.
    """

    codes: Whole
    n: Floats
    w: Floats
    ww: Floats
    wy: Floats
    cluster: Whole | None
    set_aside: int

    @property
    def effective_n(self) -> Floats:
        """How many interviews of equal weight each cell's are worth: its part of what all of them are."""
        return self.w * self.w.sum() / self.ww.sum()

    @property
    def rate(self) -> Floats:
        """Each cell's weighted share that said yes."""
        return self.wy / self.w

    def without_clusters(self) -> Responses:
        """Return the interviews by attributes alone."""
        if self.cluster is None:
            return self
        codes, cell = np.unique(self.codes, axis=0, return_inverse=True)
        n, w, ww, wy = (
            np.bincount(cell.ravel(), x, len(codes)).astype(float) for x in (self.n, self.w, self.ww, self.wy)
        )
        return Responses(codes, n, w, ww, wy, None, self.set_aside)


def read_responses(
    responses: object, outcome: str, frame: FrameCells, weight: str | None, cluster: str | None
) -> Responses:
    """Reduce interviews to cells, in one pass where they lie.

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        The outcome is not yes and no, a weight is null, negative or no number, a cluster is null, or an attribute has a
        value that the frame does not have.
    NotEnoughData
        Nobody answered, or all answered alike.
    """
    roles = Roles(outcomes=(outcome,), by=frame.by, weight=weight, cluster=cluster)
    table = _counted(open_roles(responses, roles), roles)
    answered = table.filter(pl.col("y").is_not_null())
    set_aside = int(table.filter(pl.col("y").is_null())["n"].sum())
    yes = answered.filter("y")["w"].sum()
    if not 0 < yes < answered["w"].sum():
        reason = "Nobody answered" if answered.is_empty() else f"All who answered said {'yes' if yes else 'no'}"
        raise NotEnoughData(f"{reason} ({outcome!r}); there is nothing to model.")
    names = [f"b{at}" for at in range(len(frame.by))]
    keys = [*names, *([] if cluster is None else ["c"])]
    grouped = answered.group_by(keys, maintain_order=True).agg(
        pl.col("n", "w", "ww").sum(), wy=pl.col("w").filter(pl.col("y")).sum()
    )
    grouped = grouped.filter(pl.col("w") > 0)
    named = as_texts(grouped.rename(dict(zip(names, frame.by, strict=True))), frame.by)
    codes = [codes_of(named, [name], [(level,) for level in frame.levels[name]], "frame") for name in frame.by]
    numbers = (grouped[name].cast(pl.Float64).to_numpy() for name in ("n", "w", "ww", "wy"))
    return Responses(np.stack(codes, axis=1), *numbers, _cluster(grouped, cluster), set_aside)


def _counted(opened: Table, roles: Roles) -> pl.DataFrame:
    """Return b0, b1 …, c (the cluster), y, n, w and ww, one row per combination."""
    frame, (outcome,) = opened.lazy(), roles.outcomes
    keys: dict[str, Any] = {f"b{at}": nw.col(name) for at, name in enumerate(roles.by)}
    if roles.cluster is not None:
        keys["c"] = nw.col(roles.cluster)
    keys["y"] = yes_or_no(frame, outcome)
    check_answers(frame, outcome)
    counts = nw.lit(1.0) if roles.weight is None else nw.col(roles.weight).cast(nw.Float64)
    keyed = frame.select(*(key.alias(name) for name, key in keys.items()), counts.alias("weight"))
    table = cells(keyed, list(keys), "weight")
    if table.filter((pl.col("weight_n") < pl.col("n")) | (pl.col("weight_min") < 0)).height:
        raise BadValue(
            f"weight: column {roles.weight!r} is null, NaN or negative in some rows; put 0 where none should count."
        )
    w = pl.col("weight_mean") * pl.col("n")
    return table.select(*keys, "n", w=w, ww=pl.col("weight_ss") + pl.col("weight_mean") * w)


def check_answers(frame: nw.LazyFrame[Any], outcome: str) -> None:
    """Refuse an outcome that holds numbers other than 0 and 1.

    Raises
    ------
    BadValue
        It does.
    """
    if frame.collect_schema()[outcome] == nw.Boolean:
        return
    value = nw.col(outcome).cast(nw.Float64)
    odd_rows = frame.select(
        odd=(~value.is_null() & ~value.is_nan() & (value != 0) & (value != 1)).cast(nw.Int64).sum()
    ).collect("polars").to_native()["odd"].item()  # fmt: skip
    if odd_rows:
        raise BadValue(
            f"outcome: column {outcome!r} is neither 0 nor 1 in {odd_rows:,} rows; yes and no were expected."
        )


def _cluster(table: pl.DataFrame, cluster: str | None) -> Whole | None:
    if cluster is None:
        return None
    if table["c"].null_count():
        raise BadValue(f"cluster: column {cluster!r} is null in some rows; each interview is of one cluster.")
    return table["c"].rank("dense").to_numpy().astype(np.int64) - 1


def direct_means(responses: Responses, places: Whole, height: int) -> tuple[Floats, Floats]:
    """Return interviews and weighted shares of some groups, NaN where nobody was asked.

    Parameters
    ----------
    responses : Responses
    places : array of int, attributes × cells
        Which group each cell is in, by each attribute; −1: none.
    height : int
        How many groups there are.
    """
    inside = places >= 0
    rows, cells = places[inside], np.nonzero(inside)[1]
    n, w, wy = (np.bincount(rows, x[cells], height).astype(float) for x in (responses.n, responses.w, responses.wy))
    with np.errstate(invalid="ignore"):
        return n, wy / w


def unreached(frame: FrameCells, responses: Responses) -> pl.DataFrame:
    """Return the frame's cells that no interview reached, the largest first."""
    sizes = [len(frame.levels[name]) for name in frame.by]
    frame_cells, asked = (np.ravel_multi_index(tuple(codes.T), sizes) for codes in (frame.codes, responses.codes))
    missing = pl.Series(~np.isin(frame_cells, asked))
    return frame.table.filter(missing).sort("voters", descending=True, maintain_order=True)
