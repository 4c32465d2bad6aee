"""How the forecast would have done: each past election forecast from earlier ones, scored and checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.special import logit, ndtr

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.election.model.fitting import Fit, Inputs, by_year, fit
from campaignkit.election.model.reports import shares
from campaignkit.election.model.settings import Settings
from campaignkit.election.model.states import Results, election_day, places, read_results
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats
from campaignkit.stats.prediction.scoring import Surprise, brier, log_score, share_crps, surprise, two_sided
from campaignkit.wording import counted
from campaignkit.wording import share as in_words

if TYPE_CHECKING:
    import altair as alt

PLAIN_ERROR = 0.03  # of the plain average of the polls that the forecast is compared with
PLAIN_DAYS = 21
DRAWS = 2_000
SURPRISED = 0.05  # p-value below which the past was not as the model says
BINS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Result):
    """Past elections, each forecast from the elections before it.

    `table` has one row per election and horizon: ``year``, ``days_left``, ``polls`` (used), ``brier`` (of the states'
    winners), ``log_score`` (−log of the chance given to what happened; 0 is best for both), ``crps`` and ``rmse`` (of
    the states' shares), ``cover_share`` (of states inside their 95% interval), ``z2`` (the mean squared normal score; 1
    is as expected), and the same scores of the plain average of the last three weeks' polls with a 3-point error:
    ``plain_brier``, ``plain_log_score``, ``plain_rmse``, ``plain_cover_share``.

    Attributes
    ----------
    states : polars.DataFrame
        One row per election, horizon and state: ``estimate``, ``lower``, ``upper``, ``chance``, and the actual
        ``share``.
    calibration : polars.DataFrame
        Chances in bins: ``chance_from``, ``chance_to``, ``n``, ``expected_share``, ``won_share``.
    check : polars.DataFrame
        The joint predictive check, one row per horizon: ``days_left``, ``elections``, ``z2`` (of all elections),
        ``z2_lower``, ``z2_upper`` (its range in 95% of histories drawn from the forecasts themselves), ``national_z``
        (the largest miss of the national vote, as an absolute normal score), ``national_z_upper`` (which 95% of drawn
        histories stay below), ``p_value`` (of both, by Bonferroni) and ``passed`` (at .05).
    """

    states: pl.DataFrame
    calibration: pl.DataFrame
    check: pl.DataFrame

    def summary(self) -> str:
        """Say the scores beside the plain average's, the coverage, and whether the misses were as large as expected."""
        mean = {name: float(np.mean(self.table[name].to_numpy())) for name in self.table.columns if name != "year"}
        failed = self.check.filter(~pl.col("passed"))
        size = "less" if (failed["z2"] < failed["z2_lower"]).all() else "more"
        verdict = (
            "The misses were as large as the model says they should be."
            if not failed.height
            else f"The forecasts missed by {size} than the model says they should."
        )
        return (
            f"{counted(self.table['year'].n_unique(), 'election')}, each forecast from earlier ones: mean Brier score "
            f"{mean['brier']:.4f} (plain average of polls: {mean['plain_brier']:.4f}), typical error of a state's "
            f"share {100 * mean['rmse']:.1f} points ({100 * mean['plain_rmse']:.1f}), {in_words(mean['cover_share'])} "
            f"of states inside their 95% interval ({in_words(mean['plain_cover_share'])}). {verdict} "
            "With so few elections, only large faults would show."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw how often the Democrat won states, by the chance the forecast gave."""
        ends = [(100 * pl.col(name)).cast(pl.Int64) for name in ("chance_from", "chance_to")]
        rows = self.calibration.select(
            chance=pl.format("{}% to {}%", *ends), forecast="expected_share", won="won_share"
        ).unpivot(["forecast", "won"], index="chance", variable_name="what", value_name="share")
        title = "States the Democrat won, by forecast chance"
        return charts.bars(rows, "chance", "share", series="what", description=self.summary(), title=title)


def backtest(
    history: Any,
    results: Any,
    *,
    years: Sequence[int] | None = None,
    horizons: Sequence[int] = (0,),
    states: Any = None,
    fundamentals: Any = None,
    settings: Settings | None = None,
    aliases: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Backtest:
    """Forecast each past election from the ones before it, score the forecasts, and check the model against them all.

    Parameters
    ----------
    history : table
        Polls of past elections, as for `forecast`; an election's polls are those that ended in its year.
    results : table
        As for `forecast`, including the elections to be forecast.
    years : sequence of int, optional
        Which elections. None: all that have polls, a result, and a result before.
    horizons : sequence of int
        Days before the election on which to forecast.
    states, fundamentals, settings, aliases, columns
        As for `forecast`; fundamentals need a `year` column.
    seed : int
        Of the draws behind the check.

    Returns
    -------
    Backtest

    Raises
    ------
    NotEnoughData
        No election can be forecast.
    BadValue, ColumnNotFound
        As for `forecast`.

    Notes
    -----
    The check draws outcomes of every election from its own forecast, all states together, and asks whether the real
    outcomes lie as far off as the drawn ones: on average (mean squared normal scores over states and elections, too
    large or too small), and in the election with the largest national miss. Every forecast knows the elections before
    it, so the scores are independent if the model is right.

    References
    ----------
    Gelman, Meng & Stern (1996), Statistica Sinica 6, 733–760. Dawid (1984), Journal of the Royal Statistical Society A
    147, 278–292.

    Examples
    --------
    >>> import campaignkit as ck
    >>> scores = ck.election.backtest(ck.election.polls_2012(), ck.election.results())
    >>> scores.table.select("year", pl.col("brier") < 0.06).row(0)
    (2012, True)
    """
    polls, past = by_year(history, columns or {}), read_results(results)
    chosen = (
        [year for year in sorted(polls) if year in past.share and past.before(year)] if years is None else list(years)
    )
    if not chosen:
        raise NotEnoughData("No election has polls, a result, and an earlier result.")
    for year in chosen:
        if year not in polls or year not in past.share:
            raise BadValue(f"years: {year} has no {'polls' if year not in polls else 'result'}.")
    for days in horizons:
        check_scalar(days, "horizons", typ=int, ge=0)
    rows, by_state, checks, known = [], [], [], {}
    for days in horizons:
        drawn = []
        for year in chosen:
            on = election_day(year)
            inputs = Inputs(
                polls[year], results, on, on - dt.timedelta(days=days), states, fundamentals, history,
                settings or Settings(), aliases or {}, columns or {},
            )  # fmt: skip
            fitted = fit(inputs, known)
            truth = np.asarray(logit(past.share[year]))
            seen = surprise(fitted.posterior.mixture, fitted.election.prior.turnout, truth, DRAWS, seed + year)
            rows.append(
                {
                    "year": year,
                    "days_left": days,
                    **_scores(fitted, past, year),
                    "z2": seen.each,
                    **_plain(fitted, past, inputs),
                }
            )
            by_state.append(_states(fitted, past.share[year], year, days))
            drawn.append(seen)
        checks.append(_check(drawn, days))
    each = pl.concat(by_state)
    return Backtest(pl.DataFrame(rows), each, _calibration(each), pl.DataFrame(checks))


def _scores(fit: Fit, past: Results, year: int) -> dict[str, float]:
    mixture, share = fit.posterior.mixture, past.share[year]
    table = shares(mixture, 0.95)
    chance, won = table["chance"].to_numpy(), (share > 0.5).astype(float)
    within = (table["lower"].to_numpy() <= share) & (share <= table["upper"].to_numpy())
    return {
        "polls": fit.polls.table.height, "brier": brier(chance, won), "log_score": log_score(chance, won),
        "crps": float(share_crps(mixture, share).mean()),
        "rmse": float(np.sqrt(np.mean((table["estimate"].to_numpy() - share) ** 2))),
        "cover_share": float(within.mean()),
    }  # fmt: skip


def _plain(fit: Fit, past: Results, inputs: Inputs) -> dict[str, float]:
    """Return the scores of the plain average of the last three weeks' polls; without polls, of the last result."""
    share, last = past.share[inputs.on.year], past.share[past.before(inputs.on.year)[0]]
    recent = fit.polls.table.filter(pl.col("end_date") > inputs.as_of - dt.timedelta(days=PLAIN_DAYS))
    mean = recent.group_by("state").agg(pl.col("share").mean())
    average = places().select("state").join(mean, on="state", how="left", maintain_order="left")["share"].to_numpy()
    average = np.where(np.isnan(average), last, average)
    chance, won = ndtr((average - 0.5) / PLAIN_ERROR), (share > 0.5).astype(float)
    return {
        "plain_brier": brier(chance, won), "plain_log_score": log_score(chance, won),
        "plain_rmse": float(np.sqrt(np.mean((average - share) ** 2))),
        "plain_cover_share": float((np.abs(average - share) < 1.96 * PLAIN_ERROR).mean()),
    }  # fmt: skip


def _states(fit: Fit, share: Floats, year: int, days: int) -> pl.DataFrame:
    columns = {"state": places()["state"], **shares(fit.posterior.mixture, 0.95), "share": share}
    return pl.DataFrame(columns).select(pl.lit(year).alias("year"), pl.lit(days).alias("days_left"), pl.all())


def _calibration(states: pl.DataFrame) -> pl.DataFrame:
    """Return how often the Democrat won states, by the chance the forecast gave."""
    chance = states["chance"].to_numpy()
    bins = np.clip(np.searchsorted(BINS, chance, side="right") - 1, 0, len(BINS) - 2)
    table = states.select("chance", won=pl.col("share") > 0.5, bin=pl.Series(bins))
    grouped = table.group_by("bin").agg(
        n=pl.len(), expected_share=pl.col("chance").mean(), won_share=pl.col("won").mean()
    )
    ends = pl.DataFrame({"bin": range(len(BINS) - 1), "chance_from": BINS[:-1], "chance_to": BINS[1:]})
    return ends.join(grouped.with_columns(pl.col("bin").cast(pl.Int64)), on="bin", maintain_order="left").drop("bin")


def _check(seen: list[Surprise], days: int) -> dict[str, float | int | bool]:
    """Return the joint check of several elections: the states' mean square, and the nation's largest miss."""
    each, drawn_each = np.mean([past.each for past in seen]), np.mean([past.drawn_each for past in seen], axis=0)
    worst, drawn_worst = np.max([past.whole for past in seen]), np.max([past.drawn_whole for past in seen], axis=0)
    lower, upper = np.quantile(drawn_each, [0.025, 0.975])
    p = min(two_sided(float(each), drawn_each), float((drawn_worst >= worst).mean()))
    return {
        "days_left": days, "elections": len(seen), "z2": float(each),
        "z2_lower": float(lower), "z2_upper": float(upper),
        "national_z": float(worst), "national_z_upper": float(np.quantile(drawn_worst, 0.95)),
        "p_value": min(1.0, 2 * p),
        "passed": 2 * p >= SURPRISED,
    }  # fmt: skip
