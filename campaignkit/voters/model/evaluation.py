"""How far a score can be trusted: calibration, gains, what each block carries, and which of two is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.result import Result
from campaignkit.stats.arrays import Whole
from campaignkit.stats.intervals.rates import wilson
from campaignkit.stats.prediction.metrics import (
    Judged,
    auc,
    auc_difference,
    calibration_error,
    group_variances,
    groups_of,
    log_loss,
)
from campaignkit.voters.cases import Cases
from campaignkit.voters.models import Model

if TYPE_CHECKING:
    import altair as alt

DECILES = 10
SAMPLED = 200_000  # people drawn to permute a block among
ROUNDS = 10


@dataclass(frozen=True)
class Quality:
    """A score's quality in numbers.

    Attributes
    ----------
    rows : int
        People it was judged by.
    rate : float
        The share of them with the outcome.
    auc, auc_lower, auc_upper : float
        The chance that one with the outcome is scored above one without, and its 95% interval (DeLong).
    log_loss, log_loss_of_rate : float
        Of the score, and of giving everybody the rate; nats a person.
    ece, ece_floor, ece_noise : float
        The expected calibration error over deciles; what a perfect score would show on as many people, on average
        and at its 95th percentile.
    held_out : bool
        Whether these people had no part in the fit.
    """

    rows: int
    rate: float
    auc: float
    auc_lower: float
    auc_upper: float
    log_loss: float
    log_loss_of_rate: float
    ece: float
    ece_floor: float
    ece_noise: float
    held_out: bool


def quality(model: Model, held: Cases, held_out: bool) -> Quality:
    """Judge a model by people."""
    judged = held.judged(model.chances(held.codes))
    rows, rate = held.totals
    area, error = auc(judged)
    ece, floor, noise = calibration_error(judged, groups_of(judged.p, judged.n, DECILES))
    flat = log_loss(judged, np.full(len(judged.p), rate))
    ends = (max(area - 1.959964 * error, 0.0), min(area + 1.959964 * error, 1.0))
    return Quality(rows, rate, area, *ends, log_loss(judged), flat, ece, floor, noise, held_out)


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Result):
    """What was predicted of groups of people, beside what they did.

    `table` has one row a group: `group` (the decile of the score, 1 the lowest; or the value that was asked for), `n`
    (people), `predicted_rate`, `observed_rate` with `lower` and `upper` (95%, Wilson's, on people divided by the design
    effect of clusters), `difference` (observed less predicted).

    Attributes
    ----------
    ece : float
        The expected calibration error over these groups: the mean of |difference|, groups counting by their people.
    floor, noise : float
        What a perfect score would show on as many people: on average, and at its 95th percentile.
    by : str
        What the groups are.
    held_out : bool
        Whether these people had no part in the fit.
    """

    ece: float
    floor: float
    noise: float
    by: str
    held_out: bool

    def summary(self) -> str:
        """Say how far off the score is, beside what noise alone makes."""
        off = self.table.filter(
            (pl.col("predicted_rate") < pl.col("lower")) | (pl.col("predicted_rate") > pl.col("upper"))
        )
        verdict = "no more than noise would make" if self.ece <= self.noise else "more than noise alone makes"
        seen = "people held out" if self.held_out else "the people it was fitted on, which flatters it"
        return (
            f"By {self.by}, the score is off by {100 * self.ece:.1f} points on average, {verdict} (a perfect one "
            f"would show {100 * self.floor:.1f}, and seldom over {100 * self.noise:.1f}); {off.height} of "
            f"{self.table.height} groups lie outside their intervals, {self.table.height / 20:.1f} would by chance. "
            f"Judged by {seen}."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the observed share of each group over the predicted one, with the line on which they agree."""
        alt = charts.house()
        names = {"group": pl.col("group").cast(pl.String), "predicted": "predicted_rate", "observed": "observed_rate"}
        rows = self.table.select("n", "lower", "upper", **names)
        axis = alt.Axis(format="%")
        base = alt.Chart(rows).encode(x=alt.X("predicted:Q", title="predicted", axis=axis))
        tips = [alt.Tooltip("group:N", title=self.by), alt.Tooltip("n:Q", format=",")]
        tips += [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("predicted", "observed")]
        line = base.mark_rule(opacity=0.6).encode(y=alt.Y("lower:Q", title="observed", axis=axis), y2="upper:Q")
        points = base.mark_point(opacity=1).encode(y=alt.Y("observed:Q", title="observed", axis=axis), tooltip=tips)
        ends = [float(np.min(rows["predicted"].to_numpy())), float(np.max(rows["predicted"].to_numpy()))]
        even = alt.Chart(pl.DataFrame({"predicted": ends, "observed": ends})).mark_line(strokeDash=[4, 3], opacity=0.6)
        even = even.encode(x="predicted:Q", y="observed:Q")
        return alt.layer(even, line, points).properties(
            description=self.summary(), width=charts.WIDTH, height=300, title=f"Observed over predicted, by {self.by}"
        )


