"""What MRP found: every group's share with two intervals, kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import expit, logit

from campaignkit import charts
from campaignkit.polls.model.cell_model import CellModel
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.estimate import equal_tailed
from campaignkit.wording import between, confidence, counted, points, share

if TYPE_CHECKING:
    import altair as alt
    import pyarrow as pa

SHOWN = 30  # groups in the chart


@dataclass(frozen=True, eq=False, repr=False)
class Mrp(Result):
    """Shares of everyone, of areas and of groups.

    `table` has one row per group: ``attribute``, ``level`` (text; null: unknown), ``n`` (interviews), ``voters`` (of
    the frame), ``direct_share`` (the interviews' own weighted share; null where there are none), ``estimate``,
    ``std_error``, ``lower``, ``upper`` (of what this survey would find by asking everyone in the frame), and
    ``election_lower``, ``election_upper`` (of an election held that day, all being wrong alike by `survey_error`; null
    without it).

    Attributes
    ----------
    effects : polars.DataFrame
        What each level adds to the logit: ``term``, ``level``, ``estimate``, ``std_error``, ``lower``, ``upper``.
    scales : polars.DataFrame
        How much each term's levels differ, a standard deviation in logits: ``term``, ``estimate``, ``lower``,
        ``upper``.
    unreached : polars.DataFrame
        The frame's cells that no interview reached, the largest first: attributes and ``voters``.
    unreached_share : float
        Their part of the frame.
    interviews, set_aside : int
        Interviews used, and those without an answer.
    design_effect : float
        Of clusters, by which what interviews count was divided; 1 without.
    effective_points : float
        Of the 32 settings of the scales, how many equal ones they are worth; where few, intervals are rough.
    survey_error : float or None
    confidence_level : float
    shares : array of float64
        Draws × the table's rows; see `draws`.
    """

    effects: pl.DataFrame
    scales: pl.DataFrame
    unreached: pl.DataFrame
    unreached_share: float
    interviews: int
    set_aside: int
    design_effect: float
    effective_points: float
    survey_error: float | None
    confidence_level: float
    shares: Floats

    def draws(self, attribute: str | None = None) -> pa.Table:
        """Return draws of the survey's shares, as an Arrow table.

        Parameters
        ----------
        attribute : str or None
            As in the table. None: all.

        Returns
        -------
        pyarrow.Table
            One row per group and draw: ``attribute``, ``level``, ``draw`` (from 0), ``share``. Shares of one draw
            belong together.

        Examples
        --------
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> frame = pl.DataFrame({"sex": ["F", "M"], "people": [52, 48]})
        >>> asked = pl.DataFrame({"sex": ["F", "M"] * 50, "ours": [1, 0, 1, 1] * 25})
        >>> ck.polls.mrp(asked, "ours", "sex", frame, frame_weight="people").draws("sex").num_rows
        2000
        """
        kept = self.table.with_row_index("at")
        kept = kept if attribute is None else kept.filter(pl.col("attribute") == attribute)
        n = len(self.shares)
        rows = kept.select(
            pl.col("attribute", "level").repeat_by(n).list.explode() if n else pl.col("attribute", "level")
        )
        drawn = self.shares[:, kept["at"].to_numpy()].T.ravel()
        return rows.with_columns(draw=np.tile(np.arange(n), kept.height), share=drawn).to_arrow()

    def summary(self) -> str:
        """Say everyone's share, who is highest and lowest, what the intervals are of, and what no interview reached."""
        level = confidence(self.confidence_level)
        text = f"From {counted(self.interviews, 'interview')}"
        text += f" ({counted(self.set_aside, 'more', 'more')} without an answer)" if self.set_aside else ""
        everyone = self.table.filter(attribute="everyone")
        if everyone.height:
            row = everyone.row(0, named=True)
            interval = f"{level} interval {between(row['lower'], row['upper'], share)}"
            text += f": {share(row['estimate'])} of the frame ({interval})"
            if self.survey_error:
                text += f", on an election day {between(row['election_lower'], row['election_upper'], share)}"
        first = self._shown().sort("estimate", descending=True)
        if first.height > 1:
            top, last = first.row(0, named=True), first.row(-1, named=True)
            text += (
                f". By {top['attribute']}, from {share(last['estimate'])} ({last['level'] or 'unknown'}) to "
                f"{share(top['estimate'])} ({top['level'] or 'unknown'})"
            )
        if self.design_effect > 1:
            text += f". Interviews of a cluster resemble each other: the design effect is {self.design_effect:.1f}"
        if self.unreached_share > 0.0005:
            unreached = share(self.unreached_share)
            text += f". No interview reached {unreached} of the frame; there, the estimate is the model's alone"
        if self.survey_error:
            shared = points(self.survey_error)
            return f"{text}. The election's interval adds an error of {shared} points that all groups share."
        return (
            f"{text}. These are the survey's own intervals; an election's are wider, because polls err in the same "
            "direction."
        )

    def _shown(self) -> pl.DataFrame:
        """Return the rows of the first attribute that tells groups apart."""
        known = self.table.filter(pl.col("attribute") != "everyone")
        return known.filter(pl.col("attribute") == known["attribute"][0]) if known.height else known

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw the first attribute's levels with their intervals: an election's where there is one."""
        rows = self._shown().sort("estimate", descending=True)
        if rows.is_empty():
            return None
        rows = (
            rows
            if rows.height <= SHOWN
            else rows.sort((pl.col("estimate") - 0.5).abs()).head(SHOWN).sort("estimate", descending=True)
        )
        ends = ("lower", "upper") if self.survey_error is None else ("election_lower", "election_upper")
        what = "the survey's" if self.survey_error is None else "of an election that day"
        title = f"Share by {rows['attribute'][0]}, {confidence(self.confidence_level)} interval {what}"
        return charts.intervals(
            rows, "level", "estimate", *ends, description=self.summary(), reference=0.5, title=title, number=".0%"
        )

    def percentages(self) -> list[str]:
        """Return the columns of shares."""
        return [name for name in self.table.columns if name not in ("attribute", "level", "n", "voters")]


def estimate_table(
    groups: pl.DataFrame, n: Floats, direct: Floats, shares: Floats, survey_error: float | None,
    confidence_level: float, seed: int,
) -> pl.DataFrame:  # fmt: skip
    """Return the table of `Mrp` from draws of groups' shares."""
    lower, upper = equal_tailed(shares, confidence_level)
    table = groups.select(
        "attribute", "level", pl.Series("n", n.astype(np.int64)), "voters",
        direct_share=pl.Series(direct).fill_nan(None), estimate=shares.mean(axis=0),
        std_error=shares.std(axis=0, ddof=1),        lower=lower, upper=upper,
    )  # fmt: skip
    if survey_error is None:
        none = pl.lit(None, pl.Float64)
        return table.with_columns(election_lower=none, election_upper=none)
    low, high = equal_tailed(of_an_election(shares, survey_error, seed), confidence_level)
    return table.with_columns(election_lower=pl.Series(low), election_upper=pl.Series(high))


def of_an_election(shares: Floats, survey_error: float, seed: int) -> Floats:
    """Return shares with an error that all groups of a draw share: `survey_error` at a share of one half, on the logit.

    Examples
    --------
    >>> drawn = of_an_election(np.full((4000, 2), 0.5), 0.02, 0)
    >>> drawn.std(axis=0).round(3).tolist()
    [0.02, 0.02]
    """
    shift = np.random.default_rng([seed, 3]).normal(0.0, 4 * survey_error, len(shares))
    safe = np.clip(shares, 1e-9, 1 - 1e-9)
    return expit(logit(safe) + shift[:, None])


def effect_table(model: CellModel, confidence_level: float) -> pl.DataFrame:
    """Return what each level adds to the logit."""
    names = [(effect.name, label) for effect in model.effects for label in effect.labels]
    lower, upper = equal_tailed(model.draws, confidence_level)
    return pl.DataFrame(names, schema=["term", "level"], orient="row").with_columns(
        estimate=model.draws.mean(axis=0), std_error=model.draws.std(axis=0, ddof=1), lower=lower, upper=upper
    )


def scale_table(model: CellModel, confidence_level: float) -> pl.DataFrame:
    """Return each term's standard deviation."""
    names = [effect.name for effect in model.effects if effect.random]
    drawn = np.random.default_rng(0).choice(len(model.weight), 4_000, p=model.weight)
    lower, upper = equal_tailed(model.sd[drawn], confidence_level)
    return pl.DataFrame({"term": names, "estimate": model.weight @ model.sd, "lower": lower, "upper": upper})
