"""The night's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from campaignkit import charts
from campaignkit.errors import BadValue
from campaignkit.megafile.connection import Connection
from campaignkit.result import Result

if TYPE_CHECKING:
    import altair as alt


#: Columns of the table that count what became of the records, in the order of the chart.
FATES = ("new", "changed", "vanished", "rejected")

_COLUMNS = "source, files, new, changed, unchanged, older, vanished, rejected"


@dataclass(frozen=True, eq=False, repr=False)
class RefreshReport(Result):
    """What a refresh brought.

    `table` has one row per source whose files came: source, files, and how many of its records were `new`, `changed`,
    `unchanged`, `older` (a later record of the key stood, or came the same night), `vanished` (held by an earlier
    snapshot of that scope, not by this one) and `rejected`.

    Parameters
    ----------
    night : int
        Its number; None of its files being new, 0.
    people : int
        How many there are now.
    added, merged, split, ended : int
        People who came, who were found to be someone already there, whose records turned out to be two people's, and
        who have no record left.
    warnings : tuple of str
        What looks unlike the nights before.
    """

    night: int
    people: int
    added: int
    merged: int
    split: int
    ended: int
    warnings: tuple[str, ...]

    def summary(self) -> str:
        """Say what came, what became of it, who is new, and what looks wrong."""
        if not self.night:
            return f"Nothing new: every file in this folder was read before. {self.people:,} people."
        fates = self.table.select(pl.col(FATES).sum()).row(0, named=True)
        counts = ", ".join(f"{count:,} {fate}" for fate, count in fates.items())
        files = int(self.table["files"].sum())
        warned = f" Look at: {' '.join(self.warnings)}" if self.warnings else " Nothing looks unusual."
        return (
            f"Night {self.night}: {files} file{'s' * (files != 1)}, records {counts}. {self.people:,} people: "
            f"{self.added:,} added, {self.merged:,} merged, {self.split:,} split, {self.ended:,} ended.{warned}"
        )

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw how many records of each source are new, changed, vanished and rejected; None where none are."""
        rows = self.table.unpivot(FATES, index="source", variable_name="fate", value_name="records")
        rows = rows.filter(pl.col("records") > 0)
        if rows.is_empty():
            return None
        alt = charts.house()
        return (
            alt.Chart(rows, description=self.summary(), title=f"Night {self.night}, by source")
            .mark_bar()
            .encode(
                x=alt.X("records:Q", title="records"),
                y=alt.Y("source:N", title=None, sort="-x"),
                color=alt.Color("fate:N", title=None, sort=list(FATES)),
                tooltip=["source", "fate", alt.Tooltip("records:Q", format=",")],
            )
        )


def night_report(megafile: Connection, night: int) -> RefreshReport:
    """Return the kept report of a night; 0: one that brought nothing, see `Megafile.night`."""
    table = megafile.sql(f"SELECT {_COLUMNS} FROM night_source WHERE night = ? ORDER BY source", [night])
    logged = megafile.sql("SELECT * FROM refresh_log WHERE night = ?", [night]).to_dicts()
    if not logged:
        raise BadValue(f"There was no night {night!r}; `nights` lists them.")
    [log] = logged
    people, added, merged, split, ended = (log[name] or 0 for name in ("people", "added", "merged", "split", "ended"))
    return RefreshReport(table, night, people, added, merged, split, ended, tuple(log["warnings"] or ()))


def nothing_new(megafile: Connection) -> RefreshReport:
    """Return the report of a night whose files had all been read."""
    people = megafile.sql("SELECT count(*) FROM person").item()
    empty = megafile.sql(
        "SELECT source, files, new, changed, unchanged, older, vanished, rejected FROM night_source LIMIT 0"
    )
    return RefreshReport(empty, 0, people, 0, 0, 0, 0, ())
