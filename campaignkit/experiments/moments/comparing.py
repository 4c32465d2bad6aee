"""Each arm's level and its difference to the control, from moments by arm and stratum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import ndtri

from campaignkit.errors import BadValue, NotEnoughData, listed, nearest
from campaignkit.experiments.moments.groups import Design, Groups, Outcome
from campaignkit.stats.arrays import Bounds, Floats, Whole
from campaignkit.stats.intervals import pairs
from campaignkit.stats.intervals.clustered import MANY, LeaveOut, shared_df
from campaignkit.stats.intervals.differences import (
    Compared,
    hall,
    inverted,
    mover,
    mover_ratio,
    satterthwaite,
    t_quantile,
    welch,
)
from campaignkit.stats.intervals.moments import Level, Moments
from campaignkit.stats.intervals.multiplicity import adjusted
from campaignkit.stats.intervals.rates import wilson_at
from campaignkit.vocabulary import CONFIDENCE_LEVEL


@dataclass(frozen=True)
class Arms:
    """One outcome's moments in arrays: axis 0 the arms, axis 1 the strata (one where there are none).

    Attributes
    ----------
    share
        Each stratum's share of all people, which weights it in every arm alike.
    cross
        Σ over clusters of each arm's (y, d, p)' times the control's; None where no cluster spans arms.
    clustered
        Whether units are clusters or weighted, so that rates need a design effect.
    """

    names: list[Any]
    control: int
    kind: str
    moments: Moments
    share: Floats
    cross: Floats | None
    adjusted: bool
    clustered: bool
    confidence_level: float = CONFIDENCE_LEVEL

    @property
    def paired(self) -> bool:
        """Whether strata are pairs: in each, some arm has one unit, so that only strata tell how much they vary."""
        return self.share.size > 1 and bool((self.moments.n < 2).any(axis=0).all())


@dataclass(frozen=True)
class Levels:
    """Each arm's level, with what its interval is made of.

    Attributes
    ----------
    units
        Rows, or clusters.
    gift
        The mean gift of all arms together, for an arm without any; NaN where nobody gave.
    """

    kind: str
    clustered: bool
    value: Floats
    variance: Floats
    df: Floats
    cumulant: Floats
    units: Floats
    gift: float
    confidence_level: float = CONFIDENCE_LEVEL

    def of(self, arm: int) -> Levels:
        """Return one arm's, as often as there are arms."""
        arrays = (self.value, self.variance, self.df, self.cumulant, self.units)
        return Levels(
            self.kind, self.clustered, *(np.full(x.shape, x[arm]) for x in arrays), self.gift, self.confidence_level
        )

    def bounds(self, alpha: Floats | float | None = None) -> Bounds:
        """Return the interval of each arm's level, each at its own alpha; None: as the confidence level says."""
        alpha = np.broadcast_to(1 - self.confidence_level if alpha is None else alpha, self.value.shape)
        if self.kind == "rate":
            z = t_quantile(self.df, alpha) if self.clustered else -ndtri(alpha / 2)
            return wilson_at(self.value, self.effective(), z)
        if self.kind == "money":
            return self._money_bounds(alpha)
        se = np.where(self.variance > 0, np.sqrt(self.variance), np.nan)
        half = t_quantile(self.df, alpha) * se
        return self.value - half, self.value + half

    def effective(self) -> Floats:
        """Return how many independent people would make a rate as certain as it is."""
        with np.errstate(divide="ignore", invalid="ignore"):
            units = self.value * (1 - self.value) / self.variance * self.units / (self.units - 1)
        return np.where(self.variance > 0, units, self.units)

    def _money_bounds(self, alpha: Floats) -> Bounds:
        """Hall's interval; where an arm has no gift, what its rate of gifts may be times the other arms' mean gift."""
        lower, upper = hall(self.value, np.sqrt(self.variance), self.cumulant, self.df, alpha)
        most = wilson_at(np.zeros_like(self.value), self.units, -ndtri(alpha / 2))[1] * self.gift
        nothing = self.value == 0
        least = 0.0 if np.isfinite(self.gift) else np.nan
        return np.where(nothing, least, np.maximum(lower, 0)), np.where(nothing, most, upper)


