"""A fitted model over any table: everybody's prediction where the table lies, and into a megafile."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import narwhals as nw

from campaignkit.errors import BadValue
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.tables import check_columns, open_columns, open_table
from campaignkit.voters.model.design import Design


class Predictor(Protocol):
    """A model that adds a column to a table."""

    @property
    def design(self) -> Design:
        """Its features."""
        ...

    def with_prediction(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Return the table with the column; nothing is read."""
        ...


class ProbabilityModel(Predictor, Protocol):
    """A fitted model: from codes to probabilities, over arrays and over tables."""

    @property
    def kind(self) -> str:
        """Name of its kind: logit, boosted or shifted."""
        ...

    def probabilities(self, codes: Sequence[Whole]) -> Floats:
        """Return the probability of each cell."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        ...


def predict(model: Predictor, data: Any, column: str) -> Any:
    """Return a table with everybody's prediction in a new column, lazy, on the engine where it lies.

    Of a universe whose score is made of facts: person_id, household_id, the features and the prediction.
    """
    frame = open_columns(data, model.design.spec.names).lazy()
    if column in frame.collect_schema().names():
        raise BadValue(f"The table has a column {column!r} already; name another: predict(data, column=...).")
    return model.with_prediction(frame, column).to_native()


def write_to_megafile(
    name: str,
    mf: Any,
    scored: Any,
    unit: str | None,
    own_unit: str | None,
    restricted: Iterable[str],
    warning: str | None,
) -> int:
    """Write everybody's score, the column `value` of a table, into a megafile; return how many people were scored.

    Their ids are in the column `unit`; None: in `own_unit`, where the table has it, else in person_id. A warning is
    given now, and by every list that ranks by the score.
    """
    frame = open_table(scored)
    column = unit or (own_unit if own_unit in frame.collect_schema().names() else "person_id")
    check_columns(frame, column)
    rows = frame.lazy().select(nw.col(column).alias("person_id"), nw.col("value")).collect("polars").to_native()
    count = mf.write_scores(name, rows, restricted=frozenset(restricted), warning=warning)
    if warning is not None:
        warnings.warn(f"score({name!r}) {warning}", stacklevel=3)
    return count
