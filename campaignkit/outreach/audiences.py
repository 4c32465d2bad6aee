"""Where target voters watch: the audience of each network and daypart, and how much of it is the target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue
from campaignkit.outreach.model.panel import MARKET, Panel, Viewed, read_panel
from campaignkit.outreach.model.rating import Counts, Rated, Rater
from campaignkit.result import Result
from campaignkit.stats.arrays import Bounds, Floats
from campaignkit.stats.intervals.gamma_poisson import gamma_bounds
from campaignkit.tables import needed_unit
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import confidence, counted, number

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Audiences", "audiences"]

THIN = 2.0  # a cell counts as thin where its interval's upper end is more than this many times the lower
SHOWN = 20  # cells in the chart
SAMPLING = "Intervals cover the panel's sampling, not week-to-week shifts in viewing."


def audience(value: float) -> str:
    """Return a number of people, impressions or votes in a sentence, without decimals from 100 on.

    Examples
    --------
    >>> audience(779.2), audience(12629.4), audience(3.14159)
    ('779', '12,629', '3.14')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else number(value)


@dataclass(frozen=True, eq=False, repr=False)
class Audiences(Result):
    """The audience of a spot in each cell, the cell with the most target viewers first.

    `table` has one row per cell (market, network, daypart):

    - the market's column if there is one, and those of `by`;
    - ``n``, ``n_targets``: panel members who watched the cell at all, and those of them in the target;
    - ``adults``, ``adults_lower``, ``adults_upper``: how many adults see a spot, in the weights' unit;
    - ``targets`` with bounds: how many people in the target see it (or the votes expected from them);
    - ``index`` with bounds: the target's share of the audience over its share of the market's adults, times 100;
    - ``thin``: whether the upper bound of ``targets`` is over twice the lower: the panel is too small to tell.

    All are shrunk toward what networks, dayparts, and networks within a market have in common. Bounds are the credible
    interval of the shrunk value, a little wide (a 95% interval holds about 98 true audiences in 100). They cover the
    panel's sampling, not viewing that shifts from week to week.

    Attributes
    ----------
    by : list of str
        The columns of a cell, the market's first where there is one.
    market : str or None
        The market's column.
    persons, targets : int
        People in the panel, and those of them in the target.
    people, target_people : float
        How many adults, and how many people in the target (or expected votes), they stand for.
    votes : bool
        Whether the target is the votes expected from each person, rather than people.
    days : int
        Days the panel was watched.
    confidence_level : float
    rater : Rater
        The panel itself, for `buy_plan`.
    """

    by: list[str]
    market: str | None
    persons: int
    targets: int
    people: float
    target_people: float
    votes: bool
    days: int
    confidence_level: float
    rater: Rater

    @property
    def cells(self) -> pl.DataFrame:
        """The cells in the panel's own order, with the columns of `by`.

        Examples
        --------
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("tv_market", 1_000, seed=1, markets=2, networks=12)
        >>> found = ck.outreach.audiences(
        ...     drawn["viewing"], "target", ["network", "half_hour"], unit="person", weight="weight", market="market",
        ...     exposures="days", days=14, panel=drawn["panel"],
        ... )
        >>> found.cells.columns
        ['market', 'network', 'half_hour']
        """
        return _named(self.rater.panel.cells, self.market)

    def summary(self) -> str:
        """Say where a spot finds the most target viewers, and for how many cells the panel is too small."""
        best, thin = self.table.row(0, named=True), int(self.table["thin"].sum())
        place = ", ".join(str(best[name]) for name in self.by)
        what = "expected votes" if self.votes else "people in the target"
        return (
            f"{audience(best['targets'])} {what} see a spot on {place} ({confidence(self.confidence_level)} interval "
            f"{audience(best['targets_lower'])} to {audience(best['targets_upper'])}), the most of "
            f"{counted(self.table.height, 'cell')}. Its target index is {best['index']:.0f}. The panel has "
            f"{counted(self.persons, 'person', 'people')}, {self.targets:,} of them in the target. In "
            f"{counted(thin, 'cell')} that is too few to know the audience within a factor of two. {SAMPLING}"
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the index of the cells where a spot finds the most target viewers."""
        rows = self.table.head(SHOWN).with_columns(cell=pl.concat_str(pl.col(self.by).cast(pl.String), separator=", "))
        return charts.intervals(
            rows, "cell", "index", "index_lower", "index_upper", description=self.summary(), reference=100,
            number=",.0f",
            title=f"Target index (100 = average) of the {rows.height} cells with the most target viewers",
        )  # fmt: skip


def audiences(
    viewing: object,
    target: object,
    by: str | Iterable[str],
    *,
    unit: str | None = None,
    weight: str | None = None,
    market: str | None = None,
    exposures: str | None = None,
    date: str | None = None,
    days: int | None = None,
    panel: object = None,
    score: str | None = None,
    threshold: float | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> Audiences:
    """Estimate how many people in a target see a spot in each cell, from a viewing panel.

    Parameters
    ----------
    viewing : table
        What people (or households) in a panel watched, matched to the campaign's ids: one row per person, cell and
        day; or one row per person and cell, with `exposures`.
    target : table or str
        Who to reach: a universe or a table with the panel's `unit`, one row per person. People in it who are not in
        the panel are ignored. Or a column of `panel` (of `viewing` if there is no `panel`): yes/no, or a score.
    by : str or list of str
        The columns that make a cell within a market, the network first, such as ``["network", "daypart"]``.
    unit : str or None
        The person's id, in all tables. None: ``person_id`` if `viewing` is a universe; otherwise it must be named.
    weight : str or None
        How many adults a panel member stands for. None: 1.
    market : str or None
        The column of the media market, where spots are bought and each person lives. None: there is only one.
    exposures : str or None
        On how many days the person watched the cell, 0 to `days`; minutes divided by the cell's length also work.
        None: rows are counted, or dates if `date` is named.
    date : str or None
        The column of the day. None: not known.
    days : int or None
        How many days the panel was watched. None: the number of different dates.
    panel : table or None
        Everyone in the panel with `unit`, `weight` and `market`, including those who watched nothing. None: those in
        `viewing`.
    score : str or None
        A column (or fact) of `target`: how much each person is worth, at least 0, such as expected persuadable
        votes. None: all alike.
    threshold : float or None
        People with at least this score are the target, all alike. None: the score counts as expected votes if it has
        values other than 0 and 1.
    confidence_level : float
        Of the intervals.

    Returns
    -------
    Audiences

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        Exposures are outside 0 to `days`, a person is in two markets, or an argument is not as described above.
    NotEnoughData
        Nobody in the panel is in the target.

    Notes
    -----
    Raw counts of target viewers are small, and a plan made from them buys the cells that were overestimated. So the
    audience of everyone else is shrunk toward network, daypart, network × market and network × daypart. Times the
    market's ratio of target viewing to other viewing, it is what the target's count would be if the target watched
    what others watch. The index is what the target's count adds to that, shrunk along the same levels
    (`stats.intervals.gamma_poisson`). Counts vary more than Poisson counts, because a person watches on several days.
    Only how people divide their viewing matters here, not how much they watch: each level's variance is taken around
    the person's own total at the level above.

    References
    ----------
    Clayton and Kaldor (1987), Biometrics 43, 671–681; Efron and Morris (1975), Journal of the American Statistical
    Association 70, 311–319.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("tv_market", 1_000, seed=1, markets=2, networks=12)
    >>> found = ck.outreach.audiences(
    ...     drawn["viewing"], "target", ["network", "half_hour"], unit="person", weight="weight", market="market",
    ...     exposures="days", days=14, panel=drawn["panel"],
    ... )
    >>> found.table.height, found.persons
    (1148, 1000)
    """
    names = column_names(by, "by")
    if not names:
        raise BadValue("by is empty; name the columns of a cell, the network first.")
    check_scalar(days, "days", typ=int, ge=1, optional=True)
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    if days is None and date is None:
        raise BadValue("days and date are both None; say how many days the panel was watched, or name the date column.")
    if isinstance(target, str) and score is not None:
        raise BadValue(f"target is the column {target!r}, and score is {score!r}; name one of them.")
    unit = needed_unit(viewing, unit)
    columns = Viewed(names, unit, market, weight, exposures, date, days)
    read = read_panel(viewing, panel, target, columns, (score, threshold))
    rater = Rater(read, names)
    counts = rater.counts()
    table = _table(rater, counts, rater.rate(counts), confidence_level)
    table = _named(table, market)
    votes = not bool(np.isin(read.target, [0.0, 1.0]).all())
    people, wanted = float(read.weight.sum()), float((read.weight * read.target).sum())
    keys = names if market is None else [market, *names]
    return Audiences(
        table.sort("targets", descending=True), keys, market, read.size, int((read.target > 0).sum()), people, wanted,
        votes, read.days, confidence_level, rater,
    )  # fmt: skip


def _named(cells: pl.DataFrame, market: str | None) -> pl.DataFrame:
    return cells.drop(MARKET) if market is None else cells.rename({MARKET: market})


def _table(rater: Rater, counts: Counts, rated: Rated, confidence_level: float) -> pl.DataFrame:
    panel = rater.panel
    unit = panel.target.max() / panel.days
    lower, upper = gamma_bounds(rated.target.mean * unit, rated.shape, confidence_level)
    watched = panel.watched.tocsc()
    wanted = np.bincount(np.repeat(np.arange(panel.cells.height), np.diff(watched.indptr)),
                         (panel.target > 0)[watched.indices], panel.cells.height)  # fmt: skip
    adults, adult_bounds = _adults(rated, panel, confidence_level)
    index, index_bounds = _index(rater, counts, rated, confidence_level)
    return panel.cells.with_columns(
        n=pl.Series(np.diff(watched.indptr), dtype=pl.Int64), n_targets=pl.Series(wanted).cast(pl.Int64),
        adults=pl.Series(adults), adults_lower=pl.Series(adult_bounds[0]), adults_upper=pl.Series(adult_bounds[1]),
        targets=pl.Series(rated.target.mean * unit), targets_lower=pl.Series(lower), targets_upper=pl.Series(upper),
        index=pl.Series(index), index_lower=pl.Series(index_bounds[0]), index_upper=pl.Series(index_bounds[1]),
        thin=pl.Series(upper > THIN * lower),
    )  # fmt: skip


def _adults(rated: Rated, panel: Panel, confidence_level: float) -> tuple[Floats, Bounds]:
    """Return the audience of target and others together, its error mostly that of the larger part."""
    others, target = rated.others.mean, rated.target.mean
    total = others + target
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(total > 0, target / total, 0.0)
        error = 1 / rated.others.shape + own**2 / rated.index.shape
        shape = 1 / error
    return total / panel.days, gamma_bounds(total / panel.days, shape, confidence_level)


def _index(rater: Rater, counts: Counts, rated: Rated, confidence_level: float) -> tuple[Floats, Bounds]:
    """Return the index, and its bounds from those of the ratio of target to others."""
    panel = rater.panel
    cells = panel.cell_market
    share = (panel.inside(panel.weight * rater.share) / panel.inside(panel.weight))[cells]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(rated.others.mean > 0, rated.target.mean / rated.others.mean, np.inf)
    index = lambda odds: 100 / share * np.where(np.isinf(odds), 1.0, odds / (1 + odds))  # noqa: E731
    low, high = gamma_bounds(np.where(np.isinf(ratio), 1.0, ratio), rated.index.shape, confidence_level)
    alone = np.isinf(ratio)
    with np.errstate(invalid="ignore"):
        ends = tuple(index(np.where(alone, np.inf, end)) for end in (low, high))
        return index(ratio), (ends[0], ends[1])
