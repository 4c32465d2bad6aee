"""The next host: who would draw a wanted segment as another host does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.cells import cells
from campaignkit.checks import check_scalar, column_names
from campaignkit.donors.profiles import invited_apart, similarity
from campaignkit.errors import BadValue, NotEnoughData, listed, nearest
from campaignkit.result import Result
from campaignkit.sql import connect
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.shrinkage import shrunk_means, shrunk_rates
from campaignkit.tables import check_numbers, needed_unit, open_columns

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Hosts", "match_hosts"]


DRAWS = 4000
THIN = 0.5  # of an estimate, the least share from the host's own data
ONLY_ENTRANTS = 10  # rows of a host, all entered, that cannot be all who were invited


@dataclass(frozen=True, eq=False, repr=False)
class Hosts(Result):
    """Hosts by their pull within the wanted segment and region, the strongest candidate first.

    `table` has one row a host:

    - ``host``; ``candidate``: false for the host to be matched, which is shown for comparison;
    - ``n``: people of the wanted group invited to it (or who rated it); ``positives``: of whom entered (null for
      ratings); ``observed``: their share, or mean rating, as it is (null where n is 0);
    - ``estimate``, ``lower``, ``upper``: the pull, a level: the chance of entering (or mean rating) in the wanted
      group, shrunk towards the other hosts' as far as the host's own data are thin; 95% credible interval;
    - ``own_share``: how much of it comes from the host's own data (0 to 1); ``thin``: whether that is under half;
    - ``probability_best``: that its pull is the largest of all candidates (null for the host to be matched);
    - ``similarity`` with bounds: the correlation of its whole appeal profile with that of the host to be matched,
      from −1 to 1, 95% (null where it cannot be told);
    - ``entries`` with bounds: expected of a mailing to the wanted group, 95% for the number itself (null for
      ratings); ``dollars`` with bounds: the same of the amount, 95% for its expectation (null without `amount`);
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
    """

    like: str
    wanted: str
    mailing: int
    ratings: bool
    set_aside: int

    def summary(self) -> str:
        """Say who comes first, how sure that is, what a mailing brings, and what may mislead."""
        row = self.table.filter("candidate").row(0, named=True)
        pull = f"{self._level(row['estimate'])} ({self._level(row['lower'])} to {self._level(row['upper'])})"
        verb = "is rated" if self.ratings else "draws"
        text = f"Where {self.wanted}, {row['host']} {verb} {pull}, and is the best of "
        text += f"{self.table['candidate'].sum()} candidates with probability {row['probability_best']:.0%}"
        if not self.ratings:
            bounds = f"{row['entries_lower']:,.0f} to {row['entries_upper']:,.0f}"
            text += f"; a mailing of {self.mailing:,} should bring {row['entries']:,.0f} entries ({bounds})"
        if row["dollars"] is not None:
            text += f" and {row['dollars']:,.0f} dollars ({row['dollars_lower']:,.0f} to {row['dollars_upper']:,.0f})"
        if row["similarity"] is not None:
            text += f"; its appeal goes along with {self.like}'s at {row['similarity']:.2f}"
        return f"{text}.{self._cautions()}"

    def _level(self, value: float) -> str:
        return f"{value:.2f}" if self.ratings else f"{value:.1%}"

    def _cautions(self) -> str:
        thin = self.table.filter(pl.col("thin"))["host"].to_list()
        apart = self.table.drop_nulls("invited_apart")
        text = f" Little is known of {listed(thin)}: an estimate that leans on the other hosts." if thin else ""
        if apart.height:
            said = "; ".join(f"{host} ({why})" for host, why in apart.select("host", "invited_apart").rows())
            text += f" Not everyone was invited alike, so these may differ by whom they reached, not by pull: {said}."
        elif not self.ratings:
            text += " Whether invitations were random cannot be seen in the columns that were not looked at."
        return text

    def chart(self) -> alt.TopLevelMixin:
        """Draw each host's pull with its interval, thin ones apart."""
        kind = pl.when("thin").then(pl.lit("little known")).otherwise(pl.lit("own data"))
        kind = pl.when(~pl.col("candidate")).then(pl.lit("to be matched")).otherwise(kind)
        rows = self.table.with_columns(kind.alias("known_from"))
        what = "Mean rating" if self.ratings else "Chance of entering"
        return charts.intervals(
            rows, "host", series="known_from", description=self.summary(), number=".2f" if self.ratings else ".1~%",
            title=f"{what} in the wanted group",
        )  # fmt: skip

    def percentages(self) -> list[str]:
        """Return the columns to be shown in per cent."""
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
    seed: int = 0,
) -> Hosts:
    """Estimate each host's pull within a wanted segment and region, and which host pulls as another does.

    Parameters
    ----------
    data : table
        One row a person and host that the person was invited to, entered or not; or that the person rated.
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
    _check(outcome, host, names, unit, amount, at_random, mailing, seed)
    used = [outcome, host, unit, *names, *(name for name in (amount, at_random) if name is not None)]
    frame = open_columns(data, list(dict.fromkeys(used))).frame
    check_numbers(frame, outcome, *([] if amount is None else [amount]), argument="outcome or amount")
    _check_once(frame, unit, host)
    table, set_aside = _reduced(frame, outcome, host, names, amount, at_random)
    hosts = _check_hosts(table, host, like)
    ratings = not bool((table["q"] == table["s"]).all())
    _check_entrants(table, host, ratings)
    wanted = _wanted(table, names, host, segment, region)
    profile = [name for name in names if region is None or not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", region)]
    group = _totals(table.filter(wanted), host, hosts)
    parts = [
        _pull(group, hosts.index(like), ratings, mailing, seed),
        _dollars(group, amount, mailing, seed),
        _similar(table, host, profile, like, hosts, seed),
    ]
    columns = {"host": pl.Series([str(name) for name in hosts]), **{k: v for part in parts for k, v in part.items()}}
    apart = _apart(table, host, names, hosts, at_random)
    found = pl.DataFrame(columns).with_columns(invited_apart=apart, candidate=pl.Series([x != like for x in hosts]))
    found = found.select("host", "candidate", pl.exclude("host", "candidate"))
    found = found.sort("candidate", "estimate", descending=True)
    said = " AND ".join(text for text in (segment, region) if text is not None) or "everyone"
    return Hosts(found, str(like), said, mailing, ratings, set_aside)


def _check(
    outcome: str, host: str, by: list[str], unit: str, amount: str | None, at_random: str | None, mailing: int,
    seed: int,
) -> None:  # fmt: skip
    if not by:
        raise BadValue("by is empty; name the columns of people that make the appeal profile.")
    for name, value in {"outcome": outcome, "host": host, "unit": unit}.items():
        check_scalar(value, name, typ=str)
        if value in by:
            raise BadValue(f"by and {name} both name {value!r}; a column plays one part.")
    check_scalar(amount, "amount", typ=str, optional=True)
    check_scalar(at_random, "at_random", typ=str, optional=True)
    check_scalar(mailing, "mailing", typ=int, ge=1)
    check_scalar(seed, "seed", typ=int)


def _check_once(frame: Any, unit: str, host: str) -> None:
    twice = frame.group_by(unit, host).agg(n=nw.len()).filter(nw.col("n") > 1).select(nw.len()).lazy().collect()
    if found := int(twice.item(0, 0)):
        raise BadValue(f"{found:,} people have several rows with one host; pass one row a person and host.")


def _reduced(
    frame: Any, outcome: str, host: str, by: list[str], amount: str | None, at_random: str | None
) -> tuple[pl.DataFrame, int]:
    """Return n, sum and sum of squares of the outcome and the amount, by host and attributes."""
    keys = [host, *by, *([] if at_random is None else [at_random])]
    frame = frame.with_columns(nw.col(outcome).cast(nw.Float64))
    aside = int(cells(frame, (), outcome).select(pl.col("n") - pl.col(f"{outcome}_n")).item())
    known = frame.filter(~nw.col(outcome).is_null() & ~nw.col(outcome).is_nan())
    if amount is not None:
        known = known.with_columns(nw.col(amount).cast(nw.Float64).fill_null(0.0))
    table = cells(known, keys, [outcome, *([] if amount is None else [amount])])
    renamed = {"n": pl.col("n"), **_sums(outcome, "s", "q")}
    if amount is not None:
        renamed |= _sums(amount, "dollars", "dollars_q")
    if table[f"{outcome}_min"].is_in([0.0, 1.0]).all() and table[f"{outcome}_max"].is_in([0.0, 1.0]).all():
        whole = (pl.col(f"{outcome}_mean") * pl.col("n")).round()  # entries are counted, exactly
        spread = pl.col(f"{outcome}_ss")
        if table.select(((spread - whole * (1 - whole / pl.col("n"))).abs() < 1e-6).all()).item():
            renamed |= {"s": whole, "q": whole}
    return table.select(*keys, **renamed), aside


def _sums(name: str, total: str, squares: str) -> dict[str, pl.Expr]:
    n, mean = pl.col(f"{name}_n"), pl.col(f"{name}_mean")
    return {total: n * mean, squares: pl.col(f"{name}_ss") + n * mean**2}


def _check_hosts(table: pl.DataFrame, host: str, like: object) -> list[Any]:
    hosts = table[host].drop_nulls().unique().sort().to_list()
    if like not in hosts:
        raise BadValue(
            f"like is {like!r}{nearest(str(like), map(str, hosts))} The hosts are: {listed(map(str, hosts))}."
        )
    if len(hosts) < 3:
        raise NotEnoughData(f"Besides {like} there is {len(hosts) - 1} host; at least two candidates are needed.")
    return hosts


def _check_entrants(table: pl.DataFrame, host: str, ratings: bool) -> None:
    if ratings:
        return
    totals = table.group_by(host).agg(pl.col("n", "s").sum()).sort(host)
    only = totals.filter((pl.col("n") == pl.col("s")) & (pl.col("n") >= ONLY_ENTRANTS))
    if only.height or int(totals["n"].sum()) == int(totals["s"].sum()):
        names = listed(map(str, (only if only.height else totals)[host].to_list()))
        raise NotEnoughData(
            f"Everyone in the table entered with {names}; a pull is a share of those invited. Pass those who were "
            "invited and did not enter too."
        )


def _wanted(table: pl.DataFrame, by: list[str], host: str, segment: str | None, region: str | None) -> pl.Series:
    """Return which cells are in the segment and region, as DuckDB reads these."""
    conditions = {name: text for name, text in (("segment", segment), ("region", region)) if text is not None}
    found = pl.Series([True] * table.height, dtype=pl.Boolean)
    for name, text in conditions.items():
        check_scalar(text, name, typ=str)
        with connect(enable_external_access="false") as con:
            con.register("people", table.select(by).with_row_index("cell"))
            try:
                rows = con.execute(f"SELECT cell FROM people WHERE ({text}\n)").fetchnumpy()["cell"]
            except duckdb.Error as error:
                first = str(error).splitlines()[0]
                raise BadValue(f"{name}: {text!r} is no condition on {listed(by)}: {first}") from error
        there = np.zeros(table.height, bool)
        there[np.asarray(rows, np.int64)] = True
        found = found & pl.Series(there)
    if not table.filter(found)["n"].sum():
        raise NotEnoughData(f"Nobody was invited where {' AND '.join(conditions.values())}.")
    return found


def _totals(group: pl.DataFrame, host: str, hosts: list[Any]) -> pl.DataFrame:
    there = pl.DataFrame({host: pl.Series(hosts, dtype=group.schema[host])})
    names = [name for name in ("n", "s", "q", "dollars", "dollars_q") if name in group.columns]
    totals = group.group_by(host).agg(pl.col(names).sum())
    return there.join(totals, on=host, how="left", maintain_order="left").with_columns(pl.col(names).fill_null(0))


def _pull(group: pl.DataFrame, like: int, ratings: bool, mailing: int, seed: int) -> dict[str, Any]:
    n, s, q = (group[name].to_numpy().astype(float) for name in ("n", "s", "q"))
    shrunk = _shrunk_means(n, s, q, seed) if ratings else shrunk_rates(s, n, DRAWS, seed)
    draws = shrunk.draws
    lower, upper = np.quantile(draws, [0.025, 0.975], axis=0)
    rivals = draws.copy()
    rivals[:, like] = -np.inf
    best = np.bincount(rivals.argmax(axis=1), minlength=len(n)) / DRAWS
    none = pl.Series([None] * len(n), dtype=pl.Float64)
    found: dict[str, Any] = {
        "n": group["n"].cast(pl.Int64),
        "positives": none.cast(pl.Int64) if ratings else group["s"].cast(pl.Int64),
        "observed": pl.Series(np.divide(s, n, out=np.full(len(n), np.nan), where=n > 0)).fill_nan(None),
        "estimate": draws.mean(axis=0), "lower": lower, "upper": upper,
        "own_share": shrunk.own_share, "thin": shrunk.own_share < THIN,
        "probability_best": pl.Series([None if i == like else float(p) for i, p in enumerate(best)], dtype=pl.Float64),
    }  # fmt: skip
    if ratings:
        return found | dict.fromkeys(("entries", "entries_lower", "entries_upper"), none)
    entries = np.random.default_rng(seed).binomial(mailing, draws)
    lower, upper = np.quantile(entries, [0.025, 0.975], axis=0)
    return found | {"entries": mailing * draws.mean(axis=0), "entries_lower": lower, "entries_upper": upper}


def _shrunk_means(n: Floats, s: Floats, q: Floats, seed: int) -> Any:
    """Shrink means whose errors come from the spread within hosts, pooled: a thin host's own says little."""
    within = float(
        (q - np.divide(s**2, n, out=np.zeros(len(n)), where=n > 0)).sum() / max((n.sum() - (n > 0).sum()), 1)
    )
    spread = np.sqrt(max(within, 1e-12))
    error = np.divide(spread, np.sqrt(n), out=np.full(len(n), np.inf), where=n > 0)
    mean = np.divide(s, n, out=np.zeros(len(n)), where=n > 0)
    return shrunk_means(mean, error, spread, DRAWS, seed)


def _dollars(group: pl.DataFrame, amount: str | None, mailing: int, seed: int) -> dict[str, Any]:
    names = ("dollars", "dollars_lower", "dollars_upper")
    if amount is None:
        return dict.fromkeys(names, pl.Series([None] * group.height, dtype=pl.Float64))
    sums = (group[name].to_numpy().astype(float) for name in ("n", "dollars", "dollars_q"))
    draws = mailing * _shrunk_means(*sums, seed + 1).draws
    lower, upper = np.quantile(draws, [0.025, 0.975], axis=0)
    return dict(zip(names, (draws.mean(axis=0), lower, upper), strict=True))


def _similar(
    table: pl.DataFrame, host: str, profile: list[str], like: object, hosts: list[Any], seed: int
) -> dict[str, Any]:
    draws = similarity(table, host, profile, like, seed) if profile else {}
    rows = [
        (None,) * 3 if name not in draws or name == like else np.quantile(draws[name], [0.5, 0.025, 0.975]).tolist()
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
