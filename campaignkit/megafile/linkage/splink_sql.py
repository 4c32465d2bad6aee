"""What Splink would have DuckDB run to compare pairs and weigh them, as text: written once a model, not once a table.

Splink parses each of a model's conditions anew whenever it writes its SQL, which takes seconds a time, however few the
pairs. The comparisons, their weights and how they add up are Splink's own, word for word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

from campaignkit.sql import quote_identifier

#: The table with a weighed pair in each row: row_l, row_r, match_weight, and gamma_ and mw_ of each comparison.
WEIGHED = "__splink__df_predict"


def weighing(settings: dict[str, Any], pairs: str, left: str, right: str) -> str:
    """Return common table expressions, without the WITH, that end in one called `WEIGHED`.

    Parameters
    ----------
    settings : dict
        Of a fitted model.
    pairs : str
        A table of row_l and row_r.
    left, right : str
        The tables that these are rows of. The frequencies of a column's values are looked up in
        ``work_<column>_frequency``.
    """
    columns, steps = _written(json.dumps(settings, sort_keys=True))
    looked_up = "".join(f", tf_{name}_{side}" for name in columns for side in "lr")
    joins = "".join(
        f" LEFT JOIN (SELECT {name} AS {name}_{side}, tf_{name} AS tf_{name}_{side} FROM work_{name}_frequency) "
        f"USING ({name}_{side})"
        for name in columns
        for side in "lr"
    )
    return steps.format(
        pairs=quote_identifier(pairs), left=quote_identifier(left), right=quote_identifier(right),
        looked_up=looked_up, joins=joins,
    )  # fmt: skip


@cache
def _written(settings: str) -> tuple[list[str], str]:
    """Return the columns whose frequencies count, and the steps for ``{pairs}`` between ``{left}`` and ``{right}``."""
    from splink.internals.comparison_vector_values import compute_comparison_vector_values_sql
    from splink.internals.predict import predict_from_comparison_vectors_sqls_using_settings
    from splink.internals.settings_creator import SettingsCreator

    with remembered_conditions():
        read = SettingsCreator.from_path_or_dict(json.loads(settings)).get_settings("duckdb")
        compared = compute_comparison_vector_values_sql(read._columns_to_select_for_comparison_vector_values)
        weighed = predict_from_comparison_vectors_sqls_using_settings(read)
        columns = [column.unquote().name for column in read._term_frequency_columns]
        frequencies = {f"tf_{name}" for name in columns}
        sides = [
            column
            for column in read._columns_to_select_for_blocking
            if not any(f"{name}_" in column or f'"{name}' in column for name in frequencies)
        ]
    return columns, ", ".join(
        f"{name} AS ({query})"
        for name, query in [
            ("met", f"SELECT {', '.join(sides)}, '' AS match_key FROM {{pairs}} b "
                    "JOIN {left} l ON l.row = b.row_l JOIN {right} r ON r.row = b.row_r"),
            ("__splink__df_blocked", "SELECT met.*{looked_up} FROM met{joins}"),
            ("__splink__df_comparison_vectors", compared.replace("{", "{{").replace("}", "}}")),
            *((step["output_table_name"], step["sql"].replace("{", "{{").replace("}", "}}")) for step in weighed),
        ]
    )  # fmt: skip


@contextmanager
def remembered_conditions() -> Generator[None]:
    """Let Splink ask whether a condition is plain equality, and of what, once for each condition."""
    from splink.internals.comparison_level import ComparisonLevel

    asked = {name: vars(ComparisonLevel)[name] for name in ("_is_exact_match", "_exact_match_colnames")}
    for name, ask in asked.items():
        setattr(ComparisonLevel, name, property(_once_for_each_condition(ask.fget)))
    try:
        yield
    finally:
        for name, ask in asked.items():
            setattr(ComparisonLevel, name, ask)


def _once_for_each_condition(ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    known: dict[tuple[str, str], Any] = {}

    def answer(level: Any) -> Any:
        key = (level.sql_condition, level.sqlglot_dialect)
        if key not in known:
            known[key] = ask(level)
        return known[key]

    return answer
