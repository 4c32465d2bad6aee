"""Whom a contact moves: an experiment's effect on each person, ranked, judged by people the ranking never saw."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import PURPOSES, check_scalar, refuse_soliciting
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.stats.comparison import Estimate, Floats, Whole
from campaignkit.stats.learners import arms_differ, treated_share
from campaignkit.stats.multiplicity import holm
from campaignkit.stats.uplift import Effects, Outcomes, average_effect, effects, gains, mean_qini, ranks
from campaignkit.voters.applying import predicted, written
from campaignkit.voters.effect_model import EffectModel, fit_effect_model
from campaignkit.voters.experiment import HELD, Experiment, Parts, experiment
from campaignkit.voters.features import ask

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Persuasion", "fit_persuasion", "load_persuasion"]

METHODS = ("auto", "class_transformation", "doubly_robust")
EVEN = 0.05  # arms whose share is farther than this from one half are not even, however few they are
DIFFER = 0.001  # the p-value below which features tell who was treated
TENTHS = 10
KEPT = ("name", "purpose", "method", "ridge", "why")


@dataclass(frozen=True)
class Judged:
    """Cells of people with the score of a ranking that never saw them."""

    score: Floats
    of: Outcomes
    fold: Whole
    codes: tuple[Whole, ...]

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
    (of no effect in the tenth), ``p_adjusted`` (over the tenths), ``correction`` ("holm"). All judged people have
    scores from models that never saw them. A decile that lies within one score is missing.

    Attributes
    ----------
    name, purpose : str
    model : EffectModel
        From features to an effect; fitted on everybody, or on those not held out where there is a `holdout`.
    method : str
        "class_transformation" or "doubly_robust".
    why : str
        Why this method: the share treated, and how even that is.
    ridge : float
        The penalty of `model`.
    qini : Estimate
        The Qini coefficient (`value`, `error`, `lower`, `upper`, `p_value`): 0 is a ranking by lot, 1 the best there
        could be; as scikit-uplift's ``qini_auc_score``, the mean over the folds.
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
        """Whether the ranking is shown to beat contacting everyone or no one: the Qini's interval is above 0."""
        return bool(self.qini.lower > 0)

    @property
    def backfires(self) -> pl.DataFrame:
        """The tenths whose interval of the effect is below 0."""
        return self.table.filter(pl.col("upper") < 0)

    def summary(self) -> str:
        """Say the average effect, whether the ranking is shown to do better, and where a contact may backfire."""
        used = self.arms.filter(pl.col("role") != "left out")
        people = int((used["n"] - used["missing"]).sum())
        parts = [
            f"Among {people:,} people, contact changed {self.parts.outcome} by {_points(self.average.value)} points on "
            f"average (95% interval {_points(self.average.lower)} to {_points(self.average.upper)}).",
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
                f"{_points(row['estimate'])} ({_points(row['lower'])} to {_points(row['upper'])}) in the {which}"
                for row, which in ((best, "best tenth"), (last, "last"))
            )
            return (
                f"Ranked by {self.name}, the contact does more for the first than for the rest ({coefficient}): {ends}."
            )
        return (
            f"The ranking by {self.name} is not shown to beat treating everyone or no one ({coefficient}, which holds 0): "
            "choose whom to contact by other things."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the effect in each tenth of the ranking, with its interval."""
        rows = self.table.with_columns(tenth=pl.format("{}", "decile"))
        title = f"Effect on {self.parts.outcome} by tenth of {self.name}, people not fitted on"
        return charts.intervals(rows, "tenth", description=self.summary(), reference=0, title=title, number="+.1%")

    def deciles(self, groups: int = TENTHS) -> pl.DataFrame:
        """Return the effect in each part of the ranking, as `table` has it for ten.

        Parameters
        ----------
        groups : int
            How many parts.
        """
        check_scalar(groups, "groups", typ=int, ge=2, le=100)
        return _deciles(self._judges().tenths(groups))

    def explain(self) -> pl.DataFrame:
        """Return what is predicted and what was seen for each level of each feature.

        Returns
        -------
        polars.DataFrame
            ``feature, level, block, n, predicted, treated_rate, control_rate, estimate, lower, upper, p_value,
            p_adjusted, correction``: the effect among those with the level, whatever their other features. `predicted`
            is by models that never saw them.
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
        """
        return predicted(self.model, data, column or self.name)

    def write(self, mf: Any, data: Any = None, *, unit: str | None = None) -> int:
        """Write everybody's predicted effect into a megafile, where ``score('name')`` ranks lists.

        Parameters
        ----------
        mf : Megafile
            As for a score's `write`.
        data : table or None
            Whom to score. None: the table it was fitted on.
        unit : str or None
            The column of person_id. None: the unit that it was fitted with, or "person_id".

        Returns
        -------
        int
            How many people were scored.
        """
        if data is None and self._source is None:
            raise BadValue("A ranking that was loaded knows no table; pass one.")
        return written(self, mf, self._source if data is None else data, unit or self.parts.unit, self.restricted)

    def save(self, path: str | Path) -> Path:
        """Write it as JSON: what `load_persuasion` needs to predict, and its numbers; nobody's data."""
        path = Path(path)
        kept = {field: getattr(self, field) for field in (*KEPT, "warnings")}
        kept |= {"qini": asdict(self.qini), "average": asdict(self.average), "parts": asdict(self.parts)}
        kept |= {"restricted": sorted(self.restricted), "model": self.model.to_dict(), "version": 1}
        kept |= {field: json.loads(getattr(self, field).write_json()) for field in ("table", "arms", "curve")}
        path.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
        return path

    @staticmethod
    def load(path: str | Path) -> Persuasion:
        """Return what `save` wrote; see `load_persuasion`."""
        return load_persuasion(path)


def load_persuasion(path: str | Path) -> Persuasion:
    """Return a ranking that was saved: it predicts and writes as before.

    Raises
    ------
    BadValue
        The file is none that `Persuasion.save` wrote.
    """
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
        frames = {field: pl.DataFrame(saved[field]) for field in ("table", "arms", "curve")}
        return Persuasion(
            **frames, **{field: saved[field] for field in KEPT}, warnings=tuple(saved["warnings"]),
            qini=Estimate(**saved["qini"]), average=Estimate(**saved["average"]), parts=Parts(**saved["parts"]),
            restricted=frozenset(saved["restricted"]), model=EffectModel.from_dict(saved["model"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadValue(f"{str(path)!r} holds no ranking that was saved: {error!r}") from error


def fit_persuasion(
    data: Any,
    arm: str,
    outcome: str,
    features: Iterable[Any] | Mapping[str, Iterable[Any]],
    *,
    control: Any,
    treatment: Any = None,
    name: str = "persuasion",
    purpose: str = "persuade",
    interactions: Iterable[Iterable[str]] = (),
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    ridge: float | None = None,
    method: str = "auto",
    holdout: float | None = None,
    seed: int = 0,
    restricted: Iterable[str] = (),
) -> Persuasion:
    """Learn from an experiment whom a contact moves, and judge the ranking by people it never saw.

    Parameters
    ----------
    data : table
        One row a person, reached or not: whoever was not reached belongs to the arm all the same.
    arm : str
        The column of the arms, as they were drawn. Rows where it is null are left out and counted.
    outcome : str
        A column of booleans or 0/1. Rows where it is null are set aside and counted.
    features : list, or mapping of block names to lists
        What was known before the arms were drawn; as for `fit_score`.
    control : value
        The arm that was not contacted.
    treatment : value, list of values, or None
        The arm to learn from; several are taken for one. None: the only other one.
    name : str
        What ``score('name')`` will call it.
    purpose : {"fundraise", "persuade", "turnout", "volunteer"}
        What it is for. What FEC reports say may not serve the first.
    interactions : iterable of tuples of str
        Features whose combinations have effects of their own.
    unit : str or None
        The person's id, by which folds are drawn. None: row position, for tables in memory.
    cluster : str or None
        Households, or whatever else was assigned or lives together: whole in one fold, and counted as one draw. Null: a
        row for itself. Where a person comes more than once, pass their id here.
    weight : str or None
        Weights, not negative. None: all alike.
    ridge : float or None
        Half of it times the sum of squared coefficients (not the intercept's) is added to the loss; for the doubly
        robust learner in units of the guesses' variance. None: the penalty under which the data are likeliest, in each
        fit anew.
    method : {"auto", "class_transformation", "doubly_robust"}
        "auto": class transformation where arms are even and no feature tells who was treated, else doubly robust.
    holdout : float or None
        The share of clusters (or units) that judges, once, and never fits. None: five folds, each judged by a model of
        the other four; `predict` then uses a model of all.
    seed : int
        Another seed, other folds.
    restricted : iterable of str
        What in the table may not serve soliciting; as for `fit_score`.

    Returns
    -------
    Persuasion

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        An argument or a column is not as said above.
    NotEnoughData
        Nobody was treated; an arm has fewer than 25 people with the outcome or without it, or fewer than 20 clusters;
        or no feature has two levels of 20 rows.
    SourceRestricted
        The purpose is fundraising, and something comes from FEC reports.

    Notes
    -----
    Arms are even where the share treated is within 5 points of one half and not shown to differ from it (p ≥ .05,
    clusters counted). Whether features tell who was treated is a score test (p < .001); where they do, the chance of
    treatment is a logit of the features, and a warning says so. The class transformation gives both arms the same
    weight; the doubly robust learner's models of the outcome are ridge regressions in either arm, fitted without the
    row's fold. The Qini's interval takes each ranking as given: it says how sure its worth is, not how another
    experiment's ranking would do. How often intervals hold and rankings are claimed that are none:
    `book/calibration/persuasion.md`.

    References
    ----------
    Jaskowski and Jaroszewicz (2012), ICML workshop on clinical data analysis, for the class transformation; Kennedy
    (2023), Electronic Journal of Statistics 17, 3008–3049, for the doubly robust learner; Radcliffe (2007), Direct
    Marketing Analytics Journal 1, 14–21, for the Qini coefficient.

    Examples
    --------
    >>> import campaignkit as ck
    >>> calls = ck.sample.draw("scripts", 60_000, seed=1).table
    >>> found = ck.voters.fit_persuasion(
    ...     calls, "arm", "supports_after", {"basics": ["sex", ck.voters.Bands("age", [35, 65]), "state"]},
    ...     control="control", treatment="health", unit="person", interactions=[("sex", "age")],
    ... )
    >>> found.method, found.shown
    ('class_transformation', True)
    >>> found.predict(calls.head(2)).collect().columns[-1]
    'persuasion'
    """
    check_scalar(name, "name", typ=str)
    check_scalar(purpose, "purpose", choices=list(PURPOSES))
    check_scalar(method, "method", choices=METHODS)
    check_scalar(ridge, "ridge", typ=float, ge=0, optional=True)
    check_scalar(holdout, "holdout", typ=float, gt=0, lt=1, optional=True)
    check_scalar(seed, "seed", typ=int)
    asked = ask(features, interactions)
    for argument, column in (("outcome", outcome), ("arm", arm)):
        if column in asked.names:
            raise BadValue(f"features holds the {argument}, {column!r}; name what was known before arms were drawn.")
    parts = Parts(arm, outcome, control, treatment, unit, cluster, weight, holdout, seed)
    steps = Steps("fit_persuasion")
    with steps.step("reading"):
        read = experiment(data, asked, parts)
        known = read.restricted | frozenset(restricted)
        refuse_soliciting(purpose, known, "Fit the ranking without it.")
    with steps.step("fitting"):
        method, modelled, why, warnings = _choose(read, method)
        judged = _judge(read, method, ridge, modelled)
        model, penalty = fit_effect_model(read, read.fold != HELD, method, ridge, modelled)
    steps.close()
    qini = mean_qini(judged.score, judged.of, judged.fold)
    if not np.isfinite(qini.value):
        raise NotEnoughData(
            "A fold has nobody with the outcome, or nobody without it, to be judged by; take more rows."
        )
    table = _deciles(judged.tenths(TENTHS))
    curve = pl.DataFrame(gains(judged.score, judged.of, judged.fold), schema=["share", "gain"])
    return Persuasion(
        table=table, name=name, purpose=purpose, model=model, method=method, why=why, ridge=penalty, qini=qini,
        average=average_effect(read.of), arms=read.arms, parts=parts, restricted=known, _source=data, _judged=judged,
        curve=curve.with_columns(by_lot=pl.col("share") * pl.col("gain").last()),
        warnings=(*warnings, *_missing(read.arms), *_backfires(table)),
    )  # fmt: skip


def _choose(read: Experiment, method: str) -> tuple[str, bool, str, list[str]]:
    """Return the method, whether the chance of treatment must be modelled, why, and what to warn of."""
    share, differ = treated_share(read.of), arms_differ(read.terms, read.of)
    modelled = bool(differ < DIFFER)
    even = abs(share.value - 0.5) <= EVEN and not share.p_value < 0.05
    why = f"{share.value:.1%} were treated, which is {'even' if even else 'not even'} (p = {share.p_value:.2g} of half)"
    warnings = []
    if modelled:
        why += f"; features tell who was treated (p = {differ:.1g})"
        warnings.append(
            f"The arms differ by the features (p = {differ:.1g}): they were drawn at other rates for other people, which "
            "is allowed for, or not by lot, which cannot be."
        )
    if method == "class_transformation" and modelled:
        raise BadValue(
            "method is 'class_transformation', but the features tell who was treated, so that it would take who was "
            "treated for whom treatment moved. Pass method='doubly_robust'."
        )
    if method == "auto":
        method = "class_transformation" if even and not modelled else "doubly_robust"
    return method, modelled, why, warnings


def _judge(read: Experiment, method: str, ridge: float | None, modelled: bool) -> Judged:
    score, rows = np.zeros(len(read.fold)), np.zeros(len(read.fold), bool)
    for fits, judges in read.splits():
        model, _ = fit_effect_model(read, fits, method, ridge, modelled)
        score[judges] = model.effects(read.terms.take(judges))
        rows |= judges
    codes = tuple(code[rows] for code in read.codes)
    return Judged(score[rows], read.of.take(rows), read.fold[rows], codes)


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


def _deciles(found: Effects) -> pl.DataFrame:
    table = _effects(found).select((pl.col("group") + 1).alias("decile"), pl.exclude("group"))
    return _adjusted(table)


def _adjusted(table: pl.DataFrame) -> pl.DataFrame:
    adjusted = pl.Series(holm(table["p_value"].cast(pl.Float64).fill_null(np.nan).to_numpy())).fill_nan(None)
    return table.with_columns(p_adjusted=adjusted, correction=pl.lit("holm"))


def _missing(arms: pl.DataFrame) -> list[str]:
    """Warn where outcomes are missing more often in one arm than by chance in the other."""
    used = arms.filter(pl.col("role") != "left out").group_by("role").agg(pl.col("n", "missing").sum()).sort("role")
    (_, n_c, m_c), (_, n_t, m_t) = used.rows()
    p = (m_c + m_t) / (n_c + n_t)
    error = np.sqrt(p * (1 - p) * (1 / n_c + 1 / n_t))
    if not error > 0 or abs(m_t / n_t - m_c / n_c) < 3.29 * error:  # p < .001
        return []
    return [
        f"The outcome is missing for {m_t / n_t:.1%} of the treated and {m_c / n_c:.1%} of the control, more apart than "
        "by chance: who answers may depend on the contact."
    ]


def _backfires(table: pl.DataFrame) -> list[str]:
    below = table.filter(pl.col("upper") < 0)
    if below.is_empty():
        return []
    where = ", ".join(
        f"tenth {row['decile']} ({_points(row['estimate'])} points, {_points(row['lower'])} to {_points(row['upper'])})"
        for row in below.iter_rows(named=True)
    )
    sure = below.filter(pl.col("p_adjusted") < 0.05).height
    doubt = "" if sure else " Of ten tenths one looks so by chance in one experiment of five."
    return [f"Contact may backfire in {where}.{doubt}"]


def _points(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:+.1f}".replace("-", "−")
