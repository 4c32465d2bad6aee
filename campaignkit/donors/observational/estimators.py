"""Every way to compare two groups that `estimate_lift` knows, by name, run on one study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import polars.selectors as cs

from campaignkit.checks import column_names
from campaignkit.errors import BadValue, NotEnoughData, listed, nearest
from campaignkit.stats.arrays import Whole
from campaignkit.stats.causal import crossfit, flexible, matching, shape, weighting
from campaignkit.stats.causal.comparison import (
    Comparison,
    Means,
    degrees_of_freedom,
    difference_in_means,
    effective_size,
    variance,
)
from campaignkit.stats.causal.crossfit import Nuisances
from campaignkit.stats.causal.multiple_imputation import pooled_difference, pooled_ratio
from campaignkit.stats.regression.logit import Logit, fit_logit
from campaignkit.vocabulary import CONFIDENCE_LEVEL

#: Names, and how the chart and the sentence call them.
LABELS = {
    "difference": "difference in means",
    "regression": "regression",
    "imputation": "regression imputation",
    "ipw": "inverse-propensity weighting",
    "imputation_log": "regression imputation, log link",
    "entropy": "entropy balancing",
    "entropy_squares": "entropy balancing of squares and pairs",
    "aipw": "AIPW",
    "aipw_log": "AIPW, log link",
    "aipw_spline": "AIPW, splines",
    "aipw_boost": "AIPW, boosted trees",
    "matching": "nearest neighbour",
}
DEFAULT = ("difference", "regression", "imputation", "ipw", "entropy", "aipw", "matching")
FLEXIBLE = "aipw_spline"  # beside the default, always
WHERE_BENT = "entropy_squares"  # where squares or products stay apart
WEIGHTINGS = ("ipw", "entropy", "matching")
LEADS = (
    "entropy", "aipw", "entropy_squares", "aipw_spline", "aipw_boost", "aipw_log", "ipw", "imputation_log",
    "imputation", "matching", "regression", "difference",
)  # fmt: skip
LOG_LINK = ("imputation_log", "aipw_log")  # where the outcome multiplies: `flexible.multiplies`
LINES = ("regression", "imputation")  # not where it does, nor where weights do not make squares alike
WEIGHED = ("ipw", "entropy", "aipw", "aipw_log", "matching")  # judged by the squares under their own weights
LEAST = 30.0  # equally weighted comparison people that an answer of the credible range must rest on
MATTERS = 2.0  # standard errors by which balancing squares and products too moves the answer, from which it does
NO_WEIGHTS = "no weights above 0 make the groups alike"


def check_estimators(estimators: str | Iterable[str] | None) -> list[str] | None:
    """Return estimators' names, checked; None: the default, and what the data ask for."""
    if estimators is None:
        return None
    names = column_names(estimators, "estimators")
    for name in names:
        if name not in LABELS:
            raise BadValue(f"estimators holds {name!r}{nearest(name, LABELS)} There are: {listed(LABELS)}.")
    if not names:
        raise BadValue(f"estimators is empty; there are: {listed(LABELS)}.")
    if "aipw_boost" in names:
        _boosted(0)
    return names


def _boosted(seed: int) -> tuple[object, object]:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    except ImportError as error:
        raise BadValue("aipw_boost needs scikit-learn: pip install 'campaignkit[boost]'.") from error
    size = {"max_iter": 150, "max_leaf_nodes": 15, "min_samples_leaf": 40}
    options = {"learning_rate": 0.05, "random_state": seed, **size}
    return HistGradientBoostingRegressor(**options), HistGradientBoostingClassifier(**options)


