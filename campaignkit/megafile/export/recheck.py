"""A list's rows held against what the megafile's file says now, by its own tables, just before they are written."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb
import polars as pl

from campaignkit.errors import BadValue
from campaignkit.megafile.ingest import clean
from campaignkit.megafile.storage.opening import connect, inode
from campaignkit.megafile.suppression.rules import LAST_TEXT_ANSWER, MEANS, in_order
from campaignkit.sql import quote_literal
from campaignkit.tables import check_columns

GONE = "merged with someone or gone since"


class _Opened(Protocol):
    path: Path

    @property
    def stale(self) -> bool: ...

    def cursor(self) -> duckdb.DuckDBPyConnection: ...


@contextmanager
def standing_file(megafile: _Opened) -> Generator[tuple[duckdb.DuckDBPyConnection, tuple[int, int] | None]]:
    """Yield a connection to the file that lies at a megafile's path now, and what tells it from another.

    Raises
    ------
    BadValue
        If none lies there: a list can't be checked then.
    """
    lies = inode(megafile.path)
    if lies is None:
        raise BadValue(f"There is no megafile at {str(megafile.path)!r} any more to check the list against.")
    con = connect(megafile.path, read_only=True) if megafile.stale else megafile.cursor()
    with con:
        yield con, lies


def built_at(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return when a megafile was built, which its nights leave alone; None: it does not say."""
    started = con.execute("SELECT started_at FROM refresh_log WHERE night = 0").fetchall()
    return started[0][0] if started else None


def recheck(
    con: duckdb.DuckDBPyConnection, table: pl.DataFrame, channel: str, built: datetime | None, as_van: bool
) -> pl.DataFrame:
    """Return one row per row of a list, in order: `reason`, why it may not be written; null: it may.

    Parameters
    ----------
    con : DuckDB connection
        To the megafile's file.
    table : DataFrame
        The list: person_id and, on the phone, by text or e-mail, the number or address.
    channel : str
        phone, door, text, mail or email.
    built : datetime or None
        When the megafile that the list was made of was built.
    as_van : bool
        Whether VAN is told who to reach: it uses the numbers and addresses that it has of them.

    Raises
    ------
    BadValue
        If a row can't be checked: the megafile was built anew, a person is not in it, or a number or address can't be
        read.
    """
    if built != built_at(con):
        raise BadValue("The megafile was built anew since this list was made, and its people have other ids: make the "
                       "list again.")  # fmt: skip
    means = MEANS[channel]
    by_point = means in ("phone", "email")
    check_columns(table, "person_id", *([means] if by_point else []), where="the list")
    contact = pl.col(means).cast(pl.String) if by_point else pl.lit(None, pl.String)
    listed = table.select(pl.col("person_id").cast(pl.Int64), contact.alias("contact")).with_row_index("row")
    con.register("listed", listed)
    odd = con.sql(f"""
        SELECT row, l.person_id, contact, p.person_id IS NULL AS gone, coalesce(p.confidential, false) AS confidential
        FROM listed l LEFT JOIN person p ON p.person_id = l.person_id
        WHERE p.person_id IS NULL OR p.confidential
           OR (contact IS NOT NULL AND contact IS DISTINCT FROM p.{means})""").pl()
    con.register("odd", odd)
    _refuse_strangers(con)
    if (changed := odd.filter(pl.col("contact").is_not_null()).select("row", "contact")).height:
        listed = listed.join(_cleaned(changed, means), on="row", how="left", maintain_order="left").select(
            "row", "person_id", pl.coalesce("cleaned", "contact").alias("contact")
        )
        con.register("listed", listed)
    closed = con.sql(_closed(channel, as_van)).pl()
    con.unregister("listed")
    con.unregister("odd")
    return listed.join(closed, on="row", how="left", maintain_order="left").select("reason")


def warn_of_removed(removed: dict[str, int]) -> None:
    """Warn of rows that were left out of a list as it was written, by reason."""
    if removed:
        reasons = ", ".join(f"{reason} ({n:,})" for reason, n in removed.items())
        warnings.warn(f"{sum(removed.values()):,} rows may no longer be reached and are not written: {reasons}.",
                      stacklevel=4)  # fmt: skip


def _cleaned(changed: pl.DataFrame, means: str) -> pl.DataFrame:
    """Return changed numbers or addresses as the megafile writes them."""
    cleaner = {"phone": clean.phone, "email": clean.email}[means]
    cleaned = changed.with_columns(cleaner(pl.col("contact")).alias("cleaned"))
    if unread := cleaned["cleaned"].null_count():
        raise BadValue(
            f"{unread:,} rows of the list have a {means} that can't be read, and so not checked; take them out."
        )
    return cleaned.select("row", "cleaned")


def _refuse_strangers(con: duckdb.DuckDBPyConnection) -> None:
    """Refuse rows of people the megafile never had."""
    strangers = con.sql("""
        SELECT count(*) FROM odd WHERE gone AND (person_id IS NULL
          OR person_id NOT IN (SELECT person_id FROM identity_event)
          AND person_id NOT IN (SELECT other_person_id FROM identity_event WHERE other_person_id IS NOT NULL))""")
    if n := strangers.fetchall()[0][0]:
        raise BadValue(f"{n:,} rows of the list match nobody in the megafile; take them out.")


def _closed(channel: str, as_van: bool) -> str:
    named, means = quote_literal(channel), MEANS[channel]
    points = f"(SELECT point, reason FROM closed_contact_point WHERE channel = {named} AND until IS NULL)"
    parts = [
        "SELECT row, reason FROM listed JOIN suppression USING (person_id) "
        f"WHERE channel IN ({named}, 'all') AND until IS NULL",
        f"SELECT row, reason FROM listed JOIN {points} ON point = contact",
        "SELECT row, 'confidential' FROM odd WHERE confidential",
        f"SELECT row, {quote_literal(GONE)} FROM odd WHERE gone",
    ]
    if as_van and means in ("phone", "email"):
        parts.append(f"SELECT row, reason FROM listed JOIN source_record r USING (person_id) JOIN {points} "
                     f"ON point = r.{means} WHERE r.van_id IS NOT NULL")  # fmt: skip
    if channel == "text":
        parts.append("SELECT row, 'no consent to texts' FROM listed ANTI JOIN (SELECT person_id FROM text_optin "
                     f"GROUP BY person_id HAVING {LAST_TEXT_ANSWER} = 'yes') USING (person_id)")  # fmt: skip
    reason = f"arg_min(reason, {in_order('reason')}) AS reason"
    return f"SELECT row, {reason} FROM ({' UNION ALL '.join(parts)}) c(row, reason) GROUP BY row"
