"""A fitted score: what it says of itself, how it is checked, explained, applied, written back, saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit import charts
from campaignkit.cells import cells as count_cells
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.restrictions import restrictions_of, stated
from campaignkit.result import Result
from campaignkit.tables import as_lazy, check_columns, open_table
from campaignkit.voters import checking, score_file
from campaignkit.voters.applying import predicted, written
from campaignkit.voters.cases import Cases, Roles, cases, cases_by_score, gather
from campaignkit.voters.checking import Quality
from campaignkit.voters.features import Asked
from campaignkit.voters.models import TABLE, Model, model_from_dict
from campaignkit.voters.reading import features_keys

if TYPE_CHECKING:
    import altair as alt

ENOUGH = 10  # rows of the rarer outcome for a coefficient (Peduzzi et al. 1996)

#: What is saved as it is.
KEPT = ("name", "purpose", "outcome", "errors", "fitted_on", "set_aside", "ridge")


@dataclass(frozen=True, eq=False, repr=False)
class Score(Result):
    """A fitted score.

    `table` has, for a logit, one row a coefficient: `term` (the feature, features joined by ×, or "(intercept)"),
    `level` (the value; compared with the feature's commonest, which has no row), `block`, `n` and `outcome_rate` (rows
    that fitted with that level, and the share of them with the outcome; null for splines), `estimate` (log odds),
    `std_error`, `lower`, `upper` (95%, normal), `p_value` (of 0). For boosted trees, one row a feature and level, with
    `estimate` and what follows null.

    Attributes
    ----------
    name, purpose, outcome : str
    model : Model
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
        Which columns it was fitted on, and who was held out.
    """

    name: str
    purpose: str
    outcome: str
    model: Model
    quality: Quality
    errors: str
    fitted_on: int
    set_aside: int
    restricted: frozenset[str]
    ridge: float
    roles: Roles
    _source: Any = None
    _held: Cases | None = None
    _judged: Model | None = None  # of a score that was moved to totals: the model before, by which its own people judge

    @property
    def auc(self) -> float:
        """The chance that one with the outcome is scored above one without; people held out.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> round(score.auc, 2)
        0.58
        """
        return self.quality.auc

    @property
    def warning(self) -> str | None:
        """What is to be said wherever it ranks: that its AUC's interval holds 50%, which is chance; None: it does not.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> score.warning is None
        True
        """
        q = self.quality
        if q.auc_lower > 0.5:
            return None
        return f"ranks no better than chance: AUC {q.auc:.1%}, 95% interval {q.auc_lower:.1%} to {q.auc_upper:.1%}"

    @property
    def levels(self) -> pl.DataFrame:
        """What each feature's values became: feature, value, level (in the model; the first is compared with).

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> score.levels.filter(feature="sex")["level"].to_list()
        ['F', 'M']
        """
        rows = [
            (one.feature.name, one.feature.spoken(key), one.labels[code])
            for one in self.model.design.levels
            for key, code in zip(one.keys, one.codes, strict=True)
        ]
        return pl.DataFrame(rows, schema=["feature", "value", "level"], orient="row")

    def summary(self) -> str:
        """Say how well it ranks and how far off it is, and what it does not show."""
        q = self.quality
        seen = f"Among {q.rows:,} people held out" if q.held_out else f"Among the {q.rows:,} people it was fitted on"
        off = "within noise of perfect" if q.ece <= q.ece_noise else f"noise alone makes {100 * q.ece_floor:.1f}"
        said = (
            f"{seen}, {q.rate:.1%} with {self.outcome}, the score {self.name!r} ranks one with it above one without "
            f"in {q.auc:.1%} of pairs (95% interval {q.auc_lower:.1%} to {q.auc_upper:.1%}) and is off by "
            f"{100 * q.ece:.1f} points on average ({off})."
        )
        if self.warning is not None:
            said += " It is not shown to rank better than chance: do not rank by it."
        return f"{said}{self._aside()} It says how likely the outcome is, not what a call would change."

    def _aside(self) -> str:
        said = f" {self.set_aside:,} rows without an outcome were set aside." if self.set_aside else ""
        rarer = self._rarer
        if rarer is not None and rarer < ENOUGH * self.table.height and self.ridge == 0:
            said += f" Its {self.table.height} coefficients rest on {rarer:,} rows of the rarer outcome: try ridge=."
        if constant := self.model.design.constant:
            said += f" {', '.join(constant)} had one value and says nothing."
        return said

    def chart(self) -> alt.TopLevelMixin:
        """Draw its calibration; of a score that was loaded, its largest coefficients."""
        if self._held is not None:
            return self.calibration().chart()
        rows = self.table.filter(pl.col("estimate").is_not_null() & pl.col("level").is_not_null())
        rows = rows.with_columns(what=pl.col("term") + " " + pl.col("level"))
        rows = rows.sort(pl.col("estimate").abs(), descending=True).head(20)
        return charts.intervals(rows, "what", reference=0.0, description=self.summary(), title="Log odds")

    @property
    def _rarer(self) -> int | None:
        """How many rows that fitted have the rarer outcome; None for trees."""
        first = self.table.row(0, named=True)
        if first["term"] != "(intercept)":
            return None
        return round(first["n"] * min(first["outcome_rate"], 1 - first["outcome_rate"]))

    # --- checking -----------------------------------------------------------------------------------------

    def calibration(self, by: str | None = None, data: Any = None) -> checking.Calibration:
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
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> score.calibration(by="region").table.columns[:4]
        ['group', 'n', 'predicted_rate', 'observed_rate']
        """
        if by is None and data is None:
            return checking.calibration(self._own, self._judges(), "decile of the score", self.quality.held_out)
        model = self._own if data is None else self.model
        held, held_out = self._read(data, [by] if by else [])
        return checking.calibration(model, held, by or "decile of the score", held_out)

    def gains(self) -> checking.Gains:
        """Return how much of the outcome calling the best first reaches, among people held out.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> round(score.gains().table["lift"][0], 1)  # the best twentieth, beside calling by lot
        2.0
        """
        return checking.gains(self._own, self._judges(), self.outcome, self.quality.held_out)

    def importance(self, by: str = "block", seed: int = 0) -> checking.Importance:
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
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> score.importance().table["block"].to_list()
        ['basics', 'consumer']
        """
        check_scalar(by, "by", choices=("block", "feature"))
        return checking.importance(self._own, self._judges(), by, self.quality.held_out, seed)

    def compare(self, other: Score, data: Any = None) -> checking.Comparison:
        """Judge this score and another by the same people.

        Parameters
        ----------
        other : Score
            Of the same outcome.
        data : table or None
            People with the features of both; all of them judge. None: those of this score's own table whom it held
            out; if the other was fitted on some of them, it is flattered.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> less = ck.voters.fit_score(
        ...     people, "entered", ["homeowner"], name="less", purpose="volunteer", unit="person"
        ... )
        >>> score.compare(less).table["score"].to_list()
        ['enters', 'less']
        """
        if self.outcome != other.outcome:
            raise BadValue(f"The outcomes differ: {self.outcome!r} and {other.outcome!r}; scores of one are compared.")
        held_out = data is None and self.roles.holdout is not None
        roles = self.roles if data is None else replace(self.roles, holdout=None)
        models = {"s0": self._own if data is None else self.model, "s1": other._own if data is None else other.model}
        _, table, _, _ = gather(self._data(data), Asked(()), roles, scores=models)
        both = [cases_by_score(table.filter(pl.col("held") | (not held_out)), name) for name in models]
        sizes = [len(one.model.design.asked.features) for one in (self, other)]
        return checking.compared([self.name, other.name], sizes, *both)

    def judge(self, data: Any) -> Score:
        """Return the score judged by other people, such as the next cycle's: all rows of a table with its columns.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> later = ck.sample.draw("contest", 3_000, seed=2, host="host_a", appeal=4.0).table
        >>> judged = score.judge(later)
        >>> judged.quality.rows, round(judged.auc, 2)
        (3000, 0.57)
        """
        held, held_out = self._read(data, [])
        found = checking.quality(self.model, held, held_out)
        return replace(
            self, quality=found, _held=held, _source=data, _judged=None, roles=replace(self.roles, holdout=None)
        )

    @property
    def _own(self) -> Model:
        return self._judged or self.model

    def _judges(self) -> Cases:
        if self._held is None:
            raise BadValue("A score that was loaded knows nobody to be judged by; give it some: score.judge(data).")
        return self._held

    def _data(self, data: Any) -> Any:
        if data is None and self._source is None:
            raise BadValue("A score that was loaded knows no table; pass one.")
        return self._source if data is None else data

    def _read(self, data: Any, also: list[str]) -> tuple[Cases, bool]:
        """Return the cells of people to judge by, and whether they were held out (or are others altogether)."""
        own = data is None
        roles = self.roles if own else replace(self.roles, holdout=None)
        whole = (self._own if own else self.model).design
        _, table, _, _ = gather(self._data(data), whole.asked, roles, also)
        if own and self.roles.holdout is not None:
            table = table.filter("held")
        if table.is_empty():
            raise NotEnoughData("The table has no rows with an outcome to judge by.")
        return cases(whole, table), self.quality.held_out if own else True

    # --- using --------------------------------------------------------------------------------------------

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
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> score.predict(people.select("sex", "age_band", "homeowner").head(2)).collect()["enters"].round(3).to_list()
        [0.087, 0.045]
        """
        return predicted(self.model, data, column or self.name)

    def unseen(self, data: Any) -> pl.DataFrame:
        """Count the values of a table that the fit never saw: feature, value, n (rows).

        Examples
        --------
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> score.unseen(people.head(5).with_columns(age_band=pl.lit("100+"))).rows()
        [('age_band', '100+', 5)]
        """
        asked = self.model.design.asked
        frame = open_table(data)
        check_columns(frame, *asked.names)
        keyed = as_lazy(frame)
        keyed = keyed.select(*features_keys(keyed, asked))
        return self.model.design.unseen(count_cells(keyed, [f"f{i}" for i in range(len(asked.features))]))

    def write(
        self, mf: Any, data: Any = None, *, unit: str | None = None, restricted: Iterable[str] | None = None
    ) -> int:
        """Write everybody's score into a megafile, where ``score('name')`` ranks lists and makes universes.

        Parameters
        ----------
        mf : Megafile
            The standing file is replaced by one with the scores, whole or not at all; `mf` itself then shows them.
        data : table or None
            Whom to score, with the features as of now. None: the table the score was fitted on.
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
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         who = mf.universe("in_source('supporter')").features(["sex", "age_band", "homeowner"])
        ...         score.write(mf, who) == mf.universe("score('enters') >= 0").count()
        True
        """
        scored = self.predict(self._data(data), "value")
        known = self.restricted if data is None else self.restricted | restrictions_of(data)
        return written(self.name, mf, scored, unit, self.roles.unit, stated(known, restricted), self.warning)

    def save(self, path: str | Path) -> Path:
        """Write the score as JSON: what `load` needs to predict, and its numbers; nobody's data.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     score.save(f"{folder}/enters.json").name
        'enters.json'
        """
        kept = {field: getattr(self, field) for field in KEPT}
        kept |= {"restricted": sorted(self.restricted), "roles": asdict(self.roles), "quality": asdict(self.quality)}
        kept |= {"model": self.model.to_dict(), "table": self.table.to_dicts()}
        return score_file.save(path, "score", kept)

    @classmethod
    def load(cls, path: str | Path) -> Score:
        """Return a score that was saved: it predicts and writes as before, and can be judged by people given to it.

        Raises
        ------
        BadValue
            The file is none that `save` wrote, or was changed since.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
        >>> score = ck.voters.fit_score(
        ...     people, "entered", {"basics": ["sex", "age_band"], "consumer": ["homeowner"]},
        ...     name="enters", purpose="volunteer", unit="person",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kept = ck.voters.Score.load(score.save(f"{folder}/enters.json"))
        >>> kept.predict(people).collect().equals(score.predict(people).collect())
        True
        """

        def made(saved: dict[str, Any]) -> Score:
            return cls(
                table=pl.DataFrame(saved["table"], schema_overrides=TABLE), model=model_from_dict(saved["model"]),
                quality=Quality(**saved["quality"]), roles=Roles(**saved["roles"]),
                restricted=frozenset(saved["restricted"]), **{field: saved[field] for field in KEPT},
            )  # fmt: skip

        return score_file.load(path, "score", made)