def calibration(model: Model, held: Cases, by: str, held_out: bool) -> Calibration:
    """Compare predictions with outcomes, by decile or by the cases' own column."""
    judged = held.judged(model.chances(held.codes))
    if held.by is None:
        group = groups_of(judged.p, judged.n, DECILES)
        labels = pl.Series("group", np.arange(1, DECILES + 1))
    else:
        ranked = held.by.fill_null("(missing)")
        labels = ranked.unique().sort().alias("group")
        group = ranked.replace_strict(labels, np.arange(len(labels)), return_dtype=pl.Int64).to_numpy()
    table = _by_group(judged, held.rows, group, labels)
    return Calibration(table, *calibration_error(judged, group), by=by, held_out=held_out)


def _by_group(judged: Judged, rows: np.ndarray, group: Whole, labels: pl.Series) -> pl.DataFrame:
    size = len(labels)
    n, k, said, people = (np.bincount(group, x, size) for x in (judged.n, judged.k, judged.n * judged.p, rows))
    independent = np.bincount(group, judged.n * judged.p * (1 - judged.p), size)
    spread = np.concatenate([group_variances(judged, group), np.zeros(size)])[:size]
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where((independent > 0) & (spread > 0), spread / independent, 1.0)
        lower, upper = wilson(k / effect, n / effect)
        table = pl.DataFrame(
            {"group": labels, "n": people.astype(np.int64), "predicted_rate": said / n, "observed_rate": k / n}
        )
    table = table.with_columns(lower=pl.Series(lower), upper=pl.Series(upper))
    return table.with_columns(difference=pl.col("observed_rate") - pl.col("predicted_rate")).filter(pl.col("n") > 0)


