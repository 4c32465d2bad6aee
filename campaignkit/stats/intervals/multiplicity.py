"""Many hypotheses at once: the share of false discoveries, and the chance of any."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted so that rejecting those ≤ q keeps the false-discovery rate at q.

    Parameters
    ----------
    p_values : array-like
        One p-value a hypothesis; all that were tested, not only those worth showing.

    Returns
    -------
    array of float64
        In the order given.

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289–300, section 3.1; it holds
    under positive dependence (Benjamini and Yekutieli 2001, Annals of Statistics 29, theorem 1.2).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    from scipy.stats import false_discovery_control  # slow to import

    p = np.asarray(p_values, float)
    return false_discovery_control(p) if p.size else p


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted so that rejecting those ≤ q keeps the chance of any false one at q.

    Parameters
    ----------
    p_values : array-like
        One p-value a hypothesis. Any dependence between them is allowed.

    Returns
    -------
    array of float64
        In the order given.

    Notes
    -----
    Equal to statsmodels' `multipletests`, which collects all of Python's garbage at each call: up to half a second.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65–70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
    [0.04, 0.09, 0.09, 0.5]
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    return adjusted


def adjusted(p_values: ArrayLike, correction: str) -> NDArray[np.float64]:
    """Return p-values adjusted by ``"holm"``, ``"bh"`` or ``"none"``.

    Examples
    --------
    >>> adjusted([0.01, 0.04], "none").tolist()
    [0.01, 0.04]
    """
    rules = {"holm": holm, "bh": benjamini_hochberg, "none": lambda p: np.asarray(p, float)}
    return rules[correction](p_values)
