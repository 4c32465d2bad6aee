"""Whether an arm works better on some people than on others, and how much of the difference is chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts, labels
from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments.analyze import CORRECTIONS
from campaignkit.experiments.moments.comparing import (
    Arms,
    arm_names,
    arrange,
    by_welch,
    corrected,
    differences,
    find_control,
    levels,
)
from campaignkit.experiments.moments.counts import outcomes_of
from campaignkit.experiments.moments.groups import design_of
from campaignkit.experiments.moments.reading import read
from campaignkit.experiments.moments.sizes import Sizes, check_sizes
from campaignkit.result import Result
from campaignkit.stats.intervals.differences import satterthwaite
from campaignkit.stats.intervals.estimate import equal_tailed
from campaignkit.stats.intervals.heterogeneity import score_variance, welch_heterogeneity
from campaignkit.stats.intervals.hierarchy import normal_hierarchy
from campaignkit.stats.intervals.moments import Moments
from campaignkit.stats.intervals.multiplicity import holm
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import change, p_value

if TYPE_CHECKING:
    import altair as alt

USUAL = 0.05  # groups' effects usually differ by this share of the outcome's standard deviation: the prior's scale


@dataclass(frozen=True, eq=False, repr=False)
class GroupEffects(Result):
    """An experiment's effects by group of people.

    `table` has one row per group and arm, without the control:

    - the `by` columns, `arm`, `n` (people of the group in the arm), `control_n`, `level`, `control_level`;
    - `estimate`, `std_error`, `lower`, `upper`: an effect in that group, the arm's level minus the control's; null
      where an arm has fewer than two people there, or nothing varied;
    - `p_value` (that the effect in this group is none), `p_adjusted` over all rows, `correction`;
    - `shrunk`, `shrunk_lower`, `shrunk_upper`: the effect drawn toward the other groups', as far as they are alike;
      act on this.

    `differs` has one row per arm: `arm`, `groups`, `overall` (the effect among all people, as `analyze` finds it),
    `statistic` (Welch's F), `df`, `df_within`, `p_value` (that all groups have the same effect), `p_adjusted` (Holm
    over arms), `spread` (the groups' standard deviation, expected).

    `warnings` has a sentence by name: ``thin_groups`` (how many groups have no event in some arm, or too few people).
    """

    outcome: str
    kind: str
    by: tuple[str, ...]
    control: Any
    sizes: Sizes
    differs: pl.DataFrame
    notes: tuple[str, ...]
    confidence_level: float
    warnings: Mapping[str, str]

    def summary(self) -> str:
        """Say whether the groups differ at all, before which of them leads."""
        start = " ".join([self.sizes.sentence(), *self.notes])
        answer = " ".join([*self._sentences(), *self.warnings.values()])
        what, by = labels.measured(self.outcome, self.labels), " and ".join(map(self.label, self.by))
        return f"{start} Effects on {what} by {by}: {answer}"

    def _sentences(self) -> list[str]:
        sentences = []
        for row in self.differs.iter_rows(named=True):
            rows = self.table.filter((pl.col("arm") == row["arm"]) & pl.col("estimate").is_not_null())
            p = p_value(row["p_adjusted"])
            if row["p_adjusted"] >= 1 - self.confidence_level:
                sentences.append(
                    f"for {row['arm']}, the {row['groups']} groups differ no more than chance explains ({p}). "
                    f"The overall effect is {change(row['overall'], self.kind)}."
                )
                continue
            ordered = rows.sort("shrunk", descending=True)
            best, least = ordered.row(0, named=True), ordered.row(-1, named=True)
            sentences.append(
                f"for {row['arm']}, the groups differ ({p}). The effect is largest in {self._group(best)}, "
                f"{change(best['shrunk'], self.kind)}, and smallest in {self._group(least)}, "
                f"{change(least['shrunk'], self.kind)}. Both are shrunk; as observed, they are "
                f"{change(best['estimate'], self.kind)} and {change(least['estimate'], self.kind)}."
            )
        return sentences

    def _group(self, row: dict[str, Any]) -> str:
        return " · ".join("unknown" if row[name] is None else str(row[name]) for name in self.by)

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw each group's effect as seen and shrunk, arm by arm; the first thirty."""
        rows = self.table.filter(pl.col("estimate").is_not_null()).head(30)
        if rows.is_empty():
            return None
        parts = [pl.col(name).cast(pl.String).fill_null("unknown") for name in self.by]
        arm = [] if self.differs.height == 1 else [pl.col("arm").cast(pl.String)]
        label = pl.concat_str([*parts, *arm], separator=" · ").alias("group")
        seen = rows.select(label, "estimate", "lower", "upper", pl.lit("as seen").alias("effect"))
        names = {"estimate": "shrunk", "lower": "shrunk_lower", "upper": "shrunk_upper"}
        shrunk = rows.select(
            label, *(pl.col(old).alias(new) for new, old in names.items()), pl.lit("shrunk").alias("effect")
        )
        number = "+.1%" if self.kind == "rate" else "+,.2~f"
        return charts.intervals(
            pl.concat([seen, shrunk]), "group", description=self.summary(), series="effect", reference=0,
            title=f"{labels.heading(self.outcome, self.labels)}: difference to {self.control}", number=number,
        )  # fmt: skip


def effects_by(
    data: Any,
    arm: str,
    outcome: str | None = None,
    by: str | Iterable[str] = (),
    *,
    control: Any = None,
    unit: str | None = None,
    cluster: str | None = None,
    covariate: str | None = None,
    weight: str | None = None,
    correction: str = "bh",
    shares: Any = None,
    kind: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    trials: str | None = None,
    successes: str | None = None,
    total: str | None = None,
    total_of_squares: str | None = None,
) -> GroupEffects:
    """Ask whether an arm's effect differs between groups of people, and by how much it really does.

    Parameters
    ----------
    data : table
        One row per person.
    arm, outcome : str
        As for `analyze`.
    by : str or iterable of str
        What people were before the arms were drawn: sex, age band, state. Several columns are crossed. Never a thing
        that the arm may have changed, such as having been reached. Null is a group.
    control, unit, cluster, covariate, weight, shares, kind, confidence_level
        As for `analyze`.
    correction : {"bh", "holm", "none"}
        Of the effects' p-values, over all groups and arms.
    trials, successes, total, total_of_squares : str, optional
        Columns of a table of counts in place of people; as for `analyze`.

    Returns
    -------
    GroupEffects

    Raises
    ------
    NotEnoughData
        Fewer than two groups have people enough for a difference.

    Notes
    -----
    First Welch's test: would the groups differ as they do if the effect was the same in all? It allows for how few
    people (or clusters) each group's variance is estimated from; a rate's variance is that of the rate drawn toward
    all groups' by the weight of one event, so that a group without events is not taken to be sure of 0. Where the test
    does not say no (p ≥ 1 − confidence_level after Holm over arms), no group is said to lead, however the bars look.
    Shrunk effects come from a normal hierarchy with its spread integrated over. Where a household is in two groups, its
    members lean the same way and the test is on the side of caution.

    References
    ----------
    Welch (1951), Biometrika 38, 330–336. Gelman, Hill & Yajima (2012), Journal of Research on Educational
    Effectiveness 5, 189–211.

    Examples
    --------
    >>> import campaignkit as ck
    >>> calls = ck.sample.draw("scripts", 20_000, seed=3).table
    >>> found = ck.experiments.effects_by(calls, "arm", "supports_after", "sex", control="control")
    >>> found.table.select("sex", "arm", "n").rows()[:2]
    [('F', 'economy', 2179), ('F', 'health', 2082)]
    """
    check_scalar(correction, "correction", choices=CORRECTIONS)
    names = column_names(by, "by")
    if not names:
        raise BadValue("by is empty; name at least one column.")
    outcomes, counts = outcomes_of(outcome, trials, successes, total, total_of_squares)
    design = design_of(
        [arm], outcomes, by=names, unit=unit, cluster=cluster, weight=weight, covariate=covariate, kind=kind,
        nested=False, confidence_level=confidence_level, counts=counts,
    )  # fmt: skip
    groups = read(data, design, control)
    arm_labels = arm_names(groups, design)
    base = find_control(arm_labels, control)
    outcome_groups = groups.outcomes[0]
    arms = arrange(groups, outcome_groups, design, base, whole=False)
    values = groups.table.select(names).unique(maintain_order=True)
    counted = groups.table.select(arm, *names).with_columns(n=pl.Series(outcome_groups.rows))
    arms = replace(arms, clustered=cluster is not None or weight is not None)
    parts = [_group(arms, s, values.row(s), names, counted, arm) for s in range(values.height)]
    table = pl.concat(parts, how="vertical_relaxed").sort(*names, "arm", nulls_last=True)
    shrunk, overall = _by_arm(table, arms, arm_labels, base, confidence_level)
    sizes = check_sizes(groups, arm_labels, design, shares)
    rows, notes = corrected(shrunk.sort(*names, "arm", nulls_last=True), correction), groups.notes(design)
    return GroupEffects(
        rows, outcomes[0], arms.kind, tuple(names), arm_labels[base], sizes, overall, notes, confidence_level,
        _thin(arms),
    )  # fmt: skip


def _by_arm(
    table: pl.DataFrame, arms: Arms, arm_labels: list[Any], base: int, confidence_level: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return each arm's effects by group, shrunk, and whether they differ: one row per arm."""
    everyone, scale = _overall(arms), USUAL * _spread(arms)
    compared = [
        _compared(table.filter(pl.col("arm") == name), scale, everyone[i], confidence_level)
        for i, name in enumerate(arm_labels)
        if i != base
    ]
    shrunk, differs = zip(*compared, strict=True)
    overall = pl.DataFrame(list(differs))
    return pl.concat(shrunk), overall.with_columns(p_adjusted=pl.Series(holm(overall["p_value"].to_numpy())))


def _overall(arms: Arms) -> np.ndarray:
    """Return each arm's difference to the control among all people, as `analyze` finds it."""
    whole = arms.moments.over(1)
    together = Moments(whole.n[:, None], whole.mean[:, None], whole.ss[:, None], whole.cube[:, None])
    return by_welch(replace(arms, moments=together, share=np.ones(1), cross=None))[0].estimate


def _thin(arms: Arms) -> dict[str, str]:
    m = arms.moments
    nothing = (m.n * m.mean[..., 3] == 0) if arms.kind != "mean" else np.zeros_like(m.n, bool)
    thin = int(((m.n < 2) | nothing).any(axis=0).sum())
    if not thin:
        return {}
    lack = "people" if arms.kind == "mean" else "people, or nobody with the outcome,"
    text = f"{thin} of {m.n.shape[1]} groups have too few {lack} in some arm; they tell little."
    return {"thin_groups": text}


def _spread(arms: Arms) -> float:
    """Return the standard deviation of people within groups and arms."""
    m = arms.moments
    variance = m.level().variance * m.mean[..., 1]
    known = np.isfinite(variance) & (m.n > 1)
    return float(np.sqrt(np.average(variance[known], weights=m.n[known]))) if known.any() else 1.0


def _group(
    arms: Arms, s: int, value: tuple[Any, ...], names: list[str], counted: pl.DataFrame, arm: str
) -> pl.DataFrame:
    """Return one group's rows: the difference of each arm to the control within it."""
    at = slice(s, s + 1)
    cross = None if arms.cross is None else arms.cross[:, at]
    here = replace(arms, moments=arms.moments.pick(slice(None), at), share=np.ones(1), cross=cross)
    level = levels(here)
    difference, _, _ = differences(here, level)
    known = (here.moments.n[:, 0] > 1) & (here.moments.n[arms.control, 0] > 1)
    variance, df = _variances(here, arms)
    numbers = difference._asdict()
    numbers["std_error"] = np.where(numbers["std_error"] > 0, numbers["std_error"], np.sqrt(variance))
    numbers = {name: np.where(known, x, np.nan) for name, x in (numbers | {"variance": variance, "df": df}).items()}
    inside = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(x)) for name, x in zip(names, value, strict=True))
    n = dict(counted.filter(inside).select(arm, "n").rows())
    table = pl.DataFrame(
        {
            "arm": arms.names, "n": [n.get(name, 0) for name in arms.names],
            "control_n": [n.get(arms.names[arms.control], 0)] * len(arms.names),
            "level": level.value, "control_level": np.full(len(arms.names), level.value[arms.control]), **numbers,
        }
    )  # fmt: skip
    schema = counted.schema
    keys = [pl.lit(x, dtype=schema[name]).alias(name) for name, x in zip(names, value, strict=True)]
    control = pl.Series([i == arms.control for i in range(len(arms.names))])
    return table.filter(~control).select(*keys, pl.all()).with_columns(pl.col(pl.Float64).fill_nan(None))


