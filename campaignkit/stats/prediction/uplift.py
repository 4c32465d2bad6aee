"""How well a ranking finds those a contact moves: the Qini coefficient with its error, and the effect by decile.

Everything works on cells: how many rows (or how much weight) have one score, arm and outcome. The ranking is taken as
given: it must come from other rows, or every number here is flattered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.intervals.differences import inverted, mover, score_limits
from campaignkit.stats.intervals.estimate import Estimate, interval


@dataclass(frozen=True)
class Outcomes:
    """Rows of a two-armed experiment with an outcome of yes and no, like ones together.

    Attributes
    ----------
    treated, yes : array of bool, one a cell
    weight : array
        Rows in the cell; with survey weights their sum.
    squares : array
        The sum of the squared weights; the same as `weight` where every row counts 1.
    cluster : array of int64 or None
        Who chance drew together, numbered from 0: a cell then holds rows of one cluster; -1: rows each for itself.
        None: all are.
    """

    treated: Mask
    yes: Mask
    weight: Floats
    squares: Floats
    cluster: Whole | None = None

    def take(self, rows: Mask | Whole) -> Outcomes:
        """Return some of the cells."""
        cluster = None if self.cluster is None else self.cluster[rows]
        return Outcomes(self.treated[rows], self.yes[rows], self.weight[rows], self.squares[rows], cluster)

    def reweighted(self, factor: Floats) -> Outcomes:
        """Return the cells with each weight multiplied."""
        return replace(self, weight=self.weight * factor, squares=self.squares * factor**2)

    def draws(self, rows: Mask | None = None) -> float:
        """Return how many clusters some cells have, or (without them) how many equally weighted rows."""
        rows = np.ones(len(self.yes), bool) if rows is None else rows
        alone = rows if self.cluster is None else rows & (self.cluster < 0)
        kish = self.weight[alone].sum() ** 2 / max(self.squares[alone].sum(), 1e-300)
        if self.cluster is None:
            return float(kish)
        return float(kish + len(np.unique(self.cluster[rows & ~alone & (self.weight > 0)])))

    def variance(self, gradient: Floats) -> float:
        """Return the variance of an estimate from its derivative by each cell's weight, summed within clusters."""
        alone = np.ones(len(gradient), bool) if self.cluster is None else self.cluster < 0
        total = float(gradient[alone] ** 2 @ self.squares[alone])
        if self.cluster is not None and not alone.all():
            sums = np.bincount(self.cluster[~alone], (self.weight * gradient)[~alone])
            total += float(sums @ sums)
        draws = self.draws()
        return total * draws / max(draws - 1, 1)

    def degrees_of_freedom(self) -> float:
        """Return the fewer of the two arms' draws, less one."""
        return max(min(self.draws(self.treated), self.draws(~self.treated)) - 1.0, 1.0)


# --- Qini -------------------------------------------------------------------------------------------------


def qini(score: Floats, outcomes: Outcomes) -> tuple[float, Floats]:
    """Return the Qini coefficient of a ranking, and its derivative by each cell's weight.

    Parameters
    ----------
    score : array, one a cell
        Who to contact first has most; equal scores are one step.
    outcomes : Outcomes

    Returns
    -------
    value : float
        The area between the ranking's Qini curve and the straight line, over that of the best ranking there could be:
        1 is that best, 0 a ranking at random, below 0 is worse than at random. NaN where nothing could be ranked.
    gradient : array, one a cell

    Notes
    -----
    With Y_t, Y_c the yeses and N_t, N_c the people among the first so many, the curve is Y_t − Y_c N_t / N_c against
    N_t + N_c. The best ranking puts treated yeses first and the control's yeses last, harm included. This is
    scikit-uplift's ``qini_auc_score(y, uplift, treatment)``, to the last digits.

    References
    ----------
    Radcliffe (2007), Direct Marketing Analytics Journal 1, 14–21; scikit-uplift 0.5.1, ``sklift.metrics``.

    Examples
    --------
    >>> one = np.ones(4)
    >>> arms, yes = np.array([True, False, True, False]), np.array([True, True, False, False])
    >>> round(qini(np.array([4.0, 1, 3, 2]), Outcomes(arms, yes, one, one))[0], 4)  # the best there could be
    1.0
    """
    steps = np.unique(-score, return_inverse=True)[1]
    best = np.where(outcomes.yes, np.where(outcomes.treated, 0, 2), 1)
    area, by_area = _area(steps, outcomes)
    most, by_most = _area(best, outcomes)
    line, by_line = _area(np.zeros(len(steps), int), outcomes)
    span = most - line
    if not span > 0:
        return np.nan, np.full(len(steps), np.nan)
    value = (area - line) / span
    return float(value), (by_area - by_line - value * (by_most - by_line)) / span