def find_control(names: list[Any], control: Any) -> int:
    """Return the control's place among the arms: as named, else 'control', False or 0."""
    if control is not None:
        if control not in names:
            hint = nearest(control, [x for x in names if isinstance(x, str)]) if isinstance(control, str) else "."
            raise BadValue(f"control is {control!r}, which has nobody{hint} The arms are: {listed(map(repr, names))}.")
        return names.index(control)
    usual = [i for i, name in enumerate(names) if str(name).casefold() in ("control", "false", "0")]
    if len(usual) != 1:
        raise BadValue(f"Say which arm is the control: control=… The arms are: {listed(map(repr, names))}.")
    return usual[0]


def arrange(groups: Groups, outcome: Outcome, design: Design, control: int, *, whole: bool = True) -> Arms:
    """Put an outcome's groups into arrays by arm and stratum; where `whole`, each must have people."""
    names = arm_names(groups, design)
    arm = np.array([names.index(key) for key in _arm_keys(groups, design)])
    strata = groups.table.select(design.roles.by).rows() if design.roles.by else [()] * groups.table.height
    order = {key: i for i, key in enumerate(dict.fromkeys(strata))}
    stratum = np.array([order[key] for key in strata])
    shape = (len(names), len(order))
    if whole:
        _check_whole(shape, arm, stratum, names, list(order), design)
    place = (arm, stratum)
    moments = _moments_placed(outcome.moments, place, shape)
    if whole and not (moments.n.shape[1] > 1 and (moments.n < 2).any(axis=0).all() and (moments.n > 0).all()):
        _check_enough(moments, names, list(order), design, outcome.name)
    size = (moments.n * moments.mean[..., 1]).sum(axis=0)
    cross = None if outcome.cross is None else _placed(outcome.cross, place, shape)
    clustered = design.roles.cluster is not None or design.roles.weight is not None or len(order) > 1
    return Arms(
        names, control, outcome.kind, moments, size / size.sum(), cross, outcome.name in design.covariates, clustered,
        design.confidence_level,
    )  # fmt: skip


def arm_names(groups: Groups, design: Design) -> list[Any]:
    """Return the arms in the order of their names; tuples where several design make an arm."""
    return list(dict.fromkeys(sorted(_arm_keys(groups, design))))


def _arm_keys(groups: Groups, design: Design) -> list[Any]:
    keys = groups.table.select(design.roles.arms).rows()
    return keys if len(design.roles.arms) > 1 else [key[0] for key in keys]


def _arrays(m: Moments) -> tuple[Floats, Floats, Floats, Floats]:
    return m.n, m.mean, m.ss, m.cube


def _placed(x: Floats, place: tuple[Whole, ...], shape: tuple[int, ...]) -> Floats:
    array = np.zeros((*shape, *x.shape[1:]))
    array[place] = x
    return array


def _moments_placed(m: Moments, place: tuple[Whole, ...], shape: tuple[int, ...]) -> Moments:
    left = m.left
    if left is not None:
        left = LeaveOut(*(_placed(x, place, shape) for x in (left.mean, left.ss, left.fourth)))
    return Moments(*(_placed(x, place, shape) for x in _arrays(m)), left)


def _check_whole(
    shape: tuple[int, ...], arm: Whole, stratum: Whole, names: list[Any], strata: list[Any], design: Design
) -> None:
    seen = np.zeros(shape, bool)
    seen[arm, stratum] = True
    if not seen.all():
        a, s = np.argwhere(~seen)[0]
        which = ", ".join(f"{c} {v!r}" for c, v in zip(design.roles.by, strata[s], strict=True))
        raise NotEnoughData(
            f"Arm {names[a]!r} has nobody in stratum {which} ({int((~seen).sum())} such gaps): no difference can be "
            "taken there. Merge strata, or leave the arm or the stratum out."
        )


def _check_enough(moments: Moments, names: list[Any], strata: list[Any], design: Design, outcome: str) -> None:
    few = np.argwhere(moments.n < 2)
    if len(few):
        a, s = few[0]
        where = f" in stratum {strata[s]!r}" if design.roles.by else ""
        units = "clusters" if design.roles.cluster is not None else "people"
        raise NotEnoughData(
            f"Arm {names[a]!r} has {int(moments.n[a, s])} {units} with a value of {outcome!r}{where}; at least 2 were "
            "expected."
        )


# --- levels ---------------------------------------------------------------------------------------------


