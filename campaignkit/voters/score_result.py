"""A fitted score: what it says of itself, how it is checked, explained, applied, written back, saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit.cells import cells as count_cells
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.restrictions import restrictions_of, stated
from campaignkit.result import Result
from campaignkit.tables import Roles, as_lazy, check_columns, open_table
from campaignkit.voters.model import evaluation, score_file
from campaignkit.voters.model.evaluation import Quality
from campaignkit.voters.model.features import FeatureSpec
from campaignkit.voters.model.glm import glm_results
from campaignkit.voters.model.holdout import Holdout, roles_from_dict
from campaignkit.voters.model.loading import model_from_dict
from campaignkit.voters.model.logit_model import TABLE, ModelFit
from campaignkit.voters.model.predictor import ProbabilityModel, predict, write_to_megafile
from campaignkit.voters.model.reading import features_keys
from campaignkit.voters.model.weighted_cells import WeightedCells, predictions_by_cell, read_cells, weighted_cells

if TYPE_CHECKING:
    import altair as alt

#: What is saved as it is.
SAVED_FIELDS = ("name", "purpose", "outcome", "errors", "fitted_on", "set_aside", "ridge", "confidence_level")


@dataclass(frozen=True, eq=False, repr=False)
class Score(Result):
    """A fitted score.

    `table` has, for a logit, one row per coefficient: `term` (the feature, features joined by ×, or "(intercept)"),
    `level` (the value; compared with the feature's commonest, which has no row), `block`, `n` and `outcome_rate` (rows
    that fitted with that level, and the share of them with the outcome; null for splines), `estimate` (log odds),
    `std_error`, `lower`, `upper` (normal), `p_value` (of 0). For boosted trees, one row per feature and level, with
    `estimate` and what follows null.

    Attributes
    ----------
    name, purpose, outcome : str
    model : ProbabilityModel
        From features to a probability.
    quality : Quality
        The score in numbers, judged by people held out.
    errors : str
        How standard errors were made: "model-based", "HC1" (weights), "CR1, by cluster"; "" for trees.
    fitted_on : int
        Rows that fitted.
    set_aside : int
        Rows without an outcome, which neither fitted nor judged.
    restricted : frozenset of str
        What it is made of that may not serve soliciting.
    ridge : float
    roles : Roles
        Which columns it was fitted on.
    holdout : Holdout
        Who was held out: `share`, `seed`.
    confidence_level : float
        Of its intervals, and of those that its methods return.
    """

    name: str
    purpose: str
    outcome: str
    model: ProbabilityModel
    quality: Quality
    errors: str
    fitted_on: int
    set_aside: int
    restricted: frozenset[str]
    ridge: float
    roles: Roles
    holdout: Holdout
    confidence_level: float
    _source: Any = None
    _held: WeightedCells | None = None
    _fit: ModelFit | None = None
    _unshifted: ProbabilityModel | None = None  # before it was moved to totals: by this its own people judge

    @property
    def auc(self) -> float:
        """The chance that one with the outcome is scored above one without; people held out.

        Examples
        --------
        >>> import campaignkit as ck
        >>> round(ck.sample.score().auc, 2)
        0.55
        """
        return self.quality.auc

    @property
    def warning(self) -> str | None:
        """What is to be said wherever it ranks: that its AUC's interval holds 50%, which is chance; None: it does not.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.score().warning[:28]
        'ranks no better than chance:'
        """
        return evaluation.chance_warning(self.quality, self.confidence_level)

    @property
    def levels(self) -> pl.DataFrame:
        """What each feature's values became: feature, value, level (in the model; the first is compared with).

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.score().levels.filter(feature="sex")["level"].to_list()
        ['F', 'M']
        """
        rows = [
            (levels.feature.name, levels.feature.label(key), levels.labels[code])
            for levels in self.model.design.levels
            for key, code in zip(levels.keys, levels.codes, strict=True)
        ]
        return pl.DataFrame(rows, schema=["feature", "value", "level"], orient="row")

    def summary(self) -> str:
        """Say how well it ranks and how far off it is, and what it does not show."""
        quality = evaluation.quality_sentence(self.quality, self.name, self.outcome, self.confidence_level, self.labels)
        chance = "" if self.warning is None else " That is no better than chance: do not rank by it."
        cautions = evaluation.cautions(self.table, self.set_aside, self.ridge, self.model.design.constant)
        return f"{quality}{chance}{cautions} It says how likely the outcome is, not what a call would change."

    def chart(self) -> alt.TopLevelMixin:
        """Draw its calibration; of a score that was loaded, its largest coefficients."""
        if self._held is not None:
            return self.calibration().chart()
        return evaluation.largest_coefficients(self.table, self.summary())

    def calibration(self, by: str | None = None, data: Any = None) -> evaluation.Calibration:
        """Compare what was predicted with what happened, among people held out.

        Parameters
        ----------
        by : str or None
            A column of the table, such as the county. None: deciles of the score.
        data : table or None
            Another table, of which everybody judges. None: the one it was fitted on.

        Returns
        -------
        Calibration

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.score().calibration(by="region").table.columns[:4]
        ['group', 'n', 'predicted_rate', 'observed_rate']
        """
        model = self._own_model if data is None else self.model
        if by is None and data is None:
            held, held_out = self._held_cells(), self.quality.held_out
        else:
            held, held_out = self._cells(data, by)
        by = by or "decile of the score"
        return evaluation.calibration(model, held, by, held_out, self.confidence_level, self._fit)

    def gains(self) -> evaluation.Gains:
        """Return how much of the outcome calling the best first reaches, among people held out.

        Examples
        --------
        >>> import campaignkit as ck
        >>> round(ck.sample.score().gains().table["lift"][0], 1)  # the best twentieth, beside calling at random
        2.0
        """
        return evaluation.gains(self._own_model, self._held_cells(), self.outcome, self.quality.held_out)

    def importance(self, by: str = "block", seed: int = 0) -> evaluation.Importance:
        """Return what each block carries: how much worse held-out predictions are once it is shuffled.

        Parameters
        ----------
        by : {"block", "feature"}
            What is shuffled at once.
        seed : int
            Of the shuffles.

        References
        ----------
        Breiman (2001), Machine Learning 45, section 10; Fisher, Rudin and Dominici (2019), JMLR 20(177), section 3.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.score().importance().table["block"].to_list()
        ['basics', 'consumer']
        """
        check_scalar(by, "by", choices=("block", "feature"))
        return evaluation.importance(
            self._own_model, self._held_cells(), by, self.quality.held_out, seed, self.confidence_level
        )

    def compare(self, other: Score, data: Any = None) -> evaluation.Comparison:
        """Judge this score and another by the same people.

        Parameters
        ----------
        other : Score
            Of the same outcome.
        data : table or None
            People with the features of both; all of them judge. None: those of this score's own table who it held
            out; if the other was fitted on some of them, it is flattered.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> less = ck.voters.fit_score(
        ...     people, "entered", ["homeowner"], name="less", purpose="volunteer", unit="person"
        ... )
        >>> ck.sample.score().compare(less).table["score"].to_list()
        ['enters', 'less']
        """
        if self.outcome != other.outcome:
            raise BadValue(f"The outcomes differ: {self.outcome!r} and {other.outcome!r}; scores of one are compared.")
        held_out = data is None and self.holdout.share is not None
        pair = (self, other)
        models = [score._own_model if data is None else score.model for score in pair]
        scores = dict(zip(("s0", "s1"), models, strict=True))
        holdout = self.holdout if data is None else Holdout()
        _, table, _, _ = read_cells(self._data(data), FeatureSpec(()), self.roles, holdout, scores=scores)
        both = [predictions_by_cell(table.filter(pl.col("held") | (not held_out)), name) for name in scores]
        sizes = [len(score.model.design.spec.features) for score in pair]
        return evaluation.compared([self.name, other.name], sizes, *both, self.confidence_level)

    def judge(self, data: Any) -> Score:
        """Return the score judged by other people, such as the next cycle's: all rows of a table with its columns.

        Examples
        --------
        >>> import campaignkit as ck
        >>> judged = ck.sample.score().judge(ck.sample.draw("contest", 3_000, seed=2, host="host_a", appeal=4.0).table)
        >>> judged.quality.rows, round(judged.auc, 2)
        (3000, 0.57)
        """
        held, held_out = self._cells(data)
        quality = evaluation.quality(self.model, held, held_out, self.confidence_level, self._fit)
        return replace(self, quality=quality, _held=held, _source=data, _unshifted=None, holdout=Holdout())

    @property
    def _own_model(self) -> ProbabilityModel:
        return self._unshifted or self.model

    def _held_cells(self) -> WeightedCells:
        if self._held is None:
            raise BadValue("A score that was loaded knows nobody to be judged by; give it some: score.judge(data).")
        return self._held

    def _data(self, data: Any) -> Any:
        if data is None and self._source is None:
            raise BadValue("A score that was loaded knows no table; pass one.")
        return self._source if data is None else data

    def _cells(self, data: Any = None, by: str | None = None) -> tuple[WeightedCells, bool]:
        """Return the cells of people to judge by, and whether they were held out (or are others altogether)."""
        own = data is None
        design = (self._own_model if own else self.model).design
        holdout = self.holdout if own else Holdout()
        _, table, _, _ = read_cells(self._data(data), design.spec, self.roles, holdout, by)
        if holdout.share is not None:
            table = table.filter("held")
        if table.is_empty():
            raise NotEnoughData("The table has no rows with an outcome to judge by.")
        return weighted_cells(design, table), self.quality.held_out if own else True

    def to_statsmodels(self) -> Any:
        """Return the fit as statsmodels' results of a GLM: summaries, Wald tests, margins.

        Returns
        -------
        statsmodels.genmod.generalized_linear_model.GLMResults
            Of a binomial GLM with the logit link, with the coefficients and the covariance of this score, so that tests
            and intervals are the score's own. Its data are the cells of people who fitted: a row is a combination of
            levels and outcome, and ``freq_weights`` is how many people (or how much weight) have it. Likelihood,
            deviance, AIC and degrees of freedom are those of a fit on people. What goes by row is not: residuals and
            influence are of cells, and so is ``get_margeff``, which averages over cells and warns of it; for margins
            among people, average ``predict`` with these weights. With weights, likelihoods are pseudo-likelihoods; with
            weights or clusters, likelihood-ratio tests do not hold, and Wald tests (by the robust covariance of
            `errors`) do. With `ridge`, the coefficients are the shrunken ones, which do not maximize the likelihood.

        Raises
        ------
        BadValue
            The score is of boosted trees, or was loaded.

        Examples
        --------
        >>> import campaignkit as ck
        >>> results = ck.sample.score().to_statsmodels()
        >>> bool(results.wald_test("sex[M] = 0", scalar=True).pvalue < 0.05)  # men and women differ
        True
        """
        return glm_results(self._fit)

    def predict(self, data: Any, column: str | None = None) -> Any:
        """Return a table with everybody's score, where it lies: nothing is read until it is asked for.

        Parameters
        ----------
        data : table
            With the features' columns, named as they were.
        column : str or None
            The new column. None: the score's name.

        Returns
        -------
        table
            Lazy, of the engine that `data` is on (Polars for tables in memory): its columns and the score, 0 to 1. A
            value that the fit never saw counts as the rare ones do or, where there were none, as the feature's
            commonest; `unseen` counts them. Beyond a spline's ends the end's value holds.

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
        >>> people = pl.DataFrame({"sex": ["F", "M"], "age_band": ["40–49", "70+"], "homeowner": [True, True]})
        >>> ck.sample.score().predict(people).collect()["enters"].round(3).to_list()
        [0.086, 0.036]
        """
        return predict(self.model, data, column or self.name)

    def unseen(self, data: Any) -> pl.DataFrame:
        """Count the values of a table that the fit never saw: feature, value, n (rows).

        Examples
        --------
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> people = pl.DataFrame({"sex": ["F"] * 5, "age_band": ["100+"] * 5, "homeowner": [True] * 5})
        >>> ck.sample.score().unseen(people).rows()
        [('age_band', '100+', 5)]
        """
        spec = self.model.design.spec
        frame = open_table(data)
        check_columns(frame, *spec.names)
        keyed = as_lazy(frame)
        keyed = keyed.select(*features_keys(keyed, spec))
        return self.model.design.unseen(count_cells(keyed, [f"f{i}" for i in range(len(spec.features))]))

    def write_scores(
        self, mf: Any, data: Any = None, *, unit: str | None = None, restricted: Iterable[str] | None = None
    ) -> int:
        """Write everybody's score into a megafile, where ``score('name')`` ranks lists and makes universes.

        Parameters
        ----------
        mf : Megafile
            The standing file is replaced by one with the scores, whole or not at all; `mf` itself then shows them.
        data : table or None
            Who to score, with the features as of now. None: the table the score was fitted on.
        unit : str or None
            The column of person_id. None: the unit it was fitted with, or "person_id".
        restricted : iterable of str or None
            What in the score or in `data` may not serve soliciting; ``()``: there is no FEC data in them. What is known
            stays. None: what is known; of a table from outside nothing is, and no list to raise money is ranked by it.

        Returns
        -------
        int
            How many people were scored.

        Raises
        ------
        BadValue
            The unit is null or comes twice, or is nobody's in the megafile.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> score = ck.sample.score()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         who = mf.universe("in_source('supporter')").features(["sex", "age_band", "homeowner"])
        ...         score.write_scores(mf, who) == mf.universe("score('enters') >= 0").count()
        True
        """
        scored = self.predict(self._data(data), "value")
        known = self.restricted if data is None else self.restricted | restrictions_of(data)
        return write_to_megafile(self.name, mf, scored, unit, self.roles.unit, stated(known, restricted), self.warning)

    def save_model(self, path: str | Path) -> Path:
        """Write the score as JSON: what `load` needs to predict, and its numbers; nobody's data.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ck.sample.score().save_model(f"{folder}/enters.json").name
        'enters.json'
        """
        return score_file.save(path, "score", self._to_dict())

    def _to_dict(self) -> dict[str, Any]:
        saved = {field: getattr(self, field) for field in SAVED_FIELDS}
        saved |= {field: asdict(getattr(self, field)) for field in ("roles", "holdout", "quality")}
        saved |= {"restricted": sorted(self.restricted), "model": self.model.to_dict()}
        return saved | {"table": self.table.to_dicts()}

    @classmethod
    def load(cls, path: str | Path) -> Score:
        """Return a score that was saved: it predicts and writes as before, and can be judged by people given to it.

        Raises
        ------
        BadValue
            The file is none that `save_model` wrote, or was changed since.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> score = ck.sample.score()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kept = ck.voters.Score.load(score.save_model(f"{folder}/enters.json"))
        >>> kept.quality == score.quality
        True
        """
        return score_file.load(path, "score", lambda saved: cls(**cls._fields(saved)))

    @classmethod
    def _fields(cls, saved: dict[str, Any]) -> dict[str, Any]:
        """Return what `_to_dict` gave, as fields."""
        fields = {field: saved[field] for field in SAVED_FIELDS}
        fields |= {"model": model_from_dict(saved["model"]), "roles": roles_from_dict(saved["roles"])}
        fields |= {"quality": Quality(**saved["quality"]), "holdout": Holdout(**saved["holdout"])}
        table = pl.DataFrame(saved["table"], schema_overrides=TABLE)
        return fields | {"table": table, "restricted": frozenset(saved["restricted"])}