def _sums(steps: NDArray[np.intp], outcomes: Outcomes) -> list[Floats]:
    """Return N_t, N_c, Y_t and Y_c among the first so many steps."""
    parts = (outcomes.treated, ~outcomes.treated, outcomes.treated & outcomes.yes, ~outcomes.treated & outcomes.yes)
    size = int(steps.max()) + 1
    return [np.bincount(steps, outcomes.weight * part, size).cumsum(dtype=np.float64) for part in parts]


def _area(steps: NDArray[np.intp], outcomes: Outcomes) -> tuple[float, Floats]:
    """Return the area under a Qini curve by trapezoids, and its derivative by each cell's weight."""
    n_t, n_c, y_t, y_c = _sums(steps, outcomes)
    some = n_c > 0
    rate, ratio = (np.divide(top, n_c, out=np.zeros_like(n_c), where=some) for top in (y_c, n_t))
    x, q = np.r_[0.0, n_t + n_c], np.r_[0.0, y_t - y_c * ratio]
    area = float(np.diff(x) @ (q[1:] + q[:-1]) / 2)
    by_x, by_q = (np.r_[q, q[-1]], np.r_[x, x[-1]])
    by_x, by_q = (by_x[:-2] - by_x[2:]) / 2, (by_q[2:] - by_q[:-2]) / 2
    by_x[-1] += q[-1]
    # what a row adds at its own step it adds at all later ones
    to_t, to_c, yes_t, yes_c = (
        np.cumsum(part[::-1])[::-1] for part in (by_x - by_q * rate, by_x + by_q * rate * ratio, by_q, -by_q * ratio)
    )
    arm = np.where(outcomes.treated, to_t[steps], to_c[steps])
    return area, arm + outcomes.yes * np.where(outcomes.treated, yes_t[steps], yes_c[steps])


def mean_qini(score: Floats, outcomes: Outcomes, fold: Whole, confidence_level: float = 0.95) -> Estimate:
    """Return the folds' Qini coefficients averaged, by rows, with an interval.

    Parameters
    ----------
    score : array, one a cell
        Scores of different folds are never compared: each comes from a model of its own.
    outcomes : Outcomes
    fold : array of int, one a cell
        Which fold a cell is judged in; clusters lie whole in one.
    confidence_level : float
        Confidence.

    Returns
    -------
    Estimate
        The error is the delta method's (each row's influence, summed within clusters), the interval Student's t on the
        fewer arm's clusters less one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, arm = rng.random(4000), rng.random(4000) < 0.5
    >>> outcomes = Outcomes(arm, rng.random(4000) < 0.3 + 0.4 * x * arm, np.ones(4000), np.ones(4000))
    >>> mean = mean_qini(x, outcomes, np.arange(4000) % 2)
    >>> print(f"{mean.value:.3f}, {mean.lower:.3f} to {mean.upper:.3f}")
    0.095, 0.068 to 0.122
    """
    value, gradient, total = 0.0, np.zeros(len(score)), outcomes.weight.sum()
    for number in np.unique(fold):
        rows = fold == number
        part = outcomes.take(rows)
        share = part.weight.sum() / total
        coefficient, by_weight = qini(score[rows], part)
        value += share * coefficient
        gradient[rows] = share * by_weight
    return interval(value, float(np.sqrt(outcomes.variance(gradient))), outcomes.degrees_of_freedom(), confidence_level)


def gain_curve(score: Floats, outcomes: Outcomes, fold: Whole, points: int = 20) -> Floats:
    """Return what contacting the first so many gains over contacting nobody, per person of the whole.

    Parameters
    ----------
    score, outcomes, fold
        As for `mean_qini`.
    points : int
        At how many equal shares after 0.

    Returns
    -------
    array, (points + 1) × 2
        Share contacted, and the gain: that share times the difference of the arms' rates in it. At 1 it is the average
        effect.
    """
    grid, curve, total = np.linspace(0, 1, points + 1), np.zeros(points + 1), outcomes.weight.sum()
    for number in np.unique(fold):
        rows = fold == number
        part = outcomes.take(rows)
        n_t, n_c, y_t, y_c = _sums(np.unique(-score[rows], return_inverse=True)[1], part)
        whole = n_t + n_c
        both = (n_t > 0) & (n_c > 0)
        effect = np.divide(y_t, n_t, out=np.zeros_like(n_t), where=both) - np.divide(
            y_c, n_c, out=np.zeros_like(n_c), where=both
        )
        gain = np.interp(grid, np.r_[0, whole / whole[-1]], np.r_[0, effect * whole / whole[-1]])
        curve += gain * whole[-1] / total
    return np.column_stack([grid, curve])


