"""Whom a contact moves: two learners of its effect on each person, from an experiment's cells."""

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
class Learned:
    """Coefficients of an effect, and the penalty that they were fitted with."""

    beta: Floats
    ridge: float


def transformed(terms: Terms, of: Outcomes, ridge: float | None = None) -> Learned:
    """Learn the effect by class transformation: a logit of whether arm and outcome agree.

    Parameters
    ----------
    terms : Terms
        The columns, the first of which is the intercept.
    of : Outcomes
        Both arms are given the same weight, so that an imbalance by luck changes nothing.
    ridge : float or None
        As in `fit_terms`. None: the likeliest (`likeliest_ridge`).

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
    >>> found = transformed(terms, Outcomes(arm, yes, n, n), ridge=0.0)
    >>> (2 * expit(terms.eta(found.beta)[[0, 4]]) - 1).round(4).tolist()
    [0.0, 0.2]
    """
    agree = of.treated == of.yes
    n = of.weight / 2
    for arm in (of.treated, ~of.treated):
        n[arm] *= of.weight.sum() / of.weight[arm].sum()
    if ridge is None:
        spread = float(of.squares.sum() / of.weight.sum())  # of the score, beside the information: 1 without weights
        p = float(n @ agree / n.sum())
        ridge = spread * likeliest_ridge(terms.gram(n * p * (1 - p)) / spread, terms.score(n * (agree - p)) / spread)
    return Learned(fit_terms(terms, n, n * agree, ridge).beta, ridge)


def doubly_robust(
    terms: Terms, of: Outcomes, fold: Whole, ridge: float | None = None, modelled: bool = False
) -> Learned:
    """Learn the effect by a ridge regression of everyone's doubly robust guess at it.

    Parameters
    ----------
    terms, of, ridge
        As for `transformed`; the penalty is in units of the guesses' variance.
    fold : array of int, one a cell
        The models behind a guess are fitted without its fold; clusters lie whole in one.
    modelled : bool
        Whether the chance of treatment is a logit of the columns. False: it is the same for everyone.

    Returns
    -------
    Learned
        The effect is X beta.

    References
    ----------
    Kennedy (2023), Electronic Journal of Statistics 17, 3008–3049, algorithm 1, with the folds put together.
    """
    guess = guesses(terms, of, fold, modelled)
    mean = float(of.weight @ guess / of.weight.sum())
    spread = float(of.squares @ (guess - mean) ** 2 / of.weight.sum())
    gram, product = terms.gram(of.weight), terms.score(of.weight * guess)
    if ridge is None:
        ridge = likeliest_ridge(gram / spread, terms.score(of.weight * (guess - mean)) / spread)
    return Learned(_ridged(gram, product, ridge * spread), ridge)


def guesses(terms: Terms, of: Outcomes, fold: Whole, modelled: bool = False) -> Floats:
    """Return each cell's doubly robust guess at its effect: unbiased where the chance of treatment is right.

    The outcome's models are ridge regressions in either arm, their penalty the likeliest.
    """
    chance = chances(terms, of, fold, modelled)
    folds = {one: np.flatnonzero(fold == one) for one in np.unique(fold)}
    parts = [terms.take(rows) for rows in folds.values()]
    mean_treated, mean_control = np.empty(terms.rows), np.empty(terms.rows)
    for arm, into in ((True, mean_treated), (False, mean_control)):
        betas = _without_each(parts, [of.take(rows) for rows in folds.values()], arm)
        for rows, part, beta in zip(folds.values(), parts, betas, strict=True):
            into[rows] = part.eta(beta)
    residual = np.where(of.treated, (of.yes - mean_treated) / chance, -(of.yes - mean_control) / (1 - chance))
    return mean_treated - mean_control + residual


