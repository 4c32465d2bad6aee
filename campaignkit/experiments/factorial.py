"""Tests of several factors at once: what each does, and which two do more together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.special import chdtrc, ndtr, ndtri

from campaignkit import charts
from campaignkit.checks import column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.experiments.moments.comparing import arrange
from campaignkit.experiments.moments.groups import design_of
from campaignkit.experiments.moments.reading import read
from campaignkit.result import Result
from campaignkit.stats.intervals.multiplicity import holm
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import change

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, eq=False, repr=False)
class Factorial(Result):
    """A factorial test's main effects and interactions.

    `table` has one row a level of a factor (a main effect), or a pair of levels (an interaction):

    - `term` (``subject``, or ``subject × sender``), `level` (text), `n` (people there);
    - `estimate`, `std_error`, `lower`, `upper`: an effect: a main effect is the level's mean less the mean of the
      factor's levels, the other factors' levels counting alike; an interaction is what the pair adds beyond its two
      main effects. Normal intervals;
    - `p_value` of the effect, `p_adjusted` (Holm) over all rows, `correction`.

    `terms` has one row a term: `term`, `df`, `statistic` (Wald's chi-squared), `p_value`, `p_adjusted`.
    """

    outcome: str
    kind: str
    terms: pl.DataFrame
    notes: tuple[str, ...]
    confidence_level: float

    def summary(self) -> str:
        """Say which factors matter, which level is best, and whether factors work together."""
        main = self.terms.filter(~pl.col("term").str.contains(" × ", literal=True))
        sentences = []
        for term, p in main.select("term", "p_adjusted").rows():
            best = self.table.filter(pl.col("term") == term).sort("estimate", descending=True).row(0, named=True)
            if p < 1 - self.confidence_level:
                sentences.append(
                    f"{term} matters: best is {best['level']} ({change(best['estimate'], self.kind)} to its mean)"
                )
            else:
                sentences.append(f"no effect of {term} is shown")
        alpha = 1 - self.confidence_level
        both = self.terms.filter(pl.col("term").str.contains(" × ", literal=True) & (pl.col("p_adjusted") < alpha))
        end = (
            f"These work together: {', '.join(both['term'])}." if both.height else "No two are shown to work together."
        )
        return " ".join([*self.notes, f"{self.outcome}: {'; '.join(sentences)}. {end}"])

    def chart(self) -> alt.TopLevelMixin:
        """Draw the main effects with their intervals."""
        rows = self.table.filter(~pl.col("term").str.contains(" × ", literal=True))
        rows = rows.with_columns(label=pl.col("term") + ": " + pl.col("level"))
        number = "+.2~%" if self.kind == "rate" else "+,.2~f"
        title = f"{self.outcome}: each level beside its factor's mean"
        return charts.intervals(rows, "label", description=self.summary(), reference=0, title=title, number=number)


def factorial(
    data: Any,
    factors: Iterable[str],
    outcome: str,
    *,
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    kind: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> Factorial:
    """Take a test of several factors apart: what each does, and which two do more together.

    Parameters
    ----------
    data : table
        One row a person.
    factors : iterable of str
        Columns that each say one thing that was drawn at random, such as subject, sender and message. Rows where one of
        them is null are set aside.
    outcome : str
        What came of it; as for `analyze`.
    unit, cluster, weight : str, optional
        As for `analyze`.
    kind, confidence_level
        As for `analyze`.

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
    design = design_of(
        names, [outcome], unit=unit, cluster=cluster, weight=weight, kind=kind, confidence_level=confidence_level
    )
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
    effects = _effects(names, [list(map(str, values)) for values in levels], mean, variance, rows, confidence_level)
    table = pl.concat([part for part, _ in effects])
    terms = pl.DataFrame([row for _, row in effects])
    return Factorial(_with_holm(table), outcome, arms.kind, _with_holm(terms), groups.notes(design), confidence_level)


def _with_holm(table: pl.DataFrame) -> pl.DataFrame:
    adjusted = pl.Series("p_adjusted", holm(table["p_value"].to_numpy()))
    return table.with_columns(adjusted, pl.lit("holm").alias("correction"))


def _effects(
    names: list[str], levels: list[list[str]], mean: np.ndarray, variance: np.ndarray, rows: np.ndarray, level: float
) -> list[tuple[pl.DataFrame, dict[str, Any]]]:
    terms = [(i,) for i in range(len(names))] + list(combinations(range(len(names)), 2))
    return [_term(axes, names, levels, mean, variance, rows, level) for axes in terms]


def _term(
    axes: tuple[int, ...], names: list[str], levels: list[list[str]], mean: np.ndarray, variance: np.ndarray, rows:
    np.ndarray, level: float,
) -> tuple[pl.DataFrame, dict[str, Any]]:  # fmt: skip
    """Return a term's contrasts: the mean over the other factors, centred along each of its own."""
    shape = mean.shape
    centre = [np.eye(k) - 1 / k if axis in axes else np.full((1, k), 1 / k) for axis, k in enumerate(shape)]
    contrast = reduce(lambda a, b: np.kron(a, b), centre)
    estimate = contrast @ mean.ravel()
    covariance = (contrast * variance.ravel()) @ contrast.T
    std_error = np.sqrt(np.diag(covariance))
    half = float(ndtri(0.5 + level / 2)) * std_error
    df = int(np.prod([shape[axis] - 1 for axis in axes]))
    statistic = float(estimate @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ estimate)
    others = tuple(axis for axis in range(len(shape)) if axis not in axes)
    name = " × ".join(names[axis] for axis in axes)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.nan_to_num(2 * ndtr(-np.abs(estimate / std_error)), nan=1.0)
    table = pl.DataFrame(
        {
            "term": [name] * len(estimate), "level": [" × ".join(x) for x in product(*(levels[a] for a in axes))],
            "n": rows.sum(axis=others).ravel(), "estimate": estimate, "std_error": std_error,
            "lower": estimate - half, "upper": estimate + half, "p_value": p,
        }
    )  # fmt: skip
    return table, {"term": name, "df": df, "statistic": statistic, "p_value": float(chdtrc(df, statistic))}
