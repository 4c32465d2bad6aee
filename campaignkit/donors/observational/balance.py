"""Are the two groups alike? Balance before and after each weighting, overlap, and what trimming would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.donors.observational.observational_data import ObservationalData
from campaignkit.labels import label, who
from campaignkit.stats.arrays import Floats, Mask
from campaignkit.stats.causal.comparison import Comparison, Means, degrees_of_freedom, difference, difference_in_means
from campaignkit.stats.causal.crossfit import Nuisances, doubly_robust, propensity_scores
from campaignkit.stats.regression.least_squares import chunks

if TYPE_CHECKING:
    import altair as alt

BEFORE = "before"
SMALL = 0.1  # standardized difference that is commonly let pass
CALIPER = 0.2  # standard deviations of the propensity's logit (Austin 2011, Pharmaceutical Statistics 10, 150–161)
HIGH = 0.9  # chance of treatment above which hardly anyone is left to compare with
BINS = 25


def balance(data: ObservationalData, weightings: Mapping[str, Means]) -> pl.DataFrame:
    """Return means and variances of every covariate in both groups, before and after each weighting.

    Parameters
    ----------
    study : ObservationalData
    found : mapping of str to Means
        The weighting estimators, by name.

    Returns
    -------
    polars.DataFrame
        One row per weighting (``before`` is none) and column: ``weighting, covariate, mean_treated, mean_comparison``
        (in the covariate's own unit), ``difference`` (in standard deviations of the treated, or for everyone of the
        two groups' pooled ones, always those before weighting), ``variance_ratio`` (treated over comparison; null for
        yes/no columns, whose mean says it).
    """
    c = data.comparison
    unit = _units(c)
    shown = {BEFORE: difference_in_means(c), **weightings}
    return pl.concat([_weighted_balance(data, name, means, unit) for name, means in shown.items()])


def _units(c: Comparison) -> Floats:
    (_, treated), (_, others) = (_moments(c.x, c.weight * c.arm(arm)) for arm in (True, False))
    pooled = np.sqrt((treated + others) / 2)
    return pooled if c.everyone else np.where(treated > 0, np.sqrt(treated), pooled)


def _moments(x: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return every column's weighted mean and variance."""
    share = weight / weight.sum()
    mean, square = x.T @ share, np.zeros(x.shape[1])
    for rows in chunks(*x.shape):
        square += share[rows] @ (x[rows] - mean) ** 2
    return mean, square


def _weighted_balance(data: ObservationalData, name: str, means: Means, unit: Floats) -> pl.DataFrame:
    x = data.comparison.x
    (mean_1, var_1), (mean_0, var_0) = (
        _moments(x, np.zeros(len(x)) if side.weight is None else side.weight)
        for side in (means.mean_treated, means.mean_control)
    )
    center, scale = (np.array([getattr(column, part) for column in data.columns]) for part in ("center", "scale"))
    yes_no = np.array([_is_yes_no(x[:, at]) for at in range(1, x.shape[1])])
    with np.errstate(divide="ignore", invalid="ignore"):
        off, ratio = (mean_1 - mean_0) / unit, np.where(yes_no, np.nan, (var_1 / var_0)[1:])
    return pl.DataFrame(
        {
            "weighting": name,
            "covariate": [column.name for column in data.columns],
            "mean_treated": center + scale * mean_1[1:],
            "mean_comparison": center + scale * mean_0[1:],
            "difference": off[1:],
            "variance_ratio": ratio,
        }
    ).with_columns(pl.col("variance_ratio").fill_nan(None))


def _is_yes_no(values: Floats) -> bool:
    low, high = values.min(), values.max()
    return bool(((values == low) | (values == high)).all())


def worst(table: pl.DataFrame, weighting: str) -> tuple[str, float]:
    """Return the covariate that a weighting leaves furthest apart, and how far, in standard deviations."""
    row = table.filter(pl.col("weighting") == weighting).sort(pl.col("difference").abs(), descending=True).row(0)
    return str(row[1]), abs(float(row[4]))


def love_plot(table: pl.DataFrame) -> alt.LayerChart:
    """Draw every covariate's standardized difference, before and after each weighting."""
    alt = charts.house()
    far = table.filter(pl.col("weighting") == BEFORE).sort(pl.col("difference").abs(), descending=True)
    rows = table.select("weighting", "covariate", "difference").with_columns(pl.col("difference").abs())
    last = rows.filter(pl.col("weighting") != BEFORE)["difference"].max()
    text = (
        f"Absolute standardized differences of {far.height} covariates. Before weighting the largest is "
        f"{abs(far['difference'][0]):.2f} ({far['covariate'][0]}); after, at most {last or 0:.2f} in any weighting."
    )
    rule = alt.Chart(pl.DataFrame({"at": [SMALL]})).mark_rule(strokeDash=[4, 3], opacity=0.6).encode(x="at:Q")
    points = alt.Chart(rows).mark_point(filled=True, size=60, opacity=0.85).encode(
        x=alt.X("difference:Q", title="standardized difference, absolute"),
        y=alt.Y("covariate:N", sort=far["covariate"].to_list(), title=None),
        color=alt.Color("weighting:N", sort=rows["weighting"].unique(maintain_order=True).to_list()),
        tooltip=["covariate:N", "weighting:N", alt.Tooltip("difference:Q", format=".3f")],
    )  # fmt: skip
    return alt.layer(rule, points).properties(title="Balance before and after", description=text)


