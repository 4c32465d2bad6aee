"""Tables of cells put together, by Chan's formula."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from campaignkit.cells.columns import COUNTS, read_columns
from campaignkit.checks import column_names
from campaignkit.errors import BadValue
from campaignkit.tables import check_columns


def merge(tables: Iterable[pl.DataFrame], by: str | Iterable[str] | None = None) -> pl.DataFrame:
    """Put tables of cells together: those of a table's parts into those of the whole, or into coarser groups.

    Parameters
    ----------
    tables : iterable of polars.DataFrame
        What `cells` returned for parts with no row in common, with the same keys, measures and pairs.
    by : str or iterable of str, optional
        The keys to keep, some of those of the tables. None: all of them. Empty: one row in all.

    Returns
    -------
    polars.DataFrame
        As from `cells`, one row per group found in any part.

    Raises
    ------
    BadValue
        No table was given, they differ in their columns, or one did not come from `cells`.
    ColumnNotFound
        `by` names what is no key of the tables.

    Notes
    -----
    Chan, Golub & LeVeque (1983), their formula for any number of parts: ss = Σ ss_i + Σ n_i (mean_i − mean)².
    A mean is kept to 16 digits, so parts whose mean is k standard deviations from zero are put together to
    about k · 2e-16, relative, at worst; `cells` on the whole table does better beyond k = 1,000.

    Examples
    --------
    >>> import polars as pl
    >>> from campaignkit.cells import cells, merge
    >>> monday = cells(pl.DataFrame({"arm": ["a", "b"], "gift": [10.0, 20.0]}), "arm", "gift")
    >>> tuesday = cells(pl.DataFrame({"arm": ["a"], "gift": [30.0]}), "arm", "gift")
    >>> merge([monday, tuesday]).select("arm", "gift_n", "gift_mean", "gift_ss").rows()
    [('a', 2, 20.0, 200.0), ('b', 1, 20.0, 0.0)]
    >>> merge([monday, tuesday], by=()).select("gift_n", "gift_mean", "gift_ss").rows()
    [(3, 20.0, 200.0)]
    """
    tables = list(tables)
    if not tables:
        raise BadValue("tables is empty; at least one table of cells was expected.")
    keys, measures, pairs = read_columns(tables[0].columns)
    if any(table.schema != tables[0].schema for table in tables):
        raise BadValue("The tables differ in their columns; make all with the same by, measures and comoments.")
    kept = keys if by is None else column_names(by, "by")
    check_columns(tables[0].select(keys), *kept, where="the tables' key")
    sums = [pl.col("n").sum()]
    for name in measures:
        sums += _merged_measure(name)
    for name in pairs:
        sums += _merged_pair(name)
    whole = pl.concat(tables)
    merged = whole.group_by(kept).agg(sums).sort(kept, nulls_last=True) if kept else whole.select(sums)
    return merged.select([*kept, *tables[0].columns[len(keys) :]])


def _merged_measure(name: str) -> list[pl.Expr]:
    n, mean = pl.col(f"{name}_n"), pl.col(f"{name}_mean")
    return [
        *(pl.col(f"{name}_{field}").sum() for field in COUNTS),
        _known(n, _merged_mean(n, mean)).alias(f"{name}_mean"),
        _known(n, _merged_moment(n, pl.col(f"{name}_ss"), mean, mean)).alias(f"{name}_ss"),
        pl.col(f"{name}_min").min(),
        pl.col(f"{name}_max").max(),
    ]


def _merged_pair(name: str) -> list[pl.Expr]:
    n, one, two = (pl.col(f"{name}_{field}") for field in ("n", "mean_1", "mean_2"))
    sides = {"ss_1": (one, one), "ss_2": (two, two), "css": (one, two)}
    return [
        n.sum(),
        *(_known(n, _merged_mean(n, mean)).alias(f"{name}_mean_{i}") for i, mean in enumerate((one, two), 1)),
        *(
            _known(n, _merged_moment(n, pl.col(f"{name}_{field}"), a, b)).alias(f"{name}_{field}")
            for field, (a, b) in sides.items()
        ),
    ]


def _merged_mean(n: pl.Expr, mean: pl.Expr) -> pl.Expr:
    first = mean.drop_nulls().first()  # parts that agree stay exactly as they are
    return first + (n * (mean - first)).sum() / n.sum()


def _merged_moment(n: pl.Expr, moment: pl.Expr, one: pl.Expr, two: pl.Expr) -> pl.Expr:
    return moment.sum() + (n * (one - _merged_mean(n, one)) * (two - _merged_mean(n, two))).sum()


def _known(n: pl.Expr, number: pl.Expr) -> pl.Expr:
    return pl.when(n.sum() > 0).then(number)
