"""What friends' asks did, the response rate and the effect told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit import charts
from campaignkit.result import Result
from campaignkit.wording import change, confidence, counted, interval, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["SharingEffect"]

ASKED, DELIVERED, NAIVE = "asked about", "delivered", "contacted against not"
SPILLED = "all of their friends asked about, against none"


@dataclass(frozen=True, eq=False, repr=False)
class SharingEffect(Result):
    """What being asked about did, and what not to believe beside it.

    `table` has one row a ``quantity``:

    - "asked about": friends whose asks were sent against those whose asks were held out (intent to treat);
    - "asked about by 2 sharers" and so on, where friends differ in it: against nobody's being asked;
    - "delivered": what a delivered message did to those the coin moved (complier effect);
    - "all of their friends asked about, against none": what spills over, were it to rise in a straight line;
    - "contacted against not": what it looks like without the coin; never an effect.

    ``causal``: whether chance alone made the two sides; ``n``, ``n_control``: friends on each; ``estimate`` with
    ``std_error``, ``lower``, ``upper``, ``p_value``: a difference of shares; ``rate``, ``control_rate``: the shares
    themselves, null where there are none.

    Attributes
    ----------
    outcome : str
    design : str
        Whose coin it was: "friend" or "sharer".
    holdout : float
    response_rate : float or None
        The share of those asked about who acted: no effect. None: not known.
    actors_rate, others_rate : float or None
        The outcome's rate among those of them who acted, and who did not; the gap is no effect either.
    without_outcome : int
        Friends who were to be asked about and whose outcome is unknown.
    exposures : polars.DataFrame
        ``sharers_planned``, ``sharers_sent``, ``friends``: how many friends had which exposure.
    confidence_level : float
    """

    outcome: str
    design: str
    holdout: float
    response_rate: float | None
    actors_rate: float | None
    others_rate: float | None
    without_outcome: int
    exposures: pl.DataFrame
    confidence_level: float

    def row(self, quantity: str = ASKED) -> dict[str, Any]:
        """Return one row of the table.

        Parameters
        ----------
        quantity : str
            Its name.

        Examples
        --------
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("sharing", 1_000, seed=1)
        >>> found = ck.outreach.sharing_effect(drawn["asks"], drawn["friends"], "voted")
        >>> found.row()["causal"], found.row("contacted against not")["causal"]
        (True, False)
        """
        return self.table.row(by_predicate=pl.col("quantity") == quantity, named=True)

    def summary(self) -> str:
        """Tell the response rate and the effect apart, and say what the comparison without the coin would claim."""
        row, naive = self.row(), self.row(NAIVE)
        asked = f"Of {counted(row['n'], 'friend')} asked about, "
        if self.response_rate is None:
            text = f"{asked}{share(row['rate'])} have {self.outcome!r}: a rate, not an effect."
        else:
            text = f"{asked}{share(self.response_rate)} acted: a response rate, not an effect."
        text += (
            f" Being asked about moved {self.outcome!r} by {self._said(row)}, against "
            f"{counted(row['n_control'], 'friend')} held out by the {self.design}'s coin."
        )
        if row["lower"] <= 0 <= row["upper"]:
            text += " That may be nothing at all."
        for quantity in (DELIVERED, SPILLED):
            if quantity in self.table["quantity"]:
                text += f" {quantity.capitalize()}: {self._said(self.row(quantity))}."
        if naive["estimate"] is not None:
            text += f" Contacted against not would say {change(naive['estimate'], 'rate')}; do not believe it."
        if self.without_outcome:
            text += f" {counted(self.without_outcome, 'friend')} without an outcome were set aside."
        return f"{text} This is the direct effect; what friends told friends is in both sides of it."

    def _said(self, row: dict[str, Any]) -> str:
        bounds = interval(row["lower"], row["upper"], "rate")
        return f"{change(row['estimate'], 'rate')} ({confidence(self.confidence_level)}: {bounds})"

    def chart(self) -> alt.TopLevelMixin:
        """Draw each quantity with its interval."""
        rows = self.table.filter(pl.col("estimate").is_not_null())
        rows = rows.with_columns(kind=pl.when("causal").then(pl.lit("by the coin")).otherwise(pl.lit("not an effect")))
        return charts.intervals(
            rows, "quantity", series="kind", description=self.summary(), reference=0, number="+.1%",
            title=f"{self.outcome}: difference of shares",
        )  # fmt: skip
