"""Whom a contact moves, learned from an experiment and judged by people that the ranking never saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from campaignkit.checks import PURPOSES, check_scalar, refuse_soliciting
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.progress import Steps
from campaignkit.restrictions import stated
from campaignkit.stats.causal.learners import arms_differ, evening, treated_share
from campaignkit.stats.intervals.estimate import Estimate
from campaignkit.stats.prediction.uplift import Outcomes, average_effect, gains, mean_qini
from campaignkit.voters.effect_model import fit_effect_model
from campaignkit.voters.experiment import HELD, Experiment, Parts, experiment
from campaignkit.voters.features import ask
from campaignkit.voters.ranking import TENTHS, Judged, Persuasion, deciles, points

__all__ = ["fit_persuasion"]

METHODS = ("auto", "class_transformation", "doubly_robust")
EVEN = 0.05  # arms whose share is farther than this from one half are not even, however few they are
UNEVEN = 0.01  # the p-value of one half below which they are not
DIFFER = 0.001  # the p-value below which features tell who was treated


def fit_persuasion(
    data: Any,
    arm: str,
    outcome: str,
    features: Iterable[Any] | Mapping[str, Iterable[Any]],
    *,
    control: Any,
    treatment: Any = None,
    name: str = "persuasion",
    purpose: str = "persuade",
    interactions: Iterable[Iterable[str]] = (),
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    ridge: float | None = None,
    method: str = "auto",
    holdout: float | None = None,
    seed: int = 0,
    restricted: Iterable[str] | None = None,
) -> Persuasion:
    """Learn from an experiment whom a contact moves, and judge the ranking by people it never saw.

    Parameters
    ----------
    data : table
        One row a person, reached or not: whoever was not reached belongs to the arm all the same.
    arm : str
        The column of the arms, as they were drawn. Rows where it is null are left out and counted.
    outcome : str
        A column of booleans or 0/1. Rows where it is null are set aside and counted.
    features : list, or mapping of block names to lists
        What was known before the arms were drawn; as for `fit_score`.
    control : value
        The arm that was not contacted.
    treatment : value, list of values, or None
        The arm to learn from; several are taken for one. None: the only other one.
    name : str
        What ``score('name')`` will call it.
    purpose : {"fundraise", "persuade", "turnout", "volunteer"}
        What it is for. What FEC reports say may not serve the first.
    interactions : iterable of tuples of str
        Features whose combinations have effects of their own.
    unit : str or None
        The person's id, by which folds are drawn. None: row position, for tables in memory.
    cluster : str or None
        Households, or whatever else was assigned or lives together: whole in one fold, and counted as one draw. Null: a
        row for itself. Where a person comes more than once, pass their id here.
    weight : str or None
        Weights, not negative. None: all alike.
    ridge : float or None
        Half of it times the sum of squared coefficients (not the intercept's) is added to the loss; for the doubly
        robust learner in units of the guesses' variance. None: the penalty under which the data are likeliest, in each
        fit anew.
    method : {"auto", "class_transformation", "doubly_robust"}
        "auto": class transformation where arms are even and no feature tells who was treated, else doubly robust.
    holdout : float or None
        The share of clusters (or units) that judges, once, and never fits. None: of ten folds the third is judged by a
        model of the first two, the fourth by one of the first three, and so on; `predict` uses a model of all ten,
        which should be no worse than those.
    seed : int
        Another seed, other folds.
    restricted : iterable of str or None
        What in the table may not serve soliciting; ``()``: there is no FEC data in it. What is known stays: facts of a
        universe, what it or the megafile handed out (that very object), and columns whose names begin with ``fec_``.
        None: what is known; of a plain table nothing is, and nothing that raises money is made of it.

    Returns
    -------
    Persuasion

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        An argument or a column is not as said above.
    NotEnoughData
        Nobody was treated; an arm has fewer than 25 people with the outcome or without it, or fewer than 20 clusters;
        or no feature has two levels of 20 rows.
    SourceRestricted
        The purpose is fundraising, and something comes from FEC reports.

    Notes
    -----
    Arms are even where the share treated is within 5 points of one half and not shown to differ from it (p ≥ .01,
    clusters counted). Whether features tell who was treated is a score test (p < .001); where they do, the chance of
    treatment is a logit of the features, by whose inverse those who judge are weighted too, and a warning says so. The
    class transformation gives both arms the same weight; the doubly robust learner's models of the outcome are ridge
    regressions in either arm, fitted without the row's fold. Nobody is judged by a model
    that saw them or anybody after them, so that errors add up from fold to fold as if they were independent; folds that
    are judged by all others would claim a ranking three times as often as they may where there is none. The Qini's
    interval is of the rankings that were judged. How often intervals hold: `book/calibration/persuasion.md`.

    References
    ----------
    Jaskowski and Jaroszewicz (2012), ICML workshop on clinical data analysis, for the class transformation; Kennedy
    (2023), Electronic Journal of Statistics 17, 3008–3049, for the doubly robust learner; Radcliffe (2007), Direct
    Marketing Analytics Journal 1, 14–21, for the Qini coefficient; Wager (2024), arXiv:2405.05534, and Luedtke and van
    der Laan (2016), Annals of Statistics 44, 713–742, for judging in sequence.

    Examples
    --------
    >>> import campaignkit as ck
    >>> calls = ck.sample.draw("scripts", 100_000, seed=0).table
    >>> found = ck.voters.fit_persuasion(
    ...     calls, "arm", "supports_after", {"basics": ["sex", ck.voters.Bands("age", [35, 65]), "state"]},
    ...     control="control", treatment="health", unit="person", interactions=[("sex", "age")],
    ... )
    >>> found.method, found.shown
    ('class_transformation', True)
    >>> found.predict(calls.head(2)).collect().columns[-1]
    'persuasion'
    """
    check_scalar(name, "name", typ=str)
    check_scalar(purpose, "purpose", choices=list(PURPOSES))
    check_scalar(method, "method", choices=METHODS)
    check_scalar(ridge, "ridge", typ=float, ge=0, optional=True)
    check_scalar(holdout, "holdout", typ=float, gt=0, lt=1, optional=True)
    check_scalar(seed, "seed", typ=int)
    asked = ask(features, interactions)
    for argument, column in (("outcome", outcome), ("arm", arm)):
        if column in asked.names:
            raise BadValue(f"features holds the {argument}, {column!r}; name what was known before arms were drawn.")
    steps = Steps("fit_persuasion")
    with steps.step("reading"):
        read = experiment(data, asked, Parts(arm, outcome, control, treatment, unit, cluster, weight, holdout, seed))
        known = stated(read.restricted, restricted)
        refuse_soliciting(purpose, known, "Fit the ranking without it.")
    with steps.step("fitting"):
        chosen = _choose(read, method)
        drawn = read.drawn
        if chosen.modelled:
            drawn = drawn.times(evening(read.terms, read.of, read.fold)[read.cell])
        judged = _judge(read, drawn, chosen, ridge)
        model, penalty = fit_effect_model(read, read.fold != HELD, chosen.method, ridge, chosen.modelled)
    steps.close()
    qini, table, curve = _worth(judged)
    return Persuasion(
        table=table, name=name, purpose=purpose, model=model, method=chosen.method, why=chosen.why, ridge=penalty,
        qini=qini, average=average_effect(drawn), arms=read.arms, curve=curve, parts=read.parts, restricted=known,
        warnings=(*chosen.warnings, *_missing(read.arms), *_backfires(table)), _source=data, _judged=judged,
    )  # fmt: skip


@dataclass(frozen=True)
class _Chosen:
    """How effects are learned: the method, whether the chance of treatment is modelled, why, and what to warn of."""

    method: str
    modelled: bool
    why: str
    warnings: tuple[str, ...]


def _choose(read: Experiment, method: str) -> _Chosen:
    """Choose by what the arms allow."""
    share = treated_share(read.drawn)
    differ = arms_differ(read.terms.take(read.cell), read.drawn)
    modelled = bool(differ < DIFFER)
    even = abs(share.value - 0.5) <= EVEN and not share.p_value < UNEVEN
    why = f"{share.value:.1%} were treated, which is {'even' if even else 'not even'} (of half, {_p(share.p_value)})"
    warnings = ()
    if modelled:
        why += f"; features tell who was treated ({_p(differ)})"
        warnings = (
            f"The arms differ by the features ({_p(differ)}): they were drawn at other rates for other people, "
            "which is allowed for, or not by lot, which cannot be.",
        )
    if method == "class_transformation" and modelled:
        raise BadValue(
            "method is 'class_transformation', but the features tell who was treated, so that it would take who was "
            "treated for whom treatment moved. Pass method='doubly_robust'."
        )
    if method == "auto":
        method = "class_transformation" if even and not modelled else "doubly_robust"
    return _Chosen(method, modelled, why, warnings)


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _judge(read: Experiment, drawn: Outcomes, chosen: _Chosen, ridge: float | None) -> Judged:
    score, turn, models = np.zeros(len(read.fold)), np.full(len(read.fold), -1), []
    for at, (fits, judges) in enumerate(read.splits()):
        model, _ = fit_effect_model(read, fits, chosen.method, ridge, chosen.modelled)
        score[judges] = model.effects(read.terms.take(judges))
        turn[judges] = at
        models.append(model)
    rows = turn[read.cell] >= 0
    cell = read.cell[rows]
    return Judged(score[cell], drawn.take(rows), turn[cell], tuple(code[cell] for code in read.codes), tuple(models))


def _worth(judged: Judged) -> tuple[Estimate, pl.DataFrame, pl.DataFrame]:
    """Return the Qini, the effects by tenth and the curve of what contacting the first so many gains."""
    qini = mean_qini(judged.score, judged.of, judged.fold)
    if not np.isfinite(qini.value):
        raise NotEnoughData(
            "A fold has nobody with the outcome, or nobody without it, to be judged by; take more rows."
        )
    curve = pl.DataFrame(gains(judged.score, judged.of, judged.fold), schema=["share", "gain"])
    by_lot = pl.col("share") * pl.col("gain").last()
    return qini, deciles(judged.tenths(TENTHS)), curve.with_columns(by_lot=by_lot)


def _missing(arms: pl.DataFrame) -> list[str]:
    """Warn where outcomes are missing more often in one arm than by chance in the other."""
    used = arms.filter(pl.col("role") != "left out").group_by("role").agg(pl.col("n", "missing").sum()).sort("role")
    (_, n_c, m_c), (_, n_t, m_t) = used.rows()
    p = (m_c + m_t) / (n_c + n_t)
    error = np.sqrt(p * (1 - p) * (1 / n_c + 1 / n_t))
    if not error > 0 or abs(m_t / n_t - m_c / n_c) < 3.29 * error:  # p < .001
        return []
    return [
        f"The outcome is missing for {m_t / n_t:.1%} of the treated and {m_c / n_c:.1%} of the control, more apart "
        "than by chance: who answers may depend on the contact."
    ]


def _backfires(table: pl.DataFrame) -> list[str]:
    below = table.filter(pl.col("upper") < 0)
    if below.is_empty():
        return []
    where = ", ".join(
        f"tenth {row['decile']} ({points(row['estimate'])} points, {points(row['lower'])} to {points(row['upper'])})"
        for row in below.iter_rows(named=True)
    )
    sure = below.filter(pl.col("p_adjusted") < 0.05).height
    doubt = "" if sure else " Of ten tenths one looks so by chance in one experiment of five."
    return [f"Contact may backfire in {where}.{doubt}"]
