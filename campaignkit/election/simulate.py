"""The election many times over: states' chances, electoral votes, tipping states, and what-if questions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import logit

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.election.data import tiles
from campaignkit.election.model.drawing import Conditions, batches, draw, frame
from campaignkit.election.model.race import NEEDED, Race
from campaignkit.election.model.states import state_name
from campaignkit.errors import BadValue
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats
from campaignkit.stats.prediction.pivotal import tipping_points
from campaignkit.wording import share as in_words

if TYPE_CHECKING:
    import altair as alt
    import pyarrow as pa

ELECTIONS = 66_000
MOST = 50_000_000
FEW = 1_000  # effective draws below which a conditional chance is too rough
POINT = 0.01


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Result):
    """Elections drawn from a forecast, with or without conditions.

    `table` has one row per unit (a state, or a district with its own electoral vote): ``state``, ``electoral_votes``,
    ``estimate`` (the Democrat's share of the two-party vote, at the mean logit), ``lower``, ``upper`` (its interval)
    and ``chance`` (that the Democrat wins it).

    Attributes
    ----------
    race : Race
        The units and the distribution of their logits.
    n, seed : int
        How many elections, and the seed that draws them again: they are not kept in memory.
    on, as_of : date
        The election, and the day of the forecast.
    confidence_level : float
        Of the intervals.
    conditions : Conditions
        What every election meets.
    votes : array
        The Democrat's electoral votes in each election that meets the conditions.
    weight : array or None
        The importance weight of each of these elections; None: all are equal.
    """

    race: Race
    n: int
    seed: int
    on: dt.date
    as_of: dt.date
    confidence_level: float
    conditions: Conditions
    votes: np.ndarray
    weight: Floats | None

    @property
    def win_probability(self) -> float:
        """The chance that the Democrat wins 270 or more electoral votes.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> 0.6 < odds.simulate(10_000, seed=1).win_probability < 0.95
        True
        """
        return self._mean(self.votes >= NEEDED)

    @property
    def tie_probability(self) -> float:
        """The chance that nobody wins 270, which sends the election to the House of Representatives.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> 0 < odds.simulate(10_000, seed=1).tie_probability < 0.02
        True
        """
        total = int(self.race.votes.sum())
        return self._mean((self.votes < NEEDED) & (total - self.votes < NEEDED))

    @property
    def effective_n(self) -> float:
        """How many equally weighted elections would be as precise as these.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> odds.simulate(1_000, seed=1).effective_n
        1000.0
        """
        return float(len(self.votes)) if self.weight is None else float(self.weight.sum() ** 2 / (self.weight**2).sum())

    @property
    def std_error(self) -> float:
        """The simulation's own standard error in `win_probability`.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> 0.01 < odds.simulate(1_000, seed=1).std_error < 0.02
        True
        """
        p = self.win_probability
        return float(np.sqrt(p * (1 - p) / self.effective_n))

    def _mean(self, values: np.ndarray) -> float:
        return float(np.average(values, weights=self.weight))

    def given(
        self,
        *states: str,
        won: bool | None = None,
        share: tuple[float | None, float | None] | None = None,
        where: pl.Expr | None = None,
    ) -> Simulation:
        """Return elections under a condition, on top of any earlier ones.

        Parameters
        ----------
        *states : str
            States (or districts); `won` or `share` applies to each of them.
        won : bool, optional
            Whether the Democrat wins them.
        share : (float or None, float or None), optional
            Lowest and highest share for the Democrat there. None: no bound.
        where : polars.Expr, optional
            Any condition on the columns of `draws`, such as ``pl.col("electoral_votes") < 300``. Elections that do not
            meet it are thrown away; conditions on states throw none away.

        Returns
        -------
        Simulation
            As many elections, drawn again under the conditions and weighted; see `effective_n`.

        Raises
        ------
        BadValue
            States are named with neither or both of `won` and `share`, or the conditions contradict each other.
        NotEnoughData
            No election meets the conditions.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> drawn = odds.simulate(10_000, seed=1)
        >>> drawn.given("OH", won=False).win_probability < drawn.win_probability
        True
        """
        if bool(states) != ((won is None) != (share is None)):
            raise BadValue("given: with states, pass won=True, won=False or share=(low, high).")
        if not states and where is None:
            raise BadValue("given: no condition; name states, or pass a condition on the draws as where=.")
        bounds, words = dict(self.conditions.bounds), list(self.conditions.words)
        for name in states:
            at = self.race.unit(name)
            low, high = _bounds(won, share)
            old = bounds.get(at, (-np.inf, np.inf))
            bounds[at] = max(low, old[0]), min(high, old[1])
            if not bounds[at][0] < bounds[at][1]:
                raise BadValue(f"given: the conditions on {name} contradict each other.")
            words.append(_words(state_name(self.race.units[at]), won, share))
        kept = self.conditions.where
        if where is not None:
            kept = where if kept is None else kept & where
            words.append(_written(where))
        under = Conditions(bounds, kept, tuple(words))
        drawn = draw(self.race, self.n, self.seed, self.confidence_level, under)
        return replace(self, table=drawn.table, conditions=under, votes=drawn.votes, weight=drawn.weight)

    def batches(self) -> Iterator[tuple[Floats, Floats | None]]:
        """Yield the elections again, in batches: logits (one row per election, one column per unit) and weights.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> sum(len(drawn) for drawn, _ in odds.simulate(1_000, seed=1).batches())
        1000
        """
        yield from batches(self.race, self.n, self.seed, self.conditions)

    def draws(self) -> pa.RecordBatchReader:
        """Return the elections as Arrow: one row per election.

        Columns: ``electoral_votes``, ``national_share``, ``weight``, and the Democrat's share of the two-party vote in
        each unit. The reader yields batches, so that millions take little memory; ``.read_all()`` returns a table.
        DuckDB and Polars read it directly.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> odds.simulate(1_000, seed=1).draws().read_all().num_rows
        1000
        """
        import pyarrow as pa

        names = ["electoral_votes", "national_share", "weight", *self.race.units]
        types = [pa.int16(), pa.float32(), pa.float64(), *[pa.float32()] * len(self.race.units)]
        schema = pa.schema(list(zip(names, types, strict=True)))

        def rows() -> Iterator[pa.RecordBatch]:
            for drawn, weight in self.batches():
                yield frame(self.race, drawn, weight).to_arrow().cast(schema).combine_chunks().to_batches()[0]

        return pa.RecordBatchReader.from_batches(schema, rows())

    @cached_property
    def tipping(self) -> pl.DataFrame:
        """How often each state puts the winner over 270: ``state``, ``tipping_share``.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> odds.simulate(10_000, seed=1).tipping["state"][0]
        'OH'
        """
        total = np.zeros(len(self.race.units) + 1)
        for drawn, weight in self.batches():
            at = tipping_points(drawn, self.race.votes, NEEDED)
            total += np.bincount(at + 1, weights=weight, minlength=len(total))
        table = pl.DataFrame({"state": self.race.units, "tipping_share": total[1:] / total.sum()})
        return table.sort("tipping_share", descending=True, maintain_order=True)

    @cached_property
    def closest(self) -> pl.DataFrame:
        """How close states are: ``state``, ``closest_share`` (how often it is the closest state) and
        ``within_point_share`` (how often the parties are within a point of each other).

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> odds.simulate(10_000, seed=1).closest.columns
        ['state', 'closest_share', 'within_point_share']
        """
        units = len(self.race.units)
        closest, near, total = np.zeros(units), np.zeros(units), 0.0
        for drawn, weight in self.batches():
            margin = np.abs(drawn)
            mass = np.ones(len(drawn)) if weight is None else weight
            closest += np.bincount(margin.argmin(axis=1), weights=mass, minlength=units)
            near += mass @ (margin < 2 * POINT)  # shares within half a point of one half
            total += mass.sum()
        columns = {"state": self.race.units, "closest_share": closest / total, "within_point_share": near / total}
        return pl.DataFrame(columns).sort("closest_share", descending=True, maintain_order=True)

    def summary(self) -> str:
        """Say the chances of winning and of a tie, the electoral votes, the conditions, and the simulation's error."""
        under = f" if {' and '.join(self.conditions.words)}" if self.conditions.words else ""
        low, middle, high = (int(v) for v in self.quantiles([0.05, 0.5, 0.95]))
        text = (
            f"The Democrat wins 270 or more electoral votes in {in_words(self.win_probability)} of {self.n:,} "
            f"elections drawn from the forecast of {self.as_of}{under}; nobody does in "
            f"{in_words(self.tie_probability)}. The median is {middle} electoral votes; nine in ten elections give "
            f"{low} to {high}. These are chances under the model, not shares of the vote; the simulation's own error "
            f"is ±{100 * self.std_error:.2f} points."
        )
        if self.conditions.words and self.effective_n < FEW:
            text += f" Only {self.effective_n:,.0f} effective draws are left: too few for more than a rough number."
        return text

    def quantiles(self, probabilities: list[float]) -> list[float]:
        """Return quantiles of the electoral votes.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> low, high = odds.simulate(10_000, seed=1).quantiles([0.05, 0.95])
        >>> low < 332 < high
        True
        """
        mass = np.bincount(self.votes, weights=self.weight, minlength=int(self.race.votes.sum()) + 1)
        below = np.cumsum(mass) / mass.sum()
        return [float(np.searchsorted(below, p)) for p in probabilities]

    def histogram(self) -> pl.DataFrame:
        """Return how often each number of electoral votes comes up: ``electoral_votes``, ``share``.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> round(odds.simulate(10_000, seed=1).histogram()["share"].sum(), 9)
        1.0
        """
        mass = np.bincount(self.votes, weights=self.weight, minlength=int(self.race.votes.sum()) + 1)
        table = pl.DataFrame({"electoral_votes": np.arange(len(mass)), "share": mass / mass.sum()})
        return table.filter(pl.col("share") > 0)

    def chart(self) -> alt.TopLevelMixin:
        """Draw the histogram of electoral votes, winning totals in a color of their own."""
        alt = charts.house()
        enough, fewer = "270 or more", "fewer than 270"
        wins = pl.when(pl.col("electoral_votes") >= NEEDED).then(pl.lit(enough)).otherwise(pl.lit(fewer))
        rows = self.histogram().with_columns(outcome=wins)
        chart = alt.Chart(rows).mark_bar(width=2)
        chart = chart.encode(
            x=alt.X("electoral_votes:Q", title="electoral votes for the Democrat", scale=alt.Scale(zero=False)),
            y=alt.Y("share:Q", title="share of elections", axis=alt.Axis(format=".1~%")),
            color=alt.Color("outcome:N", title=None, sort=[enough, fewer]),
            tooltip=["electoral_votes:Q", alt.Tooltip("share:Q", format=".2%")],
        )
        title = f"Electoral votes in {self.n:,} elections"
        return chart.properties(description=self.summary(), title=title, width=charts.WIDTH, height=220)

    def map(self) -> alt.TopLevelMixin:
        """Return a tile map of the states, colored by the Democrat's chance of winning each.

        Examples
        --------
        >>> import campaignkit as ck
        >>> polls, results = ck.election.polls_2012(), ck.election.results()
        >>> odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-11-01")
        >>> len(odds.simulate(1_000, seed=1).map().to_dict()["layer"])
        2
        """
        alt = charts.house()
        rows = self.table.join(tiles(), on="state").select(
            "state", "electoral_votes", "chance", "estimate", row="map_row", column="map_column"
        )
        base = alt.Chart(rows).encode(
            x=alt.X("column:O", axis=None), y=alt.Y("row:O", axis=None),
            tooltip=["state:N", "electoral_votes:Q", alt.Tooltip("chance:Q", format=".1%"),
                     alt.Tooltip("estimate:Q", format=".1%")],
        )  # fmt: skip
        scale = alt.Scale(domain=[0, 0.5, 1], range=["#D55E00", "#f4f4f4", "#0072B2"])
        legend = alt.Legend(format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
        color = alt.Color("chance:Q", title="chance", scale=scale, legend=legend)
        squares = base.mark_rect(cornerRadius=3).encode(color=color)
        ink = alt.condition("datum.chance > 0.85", alt.value("#fff"), alt.value("#222"))
        text = base.mark_text(fontSize=11).encode(text="state:N", color=ink)
        leader = self.table.filter(pl.col("chance") > 0.5)
        description = (
            f"Tile map of the states by the Democrat's chance: above 50% in {leader.height} of {self.table.height}."
        )
        title = "The Democrat's chance in each state"
        return alt.layer(squares, text).properties(description=description, title=title, width=charts.WIDTH, height=330)

    def percentages(self) -> list[str]:
        """Return the columns of shares and chances."""
        return ["estimate", "lower", "upper", "chance"]


def _bounds(won: bool | None, share: tuple[float | None, float | None] | None) -> tuple[float, float]:
    """Return bounds of a logit."""
    if won is not None:
        return (0.0, np.inf) if won else (-np.inf, 0.0)
    low, high = share or (None, None)
    check_scalar(low, "share", typ=float, ge=0, lt=1, optional=True)
    check_scalar(high, "share", typ=float, gt=0, le=1, optional=True)
    return float(logit(0.0 if low is None else low)), float(logit(1.0 if high is None else high))


def _written(where: pl.Expr) -> str:
    """Return an expression as a person would write it.

    >>> _written((pl.col("electoral_votes") > 300) & (pl.col("OH") < 0.5))
    '(electoral_votes > 300) & (OH < 0.5)'
    """
    text = re.sub(r"dyn \w+: |[\[\]]", "", str(where))
    return re.sub(r"\(([\w.-]+)\)", r"\1", re.sub(r'col\("([^"]*)"\)', r"\1", text))


def _words(unit: str, won: bool | None, share: tuple[float | None, float | None] | None) -> str:
    if won is not None:
        return f"{unit} is {'won' if won else 'lost'}"
    low, high = share or (None, None)
    return f"the Democrat gets {in_words(low or 0.0)} to {in_words(1.0 if high is None else high)} in {unit}"


def simulate(
    race: Race, on: dt.date, as_of: dt.date, n: int = ELECTIONS, seed: int = 0, confidence_level: float = 0.95
) -> Simulation:
    """Return elections drawn from a race; see `Forecast.simulate`."""
    check_scalar(n, "n", typ=int, gt=0, le=MOST)
    check_scalar(seed, "seed", typ=int, ge=0)
    none = Conditions()
    drawn = draw(race, n, seed, confidence_level, none)
    return Simulation(drawn.table, race, n, seed, on, as_of, confidence_level, none, drawn.votes, drawn.weight)
