"""A score: how likely each person is to turn out, give, volunteer, come back; checked, explained, written back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from campaignkit import charts
from campaignkit.cells import cells as count_cells
from campaignkit.checks import PURPOSES, check_columns, check_scalar, open_table, refuse_soliciting
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.voters import checking
from campaignkit.voters.cases import Cases, Roles, cases, cases_by_score, gather, pooled
from campaignkit.voters.checking import Quality
from campaignkit.voters.design import Design, design
from campaignkit.voters.features import Asked, ask
from campaignkit.voters.models import TABLE, Model, fit_logit_model, model_from_dict
from campaignkit.voters.reading import as_lazy, features_keys

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Score", "fit_score", "load_score"]

MODELS = ("logit", "boosted")
LEAST = 10  # people with the outcome, and without it, below whom nothing is fitted


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
        """The chance that one with the outcome is scored above one without; people held out."""
        return self.quality.auc

    @property
    def levels(self) -> pl.DataFrame:
        """What each feature's values became: feature, value, level (in the model; the first is compared with)."""
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
        return f"{said}{self._aside()} It says how likely the outcome is, not what a call would change."

    def _aside(self) -> str:
        said = f" {self.set_aside:,} rows without an outcome were set aside." if self.set_aside else ""
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
        """
        if by is None and data is None:
            return checking.calibration(self._own, self._judges(), "decile of the score", self.quality.held_out)
        model = self._own if data is None else self.model
        held, held_out = self._read(data, [by] if by else [])
        return checking.calibration(model, held, by or "decile of the score", held_out)

    def gains(self) -> checking.Gains:
        """Return how much of the outcome calling the best first reaches, among people held out."""
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
        """Return the score judged by other people, such as the next cycle's: all rows of a table with its columns."""
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
        """
        column = column or self.name
        frame = open_table(data)
        check_columns(frame, *self.model.design.asked.names)
        if column in frame.collect_schema().names():
            raise BadValue(f"The table has a column {column!r} already; name another: predict(data, column=...).")
        return self.model.scored(as_lazy(frame), column).to_native()

    def unseen(self, data: Any) -> pl.DataFrame:
        """Count the values of a table that the fit never saw: feature, value, n (rows)."""
        asked = self.model.design.asked
        frame = open_table(data)
        check_columns(frame, *asked.names)
        keyed = as_lazy(frame)
        keyed = keyed.select(*features_keys(keyed, asked))
        return self.model.design.unseen(count_cells(keyed, [f"f{i}" for i in range(len(asked.features))]))

    def write(self, mf: Any, data: Any = None, *, unit: str | None = None) -> int:
        """Write everybody's score into a megafile, where ``score('name')`` ranks lists and makes universes.

        Parameters
        ----------
        mf : Megafile
            The standing file is replaced by one with the scores, whole or not at all; `mf` itself then shows them.
        data : table or None
            Whom to score, with the features as of now. None: the table the score was fitted on.
        unit : str or None
            The column of person_id. None: the unit it was fitted with, or "person_id".

        Returns
        -------
        int
            How many people were scored.

        Raises
        ------
        BadValue
            The unit is null or comes twice, or is nobody's in the megafile.
        """
        frame = open_table(self._data(data))
        column = unit or (self.roles.unit if self.roles.unit in frame.collect_schema().names() else "person_id")
        check_columns(frame, column)
        scored = (
            open_table(self.predict(frame, "value")).lazy().select(nw.col(column).alias("person_id"), nw.col("value"))
        )
        rows = scored.collect("polars").to_native()
        return mf.write_scores(self.name, rows, restricted=", ".join(sorted(self.restricted)) or None)

    def save(self, path: str | Path) -> Path:
        """Write the score as JSON: what `load_score` needs to predict, and its numbers; nobody's data."""
        path = Path(path)
        kept = {
            field: getattr(self, field)
            for field in ("name", "purpose", "outcome", "errors", "fitted_on", "set_aside", "ridge")
        }
        kept |= {"restricted": sorted(self.restricted), "roles": asdict(self.roles), "quality": asdict(self.quality)}
        kept |= {"model": self.model.to_dict(), "table": self.table.to_dicts(), "version": 1}
        path.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
        return path

    @staticmethod
    def load(path: str | Path) -> Score:
        """Return what `save` wrote; see `load_score`."""
        return load_score(path)


