"""How much more a plan buys than a baseline for the same money: "14% more efficient", with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.errors import BadValue, listed
from campaignkit.outreach.model.avails import read_order
from campaignkit.outreach.model.promise import Delivery, deliver
from campaignkit.result import Result
from campaignkit.stats.survey.totals import Totals, stratified_totals
from campaignkit.wording import dollars, share

if TYPE_CHECKING:
    import altair as alt

    from campaignkit.outreach.audiences import Audiences

SAME = 0.01  # by how much spend may differ and still be called the same


@dataclass(frozen=True, eq=False)
class Side:
    """A plan, as far as it takes part in a comparison; fields as in `BuyPlan`."""

    audiences: Audiences
    goal: str
    frequency: int
    spots: np.ndarray
    cost: np.ndarray
    delivery: Delivery
    folds: int = 0  # 0: it was not made of this panel

    @property
    def spend(self) -> float:
        """Dollars at today's rates."""
        return float(np.where(self.spots > 0, self.cost, 0.0) @ self.spots)


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """How a plan compares with a baseline at the same spend.

    `table` has two rows, the same fact in two measures, each with ``estimate``, ``std_error``, ``lower``, ``upper``
    (shares; the interval is of what the plan itself will do, by the panel's sampling):

    - ``cheaper for the same``: 1 − the plan's cost per target impression (or person reached) over the baseline's;
    - ``more for the same money``: the inverse, what a dollar buys of these over what it buys in the baseline, − 1.

    Attributes
    ----------
    unit : str
        What is counted.
    plan_cost, baseline_cost : float
        Dollars per thousand of it.
    spend, baseline_spend : float
        At today's rates.
    confidence_level : float
    """

    unit: str
    plan_cost: float
    baseline_cost: float
    spend: float
    baseline_spend: float
    confidence_level: float

    def summary(self) -> str:
        """Say how much cheaper, how sure that is, and what was held the same."""
        first, second = self.table.rows(named=True)
        word = "cheaper" if first["estimate"] >= 0 else "dearer"
        ends = " to ".join(share(first[name]) for name in ("lower", "upper"))
        return (
            f"The plan buys {self.unit} {share(abs(first['estimate']))} {word} than the baseline "
            f"({self.confidence_level:.0%} interval {ends}): {dollars(self.plan_cost)} a thousand against "
            f"{dollars(self.baseline_cost)}; for the same money that is {share(second['estimate'])} more. Target, "
            f"panel, rates and spend ({dollars(self.spend, 0)} and {dollars(self.baseline_spend, 0)}) are the same for "
            "both; the plan is rated by persons who had no part in making it. At another spend the figure is another."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw both measures with their intervals."""
        return charts.intervals(
            self.table, "measure", description=self.summary(), reference=0, number=".1~%",
            title=f"The plan beside the baseline, {self.unit}",
        )  # fmt: skip

    def percentages(self) -> list[str]:
        """Return the columns to be shown in per cent."""
        return ["estimate", "std_error", "lower", "upper"]


def compare(plan: Side, baseline: object, spots: str) -> Comparison:
    """Return how a plan compares with a baseline.

    Notes
    -----
    Both are rated person by person, and errors are of the difference between persons' logarithms of both totals: a
    person who watches much raises both, and cancels. Of the plan each person sees what was planned without them; the
    baseline was not made of this panel. A bootstrap that plans anew would rate each plan by the persons it was made
    of. Folds' plans share most of their persons and stand for plans of this kind, not for this one, so the variance is
    that of Nadeau and Bengio: (1/folds + 1/(folds − 1)) in the place of 1/folds.

    References
    ----------
    Nadeau and Bengio (2003), Machine Learning 52, 239–281, section 4; Bates, Hastie and Tibshirani (2024), Journal of
    the American Statistical Association 119, 1434–1445, for what cross-validation estimates.
    """
    other = baseline if isinstance(baseline, Side) else _order(plan, baseline, spots)
    _check_same(plan, other)
    spend = other.spend
    if not spend > 0:
        raise BadValue("baseline buys nothing; there is nothing to compare with.")
    if abs(spend / plan.spend - 1) > SAME:
        raise BadValue(
            f"baseline costs {dollars(spend, 0)} at today's rates, the plan {dollars(plan.spend, 0)}: at different "
            f"spend the first spots bought look more efficient. Plan again with budget={spend:.0f}."
        )
    panel = plan.audiences.rater.panel
    impressions = plan.goal == "impressions"
    ours, theirs = (each.impressions if impressions else each.reached for each in (plan.delivery, other.delivery))
    values = np.stack([panel.target * ours, panel.target * theirs], axis=1)
    totals = stratified_totals(values, panel.weight, panel.market)
    totals = Totals(totals.total, totals.covariance * _correction(plan.folds))
    if not (totals.total > 0).all():
        raise BadValue("Nobody of the target in the panel sees anything of the baseline, or of the plan.")
    ratio = totals.product({0: -1.0, 1: 1.0}, plan.audiences.confidence_level)
    factor = plan.spend / spend
    value, low, high = factor * ratio.value, factor * ratio.lower, factor * ratio.upper
    relative = ratio.std_error / ratio.value
    table = pl.DataFrame(
        {
            "measure": ["cheaper for the same", "more for the same money"], "estimate": [1 - value, 1 / value - 1],
            "std_error": [value * relative, relative / value], "lower": [1 - high, 1 / high - 1],
            "upper": [1 - low, 1 / low - 1],
        }
    )  # fmt: skip
    votes = plan.audiences.votes
    unit = (
        "target impressions" if impressions else "expected votes reached" if votes else "people of the target reached"
    )
    each = 1000 * np.array([plan.spend, spend]) / totals.total
    return Comparison(table, unit, float(each[0]), float(each[1]), plan.spend, spend, plan.audiences.confidence_level)


def _correction(folds: int) -> float:
    """Return how many times larger the variance is, as folds share most of the persons that their plans are made of."""
    return 1 + folds / (folds - 1)


def _check_same(plan: Side, other: Side) -> None:
    """Refuse another plan that answers another question."""
    same = {
        "panel or target": other.audiences.rater is plan.audiences.rater,
        "rates": np.array_equal(other.cost, plan.cost),
        "goal": other.goal == plan.goal,
        "frequency": other.frequency == plan.frequency,
    }
    if differ := [word for word, alike in same.items() if not alike]:
        raise BadValue(f"The two plans differ in {listed(differ)}; only plans alike in these can be compared.")


def _order(plan: Side, order: object, spots: str) -> Side:
    """Return an order at the plan's rates, with what each person sees of it."""
    bought = read_order(plan.audiences, order, spots)
    unpriced = (bought > 0) & np.isinf(plan.cost)
    if unpriced.any():
        row = plan.audiences.cells.row(int(np.flatnonzero(unpriced)[0]))
        raise BadValue(
            f"baseline: {unpriced.sum():,} of its cells, such as {', '.join(map(str, row))}, have no cost in the "
            "plan's avails. Both must be priced by the same rates: add these cells to avails, with 0 spots where none "
            "is left."
        )
    delivery = deliver(plan.audiences.rater.panel, bought, plan.frequency)
    return Side(plan.audiences, plan.goal, plan.frequency, bought, plan.cost, delivery)
