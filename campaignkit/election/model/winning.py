"""The chance of winning as a function of the states' means, and its slope, all from one set of draws."""

from __future__ import annotations

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
    value : array
        By state: how the chance moves with its mean logit.
    std_error : array
        Of the draws.
    """

    value: Floats
    std_error: Floats


class Winning:
    """The chance of winning, moved by shifts of states' mean logits.

    Parameters
    ----------
    race : Race
        What is drawn from.
    n, seed : int
        How many draws, and their seed: those of the simulation.
    states : list of str
        What can be shifted: a state with its districts.
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
        by = shift[self.of_unit]
        total, square = np.zeros(len(self.states)), np.zeros(len(self.states))
        group = (self.of_unit[:, None] == np.arange(len(self.states))).astype(np.float32)
        for part, mean, precision in zip(self.parts, self.race.mixture.mean, self.precisions, strict=True):
            rows = win_gradient(part + by.astype(np.float32), mean + by, precision, self.race.votes, NEEDED)
            by_state = rows @ group
            total += by_state.sum(axis=0, dtype=float)
            square += (by_state.astype(float) ** 2).sum(axis=0)
        mean = total / self.n
        return Slope(mean, np.sqrt(np.maximum(square / self.n - mean**2, 0) / self.n))

    def along(self, shift: Floats) -> Slope:
        """Return the gradient averaged on the way from no shift to a shift: times the shift it is the gain."""
        slopes = [(weight, self.slope(at * shift)) for at, weight in PATH]
        value = sum((weight * slope.value for weight, slope in slopes), np.zeros(len(shift)))
        return Slope(value, sum((weight * slope.std_error for weight, slope in slopes), np.zeros(len(shift))))
