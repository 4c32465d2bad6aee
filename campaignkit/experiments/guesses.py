"""The office pool: whose forecasts of a test are better than a lucky draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.result import Result
from campaignkit.stats.intervals.estimate import equal_tailed
from campaignkit.stats.intervals.multiplicity import holm
from campaignkit.tables import check_columns, check_numbers, open_table
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import confidence, p_value

if TYPE_CHECKING:
    import altair as alt

HEDGE = 0.01  # of every forecast is taken to be that all arms do the same
LEAST = 3  # arms of a test, for an order to say anything


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Result):
    """How well each of the staff foresaw the tests.

    `table` has one row per guesser, best first:

    - the guesser's column, `tests`, `guesses` (arms forecast);
    - `rank_correlation`: Spearman's, between guess and outcome, within tests, averaged with each test's number of
      arms; 1 the right order, 0 none; `lower_chance`, `upper_chance`: within what random orders fall, but for
      1 − confidence_level of them;
    - `p_value` (one-sided: random orders that do as well), `p_adjusted` (Holm over guessers), `correction`;
    - `log_score`: by how much, in bits a positive outcome, the guess said better than 'all arms alike' which arm it
      would come from; below 0 is worse than saying nothing;
    - `beats_chance`: whether p_adjusted is below 1 − confidence_level.
    """

    by: str
    confidence_level: float

    def summary(self) -> str:
        """Say who won, and whether anybody beat chance."""
        best = self.table.row(0, named=True)
        winners = self.table.filter("beats_chance")[self.by].to_list()
        text = (
            f"{best[self.by]} ranked the arms best, of {self.table.height} who guessed (rank correlation "
            f"{best['rank_correlation']:.2f}, {p_value(best['p_adjusted'])} after Holm). "
        )
        if not winners:
            return text + "Nobody clearly beat chance."
        negative = self.table.filter(pl.col("log_score") <= 0).height
        return (
            f"{text}{len(winners)} of {self.table.height} beat chance: {', '.join(map(str, winners))}. {negative} did "
            f"worse than calling all arms equal (log score)."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw each guesser's rank correlation, and where random orders fall."""
        alt = charts.house()
        rows = self.table.select(
            guesser=pl.col(self.by).cast(pl.String),
            value="rank_correlation",
            lower="lower_chance",
            upper="upper_chance",
        )
        base = alt.Chart(rows).encode(y=alt.Y("guesser:N", sort=rows["guesser"].to_list(), title=None))
        chance = base.mark_rule(strokeWidth=8, opacity=0.2).encode(
            x=alt.X("lower:Q", title="rank correlation"), x2="upper:Q"
        )
        points = base.mark_point(opacity=1).encode(x="value:Q")
        return alt.layer(chance, points).properties(
            description=self.summary(),
            title=f"Guesses against the results; the bar holds {confidence(self.confidence_level)} of random orders",
            width=charts.WIDTH,
        )


def score_guesses(
    guesses: Any,
    results: Any,
    *,
    by: str = "staff_id",
    arm: str = "arm",
    guess: str = "guess",
    test: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    draws: int = 10_000,
    seed: int = 0,
) -> Pool:
    """Score the staff's forecasts of how arms would do.

    Parameters
    ----------
    guesses : table
        One row per guesser and arm: `by`, `arm`, `guess` (0 or more, in any unit that rises with the outcome), and
        `test` where there are several.
    results : table or Analysis
        One row per arm: `arm`, `n`, `level`, as `analyze(...).table` of one outcome has them.
    by, arm, guess : str
        The columns' names; `results` has its arms in a column of that name or in ``arm``.
    test : str, optional
        The column of `guesses` that says to which test an arm belongs; arms are ordered within tests. None: one test.
    confidence_level : float
        Of the range of random orders; one minus it of beating chance. 0.5 or more, below 1.
    draws : int
        Random orders for p-values.
    seed : int
        Of these.

    Returns
    -------
    Pool

    Raises
    ------
    BadValue
        A guess is null, negative, or comes twice; or nobody's arms are among the results.
    NotEnoughData
        No test has three arms.

    Notes
    -----
    Guesses for arms without a result are set aside. Results are noisy too: even who knew every true level would not
    reach a correlation of 1. The log score is Σ k log2(q / p) / Σ k, with k an arm's positive outcomes (level · n), p
    its share of people, and q the share that the guesses give it, n · guess over its sum, 1% of it spread as p so that
    a guess of 0 is not infinitely wrong.

    References
    ----------
    Good (1952), Journal of the Royal Statistical Society B 14, 107–114, for the log score.

    Examples
    --------
    >>> import polars as pl
    >>> guesses = pl.DataFrame({"staff_id": ["ann"] * 4, "arm": list("abcd"), "guess": [1.0, 2.0, 3.0, 4.0]})
    >>> results = pl.DataFrame({"arm": list("abcd"), "n": [1000] * 4, "level": [0.01, 0.02, 0.03, 0.05]})
    >>> score_guesses(guesses, results).table["rank_correlation"].to_list()
    [1.0]
    """
    check_scalar(draws, "draws", typ=int, ge=100)
    check_scalar(confidence_level, "confidence_level", typ=float, ge=0.5, lt=1)
    table = _joined(guesses, results, by, arm, guess, test)
    rng = np.random.default_rng(seed)
    rows = []
    for (who,), part in table.group_by(by, maintain_order=True):
        rows.append({by: who} | _scored(part, draws, rng, confidence_level))
    if not rows:
        raise NotEnoughData(f"No test has {LEAST} arms with guesses and results.")
    pool = pl.DataFrame(rows)
    pool = pool.with_columns(p_adjusted=pl.Series(holm(pool["p_value"].to_numpy())), correction=pl.lit("holm"))
    pool = pool.with_columns(beats_chance=pl.col("p_adjusted") < 1 - confidence_level)
    order = ["tests", "guesses", "rank_correlation", "lower_chance", "upper_chance", "p_value", "p_adjusted"]
    pool = pool.select(by, *order, "correction", "log_score", "beats_chance")
    return Pool(pool.sort("rank_correlation", by, descending=[True, False]), by, confidence_level)


