"""checks: what is right passes untouched, what is wrong is told how to mend it."""

from __future__ import annotations

from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
import pytest

from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue, ColumnNotFound
from campaignkit.tables import check_columns, check_numbers, open_table

PEOPLE = pl.DataFrame({"party": ["D", "R"], "age": [40, 51], "relation": ["self", "child"]})


class Universe:
    """An object that has a relation, as a universe does."""

    def relation(self) -> duckdb.DuckDBPyRelation:
        return duckdb.sql("select 1 as age")


@pytest.mark.parametrize(
    "data",
    [PEOPLE, PEOPLE.lazy(), PEOPLE.to_arrow(), PEOPLE.to_pandas(), nw.from_native(PEOPLE), Universe()],
    ids=["polars", "lazy", "pyarrow", "pandas", "narwhals", "universe"],
)
def test_tables_are_opened(data: Any) -> None:
    assert "age" in open_table(data).collect_schema().names()


def test_a_lazy_table_stays_lazy() -> None:
    assert isinstance(open_table(PEOPLE.lazy()), nw.LazyFrame)
    assert isinstance(open_table(PEOPLE), nw.DataFrame)


@pytest.mark.parametrize(
    ("data", "mend"),
    [
        ("people.csv", "Read the file first"),
        ({"age": [1]}, "polars.DataFrame"),
        ([{"age": 1}], "polars.DataFrame"),
        (duckdb.connect(), "con.table"),
        (Universe, "builtins.type"),
        (PEOPLE["age"], "Pass a Polars, pandas"),
        (None, "NoneType"),
        (np.zeros(3), "numpy.ndarray"),
    ],
)
def test_what_is_no_table_is_refused(data: Any, mend: str) -> None:
    with pytest.raises(BadValue, match=mend):
        open_table(data)


def test_a_relation_that_is_no_table_is_refused() -> None:
    class Wrong:
        def relation(self) -> int:
            return 3

    with pytest.raises(BadValue, match="Wrong, not a table"):
        open_table(Wrong())


def test_a_column_named_twice_is_refused() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(BadValue, match="twice"):
        check_columns(pandas.DataFrame([[1, 2]], columns=["a", "a"]), "a")


def test_columns() -> None:
    check_columns(PEOPLE, "age", "party")
    with pytest.raises(ColumnNotFound, match="did you mean 'party'"):
        check_columns(PEOPLE, "age", "Party")
    with pytest.raises(ColumnNotFound, match=r"^covariates has no column"):
        check_columns(PEOPLE, "agee", where="covariates")
    with pytest.raises(BadValue, match="not by 3"):
        check_columns(PEOPLE, 3)  # ty: ignore[invalid-argument-type]


def test_numbers() -> None:
    check_numbers(
        PEOPLE.with_columns(old=pl.col("age") > 50, euro=pl.col("age").cast(pl.Decimal(10, 2))), "old", "euro"
    )
    with pytest.raises(BadValue, match="outcome: column 'party' is String"):
        check_numbers(PEOPLE, "party", argument="outcome")
    with pytest.raises(ColumnNotFound):
        check_numbers(PEOPLE, "agge")


def test_column_names() -> None:
    assert column_names((name for name in "ab"), "by") == ["a", "b"]
    assert column_names("ab", "by") == ["ab"]
    for bad in (3, [3], ["a", "a"], [None]):
        with pytest.raises(BadValue, match=r"^by "):
            column_names(bad, "by")  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("value", "rules"),
    [
        (1, {"typ": int}),
        (np.int64(1), {"typ": int}),
        (1, {"typ": float}),
        (np.float32(0.5), {"typ": float, "gt": 0, "lt": 1}),
        (0, {"ge": 0, "le": 0}),
        (None, {"typ": int, "optional": True}),
        (None, {"choices": ["a"], "optional": True}),
        (True, {"typ": bool}),
        (True, {"typ": (int, bool)}),
        ("a", {"typ": str, "choices": ["a", "b"]}),
        (2, {"choices": [1, 2]}),
    ],
)
def test_right_scalars_come_back(value: Any, rules: dict[str, Any]) -> None:
    assert check_scalar(value, "x", **rules) is value


@pytest.mark.parametrize(
    ("value", "rules", "says"),
    [
        (True, {"typ": int}, "x is True; int was expected"),
        (1.0, {"typ": int}, "x is 1.0; int was expected"),
        ("1", {"typ": (int, float)}, "x is '1'; int or float was expected"),
        (None, {"typ": int}, "x is None; int was expected"),
        ("1", {"typ": int, "optional": True}, "int or None was expected"),
        (0, {"gt": 0}, "a number > 0 was expected"),
        (1, {"lt": 1, "ge": 0}, "a number >= 0 and < 1 was expected"),
        (-1, {"ge": 0}, "a number >= 0 was expected"),
        (2, {"le": 1}, "a number <= 1 was expected"),
        (float("nan"), {"ge": 0}, "x is nan"),
        (float("nan"), {"lt": 0}, "x is nan"),
        ("5", {"gt": 0}, "x is '5'; a number > 0 was expected"),
        ("benjamin", {"choices": ["holm", "bonferroni"]}, r"Expected one of: 'holm', 'bonferroni'"),
        ("Hol", {"choices": ["holm", "bh"]}, "did you mean 'holm'"),
        (3, {"choices": [1, 2]}, "Expected one of: 1, 2"),
    ],
)
def test_wrong_scalars_say_what_was_expected(value: Any, rules: dict[str, Any], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        check_scalar(value, "x", **rules)
