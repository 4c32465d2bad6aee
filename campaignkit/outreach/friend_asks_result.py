"""The asks, and the file that a texting tool reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, ColumnNotFound
from campaignkit.result import Result
from campaignkit.spreadsheets import Drafts, csv_bytes
from campaignkit.stats.arrays import Whole
from campaignkit.wording import counted, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Asks"]


@dataclass(frozen=True, eq=False, repr=False)
class Asks(Result):
    """One row per ask: which sharer is asked to reach which friend.

    `table` has the columns of ids under their own names, the placeholders, and

    - ``ask``: 1 for the friend's first ask, the most valuable one, 2 for the second;
    - ``value``: what it is worth, including the tie's strength and the second ask's discount;
    - ``held_out``: planned but not sent, by the friend's coin flip (or the sharer's).

    Attributes
    ----------
    sharer, friend : str
        The columns of ids.
    nobody_to_ask : polars.DataFrame
        Sharers without an ask, and ``reason``.
    set_aside : polars.DataFrame
        ``problem`` and ``ties``: what did not count, and how many.
    value, bound : float
        The worth of all planned asks, held out or not; and the most any choice of asks could be worth.
    sharers, friends : int
        Sharers in the ties, and friends who could be asked.
    asks_per_sharer, sharers_per_friend : int
    holdout : float or None
    holdout_by : str
    asks_by_sharers : array of int64
        How many sharers have 0, 1, 2 … asks, of those with a friend worth asking.
    """

    leaves_by: ClassVar[str] = "write those that are to be sent with .write(path)"

    sharer: str
    friend: str
    nobody_to_ask: pl.DataFrame
    set_aside: pl.DataFrame
    value: float
    bound: float
    sharers: int
    friends: int
    asks_per_sharer: int
    sharers_per_friend: int
    holdout: float | None
    holdout_by: str
    asks_by_sharers: Whole

    @property
    def optimality(self) -> float:
        """The value as a share of the most any choice of asks could be worth.

        Examples
        --------
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> ties = pl.DataFrame({"sharer": [1, 1, 2], "friend": [8, 9, 8], "gain": [0.05, 0.04, 0.03]})
        >>> round(ck.outreach.friend_asks(ties, "gain", holdout=None).optimality, 2)
        1.0
        """
        return self.value / self.bound

    def summary(self) -> str:
        """Say how many asks there are, how near the best choice they are, and how many are held out."""
        asks, held = self.table.height, int(self.table["held_out"].sum())
        asked = self.table.select(pl.col(self.sharer).n_unique(), pl.col(self.friend).n_unique()).row(0)
        text = (
            f"{counted(asks, 'ask')}: {asked[0]:,} of {counted(self.sharers, 'sharer')} are asked about {asked[1]:,} "
            f"of {counted(self.friends, 'friend')}. The asks are worth at least {_at_least(self.optimality)} of the "
            "best choice."
        )
        if self.nobody_to_ask.height:
            text += f" {counted(self.nobody_to_ask.height, 'sharer has', 'sharers have')} nobody to ask."
        if self.holdout is None:
            return f"{text} No ask is held out, so what the asks do cannot be measured."
        return (
            f"{text} {counted(held, 'ask')} ({share(held / asks)}) are held out by a coin flip for each "
            f"{self.holdout_by}: send none of them, or what the asks do cannot be measured."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw how many sharers have how many asks."""
        rows = pl.DataFrame(
            {"asks": [str(n) for n in range(len(self.asks_by_sharers))], "sharers": self.asks_by_sharers}
        )
        return charts.bars(rows, "asks", "sharers", description=self.summary(), title="Sharers by their number of asks")

    def write(self, path: str | Path, script: str | None = None) -> Path:
        """Write the asks to send as a CSV for a texting tool; those held out are not in it.

        Only its owner can read the file, and it appears whole or not at all. An apostrophe defuses a cell that a
        spreadsheet would run. Whether someone may be reached was decided when the ties were made: make ties and asks
        again on the day you send them.

        Parameters
        ----------
        path : str or Path
            The file. Its folder is created if needed.
        script : str or None
            A text with columns in braces, ``"Would you ask {friend_first_name} to vote early?"``, which becomes the
            column ``message``. None: no such column.

        Returns
        -------
        Path

        Raises
        ------
        ColumnNotFound
            The script names a column that is not there.
        BadValue
            The script can't be read, a column it names is empty for an ask, or the file can't be written.

        Examples
        --------
        >>> import tempfile
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> ties = pl.DataFrame({"sharer": [1], "friend": [8], "gain": [0.05], "name": ["=Ann"]})
        >>> asks = ck.outreach.friend_asks(ties, "gain", holdout=None, placeholders="name")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     asks.write(f"{folder}/asks.csv", "Ask {name} to vote.").read_text().splitlines()[1]
        "1,8,'=Ann,1,0.05,Ask =Ann to vote."
        """
        check_scalar(script, "script", typ=str, optional=True)
        sent = self.table.filter(~pl.col("held_out")).drop("held_out")
        if script is not None:
            sent = sent.with_columns(message=_message(sent, script))
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with Drafts() as drafts:
            drafts.add(path, csv_bytes(sent))
            return drafts.put_in_place()[0]


def _at_least(part: float) -> str:
    """Return a share as a percentage, rounded down, with enough digits to tell it from 100%."""
    return f"{np.floor(10_000 * part) / 100:.2f}%"


def _message(table: pl.DataFrame, script: str) -> pl.Expr:
    try:
        parts = list(Formatter().parse(script))
    except ValueError as error:
        raise BadValue(f"script: {error}. Write columns in braces, and a brace itself twice.") from error
    texts: list[pl.Expr] = []
    for text, name, form, conversion in parts:
        texts.append(pl.lit(text))
        if name is None:
            continue
        if form or conversion:
            raise BadValue(f"script: {name!r} has a format; only columns in braces are filled in.")
        if name not in table.columns:
            raise ColumnNotFound(name, table.columns, "the asks")
        if missing := table[name].null_count():
            raise BadValue(f"script: column {name!r} is empty in {missing:,} asks; fill it, or write without it.")
        texts.append(pl.col(name).cast(pl.String))
    return pl.concat_str(texts)
