"""A ranking of people by how much a contact moves them: its table, its sentence, and what it is used for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts, labels, wording
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.restrictions import restrictions_of, stated
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.intervals.estimate import Estimate
from campaignkit.stats.intervals.multiplicity import holm
from campaignkit.stats.prediction.uplift import GroupEffects, Outcomes, group_effects, rank_shares
from campaignkit.tables import Roles
from campaignkit.voters.model import score_file
from campaignkit.voters.model.effect_model import EffectModel
from campaignkit.voters.model.experiment_cells import Contrast
from campaignkit.voters.model.holdout import Holdout, roles_from_dict
from campaignkit.voters.model.predictor import predict, write_to_megafile

if TYPE_CHECKING:
    import altair as alt

DECILES = 10
ESTIMATES = ("qini", "average")
SAVED_FIELDS = ("name", "purpose", "method", "ridge", "method_reason", "confidence_level")


@dataclass(frozen=True)
class RankedCells:
    """Cells of people with the score of a ranking that never saw them, and the models, fold by fold."""

    score: Floats
    outcomes: Outcomes
    fold: Whole
    codes: tuple[Whole, ...]
    models: tuple[EffectModel, ...]

    def effects(self, groups: int, confidence_level: float) -> GroupEffects:
        """Return the effect in each part of the ranking, the best first."""
        place = rank_shares(self.score, self.outcomes.weight, self.fold)
        group = np.minimum((place * groups).astype(int), groups - 1)
        return group_effects(group, self.score, self.outcomes, confidence_level)


@dataclass(frozen=True, eq=False, repr=False)
class Persuasion(Result):
    """A ranking of people by how much a contact moves them.

    `table` has one row per decile of the people judged, the first being those the ranking would contact first:
    ``decile``; ``n``; ``predicted`` (the mean predicted effect); ``treated_rate``, ``control_rate`` (levels: shares
    with the outcome); ``estimate``, ``lower``, ``upper`` (an effect: their difference, Newcombe's), ``p_value``
    (of no effect in the decile), ``p_adjusted`` (over the deciles), ``correction`` ("holm"). Deciles are of those
    judged: all but the first two folds of ten, or those held out. A decile that lies within one score is missing.

    Attributes
    ----------
    name, purpose : str
    model : EffectModel
        From features to an effect; fitted on everybody, or where there is a `holdout` on all others.
    method : str
        "class_transformation" or "doubly_robust".
    method_reason : str
        Why this method: the share treated, and how even that is.
    ridge : float
        The penalty of `model`.
    qini : Estimate
        The Qini coefficient (`value`, `std_error`, `lower`, `upper`, `p_value`): 0 is a ranking at random, 1 the best
        there could be; as scikit-uplift's ``qini_auc_score``, the mean over the folds judged.
    average : Estimate
        The effect of contacting everyone, in shares with the outcome.
    arms : polars.DataFrame
        ``arm``, ``role``, ``n``, ``missing`` (without an outcome: set aside), ``outcome_rate``.
    curve : polars.DataFrame
        ``share`` contacted in the ranking's order, ``gain`` over contacting nobody, and ``by_lot``; per person.
    warnings : tuple of str
    restricted : frozenset of str
        What it is made of that may not serve soliciting.
    roles : Roles
        Which columns it was fitted on.
    contrast : Contrast
        Which arms were compared: `control`, `treatment`.
    holdout : Holdout
        Who was held out: `share`, `seed`.
    confidence_level : float
        Of its intervals, and of those that its methods return.
    """

    name: str
    purpose: str
    model: EffectModel
    method: str
    method_reason: str
    ridge: float
    qini: Estimate
    average: Estimate
    arms: pl.DataFrame
    curve: pl.DataFrame
    warnings: tuple[str, ...]
    restricted: frozenset[str]
    roles: Roles
    contrast: Contrast
    holdout: Holdout
    confidence_level: float
    _source: Any = None
    _ranked: RankedCells | None = None

    @property
    def beats_random(self) -> bool:
        """Whether the ranking is shown to beat contacting everyone or no one: the Qini's interval is above 0.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ranking = ck.sample.persuasion()
        >>> ranking.beats_random
        True
        """
        return bool(self.qini.lower > 0)

    @property
    def warning(self) -> str | None:
        """What is to be said wherever it ranks: that its Qini's interval is not above 0, which is chance; None: it is.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.persuasion().warning is None
        True
        """
        q = self.qini
        if self.beats_random:
            return None
        interval = f"{self.confidence_level:.0%} interval {wording.between(q.lower, q.upper, wording.number)}"
        return f"ranks no better than chance: Qini coefficient {q.value:.3f}, {interval}"

    @property
    def backfires(self) -> pl.DataFrame:
        """The deciles whose interval of the effect is below 0.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ranking = ck.sample.persuasion()
        >>> ranking.backfires["decile"].to_list()
        []
        """
        return self.table.filter(pl.col("upper") < 0)

    def summary(self) -> str:
        """Say the average effect, whether the ranking is shown to do better, and where a contact may backfire."""
        used = self.arms.filter(pl.col("role") != "left out")
        people = int((used["n"] - used["missing"]).sum())
        average, level = self.average, f"{self.confidence_level:.0%}"
        parts = [
            f"Contact changed {labels.measured(self.roles.outcomes[0], self.labels)} by "
            f"{wording.change(average.value, 'rate')} on average ({level} interval "
            f"{wording.interval(average.lower, average.upper, 'rate')}), among {people:,} people.",
            self._ranking_sentence(),
            *self.warnings,
            "It ranks by what this contact changed in this experiment, not by who supports us.",
        ]
        return " ".join(parts)

    def _ranking_sentence(self) -> str:
        q, best, last = self.qini, self.table.row(0, named=True), self.table.row(-1, named=True)
        coefficient = f"Qini coefficient {q.value:.3f}, {wording.between(q.lower, q.upper, wording.number)}"
        if self.beats_random:
            ends = " and ".join(
                f"{wording.change(row['estimate'], 'rate')} "
                f"({wording.interval(row['lower'], row['upper'], 'rate')}) in the {which}"
                for row, which in ((best, "top decile"), (last, "bottom decile"))
            )
            return f"Ranked by {self.name}, contact does more at the top than among the rest ({coefficient}): {ends}."
        return (
            f"The ranking by {self.name} does not clearly beat contacting everyone or no one ({coefficient}, not above "
            "0): choose who to contact some other way."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the effect in each decile of the ranking, with its interval."""
        rows = self.table.with_columns(pl.col("decile").cast(pl.String)).rename({"estimate": "effect"})
        title = f"Effect on {labels.measured(self.roles.outcomes[0], self.labels)} by decile of {self.name}"
        return charts.intervals(
            rows, "decile", "effect", description=self.summary(), reference=0, title=title, number="+.1%"
        )

    def deciles(self, groups: int = DECILES) -> pl.DataFrame:
        """Return the effect in each part of the ranking, as `table` has it for ten.

        Parameters
        ----------
        groups : int
            How many parts.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ranking = ck.sample.persuasion()
        >>> ranking.deciles(3)["estimate"].round(3).to_list()
        [0.049, 0.043, 0.006]
        """
        check_scalar(groups, "groups", typ=int, ge=2, le=100)
        return deciles(self._ranked_cells().effects(groups, self.confidence_level))

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
        >>> ranking = ck.sample.persuasion()
        >>> ranking.explain().filter(feature="sex").select("level", pl.col("estimate").round(3)).rows()
        [('F', 0.044), ('M', 0.021)]
        """
        ranked, parts = self._ranked_cells(), []
        for levels, code in zip(self.model.design.levels, ranked.codes, strict=True):
            if levels.names:
                by_level = group_effects(code, ranked.score, ranked.outcomes, self.confidence_level)
                table = _effects(by_level)
                label = pl.Series([levels.labels[code] for code in table["group"]])
                feature = levels.feature
                parts.append(table.select(
                    pl.lit(feature.name).alias("feature"), label.alias("level"), pl.lit(feature.block).alias("block"),
                    pl.exclude("group"),
                ))  # fmt: skip
        return _adjusted(pl.concat(parts))

    def _ranked_cells(self) -> RankedCells:
        if self._ranked is None:
            raise BadValue("A ranking that was loaded has its table, but nobody to be judged by; fit it again.")
        return self._ranked

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
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> ranking = ck.sample.persuasion()
        >>> people = pl.DataFrame({"sex": ["F", "M"], "age": [40, 70], "state": ["OH", "OH"]})
        >>> ranking.predict(people).collect()["persuasion"].round(3).to_list()
        [0.051, 0.01]
        """
        return predict(self.model, data, column or self.name)

    def write_scores(
        self, mf: Any, data: Any = None, *, unit: str | None = None, restricted: Iterable[str] | None = None
    ) -> int:
        """Write everybody's predicted effect into a megafile, where ``score('name')`` ranks lists.

        Parameters
        ----------
        mf : Megafile
            As for `Score.write_scores`.
        data : table or None
            Who to score. None: the table it was fitted on.
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
        >>> ranking = ck.sample.persuasion()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         who = mf.universe("in_source('supporter')").features(["sex", "age", "state"])
        ...         ranking.write_scores(mf, who) == mf.universe("score('persuasion') >= -1").count()
        True
        """
        if data is None and self._source is None:
            raise BadValue("A ranking that was loaded knows no table; pass one.")
        scored = self.predict(self._source if data is None else data, "value")
        known = self.restricted if data is None else self.restricted | restrictions_of(data)
        return write_to_megafile(self.name, mf, scored, unit, self.roles.unit, stated(known, restricted), self.warning)

    def save_model(self, path: str | Path) -> Path:
        """Write it as JSON: what `load` needs to predict, and its numbers; nobody's data.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> ranking = ck.sample.persuasion()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ranking.save_model(f"{folder}/persuasion.json").name
        'persuasion.json'
        """
        kept = {field: getattr(self, field) for field in (*SAVED_FIELDS, "warnings")}
        kept |= {field: asdict(getattr(self, field)) for field in (*ESTIMATES, "roles", "contrast", "holdout")}
        kept |= {"restricted": sorted(self.restricted), "model": self.model.to_dict()}
        kept |= {field: json.loads(getattr(self, field).write_json()) for field in ("table", "arms", "curve")}
        return score_file.save(path, "ranking", kept)

    @classmethod
    def load(cls, path: str | Path) -> Persuasion:
        """Return a ranking that was saved: it predicts and writes as before.

        Raises
        ------
        BadValue
            The file is none that `save_model` wrote, or was changed since.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> ranking = ck.sample.persuasion()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kept = ck.voters.Persuasion.load(ranking.save_model(f"{folder}/persuasion.json"))
        >>> kept.qini == ranking.qini
        True
        """

        def made(saved: dict[str, Any]) -> Persuasion:
            fields = {field: saved[field] for field in SAVED_FIELDS}
            fields |= {field: pl.DataFrame(saved[field]) for field in ("table", "arms", "curve")}
            fields |= {field: Estimate(**saved[field]) for field in ESTIMATES}
            fields |= {"roles": roles_from_dict(saved["roles"]), "contrast": Contrast(**saved["contrast"])}
            fields |= {"holdout": Holdout(**saved["holdout"]), "model": EffectModel.from_dict(saved["model"])}
            return cls(warnings=tuple(saved["warnings"]), restricted=frozenset(saved["restricted"]), **fields)

        return score_file.load(path, "ranking", made)


def _effects(effects: GroupEffects) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "group": effects.group,
            "n": np.rint(effects.treated + effects.control).astype(np.int64),
            "predicted": effects.score,
            **{name: getattr(effects, name) for name in ("treated_rate", "control_rate", "estimate", "lower", "upper")},
            "p_value": effects.p_value,
        }
    ).fill_nan(None)


def deciles(effects: GroupEffects) -> pl.DataFrame:
    """Return effects as the table of a ranking, the first group being decile 1."""
    table = _effects(effects).select((pl.col("group") + 1).alias("decile"), pl.exclude("group"))
    return _adjusted(table)


def _adjusted(table: pl.DataFrame) -> pl.DataFrame:
    adjusted = pl.Series(holm(table["p_value"].cast(pl.Float64).fill_null(np.nan).to_numpy())).fill_nan(None)
    return table.with_columns(p_adjusted=adjusted, correction=pl.lit("holm"))
