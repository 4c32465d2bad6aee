"""What an experiment shows: each arm's level, its difference to the control, and whether the arms are as planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts, labels
from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue
from campaignkit.experiments.moments.comparing import (
    Arms,
    Levels,
    arm_names,
    arrange,
    corrected,
    differences,
    find_control,
    levels,
)
from campaignkit.experiments.moments.counts import outcomes_of
from campaignkit.experiments.moments.groups import Design, Groups, Outcome, design_of
from campaignkit.experiments.moments.reading import read
from campaignkit.experiments.moments.sequential import Sequential, differences_by_day
from campaignkit.experiments.moments.sizes import Sizes, check_sizes
from campaignkit.experiments.moments.warnings import warnings_of
from campaignkit.result import Result
from campaignkit.stats.intervals.differences import hall
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import change, confidence, interval, kind_shown, level, p_value

if TYPE_CHECKING:
    import altair as alt

CORRECTIONS = ("holm", "bh", "none")
METHODS = {
    "rate": "Wilson for levels, Newcombe's method 10 for differences, MOVER for ratios",
    "money": "Hall's transformed t for levels, put together by MOVER for differences and ratios",
    "mean": "Student's t for levels, Welch for differences, delta method for ratios",
    "clusters": "Wilson at the effective size for levels, Student's t over clusters for differences, MOVER for ratios",
}


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Result):
    """An experiment's arms beside its control.

    `table` has one row per outcome and arm:

    - `outcome`, `arm`, `kind` (``rate``, ``money`` or ``mean``), `n` (people with a value), `clusters` (null: people
      are the units), `missing` (people without a value);
    - `level`, `level_lower`, `level_upper`: the arm's own share, dollars a recipient, or mean;
    - `estimate`, `std_error`, `lower`, `upper`: an effect, the arm's level minus the control's, adjusted for
      `covariate` where given; null for the control, and where nothing varied;
    - `ratio`, `ratio_lower`, `ratio_upper`: the arm's level over the control's; null where the control's is 0, a bound
      null where the data set none;
    - `p_value` (two-sided), `p_adjusted` over all comparisons in the table, `correction`;
    - of money: `givers`, `rate` (of givers), `mean_given` with `mean_given_lower`, `mean_given_upper` (dollars among
      givers), `top_share` (of the arm's dollars, from the largest 1% of its gifts); null otherwise.

    All intervals are at `confidence_level`, each by itself. With `sequence` those of the effect hold at all looks at
    once, and levels and ratios have none.

    `warnings` has a sentence by name, each only where it applies: ``few_clusters`` (an arm's clusters are worth fewer
    than 20 of one size), ``skewed_gifts`` (a few large gifts decide, so that 95% intervals of dollars hold less often),
    ``small_arm`` (a mean of fewer than 30 people).
    """

    control: Any
    sizes: Sizes
    sequential: Sequential | None
    unassigned: int
    notes: tuple[str, ...]
    adjusted_by: Mapping[str, str]
    clustered: str | None
    spans: bool
    confidence_level: float
    warnings: Mapping[str, str]

    @property
    def method(self) -> dict[str, str]:
        """Which interval each outcome has.

        Examples
        --------
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 5_000, seed=3).table
        >>> ck.experiments.analyze(calls, "arm", "supports_after", control="control").method["supports_after"]
        "Wilson for levels, Newcombe's method 10 for differences, MOVER for ratios"
        """
        if self.sequential is not None:
            return dict.fromkeys(self._outcomes(), self.sequential.method)
        kinds = dict(self.table.select("outcome", "kind").unique(maintain_order=True).rows())
        cuped = f"{METHODS['mean']}, after CUPED"
        if self.clustered is not None:
            kinds = {name: "clusters" if kind == "rate" else kind for name, kind in kinds.items()}
        return {name: cuped if name in self.adjusted_by else METHODS[kind] for name, kind in kinds.items()}

    def _outcomes(self) -> list[str]:
        return self.table["outcome"].unique(maintain_order=True).to_list()

    def summary(self) -> str:
        """Say first whether the arms are as planned, then which arm differs most, and what is not shown."""
        sentences = [self._sentence(name) for name in self._outcomes()]
        return " ".join([self.sizes.sentence(), *self.notes, *sentences, *self.warnings.values()])

    def _sentence(self, outcome: str) -> str:
        rows = self.table.filter((pl.col("outcome") == outcome) & pl.col("p_value").is_not_null())
        if rows.is_empty():
            return f"{labels.heading(outcome, self.labels)}: nothing varied, so there is nothing to compare."
        kind, shown = (
            kind_shown(rows["kind"][0], outcome),
            rows.filter(pl.col("p_adjusted") < 1 - self.confidence_level).height,
        )
        best = rows.sort("p_value", -pl.col("estimate").abs()).row(0, named=True)
        base = self.table.filter((pl.col("outcome") == outcome) & (pl.col("arm") == self.control))["level"].item()
        name = {"holm": " after Holm", "bh": " after Benjamini–Hochberg", "none": ""}[best["correction"]]
        text = (
            f"{self._level(outcome, best['level'], kind)} in {self.labels.get(best['arm'], best['arm'])} and "
            f"{level(base, kind)} in {self.labels.get(self.control, self.control)}, a "
            f"difference of {change(best['estimate'], kind)} ({confidence(self.confidence_level)} interval "
            f"{interval(best['lower'], best['upper'], kind)}, "
            f"{p_value(best['p_adjusted'])}{name})."
        )
        if rows.height > 1:
            control = self.labels.get(self.control, self.control)
            text += f" {shown} of {rows.height} arms differ{'s' if shown == 1 else ''} from {control} beyond chance."
        elif not shown:
            text += " That is within chance."
        return text + self._missing(outcome)

    def _level(self, outcome: str, value: float, kind: str) -> str:
        if kind == "rate":
            return f"{level(value, kind)} {labels.did(outcome, self.labels)}"
        return f"{labels.heading(outcome, self.labels)}: {level(value, kind)}"

    def _missing(self, outcome: str) -> str:
        missing = self.table.filter(pl.col("outcome") == outcome)["missing"].sum()
        return f" {missing:,} people with no answer are left out." if missing else ""

    def columns_first(self) -> list[str]:
        """Return the difference, its interval and its adjusted p-value.

        Examples
        --------
        >>> import campaignkit as ck
        >>> sent = ck.sample.draw("email", 2_000, seed=5).table
        >>> ck.experiments.analyze(sent, "email_id", "gave", control="deadline_june_01").columns_first()[4:]
        ['estimate', 'lower', 'upper', 'p_adjusted']
        """
        return ["outcome", "arm", "n", "level", "estimate", "lower", "upper", "p_adjusted"]

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw the first outcome's differences to the control; with `sequence`, over the days."""
        outcome = self._outcomes()[0]
        if self.sequential is not None:
            return self.sequential.chart(outcome, self.summary())
        rows = self.table.filter((pl.col("outcome") == outcome) & pl.col("estimate").is_not_null())
        if rows.is_empty():
            return None
        title = f"{labels.heading(outcome, self.labels)}: difference to {self.labels.get(self.control, self.control)}"
        number = "+.1%" if rows["kind"][0] == "rate" else "+,.2~f"
        return charts.intervals(
            rows, "arm", "estimate", description=self.summary(), reference=0, title=title, number=number
        )


