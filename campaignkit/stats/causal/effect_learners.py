"""Who a contact moves: two learners of its effect on each person, from an experiment's cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, expit

from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.intervals.estimate import Estimate, interval
from campaignkit.stats.prediction.uplift import Outcomes
from campaignkit.stats.regression.least_squares import solve
from campaignkit.stats.regression.logit import fit_terms
from campaignkit.stats.regression.terms import Terms

GRID = np.logspace(-3, 4, 71)  # of penalties, in units of a column's mean information


@dataclass(frozen=True)
class EffectFit:
    """Coefficients of an effect, and the penalty that they were fitted with."""

    beta: Floats
    ridge: float


def class_transformation(terms: Terms, outcomes: Outcomes, ridge: float | None = None) -> EffectFit:
    """Learn the effect by class transformation: a logit of whether arm and outcome agree.

    Parameters
    ----------
    terms : Terms
        The columns, the first of which is the intercept.
    outcomes : Outcomes
        Both arms are given the same weight, so that an imbalance by luck changes nothing.
    ridge : float or None
        As in `fit_terms`. None: the one under which the data are likeliest (`empirical_bayes_ridge`).

    Returns
    -------
    Learned
        The effect is 2 expit(X beta) − 1.

    Notes
    -----
    With half of the people treated, P(treated and yes, or neither) = ½ + effect / 2.

    References
    ----------
    Jaskowski and Jaroszewicz (2012), ICML workshop on clinical data analysis, section 2.

    Examples
    --------
    >>> from campaignkit.stats.regression.terms import Term
    >>> group = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    >>> terms = Terms((Term(np.zeros(8, int), np.ones((1, 1))), Term(group, np.array([[0.0], [1.0]]))))
    >>> arm, yes = np.tile([True, True, False, False], 2), np.tile([True, False], 4)
    >>> n = np.array([50.0, 50, 50, 50, 70, 30, 50, 50])  # no effect in the first group, 20 points in the second
    >>> fit = class_transformation(terms, Outcomes(arm, yes, n, n), ridge=0.0)
    >>> (2 * expit(terms.eta(fit.beta)[[0, 4]]) - 1).round(4).tolist()
    [0.0, 0.2]
    """
    agree = outcomes.treated == outcomes.yes
    n = outcomes.weight / 2
    for arm in (outcomes.treated, ~outcomes.treated):
        n[arm] *= outcomes.weight.sum() / outcomes.weight[arm].sum()
    if ridge is None:
        spread = float(
            outcomes.squares.sum() / outcomes.weight.sum()
        )  # of the score, beside the information: 1 without weights
        p = float(n @ agree / n.sum())
        ridge = spread * empirical_bayes_ridge(
            terms.gram(n * p * (1 - p)) / spread, terms.score(n * (agree - p)) / spread
        )
    return EffectFit(fit_terms(terms, n, n * agree, ridge).beta, ridge)


def doubly_robust(
    terms: Terms, outcomes: Outcomes, fold: Whole, ridge: float | None = None, modeled: bool = False
) -> EffectFit:
    """Learn the effect by a ridge regression of everyone's doubly robust pseudo-outcome.

    Parameters
    ----------
    terms, outcomes, ridge
        As for `class_transformation`; the penalty is in units of the pseudo-outcomes' variance.
    fold : array of int, one a cell
        The nuisance models behind a pseudo-outcome are fitted without its fold; clusters lie whole in one.
    modeled : bool
        Whether the chance of treatment is a logit of the columns. False: it is the same for everyone.

    Returns
    -------
    Learned
        The effect is X beta.

    References
    ----------
    Kennedy (2023), Electronic Journal of Statistics 17, 3008–3049, algorithm 1, with the folds put together.
    """
    pseudo = pseudo_outcomes(terms, outcomes, fold, modeled)
    mean = float(outcomes.weight @ pseudo / outcomes.weight.sum())
    spread = float(outcomes.squares @ (pseudo - mean) ** 2 / outcomes.weight.sum())
    gram, product = terms.gram(outcomes.weight), terms.score(outcomes.weight * pseudo)
    if ridge is None:
        ridge = empirical_bayes_ridge(gram / spread, terms.score(outcomes.weight * (pseudo - mean)) / spread)
    return EffectFit(_ridged(gram, product, ridge * spread), ridge)


def pseudo_outcomes(terms: Terms, outcomes: Outcomes, fold: Whole, modeled: bool = False) -> Floats:
    """Return each cell's doubly robust pseudo-outcome: an effect, unbiased where the chance of treatment is right.

    The outcome's models are ridge regressions in either arm, their penalty the likeliest.
    """
    propensity = propensity_scores(terms, outcomes, fold, modeled)
    folds = [np.flatnonzero(fold == number) for number in np.unique(fold)]
    fold_terms = [terms.take(rows) for rows in folds]
    mean_treated, mean_control = np.empty(terms.rows), np.empty(terms.rows)
    for arm, into in ((True, mean_treated), (False, mean_control)):
        betas = _without_each(fold_terms, [outcomes.take(rows) for rows in folds], arm)
        for rows, part, beta in zip(folds, fold_terms, betas, strict=True):
            into[rows] = part.eta(beta)
    residual = np.where(
        outcomes.treated, (outcomes.yes - mean_treated) / propensity, -(outcomes.yes - mean_control) / (1 - propensity)
    )
    return mean_treated - mean_control + residual


def _without_each(fold_terms: list[Terms], fold_outcomes: list[Outcomes], arm: bool) -> list[Floats]:
    """Return an arm's ridge regression of the outcome on all folds but each, from each fold's sums."""
    grams, products = [], []
    for terms, outcomes in zip(fold_terms, fold_outcomes, strict=True):
        weight = outcomes.weight * (outcomes.treated == arm)
        grams.append(terms.gram(weight))
        products.append(terms.score(weight * outcomes.yes))
    gram, product = sum(grams), sum(products)
    return [_fitted(gram - own, product - mine) for own, mine in zip(grams, products, strict=True)]


def propensity_scores(terms: Terms, outcomes: Outcomes, fold: Whole, modeled: bool) -> Floats:
    """Return each cell's chance of treatment, estimated without its fold: the share treated, or a logit."""
    scores = np.empty(terms.rows)
    for number in np.unique(fold):
        own, others = fold == number, fold != number
        n, k = outcomes.weight[others], (outcomes.weight * outcomes.treated)[others]
        scores[own] = k.sum() / n.sum()
        if modeled:
            scores[own] = expit(terms.take(own).eta(fit_terms(terms.take(others), n, k, ridge=1.0).beta))
    return scores


