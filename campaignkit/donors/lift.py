"""How much did a program add that people chose to join? Several estimates side by side, and how robust they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from campaignkit import labels
from campaignkit.checks import check_scalar, column_names
from campaignkit.donors.lift_result import ROUGH, Lift
from campaignkit.donors.observational import balance as balances
from campaignkit.donors.observational.enrollment_dates import check_enrollment_dates, day_of
from campaignkit.donors.observational.estimators import (
    LABELS,
    LEAST,
    NO_WEIGHTS,
    WEIGHTINGS,
    Run,
    check_estimators,
)
from campaignkit.donors.observational.observational_data import (
    ObservationalData,
    check_placebo,
    observational_data,
    read_table,
    refuse_functions,
    roles_of,
)
from campaignkit.donors.observational.robustness import placebo_table, sensitivity
from campaignkit.errors import BadValue, listed
from campaignkit.progress import Steps
from campaignkit.spark import fetch_note
from campaignkit.stats.arrays import Mask
from campaignkit.stats.causal.comparison import cluster_shares, degrees_of_freedom
from campaignkit.stats.causal.multiple_imputation import IMPUTATIONS
from campaignkit.stats.intervals.clustered import FEW_CLUSTERS
from campaignkit.tables import Roles, unit_of
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import counted

__all__ = ["estimate_lift"]

FEW = 50  # treated people, or clusters of them, below which intervals are rough


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
    estimators: str | Iterable[str] | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    signed_up: str | None = None,
    outcome_from: dt.date | str | None = None,
    seed: int = 0,
) -> Lift:
    """Estimate what a program that people chose to join added, in several ways, and how far to trust each.

    People who join differ from people who do not. Each estimator makes the comparison fair in its own way, as far as
    `covariates` go; where they agree, balance holds, and placebos pass, the answer is worth something. What no
    covariate tells stays in all of them.

    Parameters
    ----------
    data : table
        One row per person, or a universe, whose columns may then also be facts such as ``gifts('90d')``.
    treated : str
        Who joined before the outcome began: true/false or 0/1. Null is refused.
    outcome : str
        A number, such as dollars; a mean is compared. Null is refused: say 0 where nothing came.
    covariates : str or iterable of str
        What was known of people before they could join. Numbers are taken as they are, texts as one column per value
        (null is "unknown"). Gaps in numbers are filled ten times from the other columns (multiple imputation), beside a
        column that says where, with a warning; every estimator then takes ten times as long. Columns that are constant
        or follow from others are left out, with a warning.
    placebo : mapping or None
        Outcomes that the program cannot have changed, and the covariates to leave out when they are compared,
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
        Who the answer is about: those who joined, or everyone.
    estimators : iterable of str or None
        Of ``difference`` (in means), ``regression``, ``imputation`` (Oaxaca–Blinder), ``ipw``, ``entropy``,
        ``entropy_squares`` (squares and pairs too), ``aipw`` (five-fold cross-fit, logit and least squares),
        ``aipw_spline`` (splines, squares and pairs with ridge penalties), ``aipw_boost`` (boosted trees; needs the
        ``boost`` extra), ``matching`` (one nearest neighbour on the propensity's logit), ``imputation_log`` and
        ``aipw_log`` (Poisson quasi-likelihood, for outcomes never below 0). None: all but boosted trees, those with a
        log link where the outcome is skewed and never negative, ``entropy_squares`` where squares or products of
        covariates stay apart when their means are alike.
    confidence_level : float
        Of the intervals; a placebo fails at one minus it. 0.5 or more, below 1.
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
    names, covariate_names = check_estimators(estimators), column_names(covariates, "covariates")
    placebos = check_placebo(placebo, covariate_names)
    check_scalar(estimand, "estimand", typ=str, choices=("ATT", "ATE"))
    check_scalar(confidence_level, "confidence_level", typ=float, ge=0.5, lt=1)
    check_scalar(seed, "seed", typ=int)
    check_scalar(signed_up, "signed_up", typ=str, optional=True)
    if not covariate_names:
        raise BadValue("covariates is empty; name what was known of people before they could join.")
    if (signed_up is None) != (outcome_from is None):
        raise BadValue("signed_up and outcome_from go together: the column of dates, and the day the outcome begins.")
    ids = {"unit": unit_of(data, unit), "cluster": cluster, "weight": weight}
    roles = roles_of(treated, outcome, covariate_names, **ids, others=tuple(placebos))
    steps = Steps("estimate_lift")
    with steps.step("reading"):
        dates = () if signed_up is None else (signed_up,)
        table = read_table(data, replace(roles, others=(*roles.others, *dates)))
        begins = None if signed_up is None else day_of(outcome_from, "outcome_from", "2012-07-02")
        notes = check_enrollment_dates(table, treated, signed_up, begins)
        notes += fetch_note(data, table.height, f"rows of {counted(table.width, 'column')}")
        study = observational_data(table, roles, everyone=estimand == "ATE", seed=seed)
        refuse_functions(study, outcome, study.comparison.y, [], "outcome")
    with steps.step("estimating"):
        run = Run(study.comparison, names, seed, confidence_level, study.refilled)
        run.refuse_if_apart(treated)
        rows = run.table()
    with steps.step("checking robustness"):
        placebo_answers = placebo_table(study, placebos, names, run.lead, seed, confidence_level)
        result = _result(study, run, rows, placebo_answers, roles, estimand, notes)
    steps.close()
    return result


def _result(
    data: ObservationalData, run: Run, table: pl.DataFrame, placebo: pl.DataFrame, roles: Roles, estimand: str,
    notes: list[str],
) -> Lift:  # fmt: skip
    c, level, (treated,), (outcome,) = data.comparison, run.confidence_level, roles.arms, roles.outcomes
    weightings = {name: means for name, means in run.means.items() if name in WEIGHTINGS and means is not None}
    balance = balances.balance(data, weightings)
    lone = balances.alone(c, run.logit.eta)
    named = _named(data, run, roles)
    warnings = (*named.values(), *_warnings(data, run, table, balance, lone, treated), *notes, *data.notes)
    return Lift(
        table, treated, outcome, estimand, run.lead, int(c.treated.sum()), int((~c.treated).sum()),
        balance, balances.overlap(c, run.logit.p), balances.trimming(c, run.nuisances, lone, level), placebo,
        sensitivity(data, table.filter(pl.col("estimator") == run.lead), level), warnings, level,
        tuple(run.misled), named,
    )  # fmt: skip


def _named(data: ObservationalData, run: Run, roles: Roles) -> dict[str, str]:
    """Return the warnings that have a name, as `Lift` lists them."""
    named = {}
    if run.bent:
        named["higher_moments"] = (
            "Squares or products of covariates stay apart where their means are alike (joining is U-shaped, or goes by "
            f"two traits together): {listed([LABELS[name] for name in run.misled])} cannot be relied on, however "
            "they agree."
        )
    if data.filled:
        shares = [f"{share:.0%} of {name}" for name, share in data.filled.items()]
        named["missing_covariates"] = (
            f"{listed(shares)} is unknown: filled {IMPUTATIONS} times from what is known, and the intervals allow for "
            "it; if people with it missing differ in ways no column shows, all answers are off together."
        )
    if run.comparison.cluster is not None:
        c = run.comparison
        least = min(cluster_shares(c.arm(arm).astype(float), run.comparison.cluster).df + 1 for arm in (True, False))
        if least < FEW_CLUSTERS:
            named["few_clusters"] = (
                f"Few or unequal clusters: one group's ({roles.cluster or roles.unit}) tell as much as {least:.0f} of "
                "one size would; the intervals allow for it, and are wide."
            )
    return named


def _warnings(
    data: ObservationalData, run: Run, table: pl.DataFrame, balance: pl.DataFrame, lone: Mask, treated: str
) -> list[str]:
    c, warnings = data.comparison, []
    fewest = int(degrees_of_freedom(c)) + 1
    if fewest < FEW:
        warnings.append(
            f"One group has only {fewest:,} people (or clusters): intervals are rough, and balance may be luck."
        )
    share = float(c.target[lone].sum() / c.target.sum())
    if lone.any():
        who = "people" if c.everyone else f"of those {labels.who(treated)}"
        warnings.append(
            f"{int(lone.sum()):,} {who} ({share:.1%}) have no comparable person; for them the models extrapolate."
        )
    for name, means in run.means.items():
        if means is None:
            warnings.append(f"{LABELS[name].capitalize()} has no answer: {NO_WEIGHTS}.")
    few = table.filter(pl.col("effective_n") < LEAST).select("estimator", "effective_n").rows()
    warnings += [f"{LABELS[name]} rests on as few as {size:.0f} comparison people." for name, size in few]
    for name in WEIGHTINGS:
        if run.means.get(name) is not None:
            covariate, apart = balances.worst(balance, name)
            if apart > ROUGH:
                warnings.append(f"After {LABELS[name]} {covariate} is still {apart:.2f} standard deviations apart.")
    return warnings
