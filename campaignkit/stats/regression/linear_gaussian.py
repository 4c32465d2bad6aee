"""Noisy linear observations of a Gaussian vector: one Cholesky of their noise, and what of them is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from campaignkit.stats.arrays import Floats, Mask


@dataclass(frozen=True)
class Observations:
    """What observations y = A x + noise, noise normal(0, D), say about x.

    Attributes
    ----------
    information : array, one row and column an element of x
        A′ D⁻¹ A.
    score : array
        A′ D⁻¹ y.
    solved : array, one row per observation, one column per element of x
        D⁻¹ A: what one unit of each observation adds to `score`.
    """

    information: Floats
    score: Floats
    solved: Floats


def reduce_observations(noise: Floats, design: Floats, y: Floats) -> Observations:
    """Return observations reduced to what they say about x.

    Parameters
    ----------
    noise : array, shape (n, n)
        D, the covariance of the noise; positive definite.
    design : array, shape (n, d)
        A.
    y : array, shape (n,)
        The observations.

    References
    ----------
    Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 2.2 and appendix A.3.

    Examples
    --------
    >>> two_polls_of_one_state = reduce_observations(np.diag([1.0, 4.0]), np.ones((2, 1)), np.array([1.0, 3.0]))
    >>> two_polls_of_one_state.information, two_polls_of_one_state.score
    (array([[1.25]]), array([1.75]))
    """
    if not len(y):
        return Observations(np.zeros((design.shape[1],) * 2), np.zeros(design.shape[1]), design.copy())
    solved = np.asarray(cho_solve(cho_factor(noise, lower=True, check_finite=False), design, check_finite=False))
    return Observations(design.T @ solved, solved.T @ y, solved)


def leave_groups_out(noise: Floats, design: Floats, y: Floats, groups: list[Mask]) -> list[tuple[Floats, Floats]]:
    """Return what observations say without each of some groups, `information` and `score`, from one inverse.

    Without a group S the precision of the rest is M − M_S M_SS⁻¹ M_S′, M being the inverse of the whole noise.

    Parameters
    ----------
    noise, design, y : array
        As for `reduce_observations`.
    groups : list of arrays of bool
        Which observations are left out.

    References
    ----------
    Rasmussen & Williams (2006), section 5.4.2.

    Examples
    --------
    >>> first = np.array([True, False])
    >>> leave_groups_out(np.array([[1.0, 0.5], [0.5, 4.0]]), np.ones((2, 1)), np.array([1.0, 3.0]), [first])[0][1]
    array([0.75])
    """
    precision = np.asarray(cho_solve(cho_factor(noise, lower=True), np.eye(len(y))))
    whole, weighed = precision @ design, precision @ y
    information, score, reduced = design.T @ whole, whole.T @ y, []
    for group in groups:
        inner = np.linalg.solve(precision[np.ix_(group, group)], whole[group])
        reduced.append((information - whole[group].T @ inner, score - inner.T @ weighed[group]))
    return reduced
