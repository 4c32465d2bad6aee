"""The forecast: each state's share and chance on election day, from polls, past results and fundamentals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import as_date, check_scalar
from campaignkit.election.model import reports
from campaignkit.election.model.fitting import Fit, Inputs, fit, no_polls
from campaignkit.election.model.race import race_of
from campaignkit.election.model.settings import Settings
from campaignkit.election.model.states import election_day, state_codes
from campaignkit.election.simulate import ELECTIONS, Simulation, simulate
from campaignkit.errors import BadValue, nearest
from campaignkit.result import Result
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import counted, points
from campaignkit.wording import share as in_words

if TYPE_CHECKING:
    import altair as alt

SHOWN = 16  # states in the chart: the closest


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(Result):
    """What is known of an election on a day before it.

    `table` has one row a state: ``state``, ``state_name``, ``electoral_votes``, ``polls`` (of that state, that were
    used), ``estimate`` (the Democrat's share of the two parties on election day, at the mean logit), ``lower``,
    ``upper`` (95% interval, or as asked), ``chance`` (that the Democrat wins the state) and ``prior_share`` (what was
    expected before any poll).

    Attributes
    ----------
    nation : polars.DataFrame
        The same four columns of the national vote: one row.
    scales : polars.DataFrame
        ``scale``, ``learned``, ``estimate``, ``std_error``: on the logit scale, of which .04 is a point.
    pollsters : polars.DataFrame
        ``named``, ``pollster``, ``reason``: names that were mended.
    set_aside : polars.DataFrame
        ``reason``, ``n``: polls that were not used.
    inputs : Inputs
        What was asked.
    fit : Fit
        The posterior and what it was made of.
    confidence_level : float
        Of the intervals.
    """

    nation: pl.DataFrame
    scales: pl.DataFrame
    pollsters: pl.DataFrame
    set_aside: pl.DataFrame
    inputs: Inputs
    fit: Fit
    confidence_level: float

    @cached_property
    def house_effects(self) -> pl.DataFrame:
        """How far each pollster leans to the Democrat beside the others, in shares of the vote (.01 is a point).

        Columns: ``pollster``, ``n`` (polls), ``estimate``, ``lower``, ``upper``. What all pollsters lean together
        cannot
        be told from polls; it is the shared error of `scales`.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> leans = odds.house_effects.filter(pollster="Rasmussen")
        >>> leans["upper"].item() < 0
        True
        """
        return reports.house_effects(self.fit, self.inputs.settings, self.confidence_level)

    def poll_weights(self, state: str = "US") -> pl.DataFrame:
        """Return each poll's weight in the forecast of a state, or of the nation, the largest first.

        Parameters
        ----------
        state : str
            A state's name or code. The default is the nation.

        Returns
        -------
        polars.DataFrame
            One row a poll: ``weight`` (how far the forecast's logit rises when the poll's does by 1) and ``moved`` (how
            far the poll has moved the forecast from what was expected before, in shares at one half).

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> odds.poll_weights("OH")["state"][0]
        'OH'
        """
        code = state_codes(pl.Series([state]), "poll_weights").item()
        codes = self.table["state"].to_list()
        if code == "US":
            direction = self.fit.election.prior.national
        elif code in codes:
            direction = np.eye(len(codes))[codes.index(code)]
        else:
            raise BadValue(f"poll_weights: {code} is no state of the forecast.")
        return reports.poll_weights(self.fit, direction)

    def without(self, pollster: str) -> Forecast:
        """Return the forecast without a pollster's polls.

        Parameters
        ----------
        pollster : str
            As in `house_effects`.

        Raises
        ------
        BadValue
            No poll of that name was used.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> odds.without("Rasmussen").table["polls"].sum() < odds.table["polls"].sum()
        True
        """
        names = self.fit.polls.table["pollster"]
        if pollster not in names.to_list():
            raise BadValue(f"No poll of {pollster!r} was used{nearest(pollster, names.unique().to_list())}")
        kept = self.fit.polls.table.filter(pl.col("pollster") != pollster)
        return refit(replace(self.inputs, polls=kept, columns={}), self.confidence_level)

    def without_each(self) -> pl.DataFrame:
        """Return what the forecast would be without any one pollster, the one that moves the nation most first.

        Returns
        -------
        polars.DataFrame
            ``pollster``, ``n`` (polls), ``national_share`` (without it), ``national_change`` (by leaving it out), and
            the
            ``state`` that it moves most with its ``state_change``.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> odds.without_each().filter(pollster="Rasmussen")["national_change"].item() > 0
        True
        """
        return reports.without_each(self.fit, self.inputs.settings)

    def simulate(self, n: int = ELECTIONS, seed: int = 0, *, districts: Any = None) -> Simulation:
        """Return elections drawn from the forecast.

        Parameters
        ----------
        n : int
            How many. They are not kept: what needs them draws them again.
        seed : int
            The same seed draws the same elections.
        districts : table or bool, optional
            Whether Maine and Nebraska give votes by district. True: by the districts' votes of 2008, which ship; a
            table
            with columns `district`, `state`, `year`, `dem`, `rep` brings others. None: states vote as one.

        Returns
        -------
        Simulation

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> odds.simulate(1_000, seed=1, districts=True).table["electoral_votes"].sum()
        538
        """
        race = race_of(self.fit, self.inputs.on.year, self.inputs.results, districts)
        return simulate(race, self.inputs.on, self.inputs.as_of, n, seed, self.confidence_level)

    def summary(self) -> str:
        """Say the nation, the closest states, what the polls were, and how far they may all be wrong."""
        nation, used = self.nation.row(0, named=True), self.fit.polls.table.height
        level = f"{self.confidence_level:.0%}"
        closest = self.table.sort((pl.col("estimate") - 0.5).abs()).head(3)
        states = ", ".join(f"{name} {in_words(p)}" for name, p in closest.select("state_name", "chance").iter_rows())
        text = (
            f"As of {self.inputs.as_of}, {(self.inputs.on - self.inputs.as_of).days} days before the election, the "
            f"Democrat is expected to get {in_words(nation['estimate'])} of the two parties' national vote ({level} "
            f"interval {in_words(nation['lower'])} to {in_words(nation['upper'])}). Closest are, with the chance of "
            f"winning: {states}."
        )
        if not used:
            return text + " No poll was used: this is what past results (and fundamentals) say alone."
        biases = self.scales.filter(pl.col("scale") == "shared_bias_sd")["estimate"].item() / 4
        text += f" {counted(used, 'poll')} of {counted(self.fit.polls.table['pollster'].n_unique(), 'pollster')}"
        if self.set_aside.height:
            text += f" ({int(self.set_aside['n'].sum()):,} set aside)"
        return (
            text + f"; all may be wrong together by {points(biases)} points, a standard deviation, as polls have been."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the closest states' shares with their intervals."""
        rows = self.table.sort((pl.col("estimate") - 0.5).abs()).head(SHOWN).sort("estimate", descending=True)
        title = f"Democrat's share of the two parties, {self.confidence_level:.0%} interval"
        return charts.intervals(
            rows, "state_name", description=self.summary(), reference=0.5, title=title, number=".0%"
        )

    def percentages(self) -> list[str]:
        """Return the columns of shares and chances."""
        return ["estimate", "lower", "upper", "chance", "prior_share"]


def forecast(
    polls: Any,
    results: Any,
    *,
    on: str | dt.date,
    as_of: str | dt.date,
    states: Any = None,
    fundamentals: Any = None,
    history: Any = None,
    settings: Settings | None = None,
    aliases: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> Forecast:
    """Forecast a presidential election by states, from what was known on a day.

    Parameters
    ----------
    polls : table or None
        One row a poll: `state` (name or code; ``US`` the nation), `pollster`, `start_date`, `end_date`,
        `sample_size`, `dem` and `rep` (per cent), and where known `mode`, `population` and `sponsor` (the party that
        paid; null: none). None: there are none, and past results speak alone.
    results : table
        Earlier elections: `year`, `state`, `dem`, `rep` (votes or shares) and `total_votes`, a row for each of the 50
        states and DC. Rows of this election's year or later are not looked at.
    on, as_of : date or ISO text
        The election, and the last day that is known; polls that ended later are set aside and counted.
    states : table, optional
        `state` and columns of numbers by which states are alike, such as incomes. None: the shares of their last three
        elections, and the census regions and divisions.
    fundamentals : table, optional
        `state` and `share` (0 to 1): what is expected apart from polls; see `Notes`. None: the last result.
    history : table, optional
        Polls of earlier elections, with the same columns: what they missed by teaches how wrong polls can be. None:
        only how states swing is learned, and polls' shared errors have the prior of `Settings`.
    settings : Settings, optional
        Scales of the model. None: its defaults.
    aliases : mapping, optional
        From a pollster's name to the one meant, beyond `pollster_aliases`. What was mended is in ``.pollsters``.
    columns : mapping, optional
        From a name above to the poll table's own.
    confidence_level : float
        Of intervals.

    Returns
    -------
    Forecast

    Raises
    ------
    BadValue
        A state is unknown, a share impossible, a date out of order, `as_of` after `on`.
    ColumnNotFound
        A table lacks a column.
    NotEnoughData
        No earlier result is known.

    Notes
    -----
    On the logit scale all is Gaussian. A state's result is the last one (or the fundamentals) plus a swing of the
    nation
    and one of its own, alike in like states. A poll is the result, less what the state drifts until election day, plus
    the
    effects of its house, mode, population and sponsor, its own error beyond sampling, and two errors that no number of
    polls averages away: one of all polls, one of a state's. The posterior is one Cholesky of the polls' covariance.
    Three
    scales (the states' swing, and the two shared errors) are learned from how earlier elections came out, as many days
    before theirs as this is, and integrated over: the forecast is a mixture of Gaussians. No election teaches its own
    forecast.

    `fundamentals` may have a `date` (the latest up to `as_of` counts) and a `year` (to be used for earlier elections
    too); one
    row ``US`` moves every state of the last election alike.

    References
    ----------
    Heidemanns, Gelman & Morris (2020), Harvard Data Science Review 2 (4). Linzer (2013), Journal of the American
    Statistical Association 108, 124–134. Shirani-Mehr, Rothschild, Goel & Gelman (2018), Journal of the American
    Statistical Association 113, 607–614.

    Examples
    --------
    >>> import campaignkit as ck
    >>> polls, results = ck.election.polls_2012(), ck.election.results()
    >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
    >>> odds.table.filter(state="OH").select("polls", (pl.col("chance") > 0.5).alias("ahead")).row(0)
    (74, True)
    """
    day, today = as_date(on, "on"), as_date(as_of, "as_of")
    if today > day:
        raise BadValue(f"as_of is {today}, after the election on {day}.")
    if day != election_day(day.year) or day.year % 4:
        raise BadValue(f"on is {day}; a presidential election was expected, such as {election_day(day.year // 4 * 4)}.")
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    check_scalar(settings, "settings", typ=Settings, optional=True)
    inputs = Inputs(
        no_polls() if polls is None else polls, results, day, today, states, fundamentals, history,
        settings or Settings(), aliases or {}, {} if polls is None else columns or {},
    )  # fmt: skip
    return refit(inputs, confidence_level)


def refit(inputs: Inputs, level: float, known: dict | None = None) -> Forecast:
    """Return the forecast of inputs that were checked."""
    fitted = fit(inputs, known)
    table = reports.state_table(fitted, inputs.on.year, level)
    nation = pl.DataFrame({"state": ["US"], **reports.shares(reports.national_logit(fitted), level)})
    return Forecast(
        table, nation, reports.scale_table(fitted, inputs.settings), fitted.polls.pollsters, fitted.polls.set_aside,
        inputs,
        fitted, level,
    )  # fmt: skip
