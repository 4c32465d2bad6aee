"""Asks, who was held out, and what friends did, as arrays: counted by group-bys, never as a matrix of friends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.sql import connect
from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.tables import Table, booleans, numbers, open_columns


@dataclass(frozen=True)
class Names:
    """The columns of asks, friends and ties."""

    sharer: str
    friend: str
    held_out: str
    outcome: str
    delivered: str | None
    acted: str | None
    covariates: Sequence[str]

    @property
    def of_friends(self) -> dict[str, str]:
        """Columns of the table of friends, by what they are called here."""
        given = {"friend": self.friend, "outcome": self.outcome, "delivered": self.delivered, "acted": self.acted}
        named = {f"covariate {number}": name for number, name in enumerate(self.covariates)}
        return {as_: name for as_, name in given.items() if name is not None} | named


@dataclass(frozen=True)
class SharingData:
    """Friends who were to be asked about, one row each, with what came of it.

    Attributes
    ----------
    outcome : array of float64
    planned, sent : array of int64
        By how many sharers each was to be asked about, and was.
    delivered, acted : array of float64 or None
    covariates : array, rows × columns
    row, sharer : array of int64
        One entry per planned ask: the friend's row, and the sharer's number. Empty where the coin was the friend's.
    one, two : array of int64
        Ties between rows, in both directions.
    degree : array of float64
        How many ties each row has, also to friends nobody was to be asked about.
    without_outcome : int
        Friends to be asked about whose outcome is unknown; set aside.
    everyone : polars.DataFrame
        All friends with an outcome, asked about or not: outcome, contacted.
    """

    outcome: Floats
    planned: Whole
    sent: Whole
    delivered: Floats | None
    acted: Floats | None
    covariates: Floats
    row: Whole
    sharer: Whole
    one: Whole
    two: Whole
    degree: Floats
    without_outcome: int
    everyone: pl.DataFrame

    @property
    def asked(self) -> Mask:
        """Whether anybody was asked about the friend."""
        return self.sent > 0


def read_sharing(asks: object, friends: object, ties: object | None, names: Names, design: str) -> SharingData:
    """Read what is needed, with the checks that the design was kept."""
    with connect() as con:
        columns = {"sharer": names.sharer, "friend": names.friend, "held_out": names.held_out}
        _register(con, "asks", open_columns(asks, list(columns.values()), "asks"), columns)
        columns = names.of_friends
        _register(con, "friends", open_columns(friends, list(columns.values()), "friends"), columns)
        _plan(con)
        _refuse(con, names, design)
        contacted = "coalesce(sent, 0) > 0" if names.delivered is None else "coalesce(delivered::BOOLEAN, false)"
        both = con.sql(f"SELECT *, {contacted} AS contacted FROM plan FULL JOIN friends USING (friend)").pl()
        everyone = both.filter(pl.col("outcome").is_not_null()).select(pl.col("outcome").cast(pl.Float64), "contacted")
        planned = both["planned"].count()
        known = both.filter(pl.col("planned").is_not_null() & pl.col("outcome").is_not_null()).drop("contacted")
        del both
        if known.is_empty():
            raise NotEnoughData(f"{names.outcome!r} is not known for any friend in the asks; check the ids of friends.")
        if design == "sharer" or ties is not None:
            con.register("known", known.select("friend").with_row_index("row"))
        row, sharer = _links(con) if design == "sharer" else (np.zeros(0, np.int64),) * 2
        one, two, degree = _neighbors(con, ties, names) if ties is not None else (np.zeros(0, np.int64),) * 3
    counts = (known[name].cast(pl.Int64).to_numpy() for name in ("planned", "sent"))
    covariates = [numbers(known[name], "covariates") for name in known.columns if name.startswith("covariate ")]
    outcome = booleans(known["outcome"].rename(names.outcome)).astype(float)
    return SharingData(
        outcome, *counts, _yes(known, "delivered"), _yes(known, "acted"),
        np.stack(covariates, axis=1) if covariates else np.zeros((known.height, 0)), row, sharer, one, two,
        degree.astype(float), planned - known.height, everyone,
    )  # fmt: skip


def _yes(table: pl.DataFrame, name: str) -> Floats | None:
    return booleans(table[name], name).astype(float) if name in table.columns else None


def _register(con: duckdb.DuckDBPyConnection, name: str, opened: Table, columns: dict[str, str]) -> None:
    """Make a table known to DuckDB; numbers that are not numbers become null."""
    lazy = opened.lazy().select(*(nw.col(column).alias(as_) for as_, column in columns.items()))
    table = lazy.collect("polars").to_native()
    con.register(name, table.with_columns(pl.selectors.float().fill_nan(None)))


def _refuse(con: duckdb.DuckDBPyConnection, names: Names, design: str) -> None:
    """Refuse asks and friends that break the design."""
    every, odd = _one(con, """SELECT count(*), count(*) FILTER (sharer IS NULL OR friend IS NULL OR held_out IS NULL)
        FROM asks""")  # fmt: skip
    if odd:
        raise BadValue(f"asks: {odd:,} of {every:,} have no sharer, friend or {names.held_out!r}.")
    if twice := _one(con, "SELECT count(friend) - count(DISTINCT friend) FROM friends")[0]:
        raise BadValue(f"friends: {twice:,} rows repeat a friend; one row per friend was expected.")
    of_sharers = "(SELECT count(*) AS planned, sum((NOT held_out::BOOLEAN)::INT) AS sent FROM asks GROUP BY sharer)"
    coins = "plan" if design == "friend" else of_sharers
    mixed = _one(con, f"SELECT count(*) FROM {coins} WHERE sent > 0 AND sent < planned")[0]
    if mixed:
        other = "sharer" if design == "friend" else "friend"
        raise BadValue(
            f"{mixed:,} {design}s have some asks held out and others not, so the coin flip was not the {design}'s. "
            f"Say design={other!r} if it was the {other}'s."
        )
    held, every = _one(con, "SELECT bool_or(held_out::BOOLEAN), bool_and(held_out::BOOLEAN) FROM asks")
    if not held or every:
        raise NotEnoughData(
            f"{'Every ask was' if every else 'No ask was'} held out, so there is nothing to compare. Plan the asks "
            "with friend_asks(..., holdout=0.1), and do not send those held out."
        )


def _one(con: duckdb.DuckDBPyConnection, query: str) -> tuple:
    return con.execute(query).fetchall()[0]


def _plan(con: duckdb.DuckDBPyConnection) -> None:
    """Count by how many sharers each friend was to be asked about, and was."""
    con.execute("""CREATE TEMP TABLE plan AS
        SELECT friend, count(*)::INT AS planned, sum((NOT held_out::BOOLEAN)::INT)::INT AS sent
        FROM asks GROUP BY friend""")
    con.execute("""UPDATE plan SET planned = several.planned, sent = several.sent FROM (
            SELECT friend, count(DISTINCT sharer) AS planned,
                   count(DISTINCT sharer) FILTER (NOT held_out::BOOLEAN) AS sent
            FROM asks SEMI JOIN (SELECT friend FROM plan WHERE planned > 1) USING (friend) GROUP BY friend) several
        WHERE plan.friend = several.friend""")  # an ask may come twice


def _links(con: duckdb.DuckDBPyConnection) -> tuple[Whole, Whole]:
    """Return the planned asks of friends who are known, each once: the friend's row and the sharer's number."""
    link = con.execute("""SELECT DISTINCT row, dense_rank() OVER (ORDER BY sharer) - 1 AS sharer
        FROM asks JOIN known USING (friend)""").fetchnumpy()  # fmt: skip
    return np.asarray(link["row"], np.int64), np.asarray(link["sharer"], np.int64)


def _neighbors(con: duckdb.DuckDBPyConnection, ties: object, names: Names) -> tuple[Whole, Whole, Whole]:
    """Return the ties between friends who are known, in both directions, each once, and how many ties each has."""
    columns = {"sharer": names.sharer, "friend": names.friend}
    _register(con, "ties", open_columns(ties, list(columns.values()), "ties"), columns)
    con.execute("""CREATE TEMP TABLE neighbor AS
        SELECT known.row AS one, tie.friend FROM (
            SELECT sharer, friend FROM ties WHERE sharer <> friend
            UNION SELECT friend, sharer FROM ties WHERE sharer <> friend) tie
        JOIN known ON known.friend = tie.sharer""")  # fmt: skip
    both = con.execute("SELECT one, row AS two FROM neighbor JOIN known USING (friend)").fetchnumpy()
    degree = con.execute("""SELECT count(neighbor.one) AS n FROM known LEFT JOIN neighbor ON one = row
        GROUP BY row ORDER BY row""").fetchnumpy()  # fmt: skip
    return tuple(np.asarray(values, np.int64) for values in (both["one"], both["two"], degree["n"]))  # ty: ignore
