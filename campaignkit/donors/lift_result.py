"""A lift: several estimates side by side, and how robust they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts, labels
from campaignkit.checks import check_scalar
from campaignkit.donors.observational import balance as balances
from campaignkit.donors.observational.estimators import LABELS, LEAST
from campaignkit.donors.observational.robustness import Sensitivity
from campaignkit.donors.observational.worth import Worth, ends
from campaignkit.errors import listed
from campaignkit.result import Result
from campaignkit.wording import between, confidence, number, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Lift", "Worth"]

SHARED = ("regression", "imputation", "ipw", "entropy", "aipw")  # who see no more of covariates than their means
ROUGH = 0.25  # standard deviations apart after weighting, above which an answer is left out of the credible range


@dataclass(frozen=True, eq=False, repr=False)
class Lift(Result):
    """What a program added, estimated in several ways.

    `table` has one row per estimator: ``estimator``; ``estimate`` (an effect: the mean outcome with the program minus
    the mean without it over the target population, in the outcome's unit), ``lower``, ``upper`` (Student's t on
    the fewer arm's clusters less one, errors robust and counting what was estimated on the way), ``std_error``,
    ``p_value`` (of no effect; not corrected, as all rows answer one question); ``n`` (rows); ``mean_treated`` and
    ``mean_control`` (levels); ``ratio`` (Σ Y(1) / Σ Y(0), null unless both are above 0), ``ratio_lower``,
    ``ratio_upper``; ``effective_n`` (how many equally weighted comparison people the weights leave, Kish's; null
    where weights have no sense). All null where an estimator has no answer; `warnings` says why. Where covariates
    have gaps, each row puts together what ten fillings say (Rubin's rules); `balance`, `overlap`, `trimming` and
    `sensitivity` are of the first of them.

    Attributes
    ----------
    treated, outcome : str
        The columns.
    estimand : str
        ATT (those who joined) or ATE (everyone). Regression's own average differs from both where effects do.
    lead : str
        The estimator by which placebos, E-value and `value` judge.
    n_treated, n_comparison : int
        People with and without it.
    balance : polars.DataFrame
        See `love_plot`: ``weighting, covariate, mean_treated, mean_comparison, difference, variance_ratio``.
    overlap : polars.DataFrame
        Chances of joining by group: ``lower, upper, treated_share, comparison_share``.
    trimming : polars.DataFrame
        What AIPW would say if some were left out; nobody was.
    placebo : polars.DataFrame
        As `table`, after ``placebo`` (an outcome that the program cannot have changed, so that the truth is 0), with
        ``p_adjusted`` (Holm over the placebos) and ``failed``, which the lead estimator decides. Empty without any.
    sensitivity : Sensitivity
        How strong something unmeasured would have to be.
    warnings : tuple of str
        What to know before believing a number.
    confidence_level : float
        Of the intervals.
    misled : tuple of str
        Estimators that squares or products of covariates, still apart, or a skewed outcome speak against.
    named_warnings : mapping of str to str
        Those of the warnings that have a name: ``higher_moments``, ``missing_covariates``, ``few_clusters``.

    Examples
    --------
    The examples of its methods speak of this one:

    >>> import campaignkit as ck
    >>> people = ck.sample.draw("quick_donate", 10_000, seed=1).table
    >>> lift = ck.donors.estimate_lift(
    ...     people, "quick_donate", "gifts_after", ["age", "dollars_before"],
    ...     placebo={"gifts_before": []}, unit="person",
    ... )
    >>> lift.lead
    'entropy'
    """

    treated: str
    outcome: str
    estimand: str
    lead: str
    n_treated: int
    n_comparison: int
    balance: pl.DataFrame
    overlap: pl.DataFrame
    trimming: pl.DataFrame
    placebo: pl.DataFrame
    sensitivity: Sensitivity
    warnings: tuple[str, ...]
    confidence_level: float
    misled: tuple[str, ...]
    named_warnings: Mapping[str, str]

    @property
    def failed(self) -> pl.DataFrame:
        """The placebos that failed, by the lead estimator.

        Examples
        --------
        >>> lift.failed["placebo"].to_list()
        ['gifts_before']
        """
        return self.placebo.filter(pl.col("failed") & (pl.col("estimator") == self.lead))

    @property
    def credible(self) -> pl.DataFrame:
        """The adjusted answers that leave nothing 0.25 standard deviations apart and rest on 30 people.

        Nothing: no covariate, and no square or product of two (see `misled`). Where the outcome is skewed and never
        negative, least squares' are left out too.

        Examples
        --------
        >>> "difference" in lift.credible["estimator"]
        False
        """
        left = self.balance.group_by("weighting").agg(pl.col("difference").abs().max().alias("apart"))
        rough = ["difference", *self.misled, *left.filter(pl.col("apart") > ROUGH)["weighting"]]
        rests = pl.col("effective_n").fill_null(np.inf) >= LEAST
        return self.table.filter(pl.col("estimate").is_not_null() & rests & ~pl.col("estimator").is_in(rough))

    @property
    def set_aside(self) -> list[str]:
        """The adjusted estimators that the credible range leaves out: no answer, too few people, or still apart.

        Examples
        --------
        >>> lift.set_aside
        ['regression', 'imputation', 'ipw', 'aipw', 'aipw_log']
        """
        return [name for name in self.table["estimator"] if name not in ("difference", *self.credible["estimator"])]

    def summary(self) -> str:
        """Say failed placebos first, then the raw difference, what is left of it, and what this cannot show."""
        parts = [
            *self._placebos_failed(),
            self._raw(),
            self._left(),
            self._agreement(),
            self._aside(),
            self._robustness(),
            *self.warnings,
        ]
        return " ".join(part for part in parts if part)

    def _placebos_failed(self) -> list[str]:
        label = LABELS[self.lead]
        return [
            f"The placebo test failed: {self.label(row['placebo'])} still differs by {number(row['estimate'])} "
            f"({between(row['lower'], row['upper'], number)}) after {label} without it, although joining can't have "
            "changed it. Part of the effect below is who joined, not what joining did."
            for row in self.failed.iter_rows(named=True)
        ]

    def _raw(self) -> str:
        row = self._row("difference")
        if row is None:
            return ""
        times = "" if row["ratio"] is None else f", {row['ratio']:.2f} times as much"
        return (
            f"Before any adjustment, {self.label(self.outcome)} averaged {number(row['mean_treated'])} among the "
            f"{self.n_treated:,} {labels.who(self.treated, self.labels)} and {number(row['mean_control'])} among "
            f"{self.n_comparison:,} others{times}."
        )

    def _left(self) -> str:
        rows = self.credible
        if rows.is_empty():
            return "No adjusted estimate is reliable here."
        who = "those who joined" if self.estimand == "ATT" else "everyone"
        lead = self._row(self.lead) or {}
        lead_label = LABELS[self.lead]
        intervals = f"{confidence(self.confidence_level)} intervals of {rows.height} estimators"
        if rows["ratio"].null_count() == 0:
            low, high = ends(rows, "ratio_lower", "ratio_upper")
            return (
                f"After adjustment, {self.label(self.outcome)} of {who} came to {low:.2f}–{high:.2f} times "
                f"the level without joining ({intervals}). {lead_label[0].upper()}{lead_label[1:]} says "
                f"{lead['ratio']:.2f} times, or {number(lead['estimate'])} each."
            )
        low, high = ends(rows, "lower", "upper")
        return (
            f"After adjustment, {self.label(self.outcome)} of {who} differed by {between(low, high, number)} each "
            f"({intervals}). {lead_label[0].upper()}{lead_label[1:]} says {number(lead['estimate'])}."
        )

    def _agreement(self) -> str:
        """Say what it is worth that estimators agree which share an assumption."""
        names = [LABELS[name] for name in self.credible["estimator"] if name in SHARED]
        if len(names) < 2:
            return ""
        text = listed(names)
        return f"{text[0].upper()}{text[1:]} all balance only the covariates' means, so their agreement proves little."

    def _aside(self) -> str:
        names = [LABELS[name] for name in self.set_aside]
        if not names or self.credible.is_empty():
            return ""
        return f"Left out: {listed(names)} (no answer, too few people, or groups still unbalanced)."

    def _robustness(self) -> str:
        sensitivity = self.sensitivity
        if sensitivity.e_value is not None and sensitivity.e_value_bound is not None:
            strong = (
                "To explain the effect away, a trait that is not in the file would need a "
                f"{sensitivity.e_value:.2f}-fold association with both joining and {self.label(self.outcome)} "
                "(E-value); "
                f"{sensitivity.e_value_bound:.2f}-fold would stretch the interval to no effect."
            )
        else:
            strong = (
                f"To bring regression's estimate to zero, a trait that is not in the file would have to explain "
                f"{share(sensitivity.robustness)} of the remaining variation in both joining and "
                f"{self.label(self.outcome)} "
                "(robustness value)."
            )
        passed = (
            ""
            if self.placebo.is_empty() or self.failed.height
            else " The placebo test found no problem, which proves little."
        )
        return f"This holds only if the covariates capture everything that drives both. {strong}{passed}"

    def _row(self, estimator: str) -> dict[str, float] | None:
        rows = self.table.filter(pl.col("estimator") == estimator)
        return None if rows.is_empty() else rows.row(0, named=True)

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw every estimator's ratio with its interval; the difference where a ratio has no sense."""
        known = self.table.filter(pl.col("estimate").is_not_null())
        rows = known.with_columns(pl.col("estimator").replace(LABELS).alias("by"))
        heading = labels.heading(self.outcome, self.labels)
        if rows["ratio"].null_count() == 0:
            return charts.intervals(
                rows, "by", "ratio", "ratio_lower", "ratio_upper", reference=1.0, number=".2~f",
                description=self.summary(),
                title=f"{heading}: times what it would be without {self.label(self.treated)}",
            )  # fmt: skip
        title = f"{heading}: what {self.label(self.treated)} added for each"
        return charts.intervals(rows, "by", reference=0.0, title=title, description=self.summary())

    def love_plot(self) -> alt.LayerChart:
        """Draw every covariate's standardized difference between the groups, before and after each weighting.

        Examples
        --------
        >>> type(lift.love_plot()).__name__
        'LayerChart'
        """
        return balances.love_plot(self.balance)

    def overlap_chart(self) -> alt.Chart:
        """Draw how each group's chances of joining are spread.

        Examples
        --------
        >>> type(lift.overlap_chart()).__name__
        'Chart'
        """
        return balances.overlap_chart(self.overlap, self.treated)

    def placebo_chart(self) -> alt.LayerChart | None:
        """Draw every estimator's answer to the placebos, where 0 is the truth; None without any.

        Examples
        --------
        >>> type(lift.placebo_chart()).__name__
        'LayerChart'
        """
        rows = self.placebo.filter(pl.col("estimate").is_not_null())
        if rows.is_empty():
            return None
        rows = rows.with_columns(pl.col("estimator").replace(LABELS).alias("by"))
        text = f"Placebo outcomes by estimator, where 0 is the truth; {self.failed.height} failed."
        return charts.intervals(rows, "by", series="placebo", reference=0.0, title="Placebo outcomes", description=text)

    def value(self, *, enrollment_rate: float, cost: float = 0.0, people: int = 1000) -> Worth:
        """Return what asking people to join would bring, were they like those the estimate is about.

        Parameters
        ----------
        enrollment_rate : float
            The share of those asked who join because they were asked, above 0 and at most 1.
        cost : float
            Dollars spent on each person asked.
        people : int
            How many are asked.

        Returns
        -------
        Worth
            ``estimate``, ``lower``, ``upper``: net dollars, people · (enrollment_rate · effect − cost), by estimator.
            The interval carries the effect's uncertainty, not that of the rate.

        Raises
        ------
        BadValue
            If a number can't be right.

        Examples
        --------
        >>> lift.value(enrollment_rate=0.05, cost=0.25, people=10_000).table.columns
        ['estimator', 'break_even_rate', 'estimate', 'lower', 'upper']
        """
        check_scalar(enrollment_rate, "enrollment_rate", typ=float, gt=0, le=1)
        check_scalar(cost, "cost", typ=float, ge=0)
        check_scalar(people, "people", typ=int, ge=1)
        net = [
            (people * (enrollment_rate * pl.col(name) - cost)).alias(name) for name in ("estimate", "lower", "upper")
        ]
        even = pl.when(pl.col("estimate") > cost).then(cost / pl.col("estimate")).alias("break_even_rate")
        known = self.table.filter(pl.col("estimate").is_not_null() & (pl.col("estimator") != "difference"))
        placebo_failed, level = bool(self.failed.height), self.confidence_level
        table = known.select("estimator", even, *net)
        return Worth(table, self.lead, enrollment_rate, float(cost), people, placebo_failed, level)
