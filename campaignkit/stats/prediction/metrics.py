"""How good predicted probabilities are, from counts: who ranks who, how far shares are from what was said."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from campaignkit.stats.arrays import Floats, Whole

DRAWS = 4_000


@dataclass(frozen=True)
class Predictions:
    """Predictions beside what happened, one a cell.

    Attributes
    ----------
    p : array
        What was predicted.
    n, k : array
        The cell's weight, and the weight of those with the outcome.
    nn, kk : array
        The same for squared weights.
    cluster : array of int or None
        Who was drawn together, numbered from 0; -1: nobody else. None: each for themselves.
    """

    p: Floats
    n: Floats
    k: Floats
    nn: Floats
    kk: Floats
    cluster: Whole | None = None

    @property
    def total(self) -> float:
        """The weight of all."""
        return float(self.n.sum())

    def variance(self, with_outcome: Floats, without_outcome: Floats) -> float:
        """Return the variance of Σ weight · value, with two values for each cell; clusters are summed first."""
        alone = np.ones(len(self.p), bool) if self.cluster is None else self.cluster < 0
        total = float((self.kk * with_outcome**2 + (self.nn - self.kk) * without_outcome**2)[alone].sum())
        if self.cluster is not None and not alone.all():
            sums = np.bincount(
                self.cluster[~alone], (self.k * with_outcome + (self.n - self.k) * without_outcome)[~alone]
            )
            total += float(sums @ sums)
        return total


def log_loss(predictions: Predictions, p: Floats | None = None) -> float:
    """Return the mean of −log of the probability given to what happened, in nats.

    Examples
    --------
    >>> n = np.ones(2)
    >>> round(log_loss(Predictions(np.array([0.5, 0.5]), n, np.array([1.0, 0.0]), n, n)), 4)
    0.6931
    """
    p = np.clip(predictions.p if p is None else p, 1e-15, 1 - 1e-15)
    return float(-(predictions.k @ np.log(p) + (predictions.n - predictions.k) @ np.log1p(-p)) / predictions.total)


def auc(predictions: Predictions) -> tuple[float, float]:
    """Return the chance that one with the outcome was scored above one without it, and its standard error.

    Ties count one half. The error is DeLong's, from every row's influence, summed within clusters. NaN where all or
    none have the outcome.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837–845, section 3.

    Examples
    --------
    >>> k, n = np.array([0.0, 1.0, 1.0]), np.array([1.0, 2.0, 1.0])
    >>> auc(Predictions(np.array([0.1, 0.5, 0.9]), n, k, n, k))[0]
    0.875
    """
    below_yes, below_no, yes, no = _placed(predictions)
    if not (yes and no):
        return float("nan"), float("nan")
    value = float(predictions.k @ below_no / yes)
    return value, float(np.sqrt(predictions.variance((below_no - value) / yes, (1 - below_yes - value) / no)))


def auc_difference(predictions: Predictions, others: Floats) -> tuple[float, float]:
    """Return by how much the AUC of one prediction is above another's of the same rows, with its standard error."""
    other = replace(predictions, p=others)
    placed, against = _placed(predictions), _placed(other)
    yes, no = placed[2], placed[3]
    values = [float(predictions.k @ below_no / yes) for _, below_no, _, _ in (placed, against)]
    gap = values[0] - values[1]
    with_outcome = (placed[1] - against[1] - gap) / yes
    without_outcome = (against[0] - placed[0] - gap) / no
    return gap, float(np.sqrt(predictions.variance(with_outcome, without_outcome)))


def _placed(predictions: Predictions) -> tuple[Floats, Floats, float, float]:
    """Return for each cell the shares of those with and without the outcome scored below it, ties one half."""
    _, level = np.unique(predictions.p, return_inverse=True)
    yes, no = np.bincount(level, predictions.k), np.bincount(level, predictions.n - predictions.k)
    below = [((np.cumsum(part) - part / 2) / max(part.sum(), 1e-300))[level] for part in (yes, no)]
    return below[0], below[1], float(yes.sum()), float(no.sum())


def score_groups(p: Floats, n: Floats, groups: int) -> Whole:
    """Return which of so many groups of about one size each cell is in, by its prediction; ties stay together.

    Examples
    --------
    >>> score_groups(np.array([0.3, 0.1, 0.2, 0.2]), np.ones(4), 2).tolist()
    [1, 0, 1, 1]
    """
    values, level = np.unique(p, return_inverse=True)
    size = np.bincount(level, n, len(values))
    middle = (np.cumsum(size) - size / 2) / size.sum()
    return np.minimum((middle * groups).astype(np.int64), groups - 1)[level]


def calibration_error(
    predictions: Predictions, group: Whole, seed: int = 0, estimated: Floats | None = None
) -> tuple[float, float, float]:
    """Return the expected calibration error, its noise floor, and what noise alone stays below in 95 of 100 cases.

    Parameters
    ----------
    predictions : Predictions
    group : array of int
        Which group each cell is in, from 0.
    seed : int
        Of the draws for the last number.
    estimated : array or None
        By group (rows) and independent standard normal error of what was fitted (columns), how far the group's sum of
        predictions is off. None: the predictions are taken for exact.

    Returns
    -------
    error, floor, upper : float
        Σ over groups of |Σ (outcome − prediction)| / n; what a prediction of the right form would show on as many rows,
        fitted on as many as it was, on average and at its 95th percentile, clusters taken into account.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015), AAAI 29, for the error; a half-normal's mean, √(2/π) σ, for its floor.

    Examples
    --------
    >>> n, k = np.array([100.0, 100.0]), np.array([12.0, 48.0])
    >>> error = calibration_error(Predictions(np.array([0.1, 0.5]), n, k, n, k), np.array([0, 1]))
    >>> round(error[0], 3), round(error[1], 3)
    (0.02, 0.032)
    """
    gap = np.bincount(group, predictions.k - predictions.n * predictions.p)
    spread = np.sqrt(group_variances(predictions, group))
    rng = np.random.default_rng(seed)
    drawn, whole = rng.normal(size=(DRAWS, len(spread))) * spread, spread
    if estimated is not None:
        drawn = drawn + rng.normal(size=(DRAWS, estimated.shape[1])) @ estimated.T
        whole = np.sqrt(spread**2 + (estimated**2).sum(axis=1))
    noise = np.abs(drawn).sum(axis=1) / predictions.total
    floor = float(np.sqrt(2 / np.pi) * whole.sum() / predictions.total)
    return float(np.abs(gap).sum() / predictions.total), floor, float(np.quantile(noise, 0.95))


def group_variances(predictions: Predictions, group: Whole) -> Floats:
    """Return the variance of each group's Σ weight · outcome, were the predictions right.

    With clusters it is multiplied by how much more the sums of their residuals within groups vary than independent
    ones would, over all groups.
    """
    plain: Floats = np.asarray(np.bincount(group, predictions.nn * predictions.p * (1 - predictions.p)), float)
    if predictions.cluster is None:
        return plain
    independent = replace(predictions, cluster=None).variance(1 - predictions.p, -predictions.p)
    alone = predictions.cluster < 0
    within = np.where(alone, np.arange(len(group)) + predictions.cluster.max() + 1, predictions.cluster)
    parts = np.unique(within * (group.max() + 1) + group, return_inverse=True)[1]
    within_parts = replace(predictions, cluster=np.where(alone, -1, parts))
    effect = within_parts.variance(1 - predictions.p, -predictions.p) / independent if independent else 1.0
    return plain * max(effect, 1.0)
