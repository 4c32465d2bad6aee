"""Logistic regression by iteratively reweighted least squares, for millions of rows and a few dozen columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit

from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.least_squares import chunks, solve, solve_definite
from campaignkit.stats.regression.terms import Terms

At = Callable[[Floats], tuple[float, Floats, Floats]]  # beta → loss, score, information

STEPS = 40
NEAR = 1e-7  # the Newton decrement, in squared standard errors, after which a last step squares what is left
CLOSE = 1e-12  # the same, for steps that only divide it
FEW = 50_000  # rows below which nothing is started on a part of them


@dataclass(frozen=True)
class Logit:
    """A fitted logit.

    Attributes
    ----------
    beta : array
        Coefficients.
    eta : array
        Each row's linear predictor.
    information : array
        X'WX at beta, with W = weight · p(1 − p).
    converged : bool
        False where the groups can be told apart without error, so that coefficients run away.
    """

    beta: Floats
    eta: Floats
    information: Floats
    converged: bool

    @property
    def p(self) -> Floats:
        """Each row's probability."""
        return expit(self.eta)


def fit_logit(x: Floats, y: Floats, weight: Floats, start: Floats | None = None, ridge: float = 0.0) -> Logit:
    """Fit a logit by Newton's method.

    Parameters
    ----------
    x : array
        Covariates, of which one column is 1.
    y : array
        0 or 1.
    weight : array
        Each row's weight.
    start : array or None
        Where to begin. None: at 0, or with many rows at the fit of every sixteenth.
    ridge : float
        As for `fit_terms`, the first column being the intercept. 0: maximum likelihood.

    References
    ----------
    McCullagh and Nelder (1989), Generalized Linear Models, section 4.4.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    >>> fit = fit_logit(x, np.array([0.0, 0, 1, 0, 1, 1]), np.ones(6))
    >>> fit.beta.round(4).tolist(), fit.converged  # log odds of 1/3, and the log odds ratio
    ([-0.6931, 1.3863], True)
    """
    if start is None and len(x) > FEW:
        part = fit_logit(x[::16], y[::16], weight[::16], np.zeros(x.shape[1]), ridge / 16)
        start = part.beta if part.converged else None
    penalty = np.full(x.shape[1], float(ridge))
    penalty[0] = 0.0
    beta, information, converged = newton(
        partial(_at, x, y, weight, penalty), np.zeros(x.shape[1]) if start is None else start
    )
    eta = x @ beta
    apart = eta[y == 1].min(initial=np.inf) > eta[y == 0].max(initial=-np.inf)
    return Logit(beta, eta, information, converged and not apart)


def fit_terms(terms: Terms, n: Floats, k: Floats, ridge: float = 0.0, start: Floats | None = None) -> Logit:
    """Fit a logit on cells by Newton's method.

    Parameters
    ----------
    terms : Terms
        The columns, the first of which is the intercept.
    n, k : array
        Each cell's weight, and the weight of those with the outcome.
    ridge : float
        Half of it times the sum of squared coefficients, without the intercept's, is added to the loss: the posterior
        mode under normal priors of variance 1 / ridge. 0: maximum likelihood.
    start : array or None
        Where to begin. None: at the outcome's log odds.

    Examples
    --------
    >>> from campaignkit.stats.regression.terms import Term
    >>> terms = Terms((Term(np.zeros(2, int), np.ones((1, 1))), Term(np.arange(2), np.array([[0.0], [1.0]]))))
    >>> fit_terms(terms, np.array([3.0, 3.0]), np.array([1.0, 2.0])).beta.round(4).tolist()
    [-0.6931, 1.3863]
    """
    if start is None:
        start = np.zeros(terms.columns)
        start[0] = np.log(k.sum() / (n.sum() - k.sum()))
    penalty = np.full(terms.columns, float(ridge))
    penalty[0] = 0.0
    at = partial(_at_terms, terms.packed(), n, k, penalty)
    beta, information, converged = newton(at, start, solve_definite)
    return Logit(beta, terms.eta(beta), information, converged)


