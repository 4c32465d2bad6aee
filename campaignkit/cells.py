"""Any engine's table → sufficient statistics per group, in one pass where the data lies.

A group's rows are reduced to counts, means, centred sums of squares and co-moments; every estimate that
needs no more than these works on the small table that comes back. Raw sums of squares would cancel: at a mean
of 1e9 and a standard deviation of 1 they are wrong in their first digit.

Method
------
The group-by uses the engine's own updating formulas for variance and covariance, which lose about log10(k)
digits where k = sqrt(1 + mean² / variance) is the condition number (Chan, Golub & LeVeque 1983, section 3).
Where the first pass itself shows a group with k over 1,000, its column is centred on the group's mean and the
pass repeated: their two-pass algorithm, whose error does not grow with k. Means add the leading 26 bits of
each number (Dekker 1971's split) apart from the rest, so that no rounding piles up over ten million rows;
whole numbers of up to 32 bits are added as they are, and centred too should they add up to 2**52.

References
----------
Chan, T. F., Golub, G. H. & LeVeque, R. J. (1983). Algorithms for computing the sample variance: analysis and
recommendations. The American Statistician 37(3), 242–247.
Dekker, T. J. (1971). A floating-point technique for extending the available precision. Numerische Mathematik
18, 224–242.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from campaignkit.checks import check_columns, check_numbers, column_names, open_table
from campaignkit.errors import BadValue, listed
from campaignkit.progress import shown

SPLITTER = float(2**27 + 1)  # Dekker's, for 53-bit numbers
LARGEST = 1e150  # squares of larger numbers overflow
WORST_CONDITION = 1e3  # beyond it a single pass may miss 1e-12
MEASURE_FIELDS = ("n", "null", "nan", "mean", "ss", "min", "max")
PAIR_FIELDS = ("n", "mean_1", "mean_2", "ss_1", "ss_2", "css")
COUNTS = ("n", "null", "nan")
NESTED = (nw.List, nw.Array, nw.Struct, nw.Map)
EXACT_SUMS = (nw.Boolean, nw.Int8, nw.Int16, nw.Int32, nw.UInt8, nw.UInt16, nw.UInt32)
EXACT_UP_TO = 2.0**52  # a plain Float64 sum of whole numbers is exact while they add up to less, twice over


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
          ``m_mean``, ``m_ss`` (Float64, centred sum of squares Σ(x − mean)², in the measure's unit squared),
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
    >>> gifts = pl.DataFrame({"region": ["West", "East", "West", None], "gift": [25.0, None, 75.0, 10.0]})
    >>> table = cells(gifts, "region", "gift")
    >>> table.select("region", "n", "gift_n", "gift_null", "gift_mean", "gift_ss").rows()
    [('East', 1, 0, 1, None, None), ('West', 2, 2, 0, 50.0, 1250.0), (None, 1, 1, 0, 10.0, 0.0)]
    >>> people = pl.DataFrame({"age": [30, 40, 50], "gave": [False, True, True]})
    >>> cells(people, comoments=[("age", "gave")])["age_gave_css"].item()
    10.0
    """
    frame, plan = _prepare(data, by, measures, comoments)
    table = _reduce(frame, plan)
    far = _far_from_zero(table, plan)
    if far:
        table = _reduce(frame, plan, far)
    return _finish(table, plan)


@dataclass(frozen=True)
class _Value:
    """One Float64 column to be reduced: a measure, or one side of a pair on the pair's complete rows."""

    id: str
    count: str  # the column of the reduced table that has its n
    measure: bool
    exact: bool  # a plain sum of it is exact, up to 2**53


@dataclass(frozen=True)
class _Plan:
    by: list[str]
    measures: list[str]
    pairs: list[tuple[str, str]]
    schema: nw.Schema

    @property
    def keys(self) -> list[str]:
        return [f"k{position}" for position in range(len(self.by))]

    @property
    def columns(self) -> dict[str, str]:
        """The columns of numbers, and the plain names they have within the query, whatever theirs are."""
        names = dict.fromkeys([*self.measures, *(side for pair in self.pairs for side in pair)])
        return {name: f"x{position}" for position, name in enumerate(names)}

    @property
    def sides(self) -> dict[str, tuple[str, str]]:
        """Each side of each pair: the column that it is, and the other, which must have a value too."""
        both = [(f"p{i}", self.columns[a], self.columns[b]) for i, (a, b) in enumerate(self.pairs)]
        return {f"{id_}_{side}": pair for id_, a, b in both for side, pair in ((1, (a, b)), (2, (b, a)))}

    @property
    def values(self) -> list[_Value]:
        exact = {column: self.schema[name] in EXACT_SUMS for name, column in self.columns.items()}
        wholes = [self.columns[name] for name in self.measures]
        return [
            *(_Value(column, f"{column}_n", True, exact[column]) for column in wholes),
            *(_Value(id_, f"{id_[:-2]}_n", False, exact[side[0]]) for id_, side in self.sides.items()),
        ]

    def is_float(self, column: str) -> bool:
        dtypes = {self.columns[name]: self.schema[name] for name in self.columns}
        return dtypes[column].is_float()


