"""A fitted model over any table: everybody's score where the table lies, and into a megafile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import narwhals as nw

from campaignkit.checks import check_columns, open_table
from campaignkit.errors import BadValue
from campaignkit.voters.design import Design


class Scores(Protocol):
    """A model that adds a column to a table."""

    @property
    def design(self) -> Design:
        """Its features."""
        ...

    def scored(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Return the table with the column; nothing is read."""
        ...


class Named(Protocol):
    """A result with a name that predicts."""

    @property
    def name(self) -> str:
        """What the score is called."""
        ...

    def predict(self, data: Any, column: str | None = None) -> Any:
        """Return a table with everybody's score."""
        ...


def predicted(model: Scores, data: Any, column: str) -> Any:
    """Return a table with everybody's score in a new column, lazy, on the engine where it lies."""
    frame = open_table(data)
    check_columns(frame, *model.design.asked.names)
    if column in frame.collect_schema().names():
        raise BadValue(f"The table has a column {column!r} already; name another: predict(data, column=...).")
    if isinstance(frame, nw.DataFrame) and not frame.implementation.is_polars():
        frame = nw.from_native(frame.to_polars())
    return model.scored(frame.lazy(), column).to_native()


def written(of: Named, mf: Any, data: Any, unit: str | None, restricted: Iterable[str]) -> int:
    """Write everybody's score into a megafile; return how many people were scored."""
    frame = open_table(data)
    column = unit if unit in frame.collect_schema().names() else "person_id"
    check_columns(frame, column)
    scored = open_table(of.predict(frame, "value")).lazy().select(nw.col(column).alias("person_id"), nw.col("value"))
    rows = scored.collect("polars").to_native()
    return mf.write_scores(of.name, rows, restricted=", ".join(sorted(restricted)) or None)