def _joined(guesses: Any, results: Any, by: str, arm: str, guess: str, test: str | None) -> pl.DataFrame:
    """Return one row per guesser and arm with guess, n and level, tests of too few arms left out."""
    check_columns(guesses, by, arm, guess, *([] if test is None else [test]), where="guesses")
    check_numbers(guesses, guess, argument="guess")
    known = getattr(results, "table", results)
    key = arm if arm in open_table(known).collect_schema().names() else "arm"
    check_columns(known, key, "n", "level", where="results")
    outcomes = open_table(known).lazy().collect("polars").to_native().select(pl.col(key).alias("arm"), "n", "level")
    if outcomes["arm"].is_duplicated().any():
        raise BadValue("results holds an arm twice; pass the rows of one outcome.")
    test_name = pl.lit("") if test is None else pl.col(test)
    forecasts = open_table(guesses).lazy().collect("polars").to_native()
    forecasts = forecasts.select(
        pl.col(by), pl.col(arm).alias("arm"), pl.col(guess).cast(pl.Float64).alias("guess"), test_name.alias("test")
    )
    if forecasts.filter(pl.col("guess").is_null() | ~(pl.col("guess") >= 0)).height:
        raise BadValue(f"guesses: {guess!r} is null or negative in some rows; numbers from 0 on were expected.")
    if forecasts.select(by, "arm").is_duplicated().any():
        raise BadValue(f"guesses: some {by!r} guesses an arm twice.")
    joined = forecasts.join(outcomes, on="arm", how="inner").drop_nulls("level")
    if joined.is_empty():
        raise BadValue("No arm of the guesses is among the results; do their names agree?")
    return joined.filter(pl.len().over(by, "test") >= LEAST).sort(by, "test", "arm")


def _scored(part: pl.DataFrame, draws: int, rng: np.random.Generator, level: float) -> dict[str, Any]:
    tests = [rows for _, rows in part.group_by("test", maintain_order=True)]
    weight = np.array([rows.height for rows in tests], float)
    weight /= weight.sum()
    guessed = [_ranks(rows["guess"]) for rows in tests]
    observed = [_ranks(rows["level"]) for rows in tests]
    value = float(sum(w * (a @ b) for w, a, b in zip(weight, guessed, observed, strict=True)))
    chance = np.zeros(draws)
    for w, a, b in zip(weight, guessed, observed, strict=True):
        chance += w * (rng.permuted(np.broadcast_to(a, (draws, len(a))), axis=1) @ b)
    lower, upper = equal_tailed(chance, level)
    p = (1 + np.sum(chance >= value - 1e-12)) / (1 + draws)
    return {
        "tests": len(tests), "guesses": part.height, "rank_correlation": value, "lower_chance": float(lower),
        "upper_chance": float(upper), "p_value": float(p), "log_score": _log_score(tests),
    }  # fmt: skip


def _ranks(values: pl.Series) -> np.ndarray:
    """Return ranks, centered and of length 1, so that two orders' product is Spearman's correlation."""
    ranks = values.rank("average").to_numpy().astype(float)
    ranks -= ranks.mean()
    size = np.sqrt((ranks**2).sum())
    return ranks / size if size > 0 else ranks


def _log_score(tests: list[pl.DataFrame]) -> float | None:
    bits, events = 0.0, 0.0
    for rows in tests:
        n, k = rows["n"].to_numpy().astype(float), (rows["n"] * rows["level"]).to_numpy()
        p, claimed = n / n.sum(), n * rows["guess"].to_numpy()
        q = claimed / claimed.sum() if claimed.sum() > 0 else p
        bits += float(k @ np.log2(((1 - HEDGE) * q + HEDGE * p) / p))
        events += float(k.sum())
    return bits / events if events > 0 else None
