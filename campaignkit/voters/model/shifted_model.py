"""A score moved so that its chances add up to known totals, county by county."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from scipy.special import logit

from campaignkit.cells import cells
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.prediction.logit_shift import logit_shifts
from campaignkit.stats.regression.terms import join_codes
from campaignkit.tables import check_columns, check_numbers, open_table
from campaignkit.voters.model.design import Design
from campaignkit.voters.model.features import Feature, FeatureSpec
from campaignkit.voters.model.levels import OTHER, Levels
from campaignkit.voters.model.predictor import ProbabilityModel
from campaignkit.voters.model.reading import features_keys

BLOCK = "county totals"
#: The columns of `Turnout.counties` after those that say where.
COUNTS: Any = {
    "people": pl.Int64, "expected_before": pl.Float64, "total": pl.Float64, "shift": pl.Float64, "expected": pl.Float64,
    "left_as_it_is": pl.String,
}  # fmt: skip
NO_TOTAL, TOO_FEW, NONE_VOTED = "no total", "as many votes as people, or more", "no votes"


@dataclass(frozen=True)
class LogitShiftModel:
    """Another model, whose log odds are moved by where a person lives.

    Attributes
    ----------
    base : ProbabilityModel
    places : tuple of Levels
        Of the columns that say where: state and county.
    shifts : array
        What to add for each combination of their codes; 0 where no total is known.
    """

    base: ProbabilityModel
    places: tuple[Levels, ...]
    shifts: Floats
    kind: str = "shifted"

    @property
    def design(self) -> Design:
        """The base's, with where people live after its features."""
        inner = self.base.design
        spec = replace(inner.spec, features=(*inner.spec.features, *(place.feature for place in self.places)))
        return replace(inner, spec=spec, levels=(*inner.levels, *self.places))

    def probabilities(self, codes: Sequence[Whole]) -> Floats:
        """Return the probability of each cell."""
        own = len(self.base.design.levels)
        odds = self.base.probabilities(codes[:own])
        odds = odds / (1 - odds) * np.exp(self.shifts[self._joined(codes[own:])])
        return odds / (1 + odds)

    def _joined(self, codes: Sequence[Whole]) -> Whole:
        return join_codes(codes, [len(place.labels) for place in self.places])

    def with_prediction(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Return the table with a column of probabilities; nothing is read."""
        schema = frame.collect_schema()
        cell: nw.Expr = nw.lit(0)
        for place in self.places:
            code = place.lookup(place.feature.key(schema[place.feature.name]), np.arange(len(place.labels)))
            cell = cell * len(place.labels) + code
        told = np.flatnonzero(self.shifts)
        factors = np.exp(self.shifts[told]).tolist()
        by = nw.lit(1.0)
        if len(told):
            by = cell.replace_strict(told.tolist(), factors, default=nw.lit(1.0), return_dtype=nw.Float64)
        moved = self.base.with_prediction(frame, "__base").with_columns(by.alias("__by"))
        odds = nw.col("__base") / (1 - nw.col("__base")) * nw.col("__by")
        return moved.with_columns((odds / (1 + odds)).alias(name)).drop("__base", "__by")

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        places = [place.to_dict() for place in self.places]
        return {"kind": self.kind, "base": self.base.to_dict(), "places": places, "shifts": self.shifts.tolist()}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], base: ProbabilityModel) -> LogitShiftModel:
        """Return what `to_dict` gave, around its base."""
        places = tuple(Levels.from_dict(place) for place in saved["places"])
        return cls(base, places, np.array(saved["shifts"]))


def shift_to(
    model: ProbabilityModel, frame: nw.LazyFrame[Any], totals: Any, by: Sequence[str], total: str
) -> tuple[LogitShiftModel, pl.DataFrame]:
    """Move a model's chances so that over a table they add up to totals.

    Parameters
    ----------
    model : ProbabilityModel
    frame : narwhals.LazyFrame
        Everybody the totals are of.
    totals : table
        One row per place: the columns `by` and `total`.
    by : sequence of str
        Which columns say where, in both tables.
    total : str
        How many had the outcome there.

    Returns
    -------
    model : ShiftedModel
    places : polars.DataFrame
        One row per place of the table: the columns `by`, ``people``, ``expected_before``, ``total``, ``shift`` (log
        odds; null where none could be made), ``expected``, ``left_as_it_is`` (why; null where it was shifted).

    Raises
    ------
    BadValue
        Totals are no numbers, or name a place twice.
    NotEnoughData
        No place has a total between 0 and its people.
    """
    spec = FeatureSpec((*model.design.spec.features, *(Feature(name, BLOCK, "category") for name in by)))
    inner = len(model.design.levels)
    keys = frame.select(*features_keys(frame, spec))
    table = cells(keys, [f"f{i}" for i in range(len(spec.features))])
    known = _totals(totals, by, total)
    where = [pl.col(f"f{inner + i}").cast(pl.String).alias(name) for i, name in enumerate(by)]
    places = table.select(*where, "n").group_by(by).agg(people=pl.col("n").sum()).sort(by, nulls_last=True)
    places = places.join(known, on=list(by), how="left", nulls_equal=True, maintain_order="left")
    group = table.select(where).join(places.with_row_index("at"), on=list(by), nulls_equal=True, maintain_order="left")
    eta = logit(np.clip(model.probabilities(model.design.codes(table)), 1e-12, 1 - 1e-12))
    return _shifted(
        model, places, list(by), eta, table["n"].to_numpy().astype(float), group["at"].to_numpy().astype(int)
    )


def _shifted(
    model: ProbabilityModel, places: pl.DataFrame, by: list[str], eta: Floats, n: Floats, group: Whole
) -> tuple[LogitShiftModel, pl.DataFrame]:
    total, people = pl.col("total"), pl.col("people")
    why = pl.when(total.is_null()).then(pl.lit(NO_TOTAL)).when(total <= 0).then(pl.lit(NONE_VOTED))
    places = places.with_columns(left_as_it_is=why.when(total >= people).then(pl.lit(TOO_FEW)))
    fine = places["left_as_it_is"].is_null().to_numpy()
    if not fine.any():
        raise NotEnoughData(f"No place ({', '.join(by)}) has a total between 0 and its people; are they named alike?")
    before = np.bincount(group, n / (1 + np.exp(-eta)), places.height)
    shift = np.where(
        fine, logit_shifts(eta, n, group, np.where(fine, places["total"].fill_null(0).to_numpy(), before)), 0.0
    )
    expected = np.bincount(group, n / (1 + np.exp(-eta - shift[group])), places.height)
    places = places.with_columns(
        expected_before=before,
        shift=pl.select(pl.when(pl.Series(fine)).then(pl.Series(shift))).to_series(),
        expected=expected,
    )
    levels = tuple(_levels(name, places[name]) for name in by)
    sizes = [len(place.labels) for place in levels]
    table = np.zeros(int(np.prod(sizes)))
    table[join_codes([place.code(places[place.feature.name]) for place in levels], sizes)] = shift
    return LogitShiftModel(model, levels, table), places.select(*by, *COUNTS)


def _levels(name: str, values: pl.Series) -> Levels:
    keys = values.unique().sort(nulls_last=True).to_list()
    labels = ["(missing)" if key is None else key for key in keys] + [OTHER]
    feature = Feature(name, BLOCK, "category")
    return Levels(
        feature, tuple(keys), tuple(range(len(keys))), len(keys), np.zeros((len(labels), 0)), tuple(labels), ()
    )


def _totals(totals: Any, by: Sequence[str], total: str) -> pl.DataFrame:
    check_columns(totals, *by, total, where="totals")
    check_numbers(totals, total, argument="totals")
    table = open_table(totals).lazy().collect("polars").to_native()
    table = table.select(*(pl.col(name).cast(pl.String) for name in by), pl.col(total).cast(pl.Float64).alias("total"))
    if table.select(by).is_duplicated().any():
        raise BadValue(f"totals names a place ({', '.join(by)}) twice; pass one election's rows.")
    return table
