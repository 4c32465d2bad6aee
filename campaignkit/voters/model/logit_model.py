"""A logit on cells: from codes to a probability, with the rows' own errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
from scipy.special import expit, ndtr, ndtri

from campaignkit.errors import NotEnoughData
from campaignkit.sql import quote_identifier
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.regression.least_squares import solve_definite
from campaignkit.stats.regression.logit import Logit, fit_terms
from campaignkit.stats.regression.terms import Terms
from campaignkit.voters.model.design import Design
from campaignkit.voters.model.duckdb_sql import linear_sql
from campaignkit.voters.model.predictor import ProbabilityModel
from campaignkit.voters.model.weighted_cells import WeightedCells, pooled

CERTAIN = 1e-9  # a chance beyond which a coefficient has run away

#: The columns of `Score.table`.
TABLE: Any = {
    "term": pl.String, "level": pl.String, "block": pl.String, "n": pl.Int64, "outcome_rate": pl.Float64,
    "estimate": pl.Float64, "std_error": pl.Float64, "lower": pl.Float64, "upper": pl.Float64, "p_value": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class LogitModel:
    """A logit: the design and its coefficients."""

    design: Design
    beta: Floats
    kind: str = "logit"

    def probabilities(self, codes: Sequence[Whole]) -> Floats:
        """Return the probability of each cell."""
        return expit(self.design.terms(codes).eta(self.beta))

    def with_prediction(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Return the table with a column of probabilities; nothing is read."""
        native = frame.to_native()
        if isinstance(native, duckdb.DuckDBPyRelation):
            eta = linear_sql(self.design, self.beta, dict(frame.collect_schema()))
            return nw.from_native(native.project(f"*, 1 / (1 + exp(-({eta}))) AS {quote_identifier(name)}"))
        return frame.with_columns((1 / (1 + (-self.design.linear(frame, self.beta)).exp())).alias(name))

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {"kind": self.kind, "design": self.design.to_dict(), "beta": self.beta.tolist()}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> LogitModel:
        """Return what `to_dict` gave."""
        return cls(Design.from_dict(saved["design"]), np.array(saved["beta"]))


@dataclass(frozen=True)
class ModelFit:
    """A model fitted on cells.

    Attributes
    ----------
    model : ProbabilityModel
    table : polars.DataFrame
        As `Score.table` is described.
    errors : str
        How the standard errors were made; "": there are none.
    cells : WeightedCells
        What it was fitted on, clusters put together.
    covariance : array or None
        Of the coefficients. None: there are none.
    """

    model: ProbabilityModel
    table: pl.DataFrame
    errors: str
    cells: WeightedCells
    covariance: Floats | None = None


def fit_logit_model(
    design: Design, fitted: WeightedCells, ridge: float, weighted: bool, confidence_level: float
) -> ModelFit:
    """Fit the logit, and say each coefficient with its error.

    Raises
    ------
    NotEnoughData
        The outcome is separated: some level has it always, or never, so that its coefficient runs away.
    """
    short = pooled(fitted)
    terms = design.terms(short.codes)
    if ridge == 0:
        _refuse_separated(design, terms, short)
    fit = fit_terms(terms, short.n, short.k, ridge)
    if ridge == 0 and (not fit.converged or _certain(fit, short)):
        worst = int(np.argmax(np.where(np.arange(len(fit.beta)) > 0, np.abs(fit.beta), 0.0)))
        raise NotEnoughData(_separated(" ".join(design.names[worst]).strip()))
    covariance, errors = _covariance(design, fit, short, fitted, weighted)
    table = _table(design, fit.beta, covariance, terms, short, confidence_level)
    return ModelFit(LogitModel(design, fit.beta), table, errors, short, covariance)


def _certain(fit: Logit, short: WeightedCells) -> bool:
    p = fit.p
    return bool(((p < CERTAIN) | (p > 1 - CERTAIN))[short.n > 0].any())


