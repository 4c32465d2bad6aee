"""How strong would something unmeasured have to be, to explain an estimate away?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.least_squares import solve


def e_value(ratio: float) -> float:
    """Return the E-value of a ratio of rates, or of means of an outcome that is never negative.

    An unmeasured trait that goes with both the treatment and the outcome by this ratio each, beyond the covariates,
    could explain the ratio away; a weaker one could not.

    Parameters
    ----------
    ratio : float
        Above 0. A bound of an interval gives the E-value of the interval; 1.0 where the interval holds 1.

    References
    ----------
    VanderWeele and Ding (2017), Annals of Internal Medicine 167, 268–274, table 2; Ding and VanderWeele (2016),
    Epidemiology 27, 368–377, for outcomes that are not yes or no.

    Examples
    --------
    >>> round(e_value(3.9), 2), round(e_value(1 / 3.9), 2)  # the paper's own example: 7.26
    (7.26, 7.26)
    """
    ratio = max(ratio, 1 / ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def robustness_value(t: float, df: float, alpha: float | None = None) -> float:
    """Return the share of what is left of treatment and outcome that a hidden trait must explain, of each.

    Parameters
    ----------
    t : float
        The regression coefficient over its classical standard error.
    df : float
        The regression's residual degrees of freedom.
    alpha : float or None
        None: to bring the estimate to 0. Otherwise to bring it to where it is no longer significant at this level.

    References
    ----------
    Cinelli and Hazlett (2020), JRSS B 82, 39–67, section 4.2; for `alpha`, equation (20).

    Examples
    --------
    >>> round(robustness_value(4.18445, 783), 3), round(robustness_value(4.18445, 783, 0.05), 3)  # their Darfur
    (0.139, 0.076)
    """
    f = abs(t) / np.sqrt(df)
    if alpha is not None:
        critical = float(stdtrit(df - 1, 1 - alpha / 2)) / np.sqrt(df - 1)
        if f <= critical:
            return 0.0
        extreme = (f**2 - critical**2) / (1 + f**2)
        f = f - critical
        value = (np.sqrt(f**4 + 4 * f**2) - f**2) / 2
        return float(value if critical < 1 / (abs(t) / np.sqrt(df)) or value <= extreme else extreme)
    return float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)


def partial_r2(inverse: Floats, beta: Floats, residual: float, columns: Sequence[int]) -> float:
    """Return how much of what the other columns leave unexplained a group of columns explains.

    Parameters
    ----------
    inverse : array
        The inverse of X'WX.
    beta : array
        The regression's coefficients.
    residual : float
        Its residual sum of squares.
    columns : sequence of int
        Which columns make the group.
    """
    at = list(columns)
    part = beta[at]
    gained = float(part @ np.linalg.lstsq(inverse[np.ix_(at, at)], part, rcond=None)[0])
    return gained / (gained + residual)


def benchmark(
    estimate: float,
    error: float,
    df: float,
    with_treatment: float,
    with_outcome: float,
    times: float = 1.0,
    confidence_level: float = 0.95,
) -> dict[str, float]:
    """Return what a hidden trait would do if it were `times` as strong as an observed covariate.

    Parameters
    ----------
    estimate, error, df : float
        The treatment's coefficient, its classical standard error and the residual degrees of freedom.
    with_treatment, with_outcome : float
        The covariate's partial R² with the treatment given the other covariates, and with the outcome given these
        and the treatment.
    times : float
        How many times as strong as the covariate.
    confidence_level : float
        Of the interval.

    Returns
    -------
    dict
        ``r2_treatment`` and ``r2_outcome`` (of the hidden trait; NaN where a trait that strong cannot be),
        ``adjusted``, ``adjusted_lower`` and ``adjusted_upper`` (the estimate were it there and pulling towards 0).

    References
    ----------
    Cinelli and Hazlett (2020), section 4.4, equations (22) and (23), and section 4.1 for the bias and its error.
    """
    of_treatment = times * with_treatment / (1 - with_treatment)
    shared = times * with_treatment**2 / ((1 - times * with_treatment) * (1 - with_treatment))
    if not (of_treatment < 1 and 0 <= shared < 1):
        names = ("r2_treatment", "r2_outcome", "adjusted", "adjusted_lower", "adjusted_upper")
        return dict.fromkeys(names, np.nan)
    strength = ((np.sqrt(times) + np.sqrt(shared)) / np.sqrt(1 - shared)) ** 2
    of_outcome = min(strength * with_outcome / (1 - with_outcome), 1.0)
    bias = np.sqrt(of_outcome * of_treatment / (1 - of_treatment)) * error * np.sqrt(df)
    adjusted = float(np.sign(estimate) * (abs(estimate) - bias))
    spread = error * np.sqrt((1 - of_outcome) / (1 - of_treatment) * df / (df - 1))
    half = float(stdtrit(df - 1, 0.5 + confidence_level / 2)) * spread
    return {
        "r2_treatment": of_treatment, "r2_outcome": of_outcome, "adjusted": adjusted,
        "adjusted_lower": adjusted - half, "adjusted_upper": adjusted + half,
    }  # fmt: skip


def classical(z: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats, float, float]:
    """Return least squares' coefficients, (X'WX)⁻¹, residual sum of squares and degrees of freedom."""
    scaled = weight * len(weight) / weight.sum()
    a = (z * scaled[:, None]).T @ z
    inverse = solve(a, np.eye(len(a)))
    beta = inverse @ (z.T @ (scaled * y))
    residual = y - z @ beta
    return beta, inverse, float(scaled @ residual**2), float(len(y) - z.shape[1])