def _variances(here: Arms, everywhere: Arms) -> tuple[np.ndarray, np.ndarray]:
    """Return for each arm the variance of its difference to the control that groups are compared by, and its df."""
    m, c = here.moments.pick(slice(None), 0), here.control
    level = m.level()
    own = level.variance / m.n
    if here.kind != "mean" and not here.adjusted:
        total = everywhere.moments
        events, people = m.n * m.mean[..., 3], m.n * m.mean[..., 1]
        pooled = (total.n * total.mean[..., 3]).sum(axis=1) / (total.n * total.mean[..., 1]).sum(axis=1)
        drawn = score_variance(events, people, pooled)
        if here.kind == "money":
            drawn = drawn * _square_given(total)
        own = np.where((own > 0) & (here.clustered | (here.kind == "money")), own, drawn)
    df = m.df()
    return own + own[c], satterthwaite((own, df), (own[c], df[c]))


def _square_given(m: Moments) -> np.ndarray:
    """Return each arm's mean square among what is not zero, over all groups."""
    squares = (m.ss[..., 0, 0] + m.n * m.mean[..., 0] ** 2).sum(axis=1)
    return squares / np.maximum((m.n * m.mean[..., 3]).sum(axis=1), 1)


def _compared(
    rows: pl.DataFrame, scale: float, overall: float, level: float = CONFIDENCE_LEVEL
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return one arm's rows with shrunk effects, and whether its groups differ."""
    usable = (pl.col("estimate").is_not_null() & (pl.col("variance") > 0).fill_null(False)).alias("usable")
    known = rows.select(usable).to_series().to_numpy()
    effect, std_error = rows["estimate"].to_numpy()[known], rows["std_error"].to_numpy()[known]
    if len(effect) < 2:
        raise NotEnoughData(f"Of arm {rows['arm'][0]!r} only {len(effect)} group has people enough; two were expected.")
    test = welch_heterogeneity(effect, rows["variance"].to_numpy()[known], rows["df"].to_numpy()[known])
    posterior = normal_hierarchy(effect, std_error**2, scale)
    lower, upper = equal_tailed(posterior.draws, level)
    columns = {}
    for name, x in (("shrunk", posterior.mean), ("shrunk_lower", lower), ("shrunk_upper", upper)):
        values = np.full(rows.height, np.nan)
        values[known] = x
        columns[name] = pl.Series(values).fill_nan(None)
    differs = {"arm": rows["arm"][0], "groups": len(effect), "overall": float(overall)} | test._asdict()
    return rows.drop("variance", "df").with_columns(**columns), differs | {"spread": posterior.spread}