# --- uplift by group --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GroupEffects:
    """Effects in groups of people: one number per group.

    Attributes
    ----------
    group : array of int
        Which groups have anybody.
    treated, control : array
        Weight in either arm.
    score, treated_rate, control_rate, estimate, lower, upper, p_value : array
        The mean score; the arms' shares of yes; their difference with its interval. NaN where an arm is empty.
    """

    group: Whole
    treated: Floats
    control: Floats
    score: Floats
    treated_rate: Floats
    control_rate: Floats
    estimate: Floats
    lower: Floats
    upper: Floats
    p_value: Floats


def rank_shares(score: Floats, weight: Floats, fold: Whole) -> Floats:
    """Return each cell's place within its fold as a share, 0 being the best; equal scores share the middle.

    Examples
    --------
    >>> rank_shares(np.array([3.0, 1, 2, 2]), np.ones(4), np.zeros(4, int)).tolist()
    [0.125, 0.875, 0.5, 0.5]
    """
    place = np.empty(len(score))
    for number in np.unique(fold):
        rows = np.flatnonzero(fold == number)
        steps = np.unique(-score[rows], return_inverse=True)[1]
        sizes = np.bincount(steps, weight[rows])
        place[rows] = ((np.cumsum(sizes) - sizes / 2) / sizes.sum())[steps]
    return place


def group_effects(group: Whole, score: Floats, outcomes: Outcomes, confidence_level: float = 0.95) -> GroupEffects:
    """Return the effect in each group of people.

    Parameters
    ----------
    group : array of int, one a cell
        Groups from 0.
    score : array, one a cell
        Of which each group's mean is given.
    outcomes : Outcomes
    confidence_level : float
        Confidence of each group's interval.

    Notes
    -----
    Newcombe's interval from Wilson's for each arm, with as many people as would give the arm's rate the variance that
    its clusters and weights give it.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 873–890, method 10; the effective number of people: Korn and Graubard
    (1998), Survey Methodology 24, 193–201.

    Examples
    --------
    >>> n = np.array([40.0, 60, 30, 70])
    >>> outcomes = Outcomes(np.array([True, True, False, False]), np.array([True, False, True, False]), n, n)
    >>> effect = group_effects(np.zeros(4, int), np.ones(4), outcomes)
    >>> effect.estimate.round(2).tolist(), effect.lower.round(2).tolist()
    ([0.1], [-0.03])
    """
    known = np.unique(group[outcomes.weight > 0])
    rows = np.array([_arms(outcomes, group == number) for number in known])  # group × arm × (weight, rate, effective n)
    (n_t, p_t, e_t), (n_c, p_c, e_c) = (rows[:, arm].T for arm in (0, 1))
    mean = np.bincount(group, outcomes.weight * score)[known] / np.bincount(group, outcomes.weight)[known]

    def bounds(alpha: Floats) -> tuple[Floats, Floats]:
        return mover(p_t, score_limits(p_t, e_t, alpha), p_c, score_limits(p_c, e_c, alpha))

    lower, upper = bounds(np.full(len(known), 1 - confidence_level))
    return GroupEffects(known, n_t, n_c, mean, p_t, p_c, p_t - p_c, lower, upper, inverted(bounds, (len(known),)))


def _arms(outcomes: Outcomes, rows: Mask) -> list[tuple[float, float, float]]:
    return [_rate(outcomes.take(rows & arm)) for arm in (outcomes.treated, ~outcomes.treated)]


def _rate(outcomes: Outcomes) -> tuple[float, float, float]:
    """Return a group's weight, its rate, and how many people drawn singly would know the rate as well."""
    total = float(outcomes.weight.sum())
    if not total > 0:
        return 0.0, np.nan, np.nan
    rate = float(outcomes.weight @ outcomes.yes / total)
    draws, spread = outcomes.draws(), outcomes.variance((outcomes.yes.astype(np.float64) - rate) / total)
    if not (0 < rate < 1 and spread > 0):  # nobody or everybody: that clusters agree cannot be told from chance
        return total, rate, draws
    return total, rate, min(rate * (1 - rate) / spread, total**2 / float(outcomes.squares.sum()))


def average_effect(outcomes: Outcomes, confidence_level: float = 0.95) -> Estimate:
    """Return the difference of the two arms' rates over everyone, errors summed within clusters.

    Examples
    --------
    >>> ones = np.array([40.0, 60, 30, 70])
    >>> outcomes = Outcomes(np.array([True, True, False, False]), np.array([True, False, True, False]), ones, ones)
    >>> round(average_effect(outcomes).value, 3)
    0.1
    """
    gradient, value = np.zeros(len(outcomes.yes)), 0.0
    for sign, arm in ((1, outcomes.treated), (-1, ~outcomes.treated)):
        total = outcomes.weight[arm].sum()
        rate = outcomes.weight[arm] @ outcomes.yes[arm] / total
        gradient[arm] = sign * (outcomes.yes[arm] - rate) / total
        value += sign * rate
    return interval(
        float(value), float(np.sqrt(outcomes.variance(gradient))), outcomes.degrees_of_freedom(), confidence_level
    )
