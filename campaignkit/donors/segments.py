"""Which donors respond to which celebrity: all conjunctions of attributes searched, each effect confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from campaignkit.checks import check_scalar
from campaignkit.donors.segments_result import Segments
from campaignkit.donors.subgroups import evidence
from campaignkit.donors.subgroups.attributes import Binning, binnings
from campaignkit.donors.subgroups.reading import Rows, read
from campaignkit.donors.subgroups.searching import choose, search_all
from campaignkit.donors.subgroups.split_sample import SplitSample, split_samples
from campaignkit.donors.subgroups.tabulated import segment_table, variant_table
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.progress import Steps
from campaignkit.tables import Roles, unit_of
from campaignkit.vocabulary import CONFIDENCE_LEVEL

__all__ = ["discover_segments"]

SURE = 20.0  # people expected where there are none: by chance once in e**20
CORRECTION = "Benjamini–Hochberg over all searched; gains: Holm over all searched; held out: Holm over those shown"
EXACT = "Fisher's exact test, one-sided (hypergeometric; saddlepoint where counts are large)"
ROBUST = "Fisher's exact test, one-sided, on counts divided by the design effect of {} (Rao & Scott 1992)"


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
    confidence_level: float = CONFIDENCE_LEVEL,
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
        One row per person, or a universe, of which `outcome` and `by` may also name facts such as
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
        dollars each (needs `amount`).
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
    confidence_level : float
        Of the intervals; 0.5 or more, below 1.
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
    'region West, women, age 40–49'
    >>> found.table["where"][0]
    '"region" = \\'West\\' AND "sex" = \\'F\\' AND "age_band" = \\'40–49\\''
    """
    cuts = binnings(by)
    roles = Roles(
        outcomes=(outcome,), by=tuple(cuts), unit=unit_of(data, unit), cluster=cluster, weight=weight,
        others=() if amount is None else (amount,),
    )  # fmt: skip
    check_scalar(confidence_level, "confidence_level", typ=float, ge=0.5, lt=1)
    _check(roles, amount, rank, max_depth, min_size, top, q, holdout, distinct, seed)
    steps = Steps("discover_segments")
    with steps.step("reading"):
        rows, constant = _searchable(read(data, roles, cuts, amount, holdout, seed), min_size)
        sample, holdout_sample = split_samples(rows)
        _check_samples(sample, holdout_sample, outcome)
    with steps.step("searching"):
        search = search_all(sample, max_depth, min_size, dollars=rank == "dollars")
    with steps.step("confirming"):
        shown, variants = choose(sample, search, rank, top, q, distinct, confidence_level)
        table = segment_table(search, shown, sample, holdout_sample, confidence_level)
    steps.close()
    several = cluster is None and sample.cluster is not None
    return Segments(
        table=table, outcome=outcome, redundant=variant_table(search, variants, shown, sample),
        searched=len(search.items), people=sample.rows, held_out=0 if holdout_sample is None else holdout_sample.rows,
        rows_are="rows" if several else "people", rate=sample.rate, method=_method(sample, roles),
        correction=CORRECTION, q=q, rank=rank, set_aside=rows.set_aside, constant=constant,
        leaking_values=_leaking_values(sample), confidence_level=confidence_level, rows_fetched=rows.fetched,
    )  # fmt: skip


def _check(
    roles: Roles, amount: str | None, rank: str, max_depth: int, min_size: int, top: int, q: float,
    holdout: float | None, distinct: bool, seed: int,
) -> None:  # fmt: skip
    check_scalar(rank, "rank", typ=str, choices=evidence.RANKS)
    check_scalar(max_depth, "max_depth", typ=int, ge=1, le=4)
    check_scalar(min_size, "min_size", typ=int, ge=1)
    check_scalar(top, "top", typ=int, ge=1)
    check_scalar(q, "q", typ=float, gt=0, lt=1)
    check_scalar(holdout, "holdout", typ=float, gt=0, lt=1, optional=True)
    check_scalar(distinct, "distinct", typ=bool)
    check_scalar(seed, "seed", typ=int)
    roles.check("unit", "cluster", "others", others="amount")
    if rank == "dollars" and amount is None:
        raise BadValue("rank is 'dollars', but amount is None; name the column of dollars.")


def _searchable(rows: Rows, min_size: int) -> tuple[Rows, tuple[str, ...]]:
    """Leave out values too rare in the searching half to make a segment, and those that everybody has."""
    searching = slice(None) if rows.held_out is None else ~rows.held_out
    attributes, constant = [], []
    for attribute in rows.attributes:
        n = np.bincount(attribute.codes[searching], minlength=attribute.values)[: attribute.values]
        if (n > 0).sum() == 1 and n.sum() == len(attribute.codes[searching]):
            constant.append(attribute.name)
            continue
        fitted = attribute.keep(n >= min_size)
        attributes += [fitted] if fitted.values else []
    if not attributes:
        raise NotEnoughData(
            f"No value of {', '.join(attribute.name for attribute in rows.attributes)} sets {min_size:,} people of the "
            "half that searches apart; lower min_size, or search other columns."
        )
    return replace(rows, attributes=attributes), tuple(constant)


def _leaking_values(sample: SplitSample) -> tuple[str, ...]:
    """Return values that leave no doubt of the outcome, where at least `SURE` people would differ by chance."""
    leaking = []
    for attribute in sample.attributes:
        n, k = (
            np.bincount(attribute.codes[rows], minlength=attribute.values)[: attribute.values]
            for rows in (slice(None), sample.outcome)
        )
        nobody = (k == 0) & (n * sample.rate >= SURE)
        everybody = (k == n) & (n * (1 - sample.rate) >= SURE)
        for who, at in (("nobody", nobody), ("everybody", everybody)):
            leaking += [f"{who} with {attribute.labels[value]} has the outcome" for value in np.flatnonzero(at)]
    return tuple(leaking)


def _check_samples(sample: SplitSample, holdout_sample: SplitSample | None, outcome: str) -> None:
    for part, name in ((sample, "that searches"), (holdout_sample, "held out")):
        if part is None:
            continue
        positives = int(part.outcome.sum())
        if positives in (0, part.rows) or not 0 < part.rate < 1:
            who = "nobody has" if positives == 0 else "everybody has"
            raise NotEnoughData(
                f"Of {part.rows:,} people in the half {name}, {who} {outcome}; segments can't differ. Pass those "
                "without the outcome too, or more people."
            )


def _method(sample: SplitSample, roles: Roles) -> str:
    if not sample.robust:
        return EXACT
    clusters = roles.cluster or roles.unit
    of = [f"clusters ({clusters})" if sample.cluster is not None else "", "weights" if sample.mass is not None else ""]
    return ROBUST.format(" and ".join(part for part in of if part))
