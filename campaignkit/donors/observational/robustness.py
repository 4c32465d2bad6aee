"""How robust a lift is: outcomes that cannot have moved, and traits that no file shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from campaignkit.donors.observational.estimators import SCHEMA, Run
from campaignkit.donors.observational.observational_data import ObservationalData, refuse_functions
from campaignkit.errors import BadValue
from campaignkit.stats.arrays import Floats
from campaignkit.stats.causal import sensitivity as sensitivities
from campaignkit.stats.causal.comparison import Comparison
from campaignkit.stats.intervals.multiplicity import holm
from campaignkit.stats.regression.least_squares import gram, solve

SAME = 1e-3  # of a placebo's variance, left by the covariates, below which they give it away


def placebo_table(
    data: ObservationalData,
    placebos: Mapping[str, list[str]],
    names: list[str] | None,
    lead: str,
    seed: int,
    confidence_level: float,
) -> pl.DataFrame:
    """Return every estimator's answer for every placebo outcome, and whether the lead's differs from 0.

    Raises
    ------
    BadValue
        A covariate that stays in follows from the placebo, or all together give it away.
    """
    parts, judged = [], {}
    for name, left_out in placebos.items():
        y = data.others[name]
        refuse_functions(data, name, y, left_out, "placebo")
        columns = data.columns_without(left_out)
        comparison, *refilled = (c.with_outcome(y, columns) for c in (data.comparison, *data.refilled))
        _refuse_given_away(comparison, name)
        run = Run(comparison, names, seed, confidence_level, tuple(refilled))
        own_lead = lead if run.means.get(lead) is not None else run.lead
        table = run.table()
        judged[name] = table.filter(pl.col("estimator") == own_lead)["p_value"][0]
        parts.append(table.select(pl.lit(name).alias("placebo"), pl.all()))
    if not parts:
        return pl.DataFrame(schema={"placebo": pl.String, **SCHEMA, "p_adjusted": pl.Float64, "failed": pl.Boolean})
    adjusted = dict(zip(judged, holm([1.0 if p is None else p for p in judged.values()]).tolist(), strict=True))
    p_adjusted = pl.col("placebo").replace_strict(adjusted, return_dtype=pl.Float64).alias("p_adjusted")
    return (
        pl.concat(parts)
        .with_columns(p_adjusted)
        .with_columns((pl.col("p_adjusted") <= 1 - confidence_level).alias("failed"))
    )


def _refuse_given_away(c: Comparison, name: str) -> None:
    fitted = c.x @ solve(gram(c.x), c.x.T @ c.y)
    if np.var(c.y - fitted) <= SAME * np.var(c.y):
        raise BadValue(
            f"placebo: the covariates that stay in give {name!r} away (R² above {1 - SAME:.1%}), so it cannot fail; "
            "leave out those made from it too."
        )


@dataclass(frozen=True)
class Sensitivity:
    """How strong a trait that no file shows would have to be.

    Attributes
    ----------
    e_value, e_value_bound : float or None
        To explain the lead estimate away, and to bring its interval to no effect (1.0: it holds none already). None
        where the ratio has no sense: the outcome can be below 0.
    robustness, robustness_bound : float
        The share of what is left of joining and of the outcome that it must explain, of each, to bring regression's
        estimate to 0, and to where it is no longer significant.
    benchmarks : polars.DataFrame
        One row per covariate, the strongest first: what regression's estimate would be were there one more like it.
        ``covariate``; ``r2_treatment``, ``r2_outcome`` (of the hidden one); ``adjusted``, ``adjusted_lower``,
        ``adjusted_upper``. Null where one that strong cannot be.
    """

    e_value: float | None
    e_value_bound: float | None
    robustness: float
    robustness_bound: float
    benchmarks: pl.DataFrame


def sensitivity(data: ObservationalData, lead: pl.DataFrame, confidence_level: float) -> Sensitivity:
    """Return E-values of the lead estimator's row, and Cinelli and Hazlett's values of the regression."""
    c = data.comparison
    z = np.column_stack([c.treated.astype(float), c.x])
    beta, inverse, residual, df = sensitivities.classical(z, c.y, c.weight)
    error = float(np.sqrt(residual / df * inverse[0, 0]))
    t = float(beta[0]) / error
    e, bound = _e_values(lead, c.y)
    return Sensitivity(
        e, bound, sensitivities.robustness_value(t, df), sensitivities.robustness_value(t, df, 1 - confidence_level),
        _benchmarks(data, (beta, inverse, residual), error, df, confidence_level),
    )  # fmt: skip


def _e_values(lead: pl.DataFrame, y: Floats) -> tuple[float | None, float | None]:
    ratio, lower, upper = lead.select("ratio", "ratio_lower", "ratio_upper").row(0)
    if ratio is None or y.min() < 0:
        return None, None
    nearer = lower if ratio > 1 else upper
    crossed = (nearer <= 1) if ratio > 1 else (nearer >= 1)
    return sensitivities.e_value(ratio), 1.0 if crossed else sensitivities.e_value(nearer)


def _benchmarks(
    data: ObservationalData, outcome: tuple[Floats, Floats, float], error: float, df: float, level: float
) -> pl.DataFrame:
    c = data.comparison
    beta_t, inverse_t, residual_t, _ = sensitivities.classical(c.x, c.treated.astype(float), c.weight)
    beta, inverse, residual = outcome
    rows = []
    for covariate in dict.fromkeys(column.covariate for column in data.columns):
        at = [i for i, column in enumerate(data.columns, 1) if column.covariate == covariate]
        with_treatment = sensitivities.partial_r2(inverse_t, beta_t, residual_t, at)
        with_outcome = sensitivities.partial_r2(inverse, beta, residual, [i + 1 for i in at])
        rows.append(
            {"covariate": covariate}
            | sensitivities.benchmark(float(beta[0]), error, df, with_treatment, with_outcome, confidence_level=level)
        )
    table = pl.DataFrame(rows).with_columns(pl.exclude("covariate").fill_nan(None))
    return table.sort(pl.col("r2_treatment") * pl.col("r2_outcome"), descending=True, nulls_last=False)
