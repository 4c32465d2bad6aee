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
from campaignkit.tables import Roles, open_columns, require_ids, yes_or_no
from campaignkit.voters.model.design import Design, make_design
from campaignkit.voters.model.features import FeatureSpec
from campaignkit.voters.model.holdout import Holdout, check_cells
from campaignkit.voters.model.reading import count_cells

FOLDS = 10
FIRST = 2  # folds that only fit; from two of them on each can be guessed at by the other
LEAST = 25  # people with the outcome, and without it, in either arm, below which nothing is fitted
LEAST_DRAWS = 20  # clusters in either arm, or people without them
HELD = -1  # the fold of those held out


@dataclass(frozen=True)
class Contrast:
    """Which arms are compared; as `fit_persuasion` says."""

    control: Any
    treatment: Any = None


@dataclass(frozen=True)
class ExperimentCells:
    """Cells of an experiment.

    Attributes
    ----------
    design : Design
        From features to columns, made from everybody who was in either arm and has an outcome.
    codes : tuple of arrays
        Each feature's level, one a cell.
    outcomes : Outcomes
        Whoever their clusters are: what models are fitted on.
    fold : array of int
        0 to 9, by the hash of the cluster or unit. -1: held out.
    by_cluster : Outcomes
        The same people, cluster by cluster: what errors are reckoned from.
    cell : array of int
        Which of the cells each of `by_cluster` is in.
    arms : polars.DataFrame
        One row per value of the arm: ``arm``, ``role`` ("control", "treatment", "left out"), ``n`` (rows), ``missing``
        (of these without an outcome), ``outcome_rate``.
    restricted : frozenset of str
        What may not serve soliciting.
    """

    design: Design
    codes: tuple[Whole, ...]
    outcomes: Outcomes
    fold: Whole
    by_cluster: Outcomes
    cell: Whole
    arms: pl.DataFrame
    restricted: frozenset[str]

    @property
    def terms(self) -> Terms:
        """The columns of a regression, one row per cell."""
        return self.design.terms(self.codes)

    def splits(self) -> list[tuple[Mask, Mask]]:
        """Return who fits and who is judged, time after time: each fold is judged by those before it.

        Folds judged by all others would not do: where there is nothing to find, their errors are alike, and the mean's
        variance is twice what it seems. Those held out are judged by all others, once.
        """
        if (self.fold == HELD).any():
            return [(self.fold != HELD, self.fold == HELD)]
        return [(self.fold < number, self.fold == number) for number in range(FIRST, FOLDS)]


def read_experiment(
    data: Any, spec: FeatureSpec, roles: Roles, contrast: Contrast, holdout: Holdout
) -> ExperimentCells:
    """Read an experiment.

    Raises
    ------
    ColumnNotFound, BadValue, NotEnoughData
        As `fit_persuasion` says.
    """
    table = open_columns(data, list(dict.fromkeys([*spec.names, *roles.names])))
    require_ids(table, roles.ids)
    frame = with_shares(table.lazy(), roles.ids, holdout.seed)
    spec, cells = count_cells(frame, spec, _keys(frame, roles, holdout), roles.weight)
    check_cells(cells, roles)
    arms = _arm_roles(cells, roles.arms[0], contrast)
    role = pl.col("arm").replace_strict(list(arms), list(arms.values()), default="left out", return_dtype=pl.String)
    cells = cells.with_columns(role=role)
    used = cells.filter(pl.col("y").is_not_null() & (pl.col("role") != "left out"))
    by_cluster = _outcomes(used)
    _check_sizes(used, by_cluster, roles.outcomes[0])
    columns = make_design(spec, used)
    codes = {f"c{i}": pl.Series(code) for i, code in enumerate(columns.codes(used))}
    by = [*codes, "role", "y", "fold"]
    used = used.with_columns(**codes)
    pooled = used.group_by(by).agg(pl.col("w", "ww").sum()).sort(by).with_row_index("cell")
    cell = used.select(by).join(pooled.select("cell", *by), on=by, how="left", maintain_order="left")["cell"]
    return ExperimentCells(
        columns, tuple(pooled[name].to_numpy() for name in codes), _outcomes(pooled), pooled["fold"].to_numpy(),
        by_cluster, cell.to_numpy().astype(np.int64), _arms(cells), table.restricted,
    )  # fmt: skip