def _prepare(data: Any, by: Any, measures: Any, comoments: Any) -> tuple[nw.LazyFrame[Any], _Plan]:
    by, measures, pairs = column_names(by, "by"), column_names(measures, "measures"), _pairs(comoments)
    numbers = list(dict.fromkeys([*measures, *(side for pair in pairs for side in pair)]))
    frame = open_table(data)
    check_columns(frame, *by, *numbers)
    frame = _lazy(frame, list(dict.fromkeys(by + numbers)))
    check_numbers(frame, *measures)
    check_numbers(frame, *numbers, argument="comoments")
    plan = _Plan(by, measures, pairs, frame.collect_schema())
    for name in by:
        if isinstance(plan.schema[name], NESTED):
            raise BadValue(f"by: column {name!r} is nested ({plan.schema[name]}); group by a part of it.")
    _check_names_differ(_names(plan))
    return frame, plan


def _pairs(comoments: Any) -> list[tuple[str, str]]:
    pairs = []
    for pair in comoments:
        if isinstance(pair, str) or len(names := column_names(pair, "a pair of comoments")) != 2:
            raise BadValue(f"comoments holds {pair!r}; pairs of columns were expected, as in [('before', 'after')].")
        pairs.append((names[0], names[1]))
    return pairs


def _check_names_differ(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadValue(f"The answer would have two columns named {twice[0]!r}; rename a column before the call.")


def _names(plan: _Plan) -> list[str]:
    measures = [f"{name}_{field}" for name in plan.measures for field in MEASURE_FIELDS]
    pairs = [f"{a}_{b}_{field}" for a, b in plan.pairs for field in PAIR_FIELDS]
    return [*plan.by, "n", *measures, *pairs]


def _lazy(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], needed: list[str]) -> nw.LazyFrame[Any]:
    if isinstance(frame, nw.LazyFrame) or frame.implementation.is_polars() or not needed:
        return frame.lazy()
    try:
        return frame.select(needed).lazy("polars")
    except (TypeError, ValueError) as error:  # Arrow's errors are of these
        raise BadValue(f"A column holds values of several types; give it one. ({error})") from error


def _reduce(frame: nw.LazyFrame[Any], plan: _Plan, far: Sequence[str] = ()) -> pl.DataFrame:
    """Return the one group-by's answer; values in `far` are taken as deviations from the group's mean."""
    keys = [_key(name, plan.schema[name]).alias(key) for name, key in zip(plan.by, plan.keys, strict=True)]
    if plan.columns:
        frame = _with_numbers(frame, plan, keys)
        frame = _with_deviations(frame, plan, far)
    elif keys:
        frame = frame.select(*keys)
    aggregates = [nw.len().alias("n")]
    for column in plan.columns.values():
        aggregates += _counts(column, plan.is_float(column))
    for value in plan.values:
        aggregates += _moments(value, value.id in far)
    for pair in range(len(plan.pairs)):
        one, two = (_source(f"p{pair}_{side}", far) for side in (1, 2))
        aggregates += [
            nw.col(one).count().alias(f"p{pair}_n"),
            nw.cov(one, two, ddof=0).alias(f"p{pair}_cov"),
        ]
    table = frame.group_by(*plan.keys).agg(*aggregates) if keys else frame.select(*aggregates)
    with shown("cells", "reducing the rows to groups"):
        return table.collect("polars").to_native()


