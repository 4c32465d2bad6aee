"""How far a score can be trusted: calibration, gains, what each block carries, and which of two is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts, labels, wording
from campaignkit.errors import listed
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.intervals.rates import wilson
from campaignkit.stats.prediction.metrics import (
    Predictions,
    auc,
    auc_difference,
    calibration_error,
    group_variances,
    log_loss,
    score_groups,
)
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.voters.model.logit_model import ModelFit
from campaignkit.voters.model.predictor import ProbabilityModel
from campaignkit.voters.model.weighted_cells import WeightedCells

if TYPE_CHECKING:
    import altair as alt

DECILES = 10
ENOUGH = 10  # rows of the rarer outcome for a coefficient (Peduzzi et al. 1996)
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
        The chance that one with the outcome is scored above one without, and its interval (DeLong).
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


def quality(
    model: ProbabilityModel, held: WeightedCells, held_out: bool, confidence_level: float, fit: ModelFit | None = None
) -> Quality:
    """Judge a model by people; `fit`, where it is known, tells how far its coefficients may be off."""
    predictions = held.with_predictions(model.probabilities(held.codes))
    rows, rate = held.totals
    area, error = auc(predictions)
    group = score_groups(predictions.p, predictions.n, DECILES)
    errors = _fitting_errors(fit if held_out else None, model, held, predictions, group)
    ece, floor, noise = calibration_error(predictions, group, estimated=errors)
    flat = log_loss(predictions, np.full(len(predictions.p), rate))
    half = _z(confidence_level) * error
    ends = (max(area - half, 0.0), min(area + half, 1.0))
    return Quality(rows, rate, area, *ends, log_loss(predictions), flat, ece, floor, noise, held_out)


def _fitting_errors(
    fit: ModelFit | None, model: ProbabilityModel, held: WeightedCells, predictions: Predictions, group: Whole
) -> Floats | None:
    """Return how far each group's expected number is off by independent errors of the coefficients; None: unknown."""
    if fit is None or fit.covariance is None or fit.model is not model:
        return None
    slope, groups = predictions.n * predictions.p * (1 - predictions.p), int(group.max()) + 1
    by_term = []
    for term in model.design.terms(held.codes).terms:
        levels = len(term.basis)
        sums = np.bincount(group * levels + term.codes, slope, groups * levels)
        by_term.append(sums.reshape(groups, levels) @ term.basis)
    values, vectors = np.linalg.eigh(fit.covariance)
    return np.hstack(by_term) @ (vectors * np.sqrt(np.maximum(values, 0)))


def quality_sentence(
    q: Quality, name: str, outcome: str, confidence_level: float, own: Mapping[str, str] = labels.NONE
) -> str:
    """Say how well a score ranks and how far off it is."""
    seen = f"{q.rows:,} people held out" if q.held_out else f"the {q.rows:,} people it was fitted on"
    noise = f"noise alone gives {wording.points(q.ece_floor)}"
    off = "no more than noise explains" if q.ece <= q.ece_noise else noise
    return (
        f"The score {name!r} ranks people {labels.who(outcome, own)} above people {labels.without(outcome)} in "
        f"{q.auc:.1%} of pairs (AUC; {confidence_level:.0%} interval "
        f"{wording.between(q.auc_lower, q.auc_upper, wording.share)}). Its rates are off by {wording.points(q.ece)} "
        f"points on average ({off}). Judged on {seen}: {labels.rate_of(outcome, wording.share(q.rate), own)}."
    )


def chance_warning(q: Quality, confidence_level: float) -> str | None:
    """Return what is to be said wherever a score ranks whose AUC's interval holds 50%; None: it does not."""
    if q.auc_lower > 0.5:
        return None
    interval = f"{confidence_level:.0%} interval {wording.between(q.auc_lower, q.auc_upper, wording.share)}"
    return f"ranks no better than chance: AUC {q.auc:.1%}, {interval}"