# --- overlap ----------------------------------------------------------------------------------------------


def overlap(c: Comparison, p: Floats) -> pl.DataFrame:
    """Return how each group's chances of treatment are spread: ``lower, upper, treated_share, comparison_share``."""
    edges = np.linspace(p.min(), p.max() + 1e-12, BINS + 1)
    shares = []
    for arm in (True, False):
        counts, _ = np.histogram(p[c.arm(arm)], edges, weights=c.weight[c.arm(arm)])
        shares.append(counts / counts.sum())
    columns = {"lower": edges[:-1], "upper": edges[1:], "treated_share": shares[0], "comparison_share": shares[1]}
    return pl.DataFrame(columns)


def overlap_chart(table: pl.DataFrame, treated: str) -> alt.Chart:
    """Draw both groups' chances of treatment as bars, one group above the line and one below."""
    alt = charts.house()
    sides = {f"those {who(treated)}": pl.col("treated_share"), "the others": -pl.col("comparison_share")}
    rows = pl.concat(
        [
            table.select("lower", "upper", pl.lit(name).alias("group"), share.alias("part"))
            for name, share in sides.items()
        ]
    )
    text = f"Chance of {label(treated)} given the covariates: those with it above the line, the others below."
    return alt.Chart(rows).mark_bar().encode(
        x=alt.X("lower:Q", bin="binned", title=f"chance of {label(treated)}", axis=alt.Axis(format=".0%")),
        x2="upper:Q", color=alt.Color("group:N", sort=list(sides)),
        y=alt.Y("part:Q", title="part of the group", axis=alt.Axis(labelExpr="format(abs(datum.value), '.0%')")),
    ).properties(title="Overlap", description=text)  # fmt: skip


def alone(c: Comparison, eta: Floats) -> Mask:
    """Return who of the target has nobody of the other arm within the caliper on the propensity's logit."""
    alone = np.zeros(len(eta), bool)
    reach = CALIPER * float(np.std(eta))
    for arm in (True, False) if c.everyone else (True,):
        others = np.sort(eta[c.arm(not arm)])
        rows = np.flatnonzero(c.arm(arm))
        at = np.searchsorted(others, eta[rows])
        left, right = others[np.maximum(at - 1, 0)], others[np.minimum(at, len(others) - 1)]
        alone[rows] = np.minimum(np.abs(eta[rows] - left), np.abs(right - eta[rows])) > reach
    return alone


def trimming(c: Comparison, nuisances: Nuisances, lone: Mask, level: float) -> pl.DataFrame:
    """Return what AIPW would say if some were left out; nobody is, in any other table.

    Returns
    -------
    polars.DataFrame
        One row per rule: ``left_out`` (words), ``n_left_out`` (of the target), ``left_out_share``, ``estimate``,
        ``lower``, ``upper`` (null where too few remain).
    """
    p = propensity_scores(nuisances)
    rules = {
        "nobody": np.zeros(len(p), bool),
        f"without a counterpart within {CALIPER} standard deviations": lone,
        f"chance above {HIGH:.0%}": (p > HIGH) | (c.everyone & (p < 1 - HIGH)),
    }
    rows = [_trimmed(c, nuisances, name, out, level) for name, out in rules.items()]
    return pl.DataFrame(rows, orient="row").with_columns(pl.col("estimate", "lower", "upper").cast(pl.Float64))


def _trimmed(c: Comparison, nuisances: Nuisances, name: str, out: Mask, level: float) -> dict[str, object]:
    of_target, kept = c.target > 0, ~out
    row: dict[str, object] = {"left_out": name, "n_left_out": int((out & of_target).sum())}
    row |= {"left_out_share": float(c.target[out].sum() / c.target.sum())}
    row |= dict.fromkeys(("estimate", "lower", "upper"))
    if min((kept & c.treated).sum(), (kept & ~c.treated).sum()) < 2:
        return row
    cluster = None if c.cluster is None else np.unique(c.cluster[kept], return_inverse=True)[1]
    arrays = {part: getattr(c, part)[kept] for part in ("y", "treated", "weight")}
    smaller = replace(c, x=c.x[:1], cluster=cluster, folds=(), **arrays)
    mean_treated = None if nuisances.mean_treated is None else nuisances.mean_treated[kept]
    means = doubly_robust(smaller, Nuisances(nuisances.eta[kept], nuisances.mean_control[kept], mean_treated))
    trimmed = difference(means, cluster, degrees_of_freedom(smaller), level)
    return row | {"estimate": trimmed.value, "lower": trimmed.lower, "upper": trimmed.upper}
