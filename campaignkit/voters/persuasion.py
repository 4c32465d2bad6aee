"""Who a contact moves, learned from an experiment and judged by people that the ranking never saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from campaignkit import wording
from campaignkit.checks import check_scalar, refuse_soliciting
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.progress import Steps
from campaignkit.restrictions import stated
from campaignkit.stats.causal.effect_learners import (
    covariate_balance_p_value,
    inverse_propensity_weights,
    treated_share,
)
from campaignkit.stats.intervals.estimate import Estimate
from campaignkit.stats.prediction.uplift import Outcomes, average_effect, gain_curve, mean_qini
from campaignkit.tables import Roles
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.voters.model.effect_model import fit_effect_model
from campaignkit.voters.model.experiment_cells import HELD, Contrast, ExperimentCells, read_experiment
from campaignkit.voters.model.features import feature_spec
from campaignkit.voters.model.holdout import Holdout, check_fit
from campaignkit.voters.persuasion_result import DECILES, Persuasion, RankedCells, deciles

__all__ = ["Persuasion", "fit_persuasion"]

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
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
    restricted: Iterable[str] | None = None,
) -> Persuasion:
    """Learn from an experiment who a contact moves, and judge the ranking by people it never saw.

    Parameters
    ----------
    data : table
        One row per person, reached or not: whoever was not reached belongs to the arm all the same.
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
        robust learner in units of the pseudo-outcomes' variance. None: the penalty under which the data are
        likeliest, in each fit anew.
    method : {"auto", "class_transformation", "doubly_robust"}
        "auto": class transformation where arms are even and no feature tells who was treated, else doubly robust.
    holdout : float or None
        The share of clusters (or units) that judges, once, and never fits. None: of ten folds the third is judged by a
        model of the first two, the fourth by one of the first three, and so on; `predict` uses a model of all ten,
        which should be no worse than those.
    confidence_level : float
        Of every interval of the ranking and of what its methods return.
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
    >>> ranking = ck.voters.fit_persuasion(
    ...     calls, "arm", "supports_after", {"basics": ["sex", ck.voters.Bands("age", [35, 65]), "state"]},
    ...     control="control", treatment="health", unit="person", interactions=[("sex", "age")],
    ... )
    >>> ranking.method, ranking.beats_random
    ('class_transformation', True)
    >>> ranking.predict(calls.head(2)).collect().columns[-1]
    'persuasion'
    """
    check_fit(name, purpose, ridge, holdout, confidence_level, seed)
    check_scalar(method, "method", choices=METHODS)
    spec = feature_spec(features, interactions)
    for argument, column in (("outcome", outcome), ("arm", arm)):
        if column in spec.names:
            raise BadValue(f"features holds the {argument}, {column!r}; name what was known before arms were drawn.")
    roles = Roles(outcomes=(outcome,), arms=(arm,), unit=unit, cluster=cluster, weight=weight)
    contrast, held_out = Contrast(control, treatment), Holdout(holdout, seed)
    steps = Steps("fit_persuasion")
    with steps.step("reading"):
        experiment = read_experiment(data, spec, roles, contrast, held_out)
        known = stated(experiment.restricted, restricted)
        refuse_soliciting(purpose, known, "Fit the ranking without it.")
    with steps.step("fitting"):
        chosen = _choose(experiment, method)
        outcomes = _evened(experiment) if chosen.modeled else experiment.by_cluster
        ranked = _rank(experiment, outcomes, chosen, ridge)
        model, penalty = fit_effect_model(experiment, experiment.fold != HELD, chosen.method, ridge, chosen.modeled)
    steps.close()
    qini, table, curve = _quality(ranked, confidence_level)
    warnings = (*chosen.warnings, *_missing(experiment.arms), *_backfires(table))
    return Persuasion(
        table=table, name=name, purpose=purpose, model=model, method=chosen.method, method_reason=chosen.reason,
        ridge=penalty, qini=qini, average=average_effect(outcomes, confidence_level), arms=experiment.arms, curve=curve,
        roles=roles, contrast=contrast, holdout=held_out, confidence_level=confidence_level, restricted=known,
        warnings=warnings, _source=data, _ranked=ranked,
    )  # fmt: skip


@dataclass(frozen=True)
class _Chosen:
    """How effects are learned: the method, whether the chance of treatment is modeled, why, and what to warn of."""

    method: str
    modeled: bool
    reason: str
    warnings: tuple[str, ...]


def _choose(experiment: ExperimentCells, method: str) -> _Chosen:
    """Choose by what the arms allow."""
    share = treated_share(experiment.by_cluster)
    imbalance = covariate_balance_p_value(experiment.terms.take(experiment.cell), experiment.by_cluster)
    modeled = bool(imbalance < DIFFER)
    even = abs(share.value - 0.5) <= EVEN and not share.p_value < UNEVEN
    verdict = f"{'even' if even else 'not even'} (of half, {wording.p_value(share.p_value)})"
    reason = f"{wording.share(share.value)} were treated, which is {verdict}"
    warnings = ()
    if modeled:
        reason += f"; features tell who was treated ({wording.p_value(imbalance)})"
        warnings = (
            f"The arms differ by the features ({wording.p_value(imbalance)}): they were drawn at other rates for other "
            "people, which is allowed for, or not randomly, which cannot be.",
        )
    if method == "class_transformation" and modeled:
        raise BadValue(
            "method is 'class_transformation', but the features tell who was treated, so that it would mistake "
            "who was treated for who was moved. Pass method='doubly_robust'."
        )
    if method == "auto":
        method = "class_transformation" if even and not modeled else "doubly_robust"
    return _Chosen(method, modeled, reason, warnings)


def _evened(experiment: ExperimentCells) -> Outcomes:
    """Return the outcomes by cluster, weighted by the inverse of the chance of the arm that each was in."""
    weights = inverse_propensity_weights(experiment.terms, experiment.outcomes, experiment.fold)
    return experiment.by_cluster.reweighted(weights[experiment.cell])


def _rank(experiment: ExperimentCells, outcomes: Outcomes, chosen: _Chosen, ridge: float | None) -> RankedCells:
    """Return everybody who judges, with the effect that a model predicts which never saw them."""
    score, turn, models = np.zeros(len(experiment.fold)), np.full(len(experiment.fold), -1), []
    for at, (fits, judges) in enumerate(experiment.splits()):
        model, _ = fit_effect_model(experiment, fits, chosen.method, ridge, chosen.modeled)
        score[judges] = model.effects(experiment.terms.take(judges))
        turn[judges] = at
        models.append(model)
    rows = turn[experiment.cell] >= 0
    cell = experiment.cell[rows]
    codes = tuple(code[cell] for code in experiment.codes)
    return RankedCells(score[cell], outcomes.take(rows), turn[cell], codes, tuple(models))


def _quality(ranked: RankedCells, confidence_level: float) -> tuple[Estimate, pl.DataFrame, pl.DataFrame]:
    """Return the Qini, the effects by decile and the curve of what contacting the first so many gains."""
    qini = mean_qini(ranked.score, ranked.outcomes, ranked.fold, confidence_level)
    if not np.isfinite(qini.value):
        raise NotEnoughData(
            "A fold has nobody with the outcome, or nobody without it, to be judged by; take more rows."
        )
    curve = pl.DataFrame(gain_curve(ranked.score, ranked.outcomes, ranked.fold), schema=["share", "gain"])
    by_lot = pl.col("share") * pl.col("gain").last()
    return qini, deciles(ranked.effects(DECILES, confidence_level)), curve.with_columns(by_lot=by_lot)


def _missing(arms: pl.DataFrame) -> list[str]:
    """Warn where outcomes are missing more often in one arm than by chance in the other."""
    used = arms.filter(pl.col("role") != "left out").group_by("role").agg(pl.col("n", "missing").sum()).sort("role")
    (_, n_c, m_c), (_, n_t, m_t) = used.rows()
    p = (m_c + m_t) / (n_c + n_t)
    error = np.sqrt(p * (1 - p) * (1 / n_c + 1 / n_t))
    if not error > 0 or abs(m_t / n_t - m_c / n_c) < 3.29 * error:  # p < .001
        return []
    return [
        f"The outcome is missing for {wording.share(m_t / n_t)} of the treated and {wording.share(m_c / n_c)} of the "
        "control, more apart than by chance: who answers may depend on the contact."
    ]


def _backfires(table: pl.DataFrame) -> list[str]:
    below = table.filter(pl.col("upper") < 0)
    if below.is_empty():
        return []
    where = ", ".join(
        f"decile {row['decile']} ({wording.change(row['estimate'], 'rate')}, "
        f"{wording.interval(row['lower'], row['upper'], 'rate')})"
        for row in below.iter_rows(named=True)
    )
    sure = below.filter(pl.col("p_adjusted") < 0.05).height
    doubt = "" if sure else " Of ten deciles one looks so by chance in one experiment of five."
    return [f"Contact may backfire in {where}.{doubt}"]
