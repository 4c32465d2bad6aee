"""The chance of winning as a function of the states' means, and its slope, all from one set of draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from campaignkit.election.model.race import NEEDED, Race
from campaignkit.stats.arrays import Floats
from campaignkit.stats.prediction.pivotal import win_gradient

MOST = 200_000
PATH = ((0.0, 1 / 6), (0.5, 2 / 3), (1.0, 1 / 6))  # Simpson's rule


@dataclass(frozen=True)
class Slope:
    """The gradient of the chance of winning.

    Attributes
    ----------
    value : array, shape (states,)
        By state: how the chance of winning moves with its mean logit.
    covariance : array, shape (states, states)
        Of the errors of `value`, which come from one set of draws: where one state decides, another does not.
    """

    value: Floats
    covariance: Floats

    @property
    def std_error(self) -> Floats:
        """Of each state's value."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """Return the values that other simulations might have given, shape (n, states)."""
        # of one or two states the covariance may lie below 0 by rounding, of which NumPy would warn
        return rng.multivariate_normal(self.value, self.covariance, n, method="eigh", check_valid="ignore")


class Winning:
    """The chance of winning, moved by shifts of states' mean logits.

    Parameters
    ----------
    race : Race
        The distribution to draw from.
    n, seed : int
        The simulation's number of draws, and its seed.
    states : list of str
        What can be shifted: each state, with its districts.
    """

    def __init__(self, race: Race, n: int, seed: int, states: list[str]) -> None:
        """Draw once."""
        self.race, self.n = race, min(n, MOST)
        self.of_unit = np.array([states.index(state) for state in race.states])
        self.states = states
        mixture = race.mixture
        self.precisions = np.linalg.inv(mixture.covariance)
        ends = np.cumsum([0, *mixture.counts(self.n)])
        whole = np.concatenate(list(mixture.draws(self.n, seed)))
        self.parts = [whole[start:end] for start, end in pairwise(ends)]

    def chance(self, shift: Floats) -> float:
        """Return the share of draws that are won."""
        by = shift[self.of_unit].astype(np.float32)
        votes = self.race.votes.astype(np.float32)
        return (
            sum(float((((part + by) > 0).astype(np.float32) @ votes >= NEEDED).sum()) for part in self.parts) / self.n
        )

    def slope(self, shift: Floats) -> Slope:
        """Return the gradient at a shift."""
        return self._average([(1.0, shift)])

    def along(self, shift: Floats) -> Slope:
        """Return the gradient averaged along the way from no shift to this one; times the shift, it is the gain."""
        return self._average([(weight, at * shift) for at, weight in PATH])

    def _average(self, weighted_shifts: Sequence[tuple[float, Floats]]) -> Slope:
        """Return a weighted mean of the gradients at several shifts, from the same draws at each."""
        states = len(self.states)
        total, product = np.zeros(states), np.zeros((states, states))
        group = (self.of_unit[:, None] == np.arange(states)).astype(np.float32)
        for part, mean, precision in zip(self.parts, self.race.mixture.mean, self.precisions, strict=True):
            by_unit = np.zeros(part.shape, np.float32)
            for weight, shift in weighted_shifts:
                by = shift[self.of_unit]
                moved = part + by.astype(np.float32)
                by_unit += np.float32(weight) * win_gradient(moved, mean + by, precision, self.race.votes, NEEDED)
            rows = by_unit @ group
            total += rows.sum(axis=0, dtype=float)
            product += rows.T @ rows
        value = total / self.n
        return Slope(value, (product / self.n - np.outer(value, value)) / self.n)
