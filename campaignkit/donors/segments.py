"""Which donors fall for whom: every conjunction of attributes searched, each effect shown once and confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.donors import evidence
from campaignkit.donors.attributes import Binning, binnings
from campaignkit.donors.halves import Half, halves
from campaignkit.donors.reading import Columns, Rows, read
from campaignkit.donors.searching import choose, search_all
from campaignkit.donors.tabulated import segment_table, variant_table
from campaignkit.errors import BadValue, NotEnoughData, listed
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.tables import unit_of

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Segments", "discover_segments"]

SURE = 20.0  # people expected, of whom there is none: by chance once in e**20
EXACT = "Fisher's exact test, one-sided (hypergeometric; saddlepoint where counts are large)"
ROBUST = "Fisher's exact test, one-sided, on counts divided by the design effect of {} (Rao & Scott 1992)"


@dataclass(frozen=True, eq=False, repr=False)
class Segments(Result):
    """Segments with more of the outcome than other people, the best first.

    `table` has one row a segment:

    - ``segment``: its conditions in words; ``where``: in SQL, as a universe takes them;
    - of the half that searched: ``size`` and ``positives`` (people, and those with the outcome; never weighted),
      ``rate`` (weighted where there are weights), ``lift`` (the rate over that of all others) with ``lift_lower``
      and ``lift_upper`` (95%, Koopman's score interval; null where it has no end), ``z`` (standard deviations
      above a random draw), ``wracc`` (share of people × rate's distance from everyone's), ``p_value`` and
      ``p_adjusted`` (Benjamini–Hochberg over all that were searched), ``design_effect`` (how many people one
      independent person counts for; 1 without clusters and weights), ``amount_mean``, ``amount_lower``,
      ``amount_upper`` (dollars a head, 95%, Student's t; null without `amount`);
    - the same of the half that confirms, as ``holdout_…``: ``size, positives, rate, lift, lift_lower,
      lift_upper, z, p_value, p_adjusted`` (Holm over the rows shown) and the amounts; null without `holdout`;
    - ``parent``: the segment without one of its conditions that it beats least clearly ("everyone" for one
      condition); ``gain_over_parent``: its rate over that of the parent's other people; ``gain_p_value``: the
      chance of such a gain by a random draw from the parent, the largest over all parents; ``gain_p_adjusted``:
      Holm over all that were searched.

    Numbers of the half that searched are too good, since the best were picked by them; the held-out ones are not.

    Attributes
    ----------
    outcome : str
        The outcome's column.
    also : polars.DataFrame
        One row a variant that `distinct` left out: ``segment``, ``where``, ``variant_of`` (the segment shown) and
        ``reason``.
    searched : int
        How many segments were searched.
    people, held_out : int
        Rows that searched, and that confirm.
    rows_are : str
        "people", or "rows" where a person has several.
    rate : float
        The share of those who searched with the outcome.
    method, correction : str
        How the p-values were made, and adjusted.
    q : float
        The level that was asked for.
    rank : str
        What the table is sorted by.
    set_aside : int
        Rows without an outcome, which were left out.
    constant : tuple of str
        Columns with one value, which make no condition.
    telling : tuple of str
        Values of columns of whose people nobody, or everybody, has the outcome, against all chance.
    """

    outcome: str
    also: pl.DataFrame
    searched: int
    people: int
    held_out: int
    rows_are: str
    rate: float
    method: str
    correction: str
    q: float
    rank: str
    set_aside: int
    constant: tuple[str, ...]
    telling: tuple[str, ...]

    @property
    def confirmed(self) -> pl.DataFrame:
        """The rows that held up: ``holdout_p_adjusted`` at most q.

        Examples
        --------
        >>> import campaignkit as ck
        >>> people = ck.sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
        >>> found = ck.donors.discover_segments(people, "entered", ["region", "sex", "age_band"], unit="person")
        >>> found.confirmed.height <= found.table.height
        True
        """
        return self.table.filter(pl.col("holdout_p_adjusted") <= self.q)

    def summary(self) -> str:
        """Say how many were searched, how many held up, what the first is worth, and what this does not show."""
        who = f"{self.searched:,} segments were searched among {self.people:,} {self.rows_are}, {self.rate:.1%} with "
        start = f"{who}{self.outcome}{self._aside()}"
        stand_out = self.table.filter(pl.col("p_adjusted") <= self.q).height
        if not stand_out:
            return f"{start}; none stands out beyond chance (false-discovery rate {self.q:g})."
        held = f", and {self.confirmed.height} of them held up among {self.held_out:,} others" if self.held_out else ""
        return f"{start}; {_counted(stand_out, self.table.height)}{held}. {self._first()} {self._caution()}"

    def _aside(self) -> str:
        return f" ({self.set_aside:,} rows without an outcome set aside)" if self.set_aside else ""

    def _first(self) -> str:
        row = self.table.row(0, named=True)
        half = "holdout_" if self.held_out and row["holdout_size"] else ""
        rate, lift = row[f"{half}rate"], row[f"{half}lift"]
        if lift is None:
            return f"The first is {row['segment']}, with {rate:.1%}."
        lower, upper = row[f"{half}lift_lower"], row[f"{half}lift_upper"]
        bounds = "" if lower is None or upper is None else f" (95% interval {lower:.2f} to {upper:.2f})"
        extra = 1000 * (rate - rate / lift) if lift else 0.0
        dollars = row[f"{half}amount_mean"]
        worth = f", and {dollars:,.2f} dollars a head" if dollars is not None else ""
        where = "held out, " if half else ""
        return (
            f"The first is {row['segment']}: {where}{rate:.1%}, {lift:.2f} times the rate of all others{bounds}; "
            f"that is {extra:,.0f} more in every 1,000{worth}."
        )

    def _caution(self) -> str:
        unheld = "" if self.held_out else " Nothing was held out, so the lifts shown are too high."
        return f"This says who responded, not what would change anyone's mind.{unheld}{self._told()}"

    def _told(self) -> str:
        if not self.telling:
            return ""
        return f" Beware: {listed(self.telling)}; a column that is {self.outcome} in other words should not be in by."

    def chart(self) -> alt.TopLevelMixin | None:
        """Draw each segment's lift with its interval, the searched half beside the held-out."""
        if self.table.is_empty():
            return None
        names = ["lift", "lift_lower", "lift_upper"]
        halves = [self.table.select("segment", *names, half=pl.lit("searched"))]
        if self.held_out:
            twin = [pl.col(f"holdout_{name}").alias(name) for name in names]
            halves.append(self.table.select("segment", *twin, half=pl.lit("held out")))
        order = pl.col("segment").cast(pl.Enum(self.table["segment"].to_list()))
        rows = pl.concat(halves).sort(order, maintain_order=True)
        return charts.intervals(
            rows, "segment", *names, series="half", reference=1.0, number=".2~f", description=self.summary(),
            title=f"Times as many with {self.outcome} as among all others",
        )  # fmt: skip


def _counted(stand_out: int, shown: int) -> str:
    if stand_out == shown:
        return f"{stand_out} stand{'s' if stand_out == 1 else ''} out beyond chance"
    return f"{stand_out} of the {shown} shown stand out beyond chance"


def discover_segments(
    data: object,
    outcome: str,
    by: str | Iterable[str] | Mapping[str, Binning],
    *,
    unit: str | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    amount: str | None = None,
    rank: str = "z",
    max_depth: int = 3,
    min_size: int = 200,
    top: int = 20,
    q: float = 0.05,
    holdout: float | None = 0.5,
    distinct: bool = True,
    seed: int = 0,
) -> Segments:
    """Find the groups of people with more of an outcome than others, and confirm them on people held out.

    Every conjunction of at most `max_depth` conditions is searched, where a condition is a column's value (null
    is one) or a range of its numbers. The null hypothesis of a segment is that its people are a random draw of
    all: that the outcome does not go with being in it. Its p-value is the chance of as many positives or more.
    Its lift is its rate over that of its complement, all other people.

    Parameters
    ----------
    data : table
        One row a person, or a universe, of which `outcome` and `by` may also name facts such as
        ``entered('host_a')``.
    outcome : str
        A column of booleans or 0/1. Rows where it is null are set aside and counted.
    by : str, iterable of str, or mapping
        The columns to search: text, booleans, dates and numbers. Whole numbers with up to 20 values are taken as
        they are; all others are cut into five groups of about one size. A mapping says how each column of numbers
        is cut: at edges (``[30, 45]``: under 30, 30 to under 45, 45 or more), into a number of groups, or (None)
        as just said.
    unit : str or None
        The person's id, by which people are split in halves. Where ids come more than once they are clusters. None:
        of a universe ``person_id``; otherwise row position, for tables that are not lazy.
    cluster : str or None
        Households, or whatever else was drawn together; all of a cluster are in one half. Where it is null, the
        row stands for itself. None: people are independent.
    weight : str or None
        Survey weights, not negative. None: all alike.
    amount : str or None
        Dollars each row brought, for ``amount_mean``; null counts as 0 where the outcome is not there. None: the
        columns of amounts are null.
    rank : {"z", "lower", "lift", "wracc", "dollars"}
        What the best have most of: evidence, the lift's lower bound, the lift, weighted relative accuracy, or
        dollars a head (needs `amount`).
    max_depth : int
        The most conditions, 1 to 4.
    min_size : int
        The fewest people of the half that searches.
    top : int
        The most segments to show.
    q : float
        The false-discovery rate to keep.
    holdout : float or None
        The share of clusters (or people) that confirm. None: all search, and nothing is confirmed.
    distinct : bool
        Whether to show each effect once: segments with ``p_adjusted`` ≤ q that beat every parent beyond chance
        (``gain_p_adjusted`` ≤ q), less those that a better one makes redundant (see Notes). False: the top
        segments, whatever their p-values.
    seed : int
        Another seed, another split.

    Returns
    -------
    Segments

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        An argument or a column is not as said above.
    NotEnoughData
        Everybody has the outcome, or nobody; or no segment has `min_size` people.

    Notes
    -----
    People are split by the sha256 of their cluster's id and the seed, the same on every engine.

    With `cluster` or `weight` each segment's counts are divided by its design effect before the exact test: the
    variance of its score over clusters by that of as many independent people. ``method`` says so.

    `distinct` goes through the segments that beat all parents, the most evidence first. One that shares 80% of
    the people of one already kept (Jaccard) is a variant of it; so is one of which 80% lie inside a kept one that
    it does not beat; and one that, without the kept ones inside it, no longer differs from its best parent: with
    women of the West kept, the West is held against elsewhere among men. The last two are tested at q over the
    number of segments that beat their parents. Holm's correction of the gains keeps the chance that any row is
    false at q, and hence the false-discovery rate of the rows shown, whichever variants are then taken out;
    Benjamini–Hochberg alone would not keep it.

    References
    ----------
    Klösgen (1996), in Advances in Knowledge Discovery and Data Mining, 249–271, for the task and WRAcc. Benjamini
    and Hochberg (1995), JRSS B 57, section 3.1. Webb (2007), Machine Learning 68, 1–33, sections 4.1 and 4.4, for
    tests against every parent and for holdouts. Rao and Scott (1992), Biometrics 48, 577–585, section 2.

    Examples
    --------
    >>> import campaignkit as ck
    >>> people = ck.sample.draw("contest", 20_000, seed=1, host="host_a", appeal=4.0).table
    >>> found = ck.donors.discover_segments(
    ...     people, outcome="entered", by=["region", "sex", "age_band", "homeowner"], unit="person", cluster="household"
    ... )
    >>> found.table["segment"][0]
    'region West, sex F, age_band 40–49'
    >>> found.table["where"][0]
    '"region" = \\'West\\' AND "sex" = \\'F\\' AND "age_band" = \\'40–49\\''
    """
    columns = Columns(outcome, binnings(by), unit_of(data, unit), cluster, weight, amount)
    _check(columns, rank, max_depth, min_size, top, q, holdout, distinct, seed)
    steps = Steps("discover_segments")
    with steps.step("reading"):
        rows, constant = _searchable(read(data, columns, holdout, seed), min_size)
        half, other = halves(rows)
        _check_halves(half, other, outcome)
    with steps.step("searching"):
        search = search_all(half, max_depth, min_size, dollars=rank == "dollars")
    with steps.step("confirming"):
        shown, variants = choose(half, search, rank, top, q, distinct)
        table = segment_table(search, shown, half, other)
    steps.close()
    correction = "Benjamini–Hochberg over all searched; gains: Holm over all searched; held out: Holm over those shown"
    several = cluster is None and half.cluster is not None
    return Segments(
        table=table,
        outcome=outcome,
        also=variant_table(search, variants, shown, half),
        searched=len(search.items),
        people=half.rows,
        held_out=0 if other is None else other.rows,
        rows_are="rows" if several else "people",
        rate=half.rate,
        method=_method(half, columns),
        correction=correction,
        q=q,
        rank=rank,
        set_aside=rows.set_aside,
        constant=constant,
        telling=_telling(half),
    )


def _check(
    columns: Columns, rank: str, max_depth: int, min_size: int, top: int, q: float, holdout: float | None,
    distinct: bool, seed: int,
) -> None:  # fmt: skip
    check_scalar(rank, "rank", typ=str, choices=evidence.RANKS)
    check_scalar(max_depth, "max_depth", typ=int, ge=1, le=4)
    check_scalar(min_size, "min_size", typ=int, ge=1)
    check_scalar(top, "top", typ=int, ge=1)
    check_scalar(q, "q", typ=float, gt=0, lt=1)
    check_scalar(holdout, "holdout", typ=float, gt=0, lt=1, optional=True)
    check_scalar(distinct, "distinct", typ=bool)
    check_scalar(seed, "seed", typ=int)
    for name in ("outcome", "unit", "cluster", "weight", "amount"):
        value = getattr(columns, name)
        check_scalar(value, name, typ=str, optional=name != "outcome")
        if value in columns.by:
            raise BadValue(f"by and {name} both name {value!r}; a column plays one part.")
    if rank == "dollars" and columns.amount is None:
        raise BadValue("rank is 'dollars', but amount is None; name the column of dollars.")


def _searchable(rows: Rows, min_size: int) -> tuple[Rows, tuple[str, ...]]:
    """Leave out values too rare in the searching half to make a segment, and those that everybody has."""
    searching = slice(None) if rows.held_out is None else ~rows.held_out
    attributes, constant = [], []
    for one in rows.attributes:
        n = np.bincount(one.codes[searching], minlength=one.values)[: one.values]
        if (n > 0).sum() == 1 and n.sum() == len(one.codes[searching]):
            constant.append(one.name)
            continue
        fitted = one.keep(n >= min_size)
        attributes += [fitted] if fitted.values else []
    if not attributes:
        raise NotEnoughData(
            f"No value of {', '.join(one.name for one in rows.attributes)} sets {min_size:,} people of the half that "
            "searches apart; lower min_size, or search other columns."
        )
    return replace(rows, attributes=attributes), tuple(constant)


def _telling(half: Half) -> tuple[str, ...]:
    """Return values that leave no doubt of the outcome, where at least `SURE` people would differ by chance."""
    said = []
    for one in half.attributes:
        n, k = (
            np.bincount(one.codes[rows], minlength=one.values)[: one.values] for rows in (slice(None), half.outcome)
        )
        nobody = (k == 0) & (n * half.rate >= SURE)
        everybody = (k == n) & (n * (1 - half.rate) >= SURE)
        for who, at in (("nobody", nobody), ("everybody", everybody)):
            said += [f"{who} with {one.labels[value]} has the outcome" for value in np.flatnonzero(at)]
    return tuple(said)


def _check_halves(half: Half, other: Half | None, outcome: str) -> None:
    for one, name in ((half, "that searches"), (other, "held out")):
        if one is None:
            continue
        positives = int(one.outcome.sum())
        if positives in (0, one.rows) or not 0 < one.rate < 1:
            who = "nobody has" if positives == 0 else "everybody has"
            raise NotEnoughData(
                f"Of {one.rows:,} people in the half {name}, {who} {outcome}; segments can't differ. Pass those "
                "without the outcome too, or more people."
            )


def _method(half: Half, columns: Columns) -> str:
    if not half.robust:
        return EXACT
    clusters = columns.cluster or columns.unit
    of = [f"clusters ({clusters})" if half.cluster is not None else "", "weights" if half.mass is not None else ""]
    return ROBUST.format(" and ".join(part for part in of if part))
