"""Fitting a score: how likely each person is to turn out, give, volunteer, come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from campaignkit.checks import check_scalar, refuse_soliciting
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.progress import Steps
from campaignkit.restrictions import stated
from campaignkit.tables import Roles, unit_of
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.voters.model import evaluation
from campaignkit.voters.model.design import Design, make_design
from campaignkit.voters.model.features import feature_spec
from campaignkit.voters.model.holdout import Holdout, check_fit
from campaignkit.voters.model.logit_model import ModelFit, fit_logit_model
from campaignkit.voters.model.weighted_cells import WeightedCells, pooled, read_cells, weighted_cells
from campaignkit.voters.score_result import Score

__all__ = ["Score", "fit_score"]

MODELS = ("logit", "boosted")
LEAST = 10  # people with the outcome, and without it, below which nothing is fitted


def fit_score(
    data: Any,
    outcome: str,
    features: Iterable[Any] | Mapping[str, Iterable[Any]],
    *,
    name: str,
    purpose: str,
    interactions: Iterable[Iterable[str]] = (),
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    ridge: float = 0.0,
    model: str = "logit",
    holdout: float | None = 0.25,
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
    restricted: Iterable[str] | None = None,
) -> Score:
    """Fit how likely each person is to do something, and judge it by people held out.

    The table is read once where it lies and reduced to cells, one for each combination of features and outcome; the
    model is fitted on these.

    Parameters
    ----------
    data : table
        One row per person, or a universe, of which `outcome` and `features` may also name facts such as
        ``gave('online')``. For a score of what comes next, features must be as of before the outcome: make them with
        ``universe.features([...])`` of a universe as of that date.
    outcome : str
        A column of booleans or 0/1. Rows where it is null are set aside and counted.
    features : list, or mapping of block names to lists
        Columns, each `Bands`, `Spline` or a name. Text, booleans and numbers of up to 20 values are taken as they are;
        other numbers are cut near their deciles (4 significant digits; ``.levels`` states the edges). Null is a level
        of its own. Levels with fewer than 20 rows share one, "(other)", which has no coefficient of its own where it
        is as rare. Blocks are what `Score.importance` shuffles.
    name : str
        The score's name, as ``score('name')`` will say it.
    purpose : {"fundraise", "persuade", "turnout", "volunteer"}
        What it is for. What FEC reports say may not serve the first.
    interactions : iterable of tuples of str
        Features whose combinations have coefficients of their own (if 20 rows have them); of three, their pairs too.
    unit : str or None
        The person's id, by which people are held out. None: a universe's person_id; of tables in memory row position.
    cluster : str or None
        Households, or whatever else was drawn together: held out together, and errors are robust to it. Null: a row for
        itself. Where a person comes more than once, pass their id here too.
    weight : str or None
        Weights, not negative; errors are then HC1. None: all alike.
    ridge : float
        Half of it times the sum of squared coefficients (not the intercept's) is added to the loss. 0: none.
    model : {"logit", "boosted"}
        ``"boosted"``: scikit-learn's gradient boosting on the same levels (the extra ``boost``), with the leaf size,
        penalty, learning rate and rounds of the least log loss in people held out for that; no coefficients.
    holdout : float or None
        The share of clusters (or units) that judges. None: nobody; the score is judged by those who fitted it.
    confidence_level : float
        Of every interval of the score and of what its methods return.
    seed : int
        Another seed, others held out.
    restricted : iterable of str or None
        What in the table may not serve soliciting; ``()``: there is no FEC data in it. What is known stays: facts of a
        universe, what it or the megafile handed out (that very object), and columns whose names begin with ``fec_``.
        None: what is known; of a plain table nothing is, and nothing that raises money is made of it.

    Returns
    -------
    Score

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        An argument or a column is not as said above.
    NotEnoughData
        Fewer than 10 rows that fit have the outcome, or lack it; no feature has two levels; or the outcome is
        separated by a level, so that `ridge` is needed.
    SourceRestricted
        The purpose is fundraising, and something comes from FEC reports.

    Notes
    -----
    Held out is who has the largest sha256 of id and seed, the same on every engine. Errors without clusters and
    weights are the inverse information's; with weights HC1; with clusters CR1, (G / (G − 1)) (n − 1) / (n − k): those
    of a fit on the rows. With ridge they are the posterior's, or the sandwich around the penalised information.
    Columns that are sums of others (a state beside its region) are left out, the later first;
    ``.model.design.dropped`` names them.

    References
    ----------
    McCullagh and Nelder (1989), Generalized Linear Models, section 4.4, for the fit; Liang and Zeger (1986), Biometrika
    73, 13–22, for clusters.

    Examples
    --------
    >>> import campaignkit as ck
    >>> people = ck.sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
    >>> score = ck.voters.fit_score(
    ...     people, "entered", {"basics": ["region", "sex", "age_band"], "consumer": ["homeowner"]},
    ...     name="enters", purpose="volunteer", unit="person", cluster="household",
    ... )
    >>> score.errors, score.importance().table["block"][0]
    ('CR1, by cluster', 'basics')
    >>> score.predict(people.head(2)).collect().columns[-1]
    'enters'
    """
    check_scalar(ridge, "ridge", typ=float)
    check_fit(name, purpose, ridge, holdout, confidence_level, seed)
    check_scalar(model, "model", choices=MODELS)
    roles = Roles(outcomes=(outcome,), unit=unit_of(data, unit), cluster=cluster, weight=weight)
    held_out = Holdout(holdout, seed)
    spec = feature_spec(features, interactions)
    if outcome in spec.names:
        raise BadValue(f"features holds the outcome, {outcome!r}; a score can't be made from what it predicts.")
    steps = Steps("fit_score")
    with steps.step("reading"):
        spec, table, known, set_aside = read_cells(data, spec, roles, held_out)
        known = stated(known, restricted)
        refuse_soliciting(purpose, known, "Fit the score without it.")
        fits = table.filter(~pl.col("held"))
        _check_outcome(fits, outcome)
        columns = make_design(spec, fits)
        fitted = weighted_cells(columns, fits)
        held = weighted_cells(columns, table.filter("held")) if holdout is not None else fitted
    with steps.step("fitting"):
        fit = _fit(columns, fitted, model, ridge, weight is not None, confidence_level, seed)
    steps.close()
    if not len(held.n):
        raise NotEnoughData(f"Nobody is held out at holdout={holdout}; take more, or pass holdout=None.")
    return Score(
        table=fit.table, name=name, purpose=purpose, outcome=outcome, model=fit.model,
        quality=evaluation.quality(fit.model, held, holdout is not None, confidence_level, fit), errors=fit.errors,
        fitted_on=fitted.totals[0], set_aside=set_aside, restricted=known, ridge=float(ridge), roles=roles,
        holdout=held_out, confidence_level=confidence_level, _source=data, _held=held, _fit=fit,
    )  # fmt: skip


def _check_outcome(fits: pl.DataFrame, outcome: str) -> None:
    yes, rows = int(fits.filter("y")["n"].sum()), int(fits["n"].sum())
    if min(yes, rows - yes) < LEAST:
        raise NotEnoughData(
            f"Of {rows:,} rows that fit, {yes:,} have {outcome!r} and {rows - yes:,} have not; at least {LEAST} "
            "of each are needed."
        )


def _fit(
    columns: Design, fitted: WeightedCells, model: str, ridge: float, weighted: bool, confidence_level: float, seed: int
) -> ModelFit:
    if model == "logit":
        return fit_logit_model(columns, fitted, ridge, weighted, confidence_level)
    from campaignkit.voters.model.boosted import fit_boosted  # scikit-learn is an extra

    return fit_boosted(columns, pooled(fitted), seed)
