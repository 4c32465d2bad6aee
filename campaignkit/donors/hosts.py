"""The next host: who would draw a wanted segment as another host does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts, labels
from campaignkit.checks import check_scalar, column_names
from campaignkit.donors.subgroups import pulls
from campaignkit.donors.subgroups.profiles import invited_apart, similarity
from campaignkit.errors import BadValue, listed
from campaignkit.result import Result
from campaignkit.stats.intervals.estimate import equal_tailed
from campaignkit.tables import Roles, check_numbers, needed_unit, open_roles
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import between, confidence, dollars, number, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Hosts", "match_hosts"]


@dataclass(frozen=True, eq=False, repr=False)
class Hosts(Result):
    """Hosts by their pull within the wanted segment and region, the strongest candidate first.

    `table` has one row per host:

    - ``host``; ``candidate``: false for the host to be matched, which is shown for comparison;
    - ``n``: people of the wanted group invited to it (or who rated it); ``positives``: how many of them entered (null
      for ratings); ``observed``: their share, or mean rating, as it is (null where n is 0);
    - ``estimate``, ``lower``, ``upper``: the pull, a level: the chance of entering (or mean rating) in the wanted
      group, shrunk towards the other hosts' as far as the host's own data are thin; credible interval;
    - ``own_share``: how much of it comes from the host's own data (0 to 1); ``thin``: whether that is under half;
    - ``probability_best``: that its pull is the largest of all candidates (null for the host to be matched);
    - ``similarity`` with bounds: the correlation of its whole appeal profile with that of the host to be matched,
      from −1 to 1 (null where it cannot be told);
    - ``entries`` with bounds: expected of a mailing to the wanted group, bounds of the number itself (null for
      ratings); ``dollars`` with bounds: the same of the amount, bounds of its expectation (null without `amount`);
    - ``invited_apart``: columns in which its people differ from those invited to the others, or that the
      invitations were not random; null where they seem alike.

    Attributes
    ----------
    like : str
        The host to be matched.
    wanted : str
        The segment and region, as SQL; "everyone" without either.
    mailing : int
        How many people the mailing goes to.
    ratings : bool
        Whether the outcome is a rating rather than an entry.
    set_aside : int
        Rows without an outcome, which were left out.
    confidence_level : float
        Of the intervals.
    """

    like: str
    wanted: str
    mailing: int
    ratings: bool
    set_aside: int
    confidence_level: float

    def summary(self) -> str:
        """Say who comes first, how sure that is, what a mailing brings, and what may mislead."""
        row = self.table.filter("candidate").row(0, named=True)
        interval = f"{confidence(self.confidence_level)} interval"
        verb = "is rated" if self.ratings else "draws"
        text = (
            f"Among {labels.described(self.wanted)}, {self.labels.get(row['host'], row['host'])} {verb} "
            f"{self._level(row['estimate'])} ({interval} {between(row['lower'], row['upper'], self._level)}) and is "
            f"the best of {self.table['candidate'].sum()} candidates with {row['probability_best']:.0%} probability."
        )
        if not self.ratings:
            bounds = f"{row['entries_lower']:,.0f}–{row['entries_upper']:,.0f}"
            text += f" A mailing of {self.mailing:,} should bring {row['entries']:,.0f} entries ({interval} {bounds})"
            if row["dollars"] is not None:
                bounds = f"{dollars(row['dollars_lower'], 0)}–{dollars(row['dollars_upper'], 0)}"
                text += f" and {dollars(row['dollars'], 0)} ({interval} {bounds})"
            text += "."
        if row["similarity"] is not None:
            text += (
                f" Its appeal correlates with {self.labels.get(self.like, self.like)}'s at {number(row['similarity'])}."
            )
        return text + self._cautions()

    def _level(self, value: float) -> str:
        return number(value) if self.ratings else share(value)

    def _cautions(self) -> str:
        thin = [self.labels.get(host, host) for host in self.table.filter(pl.col("thin"))["host"]]
        apart = self.table.drop_nulls("invited_apart")
        text = f" Little is known about {listed(thin)}; the estimate borrows from the other hosts." if thin else ""
        if apart.height:
            reasons = "; ".join(
                f"{self.labels.get(host, host)} ({why})" for host, why in apart.select("host", "invited_apart").rows()
            )
            text += f" Invitations differed, so these hosts may differ by who was reached, not by pull: {reasons}."
        elif not self.ratings:
            text += " Invitations look random in the columns checked; others were not checked."
        return text

    def chart(self) -> alt.TopLevelMixin:
        """Draw each host's pull with its interval, thin ones apart."""
        kind = pl.when("thin").then(pl.lit("little known")).otherwise(pl.lit("own data"))
        kind = pl.when(~pl.col("candidate")).then(pl.lit("to be matched")).otherwise(kind)
        hosts = pl.Series("host", [self.labels.get(host, host) for host in self.table["host"]], pl.String)
        rows = self.table.with_columns(hosts, kind.alias("known_from"))
        what = "Mean rating" if self.ratings else "Chance of entering"
        return charts.intervals(
            rows, "host", series="known_from", description=self.summary(), number=".2f" if self.ratings else ".1~%",
            title=f"{what} in the wanted group",
        )  # fmt: skip

    def percentages(self) -> list[str]:
        """Return the columns to be shown in percent."""
        levels = [] if self.ratings else ["observed", "estimate", "lower", "upper"]
        return [*levels, "own_share", "probability_best"]