def analyze(
    data: Any,
    arm: str,
    outcome: str | Iterable[str] | None = None,
    *,
    control: Any = None,
    unit: str | None = None,
    cluster: str | None = None,
    covariate: str | Mapping[str, str] | None = None,
    strata: str | Iterable[str] | None = None,
    weight: str | None = None,
    denominator: str | None = None,
    sequence: str | None = None,
    correction: str = "holm",
    shares: Mapping[Any, float] | None = None,
    kind: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    tune: int | None = None,
    trials: str | None = None,
    successes: str | None = None,
    total: str | None = None,
    total_of_squares: str | None = None,
) -> Analysis:
    """Compare every arm of an experiment with its control.

    Parameters
    ----------
    data : table
        One row per person. Polars, pandas, PyArrow, a DuckDB relation, PySpark, or a universe, whose columns may then
        also be facts such as ``gifts('90d')``.
    arm : str
        The column that says which arm a person was given. Rows where it is null are set aside and counted.
    outcome : str or iterable of str
        Columns of numbers or booleans. Null or NaN: not known of that person, who is left out for that outcome and
        counted in `missing`. Who got a letter and gave nothing must have 0 or false, not null.
    control : object
        The arm to compare with. None: the one called ``control`` (any case), False or 0.
    unit : str, optional
        The column of the person's id. Given, it is checked that no id comes twice. None: not checked; of a universe
        it is ``person_id``.
    cluster : str, optional
        What was assigned together, or varies together: household, precinct. People in a cluster count as one draw;
        clusters with people in several arms (blocks) are right too. Where it is null, the person is a cluster of
        their own, which is counted and said. None: people are independent.
    covariate : str or mapping, optional
        The outcome's own past, known before the arms were drawn, such as last year's gifts; for several outcomes a
        mapping. It narrows the intervals (CUPED). None: not adjusted.
    strata : str or iterable of str, optional
        Within what the arms were drawn: differences are taken there and averaged by the strata's sizes. Where each has
        one cluster (or person) an arm they are matched pairs, and the differences within pairs are the draws. None:
        none.
    weight : str, optional
        Each person's weight, 0 or more. None: all count alike.
    denominator : str, optional
        What outcomes are divided by, summed: gifts per e-mail sent. None: by people.
    sequence : str, optional
        The date (or number of the look) on which each row came in. Given, differences have an asymptotic confidence
        sequence: look every morning and stop when you like. None: fixed in advance; look once.
    correction : {"holm", "bh", "none"}
        How p-values account for the number of comparisons: Holm (any false claim), Benjamini–Hochberg (the share of
        false claims).
    shares : mapping, optional
        The shares in which the arms were drawn, to check their sizes by. None: equal; where the arms are far from
        even, what they are near to is taken for planned, said, and asked for.
    kind : {"rate", "money", "mean"}, optional
        What the outcomes are. None: columns of only 0 and 1 are a rate; of 0 and positive numbers money; else mean.
    confidence_level : float
        Of the intervals, and one minus it of the p-values that sentences go by; 0.5 or more, below 1.
    tune : int, optional
        With `sequence`: the number of units, of both arms, at which the sequence is to be narrowest. Choose it before
        looking. None: ten times those of the first look.
    trials, successes : str, optional
        Columns of a table of counts in place of people, as an e-mail tool reports: how many were sent each arm, and how
        many of them acted. Rows of one arm are added up. `outcome` is then left out. None: one row per person.
    total, total_of_squares : str, optional
        With `trials`, in place of `successes`: the sum of a number such as dollars, and of its square. Intervals are
        Welch's, as single gifts are not known.

    Returns
    -------
    Analysis

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        A column has the wrong type or gaps where none may be; `unit` comes twice; the control has nobody.
    NotEnoughData
        An arm has fewer than two units with a value, or none in a stratum.

    Notes
    -----
    With y a unit's total, d what it is divided by (1 for a person), the level is Σy / Σd and its variance that of
    (y − level · d) / mean(d) over units. CUPED subtracts θ (x − mean x), x the covariate, θ the slope in the two arms
    together. Money's intervals are Hall's, which bend with the skew, put together by MOVER: where 1.5% give and nothing
    differs between 8,000 and 2,000 people, they claim a difference in 5.1% of experiments, Student's t with the same
    standard error in 7.0% (`book/calibration/experiments.md`). An arm without a gift is taken to have, at most,
    Wilson's upper rate times the mean gift of all arms. With `denominator`, `covariate` or kind ``mean`` the test is
    Welch's.

    Where an arm's clusters are few or unequal (fewer than 40 degrees of freedom, Bell and McCaffrey's), variances are
    the jackknife's about the estimate (CR3), which are the usual ones where clusters have one size. Yes or no of
    clusters, and outcomes of clusters that span arms, have Student's t on the linearised difference. See
    `book/calibration/harsh.md` for what holds where.

    Sizes are tested by chi-squared over units (people where clusters span arms); an alarm is p < 0.001.

    The data are read once (after a look at the first 10,000 rows). Money that most people have some of, or with
    clusters or weights, is read once more for `top_share`.

    References
    ----------
    Deng, Knoblich & Lu (2018), Applying the delta method in metric analytics, KDD, section 3. Deng, Xu, Kohavi &
    Walker (2013), Improving the sensitivity of online controlled experiments by utilizing pre-experiment data, WSDM,
    section 3.2. Hall (1992), JRSS B 54, section 2. Zou & Donner (2008), Statistics in Medicine 27, equation 5.
    MacKinnon, Nielsen & Webb (2023), Journal of Applied Econometrics 38, 671–694; Pustejovsky & Tipton (2018), Journal
    of Business & Economic Statistics 36, 672–683. Imai, King & Nall (2009), Statistical Science 24, 29–53.
    Fabijan et al. (2019), Diagnosing sample ratio mismatch, KDD. Waudby-Smith et al. (2021), theorem 2.2.

    Examples
    --------
    >>> import campaignkit as ck
    >>> calls = ck.sample.draw("scripts", 20_000, seed=3).table
    >>> found = ck.experiments.analyze(calls, "arm", "supports_after", control="control", cluster="household")
    >>> found.table.select("arm", "n", "missing").rows()
    [('control', 3962, 2762), ('economy', 4001, 2682), ('health', 3975, 2618)]
    >>> found.table["p_adjusted"].to_list()[0] is None  # the control
    True
    """
    check_scalar(correction, "correction", choices=CORRECTIONS)
    outcomes, counts = outcomes_of(outcome, trials, successes, total, total_of_squares)
    if not outcomes:
        raise BadValue("outcome is empty; name at least one column.")
    stratum_columns = tuple(column_names(strata, "strata"))
    design = design_of(
        [arm], outcomes, by=stratum_columns, unit=unit, cluster=cluster, weight=weight, covariate=covariate,
        denominator=denominator, sequence=sequence, kind=kind, confidence_level=confidence_level, counts=counts,
    )  # fmt: skip
    if sequence is not None and stratum_columns:
        raise BadValue("sequence and strata do not go together; leave one of them out.")
    groups = read(data, design, control)
    names = arm_names(groups, design)
    base = find_control(names, control)
    daily = differences_by_day(groups, design, names, base, tune) if sequence is not None else None
    arranged = [
        arrange(groups, outcome_groups, design, base) if daily is None else daily.arms[outcome_groups.name]
        for outcome_groups in groups.outcomes
    ]
    analyzed = list(zip(groups.outcomes, arranged, strict=True))
    tables = [_outcome_table(groups, outcome_groups, arms, design, daily) for outcome_groups, arms in analyzed]
    table = corrected(pl.concat(tables, how="vertical_relaxed"), correction)
    sizes = check_sizes(groups, names, design, shares)
    return Analysis(
        table, names[base], sizes, daily, groups.unassigned, groups.notes(design), design.covariates, cluster,
        groups.spans, confidence_level, warnings_of(analyzed, cluster),
    )  # fmt: skip


