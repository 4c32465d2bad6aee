"""What a comparison of the latest night with those before says: what moved, why, and what could have been seen."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from campaignkit import charts
from campaignkit.errors import listed
from campaignkit.labels import condition
from campaignkit.result import Result
from campaignkit.wording import change, counted, interval, points

if TYPE_CHECKING:
    import altair as alt

SHOWN = 16
CAUSES = ("export", "mix", "move", "unclear", "chance")


@dataclass(frozen=True, eq=False, repr=False)
class Changes(Result):
    """What happened between the nights before and the latest.

    `table` has one row per contrast: ``kind`` ("move": a group's answers; "answers": a stream's, beside the others';
    "order": the slope of a stream's answers on what was foretold, less 1; "missing": a stream's share without answer;
    "mix": who a stream reached; "volume": how many), ``variable``, ``level``, ``n`` (interviews of the latest night),
    ``estimate`` (in shares beside what the nights before foretell; null for mix and volume), ``std_error``, ``lower``,
    ``upper``, ``p_value``, ``p_adjusted`` (Bonferroni, within the kind's share of 5% for all), ``claimed``.

    Attributes
    ----------
    cause : str
        "export", "mix", "move", "unclear" or "chance".
    named : tuple of str
        What it is about: streams, or the group that moved.
    latest : tuple of date
        The first and the last day of the latest night.
    nights : int
        Nights before it.
    interviews : int
        Of the latest night.
    detectable : float
        How large a change of a typical group would be claimed four times in five, in shares.
    """

    cause: str
    named: tuple[str, ...]
    latest: tuple[dt.date, dt.date]
    nights: int
    interviews: int
    detectable: float

    def summary(self) -> str:
        """Say what the night shows, and how large a change it could have shown."""
        text = f"{counted(self.interviews, 'new interview')} against the {counted(self.nights, 'night')} before: "
        text += {
            "export": f"the export of {listed(self.named)} looks wrong, so its answers are not news",
            "mix": f"{listed(self.named)} reached a different mix of people than usual, which is no change of opinion",
            "unclear": f"something changed ({listed(self.named_in_words())}), but the cause is unclear",
            "chance": "nothing moved beyond chance",
        }.get(self.cause, "") or self._moved()
        return (
            f"{text}. We would catch a move of {points(self.detectable)} points in a typical group four times in five."
        )

    def named_in_words(self) -> list[str]:
        """Return `named` as groups are called in sentences.

        Examples
        --------
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("polls", 8_000, seed=3, days=15, event=None, panel=0)
        >>> night = ck.briefing.changes(drawn["interviews"], "supports", ["sex", "race"], "asked_on", stream="stream")
        >>> night.named_in_words()
        []
        """
        words = {f"{row[0]} {row[1]}": condition(*row) for row in self.table.select("variable", "level").iter_rows()}
        return [words.get(name, name) for name in self.named]

    def _moved(self) -> str:
        row = self.table.filter((pl.col("kind") == "move") & pl.col("claimed")).sort("p_value").row(0, named=True)
        bounds = interval(row["lower"], row["upper"], "rate")
        moved = change(row["estimate"], "rate")
        return f"{self.named_in_words()[0]} moved by {moved} ({bounds}), and every stream agrees"

    def chart(self) -> alt.TopLevelMixin:
        """Draw each group's change overnight with its interval."""
        rows = self.table.filter(pl.col("kind") == "move").drop_nulls("p_value").head(SHOWN)
        names = [condition(*row) for row in rows.select("variable", "level").iter_rows()]
        rows = rows.select(pl.Series("group", names, pl.String), "estimate", "lower", "upper")
        return charts.intervals(rows, "group", description=self.summary(), reference=0.0, number="+.1%")

    def percentages(self) -> list[str]:
        """Return the columns of shares."""
        return ["estimate", "std_error", "lower", "upper"]