def cautions(table: pl.DataFrame, set_aside: int, ridge: float, constant: Sequence[str]) -> str:
    """Return what a score's reader must know beside its quality: rows set aside, coefficients on too few rows."""
    text = f" {set_aside:,} rows without an outcome were left out." if set_aside else ""
    first = table.row(0, named=True)
    if first["term"] == "(intercept)" and ridge == 0:
        rarer = round(first["n"] * min(first["outcome_rate"], 1 - first["outcome_rate"]))
        if rarer < ENOUGH * table.height:
            text += f" Its {table.height} coefficients rest on {rarer:,} rows of the rarer outcome: try ridge=."
    if constant:
        verbs = "has one value only and adds" if len(constant) == 1 else "have one value only and add"
        text += f" {', '.join(constant)} {verbs} nothing."
    return text


def largest_coefficients(table: pl.DataFrame, description: str) -> alt.TopLevelMixin:
    """Draw a logit's twenty largest coefficients."""
    rows = table.filter(pl.col("estimate").is_not_null() & pl.col("level").is_not_null())
    rows = rows.with_columns(what=pl.col("term") + " " + pl.col("level"))
    rows = rows.sort(pl.col("estimate").abs(), descending=True).head(20)
    return charts.intervals(rows, "what", reference=0.0, description=description, title="Log odds")


