"""Comparisons made fair by a regression or by weights, each with the influence of what was estimated on the way.

`c.target` is g, an arm's rows are S, survey weights w. Each function gives one arm's mean over the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaignkit.stats.arrays import Floats
from campaignkit.stats.causal.comparison import Comparison, Mean, Means, arm_mean
from campaignkit.stats.regression.least_squares import chunks, gram, solve
from campaignkit.stats.regression.logit import Logit

STEPS = 200
BALANCED = 1e-9  # standard deviations that means may still differ after entropy balancing


def regression(c: Comparison) -> Means:
    """Least squares of the outcome on the treatment and the covariates.

    One coefficient is taken for everyone's effect: where effects differ it is an average that weighs people by how
    much their treatment varies, not the target's (Angrist 1998, Econometrica 66, section 2).

    References
    ----------
    White (1980), Econometrica 48, for the errors.
    """
    z = np.column_stack([c.treated.astype(float), c.x])
    a = gram(z, c.weight)
    beta = solve(a, z.T @ (c.weight * c.y))
    lever = c.weight * (z @ solve(a, np.eye(len(a))[0]))
    slope = lever * (c.y - z @ beta)
    share = c.target / c.target.sum()
    mean_control = c.y - beta[0] * c.treated
    low = float(share @ mean_control)
    influence = share * (mean_control - low) - float(share @ c.treated) * slope
    mean_treated = Mean(low + float(beta[0]), influence + slope, lever * c.treated)
    return Means(mean_treated, Mean(low, influence, -lever * ~c.treated), z.shape[1])


def imputation(c: Comparison) -> Means:
    """Impute what the target would have given from least squares within each arm: Oaxaca and Blinder's way.

    References
    ----------
    Kline (2011), American Economic Review 101(3), 532–537; Oaxaca (1973); Blinder (1973).
    """
    if c.everyone:
        return Means(_imputed(c, True), _imputed(c, False), c.x.shape[1])
    return Means(arm_mean(c, True), _imputed(c, False), c.x.shape[1])


def _imputed(c: Comparison, treated: bool) -> Mean:
    weight = c.weight * c.arm(treated)
    a = gram(c.x, weight)
    beta = solve(a, c.x.T @ (weight * c.y))
    fitted, total = c.x @ beta, c.target.sum()
    value = float(c.target @ fitted / total)
    lever = weight * (c.x @ solve(a, c.x.T @ c.target)) / total
    return Mean(value, c.target * (fitted - value) / total + lever * (c.y - fitted), lever)


def inverse_propensity(c: Comparison, logit: Logit) -> Means:
    """Weigh each arm by the inverse of its chance, so that it looks like the target; weights sum to one (Hájek).

    References
    ----------
    Hirano, Imbens and Ridder (2003), Econometrica 71, 1161–1189, section 2; Lunceford and Davidian (2004), Statistics
    in Medicine 23, 2937–2960, section 3, for the influence of the estimated propensity.
    """
    if c.everyone:
        return Means(_weighted(c, logit, True), _weighted(c, logit, False))
    return Means(arm_mean(c, True), _weighted(c, logit, False))


def odds(c: Comparison, eta: Floats, treated: bool) -> tuple[Floats, Floats]:
    """Return an arm's inverse-propensity weights and their slopes in the linear predictor."""
    sign = -1.0 if treated else 1.0
    v = np.exp(np.minimum(sign * eta, 700.0))
    return (1.0 + v, sign * v) if c.everyone else (v, sign * v)


def _weighted(c: Comparison, logit: Logit, treated: bool) -> Mean:
    v, slope = odds(c, logit.eta, treated)
    w = c.weight * c.arm(treated)
    total = float(w @ v)
    value = float((w * v) @ c.y / total)
    pull = solve(logit.information, c.x.T @ (w * slope * (c.y - value)))
    from_logit = (c.x @ pull) * c.weight * (c.treated - logit.p)
    return Mean(value, (w * v * (c.y - value) + from_logit) / total, w * v)


