"""Who of those interviewed will vote: their history and what they say of themselves, judged by who did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.special import expit, logit, ndtri

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats, Whole
from campaignkit.stats.prediction.metrics import Predictions, auc
from campaignkit.stats.regression.least_squares import solve_definite
from campaignkit.stats.regression.logit import fit_logit
from campaignkit.tables import Roles, booleans, numbers, open_roles
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import between, confidence, counted, points, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["LikelyVoters", "likely_voters"]

TERMS = ("(intercept)", "turnout score (logit)", "firm", "low")
SURE = 0.001  # scores nearer to 0 or 1 are taken as this far from it
LEAST = 10  # interviews with and without a vote in what is fitted
BOTH, ALONE, RAW, REPORT = "score and self-report", "score alone, refitted", "score as it is", "self-report alone"


@dataclass(frozen=True, eq=False, repr=False)
class LikelyVoters(Result):
    """How likely each person interviewed is to vote, and how well that was foretold.

    `table` has one row per way of scoring, each judged on polls that it was not fitted on: ``way``, ``n``, ``auc`` with
    ``lower`` and ``upper``, ``brier`` (mean squared error), ``predicted_rate`` and ``voted_rate``, and
    ``largest_gap`` (of a poll's predicted from its actual rate).

    Attributes
    ----------
    polls : polars.DataFrame
        One row per poll, by the score fitted on the others: ``poll``, ``n``, ``voted_rate``, ``predicted_rate``,
        ``gap``, ``auc``, ``brier``.
    coefficients : polars.DataFrame
        Fitted on all: ``term``, ``estimate`` (log odds), ``std_error``, ``lower``, ``upper``.
    set_aside : int
        Interviews whose vote is not known.
    columns : tuple of str
        The columns of the score, firm and low.
    confidence_level : float
    """

    polls: pl.DataFrame
    coefficients: pl.DataFrame
    set_aside: int
    columns: tuple[str, str, str]
    confidence_level: float

    def predict(self, interviews: Any) -> pl.Series:
        """Return the chance of each of other interviews to vote, in their order, for weighting or counting them.

        It is for people who answered a poll, who vote more than others of the same score: the intercept holds that.
        For everyone on the file use the turnout score itself.

        Parameters
        ----------
        interviews : table
            With the columns of the turnout score, `firm` and `low`.

        Examples
        --------
        >>> import polars as pl
        >>> import campaignkit as ck
        >>> asked = pl.DataFrame({"score": [0.2, 0.6, 0.9, 0.4], "firm": [0, 1, 1, 0], "low": [1, 0, 0, 0]})
        >>> votes = [[0, 1, 1, 0]] * 40 + [[1, 0, 1, 1]] * 10
        >>> asked = pl.concat([asked.with_columns(voted=pl.Series(four)) for four in votes])
        >>> asked = asked.with_columns(poll=pl.int_range(pl.len()) % 2)
        >>> found = ck.voters.likely_voters(asked, "voted", score="score", firm="firm", low="low", poll="poll")
        >>> found.predict(asked.head(2)).round(2).to_list()
        [0.2, 0.8]
        """
        x, _ = _read(interviews, self.columns, ())
        return pl.Series("likely_voter", expit(x @ self.coefficients["estimate"].to_numpy()))

    def summary(self) -> str:
        """Say how well it predicts, beside the score alone, and who it is meant for."""
        ours, raw = (self.table.row(by_predicate=pl.col("way") == way, named=True) for way in (BOTH, RAW))
        level = confidence(self.confidence_level)
        aside = f" {counted(self.set_aside, 'interview')} without a known vote were left out." if self.set_aside else ""
        return (
            f"Score and self-report together rank a voter above a non-voter in {ours['auc']:.1%} of pairs (AUC; "
            f"{level} interval {between(ours['lower'], ours['upper'], share)}), the score alone in {raw['auc']:.1%}. "
            f"The squared error (Brier) is {ours['brier']:.3f} against {raw['brier']:.3f}. Each poll was judged by a "
            f"fit on the others: {counted(ours['n'], 'interview')} in {counted(self.polls.height, 'poll')}, "
            f"where {share(ours['voted_rate'])} voted. The worst poll's rate is off by {points(ours['largest_gap'])} "
            f"points.{aside} Use it for people who answered: at the same score they vote more than those who did not."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw how well each way ranks."""
        return charts.intervals(
            self.table, "way", "auc", description=self.summary(), number=".1%",
            title="Pairs in which a voter is ranked above a non-voter",
        )  # fmt: skip


def likely_voters(
    interviews: Any,
    voted: str,
    *,
    score: str,
    firm: str,
    low: str,
    poll: str,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> LikelyVoters:
    """Score who of those interviewed will vote, from turnout score and self-report together, by validated votes.

    Parameters
    ----------
    interviews : table
        One row per interview of polls before an election that is over, matched to the file.
    voted : str
        Whether the file later shows a vote: booleans or 0/1. Null: not known; set aside and counted.
    score : str
        The turnout score as of the interview, a probability.
    firm, low : str
        What people say, as booleans or 0/1 (null: neither): `firm` who has voted, or is almost certain and says 10 of
        10; `low` who is not likely to, or says 5 or less.
    poll : str
        The column of the poll: each is judged by the others.
    confidence_level : float
        Of the intervals.

    Returns
    -------
    LikelyVoters

    Raises
    ------
    BadValue
        A score is null or outside 0 to 1, or somebody is both firm and low.
    ColumnNotFound
        A column is missing.
    NotEnoughData
        There is one poll only, or fewer than 10 voted, or did not, in what is fitted.

    Notes
    -----
    A logit of four coefficients. A dozen dummies of the same answers add nothing, and of sixteen screens that pollsters
    use, whose results spanned nine points in 2016, more machinery was not better.

    References
    ----------
    Rogers and Aida (2014), American Politics Research 42, 503–528; Pew Research Center (2016), "Can likely voter models
    be improved?".

    Examples
    --------
    >>> import polars as pl
    >>> import campaignkit as ck
    >>> asked = pl.DataFrame({"score": [0.2, 0.6, 0.9, 0.4], "firm": [0, 1, 1, 0], "low": [1, 0, 0, 0]})
    >>> votes = [[0, 1, 1, 0]] * 40 + [[1, 0, 1, 1]] * 10
    >>> asked = pl.concat([asked.with_columns(voted=pl.Series(four)) for four in votes])
    >>> asked = asked.with_columns(poll=pl.int_range(pl.len()) % 2)
    >>> found = ck.voters.likely_voters(asked, "voted", score="score", firm="firm", low="low", poll="poll")
    >>> found.table["way"].to_list()
    ['score and self-report', 'score alone, refitted', 'score as it is', 'self-report alone']
    """
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    x, table = _read(interviews, (score, firm, low), (voted, poll))
    known = table[voted].is_not_null().to_numpy()
    x, table = x[known], table.filter(pl.Series(known))
    y = booleans(table[voted], "voted").astype(float)
    names = table[poll].cast(pl.String).fill_null("unknown")
    labels = names.unique().sort()
    if len(labels) < 2:
        raise NotEnoughData("There is one poll only; each poll is judged by the others.")
    at = names.replace_strict(labels, np.arange(len(labels)), return_dtype=pl.Int64).to_numpy()
    ways = {
        BOTH: _left_out(x, y, at), ALONE: _left_out(x[:, :2], y, at), RAW: expit(x[:, 1]),
        REPORT: _left_out(x[:, [0, 2, 3]], y, at),
    }  # fmt: skip
    half = float(ndtri(0.5 + confidence_level / 2))
    rows = pl.DataFrame([_judged(way, p, y, at, half) for way, p in ways.items()])
    return LikelyVoters(
        rows, _polls(labels, ways[BOTH], y, at), _coefficients(x, y, half), int((~known).sum()), (score, firm, low),
        confidence_level,
    )  # fmt: skip


def _read(interviews: Any, columns: tuple[str, str, str], others: tuple[str, ...]) -> tuple[Floats, pl.DataFrame]:
    """Return the design (intercept, logit of the score, firm, low) and the other columns."""
    opened = open_roles(interviews, Roles(outcomes=others[:1], by=others[1:], others=columns))
    table = opened.collect([*columns, *others])
    score = numbers(table[columns[0]], "score", least=0.0, mend="Leave out people without a score.")
    if (score > 1).any():
        raise BadValue(f"score: column {columns[0]!r} holds {score.max():g}; probabilities from 0 to 1 were expected.")
    reports = [booleans(table[name].fill_null(False), name).astype(float) for name in columns[1:]]
    if both := int((reports[0] * reports[1]).sum()):
        raise BadValue(
            f"{columns[1]!r} and {columns[2]!r} are both true in {both:,} interviews; nobody is firm and low."
        )
    odds = logit(np.clip(score, SURE, 1 - SURE))
    return np.stack([np.ones(len(score)), odds, *reports], axis=1), table


def _left_out(x: Floats, y: Floats, at: Whole) -> Floats:
    """Return each interview's chance by what was fitted on the other polls."""
    p = np.empty(len(y))
    for poll in range(at.max() + 1):
        inside = at == poll
        p[inside] = expit(x[inside] @ _fit(x[~inside], y[~inside]))
    return p


def _fit(x: Floats, y: Floats) -> Floats:
    if min(y.sum(), len(y) - y.sum()) < LEAST:
        raise NotEnoughData(
            f"Of {len(y):,} interviews that fit, {int(y.sum()):,} voted; at least {LEAST} who did, and who did not, "
            "are needed."
        )
    return fit_logit(x, y, np.ones(len(y))).beta


def _judged(way: str, p: Floats, y: Floats, at: Whole, half: float) -> dict[str, Any]:
    alike = np.ones(len(y))
    value, error = auc(Predictions(p, alike, y, alike, y))
    gaps = np.bincount(at, p - y) / np.bincount(at)
    return {
        "way": way, "n": len(y), "auc": value, "lower": value - half * error, "upper": min(value + half * error, 1.0),
        "brier": float(((p - y) ** 2).mean()), "predicted_rate": float(p.mean()), "voted_rate": float(y.mean()),
        "largest_gap": float(np.abs(gaps).max()),
    }  # fmt: skip


def _polls(labels: pl.Series, p: Floats, y: Floats, at: Whole) -> pl.DataFrame:
    rows = []
    for poll, label in enumerate(labels):
        inside = at == poll
        mine, alike = y[inside], np.ones(int(inside.sum()))
        rows.append({
            "poll": label, "n": len(mine), "voted_rate": mine.mean(), "predicted_rate": p[inside].mean(),
            "gap": (p[inside] - mine).mean(), "auc": auc(Predictions(p[inside], alike, mine, alike, mine))[0],
            "brier": ((p[inside] - mine) ** 2).mean(),
        })  # fmt: skip
    return pl.DataFrame(rows).with_columns(pl.col("auc").fill_nan(None))


def _coefficients(x: Floats, y: Floats, half: float) -> pl.DataFrame:
    beta = _fit(x, y)
    p = expit(x @ beta)
    error = np.sqrt(np.diag(solve_definite(x.T @ (x * (p * (1 - p))[:, None]), np.eye(len(beta)))))
    table = pl.DataFrame({"term": TERMS, "estimate": beta, "std_error": error})
    return table.with_columns(lower=beta - half * error, upper=beta + half * error)