def _z(confidence_level: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence_level / 2)


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Result):
    """What was predicted of groups of people, beside what they did.

    `table` has one row per group: `group` (the decile of the score, 1 the lowest; or the value that was asked for), `n`
    (people), `predicted_rate`, `observed_rate` with `lower` and `upper` (Wilson's, on people divided by the design
    effect of clusters), `difference` (observed less predicted).

    Attributes
    ----------
    ece : float
        The expected calibration error over these groups: the mean of |difference|, groups counting by their people.
    floor, noise : float
        What a score of the right form, fitted on as many, would show on as many people (for trees: a perfect one): on
        average, and at its 95th percentile.
    by : str
        What the groups are.
    held_out : bool
        Whether these people had no part in the fit.
    confidence_level : float
        Of the intervals.
    """

    ece: float
    floor: float
    noise: float
    by: str
    held_out: bool
    confidence_level: float = CONFIDENCE_LEVEL

    def summary(self) -> str:
        """Say how far off the score is, beside what noise alone makes."""
        off = self.table.filter(
            (pl.col("predicted_rate") < pl.col("lower")) | (pl.col("predicted_rate") > pl.col("upper"))
        )
        verdict = "no more than noise explains" if self.ece <= self.noise else "more than noise explains"
        seen = "people held out" if self.held_out else "the people it was fitted on, which flatters it"
        return (
            f"The score is off by {wording.points(self.ece)} points on average by {self.by}, {verdict} (a perfect "
            f"score would show {wording.points(self.floor)}, rarely over {wording.points(self.noise)}). {off.height} "
            f"of {self.table.height} groups fall outside their intervals; "
            f"{self.table.height * (1 - self.confidence_level):.1f} would by chance. Judged on {seen}."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the observed share of each group over the predicted one, with the line on which they agree."""
        alt = charts.house()
        names = {"group": pl.col("group").cast(pl.String), "predicted": "predicted_rate", "observed": "observed_rate"}
        rows = self.table.select("n", "lower", "upper", **names)
        axis = alt.Axis(format="%")
        base = alt.Chart(rows).encode(x=alt.X("predicted:Q", title="predicted rate", axis=axis))
        tips = [alt.Tooltip("group:N", title=self.by), alt.Tooltip("n:Q", format=",")]
        tips += [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("predicted", "observed")]
        line = base.mark_rule(opacity=0.6).encode(y=alt.Y("lower:Q", title="observed rate", axis=axis), y2="upper:Q")
        points = base.mark_point(opacity=1).encode(
            y=alt.Y("observed:Q", title="observed rate", axis=axis), tooltip=tips
        )
        ends = [float(np.min(rows["predicted"].to_numpy())), float(np.max(rows["predicted"].to_numpy()))]
        even = alt.Chart(pl.DataFrame({"predicted": ends, "observed": ends})).mark_line(strokeDash=[4, 3], opacity=0.6)
        even = even.encode(x="predicted:Q", y="observed:Q")
        return alt.layer(even, line, points).properties(
            description=self.summary(),
            width=charts.WIDTH,
            height=300,
            title=f"Observed against predicted rate, by {self.by}",
        )


def calibration(
    model: ProbabilityModel,
    held: WeightedCells,
    by: str,
    held_out: bool,
    confidence_level: float,
    fit: ModelFit | None = None,
) -> Calibration:
    """Compare predictions with outcomes, by decile or by the cells' own segment; `fit` as `quality` has it."""
    predictions = held.with_predictions(model.probabilities(held.codes))
    if held.segment is None:
        group = score_groups(predictions.p, predictions.n, DECILES)
        labels = pl.Series("group", np.arange(1, DECILES + 1))
    else:
        ranked = held.segment.fill_null("(missing)")
        labels = ranked.unique().sort().alias("group")
        group = ranked.replace_strict(labels, np.arange(len(labels)), return_dtype=pl.Int64).to_numpy()
    table = _by_group(predictions, held.rows, group, labels, confidence_level)
    errors = _fitting_errors(fit if held_out else None, model, held, predictions, group)
    error_and_floor = calibration_error(predictions, group, estimated=errors)
    return Calibration(table, *error_and_floor, by, held_out, confidence_level)


def _by_group(
    predictions: Predictions, rows: Floats, group: Whole, labels: pl.Series, confidence_level: float
) -> pl.DataFrame:
    size = len(labels)
    n, k, expected, people = (
        np.bincount(group, x, size) for x in (predictions.n, predictions.k, predictions.n * predictions.p, rows)
    )
    independent = np.bincount(group, predictions.n * predictions.p * (1 - predictions.p), size)
    spread = np.concatenate([group_variances(predictions, group), np.zeros(size)])[:size]
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where((independent > 0) & (spread > 0), spread / independent, 1.0)
        lower, upper = wilson(k / effect, n / effect, confidence_level)
        table = pl.DataFrame(
            {"group": labels, "n": people.astype(np.int64), "predicted_rate": expected / n, "observed_rate": k / n}
        )
    table = table.with_columns(lower=pl.Series(lower), upper=pl.Series(upper))
    return table.with_columns(difference=pl.col("observed_rate") - pl.col("predicted_rate")).filter(pl.col("n") > 0)


@dataclass(frozen=True, eq=False, repr=False)
class Gains(Result):
    """How much of the outcome is reached by calling the best first.

    `table` has one row per depth: `called_share` (of people, best first), `n` (people), `score_from` (the last one's
    score), `reached_share` (of all with the outcome), `found_rate` (among those called), `lift` (that over the rate of
    all).
    """

    outcome: str
    held_out: bool

    def summary(self) -> str:
        """Say what the first fifth reaches."""
        row = self.table.filter(pl.col("called_share") >= 0.2 - 1e-9).row(0, named=True)
        seen = "people held out" if self.held_out else "the people it was fitted on"
        return (
            f"The top {row['called_share']:.0%} by score hold {row['reached_share']:.0%} of those "
            f"{labels.who(self.outcome, self.labels)}, "
            f"{row['lift']:.2f} times their share, among {seen}. This ranks by how likely the outcome is, not by what "
            "a call would change."
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
            description=self.summary(),
            width=charts.WIDTH,
            height=300,
            title=f"Reaching those {labels.who(self.outcome, self.labels)}",
        )


def gains(model: ProbabilityModel, held: WeightedCells, outcome: str, held_out: bool, steps: int = 20) -> Gains:
    """Return how much each depth of the list reaches; people of one score are alike, so a depth may cut them."""
    p, level = np.unique(-model.probabilities(held.codes), return_inverse=True)
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

    `table` has one row per block, the most important first: `block`, `features` (how many), `estimate` (by how much the
    held-out log loss rises when the block's values are dealt out among people at random, all of a person's together;
    nats a person), `lower`, `upper` (of such deals), `carried_share` (at most 1; of what the whole score gains over
    giving everybody the rate; shares need not add up to 1, since blocks may say the same twice or count only
    together), `auc_lost`.
    """

    gain: float
    held_out: bool

    def summary(self) -> str:
        """Say what the first block carries, and the others."""
        shares = [
            f"{self.label(row['block'])} {'all' if row['carried_share'] == 1 else format(row['carried_share'], '.0%')}"
            for row in self.table.iter_rows(named=True)
        ]
        misleads = self.table.filter(pl.col("estimate") > self.gain)["block"].to_list()
        more = f"With {listed(misleads)} shuffled, the score does worse than knowing nothing. " if misleads else ""
        return (
            f"What the score relies on, measured by held-out loss when a block is shuffled: {', '.join(shares)}. {more}"
            "This is not what causes the outcome, and blocks that carry the same information hide each other."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw by how much the loss rises without each block."""
        return charts.intervals(
            self.table, "block", description=self.summary(), reference=0.0, number=".3f",
            title="Rise of the log loss when the block is shuffled",
        )  # fmt: skip


def importance(
    model: ProbabilityModel, held: WeightedCells, by: str, held_out: bool, seed: int, confidence_level: float
) -> Importance:
    """Permute each block (or feature) among held-out people."""
    features = model.design.spec.features
    groups: dict[str, list[int]] = {}
    for i, feature in enumerate(features):
        groups.setdefault(feature.block if by == "block" else feature.name, []).append(i)
    rng, tail = np.random.default_rng(seed), (1 - confidence_level) / 2
    whole = held.with_predictions(model.probabilities(held.codes))
    base, (area, _) = log_loss(whole), auc(whole)
    flat = log_loss(whole, np.full(len(whole.p), held.totals[1]))
    rows = []
    for name, members in groups.items():
        rises, lost = np.array([_shuffled(model, held, members, rng) for _ in range(ROUNDS)]).T
        rows.append({"block": name, "features": len(members), "estimate": rises.mean() - base} | {
            "lower": np.quantile(rises, tail) - base, "upper": np.quantile(rises, 1 - tail) - base,
            "carried_share": min((rises.mean() - base) / (flat - base), 1.0), "auc_lost": area - lost.mean(),
        })  # fmt: skip
    return Importance(pl.DataFrame(rows).sort("estimate", descending=True), flat - base, held_out)


def _shuffled(
    model: ProbabilityModel, held: WeightedCells, members: Sequence[int], rng: np.random.Generator
) -> tuple[float, float]:
    """Return loss and AUC where each cell's members come from another, drawn by their weight, several to a cell."""
    copies = max(1, SAMPLED // (ROUNDS * len(held.n)))
    mine = np.repeat(np.arange(len(held.n)), copies)
    theirs = np.searchsorted(np.cumsum(held.n) / held.n.sum(), rng.random(len(mine)), side="right")
    codes = [code[theirs if i in members else mine] for i, code in enumerate(held.codes)]
    n, k = held.n[mine] / copies, held.k[mine] / copies
    predictions = Predictions(model.probabilities(codes), n, k, n, k)
    return log_loss(predictions), auc(predictions)[0]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Two scores judged by the same people.

    `table` has one row per score: `score`, `features` (how many), `auc`, `log_loss`, `ece`.

    Attributes
    ----------
    gap, lower, upper : float
        By how much the first's AUC is above the second's, with its interval (DeLong, paired).
    n : int
        People both were judged by.
    confidence_level : float
        Of the interval.
    """

    gap: float
    lower: float
    upper: float
    n: int
    confidence_level: float = CONFIDENCE_LEVEL

    def summary(self) -> str:
        """Say which ranks better, and whether that is beyond chance."""
        first, second = self.table["score"].to_list()
        sure = "beyond chance" if self.lower > 0 or self.upper < 0 else "not beyond chance"
        side = "above" if self.gap >= 0 else "below"
        return (
            f"The AUC of {first} is {abs(self.gap):.3f} {side} that of {second} ({self.confidence_level:.0%} interval "
            f"{wording.between(self.lower, self.upper, wording.number)}), {sure}. Both are judged on the same "
            f"{self.n:,} people."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw both AUCs."""
        return charts.bars(self.table, "score", "auc", description=self.summary(), number=".3f", title="AUC")


def compared(
    names: Sequence[str], features: Sequence[int], first: Predictions, second: Predictions, confidence_level: float
) -> Comparison:
    """Compare two predictions of the same cells."""
    gap, error = auc_difference(first, second.p)
    both = (first, second)
    table = pl.DataFrame(
        {
            "score": list(names),
            "features": list(features),
            "auc": [auc(part)[0] for part in both],
            "log_loss": [log_loss(part) for part in both],
            "ece": [calibration_error(part, score_groups(part.p, part.n, DECILES))[0] for part in both],
        }
    )
    half = _z(confidence_level) * error
    return Comparison(table, gap, gap - half, gap + half, round(first.nn.sum()), confidence_level)
