"""An experiment's table → cells: how many of each combination of features were in which arm, with which outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.errors import BadValue, NotEnoughData, listed, nearest
from campaignkit.splits import with_shares
from campaignkit.stats.arrays import Mask, Whole
from campaignkit.stats.prediction.uplift import Outcomes
from campaignkit.stats.regression.terms import Terms
from campaignkit.tables import open_columns, require_ids, yes_or_no
from campaignkit.voters.design import Design, design
from campaignkit.voters.features import Asked
from campaignkit.voters.reading import read

FOLDS = 10
FIRST = 2  # folds that only fit; from two of them on each can be guessed at by the other
LEAST = 25  # people with the outcome, and without it, in either arm, below whom nothing is fitted
LEAST_DRAWS = 20  # clusters in either arm, or people without them
HELD = -1  # the fold of those held out


@dataclass(frozen=True)
class Parts:
    """Which column plays which part; as `fit_persuasion` says."""

    arm: str
    outcome: str
    control: Any
    treatment: Any = None
    unit: str | None = None
    cluster: str | None = None
    weight: str | None = None
    holdout: float | None = None
    seed: int = 0

    @property
    def named(self) -> list[str]:
        """The columns, each once."""
        parts = (self.arm, self.outcome, self.unit, self.cluster, self.weight)
        return list(dict.fromkeys(one for one in parts if one is not None))


@dataclass(frozen=True)
class Experiment:
    """Cells of an experiment.

    Attributes
    ----------
    design : Design
        From features to columns, made from everybody who was in either arm and has an outcome.
    codes : tuple of arrays
        Each feature's level, one a cell.
    of : Outcomes
        Whoever their clusters are: what models are fitted on.
    fold : array of int
        0 to 9, by the hash of the cluster or unit. -1: held out.
    drawn : Outcomes
        The same people, cluster by cluster: what errors are reckoned from.
    cell : array of int
        Which of the cells each of `drawn` is in.
    arms : polars.DataFrame
        One row a value of the arm: ``arm``, ``role`` ("control", "treatment", "left out"), ``n`` (rows), ``missing``
        (of these without an outcome), ``outcome_rate``.
    restricted : frozenset of str
        What may not serve soliciting.
    parts : Parts
    """

    design: Design
    codes: tuple[Whole, ...]
    of: Outcomes
    fold: Whole
    drawn: Outcomes
    cell: Whole
    arms: pl.DataFrame
    restricted: frozenset[str]
    parts: Parts

    @property
    def terms(self) -> Terms:
        """The columns of a regression, one row a cell."""
        return self.design.terms(self.codes)

    def splits(self) -> list[tuple[Mask, Mask]]:
        """Return who fits and who is judged, time after time: each fold is judged by those before it.

        Folds judged by all others would not do: where there is nothing to find, their errors are alike, and the mean's
        variance is twice what it seems. Those held out are judged by all others, once.
        """
        if (self.fold == HELD).any():
            return [(self.fold != HELD, self.fold == HELD)]
        return [(self.fold < one, self.fold == one) for one in range(FIRST, FOLDS)]


def experiment(data: Any, asked: Asked, parts: Parts) -> Experiment:
    """Read an experiment.

    Raises
    ------
    ColumnNotFound, BadValue, NotEnoughData
        As `fit_persuasion` says.
    """
    table = open_columns(data, list(dict.fromkeys([*asked.names, *parts.named])))
    ids = [name for name in (parts.cluster, parts.unit) if name is not None]
    require_ids(table, ids)
    frame, restricted = with_shares(table.lazy(), ids, parts.seed), table.restricted
    outcome = yes_or_no(frame, parts.outcome)
    keys = {"arm": nw.col(parts.arm), "y": outcome, "fold": _fold(parts.holdout)}
    keys["odd"] = ~nw.col(parts.outcome).is_null() & outcome.is_null()
    keys["unknown"] = (
        nw.all_horizontal(*(nw.col(one).is_null() for one in ids), ignore_nulls=True) if ids else nw.lit(False)
    )
    if parts.cluster is not None:
        keys["g"] = nw.col(parts.cluster).cast(nw.String)
    found = read(frame, asked, keys, parts.weight)
    cells = found.cells
    _refuse(cells, parts)
    roles = _roles(cells, parts)
    arms = _arms(cells, roles)
    role = pl.col("arm").replace_strict(list(roles), list(roles.values()), default="left out", return_dtype=pl.String)
    used = cells.with_columns(role=role).filter(pl.col("y").is_not_null() & (pl.col("role") != "left out"))
    drawn = _outcomes(used)
    _check_sizes(used, drawn, parts)
    whole = design(found.asked, used)
    codes = {f"c{i}": pl.Series(code) for i, code in enumerate(whole.codes(used))}
    by = [*codes, "role", "y", "fold"]
    used = used.with_columns(**codes)
    pooled = used.group_by(by).agg(pl.col("w", "ww").sum()).sort(by).with_row_index("cell")
    cell = used.select(by).join(pooled.select("cell", *by), on=by, how="left", maintain_order="left")["cell"]
    return Experiment(
        whole, tuple(pooled[name].to_numpy() for name in codes), _outcomes(pooled), pooled["fold"].to_numpy(),
        drawn, cell.to_numpy().astype(np.int64), arms, restricted, parts,
    )  # fmt: skip


def _fold(holdout: float | None) -> nw.Expr:
    share = nw.col("__share")
    if holdout is None:
        return (share * FOLDS).floor().cast(nw.Int64)
    fits = (share * (FOLDS / (1 - holdout))).floor().cast(nw.Int64)
    return nw.when(share >= 1 - holdout).then(nw.lit(HELD)).when(~share.is_null()).then(fits)


def _refuse(cells: pl.DataFrame, parts: Parts) -> None:
    if cells["odd"].any():
        raise BadValue(f"outcome: column {parts.outcome!r} holds other values than true/false or 0/1.")
    if cells["unknown"].any():
        count = cells.filter("unknown")["n"].sum()
        raise BadValue(f"unit: {parts.unit or parts.cluster!r} is null in {count:,} rows; say who they are.")


def _roles(cells: pl.DataFrame, parts: Parts) -> dict[Any, str]:
    """Return each arm's role."""
    seen = cells["arm"].drop_nulls().unique().sort().to_list()
    if parts.control not in seen:
        hint = nearest(str(parts.control), map(str, seen))
        raise BadValue(f"control is {parts.control!r}, which {parts.arm!r} never is{hint} It is: {_named(seen)}.")
    others = [one for one in seen if one != parts.control]
    if not others:
        raise NotEnoughData(f"{parts.arm!r} is {parts.control!r} for everyone; nobody was treated, to compare with.")
    chosen = others if parts.treatment is None else parts.treatment
    chosen = list(chosen) if isinstance(chosen, list | tuple | set) else [chosen]
    if parts.treatment is None and len(others) > 1:
        raise BadValue(
            f"{parts.arm!r} has {len(others)} arms besides the control: {_named(others)}. Say which to learn from: "
            f"treatment={others[0]!r}, or several as a list, to be taken for one."
        )
    for one in chosen:
        if one not in others:
            hint = nearest(str(one), map(str, others))
            raise BadValue(
                f"treatment is {one!r}, which is no arm besides the control{hint} There is: {_named(others)}."
            )
    return {parts.control: "control"} | dict.fromkeys(chosen, "treatment")


