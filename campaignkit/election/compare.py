"""Why the forecast moved since yesterday: new polls, the date, other settings, or simulation noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.election.forecast import Forecast, refit
from campaignkit.election.model.race import NEEDED
from campaignkit.election.model.states import state_name
from campaignkit.election.simulate import ELECTIONS
from campaignkit.errors import BadValue
from campaignkit.result import Result
from campaignkit.wording import change as in_words
from campaignkit.wording import counted

if TYPE_CHECKING:
    import altair as alt

STEPS = ("days", "polls", "settings")
CAUSES = {"days": "the later date", "polls": "new polls", "settings": "other settings"}
MOVED = 0.01  # of a state's chance that the summary names
SHOWN = 10
LEAST = 0.0001  # of the chance of winning that it names


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """What changed between two forecasts, and why.

    `table` has one row per state, and a last row for the election itself (``win``): ``state``, ``yesterday``, ``today``
    (chances as simulated), ``change`` and its parts, which add up to it: ``days`` (the date moved, the polls did not),
    ``polls`` (polls added or gone), ``settings`` (every other argument that differs) and ``noise`` (of the simulations,
    against the exact chance). The chance of winning has no exact value: in the row ``win`` each part holds some noise
    of a simulation on the same random numbers, and ``noise`` is null.

    Attributes
    ----------
    new_polls : int
        Polls that today's forecast uses and yesterday's did not use.
    n : int
        Elections in each simulation.
    """

    new_polls: int
    n: int

    def summary(self) -> str:
        """Say how far the chance of winning changed and why, and which states changed most."""
        win = self.table.row(-1, named=True)
        states = (
            self.table.head(-1).sort(pl.col("change").abs(), descending=True).filter(pl.col("change").abs() > MOVED)
        )
        parts = [f"{in_words(win[part], 'rate')} from {CAUSES[part]}" for part in STEPS if abs(win[part]) >= LEAST]
        causes = f": {', '.join(parts)}" if parts else ""
        moved = in_words(win["change"], "rate") if abs(win["change"]) >= LEAST else "No change"
        text = (
            f"{moved} in the chance of winning, {'still' if moved == 'No change' else 'to'} "
            f"{win['today']:.1%}{causes}. Today's forecast has "
            f"{counted(self.new_polls, 'new poll') if self.new_polls else 'no new polls'}."
        )
        if not states.height:
            return text + " No state's chance changed by more than a point."
        named = [
            f"{state_name(state)} {in_words(moved, 'rate')}"
            for state, moved in states.head(3).select("state", "change").iter_rows()
        ]
        return text + f" {counted(states.height, 'state')} changed by more than a point, mainly {', '.join(named)}."

    def chart(self) -> alt.TopLevelMixin:
        """Draw the states that changed most, with the causes."""
        most = self.table.sort(pl.col("change").abs(), descending=True).head(SHOWN)
        rows = most.unpivot([*STEPS, "noise"], index="state", variable_name="cause", value_name="points")
        rows = rows.with_columns(pl.col("state").replace("win", "winning"), pl.col("points").fill_null(0) * 100)
        causes = rows.filter(pl.col("points").abs().max().over("cause") >= 100 * LEAST)
        return charts.bars(
            causes if causes.height else rows, "state", "points", series="cause", description=self.summary(),
            title="Change in the chance of winning, by cause", number="+~",
        )  # fmt: skip

    def percentages(self) -> list[str]:
        """Return the columns of chances and their changes."""
        return [name for name in self.table.columns if name != "state"]


def compare(today: Forecast, yesterday: Forecast, *, n: int = ELECTIONS, seed: int = 0) -> Comparison:
    """Split each state's change between two forecasts into its causes.

    Parameters
    ----------
    today, yesterday : Forecast
        Two forecasts of the same election.
    n, seed : int
        Elections in each simulation, and its seed.

    Returns
    -------
    Comparison

    Raises
    ------
    BadValue
        The forecasts are of different elections, or today's is the earlier one.

    Notes
    -----
    Yesterday's forecast is made again with one thing changed at a time: first the date, then the polls, then settings,
    results and everything else. Where changes interact, the parts depend on that order; they always add up to the
    whole.

    Examples
    --------
    >>> import campaignkit as ck
    >>> polls, results = ck.election.polls_2012(), ck.election.results()
    >>> before = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-10-02")
    >>> after = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-10-12")
    >>> moved = ck.election.compare(after, before, n=10_000)
    >>> moved.table.filter(state="OH")["polls"].item() < 0
    True
    """
    check_scalar(n, "n", typ=int, gt=0)
    if today.inputs.on != yesterday.inputs.on:
        raise BadValue(f"The forecasts are of different elections, {yesterday.inputs.on} and {today.inputs.on}.")
    if today.inputs.as_of < yesterday.inputs.as_of:
        raise BadValue("today's forecast is of an earlier day than yesterday's; pass today's first.")
    chain = _chain(today, yesterday)
    exact = [np.append(each.table["chance"].to_numpy(), np.nan) for each in chain]
    drawn = [_simulated(each, n, seed) for each in chain]
    for at in range(4):
        exact[at][-1] = drawn[at][-1]
    parts: dict[str, Any] = {name: exact[at + 1] - exact[at] for at, name in enumerate(STEPS)}
    parts["noise"] = (drawn[-1] - exact[-1]) - (drawn[0] - exact[0])
    table = pl.DataFrame(
        {
            "state": [*today.table["state"], "win"],
            "yesterday": drawn[0],
            "today": drawn[-1],
            "change": drawn[-1] - drawn[0],
        }
        | parts
    )
    last = pl.int_range(pl.len()) == pl.len() - 1
    table = table.with_columns(noise=pl.when(~last).then(pl.col("noise")))
    keys = ["state", "pollster", "end_date", "sample_size", "share"]
    fresh = today.fit.polls.table.join(yesterday.fit.polls.table, on=keys, how="anti").height
    return Comparison(table, fresh, n)


def _chain(today: Forecast, yesterday: Forecast) -> list[Forecast]:
    """Return yesterday's forecast, the same with today's date, then with today's polls, and today's."""
    standing = yesterday.fit.polls.table
    start = replace(yesterday.inputs, polls=standing, columns={}, aliases=_kept(standing))
    polls = today.fit.polls.table
    level = today.confidence_level
    later = refit(replace(start, as_of=today.inputs.as_of), level)
    polled = refit(replace(later.inputs, polls=polls, aliases=_kept(polls)), level)
    return [yesterday, later, polled, today]


def _kept(polls: pl.DataFrame) -> dict[str, str]:
    """Return aliases that keep every pollster's name: it was settled before."""
    return {name: name for name in polls["pollster"].unique()}


def _simulated(forecast: Forecast, n: int, seed: int) -> np.ndarray:
    """Return each state's simulated chance, and the election's."""
    drawn = forecast.simulate(n, seed)
    return np.append(drawn.table["chance"].to_numpy(), float((drawn.votes >= NEEDED).mean()))