def _keys(frame: nw.LazyFrame[Any], roles: Roles, holdout: Holdout) -> dict[str, nw.Expr]:
    """Return what cells are told apart by, beside the features, and what is to be refused."""
    outcome = yes_or_no(frame, roles.outcomes[0])
    keys = {"arm": nw.col(roles.arms[0]), "y": outcome, "fold": _fold(holdout.share)}
    keys["odd"] = ~nw.col(roles.outcomes[0]).is_null() & outcome.is_null()
    ids = [nw.col(name).is_null() for name in roles.ids]
    keys["unknown"] = nw.all_horizontal(*ids, ignore_nulls=True) if ids else nw.lit(False)
    if roles.cluster is not None:
        keys["g"] = nw.col(roles.cluster).cast(nw.String)
    return keys


def _fold(holdout: float | None) -> nw.Expr:
    share = nw.col("__share")
    if holdout is None:
        return (share * FOLDS).floor().cast(nw.Int64)
    fits = (share * (FOLDS / (1 - holdout))).floor().cast(nw.Int64)
    return nw.when(share >= 1 - holdout).then(nw.lit(HELD)).when(~share.is_null()).then(fits)


def _arm_roles(cells: pl.DataFrame, arm: str, contrast: Contrast) -> dict[Any, str]:
    """Return each arm's role."""
    control = contrast.control
    seen = cells["arm"].drop_nulls().unique().sort().to_list()
    if control not in seen:
        hint = nearest(str(control), map(str, seen))
        raise BadValue(f"control is {control!r}, which {arm!r} never is{hint} It is: {_named(seen)}.")
    others = [value for value in seen if value != control]
    if not others:
        raise NotEnoughData(f"{arm!r} is {control!r} for everyone; nobody was treated, to compare with.")
    chosen = others if contrast.treatment is None else contrast.treatment
    chosen = list(chosen) if isinstance(chosen, list | tuple | set) else [chosen]
    if contrast.treatment is None and len(others) > 1:
        raise BadValue(
            f"{arm!r} has {len(others)} arms besides the control: {_named(others)}. Say which to learn from: "
            f"treatment={others[0]!r}, or several as a list, to be taken for one."
        )
    for value in chosen:
        if value not in others:
            hint = nearest(str(value), map(str, others))
            raise BadValue(
                f"treatment is {value!r}, which is no arm besides the control{hint} There is: {_named(others)}."
            )
    return {control: "control"} | dict.fromkeys(chosen, "treatment")


def _named(values: Sequence[Any]) -> str:
    return listed(map(repr, values))


def _arms(cells: pl.DataFrame) -> pl.DataFrame:
    known, yes = pl.col("y").is_not_null(), pl.col("y").fill_null(False)
    table = cells.group_by("arm", "role").agg(
        n=pl.col("n").sum(),
        missing=pl.col("n").filter(~known).sum(),
        outcome_rate=pl.col("w").filter(yes).sum() / pl.col("w").filter(known).sum(),
    )
    return table.with_columns(pl.col("arm").cast(pl.String)).sort("role", "arm")


def _outcomes(cells: pl.DataFrame) -> Outcomes:
    cluster = None
    if "g" in cells.columns:
        cluster = cells["g"].rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
    weight, squares = (cells[name].to_numpy().astype(float) for name in ("w", "ww"))
    return Outcomes((cells["role"] == "treatment").to_numpy(), cells["y"].to_numpy(), weight, squares, cluster)


def _check_sizes(used: pl.DataFrame, outcomes: Outcomes, outcome: str) -> None:
    rows = used["n"].to_numpy()
    for name, arm in (("treatment", outcomes.treated), ("control", ~outcomes.treated)):
        yes, no = (int(rows[arm & part].sum()) for part in (outcomes.yes, ~outcomes.yes))
        if min(yes, no) < LEAST:
            raise NotEnoughData(
                f"Of the {name}'s {yes + no:,} people with an outcome, {yes:,} have {outcome!r} and {no:,} have "
                f"not; at least {LEAST} of each are needed."
            )
        if outcomes.draws(arm) < LEAST_DRAWS:
            raise NotEnoughData(
                f"The {name} has {outcomes.draws(arm):.0f} clusters; with fewer than {LEAST_DRAWS} nobody can say how "
                "sure a ranking is."
            )
