"""Estimate a lift: read, estimate in several ways, doubt, and say what looks wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from campaignkit.checks import check_scalar, column_names
from campaignkit.donors import balance as balances
from campaignkit.donors.doubts import placebo_table, sensitivity
from campaignkit.donors.estimators import DEFAULT, LABELS, NO_WEIGHTS, WEIGHTINGS, Run, check_estimators
from campaignkit.donors.lift import LEAST, ROUGH, Lift
from campaignkit.donors.signing import check_sign_ups, day_of
from campaignkit.donors.study import Parts, Study, check_parts, check_placebo, read_table, refuse_functions, study
from campaignkit.errors import BadValue
from campaignkit.progress import Steps
from campaignkit.stats.causal.comparison import degrees_of_freedom
from campaignkit.tables import unit_of

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