def _outcome_table(
    groups: Groups, outcome: Outcome, arms: Arms, design: Design, daily: Sequential | None
) -> pl.DataFrame:
    level = levels(arms)
    if daily is None:
        own, effects = level.bounds(), effects_of(arms, level)
    else:
        own, effects = (np.full(level.value.shape, np.nan),) * 2, daily.last(outcome.name)
    size = len(arms.names)
    n, missing, units = (
        _by_arm(groups, design, arms, x) for x in (outcome.rows, outcome.missing, groups.table["units"])
    )
    columns = {"outcome": [outcome.name] * size, "arm": arms.names, "kind": [arms.kind] * size, "n": n}
    columns |= {"clusters": units if design.roles.cluster is not None else [None] * size, "missing": missing}
    columns |= (
        {"level": level.value, "level_lower": own[0], "level_upper": own[1]}
        | effects
        | given_of(arms, outcome.top_share)
    )
    for name, values in columns.items():  # NaN is not known, infinity no bound: both become null
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            columns[name] = np.where(np.isfinite(values), values, np.nan)
    kinds = {"arm": groups.table.schema[design.roles.arms[0]], "clusters": pl.Int64}
    return pl.DataFrame(columns, schema_overrides=kinds, nan_to_null=True)


def _by_arm(groups: Groups, design: Design, arms: Arms, values: Any) -> np.ndarray:
    place = [arms.names.index(name) for name in groups.table[design.roles.arms[0]]]
    return np.bincount(place, np.asarray(values, float), len(arms.names)).astype(np.int64)


