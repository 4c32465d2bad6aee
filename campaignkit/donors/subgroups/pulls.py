"""Each host's pull within a wanted group: counts by host and attributes, then what they say of each, shrunk."""

from __future__ import annotations

from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl

from campaignkit.cells import cells
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, NotEnoughData, listed, nearest
from campaignkit.sql import connect
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.estimate import equal_tailed
from campaignkit.stats.intervals.shrinkage import shrunk_means, shrunk_rates

DRAWS = 4000
THIN = 0.5  # of an estimate, the least share from the host's own data
ONLY_ENTRANTS = 10  # rows of a host, all entered, that cannot be all who were invited


def check_once(frame: Any, unit: str, host: str) -> None:
    """Refuse a person with two rows of one host."""
    twice = frame.group_by(unit, host).agg(n=nw.len()).filter(nw.col("n") > 1).select(nw.len()).lazy().collect()
    if repeated := int(twice.item(0, 0)):
        raise BadValue(f"{repeated:,} people have several rows with one host; pass one row per person and host.")


def counts_by_host(
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


def check_hosts(table: pl.DataFrame, host: str, like: object) -> list[Any]:
    """Return the hosts in order; `like` must be one of three at least."""
    hosts = table[host].drop_nulls().unique().sort().to_list()
    if like not in hosts:
        raise BadValue(
            f"like is {like!r}{nearest(str(like), map(str, hosts))} The hosts are: {listed(map(str, hosts))}."
        )
    if len(hosts) < 3:
        raise NotEnoughData(f"Besides {like} there is {len(hosts) - 1} host; at least two candidates are needed.")
    return hosts


def check_entrants(table: pl.DataFrame, host: str, ratings: bool) -> None:
    """Refuse hosts when only those who entered are in the table."""
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


def wanted_cells(table: pl.DataFrame, by: list[str], host: str, segment: str | None, region: str | None) -> pl.Series:
    """Return which cells are in the segment and region, as DuckDB reads these."""
    conditions = {name: text for name, text in (("segment", segment), ("region", region)) if text is not None}
    wanted = pl.Series([True] * table.height, dtype=pl.Boolean)
    for name, text in conditions.items():
        check_scalar(text, name, typ=str)
        with connect(enable_external_access="false") as con:
            con.register("people", table.select(by).with_row_index("cell"))
            try:
                rows = con.execute(f"SELECT cell FROM people WHERE ({text}\n)").fetchnumpy()["cell"]
            except duckdb.Error as error:
                first = str(error).splitlines()[0]
                raise BadValue(f"{name}: {text!r} is not a condition on {listed(by)}: {first}") from error
        there = np.zeros(table.height, bool)
        there[np.asarray(rows, np.int64)] = True
        wanted = wanted & pl.Series(there)
    if not table.filter(wanted)["n"].sum():
        raise NotEnoughData(f"Nobody was invited where {' AND '.join(conditions.values())}.")
    return wanted


def totals_by_host(group: pl.DataFrame, host: str, hosts: list[Any]) -> pl.DataFrame:
    """Return the wanted group's sums by host; 0 where a host invited nobody of it."""
    there = pl.DataFrame({host: pl.Series(hosts, dtype=group.schema[host])})
    names = [name for name in ("n", "s", "q", "dollars", "dollars_q") if name in group.columns]
    totals = group.group_by(host).agg(pl.col(names).sum())
    return there.join(totals, on=host, how="left", maintain_order="left").with_columns(pl.col(names).fill_null(0))


def pull_columns(
    group: pl.DataFrame, like: int, ratings: bool, mailing: int, seed: int, level: float
) -> dict[str, Any]:
    """Return the columns of the pull, its share from the host's own data, and a mailing's entries."""
    n, s, q = (group[name].to_numpy().astype(float) for name in ("n", "s", "q"))
    shrunk = _shrunk_means(n, s, q, seed) if ratings else shrunk_rates(s, n, DRAWS, seed)
    draws = shrunk.draws
    lower, upper = equal_tailed(draws, level)
    rivals = draws.copy()
    rivals[:, like] = -np.inf
    best = np.bincount(rivals.argmax(axis=1), minlength=len(n)) / DRAWS
    none = pl.Series([None] * len(n), dtype=pl.Float64)
    columns: dict[str, Any] = {
        "n": group["n"].cast(pl.Int64),
        "positives": none.cast(pl.Int64) if ratings else group["s"].cast(pl.Int64),
        "observed": pl.Series(np.divide(s, n, out=np.full(len(n), np.nan), where=n > 0)).fill_nan(None),
        "estimate": draws.mean(axis=0), "lower": lower, "upper": upper,
        "own_share": shrunk.own_share, "thin": shrunk.own_share < THIN,
        "probability_best": pl.Series([None if i == like else float(p) for i, p in enumerate(best)], dtype=pl.Float64),
    }  # fmt: skip
    if ratings:
        return columns | dict.fromkeys(("entries", "entries_lower", "entries_upper"), none)
    entries = np.random.default_rng(seed).binomial(mailing, draws).astype(float)
    lower, upper = equal_tailed(entries, level)
    return columns | {"entries": mailing * draws.mean(axis=0), "entries_lower": lower, "entries_upper": upper}


def _shrunk_means(n: Floats, s: Floats, q: Floats, seed: int) -> Any:
    """Shrink means whose errors come from the spread within hosts, pooled: a thin host's own says little."""
    within = float(
        (q - np.divide(s**2, n, out=np.zeros(len(n)), where=n > 0)).sum() / max((n.sum() - (n > 0).sum()), 1)
    )
    spread = np.sqrt(max(within, 1e-12))
    error = np.divide(spread, np.sqrt(n), out=np.full(len(n), np.inf), where=n > 0)
    mean = np.divide(s, n, out=np.zeros(len(n)), where=n > 0)
    return shrunk_means(mean, error, spread, DRAWS, seed)


def dollar_columns(group: pl.DataFrame, amount: str | None, mailing: int, seed: int, level: float) -> dict[str, Any]:
    """Return the columns of a mailing's dollars; null without an amount."""
    names = ("dollars", "dollars_lower", "dollars_upper")
    if amount is None:
        return dict.fromkeys(names, pl.Series([None] * group.height, dtype=pl.Float64))
    sums = (group[name].to_numpy().astype(float) for name in ("n", "dollars", "dollars_q"))
    draws = mailing * _shrunk_means(*sums, seed + 1).draws
    lower, upper = equal_tailed(draws, level)
    return dict(zip(names, (draws.mean(axis=0), lower, upper), strict=True))