def match_hosts(
    data: object,
    outcome: str,
    host: str,
    by: str | Iterable[str],
    *,
    like: str,
    unit: str | None = None,
    segment: str | None = None,
    region: str | None = None,
    amount: str | None = None,
    at_random: str | None = None,
    mailing: int = 10_000,
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
) -> Hosts:
    """Estimate each host's pull within a wanted segment and region, and which host pulls as another does.

    Parameters
    ----------
    data : table
        One row per person and host that the person was invited to, entered or not; or that the person rated.
    outcome : str
        Whether the person entered (booleans or 0/1), or the rating. Rows where it is null are set aside, counted.
    host : str
        The host's column.
    by : str or iterable of str
        Columns of people: of which `segment` and `region` may speak, and which make the appeal profile. Numbers
        with many values are best given as bands.
    like : str
        The host to be matched.
    unit : str or None
        The person's id. None: of a universe ``person_id``; of any other table it must be named.
    segment, region : str or None
        SQL conditions on the columns of `by`, such as a ``where`` that `discover_segments` found. Profiles are
        compared in the columns that `region` does not speak of, since the next host is wanted elsewhere. None:
        everyone.
    amount : str or None
        Dollars each row brought, null counting as 0. None: no dollars.
    at_random : str or None
        A column of booleans: whether the invitation was drawn at random. None: not known; differences between
        those invited are then looked for in `by`.
    mailing : int
        People of the wanted group to be mailed.
    confidence_level : float
        Of the credible intervals; 0.5 or more, below 1.
    seed : int
        For the draws.

    Returns
    -------
    Hosts

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        An argument is not as said above, or a person has two rows with one host.
    NotEnoughData
        A host has only people who entered, or there are fewer than two candidates.

    Notes
    -----
    The table is reduced once, to counts by host and `by`. Pulls within the wanted group are a hierarchical model
    (`stats.intervals.shrinkage`): a host's log odds (or mean rating) are a draw from one normal distribution
    of hosts, whose mean and spread are learnt from all. A person invited to several hosts counts once with each;
    that these outcomes go together is not used.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., chapter 5. For ranking by the posterior: Laird and Louis
    (1989), Journal of Educational Statistics 14, 29–46.

    Examples
    --------
    >>> import campaignkit as ck
    >>> import polars as pl
    >>> drawn = [ck.sample.draw("contest", 20_000, seed=1, host=h).table for h in ("host_a", "host_b", "host_d")]
    >>> found = ck.donors.match_hosts(
    ...     pl.concat(drawn), "entered", "host", ["region", "sex", "age_band"], like="host_a", unit="person",
    ...     segment="sex = 'F' AND age_band = '40–49'", region="region = 'Northeast'",
    ... )
    >>> found.table["host"][0]
    'host_d'
    """
    names, unit = column_names(by, "by"), needed_unit(data, unit)
    if not names:
        raise BadValue("by is empty; name the columns of people that make the appeal profile.")
    check_scalar(confidence_level, "confidence_level", typ=float, ge=0.5, lt=1)
    check_scalar(mailing, "mailing", typ=int, ge=1)
    check_scalar(seed, "seed", typ=int)
    others = tuple(name for name in (host, amount, at_random) if name is not None)
    roles = Roles(outcomes=(outcome,), by=tuple(names), unit=unit, others=others)
    frame = open_roles(data, roles.check("unit", "others", others="host, amount or at_random")).frame
    check_numbers(frame, outcome, *([] if amount is None else [amount]), argument="outcome or amount")
    pulls.check_once(frame, unit, host)
    table, set_aside = pulls.counts_by_host(frame, outcome, host, names, amount, at_random)
    hosts = pulls.check_hosts(table, host, like)
    ratings = not bool((table["q"] == table["s"]).all())
    pulls.check_entrants(table, host, ratings)
    wanted = pulls.wanted_cells(table, names, host, segment, region)
    profile = [name for name in names if region is None or not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", region)]
    group = pulls.totals_by_host(table.filter(wanted), host, hosts)
    parts = [
        pulls.pull_columns(group, hosts.index(like), ratings, mailing, seed, confidence_level),
        pulls.dollar_columns(group, amount, mailing, seed, confidence_level),
        _similar(table, host, profile, like, hosts, seed, confidence_level),
    ]
    columns = {"host": pl.Series([str(name) for name in hosts]), **{k: v for part in parts for k, v in part.items()}}
    apart = _apart(table, host, names, hosts, at_random)
    hosts_table = pl.DataFrame(columns).with_columns(
        invited_apart=apart, candidate=pl.Series([x != like for x in hosts])
    )
    hosts_table = hosts_table.select("host", "candidate", pl.exclude("host", "candidate"))
    hosts_table = hosts_table.sort("candidate", "estimate", descending=True)
    wanted_sql = " AND ".join(text for text in (segment, region) if text is not None) or "everyone"
    return Hosts(hosts_table, str(like), wanted_sql, mailing, ratings, set_aside, confidence_level)


def _similar(
    table: pl.DataFrame, host: str, profile: list[str], like: object, hosts: list[Any], seed: int, level: float
) -> dict[str, Any]:
    draws = similarity(table, host, profile, like, seed) if profile else {}
    rows = [
        (None,) * 3
        if name not in draws or name == like
        else [np.median(draws[name]), *equal_tailed(draws[name], level)]
        for name in hosts
    ]
    names = ("similarity", "similarity_lower", "similarity_upper")
    return {name: pl.Series([row[i] for row in rows], dtype=pl.Float64) for i, name in enumerate(names)}


def _apart(table: pl.DataFrame, host: str, by: list[str], hosts: list[Any], at_random: str | None) -> pl.Series:
    seen = invited_apart(table, host, by)
    reasons = {name: [f"differ in {listed(columns)}"] if columns else [] for name, columns in seen.items()}
    if at_random is not None:
        for name in table.filter(~pl.col(at_random).fill_null(False))[host].unique().to_list():
            reasons.setdefault(name, []).insert(0, "not invited at random")
    return pl.Series([", ".join(reasons.get(name, [])) or None for name in hosts], dtype=pl.String)