def load_score(path: str | Path) -> Score:
    """Return a score that was saved: it predicts and writes as before, and can be judged by people given to it.

    Raises
    ------
    BadValue
        The file is none that `Score.save` wrote.
    """
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
        model = model_from_dict(saved["model"])
        table = pl.DataFrame(saved["table"], schema_overrides=TABLE)
        fields = {
            field: saved[field] for field in ("name", "purpose", "outcome", "errors", "fitted_on", "set_aside", "ridge")
        }
        return Score(
            table=table, model=model, quality=Quality(**saved["quality"]), roles=Roles(**saved["roles"]),
            restricted=frozenset(saved["restricted"]), **fields,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadValue(f"{str(path)!r} holds no score that was saved: {error!r}") from error


def fit_score(
    data: Any,
    outcome: str,
    features: Iterable[Any] | Mapping[str, Iterable[Any]],
    *,
    name: str,
    purpose: str,
    interactions: Iterable[Iterable[str]] = (),
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    ridge: float = 0.0,
    model: str = "logit",
    holdout: float | None = 0.25,
    seed: int = 0,
    restricted: Iterable[str] = (),
) -> Score:
    """Fit how likely each person is to do something, and judge it by people held out.

    The table is read once where it lies and reduced to cells, one for each combination of features and outcome; the
    model is fitted on these.

    Parameters
    ----------
    data : table
        One row a person, or a universe, of which `outcome` and `features` may also name facts such as
        ``gave('online')``. For a score of what comes next, features must be as of before the outcome: make them with
        ``universe.features([...])`` of a universe as of that date.
    outcome : str
        A column of booleans or 0/1. Rows where it is null are set aside and counted.
    features : list, or mapping of block names to lists
        Columns, each `Bands`, `Spline` or a name. Text, booleans and numbers of up to 20 values are taken as they are;
        other numbers are cut near their deciles (4 significant digits; ``.levels`` states the edges). Null is a level
        of its own. Levels with fewer than 20 rows share one, "(other)", which has no coefficient of its own where it
        is as rare. Blocks are what `Score.importance` shuffles.
    name : str
        The score's name, as ``score('name')`` will say it.
    purpose : {"fundraise", "persuade", "turnout", "volunteer"}
        What it is for. What FEC reports say may not serve the first.
    interactions : iterable of tuples of str
        Features whose combinations have coefficients of their own (if 20 rows have them); of three, their pairs too.
    unit : str or None
        The person's id, by which people are held out. None: row position, for tables in memory.
    cluster : str or None
        Households, or whatever else was drawn together: held out together, and errors are robust to it. Null: a row for
        itself. Where a person comes more than once, pass their id here too.
    weight : str or None
        Weights, not negative; errors are then HC1. None: all alike.
    ridge : float
        Half of it times the sum of squared coefficients (not the intercept's) is added to the loss. 0: none.
    model : {"logit", "boosted"}
        ``"boosted"``: scikit-learn's gradient boosting on the same levels (the extra ``boost``); no coefficients.
    holdout : float or None
        The share of clusters (or units) that judges. None: nobody; the score is judged by those who fitted it.
    seed : int
        Another seed, others held out.
    restricted : iterable of str
        What in the table may not serve soliciting: a plain table can't say so itself. Known without: facts of a
        universe, and columns whose names begin with ``fec_``.

    Returns
    -------
    Score

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        An argument or a column is not as said above.
    NotEnoughData
        Fewer than 10 rows that fit have the outcome, or lack it; no feature has two levels; or the outcome is
        separated by a level, so that `ridge` is needed.
    SourceRestricted
        The purpose is fundraising, and something comes from FEC reports.

    Notes
    -----
    Held out is who has the largest sha256 of id and seed, the same on every engine. Errors without clusters and
    weights are the inverse information's; with weights HC1; with clusters CR1, (G / (G − 1)) (n − 1) / (n − k): those
    of a fit on the rows. With ridge they are the posterior's, or the sandwich around the penalised information.
    Columns that are sums of others (a state beside its region) are left out, the later first;
    ``.model.design.dropped`` names them.

    References
    ----------
    McCullagh and Nelder (1989), Generalized Linear Models, section 4.4, for the fit; Liang and Zeger (1986), Biometrika
    73, 13–22, for clusters.

    Examples
    --------
    >>> import campaignkit as ck
    >>> people = ck.sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
    >>> score = ck.voters.fit_score(
    ...     people, "entered", {"basics": ["region", "sex", "age_band"], "consumer": ["homeowner"]},
    ...     name="enters", purpose="volunteer", unit="person", cluster="household",
    ... )
    >>> score.errors, score.importance().table["block"][0]
    ('CR1, by cluster', 'basics')
    >>> score.predict(people.head(2)).collect().columns[-1]
    'enters'
    """
    check_scalar(name, "name", typ=str)
    check_scalar(purpose, "purpose", choices=list(PURPOSES))
    check_scalar(model, "model", choices=MODELS)
    check_scalar(ridge, "ridge", typ=float, ge=0)
    check_scalar(holdout, "holdout", typ=float, gt=0, lt=1, optional=True)
    check_scalar(seed, "seed", typ=int)
    roles = Roles(outcome, unit, cluster, weight, holdout, seed)
    asked = ask(features, interactions)
    if outcome in asked.names:
        raise BadValue(f"features holds the outcome, {outcome!r}; a score can't be made from what it foretells.")
    steps = Steps("fit_score")
    with steps.step("reading"):
        asked, table, known, set_aside = gather(data, asked, roles)
        known |= frozenset(restricted)
        refuse_soliciting(purpose, known, "Fit the score without it.")
        fits = table.filter(~pl.col("held"))
        _check_outcome(fits, outcome)
        whole = design(asked, fits)
        fitted = cases(whole, fits)
        held = cases(whole, table.filter("held")) if holdout is not None else fitted
    with steps.step("fitting"):
        found, coefficients, errors = _fit(whole, fitted, model, ridge, weight is not None, seed)
    steps.close()
    if not len(held.n):
        raise NotEnoughData(f"Nobody is held out at holdout={holdout}; take more, or pass holdout=None.")
    return Score(
        table=coefficients, name=name, purpose=purpose, outcome=outcome, model=found,
        quality=checking.quality(found, held, holdout is not None), errors=errors, fitted_on=fitted.totals[0],
        set_aside=set_aside, restricted=known, ridge=float(ridge), roles=roles, _source=data, _held=held,
    )  # fmt: skip


def _check_outcome(fits: pl.DataFrame, outcome: str) -> None:
    yes, rows = int(fits.filter("y")["n"].sum()), int(fits["n"].sum())
    if min(yes, rows - yes) < LEAST:
        raise NotEnoughData(
            f"Of {rows:,} rows that fit, {yes:,} have {outcome!r} and {rows - yes:,} have not; at least {LEAST} "
            "of each are needed."
        )


def _fit(
    whole: Design, fitted: Cases, model: str, ridge: float, weighted: bool, seed: int
) -> tuple[Model, pl.DataFrame, str]:
    if model == "logit":
        return fit_logit_model(whole, fitted, ridge, weighted)
    from campaignkit.voters.boosted import fit_boosted  # scikit-learn is an extra

    return fit_boosted(whole, pooled(fitted), seed)
