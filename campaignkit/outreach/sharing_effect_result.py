"""What friends' asks did, with the response rate and the effect kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit import charts, labels
from campaignkit.result import Result
from campaignkit.wording import change, confidence, counted, interval, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["SharingEffect"]

ASKED, DELIVERED, NAIVE = "asked about", "delivered", "contacted against not"
SPILLED = "all of their friends asked about, against none"
SPOKEN = {DELIVERED: "A delivered message", SPILLED: "Having all of one's friends asked about, compared with none"}


@dataclass(frozen=True, eq=False, repr=False)
class SharingEffect(Result):
    """The effect of being asked about, and beside it the comparison not to believe.

    `table` has one row per ``quantity``:

    - "asked about": friends whose asks were sent, compared with those whose asks were held out (intent to treat);
    - "asked about by 2 sharers" and so on, if friends differ in that: compared with no sharer;
    - "delivered": the effect of a delivered message on those who got it because of the coin flip (complier effect);
    - "all of their friends asked about, against none": spillover, if it rises in a straight line;
    - "contacted against not": the comparison without the coin flip; never an effect.

    ``causal``: whether chance alone made the two sides; ``n``, ``n_control``: friends on each; ``estimate`` with
    ``std_error``, ``lower``, ``upper``, ``p_value``: a difference of shares; ``rate``, ``control_rate``: the shares
    themselves, null if there are none.

    Attributes
    ----------
    outcome : str
    design : str
        Whose coin flip it was: "friend" or "sharer".
    holdout : float
    response_rate : float or None
        The share of those asked about who acted: not an effect. None: not known.
    actors_rate, others_rate : float or None
        The outcome's rate among those of them who acted, and who did not. The gap is not an effect either.
    without_outcome : int
        Friends in the asks whose outcome is unknown.
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
        """Say the response rate, then the effect, then what the comparison without the coin flip would claim."""
        row, naive = self.row(), self.row(NAIVE)
        rate, did = row["rate"], f"{labels.did(self.outcome, self.labels)}: a rate"
        if self.response_rate is not None:
            rate, did = self.response_rate, "acted: a response rate"
        sentences = [
            f"{share(rate)} of {counted(row['n'], 'friend')} asked about {did}, not an effect.",
            f"Being asked about changed the share {labels.who(self.outcome, self.labels)} by "
            f"{self._said(row)}, compared with "
            f"{counted(row['n_control'], 'friend')} held out by a coin flip for each {self.design}.",
        ]
        if row["lower"] <= 0 <= row["upper"]:
            sentences.append("That may be no effect at all.")
        for quantity, words in SPOKEN.items():
            if quantity in self.table["quantity"]:
                sentences.append(f"{words}: {self._said(self.row(quantity))}.")
        if naive["estimate"] is not None:
            gap = change(naive["estimate"], "rate")
            sentences.append(f"Comparing friends contacted with those not contacted gives {gap}; do not believe it.")
        if self.without_outcome:
            sentences.append(f"{counted(self.without_outcome, 'friend')} without an outcome were set aside.")
        return " ".join([*sentences, "This is the direct effect; what friends tell each other reaches both groups."])

    def _said(self, row: dict[str, Any]) -> str:
        bounds = interval(row["lower"], row["upper"], "rate")
        return f"{change(row['estimate'], 'rate')} ({confidence(self.confidence_level)} interval {bounds})"

    def chart(self) -> alt.TopLevelMixin:
        """Draw each quantity with its interval."""
        rows = self.table.filter(pl.col("estimate").is_not_null())
        rows = rows.with_columns(kind=pl.when("causal").then(pl.lit("by coin flip")).otherwise(pl.lit("not an effect")))
        return charts.intervals(
            rows, "quantity", series="kind", description=self.summary(), reference=0, number="+.1%",
            title=f"Difference in the share {labels.who(self.outcome, self.labels)} between the two sides",
        )  # fmt: skip