def levels(arms: Arms) -> Levels:
    """Return each arm's level, strata weighted alike in all arms."""
    m, w = arms.moments, arms.share
    level = m.level()
    units = m.n.sum(axis=1)
    if arms.paired:
        value, variance, df = pairs.mean_of_strata(level.value, w)
    else:
        parts = w**2 * level.variance / m.n
        value, variance = (w * level.value).sum(axis=1), parts.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            df = variance**2 / (parts**2 / m.df()).sum(axis=1)
        df = np.where(np.isfinite(df), df, m.df().sum(axis=1))
    cumulant = (w**3 * np.nan_to_num(m.third_cumulant())).sum(axis=1)
    givers = (m.n * m.mean[..., 3]).sum()
    gift = float((m.n * m.mean[..., 0]).sum() / givers) if givers > 0 else np.nan
    return Levels(arms.kind, arms.clustered, value, variance, df, cumulant, units, gift, arms.confidence_level)


# --- differences ----------------------------------------------------------------------------------------


def differences(arms: Arms, levels: Levels) -> tuple[Compared, Bounds, Floats]:
    """Return each arm's difference to the control, the interval of the ratio, and the ratio."""
    if arms.paired:
        compared, bounds, ratio = pairs.by_pairs(
            arms.moments.level(), arms.share, arms.control, arms.adjusted, arms.confidence_level
        )
        return _without_control(compared, arms.control), _blank(bounds, arms.control), ratio
    if arms.adjusted or arms.kind == "mean":
        return by_welch(arms)
    recovered = _recovered(arms, levels)
    if arms.cross is None and not (arms.kind == "rate" and arms.moments.left is not None):
        return recovered
    return _where(_certain(arms, levels), by_welch(arms), recovered, keep_ratio=arms.cross is None)


def _certain(arms: Arms, levels: Levels) -> Floats:
    """Return where both arms' clusters vary, so that t on the linearised difference has something to go by."""
    return (levels.variance > 0) & (levels.variance[arms.control] > 0)


def _where(
    chosen: Floats, one: tuple[Compared, Bounds, Floats], two: tuple[Compared, Bounds, Floats], keep_ratio: bool
) -> tuple[Compared, Bounds, Floats]:
    compared = Compared(*(np.where(chosen, a, b) for a, b in zip(one[0], two[0], strict=True)))
    if keep_ratio:
        return compared, two[1], two[2]
    lower, upper = (np.where(chosen, a, b) for a, b in zip(one[1], two[1], strict=True))
    return compared, (lower, upper), np.where(chosen, one[2], two[2])


def _recovered(arms: Arms, levels: Levels) -> tuple[Compared, Bounds, Floats]:
    """Return differences put together from the intervals of two levels (MOVER)."""
    c = arms.control
    covariance = _covariance(arms).sum(axis=1)
    variance = levels.variance + levels.variance[c] - 2 * covariance
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.nan_to_num(covariance / np.sqrt(levels.variance * levels.variance[c]))

    control = levels.of(c)

    def bounds(alpha: Floats) -> Bounds:
        return mover(levels.value, levels.bounds(alpha), control.value, control.bounds(alpha), rho)

    lower, upper = bounds(np.full(levels.value.shape, 1 - arms.confidence_level))
    p = inverted(bounds, levels.value.shape)
    compared = Compared(levels.value - levels.value[c], np.sqrt(np.maximum(variance, 0)), lower, upper, p)
    return _without_control(compared, c), *_ratio(arms, levels)


def _ratio(arms: Arms, levels: Levels) -> tuple[Bounds, Floats]:
    value, control = levels.value, levels.of(arms.control)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value / control.value
    bounds = mover_ratio(value, levels.bounds(), control.value, control.bounds())
    return _blank(bounds, arms.control), np.where(np.isfinite(ratio), ratio, np.nan)


def _blank(bounds: Bounds, c: int) -> Bounds:
    for bound in bounds:
        bound[c] = np.nan
    return bounds


def _without_control(compared: Compared, c: int) -> Compared:
    for values in compared:
        values[c] = np.nan
    return compared


def _covariance(arms: Arms, theta: Floats | None = None) -> Floats:
    """Return by stratum the covariance of each arm's level with the control's, through clusters that both are in."""
    if arms.cross is None:
        return np.zeros(arms.moments.n.shape)
    m, c = arms.moments, arms.control
    own, covariate = m.gradients(m.level())
    if theta is not None:
        lean = theta[:, None, None]
        g, gc = own - lean * covariate, own[c] - lean * covariate[c]
    else:
        g, gc = own, np.broadcast_to(own[c], own.shape)
    shared = np.einsum("asi,asij,asj->as", g[..., :3], arms.cross, gc[..., :3]) / (m.n * m.n[c])
    if m.left is not None:
        factor = np.where(m.df() < MANY, (m.n - 1) / m.n, 1.0)
        shared = shared * np.sqrt(factor * factor[c])
    return arms.share**2 * shared


