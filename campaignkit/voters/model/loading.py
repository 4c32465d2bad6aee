"""A model from what was saved of it: this module stands above the models, each of which reads its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from campaignkit.voters.model.boosted import BoostedModel
from campaignkit.voters.model.logit_model import LogitModel
from campaignkit.voters.model.predictor import ProbabilityModel
from campaignkit.voters.model.shifted_model import LogitShiftModel

KINDS: dict[str, Callable[[Mapping[str, Any]], ProbabilityModel]] = {
    "logit": LogitModel.from_dict,
    "boosted": BoostedModel.from_dict,
}


def model_from_dict(saved: Mapping[str, Any]) -> ProbabilityModel:
    """Return what a model's `to_dict` gave."""
    if saved["kind"] == "shifted":
        return LogitShiftModel.from_dict(saved, model_from_dict(saved["base"]))
    return KINDS[saved["kind"]](saved)