@dataclass(frozen=True)
class Run:
    """One outcome compared in several ways; the propensity is fitted once, and only when it is needed.

    Attributes
    ----------
    comparison : Comparison
    names : list of str or None
        Which estimators. None: the default, splines, and where the data ask for them squares and the log link.
    seed : int
        For boosted trees.
    confidence_level : float
    refilled : tuple of Comparison
        The same with the covariates' gaps filled anew: the table puts the answers of all together.
    """

    comparison: Comparison
    names: list[str] | None
    seed: int
    confidence_level: float = CONFIDENCE_LEVEL
    refilled: tuple[Comparison, ...] = ()

    @cached_property
    def logit(self) -> Logit:
        """The propensity, of all rows."""
        c = self.comparison
        return fit_logit(c.x, c.treated.astype(float), c.weight)

    @cached_property
    def nuisances(self) -> Nuisances:
        """The cross-fitted models of treatment and outcome."""
        return crossfit.linear_nuisances(self.comparison, self.logit)

    @cached_property
    def means(self) -> dict[str, Means | None]:
        """What each estimator found; None where it cannot say."""
        if self.names is not None:
            return {name: self._estimate(name) for name in self.names}
        default = {name: self._estimate(name) for name in DEFAULT}
        squares = {WHERE_BENT: self.squares} if self._bent(default) else {}
        logs = {name: self._estimate(name) for name in LOG_LINK if self.multiplies}
        return default | logs | squares | {FLEXIBLE: self._estimate(FLEXIBLE)}

    @cached_property
    def squares(self) -> Means | None:
        """Entropy balancing of squares and pairs, which tells whether what stays apart matters."""
        return flexible.entropy_squares(self.comparison)

    def _estimate(self, name: str) -> Means | None:
        c = self.comparison
        if name == "difference":
            return difference_in_means(c)
        if name == "regression":
            return weighting.regression(c)
        if name == "imputation":
            return weighting.imputation(c)
        if name == "ipw":
            return weighting.inverse_propensity(c, self.logit)
        if name == "entropy":
            return weighting.entropy_balancing(c, self.logit.beta if self.logit.converged else None)
        if name == "aipw":
            return crossfit.doubly_robust(c, self.nuisances)
        if name in LOG_LINK and c.y.min() < 0:
            return None
        if name == "imputation_log":
            return flexible.imputation_log(c)
        if name == "entropy_squares":
            return self.squares
        if name == "aipw_log":
            nuisances = flexible.log_nuisances(c, self.nuisances.eta)
            return None if nuisances is None else crossfit.doubly_robust(c, nuisances)
        if name == "aipw_spline":
            return crossfit.doubly_robust(c, flexible.bent_nuisances(c))
        if name == "aipw_boost":
            return crossfit.doubly_robust(c, crossfit.learned_nuisances(c, *_boosted(self.seed)))
        return matching.nearest_neighbours(c, self.logit)

    @cached_property
    def multiplies(self) -> bool:
        """Whether the outcome is skewed and never negative."""
        return flexible.multiplies(self.comparison.y)

    @cached_property
    def shapes(self) -> dict[str, shape.Apart]:
        """By estimator that weighs by a logit, how far it leaves squares and products apart."""
        return self._shapes(self.means)

    def _shapes(self, means_by_name: dict[str, Means | None]) -> dict[str, shape.Apart]:
        weighed = {name: means for name, means in means_by_name.items() if name in WEIGHED and means is not None}
        return shape.furthest_apart(self.comparison, weighed)

    @property
    def bent(self) -> bool:
        """Whether groups made alike in means differ in squares or products, and the answer with it."""
        return self._bent(self.means)

    def _bent(self, means_by_name: dict[str, Means | None]) -> bool:
        shapes = self._shapes(means_by_name)
        judged = [name for name in ("entropy", "aipw", "ipw") if name in shapes]
        plain = means_by_name[judged[0]] if judged else None
        if plain is None or not shapes[judged[0]].much:
            return False
        return self.squares is None or abs(moved(plain, self.squares, self.comparison.cluster)) > MATTERS

    @property
    def misled(self) -> list[str]:
        """The estimators that squares, products or a skewed outcome speak against."""
        lines = [name for name in LINES if name in self.means and (self.multiplies or self.bent)]
        logs = ["imputation_log"] if self.bent and "imputation_log" in self.means else []
        return [name for name, apart in self.shapes.items() if self.bent and apart.much] + lines + logs

    @property
    def lead(self) -> str:
        """The estimator that placebos and sums are judged by: the first of `LEADS` that nothing speaks against."""
        answers, misled = {name: means for name, means in self.means.items() if means is not None}, self.misled
        ordered = [name for name in LEADS if name in answers]
        for name in ordered:
            size = effective_size(answers[name].mean_control.weight)
            if name not in misled and (size is None or size >= LEAST):
                return name
        return ordered[0]

    def refuse_if_apart(self, treated: str) -> None:
        """Raise where the covariates tell the groups apart without error."""
        if not self.logit.converged:
            raise NotEnoughData(
                f"There is no overlap: the covariates tell who has {treated} without error, so nobody without it is "
                "like anybody with it. Leave out what only they have, or compare with other people."
            )

    def table(self) -> pl.DataFrame:
        """Return one row per estimator, as `Lift` documents."""
        c, means = self.comparison, self.means
        others = (Run(other, list(means), self.seed).means for other in self.refilled)
        fillings = [means, *others]
        rows = [_row(c, name, [one[name] for one in fillings], self.confidence_level) for name in means]
        return without_infinities(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def moved(first: Means, second: Means, cluster: Whole | None) -> float:
    """Return by how many standard errors of their difference one estimate is above another of the same rows."""
    influence = first.mean_treated.influence - first.mean_control.influence
    influence = influence - second.mean_treated.influence + second.mean_control.influence
    gap = first.mean_treated.value - first.mean_control.value - second.mean_treated.value + second.mean_control.value
    return gap / max(variance(influence, cluster) ** 0.5, 1e-300)


SCHEMA = {
    "estimator": pl.String, "estimate": pl.Float64, "lower": pl.Float64, "upper": pl.Float64,
    "std_error": pl.Float64, "p_value": pl.Float64, "n": pl.Int64, "mean_treated": pl.Float64,
    "mean_control": pl.Float64, "ratio": pl.Float64, "ratio_lower": pl.Float64,
    "ratio_upper": pl.Float64, "effective_n": pl.Float64,
}  # fmt: skip


def without_infinities(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with null where a number is infinite or none: an interval without an end, an error of nothing."""
    number = cs.float()
    return table.with_columns(pl.when(number.is_finite()).then(number))


def _row(c: Comparison, name: str, by_filling: Sequence[Means | None], level: float) -> dict[str, object]:
    """Return one estimator's row from what it found in each filling of the gaps; nulls where one has no answer."""
    row: dict[str, object] = dict.fromkeys(SCHEMA) | {"estimator": name, "n": len(c.y)}
    answers = [means for means in by_filling if means is not None]
    if len(answers) < len(by_filling):
        return row
    df = degrees_of_freedom(c)
    estimate = pooled_difference(answers, c.cluster, df, level)
    row |= {part: getattr(estimate, part) for part in ("lower", "upper", "std_error", "p_value")}
    row |= {"estimate": estimate.value}
    row |= {arm: float(np.mean([getattr(m, arm).value for m in answers])) for arm in ("mean_treated", "mean_control")}
    sizes = [size for means in answers if (size := effective_size(means.mean_control.weight)) is not None]
    row |= {"effective_n": float(np.mean(sizes)) if sizes else None}
    ratio_estimate = pooled_ratio(answers, c.cluster, df, level)
    if ratio_estimate is not None:
        row |= {"ratio": ratio_estimate.value, "ratio_lower": ratio_estimate.lower, "ratio_upper": ratio_estimate.upper}
    return row