def _key(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    # Engines differ in the order and type of these; Unknown is what Narwhals has no name for, as DuckDB's UUID.
    as_text = isinstance(dtype, nw.Categorical | nw.Enum | nw.Unknown)
    return nw.col(name).cast(nw.String) if as_text else nw.col(name)


def _source(id_: str, far: Sequence[str]) -> str:
    return f"{id_}_off" if id_ in far else id_


def _with_numbers(frame: nw.LazyFrame[Any], plan: _Plan, keys: list[nw.Expr]) -> nw.LazyFrame[Any]:
    """Keep keys and numbers; of floats both as they are and, to be squared, without NaN, infinite and hugest."""
    floats = [column for column in plan.columns.values() if plan.is_float(column)]
    given = {name: f"{column}_given" if column in floats else column for name, column in plan.columns.items()}
    frame = frame.select(*keys, *(nw.col(name).cast(nw.Float64).alias(alias) for name, alias in given.items()))
    fine = {column: nw.col(f"{column}_given").is_between(-LARGEST, LARGEST) for column in floats}
    if fine:
        frame = frame.with_columns(
            *(nw.when(is_fine).then(nw.col(f"{c}_given")).alias(c) for c, is_fine in fine.items())
        )
    sides = [
        nw.when(~nw.col(other).is_null()).then(nw.col(column)).alias(id_) for id_, (column, other) in plan.sides.items()
    ]
    return frame.with_columns(*sides) if sides else frame


def _with_deviations(frame: nw.LazyFrame[Any], plan: _Plan, far: Sequence[str]) -> nw.LazyFrame[Any]:
    """Add deviations from the group's mean for the values in `far`, and the leading bits of what is summed."""
    if far:
        centres = [nw.col(id_).mean() for id_ in far]
        over = [centre.over(*plan.keys) if plan.by else centre for centre in centres]
        frame = frame.with_columns(*(x.alias(f"{id_}_centre") for id_, x in zip(far, over, strict=True)))
        frame = frame.with_columns(*((nw.col(x) - nw.col(f"{x}_centre")).alias(f"{x}_off") for x in far))
    leads = [_leading(_source(v.id, far)).alias(f"{v.id}_lead") for v in plan.values if not v.exact]
    return frame.with_columns(*leads) if leads else frame


def _leading(column: str) -> nw.Expr:
    big = nw.col(column) * SPLITTER
    return big - (big - nw.col(column))


def _counts(column: str, is_float: bool) -> list[nw.Expr]:
    counts = [nw.col(column).count().alias(f"{column}_n")]
    if is_float:
        given = nw.col(f"{column}_given")
        counts.append(given.count().alias(f"{column}_given"))
        counts.append(given.is_nan().cast(nw.Int64).sum().alias(f"{column}_nan"))
    return counts


def _moments(value: _Value, centred: bool) -> list[nw.Expr]:
    source = nw.col(f"{value.id}_off" if centred else value.id)
    lead = source if value.exact else nw.col(f"{value.id}_lead")
    found = [source.var(ddof=0).alias(f"{value.id}_var"), lead.sum().alias(f"{value.id}_lead")]
    if not value.exact:
        found.append((source - lead).sum().alias(f"{value.id}_rest"))
    if centred:
        found.append(nw.col(f"{value.id}_centre").min().alias(f"{value.id}_centre"))
    if value.measure:
        whole = nw.col(value.id)
        found += [whole.min().alias(f"{value.id}_min"), whole.max().alias(f"{value.id}_max")]
    return found


def _far_from_zero(table: pl.DataFrame, plan: _Plan) -> list[str]:
    """Return the values that one pass may have got wrong: too far from zero, or summed past exactness."""
    far = []
    for value in plan.values:
        variance, mean = pl.col(f"{value.id}_var"), _mean(table, value)
        # A constant is at no distance: its sum of squares is 0, exactly.
        spread = pl.col(f"{value.id}_min") < pl.col(f"{value.id}_max") if value.measure else variance > 0
        wrong = spread & (mean**2 > WORST_CONDITION**2 * variance)
        if value.exact:
            wrong |= (mean**2 + variance).sqrt() * pl.col(value.count) > EXACT_UP_TO
        if table.select(wrong.any()).item():
            far.append(value.id)
    return far


def _mean(table: pl.DataFrame, value: _Value) -> pl.Expr:
    total = pl.col(f"{value.id}_lead")
    if not value.exact:
        total += pl.col(f"{value.id}_rest")
    mean = total / pl.col(value.count)
    return mean + pl.col(f"{value.id}_centre") if f"{value.id}_centre" in table.columns else mean


def _finish(table: pl.DataFrame, plan: _Plan) -> pl.DataFrame:
    """Return the answer's columns, typed, named and sorted alike on every engine."""
    _refuse_unusable(table, plan)
    found: list[pl.Expr] = [pl.col(key) for key in plan.keys]
    found.append(pl.col("n").cast(pl.Int64))
    for value in plan.values:
        if value.measure:
            found += _measure_fields(table, value, plan.is_float(value.id))
    sides = [value for value in plan.values if not value.measure]
    for one, two in zip(sides[::2], sides[1::2], strict=True):
        found += _pair_fields(table, one, two)
    answer = table.select(found)
    if plan.keys:
        answer = answer.sort(plan.keys, nulls_last=True)
    return answer.rename(dict(zip(answer.columns, _names(plan), strict=True)))


def _refuse_unusable(table: pl.DataFrame, plan: _Plan) -> None:
    for name, column in plan.columns.items():
        if not plan.is_float(column):
            continue
        given, nan, n = (pl.col(f"{column}_{field}").cast(pl.Int64).sum() for field in ("given", "nan", "n"))
        if count := table.select(given - nan - n).item():
            mend = "Take these rows out, or make them null, before the call."
            raise BadValue(f"Column {name!r} holds {count} values that are infinite or beyond ±{LARGEST:g}. {mend}")


def _measure_fields(table: pl.DataFrame, value: _Value, is_float: bool) -> list[pl.Expr]:
    n, least, most = (pl.col(f"{value.id}_{field}") for field in ("n", "min", "max"))
    given, nan = (pl.col(f"{value.id}_given"), pl.col(f"{value.id}_nan")) if is_float else (n, pl.lit(0))
    constant = least == most  # then the two are known exactly, whatever the engine's rounding
    mean = pl.when(constant).then(least).otherwise(_mean(table, value))
    squares = pl.when(constant).then(0.0).otherwise(pl.col(f"{value.id}_var") * n)
    counts = {"n": n, "null": pl.col("n").cast(pl.Int64) - given.cast(pl.Int64), "nan": nan}
    return _typed(value.id, counts, {"mean": mean, "ss": squares, "min": least, "max": most})


def _pair_fields(table: pl.DataFrame, one: _Value, two: _Value) -> list[pl.Expr]:
    n, sides = pl.col(one.count), list(enumerate((one, two), 1))
    numbers = {f"mean_{i}": _mean(table, side) for i, side in sides}
    numbers |= {f"ss_{i}": pl.col(f"{side.id}_var") * n for i, side in sides}
    pair = one.count.removesuffix("_n")
    return _typed(pair, {"n": n}, numbers | {"css": pl.col(f"{pair}_cov") * n})


def _typed(id_: str, counts: dict[str, pl.Expr], numbers: dict[str, pl.Expr]) -> list[pl.Expr]:
    known = counts["n"] > 0
    return [
        *(count.cast(pl.Int64).alias(f"{id_}_{field}") for field, count in counts.items()),
        *(pl.when(known).then(x.cast(pl.Float64)).alias(f"{id_}_{field}") for field, x in numbers.items()),
    ]


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
    keys, measures, pairs = _read_names(tables[0].columns)
    if any(table.schema != tables[0].schema for table in tables):
        raise BadValue("The tables differ in their columns; make all with the same by, measures and comoments.")
    kept = keys if by is None else column_names(by, "by")
    check_columns(tables[0].select(keys), *kept, where="the tables' key")
    found = [pl.col("n").sum()]
    for name in measures:
        found += _merged_measure(name)
    for name in pairs:
        found += _merged_pair(name)
    whole = pl.concat(tables)
    merged = whole.group_by(kept).agg(found).sort(kept, nulls_last=True) if kept else whole.select(found)
    return merged.select([*kept, *tables[0].columns[len(keys) :]])


def _read_names(columns: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the keys, the measures and the pairs' joined names, from the order of a cells table's columns."""
    start = columns.index("n") if "n" in columns else len(columns)
    keys, rest, measures, pairs = columns[:start], columns[start + 1 :], [], []
    while rest:
        name = rest[0].removesuffix("_n")
        is_measure = rest[: len(MEASURE_FIELDS)] == [f"{name}_{field}" for field in MEASURE_FIELDS]
        fields = MEASURE_FIELDS if is_measure else PAIR_FIELDS
        if rest[: len(fields)] != [f"{name}_{field}" for field in fields]:
            break
        (measures if is_measure else pairs).append(name)
        rest = rest[len(fields) :]
    if rest or start == len(columns):
        raise BadValue(f"tables: these columns are not as cells() makes them: {listed(rest or columns)}.")
    return keys, measures, pairs


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
