"""How many it takes: effects, sizes and power from past data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments.moments.comparing import Levels
from campaignkit.experiments.moments.gifts import gifts_of
from campaignkit.experiments.moments.groups import Design, design_of
from campaignkit.experiments.moments.reading import read
from campaignkit.result import Result
from campaignkit.stats.intervals.differences import mover
from campaignkit.stats.intervals.moments import Moments
from campaignkit.stats.intervals.power import first_reaching, power
from campaignkit.tables import open_columns
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import change, level

if TYPE_CHECKING:
    import altair as alt

MOST_PEOPLE = 1e12
REPEATS = 1000  # of the experiment simulated from past gifts
CURVE = np.geomspace(0.1, 10, 25)  # sizes of the chart, times the first row's


@dataclass(frozen=True)
class Past:
    """What the plan rests on.

    Attributes
    ----------
    mean, variance
        Of one person; the variance includes clusters (design effect) and the covariate (CUPED).
    design_effect, icc
        How much clusters widen the variance, and the correlation within them; 1 and null without clusters.
    explained
        The share of the variance that `covariate` takes away.
    """

    kind: str
    mean: float
    variance: float
    design_effect: float
    icc: float | None
    cluster_size: float
    explained: float

    def widened(self, effect: float) -> float:
        """Return the variance of an arm with this effect, over the control's: more givers, more variance."""
        if self.kind == "rate":
            other = self.mean + effect
            return max(other * (1 - other), 1e-12) / (self.mean * (1 - self.mean))
        return max(1 + effect / self.mean, 1e-12) if self.kind == "money" else 1.0

    @property
    def most(self) -> float:
        """The largest effect there can be."""
        return 1 - self.mean - 1e-9 if self.kind == "rate" else np.inf


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Result):
    """What an experiment of a given size would show, or how large it must be.

    `table` has one row per size or effect asked for: `arms`, `n` (people in all arms together), `n_arm` (in each arm
    other than the control), `n_control`, `effect` (a difference to the control, in the outcome's
    unit), `relative_effect` (as a share of the mean), `power`, `alpha` (of each comparison: 1 − confidence_level over
    their number), `power_checked` (money: the share of experiments simulated from past gifts, tails and all, in which
    `analyze` would show the effect as more givers; null otherwise).
    """

    outcome: str
    past: Past
    solved: str
    curve: pl.DataFrame
    confidence_level: float

    def summary(self) -> str:
        """Say the first row: what it takes for what."""
        row, kind = self.table.row(0, named=True), self.past.kind
        text = (
            f"{row['n']:,} people in {row['arms']} arms detect an effect of {change(row['effect'], kind)} on "
            f"{level(self.past.mean, kind)} ({row['relative_effect']:+.0%}) with {row['power']:.0%} power."
        )
        if self.past.icc is not None:
            text += (
                f" Clustering (correlation {self.past.icc:.2f}) multiplies the variance by "
                f"{self.past.design_effect:.2f}."
            )
        if self.past.explained:
            text += f" The covariate removes {self.past.explained:.0%} of the variance."
        if row["power_checked"] is not None:
            text += f" In experiments simulated from past gifts, power was {row['power_checked']:.0%}."
        return text

    def chart(self) -> alt.TopLevelMixin:
        """Draw the least effect that is shown against the number of people."""
        alt = charts.house()
        number = "+.2~%" if self.past.kind == "rate" else "+,.3~f"
        base = alt.Chart(self.curve).mark_line().encode(
            x=alt.X("n:Q", title="people in all arms", scale=alt.Scale(type="log")),
            y=alt.Y("effect:Q", title="detectable effect", axis=alt.Axis(format=number), scale=alt.Scale(type="log")),
        )  # fmt: skip
        at = alt.Chart(self.table.select("n", "effect")).mark_point().encode(x="n:Q", y="effect:Q")
        return alt.layer(base, at).properties(
            description=self.summary(), width=charts.WIDTH, title="The effect that so many people can show"
        )