def effects_of(arms: Arms, level: Levels) -> dict[str, Any]:
    """Return the table's columns of effects."""
    difference, bounds, ratio = differences(arms, level)
    columns = {
        "estimate": difference.estimate,
        "std_error": difference.std_error,
        "lower": difference.lower,
        "upper": difference.upper,
    }
    return columns | {"ratio": ratio, "ratio_lower": bounds[0], "ratio_upper": bounds[1], "p_value": difference.p_value}


def given_of(arms: Arms, top_share: Mapping[Any, float]) -> dict[str, Any]:
    """Return the table's columns of gifts: how many give, how much those give, and how few give most of it."""
    nothing = np.full(len(arms.names), np.nan)
    names = ("givers", "rate", "mean_given", "mean_given_lower", "mean_given_upper", "top_share")
    if arms.kind != "money":
        return dict.fromkeys(names, nothing)
    whole = arms.moments.over(1)
    rate, _ = whole.nonzero()
    mean, variance = whole.among_nonzero()
    givers = whole.n * whole.mean[:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(givers >= 2, givers - 1, np.nan)
        error = np.sqrt(variance / whole.n)
        cumulant = whole.among_nonzero_cumulant() if not arms.clustered else np.zeros_like(error)
        low, high = hall(mean, error, cumulant, df, 1 - arms.confidence_level)
        low = np.maximum(low, 0)
    top = np.array([top_share.get(name, np.nan) for name in arms.names])
    return dict(zip(names, (givers, rate, mean, low, high, top), strict=True))