def _refuse_separated(design: Design, terms: Terms, short: WeightedCells) -> None:
    """Refuse levels of which all or none have the outcome."""
    for levels, code in zip(design.levels, short.codes, strict=True):
        if levels.feature.kind == "spline" or not levels.names:
            continue
        n, k = (np.bincount(code, part, len(levels.labels)) for part in (short.n, short.k))
        for label, all_, some in zip(levels.labels, n, k, strict=True):
            if all_ > 0 and some in (0.0, all_):
                raise NotEnoughData(
                    _separated(f"{levels.feature.name} {label}", "nobody" if some == 0 else "everybody")
                )
    one_hot = [term for term in terms.terms if np.isin(term.basis, (0.0, 1.0)).all()]
    names = dict(zip(map(id, terms.terms), terms.slices, strict=True))
    for term in one_hot:
        n, k = (term.basis.T @ term.sums(part) for part in (short.n, short.k))
        stuck = (n > 0) & ((k == 0) | (k == n))
        if stuck.any():
            at = names[id(term)].start + int(np.argmax(stuck))
            raise NotEnoughData(
                _separated(" ".join(design.names[at]), "nobody" if k[np.argmax(stuck)] == 0 else "everybody")
            )


def _separated(column: str, who: str = "nobody or everybody") -> str:
    return (
        f"The outcome is separated: of those with {column}, {who} has it, so that its coefficient has no finite value. "
        "Pass ridge=1 to shrink coefficients, or leave the column out."
    )


def _covariance(
    design: Design, fit: Logit, short: WeightedCells, fitted: WeightedCells, weighted: bool
) -> tuple[Floats, str]:
    """Return the coefficients' covariance: the inverse information, or the sandwich where rows are not alike."""
    bread = solve_definite(fit.information, np.eye(len(fit.beta)))
    rows, columns = short.rows.sum(), len(fit.beta)
    if fitted.cluster is None:
        if not weighted:
            return bread, "model-based"
        terms, p = design.terms(short.codes), fit.p
        meat = terms.gram((short.nn - short.kk) * p**2 + short.kk * (1 - p) ** 2)
        return bread @ meat @ bread * (rows / max(rows - columns, 1)), "HC1"
    terms = design.terms(fitted.codes)
    p = expit(terms.eta(fit.beta))
    alone = fitted.cluster < 0
    meat = terms.clustered(np.where(alone, 0.0, fitted.k - fitted.n * p), np.where(alone, 0, fitted.cluster))
    meat += terms.gram(np.where(alone, (fitted.nn - fitted.kk) * p**2 + fitted.kk * (1 - p) ** 2, 0.0))
    groups = len(np.unique(fitted.cluster[~alone])) + fitted.rows[alone].sum()
    factor = groups / max(groups - 1, 1) * (rows - 1) / max(rows - columns, 1)
    return bread @ meat @ bread * factor, "CR1, by cluster"


def _table(
    design: Design, beta: Floats, covariance: Floats, terms: Terms, short: WeightedCells, confidence_level: float
) -> pl.DataFrame:
    error = np.sqrt(np.diag(covariance))
    half = float(ndtri(0.5 + confidence_level / 2)) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * ndtr(-np.abs(beta) / error)
    counted = [part for term in terms.terms for part in zip(*_counts(term, short), strict=True)]
    return pl.DataFrame(
        {
            "term": [term for term, _ in design.names],
            "level": [level or None for _, level in design.names],
            "block": [block or None for block in design.blocks],
            "n": pl.Series([n for n, _ in counted], dtype=pl.Int64),
            "outcome_rate": pl.Series([rate for _, rate in counted], dtype=pl.Float64),
            "estimate": beta, "std_error": error, "lower": beta - half, "upper": beta + half, "p_value": p_value,
        }
    )  # fmt: skip


def _counts(term: Any, short: WeightedCells) -> tuple[list[int | None], list[float | None]]:
    """Return each column's rows and share with the outcome, where it is one level's."""
    if not np.isin(term.basis, (0.0, 1.0)).all():
        return [None] * term.columns, [None] * term.columns
    rows, n, k = (term.basis.T @ term.sums(part) for part in (short.rows, short.n, short.k))
    return [int(count) for count in rows.tolist()], [
        a / b if b else None for a, b in zip(k.tolist(), n.tolist(), strict=True)
    ]