def plan(
    data: Any = None,
    outcome: str | None = None,
    *,
    arms: int = 2,
    n: int | Iterable[int] | None = None,
    effect: float | Iterable[float] | None = None,
    relative_effect: float | Iterable[float] | None = None,
    power: float = 0.8,
    ratio: float = 1.0,
    rate: float | None = None,
    cluster: str | None = None,
    covariate: str | None = None,
    kind: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
) -> Plan:
    """Plan an experiment: the least effect shown by a size, the size an effect takes, or the power of both.

    Parameters
    ----------
    data : table, optional
        People like those to be tested, one row each: last year's recipients with what they gave, zeros and all. None:
        `rate` says it.
    outcome : str, optional
        Its column; as for `analyze`.
    arms : int
        How many, the control included. Each comparison is planned at 1 − confidence_level over their number,
        arms − 1: what Holm asks of the first.
    n : int or iterable of int, optional
        People in all arms together. None: solved for, from an effect.
    effect, relative_effect : float or iterable of float, optional
        A difference to the control, in the outcome's unit or as a share of its mean; one of them. None: solved for,
        from `n`. With both `n` and an effect, power is.
    power : float
        Wanted.
    ratio : float
        People in each other arm over people in the control.
    rate : float, optional
        The expected rate, where there are no data.
    cluster : str, optional
        What will be assigned together; its correlation is estimated from the data. None: people are independent.
    covariate : str, optional
        The outcome's own past, which will be adjusted for. None: none.
    kind : {"rate", "money", "mean"}, optional
        As for `analyze`.
    confidence_level : float
        Of the intervals that are to leave 0 out; 0.5 or more, below 1.
    seed : int
        Of the made-up experiments.

    Returns
    -------
    Plan

    Raises
    ------
    BadValue
        Neither a size nor an effect is given, or neither data nor a rate; or an effect takes a rate out of 0 to 1.
    NotEnoughData
        The outcome does not vary in the data.

    Notes
    -----
    Welch's test with the non-central t distribution. The control has the past variance; so has the arm for kind
    ``mean``, while of a rate it is that of the changed rate, and of money it grows with the givers. With clusters the
    variance is
    that of Σy / Σ1 over clusters, as in `analyze`; the correlation is (design effect − 1) / (Σm² / Σm − 1), m the
    clusters' sizes.

    References
    ----------
    Kish (1965), Survey Sampling, section 5.4, for the design effect.

    Examples
    --------
    >>> round(plan(rate=0.01, n=20_000).table["relative_effect"].item(), 3)
    0.434
    >>> plan(rate=0.3, effect=0.02).table["n"].item()
    16783
    """
    check_scalar(arms, "arms", typ=int, ge=2)
    check_scalar(confidence_level, "confidence_level", typ=float, ge=0.5, lt=1)
    alpha = (1 - confidence_level) / (arms - 1)
    check_scalar(power, "power", typ=float, gt=1 - confidence_level, lt=1)
    check_scalar(ratio, "ratio", typ=float, gt=0)
    check_scalar(rate, "rate", typ=float, gt=0, lt=1, optional=True)
    past, gifts = _past(data, outcome, rate, cluster, covariate, kind)
    sizes, effects = _asked(n, effect, relative_effect, past)
    rows = [_row(past, arms, ratio, power, alpha, size, effect) for size in sizes for effect in effects]
    table = pl.DataFrame(rows).with_columns(power_checked=_checked(rows, gifts, past, seed))
    first = rows[0]["n"]
    curve = [_row(past, arms, ratio, power, alpha, int(first * x), None) for x in CURVE if first * x >= 10 * arms]
    solved = "effect" if effects == [None] else "n" if sizes == [None] else "power"
    return Plan(table, outcome or "rate", past, solved, pl.DataFrame(curve), confidence_level)


def _asked(n: Any, effect: Any, relative: Any, past: Past) -> tuple[list[Any], list[Any]]:
    if effect is not None and relative is not None:
        raise BadValue("effect and relative_effect are both given; give one.")
    effects = (
        _several(effect, "effect") if relative is None else [x * abs(past.mean) for x in _several(relative, "effect")]
    )
    sizes = _several(n, "n")
    if sizes == [None] and effects == [None]:
        raise BadValue("Give n, or effect, or relative_effect: what is not given is solved for.")
    for size in sizes:
        check_scalar(size, "n", typ=int, ge=4, optional=True)
    if any(x == 0 for x in effects):
        raise BadValue("effect holds 0, which no experiment shows.")
    if past.kind == "rate" and any(x is not None and not 0 < past.mean + x < 1 for x in effects):
        raise BadValue(f"An effect takes the rate of {past.mean:.4g} out of 0 to 1.")
    return sizes, effects


def _several(value: Any, name: str) -> list[Any]:
    values = [value] if value is None or np.isscalar(value) else list(value)
    for value in values:
        check_scalar(value, name, typ=float, optional=True)
    return values


