"""A fitted effect of contact: from features to a difference of shares, over arrays and over tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from campaignkit.stats.arrays import Floats, Mask
from campaignkit.stats.causal.effect_learners import class_transformation, doubly_robust
from campaignkit.stats.regression.terms import Terms
from campaignkit.voters.model.design import Design
from campaignkit.voters.model.experiment_cells import ExperimentCells


@dataclass(frozen=True)
class EffectModel:
    """A design, its coefficients, and what they mean.

    Attributes
    ----------
    design : Design
    beta : array
        One a column of the design.
    kind : {"class_transformation", "doubly_robust"}
        The effect is 2 / (1 + exp(−X beta)) − 1, or X beta.
    """

    design: Design
    beta: Floats
    kind: str

    def effects(self, terms: Terms) -> Floats:
        """Return the effect in each cell."""
        eta = terms.eta(self.beta)
        return np.tanh(eta / 2) if self.kind == "class_transformation" else eta

    def with_prediction(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Return the table with a column of effects; nothing is read."""
        eta = self.design.linear(frame, self.beta)
        effect = 2 / (1 + (-eta).exp()) - 1 if self.kind == "class_transformation" else eta
        return frame.with_columns(effect.alias(name))

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return {"kind": self.kind, "design": self.design.to_dict(), "beta": self.beta.tolist()}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> EffectModel:
        """Return what `to_dict` gave."""
        return cls(Design.from_dict(saved["design"]), np.array(saved["beta"]), saved["kind"])


def fit_effect_model(
    experiment: ExperimentCells, rows: Mask, kind: str, ridge: float | None, modeled: bool
) -> tuple[EffectModel, float]:
    """Fit the effect on some of the cells; return it and the penalty."""
    terms, outcomes = experiment.terms.take(rows), experiment.outcomes.take(rows)
    if kind == "class_transformation":
        fit = class_transformation(terms, outcomes, ridge)
    else:
        fit = doubly_robust(terms, outcomes, experiment.fold[rows], ridge, modeled)
    return EffectModel(experiment.design, fit.beta, kind), fit.ridge
