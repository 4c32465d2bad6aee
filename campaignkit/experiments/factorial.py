"""Tests of several factors at once: what each does, and which two do more together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr

from campaignkit import charts, labels
from campaignkit.checks import column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments.moments.comparing import arrange
from campaignkit.experiments.moments.counts import outcomes_of
from campaignkit.experiments.moments.groups import design_of
from campaignkit.experiments.moments.reading import read
from campaignkit.experiments.moments.warnings import few_clusters
from campaignkit.result import Result
from campaignkit.stats.intervals.differences import t_quantile
from campaignkit.stats.intervals.multiplicity import holm
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import change

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, eq=False, repr=False)
class Factorial(Result):
    """A factorial test's main effects and interactions.

    `table` has one row per level of a factor (a main effect), or a pair of levels (an interaction):

    - `term` (``subject``, or ``subject × sender``), `level` (text), `n` (people there);
    - `estimate`, `std_error`, `lower`, `upper`: an effect: a main effect is the level's mean less the mean of the
      factor's levels, the other factors' levels counting alike; an interaction is what the pair adds beyond its two
      main effects. Normal intervals;
    - `p_value` of the effect, `p_adjusted` (Holm) over all rows, `correction`.

    `terms` has one row per term: `term`, `df`, `statistic` (Wald's chi-squared), `p_value`, `p_adjusted`.
    """

    outcome: str
    kind: str
    terms: pl.DataFrame
    notes: tuple[str, ...]
    confidence_level: float
    warnings: Mapping[str, str]

    def summary(self) -> str:
        """Say which factors matter, which level is best, and whether factors work together."""
        main = self.terms.filter(~pl.col("term").str.contains(" × ", literal=True))
        sentences = []
        for term, p in main.select("term", "p_adjusted").rows():
            best = self.table.filter(pl.col("term") == term).sort("estimate", descending=True).row(0, named=True)
            if p < 1 - self.confidence_level:
                sentences.append(
                    f"{term} matters, and {best['level']} is best ({change(best['estimate'], self.kind)} from its mean)"
                )
            else:
                sentences.append(f"no clear effect of {term}")
        alpha = 1 - self.confidence_level
        both = self.terms.filter(pl.col("term").str.contains(" × ", literal=True) & (pl.col("p_adjusted") < alpha))
        end = f"Interaction: {', '.join(both['term'])}." if both.height else "No interaction is clear."
        return " ".join(
            [
                *self.notes,
                f"For {labels.measured(self.outcome, self.labels)}: {'; '.join(sentences)}. {end}",
                *self.warnings.values(),
            ]
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the main effects with their intervals."""
        rows = self.table.filter(~pl.col("term").str.contains(" × ", literal=True))
        rows = rows.with_columns(label=pl.col("term") + ": " + pl.col("level"))
        number = "+.2~%" if self.kind == "rate" else "+,.2~f"
        title = f"{labels.heading(self.outcome, self.labels)}: each level beside its factor's mean"
        return charts.intervals(rows, "label", description=self.summary(), reference=0, title=title, number=number)


def factorial(
    data: Any,
    factors: Iterable[str],
    outcome: str | None = None,
    *,
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    kind: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    trials: str | None = None,
    successes: str | None = None,
    total: str | None = None,
    total_of_squares: str | None = None,
) -> Factorial:
    """Take a test of several factors apart: what each does, and which two do more together.

    Parameters
    ----------
    data : table
        One row per person.
    factors : iterable of str
        Columns that each say one thing that was drawn at random, such as subject, sender and message. Rows where one of
        them is null are set aside.
    outcome : str
        What came of it; as for `analyze`.
    unit, cluster, weight : str, optional
        As for `analyze`.
    kind, confidence_level
        As for `analyze`.
    trials, successes, total, total_of_squares : str, optional
        Columns of a table of counts in place of people; as for `analyze`.

    Returns
    -------
    Factorial

    Raises
    ------
    NotEnoughData
        A combination of levels has fewer than two people: main effects would mix with interactions.

    Notes
    -----
    Every combination's mean is taken alike, so effects are contrasts of cell means with known variances, tested by
    Wald's chi-squared; p-values of all rows, and of all terms, are corrected by Holm. Interactions of three and more
    are not looked for.

    References
    ----------
    Cox & Reid (2000), The theory of the design of experiments, section 5.

    Examples
    --------
    >>> import campaignkit as ck
    >>> sent = ck.sample.draw("email", 20_000, seed=5).table
    >>> found = ck.experiments.factorial(sent, ["subject", "message"], "gave")
    >>> found.terms["term"].to_list()
    ['subject', 'message', 'subject × message']
    """
    names = column_names(factors, "factors")
    if len(names) < 2:
        raise BadValue("factors names fewer than two columns; for one, use analyze or winners.")
    outcomes, counts = outcomes_of(outcome, trials, successes, total, total_of_squares)
    design = design_of(
        names, outcomes, unit=unit, cluster=cluster, weight=weight, kind=kind, confidence_level=confidence_level,
        counts=counts,
    )  # fmt: skip
    groups = read(data, design)
    levels = [groups.table[name].unique().sort().to_list() for name in names]
    shape = tuple(len(values) for values in levels)
    arms = arrange(groups, groups.outcomes[0], design, 0)
    if len(arms.names) < np.prod(shape):
        raise NotEnoughData(
            f"{int(np.prod(shape)) - len(arms.names)} combinations of {', '.join(names)} have nobody; leave out a "
            "level that was not combined with all others."
        )
    cell_levels = arms.moments.level()
    mean = cell_levels.value.reshape(shape)
    variance = (cell_levels.variance / arms.moments.n).reshape(shape)
    rows = np.array(groups.outcomes[0].rows).reshape(shape)
    df = np.full(shape, np.inf) if cluster is None else arms.moments.df().reshape(shape)
    cells = Cells([list(map(str, values)) for values in levels], mean, variance, df, rows)
    effects = _effects(names, cells, confidence_level)
    table = pl.concat([part for part, _ in effects])
    terms = pl.DataFrame([row for _, row in effects])
    few = {} if cluster is None else few_clusters(arms.names, arms.moments.df()[:, 0] + 1, cluster)
    return Factorial(
        _with_holm(table), outcomes[0], arms.kind, _with_holm(terms), groups.notes(design), confidence_level, few
    )


class Cells(NamedTuple):
    """Every combination's mean with its variance and that one's degrees of freedom; one axis a factor."""

    levels: list[list[str]]
    mean: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    rows: np.ndarray


def _with_holm(table: pl.DataFrame) -> pl.DataFrame:
    adjusted = pl.Series("p_adjusted", holm(table["p_value"].to_numpy()))
    return table.with_columns(adjusted, pl.lit("holm").alias("correction"))


def _effects(names: list[str], cells: Cells, level: float) -> list[tuple[pl.DataFrame, dict[str, Any]]]:
    terms = [(i,) for i in range(len(names))] + list(combinations(range(len(names)), 2))
    return [_term(axes, names, cells, level) for axes in terms]


def _term(axes: tuple[int, ...], names: list[str], cells: Cells, level: float) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return a term's contrasts: the mean over the other factors, centered along each of its own."""
    shape, levels, variance = cells.mean.shape, cells.levels, cells.variance
    center = [np.eye(k) - 1 / k if axis in axes else np.full((1, k), 1 / k) for axis, k in enumerate(shape)]
    contrast = reduce(lambda a, b: np.kron(a, b), center)
    estimate = contrast @ cells.mean.ravel()
    covariance = (contrast * variance.ravel()) @ contrast.T
    std_error = np.sqrt(np.diag(covariance))
    within = _df_within(contrast, variance.ravel(), cells.df.ravel())
    half = _quantile(within, level) * std_error
    df = int(np.prod([shape[axis] - 1 for axis in axes]))
    statistic = float(estimate @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ estimate)
    others = tuple(axis for axis in range(len(shape)) if axis not in axes)
    name = " × ".join(names[axis] for axis in axes)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.nan_to_num(_two_sided(estimate / std_error, within), nan=1.0)
    table = pl.DataFrame(
        {
            "term": [name] * len(estimate), "level": [" × ".join(x) for x in product(*(levels[a] for a in axes))],
            "n": cells.rows.sum(axis=others).ravel(), "estimate": estimate, "std_error": std_error,
            "lower": estimate - half, "upper": estimate + half, "p_value": p,
        }
    )  # fmt: skip
    least = float(within.min())
    p_term = float(chdtrc(df, statistic) if np.isinf(least) else fdtrc(df, max(least - df + 1, 1.0), statistic / df))
    return table, {"term": name, "df": df, "statistic": statistic, "p_value": p_term}


def _df_within(contrast: np.ndarray, variance: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Return Satterthwaite's degrees of freedom of each contrast; infinite where people are the units."""
    if np.isinf(df).all():
        return np.full(len(contrast), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        within = (contrast**2 @ variance) ** 2 / (contrast**4 @ (variance**2 / df))
    return np.where(np.isfinite(within), np.maximum(within, 1.0), 1.0)


def _quantile(df: np.ndarray, level: float) -> np.ndarray:
    normal = np.full(df.shape, float(ndtri(0.5 + level / 2)))
    return normal if np.isinf(df).all() else t_quantile(df, 1 - level)


def _two_sided(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    return 2 * ndtr(-np.abs(t)) if np.isinf(df).all() else 2 * stdtr(df, -np.abs(t))