def inverse_propensity_weights(terms: Terms, outcomes: Outcomes, fold: Whole) -> Floats:
    """Return stabilized weights: what to multiply each cell's by, so that everybody is as likely to be treated.

    References
    ----------
    Robins, Hernán and Brumback (2000), Epidemiology 11, 550–560: stabilized weights.
    """
    propensity = propensity_scores(terms, outcomes, fold, True)
    share = float(outcomes.weight @ outcomes.treated / outcomes.weight.sum())
    return np.where(outcomes.treated, share / propensity, (1 - share) / (1 - propensity))


def _fitted(gram: Floats, product: Floats) -> Floats:
    """Return the ridge regression of a yes or no, the intercept being the first column."""
    mean = product[0] / gram[0, 0]
    spread = max(float(mean * (1 - mean)), 1e-12)
    return _ridged(gram, product, spread * empirical_bayes_ridge(gram / spread, (product - mean * gram[0]) / spread))


def _ridged(gram: Floats, product: Floats, penalty: float) -> Floats:
    whole = gram.copy()
    whole[np.arange(1, len(gram)), np.arange(1, len(gram))] += penalty
    return solve(whole, product)


def empirical_bayes_ridge(information: Floats, score: Floats) -> float:
    """Return the penalty under which the data are likeliest, coefficients being normal with variance 1 / penalty.

    Parameters
    ----------
    information : array
        Of all columns, the first being the intercept, where only the intercept is fitted.
    score : array
        There; the intercept's is 0.

    Notes
    -----
    With eigenvalues d of the information and a the score in their axes, twice the log evidence is
    Σ a² / (d + λ) − log(1 + d / λ). Where nothing is there to find, the penalty is so large that scores hardly differ.

    References
    ----------
    MacKay (1992), Neural Computation 4, 415–447, sections 2 and 4.

    Examples
    --------
    >>> information = np.diag([100.0, 100, 100])
    >>> weak, strong = (empirical_bayes_ridge(information, np.array([0.0, s, -s])) for s in (5.0, 100.0))
    >>> weak > 100 * strong
    True
    """
    if len(information) == 1:
        return 0.0
    across = information[0, 1:]
    inner = information[1:, 1:] - np.outer(across, across) / information[0, 0]
    d, axes = np.linalg.eigh(inner)
    d, a = np.maximum(d, 0.0), axes.T @ score[1:]
    grid = GRID * max(float(d.mean()), 1e-300)
    evidence = (a**2 / (d + grid[:, None]) - np.log1p(d / grid[:, None])).sum(axis=1)
    return float(grid[np.argmax(evidence)])


# --- what the arms allow ----------------------------------------------------------------------------------


def treated_share(outcomes: Outcomes) -> Estimate:
    """Return the share of people who were treated, with the p-value of one half.

    Examples
    --------
    >>> n = np.array([480.0, 520.0])
    >>> share = treated_share(Outcomes(np.array([True, False]), np.array([True, True]), n, n))
    >>> round(share.value, 2), round(share.p_value, 2)
    (0.48, 0.21)
    """
    total = outcomes.weight.sum()
    share = float(outcomes.weight @ outcomes.treated / total)
    error = float(np.sqrt(outcomes.variance((outcomes.treated.astype(np.float64) - share) / total)))
    return interval(share, error, outcomes.draws() - 1, null=0.5)


def covariate_balance_p_value(terms: Terms, outcomes: Outcomes) -> float:
    """Return the p-value of the score test that no column tells who was treated.

    Notes
    -----
    With clusters the score's variance is that of the clusters' sums. NaN where there is nothing to test with.
    """
    share = float(outcomes.weight @ outcomes.treated / outcomes.weight.sum())
    left = outcomes.treated - share
    score = terms.score(outcomes.weight * left)
    alone = np.ones(terms.rows, bool) if outcomes.cluster is None else outcomes.cluster < 0
    meat = terms.gram(np.where(alone, outcomes.squares * left**2, 0.0))
    if outcomes.cluster is not None and not alone.all():
        number = np.unique(outcomes.cluster[~alone], return_inverse=True)[1]
        meat += terms.take(~alone).clustered((outcomes.weight * left)[~alone], number)
    if terms.columns < 2 or outcomes.draws() < 5 * terms.columns:
        return np.nan
    gram = terms.gram(
        outcomes.weight
    )  # columns less their means: what the share of treated has been fitted to is no news
    centered = np.hstack([-gram[1:, :1] / gram[0, 0], np.eye(terms.columns - 1)])
    return float(chdtrc(terms.columns - 1, score[1:] @ solve(centered @ meat @ centered.T, score[1:])))