def _named(values: Sequence[Any]) -> str:
    return listed(map(repr, values))


def _arms(cells: pl.DataFrame, roles: dict[Any, str]) -> pl.DataFrame:
    known, yes = pl.col("y").is_not_null(), pl.col("y").fill_null(False)
    table = cells.group_by("arm").agg(
        n=pl.col("n").sum(),
        missing=pl.col("n").filter(~known).sum(),
        outcome_rate=pl.col("w").filter(yes).sum() / pl.col("w").filter(known).sum(),
    )
    role = pl.col("arm").replace_strict(list(roles), list(roles.values()), default="left out", return_dtype=pl.String)
    table = table.select(pl.col("arm").cast(pl.String), role.alias("role"), "n", "missing", "outcome_rate")
    return table.sort("role", "arm")


def _outcomes(cells: pl.DataFrame) -> Outcomes:
    cluster = None
    if "g" in cells.columns:
        cluster = cells["g"].rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
    weight, squares = (cells[name].to_numpy().astype(float) for name in ("w", "ww"))
    return Outcomes((cells["role"] == "treatment").to_numpy(), cells["y"].to_numpy(), weight, squares, cluster)


def _check_sizes(used: pl.DataFrame, of: Outcomes, parts: Parts) -> None:
    rows = used["n"].to_numpy()
    for name, arm in (("treatment", of.treated), ("control", ~of.treated)):
        yes, no = (int(rows[arm & part].sum()) for part in (of.yes, ~of.yes))
        if min(yes, no) < LEAST:
            raise NotEnoughData(
                f"Of the {name}'s {yes + no:,} people with an outcome, {yes:,} have {parts.outcome!r} and {no:,} have "
                f"not; at least {LEAST} of each are needed."
            )
        if of.draws(arm) < LEAST_DRAWS:
            raise NotEnoughData(
                f"The {name} has {of.draws(arm):.0f} clusters; with fewer than {LEAST_DRAWS} nobody can say how sure "
                "a ranking is."
            )