@dataclass(frozen=True, eq=False, repr=False)
class Gains(Result):
    """How much of the outcome is reached by calling the best first.

    `table` has one row a depth: `called_share` (of people, best first), `n` (people), `score_from` (the last one's
    score), `reached_share` (of all with the outcome), `found_rate` (among those called), `lift` (that over the rate of
    all).
    """

    outcome: str
    held_out: bool

    def summary(self) -> str:
        """Say what the first fifth reaches."""
        row = self.table.filter(pl.col("called_share") >= 0.2 - 1e-9).row(0, named=True)
        seen = "Among people held out" if self.held_out else "Among the people it was fitted on"
        return (
            f"{seen}, the {row['called_share']:.0%} with the highest scores hold {row['reached_share']:.0%} of "
            f"those with {self.outcome}: {row['lift']:.2f} times their share. This ranks by how likely it is, "
            "not by what a call changes."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the share reached over the share called, with the line of calling at random."""
        alt = charts.house()
        start = {"called_share": [0.0], "reached_share": [0.0]}
        rows = pl.concat([pl.DataFrame(start), self.table.select("called_share", "reached_share")])
        x = alt.X("called_share:Q", title="share of people called, best first", axis=alt.Axis(format="%"))
        y = alt.Y("reached_share:Q", title="share of the outcome reached", axis=alt.Axis(format="%"))
        tips = [alt.Tooltip(f"{name}:Q", format=".1%", title=name.replace("_", " ")) for name in rows.columns]
        curve = alt.Chart(rows).mark_line(point=True).encode(x=x, y=y, tooltip=tips)
        even = alt.Chart(pl.DataFrame({"called_share": [0.0, 1.0], "reached_share": [0.0, 1.0]}))
        even = even.mark_line(strokeDash=[4, 3], opacity=0.6).encode(x=x, y=y)
        return alt.layer(even, curve).properties(
            description=self.summary(), width=charts.WIDTH, height=300, title=f"Reaching those with {self.outcome}"
        )


def gains(model: Model, held: Cases, outcome: str, held_out: bool, steps: int = 20) -> Gains:
    """Return how much each depth of the list reaches; people of one score are alike, so a depth may cut them."""
    p, level = np.unique(-model.chances(held.codes), return_inverse=True)
    n, k = np.cumsum(np.bincount(level, held.n)), np.cumsum(np.bincount(level, held.k))
    depth = np.arange(1, steps + 1) / steps
    at = np.minimum(np.searchsorted(n, depth * n[-1] * (1 - 1e-12)), len(n) - 1)
    reached = np.interp(depth * n[-1], np.concatenate([[0.0], n]), np.concatenate([[0.0], k]))
    table = pl.DataFrame(
        {"called_share": depth, "n": np.rint(depth * held.rows.sum()).astype(int), "score_from": -p[at]}
    )
    table = table.with_columns(reached_share=reached / k[-1], found_rate=reached / (depth * n[-1]))
    return Gains(table.with_columns(lift=pl.col("reached_share") / pl.col("called_share")), outcome, held_out)


@dataclass(frozen=True, eq=False, repr=False)
class Importance(Result):
    """What each block of features carries.

    `table` has one row a block, the most important first: `block`, `features` (how many), `estimate` (by how much the
    held-out log loss rises when the block's values are dealt out among people at random, all of a person's together;
    nats a person), `lower`, `upper` (what 95% of such deals give), `carried_share` (of what the whole score gains over
    giving everybody the rate; shares need not add up to 1, since blocks may say the same twice or count only
    together), `auc_lost`.
    """

    gain: float
    held_out: bool

    def summary(self) -> str:
        """Say what the first block carries, and the others."""
        said = [f"{row['block']} {row['carried_share']:.0%}" for row in self.table.iter_rows(named=True)]
        beyond = bool((self.table["carried_share"] > 1).any())
        more = "Above 100%: a shuffled block misleads, which is worse than knowing nothing. " if beyond else ""
        return (
            f"Of what the score knows, measured by held-out loss when a block is shuffled: {', '.join(said)}. {more}"
            "This says what the score leans on, not what causes the outcome; blocks that say the same hide each other."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw by how much the loss rises without each block."""
        return charts.intervals(
            self.table, "block", description=self.summary(), reference=0.0, number=".3f",
            title="Rise of the log loss when the block is shuffled",
        )  # fmt: skip


def importance(model: Model, held: Cases, by: str, held_out: bool, seed: int) -> Importance:
    """Permute each block (or feature) among held-out people."""
    features = model.design.asked.features
    groups: dict[str, list[int]] = {}
    for i, feature in enumerate(features):
        groups.setdefault(feature.block if by == "block" else feature.name, []).append(i)
    rng = np.random.default_rng(seed)
    whole = held.judged(model.chances(held.codes))
    base, (area, _) = log_loss(whole), auc(whole)
    flat = log_loss(whole, np.full(len(whole.p), held.totals[1]))
    rows = []
    for name, members in groups.items():
        rises, lost = np.array([_shuffled(model, held, members, rng) for _ in range(ROUNDS)]).T
        rows.append({"block": name, "features": len(members), "estimate": rises.mean() - base} | {
            "lower": np.quantile(rises, 0.025) - base, "upper": np.quantile(rises, 0.975) - base,
            "carried_share": (rises.mean() - base) / (flat - base), "auc_lost": area - lost.mean(),
        })  # fmt: skip
    return Importance(pl.DataFrame(rows).sort("estimate", descending=True), flat - base, held_out)


def _shuffled(model: Model, held: Cases, members: Sequence[int], rng: np.random.Generator) -> tuple[float, float]:
    """Return loss and AUC where each cell's members come from another, drawn by their weight, several to a cell."""
    copies = max(1, SAMPLED // (ROUNDS * len(held.n)))
    mine = np.repeat(np.arange(len(held.n)), copies)
    theirs = np.searchsorted(np.cumsum(held.n) / held.n.sum(), rng.random(len(mine)), side="right")
    codes = [code[theirs if i in members else mine] for i, code in enumerate(held.codes)]
    n, k = held.n[mine] / copies, held.k[mine] / copies
    judged = Judged(model.chances(codes), n, k, n, k)
    return log_loss(judged), auc(judged)[0]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Two scores judged by the same people.

    `table` has one row a score: `score`, `features` (how many), `auc`, `log_loss`, `ece`.

    Attributes
    ----------
    gap, lower, upper : float
        By how much the first's AUC is above the second's, with its 95% interval (DeLong, paired).
    n : int
        People both were judged by.
    """

    gap: float
    lower: float
    upper: float
    n: int

    def summary(self) -> str:
        """Say which ranks better, and whether that is beyond chance."""
        one, two = self.table["score"].to_list()
        sure = "beyond chance" if self.lower > 0 or self.upper < 0 else "not beyond chance"
        side = "above" if self.gap >= 0 else "below"
        return (
            f"Among the same {self.n:,} people the AUC of {one} is {abs(self.gap):.3f} {side} that of {two} (95% "
            f"interval {self.lower:.3f} to {self.upper:.3f}), {sure}."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw both AUCs."""
        return charts.bars(self.table, "score", "auc", description=self.summary(), number=".3f", title="AUC")


def compared(names: Sequence[str], features: Sequence[int], one: Judged, two: Judged) -> Comparison:
    """Compare two predictions of the same cells."""
    gap, error = auc_difference(one, two.p)
    errors = [calibration_error(part, groups_of(part.p, part.n, DECILES))[0] for part in (one, two)]
    table = pl.DataFrame(
        {"score": list(names), "features": list(features), "auc": [auc(one)[0], auc(two)[0]],
         "log_loss": [log_loss(one), log_loss(two)], "ece": errors}
    )  # fmt: skip
    return Comparison(table, gap, gap - 1.959964 * error, gap + 1.959964 * error, round(one.nn.sum()))
