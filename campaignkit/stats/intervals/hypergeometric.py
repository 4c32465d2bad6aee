"""Tail probabilities of the hypergeometric distribution: exact sums, and a saddlepoint where counts are large."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, log_ndtr, ndtr, xlogy

from campaignkit.stats.arrays import Floats

EXACT_UP_TO = 300.0  # variance beyond which the saddlepoint is right to 2e-5, relative


def hypergeometric_upper(k: ArrayLike, n: ArrayLike, positives: ArrayLike, total: ArrayLike) -> Floats:
    """Return the chance of at least `k` positives among `n` drawn without replacement.

    This is Fisher's exact test, one-sided: of `total` people `positives` responded; were the `n` of a group a
    random draw of them, how often would the group hold `k` or more of those who responded?

    Parameters
    ----------
    k, n, positives, total : array-like
        Counts, broadcast against each other. They need not be whole: effective counts (people divided by a
        design effect) are taken where the gamma function continues the binomial coefficients, which agrees with
        the exact sum at whole numbers.

    Returns
    -------
    array of float64
        Probabilities in (0, 1]; 1 where the group is empty or is everyone. Exact sums (relative error about
        1e-9) while the variance is at most 300; Lugannani and Rice's saddlepoint beyond (2e-5).

    References
    ----------
    Fisher (1935), Journal of the Royal Statistical Society 98, 39–54. Lugannani and Rice (1980), Advances in
    Applied Probability 12, 475–490; in the conditional form of Skovgaard (1987), Journal of Applied Probability
    24, 875–887, equation 3.1, with the second continuity correction of Davison and Wang (2002), Biometrika 89.

    Examples
    --------
    >>> float(hypergeometric_upper(3, 3, 5, 10)).__round__(6)  # 5/10 · 4/9 · 3/8
    0.083333
    """
    k, n, positives, total = np.broadcast_arrays(*(np.asarray(x, float) for x in (k, n, positives, total)))
    shape = k.shape
    k, n, positives, total = (x.ravel() for x in (k, n, positives, total))
    p = np.ones(k.size)
    lowest = np.maximum(0.0, n + positives - total)
    drawn = (n > 0) & (n < total) & (positives > 0) & (positives < total) & (k > lowest)
    large = drawn & (_variance(n, positives, total) > EXACT_UP_TO)
    for part, rule in ((drawn & ~large, _exact), (large, _saddlepoint)):
        if part.any():
            p[part] = rule(k[part], n[part], positives[part], total[part])
    return np.clip(p, np.finfo(float).tiny, 1.0).reshape(shape)


def hypergeometric_z(k: ArrayLike, n: ArrayLike, positives: ArrayLike, total: ArrayLike) -> Floats:
    """Return how many standard deviations `k` is above what a random draw of `n` would hold; 0 where none varies.

    Examples
    --------
    >>> float(hypergeometric_z(30, 100, 100, 1000)).__round__(3)
    7.024
    """
    k, n, positives, total = np.broadcast_arrays(*(np.asarray(x, float) for x in (k, n, positives, total)))
    spread = np.sqrt(_variance(n, positives, total))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, (k - n * positives / total) / spread, 0.0)


def _variance(n: Floats, positives: Floats, total: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        share = positives / total
        value = n * share * (1 - share) * (total - n) / np.maximum(total - 1, 1e-9)
    return np.where(total > 1, np.maximum(value, 0.0), 0.0)


def _exact(k: Floats, n: Floats, positives: Floats, total: Floats) -> Floats:
    """Sum the mass from k up; where k is below the mean, one minus the mass below k."""
    above = k > n * positives / total
    p = np.empty(k.size)
    p[above] = _sum_up(k[above], n[above], positives[above], total[above])
    low = ~above  # fewer than k positives is more than n - k of the others
    p[low] = 1 - _sum_up((n - k + 1)[low], n[low], (total - positives)[low], total[low])
    return p


def _sum_up(k: Floats, n: Floats, positives: Floats, total: Floats) -> Floats:
    """Add pmf(k), pmf(k + 1), … by the ratio of neighbours until a term no longer counts."""
    rest = total - positives - n
    term = np.exp(_log_mass(k, n, positives, total))
    whole, at = term.copy(), np.arange(k.size)
    while at.size:
        ratio = (positives - k) * (n - k) / ((k + 1) * (rest + k + 1))
        term = term * np.where((positives > k) & (n > k), ratio, 0.0)
        whole[at] += term
        going = term > 1e-12 * whole[at]
        at, term, k = at[going], term[going], k[going] + 1
        n, positives, rest = n[going], positives[going], rest[going]
    return whole


def _log_mass(k: Floats, n: Floats, positives: Floats, total: Floats) -> Floats:
    inside = (k <= n) & (k <= positives) & (total - positives - n + k >= 0)
    k = np.where(inside, k, 0.0)
    value = _log_choose(positives, k) + _log_choose(total - positives, n - k) - _log_choose(total, n)
    return np.where(inside, value, -np.inf)


def _log_choose(n: Floats, k: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def _saddlepoint(k: Floats, n: Floats, positives: Floats, total: Floats) -> Floats:
    a = k - 0.5  # the continuity-corrected 2 × 2 table
    b, c = n - a, positives - a
    d = total - n - c
    a, b, c, d = (np.maximum(x, 0.25) for x in (a, b, c, d))
    mean = n * positives / total
    terms = ((a, mean), (b, n - mean), (c, positives - mean), (d, total - n - positives + mean))
    w = np.sign(a - mean) * np.sqrt(2 * sum(_divergence(seen, expected) for seen, expected in terms))
    log_odds = np.log(a) + np.log(d) - np.log(b) - np.log(c)
    spread = (a * b / n) * (c * d / (total - n)) / (positives * (total - positives) / total)
    u = 2 * np.sinh(log_odds / 2) * np.sqrt(spread)
    near = np.abs(w) < 1e-4
    with np.errstate(divide="ignore", invalid="ignore"):
        correction = np.where(near, 0.0, 1 / u - 1 / w)
    tail = np.exp(log_ndtr(-w)) + np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi) * correction
    return np.where(near, ndtr(-w), tail)


def _divergence(seen: Floats, expected: Floats) -> Floats:
    """Return seen · log(seen / expected) − seen + expected, without cancellation where they nearly agree."""
    x = (seen - expected) / expected
    series = x**2 * (1 / 2 - x * (1 / 6 - x * (1 / 12 - x * (1 / 20 - x * (1 / 30 - x / 42)))))
    plain = xlogy(seen, seen / expected) - (seen - expected)
    return np.where(np.abs(x) < 0.01, expected * series, plain)
