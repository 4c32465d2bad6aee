"""The linear predictor as DuckDB's own SQL: a look-up in a constant MAP costs less than half of a CASE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from campaignkit.sql import quote_identifier, quote_literal
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.voters.model.design import Design
from campaignkit.voters.model.levels import Levels


def linear_sql(design: Design, beta: Floats, types: dict[str, Any]) -> str:
    """Return X beta as an SQL expression over a table with the features.

    Parameters
    ----------
    design : Design
    beta : array
        Coefficients.
    types : dict
        Narwhals' type of each column.
    """
    parts = [_number(float(beta[0]))]
    for of, table in design.lookups(beta):
        levels = [design.levels[i] for i in of]
        parts.append(_looked_up(levels, table, types))
    return " + ".join(parts)


def _looked_up(levels: Sequence[Levels], table: Floats, types: dict[str, Any]) -> str:
    if len(levels) == 1:
        return lookup_sql(levels[0], table, types)
    joined = ""
    for factor in levels:
        code = lookup_sql(factor, np.arange(len(factor.labels)), types)
        joined = f"({joined} * {len(factor.labels)} + {code})" if joined else code
    return f"[{', '.join(map(_number, table.tolist()))}][1 + {joined}]"


def lookup_sql(levels: Levels, table: Floats | Whole, types: dict[str, Any]) -> str:
    """Return the table's number for the code of a row's value, as SQL."""
    column, feature = quote_identifier(levels.feature.name), levels.feature
    values = {k: table[code].item() for k, code in zip(levels.keys, levels.codes, strict=True) if k is not None}
    missing, other = _number(table[levels.missing].item()), _number(table[levels.other].item())
    if not values:
        return f"CASE WHEN {column} IS NULL THEN {missing} ELSE {other} END"
    is_float = types[feature.name].is_float()
    null = f"{column} IS NULL OR isnan({column})" if is_float else f"{column} IS NULL"
    if feature.kind == "bands":
        edges = enumerate(feature.edges)
        whens = " ".join(f"WHEN {column} < {_number(edge)} THEN {_number(values.get(at, other))}" for at, edge in edges)
        last = values.get(len(feature.edges))
        return f"CASE WHEN {null} THEN {missing} {whens} ELSE {other if last is None else _number(last)} END"
    if feature.kind == "spline":
        first, points = min(values), [values[key] for key in sorted(values)]
        point = f"floor({column}::DOUBLE / {_number(feature.grid)} + 0.5)::BIGINT"
        at = f"least(greatest({point} - ({first}), 0), {len(points) - 1})"
        return f"CASE WHEN {null} THEN {missing} ELSE [{', '.join(map(_number, points))}][1 + {at}] END"
    pairs = ", ".join(f"{quote_literal(key)}: {_number(value)}" for key, value in values.items())
    looked_up = f"coalesce(MAP {{{pairs}}}[{_as_key(column, levels, types)}], {other})"
    return looked_up if missing == other and not is_float else f"CASE WHEN {null} THEN {missing} ELSE {looked_up} END"


def _as_key(column: str, levels: Levels, types: dict[str, Any]) -> str:
    """Return the column as the keys' type: a category as text, a number as the keys' own."""
    if any(isinstance(key, str) for key in levels.keys):
        return f"{column}::VARCHAR"
    return column


def _number(value: float | int | str) -> str:
    """Return a number as SQL that DuckDB reads to the last bit; text is SQL already."""
    if isinstance(value, str):
        return value
    return f"{value!r}::DOUBLE" if isinstance(value, float) else str(value)
