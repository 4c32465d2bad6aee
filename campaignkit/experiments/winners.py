"""Which arm to send to the rest: how good the best really is, how likely it is best, what a wrong choice costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts, labels
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments.moments.comparing import Arms, arm_names, arrange
from campaignkit.experiments.moments.counts import outcomes_of
from campaignkit.experiments.moments.groups import design_of
from campaignkit.experiments.moments.reading import read
from campaignkit.experiments.moments.sizes import Sizes, check_sizes
from campaignkit.result import Result
from campaignkit.stats.intervals.estimate import equal_tailed
from campaignkit.stats.intervals.hierarchy import Hierarchy, gamma_hierarchy, normal_hierarchy
from campaignkit.tables import check_columns, open_table
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import change, confidence, dollars, kind_shown, level

if TYPE_CHECKING:
    import altair as alt

USUAL = 0.3  # arms of a test usually differ by this share of their mean: the scale of the prior on their spread
LEAST_USUAL = 0.05  # and, of means that may be near 0, by this share of people's standard deviation
DRAWS = 20_000
SAID = 0.05  # the probability of no difference from which it is said


@dataclass(frozen=True, eq=False, repr=False)
class Winners(Result):
    """Arms of one test in the order of how good they really are, as far as can be known.

    `table` has one row per arm, best first:

    - `arm`, `kind`, `n` (people with a value), `level` (raw), `estimate` (a level: the raw one shrunk toward the
      test's mean), `lower`, `upper` (credible interval of it);
    - `probability_best`: the chance that this arm is the best of all; the chance that they are all the same,
      `no_difference` (one half before the test was seen), is shared among them;
    - `expected_loss`: what sending this arm loses against the best one, expected, a recipient; `loss_in_all` times
      `recipients` (null where they are not known).

    `draws` holds the posterior's draws, one column per arm, in the table's order.
    """

    outcome: str
    sizes: Sizes
    lead: float
    shrunk_lead: float
    spread: float
    recipients: int | None
    past_tests: int
    draws: np.ndarray
    notes: tuple[str, ...]
    confidence_level: float
    no_difference: float

    @property
    def luck(self) -> float:
        """The share of the winner's lead that is luck: 0 none, 1 all of it.

        Examples
        --------
        >>> import campaignkit as ck
        >>> sent = ck.sample.draw("email", 20_000, seed=5).table
        >>> 0 < ck.experiments.winners(sent, "email_id", "gave").luck < 1
        True
        """
        return float(np.clip(1 - self.shrunk_lead / self.lead, 0, 1)) if self.lead > 0 else 1.0

    def rolled_out(self, recipients: int) -> dict[str, float]:
        """Return what sending the winner to so many is worth, in the outcome's own unit.

        Parameters
        ----------
        recipients : int
            How many get the winner.

        Returns
        -------
        dict
            ``expected`` (of the outcome, in all), ``gain`` over sending them the other arms in equal parts, with
            ``gain_lower`` and ``gain_upper`` (credible interval), and ``loss`` (expected, as another arm may be
            the best).

        Examples
        --------
        >>> import campaignkit as ck
        >>> found = ck.experiments.winners(ck.sample.draw("email", 20_000, seed=5).table, "email_id", "gave")
        >>> worth = found.rolled_out(10_000)
        >>> worth["gain_lower"] < worth["gain"] < worth["gain_upper"]
        True
        """
        check_scalar(recipients, "recipients", typ=int, ge=0)
        lead = self.draws[:, 0] - self.draws[:, 1:].mean(axis=1)
        lower, upper = equal_tailed(lead, self.confidence_level)
        best = self.table.row(0, named=True)
        each = {"expected": best["estimate"], "gain": self.shrunk_lead, "gain_lower": lower, "gain_upper": upper}
        each["loss"] = best["expected_loss"]
        return {name: float(value) * recipients for name, value in each.items()}

    def summary(self) -> str:
        """Say which arm to send, how likely it is best, and how much of its lead is luck."""
        best = self.table.row(0, named=True)
        kind, start = kind_shown(best["kind"], self.outcome), " ".join([self.sizes.sentence(), *self.notes])
        text = (
            f"{start} Send {self.labels.get(best['arm'], best['arm'])}, judged by "
            f"{labels.measured(self.outcome, self.labels)}. It is the best of {self.table.height} with "
            f"{best['probability_best']:.0%} probability{self._none()}. Expect {level(best['estimate'], kind)} from "
            f"it, not the {level(best['level'], kind)} observed. Its lead over the average of the others was "
            f"{change(self.lead, kind)}; expect {change(self.shrunk_lead, kind)}, because {self.luck:.0%} of it is "
            "luck."
        )
        if self.recipients is not None and kind != "mean":
            lost = best["loss_in_all"]
            worth = dollars(lost, 0) if kind == "money" else f"{lost:,.0f}"
            text += (
                f" Choosing it risks an expected loss of {worth} over {self.recipients:,} recipients, because another "
                "arm may be better."
            )
        return text

    def _none(self) -> str:
        if self.no_difference < SAID:
            return ""
        past = "" if self.past_tests else "; past tests, passed as past=, would tell more"
        return f" ({self.no_difference:.0%} that the arms do not differ at all{past})"

    def chart(self) -> alt.TopLevelMixin:
        """Draw each arm's shrunk level with its interval beside the raw one."""
        alt = charts.house()
        rows = self.table.with_columns(pl.col("arm").cast(pl.String))
        number = ".2~%" if self.table["kind"][0] == "rate" else ",.2~f"
        heading = labels.heading(self.outcome, self.labels)
        title = f"{heading}: shrunk, with {confidence(self.confidence_level)} interval; × as observed"
        main = charts.intervals(rows, "arm", description=self.summary(), title=title, number=number)
        raw = alt.Chart(rows.select(label="arm", level="level")).mark_point(
            shape="cross", angle=45, opacity=0.8, size=60
        )
        raw = raw.encode(
            y=alt.Y("label:N", sort=rows["arm"].to_list()), x="level:Q", color=alt.value(charts.PALETTE[1])
        )
        return alt.layer(main, raw).properties(description=self.summary(), width=charts.WIDTH)


def winners(
    data: Any,
    arm: str,
    outcome: str | None = None,
    *,
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    kind: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    past: Any = None,
    recipients: int | None = None,
    shares: Any = None,
    seed: int = 0,
    trials: str | None = None,
    successes: str | None = None,
    total: str | None = None,
    total_of_squares: str | None = None,
) -> Winners:
    """Find the arm to send to the rest, knowing that the best of many looks better than it is.

    Parameters
    ----------
    data : table
        One row per person.
    arm, outcome : str
        Who was given what, and what came of it; more is better. As for `analyze`.
    unit, cluster, weight : str, optional
        As for `analyze`.
    kind, confidence_level
        As for `analyze`.
    past : table, optional
        Arms of earlier tests: columns `test`, `estimate` (their raw level) and `std_error`, of any size of level:
        what is taken from them is how much arms of a test differ, as a share of their mean. None: this test alone.
    recipients : int, optional
        How many the winner will be sent to. None: losses are a recipient's only.
    shares : mapping, optional
        As for `analyze`.
    seed : int
        Of the draws behind the probabilities.
    trials, successes, total, total_of_squares : str, optional
        Columns of a table of counts in place of people; as for `analyze`.

    Returns
    -------
    Winners

    Raises
    ------
    NotEnoughData
        There is one arm only, an arm has fewer than two people, or nobody has any of the outcome.

    Notes
    -----
    Arms' true levels are taken for a sample from one distribution, gamma for rates and money, normal for means, whose
    spread is learned from this test and past ones (half-Cauchy prior, scale 30% of the mean level) and integrated
    over; see `stats.intervals.hierarchy`. The variance of an arm's raw level is not its own: an arm that was lucky
    with one large gift has a large variance too, and would be pulled back by the wrong amount. It is the test's
    variance a person, in proportion to the arm's true level.
    Arms are taken for independent; where clusters span arms that errs on the side of caution.

    References
    ----------
    Efron & Morris (1975), Journal of the American Statistical Association 70, 311–319. Gelman, Hill & Yajima (2012),
    Journal of Research on Educational Effectiveness 5, 189–211.

    Examples
    --------
    >>> import campaignkit as ck
    >>> sent = ck.sample.draw("email", 20_000, seed=5).table
    >>> found = ck.experiments.winners(sent, "email_id", "gave", recipients=100_000)
    >>> found.table["arm"][0], bool(found.shrunk_lead < found.lead)
    ('deadline_june_01', True)
    """
    check_scalar(recipients, "recipients", typ=int, gt=0, optional=True)
    outcomes, counts = outcomes_of(outcome, trials, successes, total, total_of_squares)
    design = design_of(
        [arm], outcomes, unit=unit, cluster=cluster, weight=weight, kind=kind, confidence_level=confidence_level,
        counts=counts,
    )  # fmt: skip
    groups = read(data, design)
    names = arm_names(groups, design)
    if len(names) < 2:
        raise NotEnoughData(f"Only one arm, {names[0]!r}; at least two were expected.")
    arms = arrange(groups, groups.outcomes[0], design, 0)
    level = arms.moments.level().value[:, 0]
    earlier = [] if past is None else _past(past)
    posterior = _shrunk(arms, level, earlier, seed)
    rows = groups.outcomes[0].rows
    table = _table(names, arms.kind, rows, level, posterior, recipients, confidence_level)
    none = posterior.no_difference
    lead, shrunk = (_lead(table[name].to_numpy()) for name in ("level", "estimate"))
    sizes = check_sizes(groups, names, design, shares)
    draws = posterior.draws[:, [names.index(name) for name in table["arm"]]]
    spread, past_tests, notes = posterior.spread, len(earlier), groups.notes(design)
    return Winners(
        table, outcomes[0], sizes, lead, shrunk, spread, recipients, past_tests, draws, notes, confidence_level, none
    )


def _shrunk(arms: Arms, level: np.ndarray, past: list[tuple[np.ndarray, np.ndarray]], seed: int) -> Hierarchy:
    """Return the arms' posterior, their noise taken from all of them together."""
    m = arms.moments
    n, own = m.n[:, 0], m.level().variance[:, 0]
    pooled = float(((n - 1) * own).sum() / (n - 1).sum())
    size = n * m.mean[:, 0, 1]
    center = float((size * level).sum() / size.sum())
    if not pooled > 0:
        raise NotEnoughData("The outcome is the same for everybody; there is nothing to choose by.")
    if arms.kind == "mean":
        scale = max(USUAL * abs(center), LEAST_USUAL * np.sqrt(pooled))
        earlier = [(y * center, v * center**2) for y, v in past]
        return normal_hierarchy(level, pooled / n, scale, past=earlier, draws=DRAWS, seed=seed)
    earlier = [(y, np.maximum(y, 1e-9) / v) for y, v in past]
    return gamma_hierarchy(level, n * center / pooled, USUAL, past=earlier, draws=DRAWS, seed=seed)


def _past(past: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each earlier test's levels and variances as shares of its mean."""
    check_columns(past, "test", "estimate", "std_error", where="past")
    frame = open_table(past).lazy().collect("polars").to_native().select("test", "estimate", "std_error")
    if frame.null_count().sum_horizontal().item() or frame.filter(~(pl.col("std_error") > 0)).height:
        raise BadValue("past: estimate or std_error is null, or std_error is not above 0, in some rows.")
    tests = []
    for _, part in frame.group_by("test", maintain_order=True):
        y, se = part["estimate"].to_numpy().astype(float), part["std_error"].to_numpy().astype(float)
        if len(y) > 1:
            mean = float(np.average(y, weights=1 / se**2))
            tests.append((y / mean, (se / mean) ** 2))
    return tests


def _table(
    names: list[Any], kind: str, rows: np.ndarray, level: np.ndarray, posterior: Hierarchy, recipients: int | None,
    confidence_level: float,
) -> pl.DataFrame:  # fmt: skip
    best = posterior.draws.max(axis=1)
    wins = np.bincount(posterior.draws.argmax(axis=1), minlength=len(names)) / len(best)
    loss = best.mean() - posterior.draws.mean(axis=0)
    lower, upper = equal_tailed(posterior.draws, confidence_level)
    table = pl.DataFrame(
        {
            "arm": names, "kind": [kind] * len(names), "n": rows, "level": level, "estimate": posterior.mean,
            "lower": lower, "upper": upper, "probability_best": _shared(wins, posterior.no_difference),
            "expected_loss": loss,
        }
    )  # fmt: skip
    in_all = pl.lit(None, pl.Float64) if recipients is None else pl.col("expected_loss") * recipients
    return table.with_columns(in_all.alias("loss_in_all")).sort("estimate", descending=True, maintain_order=True)


def _shared(wins: np.ndarray, no_difference: float) -> np.ndarray:
    return wins * (1 - no_difference) + no_difference / len(wins)


def _lead(values: np.ndarray) -> float:
    return float(values[0] - values[1:].mean())