def by_welch(arms: Arms) -> tuple[Compared, Bounds, Floats]:
    """Return differences by Welch's test on levels, adjusted for the covariate where there is one (CUPED)."""
    m, w, c = arms.moments, arms.share, arms.control
    own, theta, center = m.level(), *_theta(arms)
    lean = theta[:, None]
    arm = _adjusted(own, lean, center)
    control = _adjusted(Level(*(np.broadcast_to(x[c], x.shape) for x in own)), lean, center)
    value, base = (w * arm[0]).sum(axis=1), (w * control[0]).sum(axis=1)
    covariance = _covariance(arms, theta if arms.adjusted else None)
    df = m.df()
    halves = ((arm, m.n, df), (control, np.broadcast_to(m.n[c], m.n.shape), np.broadcast_to(df[c], df.shape)))
    parts = [(w**2 * x[1] / n, own_df) for x, n, own_df in halves]
    compared = _welch(value - base, parts, -2 * covariance, arms)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(value / base > 0, value / base, np.nan)
        logs = [(v / x[:, None] ** 2, own_df) for (v, own_df), x in zip(parts, (value, base), strict=True)]
        relative = _welch(np.log(ratio), logs, -2 * covariance / (value * base)[:, None], arms)
    with np.errstate(over="ignore"):  # an end beyond every number is infinite
        bounds = np.exp(relative.lower), np.exp(relative.upper)
    return _without_control(compared, c), _blank(bounds, c), ratio


def _adjusted(level: Level, lean: Floats, center: Floats) -> tuple[Floats, Floats]:
    value = level.value - lean * (level.covariate - center)
    return value, level.variance + lean**2 * level.covariate_variance - 2 * lean * level.covariance


def _welch(estimate: Floats, parts: list[tuple[Floats, Floats]], extra: Floats, arms: Arms) -> Compared:
    columns = [(v[:, s], df[:, s]) for v, df in parts for s in range(v.shape[1])]
    variance = sum(v for v, _ in parts) + extra
    shared = _shared_df(arms)
    if shared is not None:
        columns = [(variance[:, s], shared[:, s]) for s in range(variance.shape[1])]
    return welch(estimate, variance.sum(axis=1), satterthwaite(*columns), arms.confidence_level)


def _shared_df(arms: Arms) -> Floats | None:
    """Return by stratum the degrees of freedom of differences over the same clusters; None where arms share none."""
    m, c = arms.moments, arms.control
    if arms.cross is None or m.left is None:
        return None
    first, total = m.n * m.left.mean[..., 1], m.n * m.mean[..., 1]
    second = m.left.ss[..., 1, 1] + m.n * m.left.mean[..., 1] ** 2
    control = first[c], second[c], total[c]
    df, few = shared_df((first, second, total), control, arms.cross[..., 1, 1]), m.df() < MANY
    return np.where(few | few[c], df, np.minimum(m.df(), m.df()[c]))


def _theta(arms: Arms) -> tuple[Floats, Floats]:
    """Return each comparison's slope of the outcome on its covariate, and the covariate's mean in the two arms.

    Deng, Xu, Kohavi & Walker (2013), section 3.2: both from the two arms put together, within strata.
    """
    m, c = arms.moments, arms.control
    n, mean, ss, cube = (np.stack([x, np.broadcast_to(x[c], x.shape)]) for x in _arrays(m))
    pair = Moments(n, mean, ss, cube).over(0)
    whole = pair.level()
    if not arms.adjusted:
        return np.zeros(m.n.shape[0]), np.zeros_like(whole.covariate)
    weight = pair.n - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = (weight * whole.covariance).sum(axis=1) / (weight * whole.covariate_variance).sum(axis=1)
    return np.nan_to_num(theta), whole.covariate


def corrected(table: pl.DataFrame, correction: str) -> pl.DataFrame:
    """Add p-values corrected over all of the table's comparisons; null ones are no comparisons."""
    p = table["p_value"].to_numpy()
    known = np.isfinite(p)
    p_adjusted = np.full(p.shape, np.nan)
    p_adjusted[known] = adjusted(p[known], correction)
    place = table.get_column_index("p_value") + 1
    table = table.insert_column(place, pl.Series("p_adjusted", p_adjusted).fill_nan(None))
    return table.insert_column(place + 1, pl.Series("correction", [correction] * table.height))
