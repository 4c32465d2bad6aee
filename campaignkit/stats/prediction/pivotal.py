"""Which state decides a weighted vote, and how its outcome moves with each state's mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from campaignkit.stats.arrays import Floats, Whole


def tipping_points(x: Floats, votes: Whole, needed: int) -> np.ndarray:
    """Return for each row the unit whose votes bring its winner to the votes needed; −1 where nobody gets there.

    Units are gone through from the winner's best to the winner's worst.

    Parameters
    ----------
    x : array, shape (n, units)
        Logits; above 0 the first candidate wins the unit's votes.
    votes : array of int, shape (units,)
        Of each unit.
    needed : int
        Votes to win.

    Examples
    --------
    >>> tipping_points(np.array([[0.3, 0.1, -0.2], [-0.1, -0.3, 0.2]]), np.array([4, 3, 3]), 6).tolist()
    [1, 0]
    """
    order = np.argsort(x, axis=1)
    sorted_votes = votes[order]
    from_low = np.cumsum(sorted_votes, axis=1)
    total = int(votes.sum())
    first_wins = ((x > 0) @ votes) >= needed
    second_wins = ((x <= 0) @ votes) >= needed
    at_low = (from_low < needed).sum(axis=1)
    at_high = (from_low <= total - needed).sum(axis=1)  # the lowest place where what is above it still reaches `needed`
    at = np.where(first_wins, at_high, np.minimum(at_low, len(votes) - 1))
    unit = np.take_along_axis(order, at[:, None], axis=1)[:, 0]
    return np.where(first_wins | second_wins, unit, -1)


def win_gradient(x: Floats, mean: Floats, precision: Floats, votes: Whole, needed: int) -> NDArray[np.float32]:
    """Return for each row the conditional derivative of winning by each unit's mean: their average is the gradient.

    Given all other units, a unit's logit is normal, and winning moves with its mean only where its votes decide: by
    the normal's density at 0.

    Parameters
    ----------
    x : array, shape (n, units)
        Draws.
    mean : array, shape (units,)
        Of the normal they are drawn from.
    precision : array, shape (units, units)
        Its inverse covariance.
    votes : array of int
        Of each unit.
    needed : int
        Votes to win.

    Returns
    -------
    array, shape (n, units)

    References
    ----------
    Asmussen & Glynn (2007), Stochastic Simulation, section V.4 (conditional Monte Carlo) and chapter VII.

    Examples
    --------
    >>> one = win_gradient(np.array([[0.7]]), np.zeros(1), np.eye(1), np.array([3]), 2)
    >>> one.round(4).tolist()
    [[0.39890000224113464]]
    """
    won = x > 0
    total = won.astype(np.float32) @ votes.astype(np.float32)
    wins = total >= needed
    decisive = np.where(wins, total - needed + 1, needed - total)  # the votes a unit needs to turn the outcome
    pivotal = (won == wins[:, None]) & (votes.astype(np.float32) >= decisive[:, None])
    row, unit = np.nonzero(pivotal)
    diagonal = np.diag(precision)
    off = (x - mean.astype(x.dtype)) @ (precision / diagonal).astype(x.dtype)
    center = (x[row, unit] - off[row, unit]).astype(float)  # the unit's mean given the others
    gradient = np.zeros(x.shape, dtype=np.float32)
    gradient[row, unit] = np.exp(-0.5 * center**2 * diagonal[unit]) * np.sqrt(diagonal[unit] / (2 * np.pi))
    return gradient
