"""A table to one row of sufficient statistics per group: planned, grouped, answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from campaignkit.cells.answering import far_from_zero, finish
from campaignkit.cells.grouping import reduce
from campaignkit.cells.planning import prepare


def cells(
    data: Any,
    by: str | Iterable[str] | None = (),
    measures: str | Iterable[str] | None = (),
    *,
    comoments: Iterable[tuple[str, str]] = (),
) -> pl.DataFrame:
    """Reduce a table to one row of sufficient statistics per group.

    Parameters
    ----------
    data : table
        Polars (eager or lazy), a DuckDB relation, pandas, PyArrow, a PySpark DataFrame, or anything with a
        ``.relation()``. Only the named columns are read. pandas and PyArrow tables are handed to Polars.
    by : str or iterable of str, optional
        Columns whose values together make a group. None or empty: the whole table is one group, and one row
        comes back even from an empty table. Rows with a null key are a group like any other. Columns with
        nested types are refused; categories, enums and UUIDs come back as text.
    measures : str or iterable of str, optional
        Columns of numbers, decimals or booleans, cast to Float64 before any arithmetic (integers beyond 2**53
        are rounded by that). None or empty: groups are counted, no more.
    comoments : iterable of (str, str)
        Pairs of such columns, which need not be among the measures.

    Returns
    -------
    polars.DataFrame
        One row per group, sorted by the keys, NaN keys after the numbers and null keys last. The same columns
        and types on every engine, in this order:

        - the `by` columns, typed as they were;
        - ``n`` (Int64): rows in the group;
        - for each measure ``m``: ``m_n``, ``m_null``, ``m_nan`` (Int64, rows with a number, a null, a NaN),
          ``m_mean``, ``m_ss`` (Float64, centered sum of squares Σ(x − mean)², in the measure's unit squared),
          ``m_min``, ``m_max`` (Float64). The last four are null where ``m_n`` is 0;
        - for each pair ``(a, b)``, on the rows where both have a value: ``a_b_n`` (Int64), ``a_b_mean_1`` and
          ``a_b_mean_2``, ``a_b_ss_1`` and ``a_b_ss_2`` (of ``a`` and of ``b``), and ``a_b_css``
          (Σ(a − mean)(b − mean)). All but the first are null where ``a_b_n`` is 0.

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        `data` is no table; a measure is not of numbers, or holds infinities or numbers beyond ±1e150; a key
        is nested; two columns of the answer would have one name.

    Notes
    -----
    Counts are exact, the rest is right to 1e-12, relative (the mean: to its largest number; ``css``: to
    ``sqrt(ss_1 · ss_2)``), however far the mean is from zero. The table is read once, and once more only
    where a group's mean is over 1,000 of its standard deviations, or whole numbers add up past 2**52.

    In pandas a NaN is how a missing value is written, so from pandas every NaN counts as a null and ``m_nan``
    is 0; everywhere else the two are counted apart.

    There is no weight: a weighted mean is a ratio of two means. Give ``w`` and ``w·x`` as measures and as a
    pair, and the ratio and its linearised variance follow.

    Examples
    --------
    >>> import polars as pl
    >>> from campaignkit.cells import cells
    >>> gifts = pl.DataFrame({"region": ["West", "East", "West", None], "gift": [25.0, None, 75.0, 10.0]})
    >>> table = cells(gifts, "region", "gift")
    >>> table.select("region", "n", "gift_n", "gift_null", "gift_mean", "gift_ss").rows()
    [('East', 1, 0, 1, None, None), ('West', 2, 2, 0, 50.0, 1250.0), (None, 1, 1, 0, 10.0, 0.0)]
    >>> people = pl.DataFrame({"age": [30, 40, 50], "gave": [False, True, True]})
    >>> cells(people, comoments=[("age", "gave")])["age_gave_css"].item()
    10.0
    """
    frame, plan = prepare(data, by, measures, comoments)
    table = reduce(frame, plan)
    far = far_from_zero(table, plan)
    if far:
        table = reduce(frame, plan, far)
    return finish(table, plan)
