"""What a score is made with: a logit on cells, or boosted trees, each from codes to a probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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
from campaignkit.voters.cases import Cases, pooled
from campaignkit.voters.design import Design
from campaignkit.voters.duckdb_sql import linear_sql

CERTAIN = 1e-9  # a chance beyond which a coefficient has run away

#: The columns of `Score.table`.
TABLE: Any = {
    "term": pl.String, "level": pl.String, "block": pl.String, "n": pl.Int64, "outcome_rate": pl.Float64,
    "estimate": pl.Float64, "std_error": pl.Float64, "lower": pl.Float64, "upper": pl.Float64, "p_value": pl.Float64,
}  # fmt: skip


class Model(Protocol):
    """A fitted model: from codes to chances, over arrays and over tables."""

    @property
    def design(self) -> Design:
        """What the codes are."""
        ...

    @property
    def kind(self) -> str:
        """Name of its kind: logit or boosted."""
        ...

    def chances(self, codes: Sequence[Whole]) -> Floats:
        """Return the probability of each cell."""
        ...

    def scored(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Return the table with a column of probabilities; nothing is read."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        ...


@dataclass(frozen=True)
class LogitModel:
    """A logit: the design and its coefficients."""

    design: Design
    beta: Floats
    kind: str = "logit"

    def chances(self, codes: Sequence[Whole]) -> Floats:
        """Return the probability of each cell."""
        return expit(self.design.terms(codes).eta(self.beta))

    def scored(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
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


def fit_logit_model(
    design: Design, fitted: Cases, ridge: float, weighted: bool
) -> tuple[LogitModel, pl.DataFrame, str]:
    """Fit the logit, and say each coefficient with its error.

    Returns
    -------
    model : LogitModel
    table : polars.DataFrame
        As `Score.table` is described for a logit.
    errors : str
        How the standard errors were made.

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
    return LogitModel(design, fit.beta), _table(design, fit.beta, covariance, terms, short), errors


def _certain(fit: Logit, short: Cases) -> bool:
    p = fit.p
    return bool(((p < CERTAIN) | (p > 1 - CERTAIN))[short.n > 0].any())


def _refuse_separated(design: Design, terms: Terms, short: Cases) -> None:
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


def _covariance(design: Design, fit: Logit, short: Cases, fitted: Cases, weighted: bool) -> tuple[Floats, str]:
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


def _table(design: Design, beta: Floats, covariance: Floats, terms: Terms, short: Cases) -> pl.DataFrame:
    error = np.sqrt(np.diag(covariance))
    half = float(ndtri(0.975)) * error
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


def _counts(term: Any, short: Cases) -> tuple[list[int | None], list[float | None]]:
    """Return each column's rows and share with the outcome, where it is one level's."""
    if not np.isin(term.basis, (0.0, 1.0)).all():
        return [None] * term.columns, [None] * term.columns
    rows, n, k = (term.basis.T @ term.sums(part) for part in (short.rows, short.n, short.k))
    return [int(one) for one in rows.tolist()], [
        a / b if b else None for a, b in zip(k.tolist(), n.tolist(), strict=True)
    ]


def model_from_dict(saved: Mapping[str, Any]) -> Model:
    """Return what a model's `to_dict` gave."""
    if saved["kind"] == "logit":
        return LogitModel.from_dict(saved)
    if saved["kind"] == "shifted":
        from campaignkit.voters.shifted import ShiftedModel

        return ShiftedModel.from_dict(saved)
    from campaignkit.voters.boosted import BoostedModel

    return BoostedModel.from_dict(saved)