def _at_terms(terms: Terms, n: Floats, k: Floats, penalty: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
    """Return the loss, the score and the information at beta, penalty and all."""
    eta = terms.eta(beta)
    p = expit(eta)
    loss = float(n @ np.logaddexp(0, eta) - k @ eta + penalty @ beta**2 / 2)
    information = terms.gram(n * p * (1 - p))
    information[np.diag_indices_from(information)] += penalty
    return loss, terms.score(k - n * p) - penalty * beta, information


def newton(at: At, beta: Floats, solver: Callable[[Floats, Floats], Floats] = solve) -> tuple[Floats, Floats, bool]:
    """Return where the loss is least, the information there, and whether it was reached."""
    loss, score, information = at(beta)
    for _ in range(STEPS):
        step = solver(information, score)
        decrement = score @ step
        beta, loss, score, information = _walk(at, beta, step, loss)
        if decrement < NEAR:
            return beta, information, True
    return beta, information, False


def _at(x: Floats, y: Floats, weight: Floats, penalty: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
    """Return the loss, the score and the information at beta, in one pass."""
    loss, score, information = float(penalty @ beta**2 / 2), -penalty * beta, np.diag(penalty)
    for rows in chunks(*x.shape):
        part, w = x[rows], weight[rows]
        eta = part @ beta
        p = expit(eta)
        loss += float(w @ (np.logaddexp(0, eta) - y[rows] * eta))
        score += part.T @ (w * (y[rows] - p))
        information += part.T @ (part * (w * p * (1 - p))[:, None])
    return loss, score, information


def _walk(at: At, beta: Floats, step: Floats, loss: float) -> tuple[Floats, float, Floats, Floats]:
    """Take a step, halved until it makes nothing worse."""
    share = 1.0
    while True:
        moments = at(beta + share * step)
        if moments[0] <= loss + 1e-9 * abs(loss) or share < 1e-3:
            return beta + share * step, *moments
        share /= 2


def fit_without_each(x: Floats, y: Floats, weight: Floats, folds: Sequence[slice], whole: Logit) -> list[Floats]:
    """Return the coefficients of the logit fitted on all rows but each fold's.

    Parameters
    ----------
    x, y, weight : array
        As for `fit_logit`.
    folds : sequence of slice
        Which rows each fold has.
    whole : Logit
        The fit of all rows, to begin from.

    Notes
    -----
    With many rows a fold's fit is near the whole's: steps use the information at the whole fit, less the fold's
    own, which is added up once for all folds. Each step then needs a score only. Where that does not get there, and
    with few rows, Newton's method is used as it is.
    """
    if len(x) <= FEW:
        return [_newton_without(x, y, weight, fold, whole.beta) for fold in folds]
    none = np.zeros(x.shape[1])
    parts = [_at(x[fold], y[fold], weight[fold], none, whole.beta)[2] for fold in folds]
    total = sum(parts)
    return [_chord(x, y, weight, folds, at, total - parts[at], whole.beta) for at in range(len(folds))]


def _newton_without(x: Floats, y: Floats, weight: Floats, fold: slice, start: Floats) -> Floats:
    rows = np.ones(len(x), bool)
    rows[fold] = False
    return fit_logit(x[rows], y[rows], weight[rows], start).beta


def _chord(
    x: Floats, y: Floats, weight: Floats, folds: Sequence[slice], out: int, information: Floats, start: Floats
) -> Floats:
    beta, others = start, [fold for at, fold in enumerate(folds) if at != out]
    for _ in range(12):
        score = np.zeros(len(beta))
        for fold in others:
            for rows in chunks(fold.stop - fold.start, len(beta)):
                part = x[fold][rows]
                score += part.T @ (weight[fold][rows] * (y[fold][rows] - expit(part @ beta)))
        step = solve(information, score)
        beta = beta + step
        if score @ step < CLOSE:
            return beta
    return _newton_without(x, y, weight, folds[out], beta)
