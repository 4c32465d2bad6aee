"""How much of a difference did a programme make that people chose to join? Several answers side by side, and doubts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar, column_names
from campaignkit.columns import unit_of
from campaignkit.donors import balance as balances
from campaignkit.donors.doubts import Sensitivity, placebo_table, sensitivity
from campaignkit.donors.estimators import DEFAULT, LABELS, NO_WEIGHTS, WEIGHTINGS, Run, check_estimators
from campaignkit.donors.signing import check_sign_ups, day_of
from campaignkit.donors.study import (
    Parts,
    Study,
    check_parts,
    check_placebo,
    read_table,
    refuse_functions,
    study,
)
from campaignkit.donors.worth import Worth, ends, number
from campaignkit.errors import BadValue, listed
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.stats.comparison import degrees_of_freedom

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Lift", "Worth", "estimate_lift"]

FEW = 50  # treated people, or clusters of them, below which intervals are rough
LEAST = 30.0  # equally weighted comparison people that an answer of the credible range must rest on
ROUGH = 0.25  # standard deviations apart after weighting, above which an answer is left out of the credible range


@dataclass(frozen=True, eq=False, repr=False)
class Lift(Result):
    """What a programme added, estimated in several ways.

    `table` has one row an estimator: ``estimator``; ``estimate`` (an effect: the mean outcome with the programme minus
    the mean without it over the target population, in the outcome's unit), ``lower``, ``upper`` (95%, Student's t on
    the fewer arm's clusters less one, errors robust and counting what was estimated on the way), ``standard_error``,
    ``p_value`` (of no effect; not corrected, as all rows answer one question); ``n`` (rows); ``with_it`` and
    ``without`` (the two means: levels); ``ratio`` (Σ Y(1) / Σ Y(0), null unless both are above 0), ``ratio_lower``,
    ``ratio_upper``; ``effective_n`` (how many equally weighted comparison people the weights leave, Kish's; null
    where weights have no sense). All null where an estimator has no answer; `warnings` says why.

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
        As `table`, after ``placebo`` (an outcome that the programme cannot have changed, so that the truth is 0), with
        ``p_adjusted`` (Holm over the placebos) and ``failed``, which the lead estimator decides. Empty without any.
    sensitivity : Sensitivity
        How strong something unmeasured would have to be.
    warnings : tuple of str
        What to know before believing a number.
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

    @property
    def failed(self) -> pl.DataFrame:
        """The placebos that failed, by the lead estimator.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("quick_donate", 10_000, seed=1).table
        >>> found = ck.donors.estimate_lift(
        ...     people, "quick_donate", "gifts_after", ["age", "dollars_before"],
        ...     placebo={"gifts_before": []}, unit="person",
        ... )
        >>> found.failed["placebo"].to_list()
        ['gifts_before']
        """
        return self.placebo.filter(pl.col("failed") & (pl.col("estimator") == self.lead))

    @property
    def credible(self) -> pl.DataFrame:
        """The adjusted answers that leave no covariate 0.25 standard deviations apart and rest on 30 people.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("quick_donate", 10_000, seed=1).table
        >>> found = ck.donors.estimate_lift(
        ...     people, "quick_donate", "gifts_after", ["age", "dollars_before"],
        ...     placebo={"gifts_before": []}, unit="person",
        ... )
        >>> "difference" in found.credible["estimator"]
        False
        """
        left = self.balance.group_by("weighting").agg(pl.col("difference").abs().max().alias("apart"))
        rough = ["difference", *left.filter(pl.col("apart") > ROUGH)["weighting"]]
        rests = pl.col("effective_n").fill_null(np.inf) >= LEAST
        return self.table.filter(pl.col("estimate").is_not_null() & rests & ~pl.col("estimator").is_in(rough))

    @property
    def set_aside(self) -> list[str]:
        """The adjusted estimators that the credible range leaves out: no answer, too few people, or still apart.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("quick_donate", 10_000, seed=1).table
        >>> found = ck.donors.estimate_lift(
        ...     people, "quick_donate", "gifts_after", ["age", "dollars_before"],
        ...     placebo={"gifts_before": []}, unit="person",
        ... )
        >>> found.set_aside
        ['ipw', 'aipw']
        """
        return [name for name in self.table["estimator"] if name not in ("difference", *self.credible["estimator"])]

    def summary(self) -> str:
        """Say failed placebos first, then the raw difference, what is left of it, and what this cannot show."""
        parts = [*self._placebos_failed(), self._raw(), self._left(), self._aside(), self._doubt(), *self.warnings]
        return " ".join(part for part in parts if part)

    def _placebos_failed(self) -> list[str]:
        label = LABELS[self.lead]
        return [
            f"The placebo failed: {row['placebo']}, which {self.treated} cannot have changed, still differs by "
            f"{number(row['estimate'])} ({number(row['lower'])} to {number(row['upper'])}) after {label} without it, "
            "so part of what follows is who joined and not what joining did."
            for row in self.failed.iter_rows(named=True)
        ]

    def _raw(self) -> str:
        row = self._row("difference")
        if row is None:
            return ""
        times = "" if row["ratio"] is None else f", {row['ratio']:.2f} times as much"
        return (
            f"{self.outcome} averages {number(row['with_it'])} among {self.n_treated:,} with {self.treated} and "
            f"{number(row['without'])} among {self.n_comparison:,} others{times}, before anything is made comparable."
        )

    def _left(self) -> str:
        rows = self.credible
        if rows.is_empty():
            return "No adjusted estimate can be relied on."
        who = "those who joined" if self.estimand == "ATT" else "everyone"
        lead = self._row(self.lead) or {}
        by = f"{LABELS[self.lead]} says"
        if rows["ratio"].null_count() == 0:
            low, high = ends(rows, "ratio_lower", "ratio_upper")
            return (
                f"Compared with like people, for {who} it comes to between {low:.2f} and {high:.2f} times (the 95% "
                f"intervals of {rows.height} estimators; {by} {lead['ratio']:.2f}, or {number(lead['estimate'])} each)."
            )
        low, high = ends(rows, "lower", "upper")
        return (
            f"Compared with like people, for {who} it comes to between {number(low)} and {number(high)} each (the "
            f"95% intervals of {rows.height} estimators; {by} {number(lead['estimate'])})."
        )

    def _aside(self) -> str:
        names = [LABELS[name] for name in self.set_aside]
        if not names or self.credible.is_empty():
            return ""
        verb = "is" if len(names) == 1 else "are"
        return f"Not among these {verb} {listed(names)}: no answer, too few people, or groups still apart."

    def _doubt(self) -> str:
        found = self.sensitivity
        if found.e_value is not None and found.e_value_bound is not None:
            strong = (
                f"a trait no file shows would have to go with both joining and {self.outcome} {found.e_value:.2f}-fold "
                f"to explain it away, {found.e_value_bound:.2f}-fold to bring the interval to no effect"
            )
        else:
            strong = (
                f"a trait no file shows would have to explain {found.robustness:.1%} of what is left of both joining "
                f"and {self.outcome} to bring regression's estimate to nothing"
            )
        passed = (
            ""
            if self.placebo.is_empty() or self.failed.height
            else " The placebo showed nothing amiss, which proves little."
        )
        return f"This holds only if the covariates say all that drives both: {strong}.{passed}"

    def _row(self, estimator: str) -> dict[str, float] | None:
        rows = self.table.filter(pl.col("estimator") == estimator)
        return None if rows.is_empty() else rows.row(0, named=True)

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw every estimator's ratio with its interval; the difference where a ratio has no sense."""
        known = self.table.filter(pl.col("estimate").is_not_null())
        rows = known.with_columns(pl.col("estimator").replace(LABELS).alias("by"))
        if rows["ratio"].null_count() == 0:
            return charts.intervals(
                rows, "by", "ratio", "ratio_lower", "ratio_upper", reference=1.0, number=".2~f",
                title=f"{self.outcome}: times what it would have been without {self.treated}",
                description=self.summary(),
            )  # fmt: skip
        title = f"{self.outcome}: what {self.treated} added for each"
        return charts.intervals(rows, "by", reference=0.0, title=title, description=self.summary())

    def love_plot(self) -> alt.LayerChart:
        """Draw every covariate's standardised difference between the groups, before and after each weighting.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("quick_donate", 10_000, seed=1).table
        >>> found = ck.donors.estimate_lift(
        ...     people, "quick_donate", "gifts_after", ["age", "dollars_before"],
        ...     placebo={"gifts_before": []}, unit="person",
        ... )
        >>> type(found.love_plot()).__name__
        'LayerChart'
        """
        return balances.love_plot(self.balance)

    def overlap_chart(self) -> alt.Chart:
        """Draw how each group's chances of joining are spread.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("quick_donate", 10_000, seed=1).table
        >>> found = ck.donors.estimate_lift(
        ...     people, "quick_donate", "gifts_after", ["age", "dollars_before"],
        ...     placebo={"gifts_before": []}, unit="person",
        ... )
        >>> type(found.overlap_chart()).__name__
        'Chart'
        """
        return balances.overlap_chart(self.overlap, self.treated)

    def placebo_chart(self) -> alt.LayerChart | None:
        """Draw every estimator's answer to the placebos, where 0 is the truth; None without any.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("quick_donate", 10_000, seed=1).table
        >>> found = ck.donors.estimate_lift(
        ...     people, "quick_donate", "gifts_after", ["age", "dollars_before"],
        ...     placebo={"gifts_before": []}, unit="person",
        ... )
        >>> type(found.placebo_chart()).__name__
        'LayerChart'
        """
        rows = self.placebo.filter(pl.col("estimate").is_not_null())
        if rows.is_empty():
            return None
        rows = rows.with_columns(pl.col("estimator").replace(LABELS).alias("by"))
        text = f"Placebo outcomes by estimator, where 0 is the truth; {self.failed.height} failed."
        return charts.intervals(rows, "by", series="placebo", reference=0.0, title="Placebo outcomes", description=text)

    def value(self, *, enrolment_rate: float, cost: float = 0.0, people: int = 1000) -> Worth:
        """Return what asking people to join would bring, were they like those whom the estimate is about.

        Parameters
        ----------
        enrolment_rate : float
            The share of those asked who join because they were asked, above 0 and at most 1.
        cost : float
            Dollars spent on each person asked.
        people : int
            How many are asked.

        Returns
        -------
        Worth
            ``estimate``, ``lower``, ``upper``: net dollars, people · (enrolment_rate · effect − cost), by estimator.
            The interval carries the effect's uncertainty, not that of the rate.

        Raises
        ------
        BadValue
            If a number can't be right.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("quick_donate", 10_000, seed=1).table
        >>> found = ck.donors.estimate_lift(
        ...     people, "quick_donate", "gifts_after", ["age", "dollars_before"],
        ...     placebo={"gifts_before": []}, unit="person",
        ... )
        >>> found.value(enrolment_rate=0.05, cost=0.25, people=10_000).table.columns
        ['estimator', 'break_even_rate', 'estimate', 'lower', 'upper']
        """
        check_scalar(enrolment_rate, "enrolment_rate", typ=float, gt=0, le=1)
        check_scalar(cost, "cost", typ=float, ge=0)
        check_scalar(people, "people", typ=int, ge=1)
        net = [(people * (enrolment_rate * pl.col(name) - cost)).alias(name) for name in ("estimate", "lower", "upper")]
        even = pl.when(pl.col("estimate") > cost).then(cost / pl.col("estimate")).alias("break_even_rate")
        known = self.table.filter(pl.col("estimate").is_not_null() & (pl.col("estimator") != "difference"))
        return Worth(
            known.select("estimator", even, *net),
            self.lead,
            enrolment_rate,
            float(cost),
            people,
            bool(self.failed.height),
        )


def estimate_lift(
    data: object,
    treated: str,
    outcome: str,
    covariates: str | Iterable[str],
    *,
    placebo: Mapping[str, Iterable[str]] | None = None,
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    estimand: str = "ATT",
    estimators: str | Iterable[str] = DEFAULT,
    signed_up: str | None = None,
    outcome_from: dt.date | str | None = None,
    seed: int = 0,
) -> Lift:
    """Estimate what a programme that people chose to join added, in several ways, with every reason to doubt it.

    People who join differ from people who do not. Each estimator makes the comparison fair in its own way, as far as
    `covariates` go; where they agree, balance holds, and placebos pass, the answer is worth something. What no
    covariate tells stays in all of them.

    Parameters
    ----------
    data : table
        One row a person, or a universe, whose columns may then also be facts such as ``gifts('90d')``.
    treated : str
        Who joined before the outcome began: true/false or 0/1. Null is refused.
    outcome : str
        A number, such as dollars; a mean is compared. Null is refused: say 0 where nothing came.
    covariates : str or iterable of str
        What was known of people before they could join. Numbers are taken as they are, texts as one column a value
        (null is "unknown"). A number that is null gets the mean and a column that says so, and a warning. Columns
        that are constant or follow from others are left out, with a warning.
    placebo : mapping or None
        Outcomes that the programme cannot have changed, and the covariates to leave out when they are compared,
        such as ``{"re75": ["re75", "u75"]}``. All that follow from it must be left out. None: no placebo.
    unit : str or None
        The person's id. Where ids come more than once they are clusters. None: of a universe ``person_id``; otherwise
        row position, for tables that are not lazy.
    cluster : str or None
        Households, or whatever else was drawn together: errors are summed within, and whole clusters cross-fitted.
        Where it is null, the row stands for itself. None: people are independent.
    weight : str or None
        Survey weights, not negative. None: all alike.
    estimand : {"ATT", "ATE"}
        Whom the answer is about: those who joined, or everyone.
    estimators : iterable of str
        Of ``difference`` (in means), ``regression``, ``imputation`` (Oaxaca–Blinder), ``ipw``, ``entropy``,
        ``aipw`` (five-fold cross-fit, logit and least squares), ``aipw_boost`` (boosted trees; needs the ``boost``
        extra, and not among the default), ``matching`` (one nearest neighbour on the propensity's logit).
    signed_up : str or None
        The column of the date each person joined (null: never), to check `treated` against. None: not checked.
    outcome_from : date, str or None
        The first day that the outcome counts; goes with `signed_up`.
    seed : int
        Another seed, other folds.

    Returns
    -------
    Lift

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        An argument or column is not as said above; a covariate follows from the outcome, or from a placebo that does
        not leave it out; somebody counts as treated who signed up when the outcome had begun.
    NotEnoughData
        Too few people in either group, or no overlap at all.

    References
    ----------
    Imbens and Xu (2024), "LaLonde (1986) after nearly four decades", for why one estimator is not enough. Each
    estimator's paper stands in `campaignkit.stats`; Cinelli and Hazlett (2020), JRSS B 82, 39–67, and VanderWeele and
    Ding (2017), Annals of Internal Medicine 167, 268–274, for sensitivity.

    Examples
    --------
    >>> import campaignkit as ck
    >>> people = ck.sample.draw("quick_donate", 60_000, seed=1).table
    >>> people = people.with_columns(pl.col("gifts_before", "dollars_before").log())
    >>> known = ["age", "gifts_before", "dollars_before", "p_give_online"]
    >>> found = ck.donors.estimate_lift(people, "quick_donate", "gifts_after", known, unit="person")
    >>> found.table.select("estimator", pl.col("ratio").round(1)).rows()[:5]  # 1.6 was planted
    [('difference', 3.7), ('regression', 1.8), ('imputation', 2.1), ('ipw', 1.5), ('entropy', 1.6)]
    """
    names, parts = check_estimators(estimators), column_names(covariates, "covariates")
    placebos = check_placebo(placebo, parts)
    asked = Parts(treated, outcome, parts, unit_of(data, unit), cluster, weight, tuple(placebos))
    _check(asked, estimand, signed_up, outcome_from, seed)
    steps = Steps("estimate_lift")
    with steps.step("reading"):
        table = read_table(data, asked if signed_up is None else _also(asked, signed_up))
        late = (
            []
            if signed_up is None
            else check_sign_ups(table, treated, signed_up, day_of(outcome_from, "outcome_from", "2012-07-02"))
        )
        found = study(table, asked, everyone=estimand == "ATE", seed=seed)
        refuse_functions(found, outcome, found.comparison.y, [], "outcome")
    with steps.step("estimating"):
        run = Run(found.comparison, names, seed)
        run.refuse_if_apart(treated)
        rows = run.table()
    with steps.step("doubting"):
        doubts = placebo_table(found, placebos, names, run.lead, seed)
        result = _result(found, run, rows, doubts, asked, estimand, late)
    steps.close()
    return result


def _check(asked: Parts, estimand: str, signed_up: str | None, outcome_from: object, seed: int) -> None:
    check_scalar(estimand, "estimand", typ=str, choices=("ATT", "ATE"))
    check_scalar(seed, "seed", typ=int)
    for name in ("treated", "outcome", "unit", "cluster", "weight"):
        check_scalar(getattr(asked, name), name, typ=str, optional=name not in ("treated", "outcome"))
    check_scalar(signed_up, "signed_up", typ=str, optional=True)
    check_parts(asked)
    if (signed_up is None) != (outcome_from is None):
        raise BadValue("signed_up and outcome_from go together: the column of dates, and the day the outcome begins.")


def _also(asked: Parts, name: str) -> Parts:
    """Return the parts with one more column to read."""
    return replace(asked, others=(*asked.others, name))


def _result(
    found: Study, run: Run, table: pl.DataFrame, placebo: pl.DataFrame, asked: Parts, estimand: str, late: list[str]
) -> Lift:
    c = found.comparison
    weightings = {name: means for name, means in run.means.items() if name in WEIGHTINGS and means is not None}
    balance = balances.balance(found, weightings)
    lone = balances.alone(c, run.logit.eta)
    warnings = (*_warnings(found, run, table, balance, lone, asked.treated), *late, *found.notes)
    return Lift(
        table, asked.treated, asked.outcome, estimand, run.lead, int(c.treated.sum()), int((~c.treated).sum()),
        balance, balances.overlap(c, run.logit.p), balances.trimming(c, run.nuisances, lone), placebo,
        sensitivity(found, table.filter(pl.col("estimator") == run.lead)), warnings,
    )  # fmt: skip


def _warnings(
    found: Study, run: Run, table: pl.DataFrame, balance: pl.DataFrame, lone: np.ndarray, treated: str
) -> list[str]:
    c, said = found.comparison, []
    fewest = int(degrees_of_freedom(c)) + 1
    if fewest < FEW:
        said.append(
            f"One group has only {fewest:,} people (or clusters): intervals are rough, and balance may be luck."
        )
    share = float(c.target[lone].sum() / c.target.sum())
    if lone.any():
        who = f"those with {treated}" if not c.everyone else "all"
        said.append(f"{share:.1%} of {who} ({int(lone.sum()):,}) have no counterpart: there the models extrapolate.")
    for name, means in run.means.items():
        if means is None:
            said.append(f"{LABELS[name].capitalize()} has no answer: {NO_WEIGHTS}.")
    few = table.filter(pl.col("effective_n") < LEAST).select("estimator", "effective_n").rows()
    said += [f"{LABELS[name]} rests on as few as {size:.0f} comparison people." for name, size in few]
    for name in WEIGHTINGS:
        if run.means.get(name) is not None:
            covariate, apart = balances.worst(balance, name)
            if apart > ROUGH:
                said.append(f"After {LABELS[name]} {covariate} is still {apart:.2f} standard deviations apart.")
    return said