def entropy_balancing(c: Comparison, start: Floats | None = None) -> Means | None:
    """Weigh each arm as little unevenly as makes its covariates' means those of the target; None: no weights can.

    Parameters
    ----------
    c : Comparison
    start : array or None
        Coefficients to begin from, such as the propensity logit's. None: 0.

    Notes
    -----
    Weights are exp(x'λ). The influence counts λ as estimated: with β the least squares of the outcome under the
    weights v, S w v (y − x'β) + g (x'β − mean), over Σg. The estimate is right if either the logit of treatment or
    the outcome is linear in the covariates.

    References
    ----------
    Hainmueller (2012), Political Analysis 20, 25–46, section 3; Zhao and Percival (2017), Journal of Causal Inference
    5(1), theorem 1, for the double robustness.
    """
    mean_control = _balanced(c, False, start)
    mean_treated = _balanced(c, True, None if start is None else -start) if c.everyone else arm_mean(c, True)
    return None if mean_control is None or mean_treated is None else Means(mean_treated, mean_control)


def _balanced(c: Comparison, treated: bool, start: Floats | None) -> Mean | None:
    rows = np.flatnonzero(c.arm(treated))
    x, w = c.x[rows], c.weight[rows]
    wanted = c.x.T @ c.target
    solution = balance_to(x, w, wanted, start)
    if solution is None:
        return None
    v, total = w * solution.weight, c.target.sum()
    beta = solve(solution.spread, x.T @ (v * c.y[rows]))
    fitted = c.x @ beta
    value = float(v @ c.y[rows] / v.sum())
    influence = c.target * (fitted - value)
    influence[rows] += v * (c.y[rows] - fitted[rows])
    weight = np.zeros(len(c.y))
    weight[rows] = v
    return Mean(value, influence / total, weight)


@dataclass(frozen=True)
class Balanced:
    """Entropy balancing's weights, and X'VX under them."""

    weight: Floats
    spread: Floats


def balance_to(x: Floats, base: Floats, wanted: Floats, start: Floats | None = None) -> Balanced | None:
    """Return weights v = exp(x'λ) with Σ base · v · x = wanted; None where no weights above 0 do that.

    Parameters
    ----------
    x : array
        Covariates; the first column is 1.
    base : array
        Each row's own weight.
    wanted : array
        Totals to reach; the first is the total of the weights.
    start : array or None
        λ to begin from.

    Examples
    --------
    >>> x = np.column_stack([np.ones(3), [0.0, 1.0, 2.0]])
    >>> found = balance_to(x, np.ones(3), np.array([1.0, 1.5]))
    >>> found.weight.round(4).tolist()
    [0.1162, 0.2676, 0.6162]
    >>> balance_to(x, np.ones(3), np.array([1.0, 2.5])) is None
    True
    """
    lam = np.zeros(x.shape[1]) if start is None else start.copy()
    lam[0] += np.log(wanted[0] / (base @ np.exp(np.minimum(x @ lam, 700))))
    state = _dual(x, base, wanted, lam)
    for _ in range(STEPS):
        if np.abs(state.gap).max() < BALANCED * wanted[0]:
            return Balanced(np.exp(x @ lam), state.spread)
        step = -solve(state.spread, state.gap)
        share = 1.0
        while True:
            new = _dual(x, base, wanted, lam + share * step)
            if new.loss <= state.loss + 1e-4 * share * float(state.gap @ step):
                break
            share /= 2
            if share < 1e-6:
                return _close(x, lam, state, wanted)
        lam, state = lam + share * step, new
    return None


@dataclass(frozen=True)
class _Dual:
    loss: float
    gap: Floats
    spread: Floats


def _dual(x: Floats, base: Floats, wanted: Floats, lam: Floats) -> _Dual:
    loss, gap, spread = -float(wanted @ lam), -wanted, np.zeros((len(lam), len(lam)))
    for rows in chunks(*x.shape):
        part = x[rows]
        v = base[rows] * np.exp(np.minimum(part @ lam, 300.0))
        loss += float(v.sum())
        gap = gap + part.T @ v
        spread += part.T @ (part * v[:, None])
    return _Dual(loss, gap, spread)


def _close(x: Floats, lam: Floats, state: _Dual, wanted: Floats) -> Balanced | None:
    """Rounding can stop the last step short; a gap that nobody would see is none."""
    near = np.abs(state.gap).max() < 1e3 * BALANCED * wanted[0]
    return Balanced(np.exp(x @ lam), state.spread) if near else None