def _row(
    past: Past, arms: int, ratio: float, wanted: float, alpha: float, n: int | None, effect: float | None
) -> dict[str, Any]:
    whole, per = 1 + ratio * (arms - 1), past.cluster_size

    def power_at(effect: float, pair: float) -> float:  # of a control and one arm together, in units
        control, arm = pair / (1 + ratio), pair * ratio / (1 + ratio)
        variance = past.variance / per
        return power(effect, variance, control, arm, alpha, variance * past.widened(effect))

    if n is None:
        assert effect is not None
        least = 1.5 * (1 + max(ratio, 1 / ratio))
        pair = first_reaching(wanted, lambda x: power_at(effect, x), least, 10.0, MOST_PEOPLE) * per
        n = int(np.ceil(pair / (1 + ratio) * whole - 1e-9))
    pair = n / whole * (1 + ratio) / per
    if effect is None:
        start = np.sqrt(past.variance / per / pair)
        effect = first_reaching(wanted, lambda x: power_at(x, pair), 0.0, start, past.most)
    relative = effect / past.mean if past.mean else None
    return {
        "arms": arms, "n": n, "n_arm": n * ratio / whole, "n_control": n / whole, "effect": effect,
        "relative_effect": relative, "power": power_at(effect, pair), "alpha": alpha,
    }  # fmt: skip


def _past(
    data: Any, outcome: str | None, rate: float | None, cluster: str | None, covariate: str | None, kind: str | None
) -> tuple[Past, pl.DataFrame | None]:
    if (data is None) == (rate is None) or (data is not None and outcome is None):
        raise BadValue("Give data and outcome, or a rate.")
    if rate is not None:
        return Past("rate", rate, rate * (1 - rate), 1.0, None, 1.0, 0.0), None
    assert outcome is not None
    names = [name for name in (outcome, cluster, covariate) if name is not None]
    frame = open_columns(data, names).frame.with_columns(nw.lit("all").alias("__all"))
    design = design_of(["__all"], [outcome], cluster=cluster, covariate=covariate, kind=kind)
    outcome_groups = read(frame, design, "all").outcomes[0]
    m = outcome_groups.moments
    levels = m.level()
    size = float(m.mean[0, 1])
    variance = float(levels.variance[0]) * size
    if not variance > 0:
        raise NotEnoughData(f"{outcome!r} is the same for everybody in the data; there is nothing to plan by.")
    explained = (
        float(levels.covariance[0] ** 2 / levels.covariate_variance[0] / levels.variance[0])
        if covariate is not None
        else 0.0
    )
    effect, icc = _clustering(frame, design, m, variance) if cluster is not None else (1.0, None)
    past = Past(outcome_groups.kind, float(levels.value[0]), variance * (1 - explained), effect, icc, size, explained)
    simple = outcome_groups.kind == "money" and cluster is None and covariate is None
    return past, gifts_of(frame, outcome) if simple else None


def _clustering(frame: Any, design: Design, m: Moments, variance: float) -> tuple[float, float]:
    alone = read(frame, design_of(design.roles.arms, design.roles.outcomes, kind=design.kind)).outcomes[0].moments
    effect = variance / float(alone.level().variance[0])
    d, n = float(m.mean[0, 1]), float(m.n[0])
    typical = (float(m.ss[0, 1, 1]) / n + d**2) / d  # the size of the cluster that a person is in
    return effect, (effect - 1) / (typical - 1) if typical > 1 else 0.0


def _checked(rows: list[dict[str, Any]], gifts: pl.DataFrame | None, past: Past, seed: int) -> pl.Series:
    if gifts is None:
        return pl.Series([None] * len(rows), dtype=pl.Float64)
    rng = np.random.default_rng(seed)
    value, count = gifts["amount"].to_numpy(), gifts["n"].to_numpy().astype(float)
    shares = count / count.sum()
    givers = past.mean / float(shares @ value)  # so that dollars a recipient are exactly the past ones
    return pl.Series([_made_up(row, value, shares, givers, rng) for row in rows], dtype=pl.Float64)


def _made_up(
    row: dict[str, Any], value: np.ndarray, shares: np.ndarray, rate: float, rng: np.random.Generator
) -> float:
    """Return how often made-up experiments show the effect, were it one of more givers (or fewer)."""
    base = _simulated(round(row["n_control"]), rate, value, shares, rng)
    other = _simulated(round(row["n_arm"]), min(rate * (1 + row["relative_effect"]), 1.0), value, shares, rng)
    bounds = [levels.bounds(row["alpha"]) for levels in (other, base)]
    lower, upper = mover(other.value, bounds[0], base.value, bounds[1])
    return float(np.mean((lower > 0) | (upper < 0)))


def _simulated(n: int, rate: float, value: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> Levels:
    """Return the levels of `REPEATS` arms of n people whose gifts are drawn from the past ones."""
    counts = rng.multinomial(rng.binomial(n, rate, REPEATS), shares)
    first, second, third = (counts @ value**k / n for k in (1, 2, 3))
    variance = (second - first**2) / (n - 1)
    cube = third - 3 * first * second + 2 * first**3
    units = np.full(REPEATS, float(n))
    return Levels("money", False, first, variance, units - 1, cube / n**2, units, float(shares @ value))
