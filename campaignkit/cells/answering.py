"""From what the group-by brought back to the answer: was one pass enough, and the columns as promised."""

from __future__ import annotations

import polars as pl

from campaignkit.cells.grouping import LARGEST
from campaignkit.cells.planning import Plan, Value
from campaignkit.errors import BadValue

WORST_CONDITION = 1e3  # beyond it a single pass may miss 1e-12
EXACT_UP_TO = 2.0**52  # a plain Float64 sum of whole numbers is exact while they add up to less, twice over


def far_from_zero(table: pl.DataFrame, plan: Plan) -> list[str]:
    """Return the values that one pass may have got wrong: too far from zero, or summed past exactness."""
    far = []
    for value in plan.values:
        if value.yes_or_no:
            continue
        variance, mean = pl.col(f"{value.id}_var"), _mean(table, value)
        # A constant is at no distance: its sum of squares is 0, exactly.
        spread = pl.col(f"{value.id}_min") < pl.col(f"{value.id}_max") if value.measure else variance > 0
        wrong = spread & (mean**2 > WORST_CONDITION**2 * variance)
        if value.exact:
            wrong |= (mean**2 + variance).sqrt() * pl.col(value.count) > EXACT_UP_TO
        if table.select(wrong.any()).item():
            far.append(value.id)
    return far


def _mean(table: pl.DataFrame, value: Value) -> pl.Expr:
    total = pl.col(f"{value.id}_lead")
    if not value.exact:
        total += pl.col(f"{value.id}_rest")
    mean = total / pl.col(value.count)
    return mean + pl.col(f"{value.id}_center") if f"{value.id}_center" in table.columns else mean


def finish(table: pl.DataFrame, plan: Plan) -> pl.DataFrame:
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
    return answer.rename(dict(zip(answer.columns, plan.names, strict=True)))


def _refuse_unusable(table: pl.DataFrame, plan: Plan) -> None:
    for name, column in plan.columns.items():
        if not plan.is_float(column):
            continue
        given, nan, n = (pl.col(f"{column}_{field}").cast(pl.Int64).sum() for field in ("given", "nan", "n"))
        if count := table.select(given - nan - n).item():
            mend = "Take these rows out, or make them null, before the call."
            raise BadValue(f"Column {name!r} holds {count} values that are infinite or beyond ±{LARGEST:g}. {mend}")


def _measure_fields(table: pl.DataFrame, value: Value, is_float: bool) -> list[pl.Expr]:
    n, least, most = (pl.col(f"{value.id}_{field}") for field in ("n", "min", "max"))
    given, nan = (pl.col(f"{value.id}_given"), pl.col(f"{value.id}_nan")) if is_float else (n, pl.lit(0))
    constant = least == most  # then the two are known exactly, whatever the engine's rounding
    mean = pl.when(constant).then(least).otherwise(_mean(table, value))
    squares = pl.when(constant).then(0.0).otherwise(pl.col(f"{value.id}_var") * n)
    counts = {"n": n, "null": pl.col("n").cast(pl.Int64) - given.cast(pl.Int64), "nan": nan}
    return _typed(value.id, counts, {"mean": mean, "ss": squares, "min": least, "max": most})


def _pair_fields(table: pl.DataFrame, one: Value, two: Value) -> list[pl.Expr]:
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
