"""cells, analyze, fit_score and rake give the same, to the last count, of DuckDB, pandas and Postgres as of Polars."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl
import pytest

from campaignkit.tables import read_sql
from tests.engines import answers, assert_equal, campaign
from tests.test_warehouse import server  # noqa: F401  (a fixture)


@pytest.fixture(scope="module")
def expected() -> dict[str, pl.DataFrame]:
    return answers(campaign())


def test_duckdb_gives_the_same(expected: dict[str, pl.DataFrame]) -> None:
    assert_equal(answers(duckdb.connect().from_arrow(campaign().to_arrow())), expected)


def test_a_lazy_table_gives_the_same(expected: dict[str, pl.DataFrame]) -> None:
    assert_equal(answers(campaign().lazy()), expected)


@pytest.mark.slow
def test_rows_of_a_postgres_server_give_the_same(server: str, expected: dict[str, pl.DataFrame]) -> None:  # noqa: F811
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(server) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("people", campaign().to_arrow(), mode="replace")
        connection.commit()
    rows: Any = read_sql(server, "SELECT * FROM people ORDER BY random()").read_all()
    assert_equal(answers(rows), expected)
