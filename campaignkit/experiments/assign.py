"""Before an experiment: who is in which arm, how many it takes, and how many to test before sending to the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.result import Result
from campaignkit.splits import canonical_ids, shares_of, split_keys
from campaignkit.tables import check_numbers, needed_unit, open_columns
from campaignkit.wording import points

if TYPE_CHECKING:
    import altair as alt

METHODS = ("hash", "blocked")


@dataclass(frozen=True, eq=False, repr=False)
class Assignment(Result):
    """Who is in which arm.

    `table` has one row per unit, in the order given: the unit's column, the cluster's and the strata's where given, and
    `arm`.

    `balance` has one row per stratum and arm: the strata's columns, `arm`, `clusters` (units where there are none),
    `n` (units), `expected_share` and `share` (of the stratum's clusters).

    `means` has one row per column of `balance=` and arm: `column`, `arm`, `mean`, `difference` (standardized: to the
    mean of all, in standard deviations).
    """

    method: str
    salt: str
    balance: pl.DataFrame
    means: pl.DataFrame

    def summary(self) -> str:
        """Say how many are in each arm, and how far the arms are from the shares planned."""
        sizes = self.table.group_by("arm").len().sort("arm")
        counts = ", ".join(f"{arm}: {n:,}" for arm, n in sizes.rows())
        worst = float((self.balance["share"] - self.balance["expected_share"]).abs().to_numpy().max())
        how = (
            "by a hash of each id: a rerun gives the same arms, and people added later get one without moving anyone"
            if self.method == "hash"
            else "in blocks: each stratum is as close to the plan as it can be. A new list changes arms: keep this one"
        )
        end = f" The largest gap to a planned share in any stratum is {points(worst)} points."
        if self.means.height:
            end += f" No column differs by more than {self.means['difference'].abs().max():.2f} standard deviations."
        return f"{self.table.height:,} assigned ({counts}), {how}.{end}"

    def chart(self) -> alt.TopLevelMixin:
        """Draw how many are in each arm."""
        sizes = self.table.group_by("arm").len("n").sort("arm")
        return charts.bars(sizes, "arm", "n", description=self.summary(), title="People assigned to each arm")

    def write(self, path: Any) -> None:
        """Write who is in which arm as CSV.

        Examples
        --------
        >>> import tempfile
        >>> people = pl.DataFrame({"person_id": range(4)})
        >>> drawn = assign(people, ["control", "letter"], unit="person_id", salt="june")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     drawn.write(f"{folder}/arms.csv")
        ...     pl.read_csv(f"{folder}/arms.csv").columns
        ['person_id', 'arm']
        """
        self.table.write_csv(path)


def assign(
    data: Any,
    arms: Sequence[Any],
    *,
    unit: str | None = None,
    salt: str,
    shares: Sequence[float] | Mapping[Any, float] | None = None,
    strata: str | Iterable[str] | None = None,
    cluster: str | None = None,
    method: str = "hash",
    balance: str | Iterable[str] | None = None,
) -> Assignment:
    """Draw who gets which arm.

    Parameters
    ----------
    data : table
        One row per unit.
    arms : sequence
        The arms' names, two at least.
    unit : str or None
        The column of ids: whole numbers or text, no null, none twice. None: of a universe ``person_id``; of any other
        table it must be named.
    salt : str
        Names this experiment: another salt is another, independent draw. Note it with the results.
    shares : sequence or mapping, optional
        Each arm's share; they need not add up to 1. None: equal.
    strata : str or iterable of str, optional
        Within which the arms are to be balanced (``"blocked"``), and shown. Null is a stratum. None: one.
    cluster : str, optional
        Whole clusters (households) go to one arm together; who has none goes alone. None: units by themselves.
    method : {"hash", "blocked"}
        ``"hash"``: each cluster's id and the salt decide, by sha256, independently of all others: the same on every
        engine and machine, and stable when people come later. ``"blocked"``: within each stratum the arms get their
        shares to within one cluster, in the order of that hash; for a list that will not change.
    balance : str or iterable of str, optional
        Columns of numbers to compare between the arms afterwards. None: none.

    Returns
    -------
    Assignment

    Raises
    ------
    BadValue
        An id is null or comes twice, a cluster is in two strata, or arms or shares can't be right.

    Notes
    -----
    ``text|salt``, text being the id's digits or characters, is hashed; the first 52 bits over 2**52 fall into the
    arms' cumulated shares. Blocked: of a stratum's m clusters in the order of their hash, the r-th (from 0) stands at
    (r + u) / m, u a hash of the stratum: systematic sampling, by which each arm's count is its share of m rounded up
    or down.

    Examples
    --------
    >>> import polars as pl
    >>> people = pl.DataFrame({"person_id": range(1000), "household_id": [i // 2 for i in range(1000)]})
    >>> drawn = assign(people, ["control", "letter"], unit="person_id", cluster="household_id", salt="june")
    >>> again = assign(people.reverse(), ["control", "letter"], unit="person_id", cluster="household_id", salt="june")
    >>> drawn.table.sort("person_id").equals(again.table.sort("person_id"))
    True
    """
    check_scalar(salt, "salt", typ=str)
    check_scalar(method, "method", choices=METHODS)
    names, cumulated = _arms(arms, shares)
    layers, measured = column_names(strata, "strata"), column_names(balance, "balance")
    unit = needed_unit(data, unit)
    table = _people(data, unit, layers, cluster, measured)
    drawn = _drawn(table, layers, names, cumulated, salt, method)
    kept = drawn.select(unit, *([] if cluster is None else [cluster]), *layers, "arm")
    means = _means(drawn, measured, names)
    return Assignment(kept, method, salt, _balance(drawn, layers, names, np.diff([0.0, *cumulated])), means)


def _arms(arms: Sequence[Any], shares: Any) -> tuple[list[Any], np.ndarray]:
    if isinstance(arms, str) or len(names := list(arms)) < 2 or len(set(names)) < len(names):
        raise BadValue(f"arms is {arms!r}; a list of two or more different names was expected.")
    if isinstance(shares, Mapping):
        if set(shares) != set(names):
            raise BadValue(f"shares names {sorted(map(str, shares))}, arms {sorted(map(str, names))}.")
        shares = [shares[name] for name in names]
    sizes = np.ones(len(names)) if shares is None else np.asarray(list(shares), float)
    if sizes.shape != (len(names),) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise BadValue(f"shares is {shares!r}; one number above 0 for each of {len(names)} arms was expected.")
    return names, np.cumsum(sizes / sizes.sum())


def _people(data: Any, unit: str, strata: list[str], cluster: str | None, measured: list[str]) -> pl.DataFrame:
    """Return the needed columns with `key`, the canonical text of who is assigned together."""
    columns = list(dict.fromkeys([unit, *strata, *([] if cluster is None else [cluster]), *measured]))
    frame = open_columns(data, columns).frame
    check_numbers(frame, *measured, argument="balance")
    if "arm" in columns:
        raise BadValue("A column is named 'arm', as the answer's will be; rename it before the call.")
    table = frame.select(columns).lazy().collect("polars").to_native()
    ids = canonical_ids(table[unit])
    if table.is_empty():
        raise NotEnoughData("data is empty; nobody can be assigned.")
    if ids.null_count():
        raise BadValue(f"unit: {unit!r} is null in {ids.null_count():,} rows.")
    if twice := table.height - ids.n_unique():
        raise BadValue(f"unit: {twice:,} rows repeat a {unit!r}; one row per unit was expected.")
    if cluster is None:
        return table.with_columns(ids.alias("__key"))
    together = canonical_ids(table[cluster]).alias("__key")
    table = table.with_columns(together, ("unit " + ids).alias("__alone"))
    table = table.with_columns(pl.coalesce("__key", "__alone").alias("__key")).drop("__alone")
    if strata and (apart := table.select("__key", *strata).unique().height - table["__key"].n_unique()):
        raise BadValue(
            f"strata: {apart:,} of {cluster!r} are in two strata; a cluster lies within one. Take strata that whole "
            "clusters share."
        )
    return table


def _drawn(
    table: pl.DataFrame, strata: list[str], names: list[Any], cumulated: np.ndarray, salt: str, method: str
) -> pl.DataFrame:
    keys = table.select("__key", *strata).unique("__key", maintain_order=True)
    keys = keys.with_columns(pl.Series("__at", shares_of(split_keys(keys["__key"], salt))))
    if method == "blocked":
        keys = _systematic(keys, strata, salt)
    place = np.minimum(np.searchsorted(cumulated, keys["__at"].to_numpy(), side="right"), len(names) - 1)
    keys = keys.select("__key", pl.Series("arm", names).gather(pl.Series(place)))
    return table.join(keys, on="__key", how="left", maintain_order="left")


def _systematic(keys: pl.DataFrame, strata: list[str], salt: str) -> pl.DataFrame:
    parts = [pl.col(name).cast(pl.String).fill_null("") for name in strata]
    label = pl.concat_str([pl.lit("stratum"), *parts], separator="|").alias("__stratum")
    keys = keys.with_columns(label).sort("__stratum", "__at", "__key")
    of = keys.select("__stratum").unique(maintain_order=True)
    of = of.with_columns(pl.Series("__u", shares_of(split_keys(of["__stratum"], salt))))
    keys = keys.join(of, on="__stratum", how="left", maintain_order="left")
    rank = pl.int_range(pl.len()).over("__stratum")
    return keys.with_columns(((rank + pl.col("__u")) / pl.len().over("__stratum")).alias("__at"))


def _balance(drawn: pl.DataFrame, strata: list[str], names: list[Any], expected: np.ndarray) -> pl.DataFrame:
    every = drawn.select(strata).unique(maintain_order=True) if strata else pl.DataFrame({"__one": [0]})
    arms = pl.DataFrame({"arm": names, "expected_share": expected})
    counts = drawn.group_by([*strata, "arm"]).agg(
        clusters=pl.col("__key").n_unique().cast(pl.Int64), n=pl.len().cast(pl.Int64)
    )
    table = every.join(arms, how="cross").join(
        counts, on=[*strata, "arm"], how="left", nulls_equal=True, maintain_order="left"
    )
    table = table.with_columns(pl.col("clusters", "n").fill_null(0))
    whole = pl.col("clusters").sum().over(strata) if strata else pl.col("clusters").sum()
    table = table.with_columns(share=pl.col("clusters") / whole)
    return table.select(*strata, "arm", "clusters", "n", "expected_share", "share")


def _means(drawn: pl.DataFrame, measured: list[str], names: list[Any]) -> pl.DataFrame:
    rows = []
    for column in measured:
        values = drawn.select("arm", pl.col(column).cast(pl.Float64))
        mean, sd = values[column].mean(), values[column].std()
        by_arm = dict(values.group_by("arm").agg(pl.col(column).mean()).rows())
        for name in names:
            own = by_arm.get(name)
            gap = (own - mean) / sd if own is not None and sd else None
            rows.append({"column": column, "arm": name, "mean": own, "difference": gap})
    schema = {"column": pl.String, "arm": drawn.schema["arm"], "mean": pl.Float64, "difference": pl.Float64}
    return pl.DataFrame(rows, schema=schema)
