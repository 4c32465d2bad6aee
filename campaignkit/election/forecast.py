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
from campaignkit.wording import between, counted, points
from campaignkit.wording import share as in_words

if TYPE_CHECKING:
    import altair as alt

SHOWN = 16  # states in the chart: the closest


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(Result):
    """An election as forecast on a day before it.

    `table` has one row per state: ``state``, ``state_name``, ``electoral_votes``, ``polls`` (how many of that state
    were used), ``estimate`` (the Democrat's share of the two-party vote on election day, at the mean logit), ``lower``,
    ``upper`` (its 95% interval, or another level), ``chance`` (that the Democrat wins the state) and ``prior_share``
    (the share expected before any poll).

    Attributes
    ----------
    nation : polars.DataFrame
        ``estimate``, ``lower``, ``upper`` and ``chance`` of the national vote: one row.
    scales : polars.DataFrame
        ``scale``, ``learned``, ``estimate``, ``std_error``: on the logit scale, where .04 is a point.
    pollsters : polars.DataFrame
        ``named``, ``pollster``, ``reason``: names that were changed to another.
    set_aside : polars.DataFrame
        ``reason``, ``n``: polls that were not used.
    inputs : Inputs
        The arguments of `forecast`.
    fit : Fit
        The posterior and what went into it.
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
        """How far each pollster leans toward the Democrat compared with the others, as a share (.01 is a point).

        Columns: ``pollster``, ``n`` (polls), ``estimate``, ``lower``, ``upper``. Polls alone cannot show how far all
        pollsters lean together; `scales` has the standard deviation of that shared error.

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
            One row per poll: ``weight`` (how far the forecast's logit rises when the poll's rises by 1) and ``moved``
            (how far the poll moved the forecast from what was expected before, as a share at 50%).

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
            raise BadValue(f"poll_weights: {code} is not a state in the forecast.")
        return reports.poll_weights(self.fit, direction)

    def without(self, pollster: str) -> Forecast:
        """Return the forecast without the polls of one pollster.

        Parameters
        ----------
        pollster : str
            A name from `house_effects`.

        Raises
        ------
        BadValue
            No poll by a pollster of that name was used.

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
            raise BadValue(f"No poll by {pollster!r} was used{nearest(pollster, names.unique().to_list())}")
        kept = self.fit.polls.table.filter(pl.col("pollster") != pollster)
        return refit(replace(self.inputs, polls=kept, columns={}), self.confidence_level)

    def without_each(self) -> pl.DataFrame:
        """Return what the forecast would be without each pollster, the one that moves the nation most first.

        Returns
        -------
        polars.DataFrame
            ``pollster``, ``n`` (polls), ``national_share`` (without it), ``national_change`` (from leaving it out), the
            ``state`` that leaving it out moves most, and that state's ``state_change``.

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
            How many. They are not kept in memory; whatever needs them draws them again.
        seed : int
            The same seed draws the same elections.
        districts : table or bool, optional
            Whether Maine and Nebraska give electoral votes by district. True: yes, by the districts' 2008 votes, which
            ship. A table with columns `district`, `state`, `year`, `dem`, `rep`: yes, by these votes. None: each state
            votes as one.

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
        """Say the nation's share, the closest states, how many polls there were, and how wrong they may all be."""
        nation, used = self.nation.row(0, named=True), self.fit.polls.table.height
        level = f"{self.confidence_level:.0%}"
        closest = self.table.sort((pl.col("estimate") - 0.5).abs()).head(3)
        states = ", ".join(f"{name} {in_words(p)}" for name, p in closest.select("state_name", "chance").iter_rows())
        text = (
            f"The Democrat is forecast to win {in_words(nation['estimate'])} of the national two-party vote ({level} "
            f"interval {between(nation['lower'], nation['upper'], in_words)}), as of {self.inputs.as_of}, "
            f"{counted(self.inputs.horizon.days, 'day')} before the election. The closest states, with the Democrat's "
            f"chance of winning: {states}."
        )
        if not used:
            basis = "past results" if self.inputs.fundamentals is None else "past results and fundamentals"
            return f"{text} No poll was used: this is what {basis} say."
        biases = self.scales.filter(pl.col("scale") == "shared_bias_sd")["estimate"].item() / 4
        pollsters = counted(self.fit.polls.table["pollster"].n_unique(), "pollster")
        aside = f" ({int(self.set_aside['n'].sum()):,} set aside)" if self.set_aside.height else ""
        return (
            f"{text} The forecast uses {counted(used, 'poll')} from {pollsters}{aside}. All polls may be off in the "
            f"same direction; the forecast allows for {points(biases)} points of that (one standard deviation)."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the closest states' shares with their intervals."""
        rows = self.table.sort((pl.col("estimate") - 0.5).abs()).head(SHOWN).sort("estimate", descending=True)
        title = f"Democrat's share of the two-party vote, {self.confidence_level:.0%} interval"
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
    """Forecast a presidential election state by state, from what was known on a given day.

    Parameters
    ----------
    polls : table or None
        One row per poll: `state` (name or code; ``US`` is the nation), `pollster`, `start_date`, `end_date`,
        `sample_size`, `dem` and `rep` (percent), and where known `mode`, `population` and `sponsor` (the party that
        paid; null: neither). None: there are no polls, and the forecast rests on past results.
    results : table
        Earlier elections: `year`, `state`, `dem`, `rep` (votes or shares) and `total_votes`, a row for each of the 50
        states and DC. Rows of this election's year or later are ignored.
    on, as_of : date or ISO text
        Election day, and the day of the forecast; polls that ended later are set aside and counted.
    states : table, optional
        `state` and columns of numbers that say which states are alike, such as incomes. None: the shares in the last
        three elections, and the census regions and divisions.
    fundamentals : table, optional
        `state` and `share` (0 to 1): what to expect apart from polls; see `Notes`. None: the last result.
    history : table, optional
        Polls of earlier elections, with the same columns: how far they missed shows how wrong polls can be. None: only
        the size of states' swings is learned, and polls' shared errors keep the prior in `Settings`.
    settings : Settings, optional
        The model's scales. None: the defaults.
    aliases : mapping, optional
        From one of a pollster's names to the one to use, beyond `pollster_aliases`. ``.pollsters`` lists every change.
    columns : mapping, optional
        From a column name above to the poll table's own.
    confidence_level : float
        Of the intervals.

    Returns
    -------
    Forecast

    Raises
    ------
    BadValue
        A state is unknown, a share is impossible, dates are out of order, or `as_of` is after `on`.
    ColumnNotFound
        A table lacks a column.
    NotEnoughData
        `results` holds no earlier election.

    Notes
    -----
    The model is Gaussian on the logit scale. A state's result is its last one (or the fundamentals) plus a swing of the
    nation and one of its own, which is similar in similar states. A poll measures the result, less what the state
    drifts until election day, plus the effects of its house, mode, population and sponsor, its own error beyond
    sampling, and two errors that no number of polls averages away: one shared by all polls, one by all polls of a
    state. One Cholesky of the polls' covariance gives the posterior. Three scales (states' swings and the two shared
    errors) are learned from how earlier elections came out, as many days before theirs as this forecast is before its
    own, and integrated over, so that the forecast is a mixture of Gaussians. No election's result enters its own
    forecast.

    `fundamentals` may have a `date` (the latest up to `as_of` counts) and a `year` (to be used for earlier elections
    too). One row ``US`` moves every state's last result by the same logit.

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
