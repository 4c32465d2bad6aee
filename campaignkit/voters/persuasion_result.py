"""A ranking of people by how much a contact moves them: its table, its sentence, and what it is used for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.restrictions import restrictions_of, stated
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.intervals.estimate import Estimate
from campaignkit.stats.intervals.multiplicity import holm
from campaignkit.stats.prediction.uplift import Effects, Outcomes, effects, ranks
from campaignkit.voters import score_file
from campaignkit.voters.applying import predicted, written
from campaignkit.voters.effect_model import EffectModel
from campaignkit.voters.experiment import Parts

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Persuasion"]

TENTHS = 10
KEPT = ("name", "purpose", "method", "ridge", "why")


@dataclass(frozen=True)
class Judged:
    """Cells of people with the score of a ranking that never saw them, and the models, fold by fold."""

    score: Floats
    of: Outcomes
    fold: Whole
    codes: tuple[Whole, ...]
    models: tuple[EffectModel, ...]

    def tenths(self, groups: int) -> Effects:
        """Return the effect in each part of the ranking, the best first."""
        place = ranks(self.score, self.of.weight, self.fold)
        return effects(np.minimum((place * groups).astype(int), groups - 1), self.score, self.of)


@dataclass(frozen=True, eq=False, repr=False)
class Persuasion(Result):
    """A ranking of people by how much a contact moves them.

    `table` has one row a tenth of the people judged, the first being those whom the ranking would contact first:
    ``decile``; ``n``; ``predicted`` (the mean predicted effect); ``treated_rate``, ``control_rate`` (levels: shares
    with the outcome); ``estimate``, ``lower``, ``upper`` (an effect: their difference, 95%, Newcombe's), ``p_value``
    (of no effect in the tenth), ``p_adjusted`` (over the tenths), ``correction`` ("holm"). Tenths are of those judged:
    all but the first two folds of ten, or those held out. A decile that lies within one score is missing.

    Attributes
    ----------
    name, purpose : str
    model : EffectModel
        From features to an effect; fitted on everybody, or where there is a `holdout` on all others.
    method : str
        "class_transformation" or "doubly_robust".
    why : str
        Why this method: the share treated, and how even that is.
    ridge : float
        The penalty of `model`.
    qini : Estimate
        The Qini coefficient (`value`, `error`, `lower`, `upper`, `p_value`): 0 is a ranking by lot, 1 the best there
        could be; as scikit-uplift's ``qini_auc_score``, the mean over the folds judged.
    average : Estimate
        The effect of contacting everyone, in shares with the outcome.
    arms : polars.DataFrame
        ``arm``, ``role``, ``n``, ``missing`` (without an outcome: set aside), ``outcome_rate``.
    curve : polars.DataFrame
        ``share`` contacted in the ranking's order, ``gain`` over contacting nobody, and ``by_lot``; per person.
    warnings : tuple of str
    restricted : frozenset of str
        What it is made of that may not serve soliciting.
    parts : Parts
        Which columns it was fitted on.
    """

    name: str
    purpose: str
    model: EffectModel
    method: str
    why: str
    ridge: float
    qini: Estimate
    average: Estimate
    arms: pl.DataFrame
    curve: pl.DataFrame
    warnings: tuple[str, ...]
    restricted: frozenset[str]
    parts: Parts
    _source: Any = None
    _judged: Judged | None = None

    @property
    def shown(self) -> bool:
        """Whether the ranking is shown to beat contacting everyone or no one: the Qini's interval is above 0.

        Examples
        --------
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 100_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", ck.voters.Bands("age", [35, 65]), "state"], control="control",
        ...     treatment="health", unit="person", interactions=[("sex", "age")],
        ... )
        >>> found.shown
        True
        """
        return bool(self.qini.lower > 0)

    @property
    def warning(self) -> str | None:
        """What is to be said wherever it ranks: that its Qini's interval is not above 0, which is chance; None: it is.

        Examples
        --------
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 8_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", "age_band"],
        ...     control="control", treatment="health", unit="person",
        ... )
        >>> (found.warning is None) == found.shown
        True
        """
        q = self.qini
        if self.shown:
            return None
        return (
            f"ranks no better than chance: Qini coefficient {q.value:.3f}, 95% interval {q.lower:.3f} to {q.upper:.3f}"
        )

    @property
    def backfires(self) -> pl.DataFrame:
        """The tenths whose interval of the effect is below 0.

        Examples
        --------
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 100_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", ck.voters.Bands("age", [35, 65]), "state"], control="control",
        ...     treatment="health", unit="person", interactions=[("sex", "age")],
        ... )
        >>> found.backfires["decile"].to_list()
        []
        """
        return self.table.filter(pl.col("upper") < 0)

    def summary(self) -> str:
        """Say the average effect, whether the ranking is shown to do better, and where a contact may backfire."""
        used = self.arms.filter(pl.col("role") != "left out")
        people = int((used["n"] - used["missing"]).sum())
        parts = [
            f"Among {people:,} people, contact changed {self.parts.outcome} by {points(self.average.value)} points on "
            f"average (95% interval {points(self.average.lower)} to {points(self.average.upper)}).",
            self._said_of_ranking(),
            *self.warnings,
            "It ranks by what this contact changed in this experiment, not by who supports us.",
        ]
        return " ".join(parts)

    def _said_of_ranking(self) -> str:
        q, best, last = self.qini, self.table.row(0, named=True), self.table.row(-1, named=True)
        coefficient = f"Qini coefficient {q.value:.3f}, {q.lower:.3f} to {q.upper:.3f}"
        if self.shown:
            ends = " and ".join(
                f"{points(row['estimate'])} ({points(row['lower'])} to {points(row['upper'])}) in the {which}"
                for row, which in ((best, "best tenth"), (last, "last"))
            )
            return (
                f"Ranked by {self.name}, the contact does more for the first than for the rest ({coefficient}): {ends}."
            )
        return (
            f"The ranking by {self.name} is not shown to beat treating everyone or no one ({coefficient}, which is not "
            "above 0): choose whom to contact by other things."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the effect in each tenth of the ranking, with its interval."""
        rows = self.table.with_columns(tenth=pl.col("decile").cast(pl.String)).rename({"estimate": "effect"})
        title = f"Effect on {self.parts.outcome} by tenth of {self.name}"
        return charts.intervals(
            rows, "tenth", "effect", description=self.summary(), reference=0, title=title, number="+.1%"
        )

    def deciles(self, groups: int = TENTHS) -> pl.DataFrame:
        """Return the effect in each part of the ranking, as `table` has it for ten.

        Parameters
        ----------
        groups : int
            How many parts.

        Examples
        --------
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 100_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", ck.voters.Bands("age", [35, 65]), "state"], control="control",
        ...     treatment="health", unit="person", interactions=[("sex", "age")],
        ... )
        >>> found.deciles(3)["estimate"].round(3).to_list()
        [0.049, 0.043, 0.006]
        """
        check_scalar(groups, "groups", typ=int, ge=2, le=100)
        return deciles(self._judges().tenths(groups))

    def explain(self) -> pl.DataFrame:
        """Return what is predicted and what was seen for each level of each feature.

        Returns
        -------
        polars.DataFrame
            ``feature, level, block, n, predicted, treated_rate, control_rate, estimate, lower, upper, p_value,
            p_adjusted, correction``: the effect among those with the level, whatever their other features. `predicted`
            is by models that never saw them.

        Examples
        --------
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 100_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", ck.voters.Bands("age", [35, 65]), "state"], control="control",
        ...     treatment="health", unit="person", interactions=[("sex", "age")],
        ... )
        >>> found.explain().filter(feature="sex").select("level", pl.col("estimate").round(3)).rows()
        [('F', 0.044), ('M', 0.021)]
        """
        judged, parts = self._judges(), []
        for levels, code in zip(self.model.design.levels, judged.codes, strict=True):
            if levels.names:
                found = _effects(effects(code, judged.score, judged.of))
                label = pl.Series([levels.labels[one] for one in found["group"]])
                feature = levels.feature
                parts.append(found.select(
                    pl.lit(feature.name).alias("feature"), label.alias("level"), pl.lit(feature.block).alias("block"),
                    pl.exclude("group"),
                ))  # fmt: skip
        return _adjusted(pl.concat(parts))

    def _judges(self) -> Judged:
        if self._judged is None:
            raise BadValue("A ranking that was loaded has its table, but nobody to be judged by; fit it again.")
        return self._judged

    def predict(self, data: Any, column: str | None = None) -> Any:
        """Return a table with everybody's predicted effect, where it lies: nothing is read until it is asked for.

        Parameters
        ----------
        data : table
            With the features' columns, named as they were.
        column : str or None
            The new column. None: the name.

        Returns
        -------
        table
            Lazy, of the engine that `data` is on: its columns and the effect, a difference of shares. It is shrunk, so
            that large ones are rather too small; the order is what was judged. A value that the fit never saw counts as
            the rare ones do or, where there were none, as the feature's commonest.

        Raises
        ------
        ColumnNotFound
            A feature is missing.
        BadValue
            The table has a column of the new one's name.

        Examples
        --------
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 8_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", "age_band"],
        ...     control="control", treatment="health", unit="person",
        ... )
        >>> found.predict(calls.select("sex", "age_band").head(2)).collect()["persuasion"].round(3).to_list()
        [0.02, 0.02]
        """
        return predicted(self.model, data, column or self.name)

    def write(
        self, mf: Any, data: Any = None, *, unit: str | None = None, restricted: Iterable[str] | None = None
    ) -> int:
        """Write everybody's predicted effect into a megafile, where ``score('name')`` ranks lists.

        Parameters
        ----------
        mf : Megafile
            As for a score's `write`.
        data : table or None
            Whom to score. None: the table it was fitted on.
        unit : str or None
            The column of person_id. None: the unit that it was fitted with, or "person_id".
        restricted : iterable of str or None
            What in the score or in `data` may not serve soliciting; ``()``: there is no FEC data in them. What is known
            stays. None: what is known; of a table from outside nothing is, and no list to raise money is ranked by it.

        Returns
        -------
        int
            How many people were scored.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 8_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", "age_band"],
        ...     control="control", treatment="health", unit="person",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         who = mf.universe("in_source('supporter')").features(["sex", "age_band"])
        ...         found.write(mf, who) == mf.universe("score('persuasion') >= -1").count()
        True
        """
        if data is None and self._source is None:
            raise BadValue("A ranking that was loaded knows no table; pass one.")
        scored = self.predict(self._source if data is None else data, "value")
        known = self.restricted if data is None else self.restricted | restrictions_of(data)
        return written(self.name, mf, scored, unit, self.parts.unit, stated(known, restricted), self.warning)

    def save(self, path: str | Path) -> Path:
        """Write it as JSON: what `load` needs to predict, and its numbers; nobody's data.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 8_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", "age_band"],
        ...     control="control", treatment="health", unit="person",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found.save(f"{folder}/persuasion.json").name
        'persuasion.json'
        """
        kept = {field: getattr(self, field) for field in (*KEPT, "warnings")}
        kept |= {"qini": asdict(self.qini), "average": asdict(self.average), "parts": asdict(self.parts)}
        kept |= {"restricted": sorted(self.restricted), "model": self.model.to_dict()}
        kept |= {field: json.loads(getattr(self, field).write_json()) for field in ("table", "arms", "curve")}
        return score_file.save(path, "ranking", kept)

    @classmethod
    def load(cls, path: str | Path) -> Persuasion:
        """Return a ranking that was saved: it predicts and writes as before.

        Raises
        ------
        BadValue
            The file is none that `save` wrote, or was changed since.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> calls = ck.sample.draw("scripts", 8_000, seed=0).table
        >>> found = ck.voters.fit_persuasion(
        ...     calls, "arm", "supports_after", ["sex", "age_band"],
        ...     control="control", treatment="health", unit="person",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kept = ck.voters.Persuasion.load(found.save(f"{folder}/persuasion.json"))
        >>> kept.predict(calls).collect().equals(found.predict(calls).collect())
        True
        """

        def made(saved: dict[str, Any]) -> Persuasion:
            fields = {field: saved[field] for field in KEPT}
            fields |= {field: pl.DataFrame(saved[field]) for field in ("table", "arms", "curve")}
            fields |= {field: Estimate(**saved[field]) for field in ("qini", "average")}
            fields |= {"parts": Parts(**saved["parts"]), "model": EffectModel.from_dict(saved["model"])}
            return cls(warnings=tuple(saved["warnings"]), restricted=frozenset(saved["restricted"]), **fields)

        return score_file.load(path, "ranking", made)


def _effects(found: Effects) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "group": found.group,
            "n": np.rint(found.treated + found.control).astype(np.int64),
            "predicted": found.score,
            **{name: getattr(found, name) for name in ("treated_rate", "control_rate", "estimate", "lower", "upper")},
            "p_value": found.p_value,
        }
    ).fill_nan(None)


def deciles(found: Effects) -> pl.DataFrame:
    """Return effects as the table of a ranking, the first group being decile 1."""
    table = _effects(found).select((pl.col("group") + 1).alias("decile"), pl.exclude("group"))
    return _adjusted(table)


def _adjusted(table: pl.DataFrame) -> pl.DataFrame:
    adjusted = pl.Series(holm(table["p_value"].cast(pl.Float64).fill_null(np.nan).to_numpy())).fill_nan(None)
    return table.with_columns(p_adjusted=adjusted, correction=pl.lit("holm"))


def points(share: float | None) -> str:
    """Return a difference of shares in points, signed.

    Examples
    --------
    >>> points(0.0312), points(-0.004)
    ('+3.1', '−0.4')
    """
    return "unknown" if share is None else f"{100 * share:+.1f}".replace("-", "−")
