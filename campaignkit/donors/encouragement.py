"""A random offer, such as a bumper sticker for joining: what it did, and what joining did to those it moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import gammaincc

from campaignkit import charts, labels
from campaignkit.checks import check_scalar, column_names
from campaignkit.donors.observational.estimators import without_infinities
from campaignkit.donors.observational.observational_data import (
    covariate_matrix,
    read_combinations,
    roles_of,
    row_clusters,
    row_weights,
    who_joined,
)
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.result import Result
from campaignkit.stats.causal.comparison import ratio
from campaignkit.stats.causal.instrument import Offer, OfferEffects, effects_of_offer, wald_test
from campaignkit.stats.intervals.clustered import FEW_CLUSTERS
from campaignkit.stats.intervals.estimate import Estimate
from campaignkit.stats.intervals.skewness import TOO_SKEWED, lognormal_skewness
from campaignkit.tables import Roles, numbers, unit_of
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import between, change, confidence, interval, number

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Encouragement", "encouragement"]

WEAK = 10.0  # F of the first stage (Staiger and Stock 1997, Econometrica 65, section 3)
UNLIKELY = 0.001
ROWS = ("offer on joining", "offer on outcome", "joining on outcome")


@dataclass(frozen=True, eq=False, repr=False)
class Encouragement(Result):
    """What an offer did, and joining because of it.

    `table` has three rows, by ``effect``: ``offer on joining`` (a share), ``offer on outcome`` (the outcome's unit,
    over everyone: intention to treat) and ``joining on outcome`` (over those who join if offered and not otherwise:
    LATE). ``estimate``, ``lower``, ``upper`` (of the last row Anderson and Rubin's, which holds however weak the
    offer; null where it has no end), ``std_error``, ``p_value`` (of the last row: that of the offer on the
    outcome, since one is 0 only with the other), ``n``, ``mean_control`` (the level without offer or, last row, without
    joining), ``ratio``, ``ratio_lower``, ``ratio_upper`` (the level with over without; null unless both are above 0).

    Attributes
    ----------
    offered, joined, outcome : str
    f : float
        First stage's robust F; below 10 the offer is too weak to tell what joining did.
    moved_share : float
        The share of people the offer moved to join.
    wald : (float, float)
        The usual interval of the last row, for comparison.
    warnings : tuple of str
    confidence_level : float
    kind : {"rate", "mean"}
        Whether the outcome is yes or no, so that effects are points.
    named_warnings : mapping of str to str
        Those of the warnings that have a name: ``weak_offer``, ``few_clusters``, ``skewed_outcome``.
    """

    offered: str
    joined: str
    outcome: str
    f: float
    moved_share: float
    wald: tuple[float, float]
    warnings: tuple[str, ...]
    confidence_level: float
    kind: str
    named_warnings: Mapping[str, str]

    def summary(self) -> str:
        """Say what the offer did, what joining did, which people that is about, and what must hold."""
        first, intention, late = self.table.rows(named=True)
        offer = (
            f"The offer changed joining by {change(first['estimate'], 'rate')} ({confidence(self.confidence_level)} "
            f"interval {interval(first['lower'], first['upper'], 'rate')}) and {self.label(self.outcome)} by "
            f"{self._amount(intention['estimate'])} per person offered "
            f"({between(intention['lower'], intention['upper'], self._amount)})."
        )
        if late["lower"] is None:
            joining = "It moved too few people to say what joining did: the interval is unbounded."
        else:
            times = (
                "" if late["ratio"] is None else f", bringing them to {late['ratio']:.2f} times the level without it"
            )
            joining = (
                f"For those it moved to join, joining was worth {self._amount(late['estimate'])} each "
                f"({between(late['lower'], late['upper'], self._amount)}){times}."
            )
        must = (
            "No covariates are needed, because the offer was random. It does assume that the offer changed nothing "
            "except who joined. It describes those the offer moved, not everyone who joined."
        )
        return " ".join([offer, joining, must, *self.warnings])

    def _amount(self, value: float) -> str:
        return change(value, "rate") if self.kind == "rate" else number(value)

    def percentages(self) -> list[str]:
        """Return no column: the rows differ in their units."""
        return []

    def chart(self) -> alt.TopLevelMixin:
        """Draw the offer's and joining's effect on the outcome."""
        rows = self.table.filter(pl.col("effect") != ROWS[0])
        return charts.intervals(
            rows, "effect", reference=0.0, description=self.summary(),
            title=f"{labels.heading(self.outcome, self.labels)}: the offer, and joining for those it moved",
        )  # fmt: skip


def encouragement(
    data: object,
    offered: str,
    joined: str,
    outcome: str,
    *,
    covariates: str | Iterable[str] | None = None,
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> Encouragement:
    """Estimate what a randomly drawn offer did, and what joining did to those it moved.

    Parameters
    ----------
    data : table
        One row per person who could have been drawn, offered or not; or a universe.
    offered : str
        Who was randomly made the offer: true/false or 0/1.
    joined : str
        Who joined before the outcome began, offered or not.
    outcome : str
        A number; null is refused.
    covariates : str, iterable of str or None
        What was known before the offer, for narrower intervals. None: none is needed.
    unit, cluster, weight : str or None
        As in `estimate_lift`.
    confidence_level : float
        Of the intervals; 0.5 or more, below 1.

    Returns
    -------
    Encouragement

    Raises
    ------
    ColumnNotFound, BadValue
        A column or argument is not as said above.
    NotEnoughData
        Everyone was offered, or nobody; or everyone joined, or nobody.

    References
    ----------
    Imbens and Angrist (1994), Econometrica 62, 467–475; Andrews, Stock and Sun (2019), Annual Review of Economics 11,
    727–753, section 5, for the interval.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("quick_donate", 40_000, seed=1)
    >>> found = ck.donors.encouragement(drawn.table, "offered", "quick_donate", "gifts_after", unit="person")
    >>> round(found.table["estimate"][0], 2), found.f > 50
    (0.06, True)
    """
    covariate_names = column_names(covariates, "covariates")
    check_scalar(confidence_level, "confidence_level", typ=float, ge=0.5, lt=1)
    if len({offered, joined, outcome, *covariate_names}) < 3 + len(covariate_names):
        raise BadValue("offered, joined, outcome and covariates name a column twice; a column plays one part.")
    ids = {"unit": unit_of(data, unit), "cluster": cluster, "weight": weight}
    roles = roles_of(offered, outcome, covariate_names, **ids, others=(joined,))
    table, roles, note = read_combinations(data, roles)
    offer = _offer(table, roles, joined)
    effects = effects_of_offer(offer, confidence_level)
    rows = _rows(offer, effects, confidence_level)
    late = (effects.late.lower, effects.late.upper)
    named = _weak(effects) | _few(effects, cluster) | _skewed(offer, effects, outcome)
    warnings = (*named.values(), *_not_random(table, offer, covariate_names), *note)
    kind = "rate" if np.isin(offer.y, (0, 1)).all() else "mean"
    return Encouragement(
        rows, offered, joined, outcome, effects.f, effects.first.value, late, warnings, confidence_level, kind, named
    )


def _offer(table: pl.DataFrame, roles: Roles, joined: str) -> Offer:
    (offered,), (outcome,) = roles.arms, roles.outcomes
    z, d = (who_joined(table[name], part).astype(float) for name, part in ((offered, "offered"), (joined, "joined")))
    y = numbers(table[outcome], "outcome")
    for values, words in ((z, f"{offered!r} (offered)"), (d, f"{joined!r} (joined)")):
        if min(values.sum(), (1 - values).sum()) < 2:
            raise NotEnoughData(f"{words} is the same for (nearly) everyone; there is nobody to compare with.")
    x = covariate_matrix(table, roles.by) if roles.by else np.ones((table.height, 1))
    weight, cluster = row_weights(table, roles), row_clusters(table, roles)
    sizes = [len(np.unique(np.flatnonzero(z == arm) if cluster is None else cluster[z == arm])) for arm in (0, 1)]
    return Offer(y, d, z, x, weight, cluster, max(min(sizes) - 1, 1))


def _rows(o: Offer, effects: OfferEffects, level: float) -> pl.DataFrame:
    late = effects.late
    low, high = effects.bounds
    unoffered = o.weight * (1 - o.offered)
    levels = [float(unoffered @ values / unoffered.sum()) for values in (o.joined, o.y)]
    ratio_estimate = (
        ratio(effects.means, o.cluster, o.df, level) if np.isfinite(effects.means.mean_control.value) else None
    )
    of_means = (
        (ratio_estimate.value, ratio_estimate.lower, ratio_estimate.upper)
        if ratio_estimate is not None
        else (None, None, None)
    )
    rows = [
        _row(ROWS[0], effects.first, len(o.y), levels[0]),
        _row(ROWS[1], effects.intention, len(o.y), levels[1]),
        _row(ROWS[2], late, len(o.y), effects.means.mean_control.value)
        | {"lower": low, "upper": high, "p_value": effects.intention.p_value}
        | dict(zip(("ratio", "ratio_lower", "ratio_upper"), of_means, strict=True)),
    ]
    kinds = {"n": pl.Int64, "effect": pl.String}
    schema = {name: kinds.get(name, pl.Float64) for name in rows[0]}
    return without_infinities(pl.DataFrame(rows, schema=schema, orient="row"))


def _row(effect: str, e: Estimate, n: int, mean_control: float) -> dict[str, object]:
    row = {"effect": effect, "estimate": e.value, "lower": e.lower, "upper": e.upper, "std_error": float(e.std_error)}
    row |= {"p_value": e.p_value, "n": n, "mean_control": mean_control}
    return row | dict.fromkeys(("ratio", "ratio_lower", "ratio_upper"))


def _weak(effects: OfferEffects) -> dict[str, str]:
    if effects.f >= WEAK:
        return {}
    text = (
        f"The offer is a weak instrument (F = {effects.f:.1f}, below {WEAK:g}): do not quote the point estimate alone."
    )
    return {"weak_offer": text}


def _few(effects: OfferEffects, cluster: str | None) -> dict[str, str]:
    if cluster is None or effects.df + 2 >= 2 * FEW_CLUSTERS:
        return {}
    text = (
        f"Few or unequal clusters: those of {cluster} tell as much as {effects.df + 2:.0f} equal ones. The intervals "
        "allow for it and are wide."
    )
    return {"few_clusters": text}


def _skewed(o: Offer, effects: OfferEffects, outcome: str) -> dict[str, str]:
    """Warn where those moved are so few that a few large amounts among them decide."""
    given = o.y[o.y > 0]
    moved = effects.first.value * min(o.offered.sum(), (1 - o.offered).sum())
    if (o.y < 0).any() or len(given) < 2 or np.isin(o.y, (0, 1)).all():
        return {}
    givers = max(moved * len(given) / len(o.y), 1.0)
    if lognormal_skewness(np.log(given).var(ddof=1), givers) <= TOO_SKEWED:
        return {}
    text = (
        f"{outcome} is skewed and the offer moved about {max(moved, 0):,.0f} people. A few large amounts decide, and "
        "the intervals cover less often than stated."
    )
    return {"skewed_outcome": text}


def _not_random(table: pl.DataFrame, o: Offer, covariates: list[str]) -> list[str]:
    if not covariates:
        return []
    statistic, q = wald_test(o.offered, o.x, o.weight)
    p = float(gammaincc(q / 2, statistic / 2))
    return [] if p >= UNLIKELY else [f"The covariates predict who got the offer (p = {p:.1g}): was it really random?"]
