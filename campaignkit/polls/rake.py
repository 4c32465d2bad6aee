"""Raking: a sample weighted so that its margins are the voters'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.labels import condition
from campaignkit.polls.model.frames import codes_of
from campaignkit.polls.model.raking import Sample, margin_table, rake_sample, read_sample
from campaignkit.polls.model.targets import read_targets
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.intervals.estimate import interval
from campaignkit.stats.survey.raking import Calibration, design_effect
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import counted, points, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Weights", "rake"]


@dataclass(frozen=True, eq=False, repr=False)
class Weights(Result):
    """A raked sample.

    `table` has one row per margin and level: ``margin``, ``level`` (text; null: unknown), ``n`` (respondents), and
    three shares: ``before_share`` (by design weights), ``after_share`` (by the weights), ``wanted_share``.

    Attributes
    ----------
    weights : polars.DataFrame
        One row per respondent, in the sample's order: the unit (or ``row``, from 0), and ``weight``; weights average 1.
    design_effect : float
        Kish's: how many times a mean's variance is that of as many respondents of equal weight.
    effective_n : float
        Respondents over the design effect.
    trimmed : int
        Respondents whose weight was held at a bound.
    largest_gap : float
        The largest difference between `after_share` and `wanted_share`: not 0 only where bounds stand in the way.
    sample : Sample
        What was read, for `estimate`.
    untrimmed : array of float64 or None
        The weights as they would be without bounds; None where there are none.
    """

    weights: pl.DataFrame
    design_effect: float
    effective_n: float
    trimmed: int
    largest_gap: float
    sample: Sample
    untrimmed: Floats | None

    def estimate(
        self, outcome: str, by: str | Iterable[str] | None = None, *, confidence_level: float = CONFIDENCE_LEVEL
    ) -> pl.DataFrame:
        """Return weighted means with errors that know that the weights were raked.

        Parameters
        ----------
        outcome : str
            A column of the sample: booleans, 0/1 or numbers. Null is no answer.
        by : str, list of str or None
            Columns of the sample; each combination of their values is a group. None: everyone is one.
        confidence_level : float
            Of the intervals.

        Returns
        -------
        polars.DataFrame
            One row per group: `by`, ``n`` (respondents with an answer), ``estimate``, ``std_error`` (linearised),
            ``lower``, ``upper`` (Student's t) and, of trimmed weights, ``trimming_bias``: the estimate less what it is
            without trimming.

        Raises
        ------
        ColumnNotFound
            A column is missing.
        BadValue
            The outcome holds no numbers.
        NotEnoughData
            Nobody answered.

        Examples
        --------
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> sample = pl.DataFrame({"sex": ["F"] * 60 + ["M"] * 40, "ours": [1, 0, 1] * 20 + [0, 1, 0, 0] * 10})
        >>> raked = ck.polls.rake(sample, {"sex": {"F": 0.5, "M": 0.5}})
        >>> raked.estimate("ours").select("n", pl.col("estimate").round(4)).row(0)
        (100, 0.4583)
        """
        groups = column_names(by, "by")
        check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
        table, y = self.sample.answers(outcome, groups)
        answered = np.isfinite(y)
        if not answered.any():
            raise NotEnoughData(f"{outcome!r} is null for every respondent.")
        known = (
            table.filter(answered).select(groups).unique().sort(groups, nulls_last=True) if groups else pl.DataFrame()
        )
        place = _groups(table.select(groups), known, answered)
        calibration = Calibration(
            self.sample.codes, self.sample.heights, self.sample.design, self.weights["weight"].to_numpy()
        )
        rows = [self._mean(y, place == at, calibration, confidence_level) for at in range(max(known.height, 1))]
        means = pl.concat([known, pl.DataFrame(rows)], how="horizontal")
        return means if self.untrimmed is not None else means.drop("trimming_bias")

    def _mean(self, y: Floats, inside: Mask, calibration: Calibration, confidence_level: float) -> dict[str, Any]:
        w, y = np.where(inside, calibration.weight, 0.0), np.where(inside, y, 0.0)
        value = float(w @ y / w.sum())
        error = calibration.std_error(np.where(inside, y - value, 0.0) / w.sum())
        student = interval(value, error, len(y) - 1, confidence_level)
        free = w if self.untrimmed is None else np.where(inside, self.untrimmed, 0.0)
        bias = value - float(free @ y / free.sum())
        return {"n": int(inside.sum()), "estimate": value, "std_error": error, "lower": student.lower,
                "upper": student.upper, "trimming_bias": bias}  # fmt: skip

    def summary(self) -> str:
        """Say what weighting changed most, what it costs, and what trimming left undone."""
        moved = self.table.sort((pl.col("after_share") - pl.col("before_share")).abs(), descending=True)
        row = moved.row(0, named=True)
        margins = counted(self.table["margin"].n_unique(), "margin")
        change = f"from {share(row['before_share'])} to {share(row['after_share'])}"
        text = (
            f"{counted(self.weights.height, 'respondent')} weighted to {margins}. The largest change is "
            f"{condition(row['margin'], row['level'] or 'unknown')}, {change}. The weights leave an effective sample "
            f"of {self.effective_n:,.0f} (design effect {self.design_effect:.2f})."
        )
        if self.untrimmed is not None:
            text += f" {counted(self.trimmed, 'weight')} at a bound"
            missed = self.largest_gap > 1e-9
            text += (
                f"; a margin misses by up to {points(self.largest_gap)} points." if missed else "; every margin holds."
            )
        return text + " Weighting corrects what the margins explain, not other nonresponse."

    def chart(self) -> alt.TopLevelMixin:
        """Draw each level's share before and after."""
        rows = self.table.with_columns(level=pl.format("{}: {}", "margin", pl.col("level").fill_null("unknown")))
        rows = rows.unpivot(
            ["before_share", "after_share"], index="level", variable_name="weighted", value_name="share"
        )
        rows = rows.with_columns(weighted=pl.col("weighted").str.strip_suffix("_share"))
        return charts.bars(rows, "level", "share", series="weighted", description=self.summary())


def _groups(table: pl.DataFrame, known: pl.DataFrame, answered: Mask) -> Whole:
    """Return each respondent's row among the groups that are known; −1 where there is no answer."""
    place = np.full(len(answered), -1)
    place[answered] = codes_of(table.filter(answered), table.columns, known.rows(), "sample") if known.width else 0
    return place


def rake(
    sample: object,
    targets: object,
    *,
    by: Iterable[str | tuple[str, ...]] | str | None = None,
    frame_weight: str | None = None,
    weight: str | None = None,
    bounds: tuple[float, float] | None = None,
    unit: str | None = None,
) -> Weights:
    """Weight a sample so that its margins are the population's.

    Parameters
    ----------
    sample : table
        One row per respondent.
    targets : mapping or table
        From each margin to a mapping from each level to its share or count: ``{"sex": {"F": 52, "M": 48}}``; the key of
        a joint margin is a tuple of columns, its levels tuples of values. Or the frame whose own margins are wanted: a
        table of counts, or people one row each, such as a universe of the megafile.
    by : list of str or tuple of str, optional
        Of a frame: its margins, such as ``["sex", ("race", "education")]``.
    frame_weight : str or None
        Of a frame: how many voters each row stands for, a column or a fact such as ``score('turnout')``. None: 1.
    weight : str or None
        The design weight, from which raking starts. None: all are equal.
    bounds : (float, float) or None
        The least and the most that a weight may be, where 1 is the average. Raking and trimming take turns until both
        hold; where they cannot, the bounds do, and `largest_gap` says by how much margins miss. None: no trimming.
    unit : str or None
        The respondent's id, by which `weights` can be joined. None: they are told apart by their row.

    Returns
    -------
    Weights

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        A level is in the sample or in the target alone (null is a level too); totals of the margins differ; a unit is
        there twice; no weights have these margins. Nothing is joined or dropped: recode levels before.
    NotEnoughData
        The sample has no rows.

    References
    ----------
    Deming and Stephan (1940), Annals of Mathematical Statistics 11, 427–444; Deville, Särndal and Sautory (1993),
    Journal of the American Statistical Association 88, 1013–1020.

    Examples
    --------
    >>> import polars as pl
    >>> import campaignkit as ck
    >>> sample = pl.DataFrame({"sex": ["F", "F", "F", "M"], "age": ["old", "old", "young", "young"]})
    >>> found = ck.polls.rake(sample, {"sex": {"F": 52, "M": 48}, "age": {"old": 40, "young": 60}})
    >>> found.weights["weight"].round(2).to_list()
    [0.8, 0.8, 0.48, 1.92]
    >>> found.table.select("level", "before_share", pl.col("after_share").round(4)).row(0)
    ('F', 0.75, 0.52)
    """
    check_scalar(unit, "unit", typ=str, optional=True)
    low, high = _checked(bounds)
    margins = read_targets(targets, by, frame_weight)
    read = read_sample(sample, margins, weight, unit)
    free, gap = rake_sample(read, margins)
    if gap > 1e-9:
        raise BadValue(
            f"No weights have these margins: after raking one still misses by {points(gap)} points. Combinations of "
            "levels that the margins need have no respondents; join some levels."
        )
    raked, gap = (free, gap) if bounds is None else rake_sample(read, margins, low, high)
    at_bound = 0 if bounds is None else int(((raked <= low * (1 + 1e-9)) | (raked >= high * (1 - 1e-9))).sum())
    effect = design_effect(raked)
    return Weights(
        margin_table(read, margins, raked), read.ids.with_columns(weight=raked), effect, len(raked) / effect, at_bound,
        gap, read, None if bounds is None else free,
    )  # fmt: skip


def _checked(bounds: Any) -> tuple[float, float]:
    if bounds is None:
        return 0.0, np.inf
    if not isinstance(bounds, tuple | list) or len(bounds) != 2 or isinstance(bounds, Mapping):
        raise BadValue(f"bounds is {bounds!r}; two numbers were expected, as (0.3, 3).")
    check_scalar(bounds[0], "bounds[0]", typ=float, ge=0, lt=1)
    check_scalar(bounds[1], "bounds[1]", typ=float, gt=1)
    return float(bounds[0]), float(bounds[1])