def _without_each(parts: list[Terms], outcomes: list[Outcomes], arm: bool) -> list[Floats]:
    """Return an arm's ridge regression of the outcome on all folds but each, from each fold's sums."""
    grams, products = [], []
    for terms, of in zip(parts, outcomes, strict=True):
        weight = of.weight * (of.treated == arm)
        grams.append(terms.gram(weight))
        products.append(terms.score(weight * of.yes))
    gram, product = sum(grams), sum(products)
    return [_fitted(gram - own, product - mine) for own, mine in zip(grams, products, strict=True)]


def chances(terms: Terms, of: Outcomes, fold: Whole, modelled: bool) -> Floats:
    """Return each cell's chance of treatment, found without its fold: everybody's share, or a logit of the columns."""
    found = np.empty(terms.rows)
    for one in np.unique(fold):
        own, others = fold == one, fold != one
        n, k = of.weight[others], (of.weight * of.treated)[others]
        found[own] = k.sum() / n.sum()
        if modelled:
            found[own] = expit(terms.take(own).eta(fit_terms(terms.take(others), n, k, ridge=1.0).beta))
    return found


def evening(terms: Terms, of: Outcomes, fold: Whole) -> Floats:
    """Return what to multiply each cell's weight by, that everybody's chance of treatment be as if the same.

    References
    ----------
    Robins, Hernán and Brumback (2000), Epidemiology 11, 550–560: stabilised weights.
    """
    chance, share = chances(terms, of, fold, True), float(of.weight @ of.treated / of.weight.sum())
    return np.where(of.treated, share / chance, (1 - share) / (1 - chance))


def _fitted(gram: Floats, product: Floats) -> Floats:
    """Return the ridge regression of a yes or no, the intercept being the first column."""
    mean = product[0] / gram[0, 0]
    spread = max(float(mean * (1 - mean)), 1e-12)
    return _ridged(gram, product, spread * likeliest_ridge(gram / spread, (product - mean * gram[0]) / spread))


def _ridged(gram: Floats, product: Floats, penalty: float) -> Floats:
    whole = gram.copy()
    whole[np.arange(1, len(gram)), np.arange(1, len(gram))] += penalty
    return solve(whole, product)


def likeliest_ridge(information: Floats, score: Floats) -> float:
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
    >>> weak, strong = (likeliest_ridge(information, np.array([0.0, s, -s])) for s in (5.0, 100.0))
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


def treated_share(of: Outcomes) -> Estimate:
    """Return the share of people who were treated, with the p-value of one half.

    Examples
    --------
    >>> n = np.array([480.0, 520.0])
    >>> found = treated_share(Outcomes(np.array([True, False]), np.array([True, True]), n, n))
    >>> round(found.value, 2), round(found.p_value, 2)
    (0.48, 0.21)
    """
    total = of.weight.sum()
    share = float(of.weight @ of.treated / total)
    error = float(np.sqrt(of.variance((of.treated.astype(np.float64) - share) / total)))
    return interval(share, error, of.draws() - 1, null=0.5)


def arms_differ(terms: Terms, of: Outcomes) -> float:
    """Return the p-value of the score test that no column tells who was treated.

    Notes
    -----
    With clusters the score's variance is that of the clusters' sums. NaN where there is nothing to test with.
    """
    share = float(of.weight @ of.treated / of.weight.sum())
    left = of.treated - share
    score = terms.score(of.weight * left)
    alone = np.ones(terms.rows, bool) if of.cluster is None else of.cluster < 0
    meat = terms.gram(np.where(alone, of.squares * left**2, 0.0))
    if of.cluster is not None and not alone.all():
        number = np.unique(of.cluster[~alone], return_inverse=True)[1]
        meat += terms.take(~alone).clustered((of.weight * left)[~alone], number)
    if terms.columns < 2 or of.draws() < 5 * terms.columns:
        return np.nan
    gram = terms.gram(of.weight)  # columns less their means: what the share of treated has been fitted to is no news
    centred = np.hstack([-gram[1:, :1] / gram[0, 0], np.eye(terms.columns - 1)])
    return float(chdtrc(terms.columns - 1, score[1:] @ solve(centred @ meat @ centred.T, score[1:])))
