"""Tables of counts, as an e-mail tool reports them: one row per arm, with how many got it and how many acted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from campaignkit.checks import column_names
from campaignkit.errors import BadValue

WHOLE_WEIGHTS = 10  # weights that are all whole numbers and this large on average are taken for counts


@dataclass(frozen=True)
class Counts:
    """The columns of a table of counts: `trials`, and how many said yes or, with their `squares`, a sum of numbers."""

    trials: str
    outcome: str
    squares: str | None = None

    @property
    def names(self) -> list[str]:
        """The columns that are read."""
        return [self.trials, self.outcome, *([] if self.squares is None else [self.squares])]


def outcomes_of(
    outcome: str | Iterable[str] | None, trials: str | None, successes: str | None, total: str | None,
    total_of_squares: str | None,
) -> tuple[tuple[str, ...], Counts | None]:  # fmt: skip
    """Return the outcomes' names, and the columns of counts; None: the table has one row per person.

    Raises
    ------
    BadValue
        The arguments say neither, or both.

    Examples
    --------
    >>> outcomes_of(None, "sent", "gifts", None, None)
    (('gifts',), Counts(trials='sent', outcome='gifts', squares=None))
    """
    columns = {"trials": trials, "successes": successes, "total": total, "total_of_squares": total_of_squares}
    if outcome is not None:
        if counted := [name for name, column in columns.items() if column is not None]:
            raise BadValue(f"outcome reads a table with one row per person, {counted[0]} a table of counts; pass one.")
        return tuple(column_names(outcome, "outcome")), None
    name = total if successes is None else successes
    if (
        trials is None
        or name is None
        or None not in (successes, total)
        or (total is None) != (total_of_squares is None)
    ):
        raise BadValue(
            "Say what is compared: outcome='gave' of a table with one row per person; trials='sent', successes='gifts' "
            "of a table of counts; or trials='sent', total='dollars', total_of_squares='dollars_squared'."
        )
    counts = Counts(trials, name, total_of_squares)
    if len(set(counts.names)) < len(counts.names):
        raise BadValue(f"trials, successes and totals are columns of their own; {name!r} was given twice.")
    return (name,), counts


def cells_of_counts(frame: nw.LazyFrame[Any], keys: list[str], counts: Counts) -> tuple[pl.DataFrame, bool]:
    """Return a table of counts as cells of people, and whether the outcome is part of their key (yes or no).

    Raises
    ------
    BadValue
        A count is missing, negative or no whole number; there are more successes than trials, or a sum of squares is
        smaller than its total allows.
    """
    table = frame.select([*keys, *counts.names]).collect("polars").to_native()
    _check_whole(table, counts.trials)
    if counts.squares is None:
        return _yes_and_no(table, keys, counts), True
    return _sums(table, keys, counts, counts.squares), False


def _yes_and_no(table: pl.DataFrame, keys: list[str], counts: Counts) -> pl.DataFrame:
    _check_whole(table, counts.outcome)
    n, yes = (pl.col(name).cast(pl.Int64) for name in (counts.trials, counts.outcome))
    _check(table.filter(yes > n), keys, f"{counts.outcome} is more than {counts.trials}")
    parts = [
        table.select(*keys, pl.lit(value).alias(counts.outcome), rows.alias("n"))
        for value, rows in ((0.0, n - yes), (1.0, yes))
    ]
    return pl.concat(parts).filter(pl.col("n") > 0).group_by([*keys, counts.outcome]).agg(pl.col("n").sum())


def _sums(table: pl.DataFrame, keys: list[str], counts: Counts, squared: str) -> pl.DataFrame:
    n, name = pl.col(counts.trials).cast(pl.Int64), counts.outcome
    total, squares = (pl.col(column).cast(pl.Float64) for column in (name, squared))
    ss, mean, none = squares - total**2 / n, total / n, pl.lit(0, pl.Int64)
    table = table.filter(n > 0)
    wrong = table.filter((ss < -1e-9 * squares).fill_null(True))
    _check(
        wrong, keys, f"{squared} or {name} is missing, or {squared} is less than {name} squared over {counts.trials}"
    )
    fields = {"n": n, "null": none, "nan": none, "mean": mean, "ss": ss.clip(0), "min": mean, "max": mean}
    return table.select(*keys, n.alias("n"), **{f"{name}_{field}": value for field, value in fields.items()})


def refuse_counts_as_weights(weight: pl.Series, name: str) -> None:
    """Refuse weights that are whole numbers of ten and more on average: they are rather counts of people.

    Raises
    ------
    BadValue
        They are.

    Examples
    --------
    >>> refuse_counts_as_weights(pl.Series([0.7, 1.4]), "weight")
    """
    weight = weight.drop_nulls().cast(pl.Float64)
    mean = weight.mean()
    if mean is not None and mean >= WHOLE_WEIGHTS and (weight == weight.floor()).all():  # ty: ignore[unsupported-operator]
        raise BadValue(
            f"weight: {name!r} holds whole numbers, {mean:,.0f} on average, as counts of people do. Of a table of "
            f"counts pass trials={name!r} and successes=…; if they are weights, divide them by their mean."
        )


def _check_whole(table: pl.DataFrame, name: str) -> None:
    values = table[name].cast(pl.Float64)
    odd = values.is_null() | (values < 0) | (values != values.floor())
    if odd.any():
        raise BadValue(f"Column {name!r} is to count people, and holds {values.filter(odd)[0]}; whole numbers were "
                       "expected, and none missing.")  # fmt: skip


def _check(wrong: pl.DataFrame, keys: list[str], what: str) -> None:
    if wrong.height:
        where = ", ".join(f"{key} {wrong[key][0]!r}" for key in keys)
        raise BadValue(f"{what} for {where}; look at how the table was made.")
