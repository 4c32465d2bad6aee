"""Do weights make groups alike in more than their means? Squares and products under each estimator's own weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from campaignkit.stats.arrays import Floats
from campaignkit.stats.causal.comparison import Comparison, Means, effective_size
from campaignkit.stats.regression.curves import squares_and_pairs

MOST_ROWS = 10_000  # rows looked at, evenly spread: enough to see a quarter of a standard deviation
MUCH, SURE = 0.25, 3.0  # standard deviations apart, and standard errors of that, which together speak against


class Apart(NamedTuple):
    """How far apart a square or product is left, in standard deviations before weighting."""

    furthest: float
    much: bool


def furthest_apart(c: Comparison, means_by_name: Mapping[str, Means]) -> dict[str, Apart]:
    """Return by estimator how far its weights leave the squares of numbers, and products of two columns, apart.

    Every estimator that is linear in the outcome is a weighting, so that where columns' means are alike under its
    weights and their squares are not, it is wrong by as much as the outcome bends. Differences that chance would give
    (within three standard errors) do not count, nor where the means themselves are apart.

    Parameters
    ----------
    c : Comparison
    means_by_name : mapping of str to Means
        Those that weigh no rows are passed over.

    Examples
    --------
    >>> from campaignkit.stats.causal.comparison import difference_in_means
    >>> x = np.column_stack([np.ones(400), np.tile([-1.5, 1.5, 0.3, -0.3], 100)])
    >>> treated = np.abs(x[:, 1]) > 1
    >>> c = Comparison(x, np.ones(400), treated, np.ones(400), None, ())
    >>> furthest_apart(c, {"difference": difference_in_means(c)})["difference"].much
    True
    """
    rows = slice(None, None, max(len(c.y) // MOST_ROWS, 1))
    columns = squares_and_pairs(c.x[rows], 10**6)[:, 1:]
    straight = c.x.shape[1] - 1
    if columns.shape[1] == straight:
        return {}
    spread = columns.std(axis=0)
    judged = {}
    for name, means in means_by_name.items():
        treated, control = means.mean_treated.weight, means.mean_control.weight
        if treated is not None and control is not None and treated[rows].sum() and control[rows].sum():
            judged[name] = _apart(columns, spread, straight, treated[rows], control[rows])
    return judged


def _apart(columns: Floats, spread: Floats, straight: int, treated: Floats, control: Floats) -> Apart:
    """Judge the columns after the first `straight`, where these, the covariates themselves, are alike."""
    difference = np.abs(treated @ columns / treated.sum() - control @ columns / control.sum()) / spread
    error = np.sqrt(sum(1 / max(effective_size(weight) or 1.0, 1.0) for weight in (treated, control)))
    much = (difference > MUCH) & (difference > SURE * error)
    alike = difference[:straight].max() <= MUCH
    return Apart(float(difference[straight:].max()), bool(alike and much[straight:].any()))
