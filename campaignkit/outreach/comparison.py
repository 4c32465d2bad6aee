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
from campaignkit.wording import confidence, dollars, share

if TYPE_CHECKING:
    import altair as alt

    from campaignkit.outreach.audiences import Audiences

SAME = 0.01  # spend may differ by this share and still count as the same


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
    (shares; the interval is for the plan itself and covers the panel's sampling):

    - ``cheaper for the same``: 1 − the plan's cost per target impression (or person reached) over the baseline's;
    - ``more for the same money``: what a dollar buys in the plan over what it buys in the baseline, − 1.

    Attributes
    ----------
    unit : str
        What is counted.
    plan_cost, baseline_cost : float
        Dollars per thousand.
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
        word = "cheaper" if first["estimate"] >= 0 else "more expensive"
        ends = " to ".join(share(first[name]) for name in ("lower", "upper"))
        more = "more" if second["estimate"] >= 0 else "less"
        return (
            f"{share(abs(first['estimate']))} {word} ({confidence(self.confidence_level)} interval {ends} cheaper): "
            f"the plan pays {dollars(self.plan_cost)} per thousand {self.unit}, the baseline "
            f"{dollars(self.baseline_cost)}. The same money buys {share(abs(second['estimate']))} {more}. Both have "
            f"the same target, panel and rates; they cost {dollars(self.spend, 0)} and "
            f"{dollars(self.baseline_spend, 0)}. "
            "Panel members who had no part in making the plan judge it. At a different spend the figure would differ."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw both measures with their intervals."""
        return charts.intervals(
            self.table, "measure", description=self.summary(), reference=0, number=".1~%",
            title=f"The plan compared with the baseline: {self.unit}",
        )  # fmt: skip

    def percentages(self) -> list[str]:
        """Return the columns that are shown as percentages."""
        return ["estimate", "std_error", "lower", "upper"]


def compare(plan: Side, baseline: object, spots: str) -> Comparison:
    """Return how a plan compares with a baseline.

    Notes
    -----
    Both are judged person by person, and the error is that of the ratio of both totals: a heavy viewer raises both and
    cancels. Each person sees what was planned without them; the baseline was not made from this panel. A bootstrap that
    plans again would judge each plan by the people it was made from. The folds' plans share most of their people and
    stand for plans of this kind rather than this one, so the variance is that of Nadeau and Bengio:
    (1/folds + 1/(folds − 1)) in place of 1/folds.

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
            f"baseline costs {dollars(spend, 0)} at today's rates, the plan {dollars(plan.spend, 0)}. The smaller "
            f"spend looks more efficient: it buys only the best spots. Plan again with budget={spend:.0f}."
        )
    panel = plan.audiences.rater.panel
    impressions = plan.goal == "impressions"
    ours, theirs = (each.impressions if impressions else each.reached for each in (plan.delivery, other.delivery))
    values = np.stack([panel.target * ours, panel.target * theirs], axis=1)
    totals = stratified_totals(values, panel.weight, panel.market)
    totals = Totals(totals.total, totals.covariance * _correction(plan.folds))
    if not (totals.total > 0).all():
        raise BadValue("Nobody in the panel's target sees any spot of the baseline, or of the plan.")
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
        "target impressions" if impressions else "expected votes reached" if votes else "people reached in the target"
    )
    each = 1000 * np.array([plan.spend, spend]) / totals.total
    return Comparison(table, unit, float(each[0]), float(each[1]), plan.spend, spend, plan.audiences.confidence_level)


def _correction(folds: int) -> float:
    """Return how many times larger the variance is because the folds' plans share most of their people."""
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
        raise BadValue(f"The two plans differ in {listed(differ)}; plans can be compared only if they share these.")


def _order(plan: Side, order: object, spots: str) -> Side:
    """Return an order at the plan's rates, with what each person sees of it."""
    bought = read_order(plan.audiences, order, spots)
    unpriced = (bought > 0) & np.isinf(plan.cost)
    if unpriced.any():
        row = plan.audiences.cells.row(int(np.flatnonzero(unpriced)[0]))
        raise BadValue(
            f"baseline: {unpriced.sum():,} of its cells, such as {', '.join(map(str, row))}, have no cost in the "
            "plan's avails. The same rates must price both: add these cells to avails, with 0 spots if none are left."
        )
    delivery = deliver(plan.audiences.rater.panel, bought, plan.frequency)
    return Side(plan.audiences, plan.goal, plan.frequency, bought, plan.cost, delivery)
